"""A datagram network without sockets: what is sent waits in the calendar and is handed over when its time has come.

It carries the runs in virtual time. Sending never calls a receiver: each datagram is one entry of the calendar, those
of the same time arrive in the order of sending. Any address of the network is local, nothing is routed, and nothing
gets lost but what is counted; delay, loss and the like are the matter of links (`port.links`), which act when a
datagram is sent, so that it stays one entry with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.clock import Timers, VirtualClock
from simulator.errors import LocalError
from simulator.wire.address import LOOPBACK, Address, Ipv4, address, ip_of, text
from simulator.wire.link import Links
from simulator.wire.ports import BatchReceiver, PortCounts, Receiver
from simulator.wire.presets import MAX_DATAGRAM

FIRST_FREE_PORT: Final = 49152
MOST_WAITING: Final = 1_000_000
"""Datagrams on their way to one port; what comes on top is dropped there, as a full receive buffer would."""


@dataclass(slots=True)
class NetworkCounts:
    """What did not arrive, though no link took it."""

    to_nobody: int = 0
    """No port is open there."""
    too_long: int = 0
    """More than 65507 bytes."""


class MemoryPort:
    """One open port; see `ports.Port`. Made by `MemoryNetwork.open`.

    `links`, if set, are those of the devices behind this port: what it sends goes up the link of its local address,
    what it is sent comes down.
    """

    __slots__ = (
        "_batch_receiver", "_closed", "_deliver", "_ip", "_network", "_number", "_receiver", "_waiting",
        "address", "counts", "links",
    )  # fmt: skip

    def __init__(self, network: MemoryNetwork, where: Address, receiver: Receiver, links: Links | None) -> None:
        self._network = network
        self._receiver = receiver
        self._batch_receiver: BatchReceiver | None = None
        self._ip = ip_of(where) or LOOPBACK
        self._number = where >> 32 << 32  # as in an address
        self._waiting = 0
        self._closed = False
        self._deliver = self._arrive  # bound once
        self.address = where
        self.counts = PortCounts()
        self.links = links

    def deliver_batches(self, receiver: BatchReceiver) -> None:
        """From now on, call this instead of the receiver. A batch is one datagram: each has a time of its own."""
        self._batch_receiver = receiver

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Queue one datagram; from `local_ip`, or from the bound address (127.0.0.1 if that is every one)."""
        counts, network = self.counts, self._network
        size = len(data)
        if size > MAX_DATAGRAM or self._closed:
            counts.send_errors += 1
            network.counts.too_long += size > MAX_DATAGRAM
            return
        counts.sent += 1
        counts.sent_bytes += size
        ports, links = network.ports, self.links
        target = ports.get(peer) or ports.get(peer >> 32 << 32)
        own_ip = local_ip or self._ip
        now = network.clock.time_s
        times = (now,) if links is None else links.fates(own_ip, True, size, now)
        peer_ip = peer & 0xFFFFFFFF
        if target is None:
            for arrival in times:
                network.at(arrival, network.arrive_late, (peer & ~0xFFFFFFFF, (data, self._number | own_ip, peer_ip)))
            return
        links = target.links
        if links is not None:
            if len(times) == 1:
                times = links.fates(peer_ip, False, size, times[0])
            else:
                times = links.all_down(peer_ip, size, times)
        for arrival in times:
            if target._waiting >= MOST_WAITING:
                target.counts.overflowed += 1
            else:
                target._waiting += 1
                network.at(arrival, target._deliver, (data, self._number | own_ip, peer_ip))

    def _arrive(self, item: tuple[bytes, Address, Ipv4], now: float) -> None:
        self._waiting -= 1
        if self._closed:
            heir = self._network.port_at(self._number, item[2])
            if heir is None:
                self._network.counts.to_nobody += 1
            else:
                heir._waiting += 1
                heir._arrive(item, now)
            return
        counts = self.counts
        counts.received += 1
        counts.received_bytes += len(item[0])
        if self._batch_receiver is not None:
            self._batch_receiver((item,), now)
        else:
            self._receiver(*item, now)

    def take(self, item: tuple[bytes, Address, Ipv4], now: float) -> None:
        """One datagram that was sent before this port was open; it still has to come down the link."""
        links = self.links
        for arrival in (now,) if links is None else links.fates(item[2], False, len(item[0]), now):
            self._waiting += 1
            self._network.at(arrival, self._deliver, item)

    def local_address(self, ip: Ipv4) -> Address:
        """Every address is to be had here, so devices are seen as what they are."""
        return self.address & ~0xFFFFFFFF | (ip or ip_of(self.address))

    def flush(self) -> None:
        """There is nothing to do: what is sent is on its way."""

    def close(self) -> None:
        """Free the address; what is still on its way here is for whoever has it when it arrives."""
        if not self._closed:
            self._closed = True
            self._network.forget(self)


class MemoryNetwork:
    """A `Wire` on which every port that is opened can reach every other.

    Args:
        timers: what carries the datagrams; an exception of a receiver comes out of it, as for any of its callbacks.
        clock: when they are sent.
    """

    def __init__(self, timers: Timers, clock: VirtualClock) -> None:
        self.at = timers.at
        self.clock = clock
        self.counts = NetworkCounts()
        self.ports: dict[Address, MemoryPort] = {}  # IPv4 part 0: every address
        self._used: dict[int, int] = {}  # port number → how many are open
        self._next_free = FIRST_FREE_PORT

    async def open(self, host: str, port: int, receiver: Receiver, links: Links | None = None) -> MemoryPort:
        """Open a port; see `ports.Wire`. Raises: LocalError: in use, out of range, or none is free."""
        return self.open_now(host, port, receiver, links)

    def open_now(self, host: str, port: int, receiver: Receiver, links: Links | None = None) -> MemoryPort:
        """The same, for who cannot wait."""
        where = address(host, port or self._free_port())
        number = where >> 32
        if where in self.ports or number << 32 in self.ports or (not ip_of(where) and number in self._used):
            raise LocalError(f"{text(where)} is in use on the memory network; choose another port, or 0 for a free one")
        self.ports[where] = opened = MemoryPort(self, where, receiver, links)
        self._used[number] = self._used.get(number, 0) + 1
        return opened

    def forget(self, port: MemoryPort) -> None:
        """Called by a port that closes."""
        if self.ports.get(port.address) is port:
            del self.ports[port.address]
            number = port.address >> 32
            self._used[number] -= 1
            if not self._used[number]:
                del self._used[number]

    def port_at(self, number: int, ip: Ipv4) -> MemoryPort | None:
        """Who receives there now; `number` as in an address."""
        return self.ports.get(number | ip) or self.ports.get(number)

    def arrive_late(self, what: tuple[int, tuple[bytes, Address, Ipv4]], now: float) -> None:
        """A datagram is there for whom nobody was when it was sent: somebody may be by now."""
        number, item = what
        port = self.port_at(number, item[2])
        if port is None:
            self.counts.to_nobody += 1
        else:
            port.take(item, now)

    def _free_port(self) -> int:
        """The next number that nobody uses; numbers come round before they are used again."""
        for step in range(65536 - FIRST_FREE_PORT):
            number = FIRST_FREE_PORT + (self._next_free - FIRST_FREE_PORT + step) % (65536 - FIRST_FREE_PORT)
            if number not in self._used:
                self._next_free = number + 1
                return number
        raise LocalError("no port is free on the memory network; close some, or open one for every address")
