"""A socket for each device, on gevent's hub: how simulated devices reach a platform on another machine.

A socket that carries all devices sends from their loopback addresses, and those mean nothing elsewhere. Here each
device is a port of its own on whatever address of this machine leads to the platform. To its owner it still is the
address that was planned; only the peer sees another one (`mapped`, as in `wire.udp`).

A device costs a descriptor and one of the system's UDP ports, so some ten thousand of them fit into a worker.
"""

from __future__ import annotations

import errno
from _socket import AF_INET, SOCK_DGRAM, socket
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.wire.address import ANY, LOOPBACK, Address, Ipv4, address, host_text, ip_of, ipv4
from simulator.wire.ports import PortCounts, Receiver
from simulator.wire.socket_port import ERRORS_IN_A_ROW, PASSING, WOULD_BLOCK, Loop, report
from simulator.wire.sockets import (
    LONGEST_PAYLOAD_BYTES,
    cannot_open,
    descriptor_limit,
    dropped_by_system,
    grant_receive_buffer,
)

SPARE_DESCRIPTORS: Final = 128
"""Left for everything else: log files, connections to the API, streams of events, the ports themselves."""

DRAIN_LIMIT: Final = 64
"""Datagrams of one device in one wake-up, before the others have their turn."""

WAITING_LIMIT: Final = 256
"""Datagrams of one device that may wait while the system takes none; later ones are dropped and counted."""

_HEAP: Final = 16
_HEAP_BYTES: Final = 64 * 1024
"""A device's buffer can only have overflowed if that much waited in it; asking each time costs a system call."""

_peer_ip = lru_cache(1024)(ipv4)


@lru_cache(1024)
def _where(peer: Address) -> tuple[str, int]:
    return host_text(peer), peer >> 32


class _Outlet:
    """One socket, and whose it is."""

    __slots__ = ("closed", "drops_seen", "local_ip", "port", "sock", "waiting")

    def __init__(self, sock: socket, local_ip: Ipv4) -> None:
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self.local_ip = local_ip  # what the receiver is told
        self.waiting: deque[tuple[bytes, Address]] = deque()
        self.drops_seen = dropped_by_system(sock)
        self.closed = False


class GreenPort:
    """A port made of one socket for each local address that has been used; see `ports.Port`.

    What it sends leaves at once. What comes to the port itself, and for no device, has the bound address.
    """

    def __init__(self, first: socket, receiver: Receiver, wire: GreenSockets) -> None:
        """Made by `GreenSockets.open`; takes over `first`, which must be bound and non-blocking."""
        self._wire, self._loop, self._clock, self._receiver = wire, wire.loop, wire.clock, receiver
        self.granted_receive_bytes = grant_receive_buffer(first)
        self.address: Address = address(*first.getsockname())
        self.counts = PortCounts()
        self._slot = bytearray(LONGEST_PAYLOAD_BYTES)
        self._view = memoryview(self._slot)
        self._closed = False
        self._told_why = False
        bound_ip = ip_of(self.address)
        self._first = _Outlet(first, bound_ip)
        self._outlets: dict[Ipv4, _Outlet] = {ANY: self._first, bound_ip: self._first}
        self._loop.add_reader(first.fileno(), self._drain, self._first)

    def local_address(self, ip: Ipv4) -> Address:
        """How this machine sees a device with this address; its socket is opened if it has none. To others it is at
        the same port of an address that only the system's routes know.

        Raises: LocalError: no descriptor or UDP port is left, or this port is closed.
        """
        outlet = self._outlets.get(ip) or self._open(ip)
        return address(ip_of(self.address) or LOOPBACK, outlet.port)

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Send one datagram to `peer`, at once. A local address that has no socket yet gets one."""
        outlet = self._outlets.get(local_ip) or self._try_open(local_ip)
        if outlet is None or len(outlet.waiting) >= WAITING_LIMIT:
            self.counts.send_errors += 1
        elif outlet.waiting:
            outlet.waiting.append((data, peer))
        elif not self._pass_on(outlet, data, peer):
            outlet.waiting.append((data, peer))
            self._loop.add_writer(outlet.sock.fileno(), self._writable, outlet)

    def flush(self) -> None:
        """Nothing waits here but for what the system does not take."""

    def let_go(self, ip: Ipv4) -> None:
        """Nobody will be at this local address any more: close its socket, if it has one of its own. Sending from it
        again would open another one."""
        outlet = self._outlets.get(ip)
        if outlet is not None and outlet is not self._first:
            del self._outlets[ip]
            self._close(outlet)

    def close(self) -> None:
        """Close all sockets; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        outlets = dict.fromkeys(self._outlets.values())
        self._outlets.clear()
        for outlet in outlets:
            self._close(outlet)

    def _try_open(self, ip: Ipv4) -> _Outlet | None:
        try:
            return None if self._closed else self._open(ip)
        except LocalError as error:
            if not self._told_why:
                self._told_why = True
                report(self._loop, "a device has no socket; its datagrams are dropped", error, {"port": self})
            return None

    def _open(self, ip: Ipv4) -> _Outlet:
        if self._closed:
            raise LocalError("the port of the devices is closed")
        outlet = self._outlets[ip] = _Outlet(self._wire.bind_device(self.address), ip)
        self._loop.add_reader(outlet.sock.fileno(), self._drain, outlet)
        return outlet

    def _close(self, outlet: _Outlet) -> None:
        self._count_overflow(outlet)
        fd = outlet.sock.fileno()
        self._loop.remove_reader(fd)
        if outlet.waiting:
            self._loop.remove_writer(fd)
            self.counts.send_errors += len(outlet.waiting)
            outlet.waiting.clear()
        outlet.closed = True
        outlet.sock.close()
        if outlet is not self._first:
            self._wire.device_sockets -= 1

    # --- datagrams ----------------------------------------------------------------------------------------------------

    def _pass_on(self, outlet: _Outlet, data: bytes, peer: Address) -> bool:
        """Give a datagram to the system. False: it takes none at the moment."""
        for _ in range(ERRORS_IN_A_ROW):
            try:
                outlet.sock.sendto(data, _where(peer))
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    return False
                if error.errno not in PASSING:
                    break
            else:
                self.counts.sent += 1
                self.counts.sent_bytes += len(data)
                return True
        self.counts.send_errors += 1
        return True

    def _writable(self, outlet: _Outlet) -> None:
        waiting = outlet.waiting
        while waiting and self._pass_on(outlet, *waiting[0]):
            waiting.popleft()
        if not waiting:
            self._loop.remove_writer(outlet.sock.fileno())

    def _drain(self, outlet: _Outlet) -> None:
        counts, sock, slot, now = self.counts, outlet.sock, self._slot, self._clock.now()
        came = came_bytes = 0
        while came < DRAIN_LIMIT and not outlet.closed:  # the receiver may close it
            came += 1
            try:
                size, (host, port) = sock.recvfrom_into(slot)
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    break
                continue  # the ICMP answer to an earlier datagram: reporting it has cleared it
            counts.received += 1
            counts.received_bytes += size
            came_bytes += size
            try:
                self._receiver(bytes(self._view[:size]), port << 32 | _peer_ip(host), outlet.local_ip, now)
            except Exception as error:
                report(self._loop, f"receiver failed on a datagram of {size} bytes", error, {"port": self})
        if came > _HEAP or came_bytes > _HEAP_BYTES:
            self._count_overflow(outlet)

    def _count_overflow(self, outlet: _Outlet) -> None:
        if not outlet.closed:
            drops = dropped_by_system(outlet.sock)
            self.counts.overflowed += drops - outlet.drops_seen & 0xFFFFFFFF
            outlet.drops_seen = drops


class GreenSockets:
    """A `real.RealWire` whose ports have a socket for each device.

    Args:
        most_sockets: that all devices together may have; None: what the system allows, less some.
    """

    name = "mapped"
    mapped = True

    def __init__(self, clock: Clock, loop: Loop, why: str = "", *, most_sockets: int | None = None) -> None:
        self.clock, self.loop, self.why = clock, loop, why
        self.most_sockets = descriptor_limit() - SPARE_DESCRIPTORS if most_sockets is None else most_sockets
        self.device_sockets = 0
        self._ports: list[GreenPort] = []

    async def open(self, host: str, port: int, receiver: Receiver) -> GreenPort:
        """Open a port. `host` "0.0.0.0" reaches everybody whom this machine reaches, `port` 0 means any free one.

        Raises: LocalError: port in use, address not available, no permission; with what to do about it.
        """
        where = address(host, port)
        opened = GreenPort(_bound(where, lambda error: cannot_open(where, error)), receiver, self)
        self._ports.append(opened)
        return opened

    async def close(self) -> None:
        """Close all ports that are still open."""
        for port in self._ports:
            port.close()
        self._ports.clear()

    def bind_device(self, of: Address) -> socket:
        """The socket of one device, on the same address as the port that it belongs to. Raises: LocalError."""
        if self.device_sockets >= self.most_sockets:
            raise self._too_many("descriptors")
        sock = _bound(ip_of(of), self._no_socket)
        self.device_sockets += 1
        return sock

    def _no_socket(self, error: OSError) -> LocalError:
        if error.errno == errno.EADDRINUSE:  # there is none that could be
            return self._too_many("UDP ports")
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return self._too_many("descriptors")
        return LocalError(f"a device gets no socket: {error.strerror or error}")

    def _too_many(self, what: str) -> LocalError:
        remedy = {
            "descriptors": "raise the limit (ulimit -n), use more workers (--processes)",
            "UDP ports": "widen the range (sysctl net.ipv4.ip_local_port_range), use workers on other machines",
        }[what]
        return LocalError(
            f"no {what} for more than {self.device_sockets} devices in this process: towards another machine each has "
            f"a socket of its own; {remedy}, or simulate fewer devices"
        )


def _bound(where: Address, refused: Callable[[OSError], LocalError]) -> socket:
    """A non-blocking socket at this place. `refused`: the system's refusal in words. Raises: LocalError: those."""
    try:
        # Not `socket.socket`: Locust has put gevent's in its place, and that has two watchers more for who blocks.
        sock = socket(AF_INET, SOCK_DGRAM)
    except OSError as error:
        raise refused(error) from error
    try:
        sock.setblocking(False)
        sock.bind(_where(where))
    except OSError as error:
        sock.close()
        raise refused(error) from error
    return sock
