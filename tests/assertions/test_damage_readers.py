"""Planted damage in what further readers see, in what the API says, and in what the forms ask for."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulator.events.records import GapRecord, GarbledRecord, StateRecord

from .damages.history import judge, when
from .damages.readers import HARMLESS, kinds, watched

SEARCH = settings(phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
KINDS = tuple(kinds())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=6)
@given(data=st.data())
def test_damage_is_found(kind, data):
    history = watched()
    places = list(kind.where(history))
    assert places, f"no place for {kind.name}"
    place = places[data.draw(st.integers(0, len(places) - 1))]
    found = judge(history, kind.do(history, place, data.draw))
    wanted = kind.must_find(history, place)
    assert wanted <= found.failed, (wanted - found.failed, place, history.items[place], found)
    assert all(found.of(check).headline for check in wanted)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.absence], ids=lambda kind: kind.name)
@settings(SEARCH, max_examples=3)
@given(data=st.data())
def test_absence_inside_a_gap_of_that_reader_is_left_open(kind, data):
    history = watched()
    places = list(kind.where(history))
    place = places[data.draw(st.integers(0, len(places) - 1))]
    items, moment_s = kind.do(history, place, data.draw), when(history.items[place])
    observer = getattr(history.items[place], "observer", "")
    gap = GapRecord(from_s=max(0.0, moment_s - 0.001), to_s=moment_s + 0.001, why="lost", observer=observer)
    found = judge(history, [*items[:-1], gap, items[-1]])
    for check in kind.must_find(history, place):
        assert found.of(check).verdict == "inconclusive", (check, found)


@pytest.mark.parametrize("change", HARMLESS, ids=lambda change: change.__name__)
@settings(SEARCH, max_examples=6)
@given(data=st.data())
def test_harmless_differences_raise_no_alarm(change, data):
    found = judge(watched(), change(watched(), data.draw))
    assert found.verdicts.verdict == "pass", found


def test_what_could_not_be_read_is_left_open():
    history = watched()
    items = [
        msgspec.structs.replace(x, found={}, error="503: down") if isinstance(x, StateRecord) else x
        for x in history.items
    ]
    found = judge(history, items)
    assert not found.failed
    assert {"steps[4].form[0]", "expect[8]"} <= found.open


@pytest.mark.parametrize(
    ("whys", "cases", "headline"),
    [
        (["{}x"], 1, "the event stream makes no sense"),
        (["observer guest: {}x"], 1, "the event stream of guest makes no sense"),
        (["{}x", "observer guest: {}x", "observer late: {}x"], 1, "the event stream makes no sense"),
        (["observer late: {}x", "{}x"], 1, "the event stream of late makes no sense"),
        (["{}x", "observer guest: {}y"], 2, "the event stream makes no sense"),
        (["observer guest: {}x", "observer guest: {}x", "{}x", "{}x"], 2, "the event stream of guest makes no sense"),
        (["observer who: {}x"], 1, "the event stream makes no sense"),
    ],
)
def test_what_is_no_event_is_told_of_the_stream_that_carried_it_and_once(whys, cases, headline):
    items = list(watched().items)
    more = [GarbledRecord(rx_s=when(items[-2]), why=why) for why in whys]
    judgement = judge(watched(), [*items[:-1], *more, items[-1]]).of("invariant.event-shape")
    assert (judgement.verdict, judgement.concerned, judgement.headline) == ("fail", cases, headline)
    assert "{}" in "".join(judgement.details)
