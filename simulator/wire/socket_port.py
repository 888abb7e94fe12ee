"""A port on one UDP socket that carries every local address: its queue, its turns, its counts.

One turn of the loop is: drain what waits at the socket, tick the calendar, flush what was queued. A port flushes by
itself at the end of its drain; the first `send` outside of one asks the loop for a flush in its next turn.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from simulator.clock import Clock
from simulator.wire.address import Address, Ipv4, address, ip_of
from simulator.wire.ports import PortCounts, Receiver
from simulator.wire.sockets import IP_PKTINFO, bind_udp, cannot_open, dropped_by_system, grant_receive_buffer

QUEUE_LIMIT = 65536
"""Datagrams that may wait while the system takes none; later ones are dropped and counted."""

DRAIN_LIMIT = 256
"""Datagrams handled in one wake-up before timers and the rest of the loop have their turn (some 2 ms)."""

BATCH = 64
"""Datagrams per call; more of them save nothing that can be measured."""

WOULD_BLOCK = frozenset((errno.EAGAIN, errno.EWOULDBLOCK))

PASSING = frozenset((errno.EINTR, errno.ECONNREFUSED))
"""Errors of a send that say nothing about this datagram: interrupted, or the ICMP answer to an earlier one."""

ERRORS_IN_A_ROW = 8
"""How often these are passed over before the datagram, or the wake-up, is given up."""


class Loop(Protocol):
    """What a port asks of its event loop. asyncio's has it all; another driver brings the same five calls."""

    def add_reader(self, fd: int, callback: Callable[..., Any], *args: Any) -> Any:
        """Call when the descriptor can be read, until removed."""

    def remove_reader(self, fd: int) -> Any:
        """Stop that."""

    def add_writer(self, fd: int, callback: Callable[..., Any], *args: Any) -> Any:
        """Call when the descriptor can be written, until removed."""

    def remove_writer(self, fd: int) -> Any:
        """Stop that."""

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call in the next turn."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report an exception that nobody waits for."""


def report(loop: Loop, message: str, error: BaseException, details: Mapping[str, Any] | None = None) -> None:
    """Hand an exception to the loop's handler, so that it is seen and nothing stops."""
    loop.call_exception_handler({"message": message, "exception": error, **(details or {})})


class SocketPort:
    """A port on one UDP socket. Subclasses move the datagrams: `_receive(room)` and `_transmit()`.

    `fileno`, `drain` and `flush` are public for drivers that have no reader callbacks.
    """

    __slots__ = (
        "_blocked",
        "_clock",
        "_closed",
        "_default_ip",
        "_drops_seen",
        "_full",
        "_loop",
        "_queue",
        "_quiet",
        "_receiver",
        "_sock",
        "address",
        "counts",
        "granted_receive_bytes",
    )

    def __init__(self, sock: socket.socket, receiver: Receiver, clock: Clock, loop: Loop) -> None:
        """Takes over `sock`, which must be bound and non-blocking; the loop begins to watch it at once."""
        host, port = sock.getsockname()
        self.address: Address = address(host, port)
        self.counts = PortCounts()
        self.granted_receive_bytes = grant_receive_buffer(sock)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._sock, self._receiver, self._clock, self._loop = sock, receiver, clock, loop
        # With IP_PKTINFO the source address is always said: the bound one, unless the sender names another.
        self._default_ip: Ipv4 = ip_of(self.address)
        self._queue: list[Any] = []  # flat: data, peer, local address, data, …; slices of it fill a batch
        self._full = 3 * BATCH
        self._quiet = False  # True: a flush is on its way, `send` need only append
        self._blocked = False
        self._closed = False
        self._drops_seen = dropped_by_system(sock)
        loop.add_reader(sock.fileno(), self.drain)

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._sock.fileno()

    def local_address(self, ip: Ipv4) -> Address:
        """How the platform sees a device with this address: itself, and the port that all share."""
        return self.address & ~0xFFFFFFFF | (ip or self._default_ip)

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Queue one datagram to `peer`, from `local_ip` (0: the bound address, or the system's choice)."""
        queue = self._queue
        queue += (data, peer, local_ip)
        if not self._quiet or len(queue) >= self._full:
            self._attend()

    def send_many(self, datagrams: list[Any]) -> None:
        """Queue some at once: data, peer, local address, data, …"""
        queue = self._queue
        queue += datagrams
        if not self._quiet or len(queue) >= self._full:
            self._attend()

    def flush(self) -> None:
        """Send what is queued, now. What the system does not take yet stays queued until the socket is writable."""
        if self._closed or self._blocked:
            return
        self._quiet = False
        if self._queue:
            self._push()

    def drain(self, limit: int = DRAIN_LIMIT) -> int:
        """Deliver what waits at the socket, at most some `limit` datagrams, then flush. Returns how many came."""
        came = 0
        was_quiet, self._quiet = self._quiet, True
        try:
            while came < limit and not self._closed:
                batch = self._receive()
                came += batch
                if self._queue and not self._blocked:
                    self._push()
                if batch < BATCH:
                    break
        finally:
            self._quiet = was_quiet and not (self._blocked or self._closed)
        if not self._closed:
            self._count_overflow()
        return came

    def close(self) -> None:
        """Flush and close; calling it again does nothing."""
        if self._closed:
            return
        self.flush()
        self._count_overflow()
        self._closed, self._quiet = True, False
        self.counts.send_errors += self._unsent() + len(self._queue) // 3
        self._queue.clear()
        if self._blocked:
            self._loop.remove_writer(self._sock.fileno())
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    def _receive(self) -> int:
        """Deliver one batch; returns how many datagrams the system handed out, less than BATCH: no more wait."""
        raise NotImplementedError

    def _transmit(self) -> bool:
        """Send the queue. False: the system takes no more at the moment; what is left will be sent by a later call."""
        raise NotImplementedError

    def _unsent(self) -> int:
        """Datagrams taken from the queue and not yet sent."""
        return 0

    def _attend(self) -> None:
        """The rare side of `send`: first one in a turn, a full batch, a socket that takes nothing, a closed port."""
        if self._closed:
            self.counts.send_errors += len(self._queue) // 3
            self._queue.clear()
        elif self._blocked:
            over = len(self._queue) // 3 - QUEUE_LIMIT
            if over > 0:
                del self._queue[-3 * over :]
                self.counts.send_errors += over
        elif len(self._queue) >= self._full:
            self._push()
        else:
            self._quiet = True
            self._loop.call_soon(self.flush)

    def _push(self) -> None:
        if not self._transmit():
            self._blocked, self._quiet = True, False
            self._loop.add_writer(self._sock.fileno(), self._writable)

    def _writable(self) -> None:
        if self._transmit():
            self._blocked = False
            self._loop.remove_writer(self._sock.fileno())

    def _receiver_failed(self, error: Exception, data_bytes: int, peer: Address) -> None:
        report(self._loop, f"receiver failed on a datagram of {data_bytes} bytes", error, {"port": self, "peer": peer})

    def _count_overflow(self) -> None:
        drops = dropped_by_system(self._sock)
        if drops != self._drops_seen:
            self.counts.overflowed += drops - self._drops_seen & 0xFFFFFFFF
            self._drops_seen = drops


P_co = TypeVar("P_co", bound=SocketPort, covariant=True)
PortKind = Callable[[socket.socket, Receiver, Clock, Loop], P_co]


def open_port(kind: PortKind[P_co], host: str, port: int, receiver: Receiver, clock: Clock, loop: Loop) -> P_co:
    """A port of this kind on a new socket.

    Raises: LocalError: port in use, address not available, no permission; with what to do about it.
    """
    sock = bind_udp(host, port)
    try:
        return kind(sock, receiver, clock, loop)
    except OSError as error:
        sock.close()
        raise cannot_open(address(host, port), error) from error


class SocketWire(Generic[P_co]):
    """Opens ports of one kind. Subclasses say which."""

    name: str
    kind: Any
    """A PortKind; its ports are what `open` returns."""

    def __init__(self, clock: Clock, loop: Loop, why: str = "") -> None:
        self._clock, self._loop, self.why = clock, loop, why
        self._ports: list[P_co] = []

    async def open(self, host: str, port: int, receiver: Receiver) -> P_co:
        """Open a port. `host` "0.0.0.0" carries every local address, `port` 0 means any free one.

        Raises: LocalError: port in use, address not available, no permission; with what to do about it.
        """
        opened: P_co = open_port(self.kind, host, port, receiver, self._clock, self._loop)
        self._ports = [port for port in self._ports if port.fileno() >= 0]
        self._ports.append(opened)
        return opened

    async def close(self) -> None:
        """Close all ports that are still open."""
        for port in self._ports:
            port.close()
        self._ports.clear()
