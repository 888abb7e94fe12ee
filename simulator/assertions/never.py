"""What must not be seen: in the window of a step, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.forms import NOBODY, Form, Frame
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher
from simulator.assertions.sights import Sight
from simulator.events.records import EventRecord
from simulator.scenario.model import EventMatcher, NeverSeen, Step


class Never(Machine):
    """Matchers that nobody of `whom` may see while the window is open; `whom` None: nobody at all."""

    __slots__ = ("_by_name", "_docket", "_whom", "began_s", "names", "until_s")

    def __init__(self, docket: Docket, whom: Collection[str] | None) -> None:
        self._docket = docket
        self._whom = None if whom is None else frozenset(whom)
        self._by_name: dict[str, list[tuple[Matcher, Check]]] = {}
        self.names: tuple[str, ...] = ()
        self.began_s = FOREVER
        self.until_s = FOREVER
        """When the window closes; not known before the step's acts have ended."""

    def forbid(self, what: EventMatcher, aliases: Mapping[str, str], check: Check) -> None:
        """Add one matcher with the check that fails when it is seen."""
        self._by_name.setdefault(what.name, []).append((Matcher(what, aliases), check))
        self.names = tuple(self._by_name)

    def see(self, event: EventRecord) -> None:
        if self._whom is not None and event.subject not in self._whom:
            return
        for matcher, check in self._by_name[event.name]:
            if matcher.accepts(event):
                convict(self._docket, check, event)

    def close(self, until_s: float) -> None:
        """The window is over; what was not seen by now held, unless the observer was blind."""
        for entries in self._by_name.values():
            for _, check in entries:
                check.cases += 1
                check.quiet.append((self.began_s, until_s))


class NeverInStep(Never):
    """The `never` list of a step: from its beginning to the end of its window."""

    __slots__ = ("_over", "_within_s")

    def __init__(
        self, docket: Docket, number: int, step: Step, own: Collection[str], aliases: Mapping[str, str]
    ) -> None:
        # A step without subjects, such as `wait`, speaks of everybody; one whose subjects all keep still of nobody.
        super().__init__(docket, own if step.subjects else None)
        self._within_s, self._over = step.within_s, bool(step.subjects) and not own
        noun = ", ".join(subject.text for subject in step.subjects)
        for index, what in enumerate(step.never):
            words = f"never sees {texts.matcher(what)} until {texts.span(step.within_s)} after {step.verb}"
            check = docket.check(f"steps[{number}].never[{index}]", "expectation", what.place, words, noun, len(own))
            self.forbid(what, aliases, check)
            if self._over:
                check.idle = NOBODY

    @property
    def open(self) -> bool:
        """Whether the window is open."""
        return not self._over

    def see(self, event: EventRecord) -> None:
        if not self._over:
            super().see(event)

    def acted(self, now: float) -> None:
        """All acts have ended: the window closes `within` later."""
        self.until_s = now + self._within_s
        self._docket.deadlines.at(self.until_s, self)

    def expire(self, now: float) -> None:
        """The window closes."""
        self._over = True
        self.close(now)

    def finish(self) -> None:
        if not self._over:
            self._over = True
            self.close(self.until_s)


class NeverSeenForm(Form):
    """`{never: [E…]}` as a form: over the whole run, or beside a step's list; of somebody, in somebody's stream."""

    __slots__ = ("_by_name", "_checks", "_whom", "names")

    def __init__(
        self, docket: Docket, frame: Frame, what: NeverSeen, whom: Collection[str] | None, aliases: Mapping[str, str]
    ) -> None:
        super().__init__(docket, frame, what.by)
        self._whom = None if whom is None else frozenset(whom)
        self._by_name: dict[str, list[tuple[Matcher, Check]]] = {}
        self._checks: list[Check] = []
        noun = what.of.text if what.of else ""
        for index, matcher in enumerate(what.matchers):
            suffix = "" if len(what.matchers) == 1 else f".never[{index}]"
            words = f"never sees {texts.matcher(matcher)}"
            check = self._promise(matcher.place, words, noun, len(whom or ()), suffix)
            self._by_name.setdefault(matcher.name, []).append((Matcher(matcher, aliases), check))
            self._checks.append(check)
        self.names = tuple(self._by_name)

    def see(self, event: EventRecord) -> None:
        if self._over or (self._whom is not None and event.subject not in self._whom):
            return
        for matcher, check in self._by_name[event.name]:
            if matcher.accepts(event):
                convict(self._docket, check, event, self._sight)

    def _decide(self, now: float) -> None:
        del now
        for check in self._checks:
            if self._whom is None or self._whom:
                check.cases += 1
                check.quiet.append(self._window)

    def _undecided(self, why: str) -> None:
        for check in self._checks:
            check.unknown.append(("", why))


def convict(docket: Docket, check: Check, event: EventRecord, sight: Sight | None = None) -> None:
    """What is forbidden was seen."""
    subject = event.subject or ""
    details: tuple[str, ...] = ()
    if docket.explains(check):
        said = (docket.says(subject),) if subject else ()
        stream = (sight.says(),) if sight is not None and sight.observer else ()
        details = (f"seen: {texts.sighting(event)}", *said, *stream)
    docket.fail(check, subject, event.rx_s, details)
    docket.convicted = event
