"""Percentiles to three digits, exact counts and extremes, and merging that loses nothing."""

from __future__ import annotations

import gc
from random import Random

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import RemoteError
from simulator.load.histograms import Histogram, _highest_of, _index, decode, merge_all


def of(*seconds: float) -> Histogram:
    found = Histogram()
    found.record_many(list(seconds))
    return found


def test_an_empty_one_says_nothing() -> None:
    empty = decode(Histogram().encode())
    assert (empty.count, empty.mean_s, empty.max_s, empty.percentile(99)) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "percentile", "value"),
    [
        pytest.param([0.25], 50, 0.25, id="one value is every percentile"),
        pytest.param([0.001, 0.002, 0.003, 0.004], 50, 0.002, id="half of them do not exceed the second"),
        pytest.param([0.001, 0.002, 0.003, 0.004], 75, 0.003, id="three quarters"),
        pytest.param([0.001, 0.002, 0.003, 0.004], 76, 0.004, id="a little more is the next one"),
        pytest.param([0.001, 0.002], 0, 0.001, id="0 is the least"),
        pytest.param([0.001] * 999 + [5.0], 99.9, 0.001, id="999 of 1000 are 99.9 %"),
        pytest.param([0.001] * 999 + [5.0], 99.99, 5.0, id="99.99 % of 1000 are all"),
        pytest.param([7200.0], 99, 7200.0, id="two hours are more than the counters have, but known"),
        pytest.param([1e305], 99, 1e305, id="an absurd one does no harm"),
        pytest.param([-1.0, -0.5], 100, 0.0, id="a clock that went back counts as no time"),
    ],
)
def test_percentile(seconds: list[float], percentile: float, value: float) -> None:
    assert of(*seconds).percentile(percentile) == pytest.approx(value, rel=1.5e-3)


@pytest.mark.parametrize("percentile", [-0.1, 100.1])
def test_there_are_no_others(percentile: float) -> None:
    with pytest.raises(ValueError, match="not in 0 to 100"):
        of(1.0).percentile(percentile)


def test_percentiles_of_many_values_are_those_of_the_sorted_list() -> None:
    random = Random(5)
    values = sorted(random.lognormvariate(-5, 1.5) for _ in range(50_000))
    found = of(*random.sample(values, len(values)))
    for percentile in (50, 90, 99, 99.9, 99.99, 100):
        exact = values[round(percentile / 100 * len(values)) - 1]
        assert found.percentile(percentile) == pytest.approx(exact, rel=1.5e-3), percentile
    assert (found.count, found.min_s, found.max_s) == (len(values), values[0], values[-1])
    assert found.mean_s == pytest.approx(sum(values) / len(values))


@given(st.lists(st.lists(st.floats(0, 4000), max_size=30), min_size=1, max_size=5))
def test_merging_is_recording_it_all_in_one(parts: list[list[float]]) -> None:
    whole = of(*(each for part in parts for each in part))
    merged = Histogram()
    for part in parts:
        merged.merge(of(*part).encode())
    added = merge_all(of(*part) for part in parts)
    for other in (merged, added, decode(whole.encode())):
        assert (other.count, other.min_s, other.max_s) == (whole.count, whole.min_s, whole.max_s)
        assert other.sum_s == pytest.approx(whole.sum_s)
        assert other.percentiles((50, 99, 99.99)) == whole.percentiles((50, 99, 99.99))


@given(st.integers(0, 3_600_000_000))
def test_counters_are_those_of_the_package(micros: int) -> None:
    hdr = _package()
    assert _index(micros) == hdr.get_counts_array_index(micros)
    assert _highest_of(_index(micros)) == hdr.get_highest_equivalent_value(micros)


def test_weighted_values_count_as_often_as_they_say() -> None:
    found, same = of(), of(0.001, 0.001, 0.001, 0.3, 0.0)
    found.record_weighted([])
    found.record_weighted([(0.001, 3), (0.3, 1), (-0.2, 1)])
    assert (found.count, found.min_s, found.max_s) == (same.count, same.min_s, same.max_s)
    assert found.sum_s == pytest.approx(same.sum_s)
    assert found.percentiles((50, 60, 99)) == same.percentiles((50, 60, 99))


def test_no_value_is_less_than_no_time() -> None:
    assert of(-1.0, 0.5).min_s == 0.0


def test_recording_after_encoding_is_encoded_too() -> None:
    found = of(0.1)
    found.percentile(50), found.encode()
    found.record_many([0.2, 0.3])
    assert decode(found.encode()).count == 3
    assert found.percentile(100) == 0.3


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 23, id="too short"),
        pytest.param(of(0.1).encode()[:-3], id="cut off"),
        pytest.param(b"\0" * 24 + b"no zlib at all", id="no counters"),
        pytest.param(b"\xff" * 24 + of(0.1).encode()[24:], id="bounds that are no numbers"),
        pytest.param(b"\0" * 24 + HdrHistogram(1, 1000, 2, b64_wrap=False).encode(), id="another kind"),
    ],
)
def test_other_bytes_are_refused_and_change_nothing(data: bytes) -> None:
    found = of(0.1)
    with pytest.raises(RemoteError, match="histogram"):
        found.merge(data)
    assert found.count == 1


_MADE: list[HdrHistogram] = []


def _package() -> HdrHistogram:
    if not _MADE:
        _MADE.append(HdrHistogram(1, 3_600_000_000, 3))
    return _MADE[0]


def test_histograms_that_nobody_needs_are_freed_without_the_collector():
    one = Histogram()
    one.record_many([0.1])
    encoded = one.encode()

    def there():
        return sum(type(each).__name__ == "HdrHistogram" for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = there()
        for _ in range(5):
            both = Histogram()
            both.add(decode(encoded))
        assert there() == before + 1  # the last one
    finally:
        gc.enable()
