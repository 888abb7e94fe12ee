"""Forms beside a step's list: their window, when they are decided, and the streams of other observers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.scenario.model import Condition, Counted, LatencyOf, NeverSeen, RateOf

from .forms import HERE, M, acts, e, scenario

FORM = "steps[0].form[0]"


def counted(quantifier: str = "each", by: str = "", **bounds: int) -> Counted:
    """Of event a."""
    return Counted(place=HERE, quantifier=quantifier, subject=M, matcher=e("a"), by=by, **bounds)  # type: ignore[arg-type]


def never(by: str = "") -> NeverSeen:
    """Of event a."""
    return NeverSeen(place=HERE, matchers=(e("a"),), of=M, by=by)


ONCE = ["3 m.0 a", "3 m.1 a"]
BELOW = Condition(op="below", number=1.0)


@pytest.mark.parametrize(
    ("form", "more", "verdict"),
    [
        pytest.param(counted(), ONCE, "pass", id="each"),
        pytest.param(counted(), ["3 m.0 a", "7 m.1 a"], "fail", id="too late"),
        pytest.param(counted(), ["3 m.0 a", "0.4 m.1 a"], "fail", id="too early"),
        pytest.param(counted(), ["3 m.0 a", "4 gap 3 4 lost"], "inconclusive", id="perhaps in a gap"),
        pytest.param(counted(), ["3 m.0 a", "9 gap 8 9 lost"], "fail", id="a gap after the window"),
        pytest.param(counted(at_least=1, at_most=1), [*ONCE, "4 m.0 a"], "fail", id="too many"),
        pytest.param(counted(at_least=1, at_most=1), [*ONCE, "8 m.0 a"], "pass", id="another after the window"),
        pytest.param(counted(at_least=1, at_most=1), [*ONCE, "9 gap 8 9 lost"], "pass", id="a gap after its window"),
        pytest.param(counted("some"), ["3 m.1 a"], "pass", id="some"),
        pytest.param(counted("some"), ["8 m.1 a"], "fail", id="some, too late"),
        pytest.param(counted("none"), ["8 m.1 a"], "pass", id="none, after the window"),
        pytest.param(counted("none"), ["6.9 m.1 a"], "fail", id="none"),
        pytest.param(never(), ["7 m.1 a", "0.1 m.1 a"], "pass", id="never, outside the window"),
        pytest.param(never(), ["0.5 m.1 a"], "fail", id="never"),
        pytest.param(never(), ["5 gap 4 5 lost"], "inconclusive", id="never, perhaps in a gap"),
        pytest.param(RateOf(place=HERE, verb="upload", at_least=1.0), [], "pass", id="rate"),
        pytest.param(RateOf(place=HERE, verb="report", at_most=0.5), [], "fail", id="rate of a name"),
        pytest.param(
            LatencyOf(place=HERE, matcher=e("a"), bounds=((99.0, BELOW),)), ["1.5 m.0 a"], "pass", id="latency"
        ),
        pytest.param(LatencyOf(place=HERE, matcher=e("a"), bounds=((99.0, BELOW),)), ["2.5 m.0 a"], "fail", id="slow"),
        # In the stream of another observer
        pytest.param(counted(by="spy"), ONCE, "fail", id="each by spy, who sees nothing"),
        pytest.param(counted(by="spy"), ["3 seen spy m.0 a", "3 seen spy m.1 a"], "pass", id="each by spy"),
        pytest.param(counted(by="spy"), ["9 gap 3 4 by=spy lost"], "inconclusive", id="spy may have missed it"),
        pytest.param(counted(by="spy"), ["9 gap 3 4 lost"], "fail", id="only the own observer was blind"),
        pytest.param(counted(by="spy"), ["2.5 stream spy closed", "20 stream spy opened"], "inconclusive", id="closed"),
        pytest.param(never(by="spy"), ONCE, "pass", id="never by spy"),
        pytest.param(never(by="spy"), ["3 seen spy m.0 a"], "fail", id="spy sees it"),
        pytest.param(
            never(by="spy"), ["2.5 stream spy closed", "20 stream spy opened"], "inconclusive", id="spy lost it"
        ),
        pytest.param(
            never(by="spy"),
            ["2.4 > spy unsubscribe @1", "2.5 stream spy closed", "20 gap 2.5 20 by=spy closed"],
            "pass",
            id="its stream was ended on purpose, so it sees nothing",
        ),
        pytest.param(never(by="spy"), ["0 stream spy refused 403"], "pass", id="refused, so it sees nothing"),
        pytest.param(
            counted(by="spy"), ["0 stream spy refused 403"], "inconclusive", id="refused, and should have seen"
        ),
    ],
)
def test_a_form_in_a_step(judged, form, more, verdict):
    assert judged(scenario(forms=(form,)), acts(*more)).of(FORM).verdict == verdict


@pytest.mark.parametrize(
    ("form", "seen", "decided"),
    [
        pytest.param(counted(), ["3 m.0 a"], False, id="each, one is missing"),
        pytest.param(counted(), ONCE, True, id="each has enough"),
        pytest.param(counted(at_least=1, at_most=1), ONCE, False, id="there could be more"),
        pytest.param(counted("some"), ["3 m.0 a"], True, id="one is enough"),
        pytest.param(counted("none", at_least=0, at_most=0), ONCE, True, id="none without"),
        pytest.param(counted("none"), [], False, id="none, so far"),
        pytest.param(never(), [], False, id="never, so far"),
        pytest.param(counted(at_least=0), [], True, id="nothing is asked"),
    ],
)
def test_what_can_only_become_true_is_decided_at_once(judged, form, seen, decided):
    begun = [line for line in acts(*seen) if float(line.split()[0]) <= 3]
    assert (0 not in judged(scenario(forms=(form,)), begun).undecided) is decided


def test_a_run_that_ends_in_the_window_leaves_it_open(judged):
    begun = [line for line in acts("2.5 m.0 a") if float(line.split()[0]) <= 3]
    found = judged(scenario(forms=(counted(), never())), [*begun, "3 end interrupted"], settle=False)
    assert found.of(FORM).verdict == "inconclusive"
    assert "not decided when the run ended at 3.0 s" in found.text(FORM)
    assert found.failed == {"steps[0].form[1]"}
    assert "its step did not begin" in judged(scenario(forms=(counted(),)), ["0 run", "1 end x"], settle=False).text(
        FORM
    )


def test_failure_texts_say_where_and_by_whom(judged):
    found = judged(scenario(forms=(counted(by="spy"),)), acts("3 m.0 a", "3.5 seen spy m.0 a", "4 seen spy m.1 b"))
    assert found.text(FORM).splitlines() == [
        "m.1 sees a at least once until 5 s after upload, in the stream of spy",
        "      seen never from upload at 0.5 s to 7.0 s; latest alike: 4.0 s b",
        "      the device itself: ok at 2.0 s (upload)",
        "      the stream of spy: open since 0.0 s",
        "      1 of 2 m; again with: simulator run x.yaml --seed 7 --only m.1",
    ]


# --- steps that overlap -----------------------------------------------------------------------------------------------


def test_lists_of_steps_that_overlap_are_judged_each_for_itself(judged):
    base = scenario(forms=(counted(at_least=1, at_most=1),))
    first = base.steps[0]
    twin = replace(first, name="", forms=(counted(at_least=1),))
    given = replace(base, steps=(first, twin), allow=(*base.allow,))
    lines = ["0 run", "0 step 0", "0 step 1"]
    lines += [f"1 > m.{i} upload 24 @{s}" for s in (0, 1) for i in (0, 1)] + ONCE_EARLY
    lines += [f"2 < m.{i} upload ok @{s}" for s in (1, 0) for i in (0, 1)] + ["2 acted 1", "2 acted 0", "20 end done"]
    found = judged(given, lines)
    assert {found.of(f"steps[{step}].form[0]").verdict for step in (0, 1)} == {"pass"}
    assert {found.of(f"steps[{step}].outcome").verdict for step in (0, 1)} == {"pass"}


ONCE_EARLY = ["1.5 m.0 a", "1.5 m.1 a"]


def test_the_device_tells_all_that_it_has_under_way(judged):
    base = scenario(never())
    given = replace(base, steps=(base.steps[0], base.steps[0]))
    lines = [
        "0 run",
        "0 step 0",
        "0 step 1",
        "1 > m.0 upload 24 @0",
        "1.5 > m.0 upload 24 @1",
        "1.7 < m.0 upload ok @1",
    ]
    text = judged(given, [*lines, "1.8 m.0 a", "9 < m.0 upload ok @0"], settle=False).text("expect[0]")
    assert "the device itself: ok at 1.7 s (upload); upload since 1.0 s, not over yet" in text
