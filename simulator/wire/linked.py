"""Bad radios for any wire: the links of devices between a fleet and whatever carries its datagrams.

On a memory network the links act inside its ports and cost no entry of their own. In front of sockets, what is late is
kept in the calendar, and what is not goes straight through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.clock import Clock, Timers
from simulator.wire.address import Address, Ipv4, ip_of
from simulator.wire.link import Links
from simulator.wire.memory import MemoryNetwork
from simulator.wire.ports import Port, PortCounts, Receiver, Wire


class LinkedWire:
    """A `Wire` for the side of the devices: its ports' local addresses are theirs.

    Args:
        wire: what carries the datagrams.
        links: the links of the devices, which may change at any time.
        timers, clock: of the driver that turns the wire.
        size_of: how many bytes a datagram is to a link; heeded in front of other wires than a memory network.
    """

    def __init__(
        self, wire: Wire, links: Links, timers: Timers, clock: Clock, size_of: Callable[[bytes], int] = len
    ) -> None:
        self._wire, self._links, self._timers, self._clock, self._size_of = wire, links, timers, clock, size_of

    async def open(self, host: str, port: int, receiver: Receiver) -> Port:
        """Open a port behind the links; see `ports.Wire`."""
        if isinstance(self._wire, MemoryNetwork):
            return await self._wire.open(host, port, receiver, self._links)
        linked = LinkedPort(self._links, self._timers, self._clock, receiver, self._size_of)
        linked.attach(await self._wire.open(host, port, linked.receive))
        return linked


class LinkedPort:
    """One port with links in front of it; see `ports.Port`. Its counts are those of the port behind.

    Made before that port, because `receive` is that port's receiver; `attach` then introduces it.
    """

    __slots__ = (
        "_at",
        "_clock",
        "_closed",
        "_deliver",
        "_ip",
        "_links",
        "_port",
        "_receiver",
        "_send",
        "_size_of",
        "address",
        "counts",
    )

    _port: Port

    def __init__(
        self,
        links: Links,
        timers: Timers,
        clock: Clock,
        receiver: Receiver,
        size_of: Callable[[bytes], int] = len,
    ) -> None:
        self._links, self._size_of = links, size_of
        self._at = timers.at
        self._clock = clock
        self._receiver = receiver
        self._closed = False
        self._send, self._deliver = self._send_late, self._deliver_late  # bound once
        self._ip: Ipv4 = 0
        self.address: Address = 0
        self.counts = PortCounts()

    def attach(self, port: Port) -> None:
        """Introduce the port behind, whose receiver is `receive`."""
        self._port = port
        self._ip = ip_of(port.address)
        self.address = port.address
        self.counts = port.counts

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Queue one datagram, for when the link lets it through."""
        now = self._clock.now()
        for when in self._links.fates(local_ip or self._ip, True, self._size_of(data), now):
            if when <= now:
                self._port.send(data, peer, local_ip)
            else:
                self._at(when, self._send, (data, peer, local_ip))

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """The receiver of the port behind."""
        for when in self._links.fates(local_ip, False, self._size_of(data), now):
            if when <= now:
                self._receiver(data, peer, local_ip, now)
            else:
                self._at(when, self._deliver, (data, peer, local_ip))

    def _send_late(self, item: Any, _now: float) -> None:
        if not self._closed:
            data, peer, local_ip = item
            self._port.send(data, peer, local_ip)

    def _deliver_late(self, item: Any, now: float) -> None:
        if not self._closed:
            data, peer, local_ip = item
            self._receiver(data, peer, local_ip, now)

    def local_address(self, ip: Ipv4) -> Address:
        """As the port behind says."""
        return self._port.local_address(ip)

    def flush(self) -> None:
        """Send at once what the links have let through."""
        self._port.flush()

    def close(self) -> None:
        """Close the port behind; what is still on a link is lost."""
        self._closed = True
        self._port.close()
