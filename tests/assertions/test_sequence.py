"""`{sequence: [E1, E2], each: G}`: in this order, others may lie between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario.model import InSequence

from .forms import HERE, M, acts, e, scenario

AB = InSequence(place=HERE, matchers=(e("a"), e("b")), subject=M)
BY_SPY = InSequence(place=HERE, matchers=(e("a"), e("b")), subject=M, by="spy")
BOTH = ["1.1 m.0 a", "1.2 m.0 b", "1.1 m.1 a"]


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        pytest.param(["1.3 m.1 b"], "pass", id="in order"),
        pytest.param(["1.2 m.1 c", "1.3 m.1 b", "1.4 m.1 a"], "pass", id="others between and behind"),
        pytest.param(["1.1 m.1 b"], "pass", id="at equal times the order of the stream counts"),
        pytest.param([], "fail", id="one is missing"),
        pytest.param(["1.05 m.1 b"], "fail", id="the wrong way round"),
        pytest.param(["0.2 m.1 b"], "fail", id="too early"),
        pytest.param(["4 gap 3 4 lost"], "inconclusive", id="perhaps in a gap"),
        pytest.param(["4 gap 3 4 by=spy lost"], "fail", id="in a gap of somebody else"),
        pytest.param(["1.3 seen spy m.1 b"], "fail", id="seen by somebody else"),
    ],
)
@pytest.mark.parametrize("where", ["run", "step"])
def test_a_sequence(judged, more, verdict, where):
    given = scenario(AB) if where == "run" else scenario(forms=(AB,))
    check = "expect[0]" if where == "run" else "steps[0].form[0]"
    assert judged(given, acts(*BOTH, *more)).of(check).verdict == verdict


@pytest.mark.parametrize(
    ("time", "verdict"), [("6.9", "pass"), ("7", "fail"), ("9", "fail")], ids=["just in time", "as it ends", "too late"]
)
def test_in_a_step_it_has_until_the_end_of_the_window(judged, time, verdict):
    assert judged(scenario(forms=(AB,)), acts(*BOTH, f"{time} m.1 b")).of("steps[0].form[0]").verdict == verdict


def test_it_is_decided_as_soon_as_it_holds(judged):
    lines = acts(*BOTH, "3 m.1 b")
    begun = [line for line in lines if float(line.split()[0]) <= 3]
    assert 0 not in judged(scenario(forms=(AB,)), begun).undecided
    assert 0 in judged(scenario(forms=(AB,)), begun[:-1]).undecided


def test_one_order_over_all(judged):
    early = ["1.1 m.0 a", "1.2 m.0 b", "1.3 m.1 a", "1.4 m.1 b"]
    found = judged(scenario(AB, in_order=True), acts(*early))
    assert found.of("expect[0]").verdict == "fail"
    assert "not all had seen what stands before it, and the file asks for one order over all" in found.text("expect[0]")
    assert judged(scenario(AB, in_order=True), acts(*early, "1.5 m.0 b")).of("expect[0]").verdict == "pass"


def test_in_the_stream_of_another_observer(judged):
    seen = [line.replace(" m.", " seen spy m.") for line in (*BOTH, "1.3 m.1 b")]
    assert judged(scenario(BY_SPY), acts(*seen)).of("expect[0]").verdict == "pass"
    assert judged(scenario(BY_SPY), acts(*BOTH, "1.3 m.1 b")).of("expect[0]").verdict == "fail"
    assert judged(scenario(BY_SPY), acts(*seen[:-1], "9 gap 1 2 by=spy lost")).of("expect[0]").verdict == "inconclusive"
    assert judged(scenario(BY_SPY), acts(*seen[:-1], "9 gap 1 2 lost")).of("expect[0]").verdict == "fail"
    cut = acts(*seen[:-1], "1.25 stream spy closed 1006", "20 stream spy opened")
    assert "its stream was not open: 1006" in judged(scenario(forms=(BY_SPY,)), cut).text("steps[0].form[0]")


def test_a_failure_tells_everything(judged):
    found = judged(scenario(forms=(AB,)), acts(*BOTH, "1.25 m.1 c"))
    assert found.text("steps[0].form[0]").splitlines() == [
        "m.1 sees a, then b until 5 s after upload",
        "      from upload at 0.5 s to 7.0 s it saw a and lacks b; nearest: 1.25 s c",
        "      the device itself: ok at 2.0 s (upload)",
        "      1 of 2 m; again with: simulator run x.yaml --seed 7 --only m.1",
    ]
    assert [finding.t_s for finding in found.findings] == [7.0]


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_it_holds_exactly_if_it_is_a_subsequence(judged, seen, wanted):
    form = InSequence(place=HERE, matchers=tuple(e(name) for name in wanted), subject=M)
    lines = acts(*(f"1.{n} m.{who} {name}" for n, name in enumerate(seen) for who in (0, 1)))
    rest = iter(seen)
    holds = all(name in rest for name in wanted)
    assert judged(scenario(form), lines).of("expect[0]").verdict == ("pass" if holds else "fail")
