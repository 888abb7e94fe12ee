"""`{statistics: {accepted: 2, "rejected.IMEI mismatch": at_least 1}}`: what the reference server has counted about its
mobile network from the first step to the end of the run (scenarios §4). What it has not counted is 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.assertions import texts
from simulator.assertions.counts import Counts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Test, test_of
from simulator.events.records import StatisticsRecord
from simulator.scenario.model import Condition, StatisticsOf


class Statistics(Form):
    """Waits for the second of two records."""

    __slots__ = ("_counts", "_read", "_tests")

    def __init__(self, docket: Docket, frame: Frame, what: StatisticsOf) -> None:
        super().__init__(docket, frame)
        self._counts, self._read = Counts(), False
        self._tests: list[tuple[str, Condition, Test]] = [
            (name, condition, test_of(condition, {})) for name, condition in what.where
        ]
        asked = ", ".join(f"{name}{texts.condition(condition)}" for name, condition in what.where)
        # No window: it is one look at the end, whatever the form stands beside.
        self._check = docket.check(frame.name, "expectation", what.place, f"the mobile network counts {asked}")
        self._check.alone = False

    @property
    def open(self) -> bool:
        """Never: its record comes when all the rest is decided."""
        return False

    def acted(self, now: float) -> None:
        """Its time is the end of the run."""

    def stop(self, now: float) -> None:
        """Its time is the end of the run."""

    def counted(self, record: StatisticsRecord) -> None:
        self._counts.take(record)
        if record.phase != "ended" or self._counts.why_not:
            return
        self._read = True
        check, docket, found = self._check, self._docket, self._counts.found()
        check.cases += 1
        wrong = [
            f"{name} is {found.get(name, 0)}, not {texts.asked(condition)}"
            for name, condition, test in self._tests
            if not test(str(found.get(name, 0)))
        ]
        if wrong:
            families = dict.fromkeys(
                _family(name) for name, _, _ in self._tests if not _holds(name, self._tests, found)
            )
            told = [line for family in families if (line := told_family(family, found))]
            docket.fail(check, "", record.t_s, (f"read at {texts.moment(record.t_s)}: {'; '.join(wrong)}", *told))

    def finish(self) -> None:
        if not self._read:
            why = self._docket.cut or self._counts.why_not
            self._check.unknown.append(("", texts.shown(why, 200)))


def _holds(name: str, tests: list[tuple[str, Condition, Test]], found: Mapping[str, int]) -> bool:
    return all(test(str(found.get(one, 0))) for one, _, test in tests if one == name)


def _family(name: str) -> str:
    return name.partition(".")[0]


def told_family(family: str, found: Mapping[str, int]) -> str:
    """All of a family that is not 0: `of rejected: IMEI mismatch 2, Device does not exist 1`; "" if it has none."""
    head = f"{family}."
    some = [f"{texts.shown(name.removeprefix(head))} {count}" for name, count in found.items() if name.startswith(head)]
    return f"of {family}: {', '.join(some)}" if some else ""
