"""`{state: GROUP, where: {…}}`: what the platform's API says when the rest is decided."""

from __future__ import annotations

import pytest

from simulator.scenario.model import Condition, StateOf

from .forms import HERE, M, acts, scenario


def state(path: str = "firmware.state", op: str = "equals", value: str = "Current", number: float = 0.0) -> StateOf:
    """One field of each."""
    condition = Condition(op=op, value=value, number=number)  # type: ignore[arg-type]
    return StateOf(place=HERE, subject=M, where=((path, condition),))


GOOD = ["7 state 0 m.0 firmware.state=Current", "7 state 0 m.1 firmware.state=Current"]


@pytest.mark.parametrize(
    ("form", "read", "verdict"),
    [
        pytest.param(state(), GOOD, "pass", id="as asked"),
        pytest.param(state(), [*GOOD[:1], "7 state 0 m.1 firmware.state=Pending"], "fail", id="another value"),
        pytest.param(state(), [*GOOD[:1], "7 state 0 m.1 firmware.state=-"], "fail", id="no such field"),
        pytest.param(state(), GOOD[:1], "inconclusive", id="one was not read"),
        pytest.param(state(), [*GOOD[:1], "7 state 0 m.1 !404 not found"], "inconclusive", id="could not be read"),
        pytest.param(state(), [*GOOD, "7 state 0 m.1 tags.x=y"], "pass", id="a record for another question"),
        pytest.param(
            state(), ["7 state 1 m.0 firmware.state=Current", *GOOD[1:]], "inconclusive", id="of another step"
        ),
        pytest.param(state(op="not", value="Pending"), [*GOOD[:1], "7 state 0 m.1 firmware.state=-"], "pass", id="not"),
        pytest.param(
            state(value=""), ["7 state 0 m.0 firmware.state=-", "7 state 0 m.1 firmware.state="], "pass", id="empty"
        ),
        pytest.param(state(op="any"), [*GOOD[:1], "7 state 0 m.1 firmware.state=-"], "fail", id="any must be there"),
        pytest.param(
            state("n", "below", number=5.0), ["7 state 0 m.0 n=4", "7 state 0 m.1 n=5"], "fail", id="a comparison"
        ),
    ],
)
def test_state_is_compared(judged, form, read, verdict):
    lines = acts()
    at = lines.index("7 ended 0")
    found = judged(scenario(forms=(form,)), [*lines[:at], *read, *lines[at:]])
    assert found.of("steps[0].form[0]").verdict == verdict


def test_a_step_does_not_wait_for_it_and_says_what_to_read(judged):
    found = judged(scenario(state("tags.site"), forms=(state(),)), acts(until=7.0)[:8])
    assert 0 not in found.undecided
    assert found.judge.states_wanted(0) == ((("m.0", "m.1"), ("firmware.state",)),)
    assert found.judge.states_wanted(-1) == ((("m.0", "m.1"), ("tags.site",)),)
    assert found.judge.states_wanted(1) == ()


def test_at_the_end_of_the_run(judged):
    read = ["29 state -1 m.0 firmware.state=Current", "29 state -1 m.1 firmware.state=Reverted"]
    found = judged(scenario(state()), acts(*read))
    assert found.of("expect[0]").whom == ("m.1",)
    assert found.text("expect[0]").splitlines()[:2] == [
        "m.1 has firmware.state=Current",
        "      read at 29.0 s: firmware.state is Reverted, not Current",
    ]
    assert "--only m.1" in found.text("expect[0]")
