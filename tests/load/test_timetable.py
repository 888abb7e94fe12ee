"""Each device does its deed at its moment: no period leaves one out, and draws are distributed as they should."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from math import inf

import pytest

from simulator.load.timetable import Moment, Timetable, timetable_of
from simulator.load.traffic import Deed
from simulator.scenario.model import Arrivals

SEED = 7
KS_1_PERCENT = 1.628
"""mobile-network §5.10: D < this / √n."""


def everything(timetable: Timetable, until_s: float, step_s: float = 0.05, most: int = 7) -> list[Moment]:
    """All that is due by then, taken as a metronome takes it: some at a time."""
    found: list[Moment] = []
    now = 0.0
    while now <= until_s:
        while part := timetable.take(now, most):
            assert len(part) <= most
            assert all(due <= now for due, _ in part)
            found += part
        assert timetable.next_s > now
        now = round(now + step_s, 9)
    return found


def uploads(**more: object) -> Deed:
    return Deed(act="upload", **more)  # type: ignore[arg-type]


ARRIVALS = {
    "even": None,
    "uniform": Arrivals(model="uniform", window_s=3.0),
    "beta": Arrivals(model="beta", window_s=3.0),
    "periodic": Arrivals(model="periodic"),
}


@pytest.mark.parametrize("model", ARRIVALS)
def test_everybody_once_in_each_period(model: str) -> None:
    timetable = timetable_of(uploads(every_s=3.0, arrivals=ARRIVALS[model], times=4), 100, 20, SEED)
    found = everything(timetable, 30.0)
    assert Counter(number for _, number in found) == dict.fromkeys(range(100, 120), 4)
    assert [due for due, _ in found] == sorted(due for due, _ in found)
    assert timetable.next_s == inf
    # A jitter of 1 % may carry one over the edge, never further (mobile-network §5.4).
    for place, (due, _) in enumerate(sorted(found)):
        assert abs(due - (place // 20 * 3.0 + 1.5)) <= 1.5 + 0.06


@pytest.mark.parametrize("model", [*ARRIVALS, "poisson"])
def test_without_a_number_of_times_it_goes_on(model: str) -> None:
    arrivals = Arrivals(model="poisson", per_s=7.0) if model == "poisson" else ARRIVALS[model]
    timetable = timetable_of(uploads(every_s=None if model == "poisson" else 3.0, arrivals=arrivals), 0, 20, SEED)
    assert len(everything(timetable, 300.0, step_s=1.0, most=256)) >= 1900
    assert timetable.next_s < 310


@pytest.mark.parametrize("model", ["even", "uniform", "beta"])
def test_once_where_there_is_no_period(model: str) -> None:
    timetable = timetable_of(uploads(arrivals=ARRIVALS[model]), 5, 3, SEED)
    assert sorted(number for _, number in everything(timetable, 20.0)) == [5, 6, 7]


def test_a_window_longer_than_the_period() -> None:
    """Who was drawn for the second half begins a period later, and then does as often as the others."""
    deed = uploads(every_s=1.0, arrivals=Arrivals(model="uniform", window_s=2.0), times=3)
    found = everything(timetable_of(deed, 0, 50, SEED), 10.0)
    assert Counter(number for _, number in found) == dict.fromkeys(range(50), 3)
    assert [due for due, _ in found] == sorted(due for due, _ in found)
    firsts: dict[int, float] = {}
    for due, number in found:
        firsts.setdefault(number, due)
    assert max(firsts.values()) > 1.5


@pytest.mark.parametrize("model", [*ARRIVALS, "poisson"])
def test_counted_from_the_origin_and_the_beginning(model: str) -> None:
    arrivals = Arrivals(model="poisson", per_s=7.0) if model == "poisson" else ARRIVALS[model]
    plain = timetable_of(uploads(every_s=3.0, arrivals=arrivals), 0, 20, SEED)
    later = timetable_of(uploads(every_s=3.0, arrivals=arrivals, begin_s=5.0), 0, 20, SEED)
    later.origin_s = 100.0
    expected = [(pytest.approx(due + 105.0), number) for due, number in everything(plain, 9.0)]
    assert later.next_s >= 105.0
    assert later.take(114.0, 1000)[: len(expected)] == expected


@pytest.mark.parametrize("model", [*ARRIVALS, "poisson"])
def test_draws_hang_on_seed_and_first_device(model: str) -> None:
    arrivals = Arrivals(model="poisson", per_s=7.0) if model == "poisson" else ARRIVALS[model]

    def first_dues(first: int, seed: int) -> list[float]:
        return [due for due, _ in timetable_of(uploads(every_s=3.0, arrivals=arrivals), first, 20, seed).take(9.0, 50)]

    assert first_dues(0, 1) == first_dues(0, 1)
    assert first_dues(0, 1) != first_dues(20, 1)
    assert first_dues(0, 1) != first_dues(0, 2)


def test_series_go_round() -> None:
    deed = uploads(arrivals=Arrivals(model="poisson", per_s=10.0), times=2)
    found = everything(timetable_of(deed, 10, 3, SEED), 60.0)
    assert [number for _, number in found] == [10, 11, 12, 10, 11, 12]


@pytest.mark.parametrize("arrivals", [None, ARRIVALS["uniform"], ARRIVALS["periodic"], Arrivals(model="poisson")])
def test_nobody_there(arrivals: Arrivals | None) -> None:
    timetable = timetable_of(uploads(every_s=1.0, arrivals=arrivals), 0, 0, SEED)
    assert timetable.next_s == inf
    assert timetable.take(1e9, 100) == []


def _beta_3_4(x: float) -> float:
    return sum(math.comb(6, j) * x**j * (1 - x) ** (6 - j) for j in range(3, 7))


# Model → its arrivals, the period, what a gap or a moment is mapped to, and the distribution that this has.
DISTRIBUTIONS = {
    "uniform-60": (Arrivals(model="uniform", window_s=60.0), 60.0, lambda t: t / 60.0),
    "beta-10": (Arrivals(model="beta", window_s=10.0), 10.0, lambda t: _beta_3_4(t / 10.0)),
    "periodic": (Arrivals(model="periodic"), 60.0, lambda t: min(1.0, t / 60.0)),
    "even": (None, 60.0, lambda t: t / 60.0),
}


def kolmogorov_smirnov(shares: list[float]) -> float:
    """The greatest distance between what was seen and the uniform distribution, times √n."""
    count = len(shares)
    distance = max(
        max(abs(share - place / count), abs(share - (place + 1) / count)) for place, share in enumerate(sorted(shares))
    )
    return distance * math.sqrt(count)


@pytest.mark.parametrize("model", DISTRIBUTIONS)
def test_moments_are_distributed_as_the_model_says(model: str) -> None:
    arrivals, every_s, distribution = DISTRIBUTIONS[model]
    timetable = timetable_of(uploads(every_s=every_s, arrivals=arrivals, times=1), 0, 4000, SEED)
    shares = [distribution(due) for due, _ in timetable.take(1e6, 10_000)]
    assert len(shares) == 4000
    # A jitter moves `periodic` by up to 2 % of its period at the edge.
    assert kolmogorov_smirnov(shares) < KS_1_PERCENT * (2.0 if model == "periodic" else 1.0)


def test_gaps_of_poisson_are_exponential() -> None:
    timetable = timetable_of(uploads(arrivals=Arrivals(model="poisson", per_s=50.0)), 0, 10, SEED)
    dues = [due for due, _ in timetable.take(1e6, 4000)]
    shares = [1 - math.exp(-50.0 * (later - due)) for due, later in pairwise(dues)]
    assert kolmogorov_smirnov(shares) < KS_1_PERCENT


@pytest.mark.parametrize(("model", "per_s"), [("mmpp2", 0.8), ("diurnal", 0.5)])
def test_mean_rates_of_uneven_series(model: str, per_s: float) -> None:
    """Of `diurnal` over a whole day; of `mmpp2` over so long that bursts average out (mobile-network §5.5, §5.6)."""
    day_s = 86_400.0
    timetable = timetable_of(uploads(arrivals=Arrivals(model=model, per_s=per_s)), 0, 10, SEED)
    assert len(timetable.take(day_s, 10**9)) == pytest.approx(per_s * day_s, rel=0.15)
