"""One UDP socket for every simulated address, one datagram a call: where recvmmsg is missing but IP_PKTINFO works."""

from __future__ import annotations

import socket
import struct
import sys
from functools import cache

from simulator.clock import Clock
from simulator.wire import selftest
from simulator.wire.address import Address, address, host_text
from simulator.wire.ports import Receiver
from simulator.wire.socket_port import BATCH, ERRORS_IN_A_ROW, PASSING, WOULD_BLOCK, Loop, SocketPort, SocketWire
from simulator.wire.sockets import IP_PKTINFO

_PKTINFO = struct.Struct("=I4s4s")  # interface, local address, destination in the header
_SLOT_BYTES = 65536
_NO_ADDRESS = b"\0\0\0\0"


class SinglePort(SocketPort):
    """A port that moves one datagram with each system call."""

    __slots__ = ("_ancillary_bytes", "_slot", "_view")

    def __init__(
        self, sock: socket.socket, receiver: Receiver, clock: Clock, loop: Loop, *, slot_bytes: int = _SLOT_BYTES
    ) -> None:
        """As SocketPort; datagrams longer than `slot_bytes` are counted as truncated and dropped."""
        self._slot = bytearray(slot_bytes)
        self._view = memoryview(self._slot)
        self._ancillary_bytes = socket.CMSG_SPACE(_PKTINFO.size)
        super().__init__(sock, receiver, clock, loop)

    def _receive(self) -> int:
        now = self._clock.now()
        for came in range(BATCH):
            if self._closed:  # by the receiver
                return came
            try:
                size, ancillary, flags, (host, port) = self._sock.recvmsg_into([self._slot], self._ancillary_bytes)
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    return came
                continue  # the ICMP answer to an earlier datagram: reporting it has cleared it
            if flags & socket.MSG_TRUNC:
                self.counts.truncated += 1
                continue
            self.counts.received += 1
            self.counts.received_bytes += size
            local_ip = 0
            for level, kind, data in ancillary:
                if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                    local_ip = int.from_bytes(data[4:8], "big")
            peer = address(host, port)
            try:
                self._receiver(bytes(self._view[:size]), peer, local_ip, now)
            except Exception as error:
                self._receiver_failed(error, size, peer)
        return BATCH

    def _transmit(self) -> bool:
        queue = self._queue
        for at in range(0, len(queue), 3):
            data, peer, local_ip = queue[at : at + 3]
            try:
                self._send_now(data, peer, local_ip or self._default_ip)
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    del queue[:at]
                    return False
                self.counts.send_errors += 1
            else:
                self.counts.sent += 1
                self.counts.sent_bytes += len(data)
        queue.clear()
        return True

    def _send_now(self, data: bytes, peer: Address, local_ip: int) -> None:
        info = _PKTINFO.pack(0, local_ip.to_bytes(4, "big"), _NO_ADDRESS)
        ancillary, where = [(socket.IPPROTO_IP, IP_PKTINFO, info)], (host_text(peer), peer >> 32)
        for _ in range(ERRORS_IN_A_ROW):
            try:
                self._sock.sendmsg([data], ancillary, 0, where)
                return
            except OSError as error:
                if error.errno not in PASSING:
                    raise
        self._sock.sendmsg([data], ancillary, 0, where)


class SingleWire(SocketWire[SinglePort]):
    """Opens ports that send and receive one datagram a call. `available()` says whether this system can."""

    name = "single"
    kind = SinglePort


@cache
def available() -> str | None:
    """Why these ports cannot be used here; None: they can. Found out once, by a real exchange over loopback."""
    if sys.platform != "linux":
        return f"no IP_PKTINFO as on Linux on {sys.platform}"
    return selftest.exchange(SinglePort)
