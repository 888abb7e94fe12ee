"""`{exactly: [E1, E2], each: G}`: these and no others, in this order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario.model import Exactly, Subject

from .forms import HERE, acts, e, scenario

ONE = Subject(group="m", place=HERE, text="m.0", first=0, last=0)


def exactly(*names: str, by: str = "") -> Exactly:
    """Of m.0."""
    return Exactly(place=HERE, matchers=tuple(e(name) for name in names), subject=ONE, by=by)


@pytest.mark.parametrize(
    ("names", "seen", "verdict"),
    [
        pytest.param("ab", ["1.1 m.0 a", "1.2 m.0 b"], "pass", id="these"),
        pytest.param("ab", ["1.1 m.0 a", "1.1 m.0 b"], "pass", id="at equal times"),
        pytest.param("ab", ["1.1 m.0 a", "1.15 m.1 c", "1.2 m.0 b"], "pass", id="another device between"),
        pytest.param("", [], "pass", id="nothing at all"),
        pytest.param("", ["1.1 m.0 a"], "fail", id="something instead of nothing"),
        pytest.param("ab", ["1.1 m.0 a", "1.15 m.0 c", "1.2 m.0 b"], "fail", id="another between"),
        pytest.param("ab", ["1.1 m.0 a", "1.2 m.0 b", "1.3 m.0 b"], "fail", id="once more"),
        pytest.param("ab", ["1.1 m.0 b", "1.2 m.0 a"], "fail", id="the wrong way round"),
        pytest.param("ab", ["1.1 m.0 a"], "fail", id="too few"),
        pytest.param("ab", ["1.1 m.0 a", "2.5 gap 1.5 2.5 lost"], "inconclusive", id="perhaps in a gap"),
        pytest.param("ab", ["1.05 gap 0.8 1 lost", "1.1 m.0 a"], "fail", id="a gap before what was seen"),
        pytest.param("aba", ["1.05 gap 0.8 1 lost", "1.1 m.0 a"], "inconclusive", id="a gap before what stands twice"),
        pytest.param("ab", ["1.05 gap 0.8 1 lost", "1.1 m.0 b"], "inconclusive", id="the first perhaps in a gap"),
        pytest.param("ab", ["1.1 m.0 a", "1.2 m.0 b", "4 gap 3 4 lost"], "inconclusive", id="more perhaps in a gap"),
        pytest.param("ab", ["1.1 m.0 a", "1.2 m.0 c", "4 gap 3 4 lost"], "fail", id="what was there is there"),
        pytest.param("ab", ["1.1 m.0 a", "1.2 m.0 b", "4 gap 3 4 by=spy lost"], "pass", id="a gap of somebody else"),
    ],
)
@pytest.mark.parametrize("where", ["run", "step"])
def test_exactly_these(judged, names, seen, verdict, where):
    form = exactly(*names)
    given = scenario(form) if where == "run" else scenario(forms=(form,))
    assert judged(given, acts(*seen)).of("expect[0]" if where == "run" else "steps[0].form[0]").verdict == verdict


@pytest.mark.parametrize(("when", "verdict"), [("0.3", "pass"), ("6.9", "fail"), ("7", "pass"), ("9", "pass")])
def test_in_a_step_only_its_window_counts(judged, when, verdict):
    lines = acts("1.1 m.0 a", "1.2 m.0 b", f"{when} m.0 c")
    assert judged(scenario(forms=(exactly("a", "b"),)), lines).of("steps[0].form[0]").verdict == verdict


def test_what_must_not_be_there_is_told_at_once_and_once(judged):
    found = judged(scenario(forms=(exactly("a", "b"),)), acts("1.1 m.0 a", "1.2 m.0 c", "1.3 m.0 c", "1.4 m.0 c"))
    assert [(finding.t_s, finding.verdict) for finding in found.findings] == [(1.2, "fail")]
    text = found.text("steps[0].form[0]")
    assert text.startswith("m.0 sees exactly a, b until 5 s after upload\n")
    assert "seen: 1.2 s c, which is not in the list; 1 of 2 entries by then" in text
    assert "the device itself: upload since 1.0 s, not over yet" in text


def test_in_the_stream_of_another_observer(judged):
    lines = acts("1.1 seen spy m.0 a", "1.2 m.0 c")
    assert judged(scenario(exactly("a", by="spy")), lines).of("expect[0]").verdict == "pass"
    assert judged(scenario(exactly("a")), lines).of("expect[0]").verdict == "fail"


def test_trouble_that_it_asks_for_is_none(judged):
    lines = acts("1.1 m.0 imeiMismatch")
    assert judged(scenario(exactly("imeiMismatch")), lines).failed == set()
    assert judged(scenario(forms=(exactly("imeiMismatch"),)), lines).failed == set()
    assert judged(scenario(), lines).failed == {"trouble.imeiMismatch"}


@given(st.lists(st.sampled_from("ab"), max_size=5), st.lists(st.sampled_from("ab"), max_size=5))
def test_it_holds_exactly_if_the_lists_are_equal(judged, seen, wanted):
    lines = acts(*(f"1.{n} m.0 {name}" for n, name in enumerate(seen)))
    assert judged(scenario(exactly(*wanted)), lines).of("expect[0]").verdict == ("pass" if seen == wanted else "fail")


@given(st.lists(st.sampled_from("ab"), max_size=6), st.data())
def test_what_a_gap_hides_never_makes_it_fail(judged, wanted, data):
    hidden = data.draw(st.sets(st.integers(0, max(0, len(wanted) - 1))))
    lines = [f"1.{n} m.0 {name}" for n, name in enumerate(wanted) if n not in hidden]
    lines += [f"1.{n} gap 1.{n} 1.{n} lost" for n in hidden]
    assert judged(scenario(exactly(*wanted)), acts(*lines)).of("expect[0]").verdict != "fail"
