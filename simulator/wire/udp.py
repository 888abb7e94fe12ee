"""UDP through asyncio-dgram, one socket for each local address: for systems without batches, and as a second opinion.

A fleet on "0.0.0.0" gets a socket per device when the device first sends. Where the system has no 127.64.0.0/10
(mobile-network §1.10: macOS), the wire is `mapped`: every device is 127.0.0.1 with a port of its own, and
`local_address` tells which, so that the platform can be told which SIM that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import asyncio_dgram

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.wire.address import ANY, LOOPBACK, Address, Ipv4, address, host_text, ip_of, ipv4
from simulator.wire.ports import PortCounts, Receiver
from simulator.wire.socket_port import report
from simulator.wire.sockets import (
    LONGEST_PAYLOAD_BYTES,
    bind_udp,
    descriptor_limit,
    dropped_by_system,
    grant_receive_buffer,
)

MAX_SIZE_BYTES = LONGEST_PAYLOAD_BYTES + 1
"""asyncio allocates this much for every datagram before it shrinks it; its 256 KiB come from the system each time."""

FLEET_BUFFER_BYTES = 256 * 1024
"""Receive buffer of one device's own socket; the first socket of a port gets the full size."""

WRITE_BUFFER_BYTES = 4 * 1024 * 1024
"""How much may wait in asyncio while the system takes nothing; later datagrams are dropped and counted."""

SPARE_DESCRIPTORS = 128
"""Left for everything else: log files, HTTP, WebSockets, the journal."""


class _Outlet:
    """One socket; it is bound at once, and asyncio takes it over a turn later."""

    __slots__ = ("drops_seen", "local_ip", "sock", "stream", "task", "transport", "where")

    def __init__(self, sock: socket.socket, local_ip: Ipv4) -> None:
        self.sock = sock
        self.where: Address = address(*sock.getsockname())
        self.local_ip = local_ip  # what the receiver is told; in a mapped wire not what the socket is bound to
        self.drops_seen = dropped_by_system(sock)
        self.stream: Any = None  # asyncio_dgram.DatagramServer
        self.transport: Any = None  # asyncio.DatagramTransport
        self.task: asyncio.Task[None] | None = None


class DgramPort:
    """A port made of asyncio-dgram sockets, one for each local address that has been used."""

    def __init__(self, first: socket.socket, receiver: Receiver, wire: DgramWire) -> None:
        """Made by `DgramWire.open`, which then awaits `start`."""
        self._wire, self._receiver = wire, receiver
        self.granted_receive_bytes = grant_receive_buffer(first)
        self.address: Address = address(*first.getsockname())
        self.counts = PortCounts()
        self._closed = False
        self._told_limit = False
        bound_ip = ip_of(self.address)
        self._first = _Outlet(first, bound_ip)
        self._outlets: dict[Ipv4, _Outlet] = {0: self._first, bound_ip: self._first}

    async def start(self) -> None:
        """Hand the first socket to asyncio."""
        await self._take_over(self._first)
        self._first.task = self._wire.loop.create_task(self._read(self._first))

    def local_address(self, ip: Ipv4) -> Address:
        """How the platform sees a device with this address; opens its socket if it has none.

        Raises: LocalError: no descriptor is left, or the address is not of this machine.
        """
        outlet = self._outlets.get(ip)
        if outlet is None:
            outlet = self._open(ip)
        return outlet.where

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Send one datagram to `peer`, at once. A local address that has no socket yet gets one."""
        if self._closed:
            self.counts.send_errors += 1
            return
        outlet = self._outlets.get(local_ip)
        if outlet is None:
            try:
                outlet = self._open(local_ip)
            except LocalError as error:
                self.counts.send_errors += 1
                if not self._told_limit:
                    self._told_limit = True
                    report(self._wire.loop, "a device has no socket; its datagrams are dropped", error, {"port": self})
                return
        self._send_from(outlet, data, peer)

    def flush(self) -> None:
        """Nothing waits here; what the system did not take yet, asyncio sends when it does."""

    def close(self) -> None:
        """Close all sockets; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        for outlet in set(self._outlets.values()):
            self._count_overflow(outlet)
            if outlet.stream is not None:
                outlet.stream.close()
            elif outlet.task is not None:
                outlet.task.cancel()

    async def wait_closed(self) -> None:
        """Until the sockets that `close` has closed are gone."""
        tasks = [outlet.task for outlet in set(self._outlets.values()) if outlet.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, ip: Ipv4) -> _Outlet:
        sock = self._wire.bind_device(ip, self.address >> 32)
        grant_receive_buffer(sock, FLEET_BUFFER_BYTES)
        outlet = self._outlets[ip] = _Outlet(sock, ip)
        outlet.task = self._wire.loop.create_task(self._serve(outlet))
        outlet.task.add_done_callback(lambda _: self._wire.release_device(sock))
        return outlet

    async def _serve(self, outlet: _Outlet) -> None:
        await self._take_over(outlet)
        await self._read(outlet)

    async def _take_over(self, outlet: _Outlet) -> None:
        outlet.stream = await asyncio_dgram.from_socket(outlet.sock)
        outlet.transport = outlet.stream._transport  # the stream shows neither its max_size nor its write buffer
        outlet.transport.max_size = MAX_SIZE_BYTES

    def _send_from(self, outlet: _Outlet, data: bytes, peer: Address) -> None:
        counts, transport = self.counts, outlet.transport
        where = (host_text(peer), peer >> 32)
        try:
            if transport is None or not data:
                # Not yet taken over; and asyncio before 3.13 ignores empty datagrams.
                outlet.sock.sendto(data, where)
            elif transport.is_closing() or transport.get_write_buffer_size() > WRITE_BUFFER_BYTES:
                counts.send_errors += 1
                return
            else:
                transport.sendto(data, where)
                _ = outlet.stream.exception  # raises what the system said to this datagram
        except OSError:
            counts.send_errors += 1
            return
        counts.sent += 1
        counts.sent_bytes += len(data)

    async def _read(self, outlet: _Outlet) -> None:
        stream, counts, receiver, now = outlet.stream, self.counts, self._receiver, self._wire.clock.now
        local_ip = outlet.local_ip
        while True:
            try:
                data, (host, port) = await stream.recv()
            except asyncio_dgram.TransportClosed:
                return
            except OSError:  # of a datagram that asyncio had kept back and counted as sent
                counts.send_errors += 1
                counts.sent -= 1
                continue
            if self._closed:
                return
            # asyncio hands out the beginning of a 64 KiB block, and whoever keeps it keeps a hole in the heap.
            data = bytes(memoryview(data))
            counts.received += 1
            counts.received_bytes += len(data)
            try:
                receiver(data, port << 32 | ipv4(host), local_ip, now())
            except Exception as error:
                report(self._wire.loop, f"receiver failed on a datagram of {len(data)} bytes", error, {"port": self})
            if counts.received & 1023 == 0:
                self._count_overflow(outlet)

    def _count_overflow(self, outlet: _Outlet) -> None:
        if outlet.sock.fileno() >= 0:
            drops = dropped_by_system(outlet.sock)
            self.counts.overflowed += drops - outlet.drops_seen & 0xFFFFFFFF
            outlet.drops_seen = drops


class DgramWire:
    """Opens ports of asyncio-dgram sockets.

    Args:
        mapped: whether every device is 127.0.0.1 with its own port; None: as this system needs it.
        most_sockets: sockets that all devices together may have; None: what the system allows, less some.
    """

    name = "dgram"

    def __init__(
        self,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        why: str = "",
        *,
        mapped: bool | None = None,
        most_sockets: int | None = None,
    ) -> None:
        self.clock, self.loop, self.why = clock, loop, why
        self.mapped = not has_many_loopback_addresses() if mapped is None else mapped
        self.most_sockets = descriptor_limit() - SPARE_DESCRIPTORS if most_sockets is None else most_sockets
        self.device_sockets = 0
        self._ports: list[DgramPort] = []

    async def open(self, host: str, port: int, receiver: Receiver) -> DgramPort:
        """Open a port. `host` "0.0.0.0" carries every local address, `port` 0 means any free one.

        What comes to an address that has sent nothing yet is delivered with local address 0.

        Raises: LocalError: port in use, address not available, no permission; with what to do about it.
        """
        sock = bind_udp(host, port)
        if ipv4(host) == ANY and not self.mapped:
            # Only now: it allows the devices' sockets beside this one, but a port in use has been noticed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened = DgramPort(sock, receiver, self)
        await opened.start()
        self._ports.append(opened)
        return opened

    async def close(self) -> None:
        """Close all ports and wait until their sockets are gone."""
        for port in self._ports:
            port.close()
        for port in self._ports:
            await port.wait_closed()
        self._ports.clear()

    def bind_device(self, ip: Ipv4, port: int) -> socket.socket:
        """The socket of one device. Raises: LocalError: too many, or the system refuses."""
        if self.device_sockets >= self.most_sockets:
            raise LocalError(
                f"{self.device_sockets} devices have sockets of their own, and no more are allowed; "
                "raise the limit (ulimit -n), simulate fewer devices, or use --wire batch"
            )
        sock = bind_udp(host_text(LOOPBACK), 0) if self.mapped else bind_udp(host_text(ip), port, _share_port)
        self.device_sockets += 1
        return sock

    def release_device(self, sock: socket.socket) -> None:
        """Give such a socket back; asyncio has closed it already, unless its task was ended before the first step."""
        sock.close()
        self.device_sockets -= 1


def _share_port(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def has_many_loopback_addresses() -> bool:
    """Whether 127.64.0.1 can be bound without configuration: yes on Linux, no on macOS."""
    with contextlib.suppress(LocalError):
        bind_udp("127.64.0.1", 0).close()
        return True
    return False
