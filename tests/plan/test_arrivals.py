"""Traffic models against the figures of mobile-network §5. Seeds are fixed: what passes once passes always."""

import math
import statistics
from bisect import bisect_right
from collections import Counter
from dataclasses import replace

import pytest

from simulator import words
from simulator.plan import arrivals, make_plan
from simulator.plan import arrivals as plan_arrivals
from simulator.scenario import loads
from simulator.scenario.model import Arrivals

DAY_S = 86_400


def drawn(model, count, seed=1, step=0, every_s=None, begin_s=0.0, **what):
    model = Arrivals(model=model, **what)
    return arrivals.offsets(model, count, seed=seed, step=step, every_s=every_s, begin_s=begin_s)


def kolmogorov_smirnov(samples, distribution):
    """The largest distance between what was drawn and what should have been."""
    ordered, count = sorted(samples), len(samples)
    return max(
        max((number + 1) / count - share, share - number / count)
        for number, share in enumerate(map(distribution, ordered))
    )


def fits(samples, distribution):
    return kolmogorov_smirnov(samples, distribution) < 1.628 / math.sqrt(len(samples))  # §5.10: 1 % level


def gaps(starts):
    return [later - earlier for earlier, later in zip((0.0, *starts), starts, strict=False)]


def beta_3_4(t, window_s=10.0):
    """Share of Beta(3, 4) below t: at least three of six uniforms lie there."""
    x = t / window_s
    return sum(math.comb(6, k) * x**k * (1 - x) ** (6 - k) for k in range(3, 7))


def test_every_model_that_a_file_may_name_is_there():
    assert set(arrivals._MODELS) == set(words.ARRIVALS)


# --- §5.2 -------------------------------------------------------------------------------------------------------------


def test_uniform():
    starts = drawn("uniform", 30_000, window_s=60.0)
    assert fits(starts, lambda t: t / 60)
    assert statistics.mean(starts) == pytest.approx(30, abs=0.4)
    assert statistics.pvariance(starts) == pytest.approx(300, rel=0.02)
    assert list(starts) != sorted(starts)


def test_beta():
    starts = drawn("beta", 100_000, window_s=10.0)
    assert fits(starts, beta_3_4)
    assert statistics.mean(starts) == pytest.approx(4.285714, abs=0.02)
    assert statistics.pvariance(starts) == pytest.approx(3.061224, rel=0.02)
    ordered = sorted(starts)
    for share, quantile in ((0.1, 2.009089), (0.5, 4.214072), (0.9, 6.668056), (0.99, 8.269300)):
        assert ordered[int(share * len(ordered))] == pytest.approx(quantile, abs=0.05)
    seconds = Counter(int(start) for start in starts)
    shares = (0.01585, 0.08303, 0.15681, 0.19999, 0.20057, 0.16455, 0.10873, 0.05351, 0.01569, 0.00127)
    for second, share in enumerate(shares):
        assert seconds[second] / len(starts) == pytest.approx(share, abs=0.005)


def test_the_fullest_second_of_beta():
    starts = drawn("beta", 10_000, window_s=10.0)
    assert sum(4 <= start < 5 for start in starts) == pytest.approx(2005.7, abs=4 * 40.0)


# --- §5.4 -------------------------------------------------------------------------------------------------------------


def test_periodic_starts_anywhere_in_the_period():
    assert fits(drawn("periodic", 10_000, every_s=600.0), lambda t: t / 600)
    assert fits(drawn("periodic", 10_000), lambda t: t / 3600)


def test_poisson():
    starts = drawn("poisson", 10_000, per_s=3.0)
    between = gaps(starts)
    assert list(starts) == sorted(starts)
    assert fits(between, lambda t: 1 - math.exp(-3 * t))
    assert statistics.mean(between) == pytest.approx(1 / 3, rel=0.03)
    assert statistics.pstdev(between) / statistics.mean(between) == pytest.approx(1, abs=0.03)
    counts = Counter(int(start // 10) for start in starts)
    per_bin = [counts[number] for number in range(int(starts[-1] // 10))]
    assert statistics.pvariance(per_bin) / statistics.mean(per_bin) == pytest.approx(1, abs=0.2)


def test_poisson_without_a_rate_is_hourly():
    assert statistics.mean(gaps(drawn("poisson", 10_000))) == pytest.approx(3600, rel=0.03)


# --- §5.5 -------------------------------------------------------------------------------------------------------------


def dispersion(starts, bin_s):
    counts = Counter(int(start // bin_s) for start in starts)
    per_bin = [counts[number] for number in range(int(starts[-1] // bin_s))]
    return statistics.pvariance(per_bin) / statistics.mean(per_bin)


def test_mmpp2():
    starts = drawn("mmpp2", 500_000)
    assert len(starts) / starts[-1] == pytest.approx(0.29, rel=0.03)
    assert dispersion(starts, 60) == pytest.approx(37.22, rel=0.05)
    assert dispersion(starts, 600) == pytest.approx(58.78, rel=0.1)


def test_mmpp2_at_another_rate_has_the_same_bursts_only_denser():
    starts = drawn("mmpp2", 500_000, per_s=2.9)
    assert len(starts) / starts[-1] == pytest.approx(2.9, rel=0.05)
    # §5.5: all that is above 1 grows with the rates, if the stays are the same.
    assert dispersion(starts, 60) - 1 == pytest.approx(10 * 36.22, rel=0.1)


def test_mmpp2_begins_in_a_burst_as_often_as_any_other_moment_would():
    # Within a second a burst has its first arrival with 1 - e^-2, a quiet time with 1 - e^-0.1; a burst is on for 10 %.
    early = sum(drawn("mmpp2", 1, seed=seed)[0] < 1 for seed in range(4000)) / 4000
    assert early == pytest.approx(0.1 * (1 - math.exp(-2)) + 0.9 * (1 - math.exp(-0.1)), abs=0.025)


# --- §5.6 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_h", "to_h", "mean"),
    [
        pytest.param(12, 16, 29.399, id="noon"),
        pytest.param(0, 4, 3.934, id="night"),
        pytest.param(0, 24, 100, id="day"),
    ],
)
def test_diurnal(from_h, to_h, mean):
    days = 400
    starts = drawn("diurnal", days * 110)
    counted = bisect_right(starts, days * DAY_S)
    within = sum(from_h <= start % DAY_S / 3600 < to_h for start in starts[:counted])
    assert within / days == pytest.approx(mean, abs=4 * math.sqrt(mean / days))


def test_a_day_goes_on_from_when_the_step_begins():
    night, noon = (drawn("diurnal", 2000, per_s=20.0, begin_s=hour * 3600.0) for hour in (2, 14))
    # λ̄(1 - 0.8) and λ̄(1 + 0.8): as many arrivals take nine times as long at night.
    assert night[-1] / noon[-1] == pytest.approx(9, rel=0.1)


# --- of a step --------------------------------------------------------------------------------------------------------

SCENARIO = loads("scenario: a\ndevices: {m: {count: 50}}\nsteps: [{attach: m}, {upload: m, every: 1 min, times: 2}]")
MODELS = [
    Arrivals(model="uniform", window_s=60.0), Arrivals(model="beta", window_s=10.0), Arrivals(model="periodic"),
    Arrivals(model="poisson", per_s=3.0), Arrivals(model="mmpp2"), Arrivals(model="diurnal"),
]  # fmt: skip


def with_arrivals(model):
    return replace(SCENARIO, steps=tuple(replace(step, arrivals=model) for step in SCENARIO.steps))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.model)
def test_offsets_hang_on_seed_step_and_place_alone(model):
    scenario = with_arrivals(model)
    attach, upload = scenario.steps
    plan, again = make_plan(scenario, seed=3), make_plan(scenario, seed=3)
    offsets = plan.start_offsets(attach, 50)
    again.start_offsets(upload)
    assert again.start_offsets(attach) == offsets
    assert plan.start_offsets(upload) != offsets
    assert make_plan(scenario, seed=4).start_offsets(attach) != offsets
    assert make_plan(scenario, seed=3, only="m.17").start_offsets(attach, 1) == (offsets[17],)
    assert len(set(offsets)) == 50


def test_a_periodic_step_takes_its_own_period():
    scenario = with_arrivals(Arrivals(model="periodic"))
    assert max(make_plan(scenario).start_offsets(scenario.steps[1])) < 60 < 3000
    assert max(make_plan(scenario).start_offsets(scenario.steps[0])) > 3000


def test_offsets_are_pinned():
    assert drawn("beta", 2, window_s=10.0) == pytest.approx((5.8256837164, 3.6308545804), abs=1e-9)
    assert drawn("poisson", 2, per_s=3.0) == pytest.approx((0.1571293676, 0.5484852010), abs=1e-9)


def test_starts_go_on_where_offsets_end():
    arrivals = Arrivals(model="poisson", per_s=2.0)
    some = plan_arrivals.offsets(arrivals, 50, seed=3, step=4)
    assert tuple(start for start, _ in zip(plan_arrivals.starts(arrivals, "arrivals 3 4"), some, strict=False)) == some
