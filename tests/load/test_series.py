"""Lines of a test of any length have a bounded number of points, and add up to what was counted."""

from __future__ import annotations

from itertools import pairwise

import pytest

from simulator.load.series import MOST, Series
from simulator.load.tally import LedgerCounts
from simulator.load.totals import Merged


def at(sent: int, waiting: int = 0) -> Merged:
    counts = LedgerCounts(sent=sent, answered=sent, refused=sent // 10, delivered=sent - waiting, open=waiting)
    return Merged(uploads=counts)


def test_rates_are_differences_per_second() -> None:
    series = Series()
    for at_s, sent, waiting in ((0.0, 0, 0), (1.0, 100, 3), (3.0, 500, 4)):
        series.take(at_s, at(sent, waiting))
    assert series.rates() == {
        "at": [1.0, 3.0],
        "sent": [100.0, 200.0],
        "answered": [100.0, 200.0],
        "delivered": [97.0, 199.5],
        "failed": [10.0, 20.0],
        "open": [3, 4],
    }


@pytest.mark.parametrize("points", [[], [(1.0, 5)]])
def test_one_point_makes_no_line(points: list[tuple[float, int]]) -> None:
    series = Series()
    for at_s, sent in points:
        series.take(at_s, at(sent))
    assert set(map(tuple, series.rates().values())) == {()}


@pytest.mark.parametrize("seconds", [100, 239, 240, 241, 1000, 7200])
def test_a_long_test_is_thinned_evenly_and_nothing_is_lost(seconds: int) -> None:
    series = Series()
    for now in range(seconds + 1):
        series.take(float(now), at(now * 7))
    found = series.rates()
    pieces = [0.0, *found["at"]]
    assert len(pieces) <= MOST
    assert pieces[-1] == seconds  # the present is always there
    assert set(found["sent"]) == {7.0}
    widths = [late - early for early, late in pairwise(pieces)]
    # The first and the last piece may be cut short, and one may be left over at each thinning.
    assert max(widths) <= 3 * max(1.0, seconds / MOST * 2)
    assert len(pieces) > min(seconds, MOST // 4)


def test_a_time_before_the_last_begins_anew() -> None:
    series = Series()
    for now in (*range(1000), 0, 1):
        series.take(float(now), at(now))
    assert series.rates()["at"] == [1.0]


def test_what_falls_is_no_negative_rate() -> None:
    series = Series()
    series.take(0.0, at(10))
    series.take(1.0, at(5))
    assert series.rates()["sent"] == [0.0]
