"""How long a scenario will probably take."""

from pathlib import Path

import pytest

from simulator.plan import make_plan
from simulator.scenario import find, load, loads

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = "scenario: a\ndevices: {m: {count: 10}, u: {transport: udp}, far: {link: ntn-geo}, lossy: {link: {loss: 5 %}}}\n"


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ("[{attach: m}]", 0),
        ("[{wait: 5 s}, {wait: 250 ms}]", 5.25),
        ("[{attach: m, over: 10 s}, {detach: m}]", 10),
        ("[{attach: m, at: 1 min}, {wait: 1 s}]", 61),
        ("[{upload: m, every: 10 min, for: 2 h}]", 11 * 600),
        ("[{upload: m, never: [ciotConnect], within: 3 s}]", 3),
        ("[{upload: m, expect: [upstreamMessage]}]", 0),
        ("[{wait: 1 s, never: [ciotConnect]}]", 11),
        ("[{upload: u, outcome: any}]", 0),
        ("[{upload: m, outcome: timeout}]", 93),
        ("[{upload: far, payload: {hex: ''}}]", pytest.approx(6 + 2 * 0.6)),
        ("[{upload: far, payload: 5 KiB}]", pytest.approx(6 + 5 * 2 * 0.6 + 5 * 1024 * 8 / 5000)),
        ("[{link: m, delay: 2 s}, {upload: m}]", 4),
        ("[{link: far, preset: perfect}, {upload: far}]", 0),
        ("[{link: m, loss: 100 %}, {upload: m}]", 93),
        ("[{upload: lossy, times: 1}]", 0),
        ("[{upload: lossy, every: 1 s, times: 50}]", pytest.approx(49 + 2.5)),
    ],
)
def test_estimates(steps, seconds):
    assert make_plan(loads(f"{HEAD}steps: {steps}")).duration_s == seconds


def test_enough_built_in_scenarios_are_short_enough_for_real_time():
    planned = [make_plan(load(path)).duration_s for path in find([SCENARIOS])]
    assert len(planned) >= 8
    assert sum(seconds <= 60 for seconds in planned) >= 5
