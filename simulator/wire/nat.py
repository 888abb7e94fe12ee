"""NATs between devices and the Internet: to the platform a device may be somewhere else than it thinks.

As long as nothing was rebound a device appears as what it is. After `rebind`, or when its mapping was idle for as long
as its NAT remembers one, it appears from another loopback address, and what is sent to its former one reaches nobody.
The platform may know the device again or not; the device never knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulator.clock import Clock
from simulator.wire.address import Address, Ipv4
from simulator.wire.ports import Port, PortCounts, Receiver, Wire

LAST_OUTSIDE: Final[Ipv4] = 0x7F7F_FFFE
"""127.127.255.254: the addresses of NATs are given out from here downwards, those of devices from the other end."""
FIRST_OUTSIDE: Final[Ipv4] = 0x7F10_0000
"""127.16.0.0: below that it begins anew, with those that nobody has any more. Below them are gateways and platforms."""


class Nat:
    """Which device appears as what. One for all ports of a fleet.

    Args:
        taken: whether an address is a device's own.
    """

    def __init__(self, clock: Clock, taken: Callable[[Ipv4], bool]) -> None:
        self._now, self._taken = clock.now, taken
        self._outside: dict[Ipv4, Ipv4] = {}
        self._inside: dict[Ipv4, Ipv4] = {}
        self._limits: dict[Ipv4, float] = {}
        self._used_s: dict[Ipv4, float] = {}
        self._next = LAST_OUTSIDE
        self._all_given = False
        """Every address has been given out at least once."""
        self.rebound = 0
        """How many mappings were forgotten."""
        self.forgotten: list[Callable[[Ipv4], None]] = []
        """Told of addresses where no device appears any more."""
        self.to_nobody = 0
        """Datagrams that came for a mapping that is no more."""

    def rebind(self, ip: Ipv4) -> None:
        """The mapping of this device is forgotten: what it sends next comes from elsewhere."""
        outside = self._give()
        former = self._outside.get(ip)
        if former is not None:
            del self._inside[former]
        self._outside[ip], self._inside[outside] = outside, ip
        self._used_s.pop(ip, None)
        self.rebound += 1
        if former is not None or ip not in self._inside:
            for tell in self.forgotten:
                tell(ip if former is None else former)

    def _give(self) -> Ipv4:
        """An address that nobody has."""
        while True:
            found = self._next
            self._next -= 1
            if self._next < FIRST_OUTSIDE:
                self._next, self._all_given = LAST_OUTSIDE, True
            if found not in self._inside and not self._taken(found):
                return found

    def limit(self, ip: Ipv4, idle_s: float | None) -> None:
        """A mapping of this device is forgotten after so long without traffic; None: never."""
        if idle_s is not None:
            self._limits[ip] = idle_s
        else:
            self._limits.pop(ip, None)
            self._used_s.pop(ip, None)

    def move(self, ip: Ipv4, to: Ipv4) -> None:
        """A device has another address of its own from now on; outside nothing changes."""
        outside = self._outside.pop(ip, ip)
        if outside == to:
            del self._inside[outside]
        else:
            self._outside[to], self._inside[outside] = outside, to
        for table in (self._limits, self._used_s):
            if ip in table:
                table[to] = table.pop(ip)

    def outside(self, ip: Ipv4) -> Ipv4:
        """Where the device appears; nothing is sent."""
        return self._outside.get(ip, ip)

    def leave(self, ip: Ipv4) -> Ipv4:
        """A device sends a datagram. Returns: where it comes from."""
        if ip in self._limits:
            now = self._now()
            if self._is_over(ip, now):
                self.rebind(ip)
            self._used_s[ip] = now
        return self._outside.get(ip, ip)

    def enter(self, ip: Ipv4) -> Ipv4 | None:
        """A datagram comes for this address. Returns: whose it is; None: nobody's any more."""
        whose = self._inside.get(ip)
        if whose is None:
            left = ip in self._outside or ((self._all_given or ip > self._next) and not self._taken(ip))
            whose = None if left else ip
        if whose in self._limits:
            now = self._now()
            if self._is_over(whose, now):
                whose = None
            else:
                self._used_s[whose] = now
        self.to_nobody += whose is None
        return whose

    def _is_over(self, ip: Ipv4, now: float) -> bool:
        used_s = self._used_s.get(ip)
        return used_s is not None and now - used_s > self._limits[ip]


class NatWire:
    """A `Wire` whose ports stand behind the NATs of devices."""

    def __init__(self, wire: Wire, nat: Nat) -> None:
        self._wire, self._nat = wire, nat

    async def open(self, host: str, port: int, receiver: Receiver) -> Port:
        """Open a port; see `ports.Wire`."""
        opened = NatPort(self._nat, receiver)
        opened.attach(await self._wire.open(host, port, opened.receive))
        return opened


class NatPort:
    """One port behind NATs; see `ports.Port`. Its counts are those of the port behind."""

    __slots__ = ("_enter", "_leave", "_nat", "_port", "_receiver", "address", "counts")

    _port: Port

    def __init__(self, nat: Nat, receiver: Receiver) -> None:
        self._nat, self._receiver = nat, receiver
        self._enter, self._leave = nat.enter, nat.leave
        self.address: Address = 0
        self.counts = PortCounts()

    def attach(self, port: Port) -> None:
        """Introduce the port behind, whose receiver is `receive`."""
        self._port = port
        self.address, self.counts = port.address, port.counts
        let_go: Callable[[Ipv4], None] | None = getattr(port, "let_go", None)
        if let_go is not None:  # each address of its own costs it a socket
            self._nat.forgotten.append(let_go)

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Queue one datagram, from where the device appears."""
        self._port.send(data, peer, self._leave(local_ip))

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """The receiver of the port behind."""
        whose = self._enter(local_ip)
        if whose is not None:
            self._receiver(data, peer, whose, now)

    def local_address(self, ip: Ipv4) -> Address:
        """How the peer sees the device now."""
        return self._port.local_address(self._nat.outside(ip))

    def flush(self) -> None:
        """Send what is queued, now."""
        self._port.flush()

    def close(self) -> None:
        """Close the port behind."""
        self._port.close()
