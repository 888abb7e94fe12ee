"""Which device has which address: all of them have one, and no two the same, also while they are nowhere attached.

Nearly all stay where the plan has put them, so only those that do not are kept. Nearly all come in the order of their
planned addresses, too, so these are a list; a worker of a load test also gets devices from elsewhere in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from simulator.devices.internet import AnyDevice
from simulator.wire.address import Ipv4


class Places:
    """Keeps the addresses of devices apart.

    Args:
        devices: all of them by name; there may be more of them later. Best in the order of the plan.
    """

    def __init__(self, devices: Mapping[str, AnyDevice]) -> None:
        self._devices = devices
        self._elsewhere: dict[Ipv4, AnyDevice] = {}
        self._order: list[AnyDevice] = []
        self._begin: Ipv4 = 0
        """Planned address of the first one in `_order`; each of the others has the one after that of the former."""
        self._others: dict[Ipv4, AnyDevice] = {}
        """By planned address: who came out of order."""

    def first_of(self, device: AnyDevice) -> Ipv4:
        """Where a device begins that has just come: as planned, or wherever nobody is if somebody is there already."""
        ip = device.member.ip
        # Who is there has left a place; if somebody has taken that one, so has that somebody.
        while ip in self._elsewhere:
            ip = self._elsewhere[ip].member.ip
        if ip != device.member.ip:
            self._elsewhere[ip] = device
        return ip

    def holder(self, ip: Ipv4) -> AnyDevice | None:
        """Who has this address; None: no device."""
        found = self._elsewhere.get(ip)
        if found is not None:
            return found
        self._learn()
        number = ip - self._begin
        planned = self._order[number] if 0 <= number < len(self._order) else self._others.get(ip)
        return planned if planned is not None and planned.ip == ip else None

    def _learn(self) -> None:
        """Who has come since this was last called."""
        known = len(self._order) + len(self._others)
        if known == len(self._devices):
            return
        for device in islice(self._devices.values(), known, None):
            ip = device.member.ip
            if not self._order:
                self._begin = ip
            if ip == self._begin + len(self._order):
                self._order.append(device)
            else:
                self._others[ip] = device

    def put(self, device: AnyDevice, ip: Ipv4) -> None:
        """The device has this address from now on; whoever had it is put elsewhere by the caller."""
        if self._elsewhere.get(device.ip) is device:
            del self._elsewhere[device.ip]
        device.ip = ip
        if ip != device.member.ip:
            self._elsewhere[ip] = device
