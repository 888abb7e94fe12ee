"""`{sequence: [E1, E2], each: G}`: each member sees these in this order, others may lie between (scenarios §4)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Matcher
from simulator.assertions.world import World
from simulator.events.records import EventRecord
from simulator.scenario.model import InSequence


class Sequenced(Form):
    """For each member: how much of the sequence it has seen. The first event that fits is taken, which is never wrong.

    With one order over all, an entry counts only when all members have seen the one before it.
    """

    __slots__ = ("_early", "_left", "_pattern", "_positions", "_reached", "names")

    def __init__(self, docket: Docket, frame: Frame, what: InSequence, members: Sequence[str], world: World) -> None:
        super().__init__(docket, frame, what.by)
        self._pattern = tuple(Matcher(matcher, world.aliases) for matcher in what.matchers)
        self._positions = dict.fromkeys(members, 0)
        self._left = len(self._positions)
        # How many have seen each entry; only kept for one order over all.
        self._reached = [0] * len(self._pattern) if world.scenario.all_in_order else []
        self._early: dict[str, EventRecord] = {}
        self.names = tuple(dict.fromkeys(matcher.name for matcher in self._pattern))
        words = f"sees {', then '.join(texts.matcher(matcher) for matcher in what.matchers)}"
        self._check = self._promise(what.place, words, what.subject.text, self._left)
        self._check.alone = not self._reached

    def begin(self, now: float) -> None:
        super().begin(now)
        if not self._left:
            self._settle()

    def see(self, event: EventRecord) -> None:
        position = self._positions.get(event.subject, -1)  # type: ignore[arg-type]  # None is nobody's name
        if self._over or not 0 <= position < len(self._pattern):
            return
        wanted = self._pattern[position]
        if wanted.name != event.name or not wanted.accepts(event):
            return
        subject = event.subject
        assert subject is not None
        if self._reached:
            if position and self._reached[position - 1] < len(self._positions):
                self._early[subject] = event
                return
            self._reached[position] += 1
        self._positions[subject] = position + 1
        if position + 1 == len(self._pattern):
            self._left -= 1
            if not self._left:
                self._settle()

    def _decide(self, now: float) -> None:
        check = self._check
        check.cases += len(self._positions)
        for subject, position in self._positions.items():
            if position < len(self._pattern):
                details = self._story(subject, position) if self._docket.explains(check) else ()
                self._docket.absent(check, subject, self._window, now, details)

    def _story(self, subject: str, position: int) -> tuple[str, ...]:
        wanted = self._pattern[position]
        early = self._early.get(subject)
        seen = self._seen(subject)
        if early is not None:
            best: EventRecord | None = early
            why = "not all had seen what stands before it, and the file asks for one order over all"
        else:
            best = texts.nearest(wanted, seen)
            why = "it stands for something else of the sequence, or comes before it"
        done = ", ".join(texts.matcher(matcher.source) for matcher in self._pattern[:position]) or "nothing"
        return (
            f"{self._waited} it saw {done} and lacks {texts.matcher(wanted.source)}; "
            f"{texts.nearest_words(wanted, best, subject, why)}",
            *self._says(subject),
        )
