"""How a step stands when it is decided, told before the run is over."""

from __future__ import annotations

import pytest

from simulator.assertions.judge import Judge
from simulator.plan.planning import make_plan
from simulator.scenario import loads

from .conftest import Reader

TEXT = """
scenario: x
devices: {m: {count: 2}}
steps:
  - upload: m
    payload: 24 B
    within: 5 s
    expect: [upstreamMessage, {each: m, sees: upstreamMessage, at_least: 1, at_most: 1}]
    never: [imeiMismatch]
  - {upload: m, payload: 9 B, outcome: ok}
"""

BEGUN = ["0 step 0", "0 > m.0 upload 24", "0 > m.1 upload 24", "0.1 m.0 upstreamMessage"]
DONE = [*BEGUN, "0.1 m.1 upstreamMessage", "0.2 < m.0 upload ok", "0.2 < m.1 upload ok", "0.2 acted 0"]
NAMES = ["steps[0].outcome", "steps[0].expect[0]", "steps[0].never[0]", "steps[0].form[0]"]


def court(*lines: str) -> Judge:
    """Fed with these, and with the time of the last."""
    scenario = loads(TEXT, "x.yaml")
    plan, reader = make_plan(scenario), Reader()
    judge = Judge(scenario, plan.names_by_group(), plan.names, {}, "simulator run x.yaml")
    for line in lines:
        judge.feed(reader.record(line))
        judge.expire(float(line.split()[0]))
    return judge


def said(judge: Judge, step: int = 0) -> dict[str, str]:
    return {judgement.check: judgement.verdict for judgement in judge.judgements_of(step)}


@pytest.mark.parametrize(
    ("lines", "step"),
    [
        (BEGUN, 0),
        (DONE, 0),  # what must not be seen may still come
        ([*DONE, "6 ended 0"], 1),  # not begun
        ([*DONE, "6 ended 0"], 2),  # no such step
        ([*DONE, "6 ended 0"], -1),
    ],
)
def test_nothing_is_said_of_what_is_not_decided(lines, step):
    assert court(*lines).judgements_of(step) == ()


def test_a_step_that_held():
    assert said(court(*DONE, "6 ended 0")) == dict.fromkeys(NAMES, "pass")


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([*(line for line in DONE if "m.1 upstream" not in line), "6 ended 0"], {NAMES[1]: "fail", NAMES[3]: "fail"}),
        ([*DONE, "1 m.0 imeiMismatch", "6 ended 0"], {NAMES[2]: "fail"}),
        ([*(line.replace("m.1 upload ok", "m.1 upload !timeout") for line in DONE), "6 ended 0"], {NAMES[0]: "fail"}),
        ([*(line for line in DONE if "m.1 upload" not in line), "6 ended 0"], {NAMES[0]: "inconclusive"}),
        ([*DONE, "6 gap 1 2 lost it", "6 ended 0"], {NAMES[2]: "inconclusive", NAMES[3]: "inconclusive"}),
    ],
)
def test_a_step_that_did_not(lines, wrong):
    judge = court(*lines)
    told = said(judge)
    assert told == {**dict.fromkeys(NAMES, "pass"), **wrong}
    assert said(judge) == told, "asking changes nothing"
    at_the_end = {j.check: j.verdict for j in judge.finish(20).judgements}
    assert {name: at_the_end[name] for name in NAMES} == told


def test_it_is_told_of_each_step_for_itself():
    second = ["7 step 1", "7 > m.0 upload 9", "7 > m.1 upload 9", "7.1 < m.0 upload ok", "7.1 < m.1 upload ok"]
    judge = court(*DONE, "6 ended 0", *second, "7.1 acted 1")
    assert said(judge) == dict.fromkeys(NAMES, "pass")
    assert said(judge, 1) == {"steps[1].outcome": "pass"}
