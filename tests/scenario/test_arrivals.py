"""`over:` as a time or as a traffic model."""

import pytest

from simulator.scenario import loads
from simulator.scenario.model import Arrivals

HEAD = "scenario: a\ndevices: {m: {count: 1000}, one: {}}\nsteps:\n"


@pytest.mark.parametrize(
    ("over", "over_s", "arrivals"),
    [
        ("10 min", 600.0, None),
        ("0 s", 0.0, None),
        ("beta-10", 0.0, Arrivals(model="beta", window_s=10.0)),
        ("uniform-60", 0.0, Arrivals(model="uniform", window_s=60.0)),
        ("uniform-0.5", 0.0, Arrivals(model="uniform", window_s=0.5)),
        ("poisson 3/s", 0.0, Arrivals(model="poisson", per_s=3.0)),
        ("poisson  90 / min", 0.0, Arrivals(model="poisson", per_s=1.5)),
        ("mmpp2", 0.0, Arrivals(model="mmpp2")),
        ("mmpp2 0.3/s", 0.0, Arrivals(model="mmpp2", per_s=0.3)),
        ("diurnal 8640/d", 0.0, Arrivals(model="diurnal", per_s=pytest.approx(0.1))),
    ],
)
def test_over(over, over_s, arrivals):
    step = loads(f"{HEAD}  - {{upload: m, over: {over}}}\n").steps[0]
    assert (step.over_s, step.arrivals) == (over_s, arrivals)


def test_periodic_is_of_the_period_beside_it():
    step = loads(f"{HEAD}  - {{upload: m, over: periodic, every: 10 min, times: 3}}\n").steps[0]
    assert (step.arrivals, step.every_s, step.times) == (Arrivals(model="periodic"), 600.0, 3)


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ("10", "over: '10' has no unit (units of a duration: us, µs, ms, s, min, h, d; such as 10 min)"),
        ("soon", "over: no traffic model 'soon' (known: uniform, beta, poisson, periodic, mmpp2, diurnal)"),
        ("poison 3/s", "over: no traffic model 'poison' (did you mean 'poisson'?)"),
        ("beta10", "over: no traffic model 'beta10' (did you mean 'beta'?)"),
        ("beta", "over: 'beta' has no window (the number is seconds: beta-60)"),
        ("beta-10 min", "over: 'beta-10 min' has no window (the number is seconds: beta-60)"),
        ("beta-ten", "over: 'beta-ten' has no window (the number is seconds: beta-60)"),
        ("uniform-0", "over: 'uniform-0' is no window (more than 0 s, at most 366 d)"),
        ("uniform-99999999", "over: 'uniform-99999999' is no window (more than 0 s, at most 366 d)"),
        ("poisson", "over: poisson has no rate (write it as poisson 3/s)"),
        ("poisson-3/s", "poisson has no window (write it as poisson 3/s)"),
        ("poisson 3", "over: '3' has no unit (units of a frequency: /s, /min, /h, /d; such as 3/s)"),
        ("poisson 3 Hz", "over: unknown unit 'Hz' (did you mean '/s'? units of a frequency: /s, /min, /h, /d)"),
        ("poisson 3/day", "over: unknown unit '/day' (did you mean '/d'?"),
        ("poisson 3 kbit/s", "over: unknown unit 'kbit/s' ("),
        ("poisson 0/s", "over: 'poisson 0/s' never starts anybody (write it as poisson 3/s)"),
        ("poisson 2/d", "over: 'poisson 2/d' is too slow (1000 devices at 2/d take more than 366 d; raise the rate)"),
        ("poisson 9999999/s", "over: '9999999/s' is too much (at most 1000000/s)"),
        ("diurnal", "over: diurnal has no rate (write it as diurnal 100/d)"),
        ("periodic 3/s", "periodic has no rate (its period is that of every: 10 min)"),
        ("periodic", "over: periodic without every (say the period beside it: every: 10 min)"),
        ("mmpp2-60", "mmpp2 has no window (write it as mmpp2 0.3/s)"),
        ("[beta-10]", "over must be a word, not a list"),
    ],
)
def test_mistakes(mistakes, over, told):
    (found,) = mistakes(f"{HEAD}  - {{upload: m, over: {over}}}\n")
    assert found.startswith(f"4:23: {told}")


def test_over_fits_devices_alone(mistakes):
    assert mistakes(f"{HEAD}  - {{restart: platform, over: beta-10}}\n") == [
        "4:25: 'over' does not fit restart (beside restart fit at, as, outcome, within, expect, never, lasting)"
    ]
