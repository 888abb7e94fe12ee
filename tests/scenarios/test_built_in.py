"""Every built-in scenario passes: all in virtual time, the short ones over real sockets too, and on the other stacks.

What runs in real time mostly waits. So those runs go on beside the other tests, each in a process of its own, and the
tests only collect what they came to (conftest).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.plan import make_plan
from simulator.scenario import find, load_all

ROOT = Path(__file__).parents[2]
FILES = find([ROOT / "scenarios"])
PLANS = {(path, scenario.case): make_plan(scenario) for path in FILES for scenario in load_all(path)}
"""By file and case; "" where the file has none."""

Story = tuple[Path, str]

REAL_LIMIT_S = 60.0
PATIENCE_S = 120.0
CASES_IN_REAL_TIME = ("sim-moved.both", "exchanged.other-without-imei", "is-cut-off")
"""Of a file with cases, these stand for the others: a refusal that must not be told waits for ten seconds."""


def name(story: Story) -> str:
    path, case = story
    return f"{path.relative_to(ROOT / 'scenarios')}{f'[{case}]' if case else ''}"


def speaks_coap(story: Story) -> bool:
    return any(group.transport in ("coap", "coaps") for group in PLANS[story].scenario.groups)


def file_of(story: Story) -> str:
    return story[0].stem


LARGE = [story for story, plan in PLANS.items() if len(plan.members) > 500]
SHORT = [
    story
    for story, plan in PLANS.items()
    if plan.duration_s <= REAL_LIMIT_S and story not in LARGE and (not story[1] or story[1] in CASES_IN_REAL_TIME)
]
REAL = [
    *((story, ("--time", "real")) for story in SHORT),
    *((story, ("--wire", "dgram")) for story in SHORT if story[0].parent.name == "upload"),
    *((story, ("--wire", "mapped")) for story in SHORT if file_of(story) in ("first_contact", "in_the_reply_udp")),
    *((story, ("--wire", "mapped")) for story in SHORT if file_of(story) in ("sim_moved", "cut_off")),
    *((story, ("--time", "real", "--stack", "aiocoap")) for story in SHORT[:1] if speaks_coap(story)),
]
ON_AIOCOAP = [
    story
    for story, plan in PLANS.items()
    if speaks_coap(story) and len(plan.members) <= 100 and (not story[1] or story[1] == CASES_IN_REAL_TIME[0])
]


def beside(stories: list[tuple[Story, tuple[str, ...]]]) -> list[object]:
    """Parameters of a test whose runs go on beside the others."""
    return [
        pytest.param(
            story[0],
            (*options, *(("--case", story[1]) if story[1] else ())),
            id=" ".join((name(story), *options)),
        )
        for story, options in stories
    ]


@pytest.mark.parametrize("story", [story for story in PLANS if story not in LARGE], ids=name)
def test_in_virtual_time(story, run_scenario):
    path, _ = story
    verdicts, report, _ = run_scenario(path, scenario=PLANS[story].scenario)
    assert verdicts.verdict == "pass", report


@pytest.mark.parametrize("story", ON_AIOCOAP, ids=name)
def test_on_aiocoap(story, run_scenario):
    path, _ = story
    verdicts, report, _ = run_scenario(path, scenario=PLANS[story].scenario, stack="aiocoap")
    assert verdicts.verdict == "pass", report


def command_of(path, options):
    return "-m", "simulator", "run", str(path), *options, "--out", "{out}"


@pytest.mark.real
@pytest.mark.beside(command=command_of)
@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize(("path", "options"), beside(REAL))
def test_in_real_time(path, options, ended_beside):
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said


@pytest.mark.beside(command=command_of)
@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize(("path", "options"), beside([(story, ()) for story in LARGE]))
def test_a_large_one_in_virtual_time(path, options, ended_beside):
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said


def test_enough_of_them_run_in_real_time():
    assert len(SHORT) >= 5


@pytest.mark.parametrize("theme", ["connect", "upload", "downstream", "life", "network", "sim_swap"])
def test_every_theme_is_there(theme):
    assert any(path.parent.name == theme for path in FILES)


@pytest.mark.parametrize(
    "swap",
    [
        "sim-moved",
        "sim-replaced",
        "both-replaced",
        "exchange-pair",
        "esim-switch",
        "esim-switch-rollback",
        "multi-imsi-rotation",
        "imei-clone",
        "imsi-clone",
        "svn-change",
        "no-imei",
        "late-stop",
        "repair-wrong-order",
        "repair-while-session",
    ],
)
def test_every_named_swap_is_there(swap):
    """mobile-network §3.5."""
    assert any(f"swap.{swap}" in plan.scenario.tags for plan in PLANS.values())
