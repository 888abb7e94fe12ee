"""Damage where the observer may have been blind: what only absence proves is left open, and the gap is named; what was
there is there."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulator.events.records import GapRecord

from .damages.history import History, Judged, histories_of, judge, when
from .damages.kinds import KINDS, Kind

# A place is an index: a smaller one says no more, so nothing is shrunk.
SEARCH = settings(phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
EXAMPLES = 3
WHY = "the platform dropped 3 events for a slow reader"
ABSENT = [kind for kind in KINDS if kind.absence]
PRESENT = [kind for kind in KINDS if not kind.absence]


@pytest.fixture(scope="session")
def histories() -> list[History]:
    """One run of each story."""
    return histories_of()


def damaged(
    kind: Kind, histories: list[History], data: st.DataObject, from_s: float, to_s: float
) -> tuple[Judged, set[str]]:
    """The verdict on a damage of that kind, with a gap; times are counted from the damaged record. And which checks
    would have found it."""
    possible = [(history, places) for history in histories if (places := list(kind.where(history)))]
    history, places = possible[data.draw(st.integers(0, len(possible) - 1))]
    place = places[data.draw(st.integers(0, len(places) - 1))]
    items = list(kind.do(history, place, data.draw))
    moment_s = when(history.items[place])
    gap = GapRecord(from_s=max(0.0, moment_s + from_s), to_s=max(0.0, moment_s + to_s), why=WHY)
    # A platform counts afterwards what it dropped: the record comes when the gap is over, or last of all.
    over = next((i for i, item in enumerate(items) if when(item) >= gap.to_s), len(items) - 1)
    items.insert(data.draw(st.integers(max(1, over), len(items) - 1)), gap)
    return judge(history, items), kind.must_find(history, place)


@pytest.mark.parametrize("kind", ABSENT, ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=EXAMPLES)
@given(data=st.data())
def test_absence_inside_a_gap_is_left_open(histories, kind, data):
    found, wanted = damaged(kind, histories, data, -0.001, data.draw(st.sampled_from([0.001, 5.0])))
    assert wanted
    for check in wanted:
        assert found.of(check).verdict == "inconclusive", (check, found)
        (line,) = (line for line in found.of(check).details if "absence proves nothing: blind from" in line)
        assert line.endswith(WHY)
    assert [gap.why for gap in found.verdicts.gaps] == [WHY]


@pytest.mark.parametrize("kind", ABSENT, ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=1)
@given(data=st.data())
def test_absence_outside_of_the_gap_is_decided(histories, kind, data):
    found, wanted = damaged(kind, histories, data, 1000.0, 1001.0)
    assert wanted <= found.failed, (wanted - found.failed, found)


@pytest.mark.parametrize("kind", PRESENT, ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=1)
@given(data=st.data())
def test_what_was_there_is_there_in_spite_of_a_gap(histories, kind, data):
    found, wanted = damaged(kind, histories, data, -0.001, 0.001)
    assert wanted <= found.failed, (wanted - found.failed, found)
    assert found.verdicts.verdict == "fail"
