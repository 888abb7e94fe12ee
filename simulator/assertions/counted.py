"""`{each: G, sees: E, at_least: N}` and its kin, over the whole run; consumes nothing (scenarios §4)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions import texts
from simulator.assertions.docket import WHOLE_RUN, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher
from simulator.assertions.world import World
from simulator.events.records import EventRecord
from simulator.scenario.model import Counted


class Counts(Machine):
    """Counts the events of each member; with neither bound given, at least one is meant."""

    __slots__ = (
        "_at_least",
        "_at_most",
        "_check",
        "_counts",
        "_docket",
        "_matcher",
        "_one_too_many",
        "_plain",
        "_quantifier",
        "names",
    )

    def __init__(self, docket: Docket, number: int, what: Counted, members: Sequence[str], world: World) -> None:
        self._docket, self._quantifier = docket, what.quantifier
        self._at_least = (1 if what.at_most is None else 0) if what.at_least is None else what.at_least
        self._at_most = what.at_most
        self._matcher = Matcher(what.matcher, world.aliases)
        self._plain = not what.matcher.conditions
        self._counts = dict.fromkeys(members, 0)
        self._one_too_many = 0  # the count that is told at once; 0: none
        if what.quantifier == "each" and self._at_most is not None:
            self._one_too_many = self._at_most + 1
        elif what.quantifier == "none" and self._at_most is None:
            self._one_too_many = self._at_least
        self.names = (what.matcher.name,)
        say = texts.sees_not if what.quantifier == "none" else texts.sees
        words = say(texts.matcher(what.matcher), self._at_least, self._at_most)
        if what.quantifier == "some":
            words = f"some of {what.subject.text} {words}"
        self._check = docket.check(
            f"expect[{number}]", "expectation", what.place, words, what.subject.text, len(members)
        )
        if what.quantifier == "some" and world.partial(what.subject):
            self._check.idle = "not judged: not all of them take part, and the others might"

    def see(self, event: EventRecord) -> None:
        counts = self._counts
        count = counts.get(event.subject)  # type: ignore[arg-type]  # None is nobody's name
        if count is None or not (self._plain or self._matcher.accepts(event)):
            return
        counts[event.subject] = count = count + 1  # type: ignore[index]
        if count == self._one_too_many:
            self._too_many(event)

    def finish(self) -> None:
        self._check.cases = len(self._counts)
        if self._quantifier == "some":
            self._finish_some()
        elif self._quantifier == "each":
            self._finish_each()
        else:
            self._finish_none()

    def _holds(self, count: int) -> bool:
        return count >= self._at_least and (self._at_most is None or count <= self._at_most)

    def _too_many(self, event: EventRecord) -> None:
        docket, check = self._docket, self._check
        assert event.subject is not None
        details: tuple[str, ...] = ()
        if docket.explains(check):
            seen = f"seen {texts.times(self._counts[event.subject])} by {texts.moment(event.rx_s)}"
            said = texts.device_says(docket.acts.get(event.subject))
            details = (f"{seen}: {texts.sighting(event)}", said)
        docket.fail(check, event.subject, event.rx_s, details)
        docket.convicted = event

    def _finish_each(self) -> None:
        for subject, count in self._counts.items():
            if count < self._at_least:
                self._miss(subject, count)
        if self._at_most is not None:
            self._check.quiet.append(WHOLE_RUN)

    def _finish_none(self) -> None:
        if self._at_most is not None:
            for subject, count in self._counts.items():
                if self._holds(count):
                    self._miss(subject, count)
        self._check.quiet.append(WHOLE_RUN)

    def _finish_some(self) -> None:
        if any(self._holds(count) for count in self._counts.values()):
            self._check.idle = ""
            if self._at_most is not None:
                self._check.quiet.append(WHOLE_RUN)
            return
        if self._check.idle:
            return
        most = max(self._counts, key=lambda subject: self._counts[subject], default="")
        details = (f"the most was seen by {most}: {texts.times(self._counts[most])}",) if most else ("there are none",)
        self._docket.absent(self._check, "", WHOLE_RUN, self._docket.now_s, details)

    def _miss(self, subject: str, count: int) -> None:
        story = self._story(subject, count)
        self._docket.absent(self._check, subject, WHOLE_RUN, self._docket.now_s, story)

    def _story(self, subject: str, count: int) -> tuple[str, ...]:
        if not self._docket.explains(self._check):
            return ()
        best = texts.nearest(self._matcher, self._docket.recent.get(subject, ()))
        near = "nothing was seen of it" if best is None else f"latest alike: {texts.sighting(best)}"
        unlike = "" if best is None or best.name != self._matcher.name else texts.difference(self._matcher, best)
        near += f": {unlike}" if unlike else ""
        return (
            f"seen {texts.times(count)}; {near}",
            texts.device_says(self._docket.acts.get(subject)),
        )
