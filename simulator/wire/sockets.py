"""UDP sockets: opening, buffers, descriptors, and the system's refusals in words."""

from __future__ import annotations

import _socket
import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Callable, Iterable

from simulator.errors import LocalError
from simulator.wire.address import Address, address, host_text

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""What is asked of the system; the default of 208 KiB holds 256 small datagrams and overflows silently."""

LONGEST_PAYLOAD_BYTES = 65507
"""65535 less the headers of IPv4 and UDP."""

MOST_DESCRIPTORS = 65536
"""Where the system sets no bound."""

# Linux; not all of them are in the socket module.
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
DROPS_IN_MEMINFO = struct.Struct("=32xI")


def bind_udp(host: str, port: int, before_bind: Callable[[socket.socket], None] | None = None) -> socket.socket:
    """A non-blocking UDP socket, bound to `host` and `port` (0: any free one), with a large receive buffer.

    Raises: LocalError: port in use, address not of this machine, no permission, no descriptor left.
    """
    where = address(host, port)
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise cannot_open(where, error) from error
    try:
        sock.setblocking(False)
        if before_bind is not None:
            before_bind(sock)
        sock.bind((host_text(where), port))
    except OSError as error:
        sock.close()
        raise cannot_open(where, error) from error
    return sock


def reserve(datagrams: Iterable[Address], streams: Iterable[Address]) -> list[socket.socket]:
    """Keep UDP and TCP ports from others until the sockets are closed; nobody is heard there. What cannot be kept is
    left out: whoever wants it later will be told."""
    held = []
    for kind, places in ((socket.SOCK_DGRAM, datagrams), (socket.SOCK_STREAM, streams)):
        for where in places:
            sock = socket.socket(socket.AF_INET, kind)
            try:
                if kind == socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((host_text(where), where >> 32))
            except OSError:
                sock.close()
            else:
                held.append(sock)
    return held


def cannot_open(where: Address, error: OSError) -> LocalError:
    """The system's refusal in words, with what to do about it."""
    host, port = host_text(where), where >> 32
    return LocalError(
        {
            errno.EADDRINUSE: f"UDP port {port} on {host} is in use; stop what uses it, or choose another (0: any)",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; use 127.0.0.1 or 0.0.0.0",
            errno.EACCES: f"no permission to open UDP port {port} on {host}; choose a port above 1023",
            errno.EMFILE: "too many open files; raise the limit (ulimit -n) or simulate fewer devices with own sockets",
        }.get(error.errno or 0, f"cannot open UDP port {port} on {host}: {error.strerror or error}")
    )


def grant_receive_buffer(sock: _socket.socket, wanted: int = RECEIVE_BUFFER_BYTES) -> int:
    """Ask for a receive buffer of `wanted` bytes; returns what the system granted, in its own way of counting.

    Linux grants no more than net.core.rmem_max, but to a privileged process, and reports twice what it grants,
    because it counts its own overhead (some 700 bytes for each small datagram).
    """
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if sys.platform == "linux" and granted < 2 * wanted:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted)
        granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return granted


def dropped_by_system(sock: _socket.socket) -> int:
    """Datagrams dropped at this socket so far, mostly because its buffer was full (mod 2**32); 0 if unknown.

    The same counter as SO_RXQ_OVFL, asked for once in a drain instead of being attached to every datagram.
    """
    if sys.platform != "linux":
        return 0
    try:
        drops: int = DROPS_IN_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, DROPS_IN_MEMINFO.size))[0]
    except (OSError, struct.error):
        return 0
    return drops


def descriptor_limit() -> int:
    """How many descriptors this process may have; raised first as far as the system lets us."""
    try:
        import resource  # not everywhere
    except ImportError:
        return 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
