"""The structures of recvmmsg(2) and sendmmsg(2), as arrays that are built once and filled by the batch.

Python pays per operation, so that each array is read or written by one slice or one `struct` call for all datagrams
of a batch, and payloads are sliced from an anonymous mmap, the one buffer type whose slices are `bytes` at once.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
import sys
from array import array
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import accumulate

from simulator.wire.socket_port import BATCH
from simulator.wire.sockets import IP_PKTINFO

# One cache set would hold the heads of all slots if they began at multiples of a page.
SLOT_BYTES = 65536
STAGGER_BYTES = 192

MSG_TRUNC = getattr(socket, "MSG_TRUNC", 0x20)
MSG_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0x40)
NAME_BYTES = 16  # sockaddr_in
PKTINFO_BYTES = 12  # struct in_pktinfo: interface, local address (spec_dst), destination in the header
WORD = ctypes.sizeof(ctypes.c_ulong)  # unsigned long and pointer are the same size on Linux


class Iovec(ctypes.Structure):
    """struct iovec."""

    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    """struct msghdr as the kernel reads it; the C library's has the same size, or the self-test fails."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Mmsghdr(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


class Cmsghdr(ctypes.Structure):
    """struct cmsghdr, without the data behind it."""

    _fields_ = [("len", ctypes.c_size_t), ("level", ctypes.c_int), ("type", ctypes.c_int)]


CMSG_HEAD = ctypes.sizeof(Cmsghdr)  # a multiple of WORD on every Linux
CONTROL_BYTES = CMSG_HEAD + (PKTINFO_BYTES + WORD - 1) // WORD * WORD
SOURCE_AT = CMSG_HEAD + 4  # spec_dst
HEADER_BYTES = ctypes.sizeof(Mmsghdr)


@cache
def system_calls() -> tuple[Callable[..., int], Callable[..., int]]:
    """(recvmmsg, sendmmsg) of the C library. Raises: OSError, AttributeError where there are none.

    PyDLL and not CDLL: giving up the interpreter lock for a call that never blocks makes every batch queue behind
    whatever other thread is busy.
    """
    libc = ctypes.PyDLL(None, use_errno=True)
    receive, send = libc.recvmmsg, libc.sendmmsg
    receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return receive, send


# Addresses lie in the arrays in network order, one `sockaddr_in` or control block after the other.
@cache
def names_of(count: int) -> struct.Struct:
    """Reads and writes the first 8 bytes of `count` socket addresses: an Address, once the family is blanked out."""
    return struct.Struct(">" + f"Q{NAME_BYTES - 8}x" * count)


@cache
def sources_of(count: int) -> struct.Struct:
    """Reads the local addresses of `count` control blocks."""
    return struct.Struct(">" + f"{SOURCE_AT}xI{CONTROL_BYTES - SOURCE_AT - 4}x" * count)


@lru_cache(maxsize=256)
def payloads_of(count: int, length: int, stride: int) -> struct.Struct:
    """Reads `count` payloads that all have the same length, five times as fast as slices."""
    return struct.Struct(f"{length}s{stride - length}x" * (count - 1) + f"{length}s")


def address_of(buffer: bytearray | mmap.mmap) -> int:
    """Where the buffer lies in memory; it must outlive every use of the number."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


class Frames:
    """The arrays that describe BATCH datagrams to the kernel; payloads lie in `payload`."""

    __slots__ = (
        "_template",
        "families",
        "headers",
        "headers_at",
        "iovecs",
        "names",
        "no_families",
        "payload",
        "payload_at",
        "slot_bytes",
        "sources",
        "sources_raw",
        "stride",
        "udp_families",
        "vectors",
    )

    def __init__(self, slot_bytes: int = SLOT_BYTES) -> None:
        self.slot_bytes, self.stride = slot_bytes, slot_bytes + STAGGER_BYTES
        self.payload = mmap.mmap(-1, BATCH * self.stride)  # pages come into being when they are used
        self.payload_at = address_of(self.payload)
        self.headers = bytearray(BATCH * HEADER_BYTES)
        self.headers_at = address_of(self.headers)
        self.vectors = bytearray(BATCH * ctypes.sizeof(Iovec))
        self.names = bytearray(BATCH * NAME_BYTES)
        self.sources_raw = bytearray(BATCH * CONTROL_BYTES)
        names_at, controls_at, vectors_at = map(address_of, (self.names, self.sources_raw, self.vectors))
        for slot in range(BATCH):
            vector = Iovec.from_buffer(self.vectors, slot * ctypes.sizeof(Iovec))
            vector.base, vector.len = self.payload_at + slot * self.stride, slot_bytes
            control = Cmsghdr.from_buffer(self.sources_raw, slot * CONTROL_BYTES)
            control.len, control.level, control.type = CMSG_HEAD + PKTINFO_BYTES, socket.IPPROTO_IP, IP_PKTINFO
            header = Mmsghdr.from_buffer(self.headers, slot * HEADER_BYTES).hdr
            header.name, header.namelen = names_at + slot * NAME_BYTES, NAME_BYTES
            header.iov, header.iovlen = vectors_at + slot * ctypes.sizeof(Iovec), 1
            header.control, header.controllen = controls_at + slot * CONTROL_BYTES, CONTROL_BYTES
        self._template = bytes(self.headers)
        self.iovecs = memoryview(self.vectors).cast("L")
        self.families = memoryview(self.names).cast("H")[:: NAME_BYTES // 2]
        self.sources = memoryview(self.sources_raw).cast("I")[SOURCE_AT // 4 :: CONTROL_BYTES // 4]
        self.no_families = array("H", [0] * BATCH)
        self.udp_families = array("H", [socket.AF_INET] * BATCH)


class Inbox(Frames):
    """Where a batch arrives."""

    __slots__ = ("_flags", "_lengths", "_local_ips", "_names", "_peers", "_reset", "_sources", "_starts", "_whole")

    def __init__(self, slot_bytes: int = SLOT_BYTES) -> None:
        super().__init__(slot_bytes)
        words = memoryview(self.headers).cast("I")
        self._lengths = words[Mmsghdr.len.offset // 4 :: HEADER_BYTES // 4]
        self._flags = words[Msghdr.flags.offset // 4 :: HEADER_BYTES // 4]
        self._reset = memoryview(self.headers)
        self._whole = memoryview(self._template)
        self._starts = tuple(slot * self.stride for slot in range(BATCH))
        self._names, self._sources = bytearray(), bytearray()  # of the last batch, as the kernel left them
        self._peers: tuple[int, ...] = ()
        self._local_ips: tuple[int, ...] = ()

    def read(self, count: int) -> tuple[list[bytes], int, tuple[int, ...], tuple[int, ...]]:
        """What came: payloads, their bytes together, peers, local addresses; without what did not fit its slot.

        The headers are ready for the next batch afterwards.
        """
        lengths = self._lengths[:count].tolist()
        length = lengths[0]
        if lengths.count(length) == count:
            datas = list(payloads_of(count, length, self.stride).unpack_from(self.payload))
        else:
            payload = self.payload
            datas = [payload[start : start + size] for start, size in zip(self._starts, lengths, strict=False)]
        peers, local_ips = self._read_peers(count), self._read_local_ips(count)
        if self.slot_bytes in lengths:  # else nothing can have been cut off
            whole = [slot for slot, flags in enumerate(self._flags[:count].tolist()) if not flags & MSG_TRUNC]
            datas, lengths = [datas[slot] for slot in whole], [lengths[slot] for slot in whole]
            peers, local_ips = tuple(peers[slot] for slot in whole), tuple(local_ips[slot] for slot in whole)
        self.reset(count)
        return datas, sum(lengths), peers, local_ips

    def _read_peers(self, count: int) -> tuple[int, ...]:
        names = self.names[: count * NAME_BYTES]
        if names != self._names:  # all from one server, as often as not
            self._names = names
            self.families[:count] = self.no_families[:count]
            self._peers = names_of(count).unpack_from(self.names)
        return self._peers

    def _read_local_ips(self, count: int) -> tuple[int, ...]:
        sources = self.sources_raw[: count * CONTROL_BYTES]
        if sources != self._sources:  # all to one server, as often as not
            self._sources = sources
            self._local_ips = sources_of(count).unpack_from(sources)
        return self._local_ips

    def reset(self, count: int) -> None:
        """Give back what the kernel has overwritten: room for names and control data, flags."""
        end = count * HEADER_BYTES
        self._reset[:end] = self._whole[:end]


class Outbox(Frames):
    """Where a batch waits until the kernel has taken it; payloads lie one behind the other."""

    __slots__ = ("_local_ips", "_peers", "at", "end", "lengths")

    def __init__(self) -> None:
        super().__init__()
        self.at = 0  # next slot to be sent
        self.end = 0  # slots that are filled
        self.lengths: list[int] = []
        self._peers: list[int] = []
        self._local_ips: list[int] = []

    def header_at(self) -> int:
        """Where the header of the next slot to be sent lies."""
        return self.headers_at + self.at * HEADER_BYTES

    def fill(self, datas: list[bytes], peers: list[int], local_ips: list[int]) -> int:
        """Fill the slots from 0; at most BATCH datagrams that fit the arena. Returns bytes of payload."""
        count = len(datas)
        joined = b"".join(datas)
        size = len(joined)
        self.payload[:size] = joined
        # Often as in the batch before: messages of one length, to one server or from one.
        lengths = [len(data) for data in datas]
        if lengths != self.lengths:
            self.lengths = []  # until the arrays hold them
            self.iovecs[1 : 2 * count : 2] = array("L", lengths)
            starts = array("L", accumulate(lengths, initial=self.payload_at))
            self.iovecs[0 : 2 * count : 2] = starts[:count]
            self.lengths = lengths
        if peers != self._peers:
            self._peers = []
            names_of(count).pack_into(self.names, 0, *peers)
            self.families[:count] = self.udp_families[:count]
            self._peers = peers
        if local_ips != self._local_ips:
            self._local_ips = []
            sources = array("I", local_ips)
            if sys.byteorder == "little":
                sources.byteswap()
            self.sources[:count] = sources
            self._local_ips = local_ips
        self.at, self.end = 0, count
        return size


def errno_of_last_call() -> int:
    """errno after a system call of `system_calls` that returned -1."""
    return ctypes.get_errno()
