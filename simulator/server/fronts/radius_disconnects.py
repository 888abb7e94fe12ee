"""Disconnect-Requests: the platform asks a packet gateway to end a session (RFC 5176; mobile-network §3.4).

    WAITING ──an id is free──► ASKED ──ACK──► over, and so is the session
                                 ├──NAK──► over; the session goes on, unless the gateway knows of none
                                 ├──its Stop──► over: as good as an ACK
                                 └──nothing for 30 s──► over; the session goes on

Repeated as RFC 5080 §2.2.1 says. Without timers each is sent once, and waits until its id is needed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.clock import Timers
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.packet import Packet, check_reply, encode_request
from simulator.protocol.radius.retransmission import PRESETS
from simulator.server.span.model import Session
from simulator.server.span.radius import RadiusCore
from simulator.server.span.recent import Said
from simulator.wire.address import Address

IDS = 256
_RETRANSMISSION = PRESETS["rfc5080"]

Send = Callable[[bytes, Address], None]


@dataclass(slots=True, eq=False)
class _Asked:
    """One request that waits for its answer."""

    session: Session
    peer: Address
    id: int
    datagram: bytes
    secret: bytes = field(repr=False)
    began_s: float
    timeout_s: float = 0.0
    transmissions: int = 1


class Disconnects:
    """Those under way."""

    def __init__(self, core: RadiusCore, send: Send, timers: Timers | None, seed: int) -> None:
        """`timers` None: nothing is repeated. `seed` decides the jitter."""
        self._core, self._send, self._timers = core, send, timers
        self._draws = hashlib.blake2b(f"disconnect {seed}".encode(), digest_size=8)
        self._asked: dict[tuple[Address, int], _Asked] = {}
        self._waiting: dict[Address, deque[tuple[Session, bytes]]] = {}
        self._next = 0
        self._sessions: set[Session] = set()
        self._closed = False
        self.timers = 0
        """Calendar entries of its own."""

    @property
    def pending(self) -> int:
        """Sessions that are to end and have not."""
        return len(self._sessions)

    def ask(self, session: Session, peer: Address, secret: bytes, now: float) -> None:
        """Ask the gateway at `peer`; one request per session is enough."""
        if session in self._sessions:
            return
        self._sessions.add(session)
        number = self._free_id(peer)
        if number is None:
            self._waiting.setdefault(peer, deque()).append((session, secret))
        else:
            self._ask(session, peer, number, secret, now)

    def receive(self, packet: Packet, peer: Address, now: float) -> str | None:
        """An ACK or a NAK. Returns: what is wrong with it; None: nothing."""
        asked = self._asked.get((peer, packet.id))
        if asked is None:
            return "nobody asked"
        problem = check_reply(packet, asked.datagram[4:20], asked.secret, False)
        if problem is not None:
            return problem
        if packet.code == n.Code.DISCONNECT_ACK:
            self._acknowledged(asked, now)
        else:
            self._refused(asked, packet.number(n.ERROR_CAUSE), now)
        return None

    def close(self) -> None:
        """Give all of them up, without a word."""
        self._closed = True
        self._asked.clear()
        self._waiting.clear()
        self._sessions.clear()

    def _ask(self, session: Session, peer: Address, number: int, secret: bytes, now: float) -> None:
        attributes = self._core.disconnect_attributes(session)
        datagram = encode_request(n.Code.DISCONNECT_REQUEST, number, attributes, secret, None)
        asked = _Asked(session, peer, number, datagram, secret, now)
        self._asked[peer, number] = asked
        self._tell("sent", session)
        self._send(datagram, peer)
        asked.timeout_s = _RETRANSMISSION.first_s(self._draw(asked))
        self._wait(asked, now)

    def _acknowledged(self, asked: _Asked, now: float) -> None:
        self._tell("acknowledged", asked.session)
        self._core.disconnected(asked.session)
        self._over(asked, now)

    def _refused(self, asked: _Asked, cause: int | None, now: float) -> None:
        self._tell("refused", asked.session, "" if cause is None else f", Error-Cause {cause}")
        # The gateway has no such session, so no Stop will ever end it here.
        if cause == n.ErrorCause.SESSION_CONTEXT_NOT_FOUND:
            self._core.disconnected(asked.session)
        self._over(asked, now)

    def _tell(self, what: str, session: Session, more: str = "") -> None:
        network = self._core.network
        network.counts.disconnect(what)
        ciot = session.device.ciot
        imsi = ciot.last_imsi if ciot is not None else str(session.imsi)  # as it came: a number has lost its zeros
        network.cut_off.add(Said(what + more, imsi, session.gateway))

    def _over(self, asked: _Asked, now: float) -> None:
        del self._asked[asked.peer, asked.id]
        self._sessions.discard(asked.session)
        waiting = self._waiting.get(asked.peer)
        while waiting:
            session, secret = waiting.popleft()
            if self._core.is_to_end(session):
                self._ask(session, asked.peer, asked.id, secret, now)
                return
            self._sessions.discard(session)
        self._waiting.pop(asked.peer, None)

    def _free_id(self, peer: Address) -> int | None:
        """Ids go round, so that a late answer finds nobody. None: all are in use.

        Without timers one gives way instead: with a single gateway the oldest.
        """
        first = self._next
        for step in range(IDS):
            number = first + step & 255
            if (peer, number) not in self._asked:
                self._next = number + 1 & 255
                return number
        if self._timers is not None:
            return None
        oldest = self._asked.pop((peer, first))
        self._sessions.discard(oldest.session)
        self._tell("unanswered", oldest.session)
        self._next = first + 1 & 255
        return first

    def _wait(self, asked: _Asked, now: float) -> None:
        if self._timers is not None:
            self.timers += 1
            end_s = asked.began_s + _RETRANSMISSION.mrd_s
            self._timers.at(min(now + asked.timeout_s, end_s), self._expired, asked)

    def _expired(self, asked: _Asked, now: float) -> None:
        self.timers -= 1
        if self._closed or self._asked.get((asked.peer, asked.id)) is not asked:
            return
        if self._has_stopped(asked.session):
            self._acknowledged(asked, now)
        elif asked.transmissions >= _RETRANSMISSION.mrc or now >= asked.began_s + _RETRANSMISSION.mrd_s:
            self._tell("unanswered", asked.session)
            self._over(asked, now)
        else:
            asked.transmissions += 1
            self._send(asked.datagram, asked.peer)
            asked.timeout_s = _RETRANSMISSION.next_s(asked.timeout_s, self._draw(asked))
            self._wait(asked, now)

    def _has_stopped(self, session: Session) -> bool:
        """Its Stop says as much as an ACK that got lost."""
        return self._core.has_stopped(session)

    def _draw(self, asked: _Asked) -> float:
        draw = self._draws.copy()
        draw.update(asked.datagram[:20] + asked.transmissions.to_bytes(2, "big"))
        return int.from_bytes(draw.digest(), "big") / (1 << 64)
