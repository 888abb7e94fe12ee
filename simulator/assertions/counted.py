"""`{each: G, sees: E, at_least: N}` and its kin, over the whole run or a step; consumes nothing (scenarios §4)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Matcher
from simulator.assertions.world import World
from simulator.events.records import EventRecord
from simulator.scenario.model import Counted


class Counts(Form):
    """Counts the events of each member; with neither bound given, at least one is meant."""

    __slots__ = ("_at_least", "_at_most", "_counts", "_left", "_mark", "_matcher", "_plain", "_quantifier", "names")

    def __init__(self, docket: Docket, frame: Frame, what: Counted, members: Sequence[str], world: World) -> None:
        super().__init__(docket, frame, what.by)
        self._quantifier = what.quantifier
        self._at_least = (1 if what.at_most is None else 0) if what.at_least is None else what.at_least
        self._at_most = what.at_most
        self._matcher = Matcher(what.matcher, world.aliases)
        self._plain = not what.matcher.conditions
        self._counts = dict.fromkeys(members, 0)
        # The count at which something is decided: one too many, or enough where more cannot hurt; -1: none is.
        self._mark = -1
        self._left = 0
        """How many must still get there, so that it holds whatever comes; 0: that is not how it is decided."""
        if what.quantifier == "each" and self._at_most is not None:
            self._mark = self._at_most + 1
        elif what.quantifier == "none" and self._at_most is None:
            self._mark = self._at_least
        elif what.quantifier == "none" and self._at_least == 0:
            assert self._at_most is not None
            self._mark, self._left = self._at_most + 1, len(self._counts)
        elif self._at_most is None:
            self._mark, self._left = self._at_least, len(self._counts) if what.quantifier == "each" else 1
        self.names = (what.matcher.name,)
        say = texts.sees_not if what.quantifier == "none" else texts.sees
        words = say(texts.matcher(what.matcher), self._at_least, self._at_most)
        if what.quantifier == "some":
            words = f"some of {what.subject.text} {words}"
        self._check = self._promise(what.place, words, what.subject.text, len(members))
        if what.quantifier == "some" and world.partial(what.subject):
            self._check.idle = "not judged: not all of them take part, and the others might"

    def begin(self, now: float) -> None:
        super().begin(now)
        only_grows = self._mark >= 0 and (self._left > 0 or not self._counts)
        if only_grows and (self._mark == 0 or not self._counts):
            self._settle()

    def see(self, event: EventRecord) -> None:
        counts = self._counts
        count = counts.get(event.subject)  # type: ignore[arg-type]  # None is nobody's name
        if count is None or self._over or not (self._plain or self._matcher.accepts(event)):
            return
        counts[event.subject] = count = count + 1  # type: ignore[index]
        if count == self._mark:
            if not self._left:
                self._too_many(event)
            else:
                self._one_more()

    def _one_more(self) -> None:
        """One of them has enough. `some` needs no other, and the count is left at one for it."""
        if self._quantifier == "some":
            self._settle()
            return
        self._left -= 1
        if not self._left:
            # Of the whole run nothing is told before its end; no count is one too many from here on.
            self._mark = -1
            self._settle()

    def _decide(self, now: float) -> None:
        self._check.cases = len(self._counts)
        if self._quantifier == "some":
            self._decide_some(now)
        elif not self._counts:
            pass  # nobody takes part: a stream that was blind tells nothing of them either
        elif self._quantifier == "each":
            self._decide_each(now)
        else:
            self._decide_none(now)

    def _holds(self, count: int) -> bool:
        return count >= self._at_least and (self._at_most is None or count <= self._at_most)

    def _too_many(self, event: EventRecord) -> None:
        docket, check = self._docket, self._check
        assert event.subject is not None
        details: tuple[str, ...] = ()
        if docket.explains(check):
            seen = f"seen {texts.times(self._counts[event.subject])} by {texts.moment(event.rx_s)}"
            details = (f"{seen}: {texts.sighting(event)}", *self._says(event.subject))
        docket.fail(check, event.subject, event.rx_s, details)
        docket.convicted = event

    def _decide_each(self, now: float) -> None:
        for subject, count in self._counts.items():
            if count < self._at_least:
                self._miss(subject, count, now)
        if self._at_most is not None:
            self._check.quiet.append(self._window)

    def _decide_none(self, now: float) -> None:
        if self._at_most is not None:
            for subject, count in self._counts.items():
                if self._holds(count):
                    self._miss(subject, count, now)
        # With an upper bound alone, enough were seen of each: that is no absence.
        if self._at_most is None or self._at_least:
            self._check.quiet.append(self._window)

    def _decide_some(self, now: float) -> None:
        if any(self._holds(count) for count in self._counts.values()):
            self._check.idle = ""
            if self._at_most is not None:
                self._check.quiet.append(self._window)
            return
        if self._check.idle:
            return
        most = max(self._counts, key=lambda subject: self._counts[subject], default="")
        details = (f"the most was seen by {most}: {texts.times(self._counts[most])}",) if most else ("there are none",)
        self._docket.absent(self._check, "", self._window, now, details)

    def _miss(self, subject: str, count: int, now: float) -> None:
        self._docket.absent(self._check, subject, self._window, now, self._story(subject, count))

    def _story(self, subject: str, count: int) -> tuple[str, ...]:
        if not self._docket.explains(self._check):
            return ()
        best = texts.nearest(self._matcher, self._seen(subject))
        near = "nothing was seen of it" if best is None else f"latest alike: {texts.sighting(best)}"
        unlike = "" if best is None or best.name != self._matcher.name else texts.difference(self._matcher, best)
        near += f": {unlike}" if unlike else ""
        waited = "" if self._frame.whole_run else f" {self._waited}"
        return (f"seen {texts.times(count)}{waited}; {near}", *self._says(subject))
