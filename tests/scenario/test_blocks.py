"""`together` and `repeat`: written out flat, with the order in which the steps run."""

import time

import pytest

from simulator.errors import ScenarioErrors
from simulator.scenario import loads
from simulator.scenario import model as m
from simulator.scenario.model import Block, Together

HEAD = "scenario: a\ndevices: {m: {count: 5}, n: {}}\nsteps:\n"


def _read(*steps: str) -> m.Scenario:
    return loads(HEAD + "".join(f"  - {step}\n" for step in steps))


def _texts(scenario: m.Scenario) -> list[str]:
    return [step.text for step in scenario.steps]


@pytest.mark.parametrize(
    ("steps", "texts", "flow"),
    [
        pytest.param(["attach: m", "upload: m"], ["attach m", "upload m"], (), id="plain"),
        pytest.param(
            ["repeat: {times: 3, steps: [{attach: m}, {upload: m}]}", "detach: m"],
            [
                "attach m (1 of 3)", "upload m (1 of 3)", "attach m (2 of 3)", "upload m (2 of 3)",
                "attach m (3 of 3)", "upload m (3 of 3)", "detach m",
            ],
            (),
            id="a repeat alone is no flow",
        ),
        pytest.param(["repeat: {times: 1, steps: [{attach: m}]}"], ["attach m"], (), id="once is as if not"),
        pytest.param(
            ["repeat: {times: 2, steps: [{repeat: {times: 2, steps: [{attach: m}]}}]}"],
            ["attach m (1 of 2, 1 of 2)", "attach m (1 of 2, 2 of 2)", "attach m (2 of 2, 1 of 2)",
             "attach m (2 of 2, 2 of 2)"],
            (),
            id="a repeat of repeats",
        ),
        pytest.param(
            ["attach: m", "together: [{upload: m}, {wait: 5 s}]", "detach: m"],
            ["attach m", "upload m", "wait 5 s", "detach m"],
            (0, Together((1, 2)), 3),
            id="together",
        ),
        pytest.param(
            ["together: [{repeat: {times: 2, steps: [{upload: m}, {wait: 5 s}]}}, {upload: n}]"],
            ["upload m (1 of 2)", "wait 5 s (1 of 2)", "upload m (2 of 2)", "wait 5 s (2 of 2)", "upload n"],
            (Together((Block((0, 1, 2, 3)), 4)),),
            id="a repeat in a together",
        ),
        pytest.param(
            ["repeat: {times: 2, steps: [{wait: 1 s}, {together: [{upload: m}, {upload: n}]}]}"],
            ["wait 1 s (1 of 2)", "upload m (1 of 2)", "upload n (1 of 2)", "wait 1 s (2 of 2)", "upload m (2 of 2)",
             "upload n (2 of 2)"],
            (0, Together((1, 2)), 3, Together((4, 5))),
            id="a together in a repeat",
        ),
        pytest.param(
            ["together: [{together: [{upload: m}, {upload: n}]}, {wait: 1 s}]"],
            ["upload m", "upload n", "wait 1 s"],
            (Together((Together((0, 1)), 2)),),
            id="a together in a together",
        ),
    ],
)  # fmt: skip
def test_blocks(steps, texts, flow):
    scenario = _read(*steps)
    assert (_texts(scenario), scenario.flow) == (texts, flow)


@pytest.mark.parametrize(
    ("step", "times"),
    [
        ("{together: [{upload: m}, {upload: n, at: 90 s}], at: 1 min}", [60.0, 90.0]),
        ("{together: [{upload: m}, {upload: n, at: 30 s}], at: 1 min}", [60.0, 60.0]),
        ("{repeat: {times: 2, steps: [{upload: m}, {upload: n}]}, at: 1 min}", [60.0, None, None, None]),
        ("{together: [{repeat: {times: 2, steps: [{upload: m}]}}, {upload: n}], at: 1 min}", [60.0, None, 60.0]),
        ("{repeat: {times: 2, steps: [{together: [{upload: m}, {upload: n}]}]}, at: 1 min}", [60.0, 60.0, None, None]),
        ("{together: [{upload: m, at: 2 s}, {upload: n}]}", [2.0, None]),
    ],
)
def test_a_block_that_begins_later_makes_its_first_steps_begin_later(step, times):
    assert [one.at_s for one in _read(step).steps] == times


def test_a_name_in_a_block_is_that_of_every_round(mistakes):
    scenario = loads(
        HEAD
        + "  - {repeat: {times: 3, steps: [{upload: m, as: report}]}}\n"
        + "expect: [{after: report, sees: upstreamMessage}, {rate: report, at_least: 9 %}]\n"
    )
    assert [step.name for step in scenario.steps] == ["report"] * 3
    assert {step.place for step in scenario.steps} == {scenario.steps[0].place}
    steps = "  - {repeat: {times: 3, steps: [{upload: m, as: report}, {upload: n, as: report}]}}\n"
    assert mistakes(HEAD + steps) == ["4:74: two acts are called 'report' (first at line 4)"]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{together: }", "4:6: together has no value (write it as together: [{upload: meters}, {wait: 5 s}])"),
        ("{together: []}", "4:16: together has no steps (write it as together: [{upload: meters}, {wait: 5 s}])"),
        ("{together: {upload: m}}", "4:16: together must be a list (write it as [{upload: meters}, {wait: 5 s}])"),
        ("{together: [upload]}", "4:17: a step must be a mapping, not a word (write it as attach: meters)"),
        ("{together: [{atach: m}]}", "4:18: no verb 'atach' (did you mean 'attach'?)"),
        (
            "{together: [{upload: m}], as: both}",
            "4:31: 'as' does not fit together (beside together only at fits; put it beside a step inside)",
        ),
        (
            "{together: [{upload: m}], expect: [ciotConnect]}",
            "4:31: 'expect' does not fit together (beside together only at fits; put it beside a step inside)",
        ),
        (
            "{together: [{upload: m}], payload: 5 B}",
            "4:31: 'payload' does not fit together (it fits upload, upload_blob, send)",
        ),
        ("{together: [{upload: m}], atx: 5 s}", "4:31: unknown key 'atx' beside together (did you mean 'at'?)"),
        ("{together: [{upload: m}], at: soon}", "4:35: at: 'soon' is no duration (write a number and a unit"),
        ("{together: [{upload: m}], wait: 5 s}", "4:31: two verbs in a step: together and wait (write two steps)"),
        ("{repeat: }", "4:6: repeat has no value (write it as repeat: {times: 3, steps: [{upload: meters}]})"),
        ("{repeat: 3}", "4:14: repeat must be a mapping, not a word (write it as repeat: {times: 3, steps: [{upload"),
        ("{repeat: {times: 3}}", "4:6: repeat without steps (write it as repeat: {times: 3, steps: [{upload: meters}]"),
        ("{repeat: {steps: [{upload: m}]}}", "4:14: repeat without times (write it as repeat: {times: 3, steps: [{u"),
        ("{repeat: {times: 3, steps: []}}", "4:32: repeat has no steps (write it as repeat: {times: 3, steps: [{upl"),
        ("{repeat: {times: 3, steps: 5}}", "4:32: the steps of a repeat must be a list (write it as [{upload"),
        ("{repeat: {times: 0, steps: [{upload: m}]}}", "4:22: times must be from 1 to 10000, not '0'"),
        ("{repeat: {times: 3 s, steps: [{upload: m}]}}", "4:22: times is a whole number, not '3 s' (write it as 3)"),
        ("{repeat: {time: 3, times: 2, steps: [{upload: m}]}}", "4:15: unknown key 'time' in repeat (did you mean 't"),
        ("{repeat: {times: 2, steps: [{upload: m}]}, times: 2}", "4:48: 'times' does not fit repeat (beside repeat o"),
        (
            "{repeat: {times: 5001, steps: [{upload: m}, {upload: n}]}}",
            "4:6: this repeat is 10002 steps (a scenario has at most 10000 when repeats are written out; use",
        ),
        (
            "{repeat: {times: 9999, steps: [{repeat: {times: 9999, steps: [{upload: m}]}}]}}",
            "4:6: this repeat is 99980001 steps (a scenario has at most 10000",
        ),
        (
            "{repeat: {times: 2, steps: [{repeat: {times: 9999, steps: [{upload: m}, {upload: n}]}}]}}",
            "4:34: this repeat is 19998 steps (a scenario has at most 10000",
        ),
        (
            "{repeat: {times: 10, steps: [{repeat: {times: 1000, steps: [{upload: m, expect: ["
            + "upstreamMessage, " * 101
            + "{none: m, sees: deviceRemoved}], never: [deviceMoved]}]}}]}}",
            "4:35: this repeat is 103000 expectations (a scenario has at most 100000 when repeats are written out; exp",
        ),
        (
            "{repeat: {times: 1001, steps: [{upload: m, expect: [" + "upstreamMessage, " * 100 + "]}]}}",
            "4:6: this repeat is 100100 expectations (a scenario has at most 100000",
        ),
    ],
)
def test_mistakes(mistakes, step, told):
    (found,) = mistakes(f"{HEAD}  - {step}\n")
    assert told in found


def test_many_repeats_are_counted_together(mistakes):
    half = "  - {repeat: {times: 6000, steps: [{upload: m}]}}\n"
    assert mistakes(HEAD + half + half) == [
        "4:3: 12000 steps when repeats are written out (a scenario has at most 10000)"
    ]


def test_what_many_repeats_expect_is_counted_together(mistakes):
    half = "  - {repeat: {times: 500, steps: [{upload: m, expect: [" + "upstreamMessage, " * 101 + "]}]}}\n"
    assert mistakes(HEAD + half + half) == [
        "4:3: this is 101000 expectations (a scenario has at most 100000 when repeats are written out; expect less in"
        " each round)"
    ]
    assert len(_read(half[4:-1]).steps) == 500


def test_mistakes_in_a_block_are_told_once_and_all(mistakes):
    inner = "{atach: m}, {upload: x}, {repeat: {times: 2, steps: [{wait: 5}]}}"
    found = mistakes(f"{HEAD}  - {{together: [{{repeat: {{times: 3, steps: [{inner}]}}}}, {{upload: m, over: 3}}]}}\n")
    assert [line.split(": ")[0] for line in found] == ["4:46", "4:66", "4:105", "4:133"]


def _nested(depth: int) -> str:
    """Repeats in repeats: ten thousand times as many steps with each."""
    text = "{upload: m}"
    for _ in range(depth):
        text = f"{{repeat: {{times: 10000, steps: [{text}]}}}}"
    return f"{HEAD}  - {text}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(_nested(2), "this repeat is 100000000 steps", id="a hundred million steps"),
        pytest.param(
            f"{HEAD}  - {{repeat: {{times: 9999, steps: [{{repeat: {{times: 9999, steps: [{{x: m}}]}}}}]}}}}\n",
            "no verb 'x'",
            id="of nothing that can be read",
        ),
        pytest.param(_nested(9), "this repeat is 100000000 steps", id="as deep as files go"),
        pytest.param(_nested(11), "more than 32 levels deep", id="deeper than files go"),
        pytest.param(
            HEAD + "  - {repeat: {times: 10000, steps: [{upload: m}]}}\n" * 500,
            "5000000 steps when repeats",
            id="side by side",
        ),
        pytest.param(
            HEAD + "  - {together: [" + ", ".join(["{repeat: {times: 10000, steps: [{upload: m}]}}"] * 500) + "]}\n",
            "this together is 5000000 steps",
            id="in a together",
        ),
    ],
)
def test_repeats_that_explode_are_refused_within_a_second(text, told):
    started = time.process_time()
    with pytest.raises(ScenarioErrors) as caught:
        loads(text, "f")
    assert time.process_time() - started < 1.0
    assert told in str(caught.value)


def test_ten_thousand_steps_are_read():
    scenario = _read("repeat: {times: 10000, steps: [{upload: m}]}")
    assert len(scenario.steps) == 10_000
    assert scenario.steps[-1].text == "upload m (10000 of 10000)"
