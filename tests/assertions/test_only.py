"""With `--only`, nothing is said about those who keep still, nor about what only they could do."""

from __future__ import annotations

import pytest

TEXT = """
scenario: two kinds of meters
devices: {a: {transport: udp, count: 2}, b: {}}
steps:
  - {upload: a, payload: 24 B, as: first, never: [clientDisconnected]}
  - {upload: b, payload: 24 B, never: [{upstreamMessage: {transport: unspecified}}]}
  - {wait: 1 s, never: [clientDisconnected]}
expect:
  - {rate: upload, at_least: 99 %}
  - {latency: upstreamMessage, max: below 5 s}
  - {latency: ciotConnect, max: below 5 s}
  - {some: b, sees: upstreamMessage}
  - {some: a, sees: clientConnected}
  - {rate: first, at_least: 99 %}
  - {each: b, sees: upstreamMessage}
  - {none: b, sees: clientConnected}
"""
NEVER = "steps[1].never[0]"
A = ["0 step 0", "1 > a.0 upload 24", "1 > a.1 upload 24", "1 < a.0 upload ok", "1 < a.1 upload ok", "1 acted 0"]
A += ["2 step 1", "2 acted 1", *(f"3 {a} upstreamMessage transport=unspecified" for a in ("a.0", "a.1"))]
A += ["20 step 2", "21 acted 2", "40 end done"]
B = ["0 step 0", "0 acted 0", "1 step 1", "1 > b upload 24", "1.5 b upstreamMessage", "2 < b upload ok", "2 acted 1"]
B += ["20 step 2", "21 acted 2", "40 end done"]
N = ["0 step 0", "0 acted 0", "1 step 1", "1 acted 1", "20 step 2", "21 acted 2", "40 end done"]


def test_a_step_whose_subjects_keep_still_forbids_nobody_anything(judged):
    found = judged(TEXT, A, only="a")
    assert found.of(NEVER).verdict == "pass"
    assert "not judged: nobody takes part whom it is about" in found.of(NEVER).details[0]
    assert NEVER not in {finding.check for finding in found.findings}


def test_a_step_without_subjects_still_speaks_of_everybody(judged):
    found = judged(TEXT, [*A[:-2], "20.5 a.1 clientDisconnected", *A[-2:]], only="a")
    assert "steps[2].never[0]" in found.failed


@pytest.mark.parametrize(
    ("only", "lines", "idle"),
    [
        ("a", A, {"expect[3]", "expect[6]", "expect[7]", NEVER}),
        ("b", B, {"expect[4]", "expect[5]", "steps[0].never[0]"}),
    ],
)
def test_what_nobody_who_takes_part_could_do_is_not_judged(judged, only, lines, idle):
    text = TEXT.replace("  - {latency: ciotConnect, max: below 5 s}", "  - {never: [ciotConnect]}")
    if only == "a":
        text = text.replace("  - {some: a, sees: clientConnected}", "  - {some: a, sees: upstreamMessage}")
    found = judged(text, lines, only=only)
    assert found.verdicts.verdict == "pass", [str(finding) for finding in found.findings]
    assert {j.check for j in found.verdicts.judgements if any("not judged" in line for line in j.details)} == idle


def test_rate_and_latency_of_acts_that_only_others_do_are_not_judged(judged):
    text = TEXT.replace("devices: {", "devices: {c: {}, ").replace("  - {latency: ciotConnect, max: below 5 s}\n", "")
    found = judged(text, N, only="c")
    assert found.verdicts.verdict == "pass"
    assert "nobody takes part who would upload" in found.of("expect[0]").details[0]
    assert "nobody takes part whose act could cause it" in found.of("expect[1]").details[0]


def test_of_some_the_one_who_takes_part_need_not_be_the_one(judged):
    """The others keep still, and might have seen it."""
    lines = [line for line in A if "a.1" not in line]
    found = judged(TEXT, lines, only="a.0")
    assert found.of("expect[4]").verdict == "pass"
    assert "not all of them take part" in found.of("expect[4]").details[0]


def test_with_everybody_there_it_is_judged_all_the_same(judged):
    found = judged(TEXT, N)
    assert {"expect[1]", "expect[2]", "expect[3]", "expect[4]", "expect[6]"} <= found.failed
    assert {"expect[0]", "expect[5]"} <= found.open


GONE = """
scenario: nobody takes part
devices: {a: {}, b: {count: 2}}
observers: {o: {}}
steps:
  - {upload: b, expect: [FORMS]}
expect: [FORMS]
""".replace(
    "FORMS",
    ", ".join(
        form + by
        for form in (
            "{each: b, sees: upstreamMessage, times: 1",
            "{none: b, sees: upstreamMessage",
            "{exactly: [upstreamMessage], each: b",
            "{never: [upstreamMessage], of: b",
            "{sequence: [upstreamMessage], each: b",
        )
        for by in ("}", ", by: o}")
    ),
)


@pytest.mark.parametrize("gap", [[], ["3 gap 1 3 lost", "3 gap 1 3 by=o lost"]], ids=["seen", "blind"])
def test_of_nobody_nothing_is_said_whether_somebody_was_blind_or_not(judged, gap):
    lines = ["0 run", "0 stream o opened", "0 step 0", "0 acted 0", *gap, "30 ended 0", "30 end done"]
    found = judged(GONE, lines, only="a")
    forms = [j for j in found.verdicts.judgements if "expect[" in j.check or ".form[" in j.check]
    assert len(forms) == 20
    for judgement in forms:
        assert (judgement.verdict, judgement.cases) == ("pass", 0), judgement.check
        assert judgement.details == ("      not judged: nobody takes part whom it is about",), judgement.check
    assert found.verdicts.verdict == "pass"
