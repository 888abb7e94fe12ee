"""One UDP socket for every simulated address, many datagrams a call (Linux; architecture §2.4, mobile-network §1.10).

A socket bound to 0.0.0.0 with IP_PKTINFO sends from any address of 127.0.0.0/8 and is told where each answer was sent
to, so that a fleet needs one descriptor. recvmmsg and sendmmsg move up to 64 datagrams in a call; what then remains in
Python is one slice per payload and one call of the receiver, or, for who takes batches, one call for all of them.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from functools import cache
from operator import length_hint
from typing import Any

from simulator.clock import Clock
from simulator.wire import selftest
from simulator.wire.address import Address, Ipv4
from simulator.wire.batch_layout import (
    CONTROL_BYTES,
    MSG_DONTWAIT,
    PKTINFO_BYTES,
    SLOT_BYTES,
    Inbox,
    Outbox,
    errno_of_last_call,
    system_calls,
)
from simulator.wire.ports import BatchReceiver, Receiver
from simulator.wire.socket_port import (
    BATCH,
    ERRORS_IN_A_ROW,
    PASSING,
    WOULD_BLOCK,
    Loop,
    SocketPort,
    SocketWire,
    report,
)
from simulator.wire.sockets import LONGEST_PAYLOAD_BYTES


class BatchPort(SocketPort):
    """A port that moves up to 64 datagrams with one system call."""

    __slots__ = ("_datas", "_deliver", "_fd", "_inbox", "_outbox", "_recvmmsg", "_sendmmsg")

    def __init__(
        self, sock: socket.socket, receiver: Receiver, clock: Clock, loop: Loop, *, slot_bytes: int = SLOT_BYTES
    ) -> None:
        """As SocketPort; datagrams longer than `slot_bytes` are counted as truncated and dropped."""
        self._recvmmsg, self._sendmmsg = system_calls()
        self._inbox, self._outbox = Inbox(slot_bytes), Outbox()
        self._fd = sock.fileno()
        self._datas: list[bytes] = []
        self._deliver: BatchReceiver = self._one_by_one
        super().__init__(sock, receiver, clock, loop)

    def deliver_batches(self, receiver: BatchReceiver) -> None:
        """From now on, call this once per batch instead of the receiver once per datagram."""
        self._deliver = receiver

    def close(self) -> None:
        """Flush and close; calling it again does nothing. A receiver that closes its port gets no more datagrams."""
        super().close()
        self._datas.clear()  # ends the delivery that may be under way

    def _receive(self) -> int:
        inbox = self._inbox
        came = self._recvmmsg(self._fd, inbox.headers_at, BATCH, MSG_DONTWAIT, None)
        if came <= 0:
            came = self._receive_after_error()
            if came <= 0:
                return 0
        datas, size_bytes, peers, local_ips = inbox.read(came)
        self._datas = datas
        counts = self.counts
        counts.received += len(datas)
        counts.received_bytes += size_bytes
        counts.truncated += came - len(datas)
        places = iter(peers)
        rest = zip(datas, places, local_ips, strict=False)  # `close` empties `datas`
        deliver, now = self._deliver, self._clock.now()
        while True:
            try:
                deliver(rest, now)
                return came
            except Exception as error:
                failed = len(peers) - length_hint(places) - 1
                self._receiver_failed(error, len(datas[failed]) if datas else 0, peers[failed])

    def _one_by_one(self, datagrams: Iterable[tuple[bytes, Address, Ipv4]], now: float) -> None:
        """The batch receiver of who takes single datagrams."""
        receiver = self._receiver
        for data, peer, local_ip in datagrams:
            receiver(data, peer, local_ip, now)

    def _receive_after_error(self) -> int:
        for _ in range(ERRORS_IN_A_ROW):
            if errno_of_last_call() in WOULD_BLOCK:
                return 0
            # Interrupted, or the ICMP answer to an earlier datagram: reporting it has cleared it.
            came = self._recvmmsg(self._fd, self._inbox.headers_at, BATCH, MSG_DONTWAIT, None)
            if came > 0:
                return came
        return 0

    def _transmit(self) -> bool:
        outbox, queue = self._outbox, self._queue
        while True:
            if outbox.at < outbox.end and not self._transmit_batch(outbox):
                return False
            if not queue:
                return True
            self._fill(outbox, queue)

    def _fill(self, outbox: Outbox, queue: list[Any]) -> None:
        end = 3 * BATCH
        datas, peers, local_ips = queue[0:end:3], queue[1:end:3], queue[2:end:3]
        del queue[:end]
        default_ip = self._default_ip
        if default_ip:
            local_ips = [local_ip or default_ip for local_ip in local_ips]
        try:
            size = outbox.fill(datas, peers, local_ips)
        except Exception as error:
            # Only a wrong call from our own code gets here, or payloads that no datagram can hold: the others go.
            report(self._loop, "datagrams that cannot be sent", error, {"port": self})
            sendable = [slot for slot in range(len(datas)) if _sendable(datas[slot], peers[slot], local_ips[slot])]
            self.counts.send_errors += len(datas) - len(sendable)
            datas = [datas[slot] for slot in sendable]
            size = outbox.fill(datas, [peers[slot] for slot in sendable], [local_ips[slot] for slot in sendable])
        self.counts.sent_bytes += size
        self.counts.sent += len(datas)

    def _transmit_batch(self, outbox: Outbox) -> bool:
        """Send what is in the outbox; a datagram that the system refuses is skipped. False: it takes none just now."""
        errors_in_a_row = 0
        while outbox.at < outbox.end:
            went = self._sendmmsg(self._fd, outbox.header_at(), outbox.end - outbox.at, MSG_DONTWAIT)
            if went > 0:
                outbox.at += went
                errors_in_a_row = 0
                continue
            failure = errno_of_last_call()
            if failure in WOULD_BLOCK:
                return False
            errors_in_a_row += 1
            if failure not in PASSING or errors_in_a_row > ERRORS_IN_A_ROW:
                self.counts.send_errors += 1
                self.counts.sent -= 1
                self.counts.sent_bytes -= outbox.lengths[outbox.at]
                outbox.at += 1
                errors_in_a_row = 0
        return True

    def _unsent(self) -> int:
        outbox = self._outbox
        left = outbox.end - outbox.at
        self.counts.sent -= left
        self.counts.sent_bytes -= sum(outbox.lengths[outbox.at : outbox.end])
        outbox.at = outbox.end
        return left


def _sendable(data: Any, peer: Any, local_ip: Any) -> bool:
    return (
        isinstance(data, (bytes, bytearray))
        and len(data) <= LONGEST_PAYLOAD_BYTES
        and isinstance(peer, int)
        and 0 <= peer < 1 << 48
        and isinstance(local_ip, int)
        and 0 <= local_ip < 1 << 32
    )


class BatchWire(SocketWire[BatchPort]):
    """Opens batch ports. `available()` says whether this system can."""

    name = "batch"
    kind = BatchPort


@cache
def available() -> str | None:
    """Why batches cannot be used here; None: they can.

    Found out once, by a real exchange over loopback (about 1 ms).
    """
    if sys.platform != "linux":
        return f"no recvmmsg and IP_PKTINFO on {sys.platform}"
    try:
        system_calls()
    except (OSError, AttributeError) as error:
        return f"the C library lacks a call: {error}"
    if socket.CMSG_SPACE(PKTINFO_BYTES) != CONTROL_BYTES:
        return "control messages have an unknown layout"
    return selftest.exchange(BatchPort)
