"""Planted damage, at any place of the history of a real run: each kind is found, every time, by the check that must."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .damages.history import History, histories_of, judge
from .damages.kinds import KINDS, Kind
from .damages.stories import STORIES

# A place is an index: a smaller one says no more, so nothing is shrunk.
SEARCH = settings(phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
EXAMPLES = 3


@pytest.fixture(scope="session")
def histories() -> list[History]:
    """One run of each story."""
    return histories_of()


def choose(kind: Kind, histories: list[History], data: st.DataObject) -> tuple[History, int]:
    """A history and a place where such a damage can be done."""
    possible = [(history, places) for history in histories if (places := list(kind.where(history)))]
    assert possible, f"no history has a place for {kind.name}"
    history, places = possible[data.draw(st.integers(0, len(possible) - 1))]
    return history, places[data.draw(st.integers(0, len(places) - 1))]


@pytest.mark.parametrize("story", STORIES)
def test_a_history_that_is_read_again_passes(histories, story):
    history = next(history for history in histories if history.story == story)
    assert judge(history).verdicts.verdict == "pass"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=EXAMPLES)
@given(data=st.data())
def test_damage_is_found(histories, kind, data):
    history, place = choose(kind, histories, data)
    found = judge(history, kind.do(history, place, data.draw))
    wanted = kind.must_find(history, place)
    assert wanted <= found.failed, (wanted - found.failed, history.story, place, history.items[place], found)
    assert found.verdicts.verdict == "fail"
    for check in wanted:
        assert found.of(check).headline
        assert check.endswith("outcome") or any(finding.check == check for finding in found.findings), check
