"""`{after: NAME, within: D, sees: E}`: timed from each act of a name."""

from __future__ import annotations

import pytest

from simulator.scenario.model import AfterAct

from .forms import HERE, M, acts, e, scenario


def after(**more: object) -> AfterAct:
    """Within three seconds of a report."""
    return AfterAct(place=HERE, act="report", matcher=e("a"), within_s=3.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "seen", "verdict"),
    [
        pytest.param(after(), ["2.5 m.0 a", "4.9 m.1 a"], "pass", id="in time"),
        pytest.param(after(), ["1 m.0 a", "1.5 m.1 a"], "pass", id="from the beginning of the act on"),
        pytest.param(after(), ["2.5 m.0 a"], "fail", id="one is missing"),
        pytest.param(after(), ["2.5 m.0 a", "0.9 m.1 a"], "fail", id="before the act"),
        pytest.param(after(), ["2.5 m.0 a", "5 m.1 a"], "fail", id="as the time is over"),
        pytest.param(after(), ["2.5 m.0 a", "3.5 gap 3 3.5 lost"], "inconclusive", id="perhaps in a gap"),
        pytest.param(after(), ["2.5 m.0 a", "6 gap 5.5 6 lost"], "fail", id="a gap after the time"),
        pytest.param(after(not_before_s=1.0), ["3 m.0 a", "4 m.1 a"], "pass", id="late enough"),
        pytest.param(after(not_before_s=1.0), ["2.9 m.0 a", "4 m.1 a"], "fail", id="too early"),
        pytest.param(after(not_before_s=1.0), ["1.5 m.0 a", "4 m.1 a"], "fail", id="while the act is on"),
        pytest.param(after(not_before_s=1.0), ["0.9 m.0 a", "4 m.0 a", "4 m.1 a"], "pass", id="before it is not early"),
        pytest.param(after(not_before_s=1.0), ["3.5 m.0 a"], "fail", id="late enough, one is missing"),
        pytest.param(
            after(not_before_s=1.0), ["2.6 gap 2.5 2.6 lost", "4 m.0 a", "4 m.1 a"], "inconclusive", id="early in a gap"
        ),
        pytest.param(after(of=M), ["2.5 m.0 a", "4.9 m.1 a"], "pass", id="each of a group"),
        pytest.param(after(of=M), ["2.5 m.0 a"], "fail", id="not each of the group"),
    ],
)
@pytest.mark.parametrize("where", ["run", "step"])
def test_after_an_act(judged, form, seen, verdict, where):
    given = scenario(form) if where == "run" else scenario(forms=(form,))
    assert judged(given, acts(*seen)).of("expect[0]" if where == "run" else "steps[0].form[0]").verdict == verdict


REPEATED = ["0 run", "0 step 0", "1 > m.0 upload 24 #0", "1 > m.1 upload 24 #0", "2 < m.0 upload ok #0"]
REPEATED += ["2 < m.1 upload ok #0", "3 > m.0 upload 24 #1", "3 > m.1 upload 24 #1", "4 < m.0 upload ok #1"]
REPEATED += ["4 < m.1 upload ok #1", "4 acted 0", "20 end done"]


@pytest.mark.parametrize(
    ("form", "seen", "whom"),
    [
        pytest.param(after(), ["3.5 m.0 a", "3.5 m.1 a"], (), id="one event serves all windows that it lies in"),
        pytest.param(after(), ["2.5 m.0 a", "3.5 m.1 a"], ("m.0",), id="each repetition has its own"),
        pytest.param(after(of=M), ["2.5 m.0 a", "3.5 m.0 a", "3.5 m.1 a"], (), id="of a group, each repetition"),
        pytest.param(after(of=M), ["2.5 m.0 a", "3.5 m.1 a"], ("m.0",), id="of a group, the second is missing"),
    ],
)
def test_every_repetition_is_followed(judged, form, seen, whom):
    lines = sorted([*REPEATED, *seen], key=lambda line: float(line.split()[0]))
    found = judged(scenario(form, times=2), lines)
    assert found.of("expect[0]").whom == whom
    assert found.of("expect[0]").verdict == ("fail" if whom else "pass")


def test_too_early_is_told_at_once(judged):
    found = judged(scenario(after(not_before_s=1.0)), acts("2.5 m.0 a", "4 m.1 a"))
    assert [(finding.subject, finding.t_s) for finding in found.findings] == [("m.0", 2.5)]
    assert "too early: 2.5 s a; only 0.5 s after the end of report" in found.text("expect[0]")
    assert found.of("expect[0]").words == "sees a between 1 s and 3 s after report"


def test_a_step_waits_for_the_windows_of_its_acts(judged):
    form = AfterAct(place=HERE, act="report", matcher=e("a"), within_s=30.0)
    begun = [line for line in acts() if float(line.split()[0]) <= 2]
    assert 0 in judged(scenario(forms=(form,)), begun).undecided
    assert 0 not in judged(scenario(forms=(form,)), [*begun, "3 m.0 a", "3 m.1 a"]).undecided


def test_an_act_that_never_begins_proves_nothing(judged):
    found = judged(scenario(after()), ["0 run", "5 end done"])
    assert found.open >= {"expect[0]"}
    assert "no such act has begun" in found.text("expect[0]")
