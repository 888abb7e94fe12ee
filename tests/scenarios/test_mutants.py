"""A built-in scenario that no mutant turns red is not a test: each names some, and each of those is killed as named.

Where many devices take part, some of them do: it is the same story, and what a thousand meters show is shown by
ten of them too. `simulator prove` runs them all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.run.prove import prove_one
from simulator.scenario import find, load_all
from simulator.scenario.model import Scenario

ROOT = Path(__file__).parents[2]
SCENARIOS = [(path, scenario) for path in find([ROOT / "scenarios"]) for scenario in load_all(path)]
MANY = 50
SOME = 10
RARE = ("upstreamMessage-one-in-10000-lost",)
"""Some devices do not send enough to meet it; the server's own story of it is in tests/server/test_mutants.py."""


def name(path: Path, scenario: Scenario) -> str:
    return f"{path.relative_to(ROOT / 'scenarios')}{f'[{scenario.case}]' if scenario.case else ''}"


def with_some_devices(scenario: Scenario) -> Scenario:
    if sum(group.count for group in scenario.groups) <= MANY or names_members(scenario):
        return scenario
    return replace(
        scenario,
        groups=tuple(replace(group, count=min(group.count, SOME)) for group in scenario.groups),
        mutants=tuple(each for each in scenario.mutants if each[0] not in RARE),
    )


def names_members(scenario: Scenario) -> bool:
    """Whether it speaks of members by number: those have to be there."""
    return any(subject.last is not None for step in scenario.steps for subject in step.subjects)


@pytest.mark.parametrize(("path", "scenario"), SCENARIOS, ids=[name(*one) for one in SCENARIOS])
def test_every_mutant_that_a_scenario_names_is_killed_as_named(path, scenario):
    acted = with_some_devices(scenario)
    row = prove_one(name(path, scenario), acted)
    assert row.sound.verdict == "pass", row.sound
    assert len(row.proofs) == len(acted.mutants) >= 1
    assert [proof for proof in row.proofs if proof.outcome != "killed" or not proof.named] == []
    assert row.proven
