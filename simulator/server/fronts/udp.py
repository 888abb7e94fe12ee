"""The platform's plain UDP endpoint (span §4.2): one datagram is one message, and nothing acknowledges it."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.clock import Clock
from simulator.server.span.core import SpanCore
from simulator.wire.address import Address, Ipv4, port_of
from simulator.wire.ports import Port, Wire

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


class UdpFront:
    """One UDP port in front of a core."""

    def __init__(self, core: SpanCore, clock: Clock) -> None:
        self.counts = UdpFrontCounts()
        self.last_unknown: Address = 0
        """Who last wrote from an address without a session; 0: nobody yet."""
        self._upstream = core.upstream
        self._unix_ns = clock.unix_ns
        self._turn = -1.0
        self._now_ns = 0
        self._port: Port | None = None
        self._local_port = 0

    @property
    def address(self) -> Address:
        """Where it listens; 0 before `start`."""
        return self._port.address if self._port is not None else 0

    async def start(self, wire: Wire, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises: LocalError: the port is not to be had."""
        self._port = await wire.open(host, port, self.receive)
        self._local_port = port_of(self._port.address)

    def stop(self) -> None:
        """Close the port; calling it again does nothing."""
        if self._port is not None:
            self._port.close()

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """Store one datagram, and send back the oldest message that waits for the device, if any."""
        counts = self.counts
        if not data:
            counts.empty += 1
            return
        if len(data) > RECEIVE_BUFFER_BYTES:
            counts.cut += 1
            data = data[:RECEIVE_BUFFER_BYTES]
        if now != self._turn:  # one look at the wall clock serves all datagrams of a turn
            self._turn, self._now_ns = now, self._unix_ns()
        uplink = self._upstream(peer, data, "udp", self._now_ns, local_port=self._local_port)
        if not uplink.known:
            counts.unknown_source += 1
            self.last_unknown = peer
            return
        counts.messages += 1
        # An empty message is never delivered: a datagram of no bytes would say nothing (span §4.2).
        if uplink.downstream and self._port is not None:
            counts.replies += 1
            self._port.send(uplink.downstream, peer, local_ip)
