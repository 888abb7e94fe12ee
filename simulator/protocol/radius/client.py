"""The RADIUS client of one gateway: asks one server, many requests at a time (RFC 2865 §2.5, RFC 5080 §2.2.1).

    WAITING ──an id is free──► FLYING ──believable reply──► OVER
       └──given up, cancelled──► OVER ◄──given up, cancelled──┘

It knows no socket and no loop: what it sends goes through the callables of its lines, replies come in through
`receive`, and the driver's calendar wakes it. An id tells 256 requests apart, per source port and service; a gateway
that has more under way gets another source port (a line), and until it has one, requests wait in order.

The calendar forgets nothing, so a request has one entry at most while it flies, and moves it on when it comes up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import inf
from struct import Struct
from typing import Any

from simulator.clock import Timers
from simulator.protocol.radius.errors import RadiusError
from simulator.protocol.radius.packet import Attributes, Packet, check_reply, decode, encode_request
from simulator.protocol.radius.requests import IDS, Counts, Done, Request, Send, Service
from simulator.protocol.radius.retransmission import PRESETS, Retransmission

LINES_MOST = 64
"""More are not asked for: 16 384 requests of a kind under way are an outage, not a load."""
BACKLOG_MOST = 65_536
"""Accounting requests that wait for an id; then the oldest is given up, for nothing else ever ends them."""

NOBODY_ASKED = "nobody asked"
UNKNOWN_CODE = "unknown code"
TOO_SHORT = "too short"

_pack = Struct("<Q").pack
_DRAW = 1 / (1 << 32)


class Client:
    """Feed it requests, datagrams and the time. Every request comes to its `done` once, but for the cancelled.

    `done` may ask again; it is never called before `request` returns.
    """

    def __init__(
        self,
        timers: Timers,
        seed: int,
        secret: bytes,
        retransmission: Retransmission,
        need_line: Callable[[], None],
    ) -> None:
        """`seed` decides authenticators and jitter. `need_line` is called when ids run out, once until a line comes."""
        self.counts = Counts()
        self.timers = 0
        """Entries of the calendar that are its own."""
        self._at = timers.at
        self._secret = secret
        self._need_line, self._line_asked = need_line, False
        self._draws = hashlib.blake2b(f"radius {seed}".encode(), digest_size=24)
        self._drawn = 0
        # RFC 2869 §5.14 and RFC 3579 §3.2: replies to Access-Requests carry one; accounting is signed by its header.
        access = Service(retransmission, believed=True)
        endless = Retransmission(
            irt_s=retransmission.irt_s, mrt_s=retransmission.mrt_s, mrc=0, mrd_s=0, jitter=retransmission.jitter
        )  # RFC 5080 §2.2.1 with erratum 4623
        accounting = Service(endless, believed=False)
        self._services = (access, accounting)
        self._asked_by = {1: access, 12: access, 4: accounting}
        self._answered_by = {2: access, 3: access, 11: access, 5: accounting}

    @property
    def waiting(self) -> int:
        """Requests that wait for an id."""
        return sum(request.done is not None for service in self._services for request in service.waiting)

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self._services[0].sends)

    def add_line(self, send_auth: Send, send_acct: Send) -> int:
        """Another source port towards the server's two ports; what waits for an id goes out at once.

        Returns: its number, from 0, which `receive` wants with whatever arrives at that port.
        """
        line = self.lines
        self._line_asked = False
        for service, send in zip(self._services, (send_auth, send_acct), strict=True):
            service.sends.append(send)
            service.flying += [None] * IDS
            service.free.extend(range(line * IDS, (line + 1) * IDS))
        self.timers += 1
        self._at(0.0, self._serve, None)  # long past: the next turn, which knows what time it is
        return line

    def request(
        self,
        code: int,
        attributes: Attributes,
        done: Done,
        argument: Any,
        now: float,
        *,
        give_up_s: float | None = None,
    ) -> Request:
        """Ask the server.

        Args:
            code: Access-Request, Accounting-Request or Status-Server.
            give_up_s: seconds; None: as the retransmission says, and never for accounting.
        Returns: a handle for `cancel`; its `transmissions` is how often it was sent so far.
        """
        service = self._asked_by[code]
        request = Request(service, code, attributes, done, argument)
        request.give_up = service.patience.mrd_s or inf if give_up_s is None else give_up_s
        if service.free:
            self._launch(request, now)
        else:
            self._wait(request, now, give_up_s)
        return request

    def receive(self, line: int, data: bytes, now: float) -> None:
        """A datagram for this line, whatever it is: it answers a request, or it is counted and forgotten."""
        if len(data) < 2:
            self.counts.discarded[TOO_SHORT] += 1
            return
        service = self._answered_by.get(data[0])
        if service is None:
            self.counts.discarded[UNKNOWN_CODE] += 1
            return
        request = service.flying[line << 8 | data[1]]
        if request is None:
            self.counts.discarded[NOBODY_ASKED] += 1
            return
        try:
            packet = decode(data)
        except RadiusError as error:
            self.counts.discarded[error.kind] += 1
            return
        wrong = check_reply(packet, request.authenticator, self._secret, service.believed)
        if wrong is not None:
            self.counts.discarded[wrong] += 1
            return
        self.counts.answered += 1
        self._finish(request, packet, now)

    def cancel(self, request: Request, now: float) -> None:
        """It is not sent any more, replies to it mean nothing, and its `done` is not called."""
        if request.done is not None:
            self.counts.cancelled += 1
            self._detach(request)
            self._advance(request.service, now)

    def forget(self) -> None:
        """Cancel all that is under way."""
        for service in self._services:
            for request in (*service.flying, *service.waiting):
                if request is not None and request.done is not None:
                    self.counts.cancelled += 1
                    self._detach(request)
            service.waiting.clear()

    # --- how requests leave -------------------------------------------------------------------------------------------

    def _launch(self, request: Request, now: float) -> None:
        """Send it for the first time; an id is free."""
        service = request.service
        request.place = place = service.free.popleft()
        service.flying[place] = request
        draws = self._draws.copy()
        draws.update(_pack(self._drawn))
        self._drawn += 1
        drawn = draws.digest()
        request.draw = int.from_bytes(drawn[16:], "little")
        request.data = data = encode_request(request.code, place & 0xFF, request.content, self._secret, drawn[:16])
        request.authenticator = data[4:20]
        request.ends = now + request.give_up
        self.counts.sent += 1
        self._transmit(request, service.patience.first_s(self._draw(request)), now)

    def _transmit(self, request: Request, timeout_s: float, now: float) -> None:
        """Send it, and come back to it after the timeout, or when it ends."""
        service = request.service
        request.transmissions += 1
        request.timeout_s = timeout_s
        resend, ends = now + timeout_s, request.ends
        if resend < ends and request.transmissions == service.patience.mrc:
            request.ends = ends = resend
        request.deadline = deadline = resend if resend < ends else ends
        self.timers += 1
        self._at(deadline, self._wake, request)
        service.sends[request.place >> 8](request.data)

    def _wait(self, request: Request, now: float, give_up_s: float | None) -> None:
        """All ids are in use. Whoever would give up a request that nobody answers gives up one that was not sent."""
        service = request.service
        if len(service.waiting) >= BACKLOG_MOST:
            self._finish(service.waiting.popleft(), None, now)
        service.waiting.append(request)
        self.counts.waited += 1
        patience_s = service.patience.longest_s if give_up_s is None else give_up_s
        if patience_s != inf:
            request.ends = request.deadline = now + patience_s
            self.timers += 1
            self._at(request.deadline, self._wake, request)
        if not self._line_asked and self.lines < LINES_MOST:
            self._line_asked = True
            self._need_line()

    def _wake(self, request: Request, now: float) -> None:
        """An entry of the calendar comes up. It is an old one if the request is over, or is due later."""
        self.timers -= 1
        if request.done is None or now < request.deadline:
            return
        if now >= request.ends:
            self._finish(request, None, now)
            return
        # RFC 2865 §2.5: the same id and authenticator as long as nothing in the packet changes.
        self.counts.retransmitted += 1
        self._transmit(request, request.service.patience.next_s(request.timeout_s, self._draw(request)), now)

    @staticmethod
    def _draw(request: Request) -> float:
        """The next number from 0 … 1 for this request."""
        draw: int = request.draw
        request.draw = (draw * 0x5851F42D4C957F2D + 0x14057B7EF767814F) & 0xFFFFFFFFFFFFFFFF  # Knuth's MMIX
        return (draw >> 32) * _DRAW

    # --- how they end -------------------------------------------------------------------------------------------------

    def _finish(self, request: Request, packet: Packet | None, now: float) -> None:
        """Whoever waits in line goes first, then the caller hears of it."""
        done = request.done
        if done is None:  # cancelled while it waited
            return
        if packet is None:
            self.counts.given_up += 1
        self._detach(request)
        if request.service.waiting:
            self._advance(request.service, now)
        done(request.argument, packet, request.transmissions, now)

    def _detach(self, request: Request) -> None:
        request.done = None
        if request.place >= 0:
            request.service.flying[request.place] = None
            request.service.free.append(request.place)

    def _serve(self, _: None, now: float) -> None:
        """There is a new line."""
        self.timers -= 1
        for service in self._services:
            self._advance(service, now)

    def _advance(self, service: Service, now: float) -> None:
        """Send what waits, as far as ids go."""
        waiting, free = service.waiting, service.free
        while waiting and free:
            request = waiting.popleft()
            if request.done is not None:
                self._launch(request, now)


__all__ = ["PRESETS", "Client", "Counts", "Done", "Request", "Retransmission", "Send"]
