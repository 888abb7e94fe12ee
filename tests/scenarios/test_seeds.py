"""Two seeds of every built-in scenario raise no alarm on a healthy server, in virtual time.

With more than 50 devices a run takes seconds: of such a scenario one device in fifty acts here, and all of them in
`tests/bench/bench_seeds.py`, which tries two hundred seeds of each.
Of a file with cases, one case in five has one of the two.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.events.journal import Journal
from simulator.plan import make_plan
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import find, load_all
from simulator.scenario.model import RateOf, StatisticsOf

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2)
MANY_DEVICES = 50
SMALLER = 50
"""A scenario of many devices is run with one in so many."""
SCENARIOS = {
    (path, scenario.case): make_plan(scenario) for path in find([ROOT / "scenarios"]) for scenario in load_all(path)
}


def name(story: tuple[Path, str]) -> str:
    path, case = story
    return f"{os.fspath(path.relative_to(ROOT / 'scenarios'))}{f'[{case}]' if case else ''}"


FEW = [story for story, plan in SCENARIOS.items() if len(plan.members) <= MANY_DEVICES]
MANY = [story for story in SCENARIOS if story not in FEW]
TRIED = [
    pytest.param(story, seed, id=f"{name(story)}-{seed}")
    for number, story in enumerate(FEW)
    for seed in (SEEDS if not story[1] else SEEDS[:1] if number % 5 == 0 else ())
]


@pytest.mark.parametrize(("story", "seed"), TRIED)
def test_no_seed_raises_an_alarm(story, seed, run_scenario):
    path, _ = story
    verdicts, report, _ = run_scenario(path, scenario=SCENARIOS[story].scenario, seed=seed)
    assert verdicts.verdict == "pass", report


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("story", MANY, ids=name)
def test_nor_with_a_share_of_many_devices(story, seed):
    """Bounds on a share of few acts are wider than on one of many: what asks for a rate is left to the bench."""
    scenario = SCENARIOS[story].scenario
    groups = tuple(replace(group, count=max(1, group.count // SMALLER)) for group in scenario.groups)
    expect = tuple(what for what in scenario.expect if not isinstance(what, (RateOf, StatisticsOf)))
    smaller = replace(scenario, groups=groups, expect=expect)
    result = rehearse(smaller, RunSettings(seed=seed), Journal(lambda _: None), Nobody())
    assert result.error is None
    assert result.verdicts.verdict == "pass", [j.headline for j in result.verdicts.judgements if j.verdict != "pass"]


def test_every_scenario_is_tried():
    assert {path for path, _ in (*FEW, *MANY)} == set(find([ROOT / "scenarios"]))
    assert FEW
