"""Which device has which address: all of them have one, and no two the same, also while they are nowhere attached.

Nearly all stay where the plan has put them, so only those that do not are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.devices.internet import AnyDevice
from simulator.identity.fleet import POOL_FIRST_IP, RESERVED_IPS
from simulator.wire.address import Ipv4


class Places:
    """Keeps the addresses of devices apart.

    Args:
        devices: all of them by name, in the order of the plan; there may be more of them later.
    """

    def __init__(self, devices: Mapping[str, AnyDevice]) -> None:
        self._devices = devices
        self._elsewhere: dict[Ipv4, AnyDevice] = {}
        self._order: list[AnyDevice] = []

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
        if len(self._order) != len(self._devices):
            self._order = list(self._devices.values())
        position = ip - POOL_FIRST_IP - RESERVED_IPS
        if not 0 <= position < len(self._order):
            return None
        planned = self._order[position]
        return planned if planned.ip == ip else None

    def put(self, device: AnyDevice, ip: Ipv4) -> None:
        """The device has this address from now on; whoever had it is put elsewhere by the caller."""
        if self._elsewhere.get(device.ip) is device:
            del self._elsewhere[device.ip]
        device.ip = ip
        if ip != device.member.ip:
            self._elsewhere[ip] = device
