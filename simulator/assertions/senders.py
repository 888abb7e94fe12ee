"""What one device has sent, as far as it matters for what the platform shows of it."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

import msgspec

from simulator.assertions.deadlines import FOREVER
from simulator.assertions.logins import Login
from simulator.assertions.sessions import Attendance
from simulator.scenario.model import Group

DONE_KEPT: Final = 8
"""Uploads of one device that were shown, and of which a copy may still be on its way when the platform goes down."""

FORGOTTEN_AFTER_S: Final = 300.0
"""After this an unanswered upload is taken for lost: longer than EXCHANGE_LIFETIME (RFC 7252 §4.8.2)."""

FORGETS_WITHIN_S: Final = 247.0
"""A copy of a request may arrive for so long (EXCHANGE_LIFETIME, RFC 7252 §4.8.2)."""

UNANSWERED_KEPT: Final = 64
"""Uploads of one device that may still be seen; beyond this the oldest is forgotten."""


class Missed(Protocol):
    """Who is told when time is over."""

    def missed(self, sent: Sent, now: float) -> None:
        """An answered upload was not shown in time."""


class Sent(msgspec.Struct, eq=False):
    """One upload that may or must still be seen. A struct, because one is made for each."""

    machine: Missed
    subject: str
    step: int
    n: int
    size: str
    """As events say it."""
    began_s: float
    epoch: int
    budget: int
    """How often it may be seen."""
    ended_s: float = FOREVER
    must: bool = False
    seen: int = 0
    transmissions: int = 0
    barred: int = 0
    """How often it might be seen if its device had a session, where it certainly has none."""
    outage: tuple[int, int] | None = None
    """The latest one that it was granted one more for."""
    login: Login | None = None
    """The one by which its device came to the session that it was sent in, if the device has kin; None: not known."""
    since_s: float = FOREVER
    """If before `began_s`: an event of this one may have been given to an upload that began then."""

    @property
    def open(self) -> bool:
        return self.must and not self.seen

    def may_show_as(self, name: str) -> bool:
        """Whether its event may be one of that device."""
        return self.login is None or self.login.may_pass_for(name)

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


class Sender:
    """One device: what it has under way, what may still come, and whether the platform has a session for it."""

    __slots__ = (
        "attached",
        "attendance",
        "budget",
        "changing",
        "done",
        "epoch",
        "group",
        "may_copy",
        "optional",
        "pending",
        "secure",
        "step",
        "transport",
    )

    def __init__(self, group: Group | None, may_copy: bool) -> None:
        self.step: int | None = None
        """Its latest upload was in this one, and may be seen `budget` times; 0: it is no upstream message."""
        self.budget = 0
        self.group, self.may_copy = group, may_copy
        self.transport: str = group.transport if group is not None else ""
        """"": not known yet; its events tell."""
        self.secure = group is not None and group.network == "inet"
        """It sends over DTLS: no copy of a record is taken, and what was answered was sent in a session."""
        self.attendance: Attendance | None = None
        """None: nobody knows who else logs in for it."""
        self.done: deque[Sent] = deque(maxlen=DONE_KEPT)
        """Shown lately; kept only where the platform goes down."""
        self.changing = 0
        """Acts under way that change its session."""
        self.pending: list[Sent] = []
        self.optional: list[Sent] = []
        self.epoch = 0
        self.attached = False

    def welcome(self) -> None:
        """It may have a session from now on: what is still on its way may be stored after all."""
        for sent in (*self.pending, *self.optional):
            sent.budget += sent.barred
            sent.barred = 0

    def reclaim(self, sent: Sent) -> None:
        """Uploads of one size cannot be told apart: an event may have gone to one that could do without it."""
        for other in (*self.pending, *self.optional):
            if other is not sent and other.seen and not other.must and other.size == sent.size:
                other.seen -= 1
                sent.seen += 1
                return

    def may_come(self, sent: Sent) -> None:
        """It is over, and may be seen all the same."""
        optional = self.optional
        optional.append(sent)
        while optional and (len(optional) > UNANSWERED_KEPT or optional[0].ended_s < sent.ended_s - FORGOTTEN_AFTER_S):
            del optional[0]

    def outage(self, which: tuple[int, int], now: float) -> None:
        """The platform forgets which requests it has seen, once between the beginning and the end of such an act."""
        for sent in (*self.pending, *self.optional):
            if sent.ended_s > now - FORGETS_WITHIN_S and sent.outage != which:
                sent.outage = which
                sent.budget += 1
        again = [
            sent for sent in self.done
            if sent.ended_s > now - FORGETS_WITHIN_S and (sent.transmissions > 1 or self.may_copy)
        ]  # fmt: skip
        for sent in again:
            self.done.remove(sent)
            sent.outage = which
            sent.budget += 1
            self.may_come(sent)
