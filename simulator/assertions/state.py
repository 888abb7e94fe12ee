"""`{state: GROUP, where: {firmware.state: Current}}`: what the platform's API says of each member (scenarios §4).

The run reads it when everything else of the step, or of the run, is decided, and records it; here it is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Test, test_of
from simulator.assertions.world import World
from simulator.events.records import StateRecord
from simulator.scenario.model import Condition, StateOf


class States(Form):
    """Waits for one record of each member that answers all of its paths."""

    __slots__ = ("_left", "_tests", "members", "paths")

    def __init__(self, docket: Docket, frame: Frame, what: StateOf, members: Sequence[str], world: World) -> None:
        super().__init__(docket, frame)
        self.members = tuple(members)
        self.paths = tuple(path for path, _ in what.where)
        """Fields of the platform's Device object, with dots (span §2.4)."""
        self._tests: list[tuple[str, Condition, Test]] = [
            (path, condition, test_of(condition, world.aliases)) for path, condition in what.where
        ]
        self._left = dict.fromkeys(members)
        asked = ", ".join(f"{path}{texts.condition(condition)}" for path, condition in what.where)
        # No window: it is one look at the end.
        self._check = docket.check(
            frame.name, "expectation", what.place, f"has {asked}", what.subject.text, len(self.members)
        )
        self._check.idle = "" if members else "not judged: nobody takes part whom it is about"

    @property
    def open(self) -> bool:
        """Never: its records come when all the rest of the step is decided."""
        return False

    def acted(self, now: float) -> None:
        """Its time is when it is read."""

    def stop(self, now: float) -> None:
        """Its records have come by now, or never will; which of the two is told at the end."""

    def read(self, record: StateRecord) -> None:
        """What the platform said of somebody."""
        subject = record.subject
        if subject not in self._left or not (record.error or all(path in record.found for path in self.paths)):
            return
        del self._left[subject]
        check, docket = self._check, self._docket
        if record.error:
            check.unknown.append((subject, f"it could not be read: {texts.shown(record.error, 200)}"))
            return
        check.cases += 1
        wrong = [
            f"{path} is {texts.shown(found)}, not {texts.asked(condition)}" if found is not None
            else f"it has no {path}, which must be {texts.asked(condition)}"
            for path, condition, test in self._tests
            if not _holds(condition, test, found := record.found[path])
        ]  # fmt: skip
        if wrong:
            details: tuple[str, ...] = ()
            if docket.explains(check):
                details = (f"read at {texts.moment(record.t_s)}: {'; '.join(wrong)}", *self._lately(subject))
            docket.fail(check, subject, record.t_s, details)

    def _lately(self, subject: str) -> tuple[str, ...]:
        seen = self._seen(subject)
        latest = (f"latest seen: {texts.sighting(seen[-1])}",) if seen else ()
        return (*latest, *self._says(subject))

    def finish(self) -> None:
        why = "its step did not begin" if not self._begun else "its state was not read"
        self._check.unknown += [(subject, why) for subject in self._left]


def _holds(condition: Condition, test: Test, found: str | None) -> bool:
    """Whether a field is as asked for. One that is not there is empty, and is not what it must not be."""
    if found is None:
        return condition.op == "not" or (condition.op == "equals" and condition.value == "")
    return test(found)
