"""Invariant: a session over the Internet that was closed in order, or was silent for too long, ends (span §3.4)."""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.inet_sessions import Sessions
from simulator.assertions.senders import FORGOTTEN_AFTER_S
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.verbs import CONNECTS, GOES_DOWN, SENDS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord


class _Closing:
    """A device has closed the session that it certainly had, on a way that loses nothing."""

    __slots__ = ("act", "machine", "open")

    def __init__(self, machine: SessionEnded, act: ActRecord) -> None:
        self.machine, self.act, self.open = machine, act, True

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


NOTHING_TO_CLOSE: Final = "was not connected"
"""How a device says that it had no session to close."""

_KEEPS: Final = frozenset(
    {"send", "withdraw", "upload_blob", "renew_certificate", "set_clock", "move", "update", "wait"}
)
"""Verbs that leave it to a device whether it has a session."""


class SessionEnded(Sessions):
    """session-ended."""

    __slots__ = ("_closing", "_latest_s", "_sure", "_under_way")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._sure: set[str] = set()
        """Devices that certainly have a session, and so has the platform."""
        self._closing: dict[str, _Closing] = {}
        self._under_way: dict[str, int] = {}
        """How many acts of a family are."""
        self._latest_s: dict[str, float] = {}
        """When a family last did something, or something was seen of it."""

    # --- what was done ------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        subject = act.subject
        if act.verb in GOES_DOWN:
            self._forget()
            return
        if not self._world.is_inet(subject):
            return
        family = self._world.family(subject)
        self._look(family, act.t_s)
        if self._moves(act):
            self._closed(subject)
        self._under_way[family] = self._under_way.get(family, 0) + 1
        if act.verb == "disconnect" and subject in self._sure and self._under_way[family] == 1:
            self._closing[subject] = _Closing(self, act)
        if act.verb not in _KEEPS and act.verb not in SENDS:
            self._sure.discard(subject)

    def ended(self, act: ActRecord) -> None:
        subject = act.subject
        if act.verb in GOES_DOWN:
            self._forget()
            return
        if not self._world.is_inet(subject):
            return
        family = self._world.family(subject)
        self._look(family, act.t_s)
        self._under_way[family] = left = max(0, self._under_way.get(family, 0) - 1)
        certain = not left and not self._world.delays(subject) and not self._world.wanders(subject)
        certain = certain and subject not in self._moved
        if act.verb in CONNECTS and act.outcome == "ok" and certain and self._world.embedded:
            self._sure.add(subject)
        elif act.verb not in _KEEPS and (act.verb not in SENDS or act.outcome != "ok"):
            self._sure.discard(subject)
        closing = self._closing.get(subject)
        if act.verb != "disconnect" or closing is None:
            return
        if act.outcome != "ok" or act.detail.startswith(NOTHING_TO_CLOSE):
            closing.open = False
            del self._closing[subject]
            return
        self._check.cases += 1
        step = self._world.scenario.steps[act.step] if self._world.act(act.step) else None
        self._docket.deadlines.at(act.t_s + max(GRACE_S, step.within_s if step else 0.0), closing)

    def _forget(self) -> None:
        """A platform that goes down ends all sessions, and may not be able to tell."""
        self._open.clear()
        self._sure.clear()
        for closing in self._closing.values():
            closing.open = False
        self._closing.clear()

    # --- what is shown ------------------------------------------------------------------------------------------------

    def see(self, event: EventRecord) -> None:
        if not self._counts(event):
            return
        subject = event.subject or ""
        if event.name == "clientDisconnected":
            self._closed(subject)
        else:
            self._look(self._world.family(subject), event.rx_s)
        self._enter(event)

    def _closed(self, subject: str) -> None:
        """It has no session any more, or none that could be followed."""
        self._sure.discard(subject)
        closing = self._closing.pop(subject, None)
        if closing is not None:
            closing.open = False

    def finish(self) -> None:
        for family in dict.fromkeys(self._world.family(subject) for subject in self._open):
            self._look(family, self._docket.now_s)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def _look(self, family: str, now: float) -> None:
        """Something happens now: was everybody silent for so long before that a session must have ended?"""
        latest_s, world = self._latest_s.get(family, now), self._world
        self._latest_s[family] = max(now, latest_s)
        if self._under_way.get(family) or not world.scenario.platform.inet_idle_s:
            return
        idle_s = world.scenario.platform.inet_idle_s + GRACE_S + (FORGOTTEN_AFTER_S if world.delays(family) else 0.0)
        if now - latest_s <= idle_s:
            return
        for subject in world.kin(family):
            for one in self._open.pop(subject, ()):
                self._check.cases += 1
                waited = texts.moment(now - latest_s)
                details = (
                    f"its session of {texts.moment(one.began_s)} did not end in {waited} of silence, and may be silent "
                    f"for {texts.moment(world.scenario.platform.inet_idle_s)}",
                    self._docket.says(subject),
                )
                what = "breaks session-ended: no clientDisconnected of a silent session"
                self._docket.absent(self._check, subject, (one.began_s, now), now, details, what)

    def missed(self, closing: _Closing, now: float) -> None:
        """It was closed in order, and nothing shows of that."""
        closing.open = False
        act = closing.act
        self._closing.pop(act.subject, None)
        details = (
            f"{act.verb} was ok; no clientDisconnected from {texts.moment(act.t_s)} to {texts.moment(now)}",
            self._docket.says(act.subject),
        )
        what = "breaks session-ended: no clientDisconnected for its disconnect"
        self._docket.absent(self._check, act.subject, (act.t_s, now), now, details, what)
