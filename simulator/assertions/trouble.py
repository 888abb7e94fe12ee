"""Trouble that fails a run although no expectation speaks of it (scenarios §5).

What an expectation of the whole run asks for is none at any time. What a step's list asks for is none from the
beginning of the act to the end of its window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher, value_of
from simulator.assertions.verbs import LOGINS
from simulator.errors import Place
from simulator.events.records import ActRecord, EventRecord, StepRecord
from simulator.scenario.model import EventMatcher, Step, Subject

BAD_FIRMWARE: Final = frozenset({"UpdateFailed", "TimedOut", "Reverted"})
"""Values of `state` in firmwareStateChange (span §5.4)."""

MISMATCHES: Final = frozenset({"imeiMismatch", "imsiMismatch"})
"""Events that another device than the one they are of may have caused."""

HARMLESS_DISCONNECT: Final = "client_disconnect"


def _always(_: EventRecord) -> str:
    return ""


def _disconnect(event: EventRecord) -> str | None:
    reason = value_of(event, "reason") or "no reason"
    return None if reason == HARMLESS_DISCONNECT else reason


def _firmware(event: EventRecord) -> str | None:
    state = value_of(event, "state") or ""
    return state if state in BAD_FIRMWARE else None


TROUBLES: Final[Mapping[str, Callable[[EventRecord], str | None]]] = {
    "imeiMismatch": _always,
    "imsiMismatch": _always,
    "gatewayCommError": _always,
    "failed_connect": _always,
    "disconnect": _disconnect,
    "firmwareStateChange": _firmware,
}
"""Event → what makes it trouble, in a word that `allow` may name too; None: it is harmless."""


class Excuse(Machine):
    """What one step asks for is no trouble while its window is open.

    For a subject of the step that is from the beginning of its act until `within` after its end; for others, and for
    events of nobody, from the beginning of the step until `within` after its last act. When the step is over, the next
    login ends it: what that brings is the next step's affair.
    """

    __slots__ = ("_asked", "_over", "_own", "_running", "_until", "_until_s", "_within_s")

    names = ()
    verbs = LOGINS

    def __init__(
        self,
        step: Step,
        own: Collection[str],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        forms: Iterable[tuple[EventMatcher, Collection[str]]] = (),
    ) -> None:
        self._within_s, self._own = step.within_s, frozenset(own)
        self._asked = [
            (Matcher(item.matcher, aliases), self._own if item.of is None else frozenset(subjects_of(item.of)))
            for item in step.expect
            if item.matcher.name in TROUBLES
        ]
        # Forms are of a time and not of an act.
        self._asked += [(Matcher(what, aliases), frozenset(whom)) for what, whom in forms if what.name in TROUBLES]
        self._running: dict[str, int] = {}
        self._until: dict[str, float] = {}
        self._until_s = 0.0
        self._over = False

    @property
    def needed(self) -> bool:
        """Whether the step asks for trouble at all."""
        return bool(self._asked)

    def covers(self, event: EventRecord) -> bool:
        """Whether the step asks for this event now."""
        subject = event.subject
        for matcher, whom in self._asked:
            if matcher.name != event.name or not (subject is None or subject in whom) or not matcher.accepts(event):
                continue
            by_act = whom is self._own and subject is not None
            if by_act and self._running.get(subject, 0):  # type: ignore[arg-type]  # it is no None here
                return True
            if event.rx_s < (self._until.get(subject, 0.0) if by_act else self._until_s):  # type: ignore[arg-type]
                return True
        return False

    def begin(self) -> None:
        """The step began."""
        self._until_s, self._over = FOREVER, False

    def act_began(self, act: ActRecord) -> None:
        """A subject of the step begins."""
        self._running[act.subject] = self._running.get(act.subject, 0) + 1

    def act_ended(self, act: ActRecord) -> None:
        """A subject of the step is done."""
        self._running[act.subject] = max(0, self._running.get(act.subject, 0) - 1)
        self._until[act.subject] = act.t_s + self._within_s

    def acted(self, now: float) -> None:
        """All of them are done."""
        self._until_s = now + self._within_s

    def over(self) -> None:
        """The step is decided."""
        self._over = True

    def began(self, act: ActRecord) -> None:
        if self._over:
            del act
            self._until.clear()
            self._running.clear()
            self._until_s = 0.0


class Trouble(Machine):
    """Watches for it.

    Args:
        allow: events, reasons and firmware states that the scenario does not mind.
        place: of the scenario, for the report of what comes before the first step.
        places: of its steps.
    """

    __slots__ = ("_allow", "_asked", "_checks", "_docket", "_place", "_places", "_step", "excuses")

    names = tuple(TROUBLES)

    def __init__(self, docket: Docket, allow: Collection[str], place: Place, places: Sequence[Place] = ()) -> None:
        self._docket, self._allow, self._place, self._places = docket, frozenset(allow), place, places
        self._step = -1
        """The latest that has begun: there the trouble is shown."""
        self._asked: dict[str, list[tuple[Matcher, frozenset[str] | None]]] = {}
        self._checks: dict[str, Check] = {}
        self.excuses: list[Excuse] = []
        """What the steps ask for."""

    def asked_for(self, what: EventMatcher, whom: Collection[str] | None, aliases: Mapping[str, str]) -> None:
        """An expectation of the whole run speaks of such events; `whom` None: of anybody's."""
        if what.name in TROUBLES:
            entry = Matcher(what, aliases), None if whom is None else frozenset(whom)
            self._asked.setdefault(what.name, []).append(entry)

    def stepped(self, record: StepRecord) -> None:
        if record.phase == "began" and 0 <= record.step < len(self._places):
            self._step, self._place = record.step, self._places[record.step]

    def see(self, event: EventRecord) -> None:
        kind = TROUBLES[event.name](event)
        if kind is None or event.name in self._allow or kind in self._allow or self._docket.convicted is event:
            return
        for matcher, whom in self._asked.get(event.name, ()):
            if (whom is None or event.subject in whom or event.subject is None) and matcher.accepts(event):
                return
        if any(excuse.covers(event) for excuse in self.excuses):
            return
        self._report(event, kind)

    def _report(self, event: EventRecord, kind: str) -> None:
        docket, name = self._docket, event.name + (f".{texts.shown(kind)}" if kind else "")
        check = self._checks.get(name)
        if check is None:
            words = f"has no trouble: {event.name}{f' {texts.shown(kind)}' if kind else ''}, which nothing asked for"
            check = docket.check(f"trouble.{name}", "trouble", self._place, words)
            self._checks[name] = check
            # A mismatch is told of the device that is known, and whoever came made it.
            check.alone = event.name not in MISMATCHES
        check.cases += 1
        details: tuple[str, ...] = ()
        subject = event.subject or ""
        if docket.explains(check):
            details = (f"seen: {texts.sighting(event)}", *self._says(subject), self._hint(event, kind))
        docket.fail(check, subject, event.rx_s, details, f"had trouble: {texts.event(event)}")

    def _says(self, subject: str) -> tuple[str, ...]:
        """What it did itself in this step; if that is nothing, what the only one did who is at something now."""
        docket = self._docket
        act = docket.acts.get(subject)
        if act is not None and (act.phase == "began" or act.step == self._step):
            return (docket.says(subject),)
        busy = [name for name, other in docket.acts.items() if other.phase == "began"]
        if not busy:
            busy = [name for name, other in docket.acts.items() if other.step == self._step]
        return (docket.says(busy[0]).replace("the device itself", busy[0], 1),) if len(busy) == 1 else ()

    def _hint(self, event: EventRecord, kind: str) -> str:
        """How a file accepts it. What a step writes beside its verb is about its own subjects, unless it says `of`."""
        allow = f"allow: [{texts.shown(kind) or event.name}]"
        if event.subject is None or event.name not in MISMATCHES or self._step < 0:
            return f"an expectation, or {allow}, would accept it"
        beside = f"expect: [{{{event.name}: {{}}, of: {event.subject}}}] beside this step"
        return f"{beside}, or {allow} at the top of the file, would accept it"
