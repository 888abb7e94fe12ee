"""The platform's raw DTLS endpoint (span §4.1, §4.2): one record is one message, and nothing acknowledges it."""

from __future__ import annotations

from simulator.clock import Clock
from simulator.server.fronts.associations import Associations, SessionFront
from simulator.server.span.core import SpanCore
from simulator.server.span.inet import InetSession


class DtlsFront(SessionFront):
    """One port in front of a core."""

    def __init__(self, core: SpanCore, clock: Clock) -> None:
        super().__init__(clock)
        self.sessions = Associations(core, clock, "dtls", self._take)
        self._inet = core.inet

    def _take(self, session: InetSession, data: bytes, now: float) -> bytes | None:
        if now != self._turn:  # one look at the wall clock serves all datagrams of a turn
            self._turn, self._now_ns = now, self._unix_ns()
        return self._inet.upstream(session, data, self._now_ns, local_port=self._local_port).downstream
