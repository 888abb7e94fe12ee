"""The platform's plain UDP endpoint (span §4.2): one datagram is one message, and nothing acknowledges it."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.clock import Clock
from simulator.server.fronts.datagrams import DatagramFront
from simulator.server.span.core import SpanCore
from simulator.server.span.recent import Tally
from simulator.wire.address import Address, Ipv4

RECEIVE_BUFFER_BYTES = 2048
"""What the platform reads of a datagram; the rest is lost (span §4.2 [I-H])."""


@dataclass(slots=True)
class UdpFrontCounts:
    """Datagrams since the start."""

    messages: int = 0
    """Stored."""
    empty: int = 0
    """Without content; ignored."""
    unknown_source: int = 0
    """From an address without a session; dropped."""
    cut: int = 0
    """Longer than `RECEIVE_BUFFER_BYTES`; the beginning was taken."""
    replies: int = 0
    """Downstream messages that were sent back."""


class UdpFront(DatagramFront):
    """One UDP port in front of a core."""

    def __init__(self, core: SpanCore, clock: Clock) -> None:
        super().__init__(clock)
        self.counts = UdpFrontCounts()
        self.cut = Tally()
        """Messages of devices that were cut."""
        self._upstream = core.upstream

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """Store one datagram, and send back the oldest message that waits for the device, if any."""
        counts = self.counts
        if not data:
            counts.empty += 1
            return
        size_bytes = len(data)
        if size_bytes > RECEIVE_BUFFER_BYTES:
            counts.cut += 1
            data = data[:RECEIVE_BUFFER_BYTES]
        if now != self._turn:  # one look at the wall clock serves all datagrams of a turn
            self._turn, self._now_ns = now, self._unix_ns()
        uplink = self._upstream(peer, data, "udp", self._now_ns, local_port=self._local_port)
        if not uplink.known:
            counts.unknown_source += 1
            self.stranger(peer)
            return
        counts.messages += 1
        if size_bytes > RECEIVE_BUFFER_BYTES:
            self.cut.add(peer, size_bytes)
        # An empty message is never delivered: a datagram of no bytes would say nothing (span §4.2).
        if uplink.downstream and self._port is not None:
            counts.replies += 1
            self._port.send(uplink.downstream, peer, local_ip)
