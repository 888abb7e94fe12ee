"""The platform's CoAP endpoint behind DTLS (span §4.1): requests mean what they mean in `coap`.

The device is the session's. To the message layer the peer is the number of the session, not an address: a device that
starts anew uses its message ids again, and what was kept of its old session must not answer for the new one
(RFC 7252 §9.1).
"""

from __future__ import annotations

from simulator.clock import Clock
from simulator.protocol.coap.server_types import ServerSettings
from simulator.server.fronts.associations import Associations, SessionFront
from simulator.server.fronts.coap import CoapFront
from simulator.server.span.core import SpanCore
from simulator.server.span.inet import InetDoor, InetSession
from simulator.server.span.model import Transport
from simulator.wire.address import Address


class CoapsFront(SessionFront, CoapFront):
    """One port in front of a core."""

    transport: Transport = "coaps"

    def __init__(self, core: SpanCore, clock: Clock, settings: ServerSettings | None = None, *, seed: int = 0) -> None:
        """`seed` decides the message ids of answers to non-confirmable requests."""
        super().__init__(InetDoor(core.inet), clock, settings, seed=seed)
        self._inet = core.inet
        self.sessions = Associations(core, clock, "coaps", self._take)

    def _malformed(self, data: bytes, peer: Address) -> None:
        super()._malformed(data, self._inet.sessions[peer].peer)

    def _take(self, session: InetSession, data: bytes, now: float) -> bytes | None:
        return self._answer(data, session.number, now)
