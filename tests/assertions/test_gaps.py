"""Three verdicts: where the observer may have been blind, absence proves nothing; what was there is there."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.assertions.gaps import GAPS_KEPT, Gaps

TEXT = """
scenario: a meter reports
devices: {m: {}}
steps:
  - {attach: m, expect: [ciotConnect], never: [imeiMismatch]}
  - {upload: m, payload: 24 B, expect: [clientConnected, upstreamMessage]}
expect:
  - {each: m, sees: upstreamMessage, at_least: 1}
  - {each: m, sees: upstreamMessage, at_most: 1}
  - {never: [deviceRemoved]}
  - {some: m, sees: ciotConnect}
  - {rate: upload, at_least: 100 %}
"""
NOT_PROVEN = {"expect[1]", "expect[2]"}
"""What holds by absence over the whole run, so that any gap leaves it open."""
LINES = [
    "0 run",
    "0 step 0",
    "1 > m attach",
    "1.5 m ciotConnect",
    "2 < m attach ok",
    "2 acted 0",
    "12 ended 0",
    "20 step 1",
    "21 > m upload 24",
    "21.5 m clientConnected",
    "21.6 m upstreamMessage",
    "22 < m upload ok",
    "22 acted 1",
    "50 end done",
]


def history(*more: str, leave_out: str = " nothing") -> list[str]:
    """The healthy lines, some more, and some less."""
    lines = [line for line in LINES if not line.endswith(leave_out)]
    return sorted([*lines, *more], key=lambda line: float(line.split()[0]))


@pytest.mark.parametrize(
    ("lines", "failed", "open_"),
    [
        pytest.param(history(), set(), set(), id="healthy"),
        pytest.param(history("15 gap 13 15 lost"), set(), NOT_PROVEN, id="between the steps"),
        pytest.param(
            history("5 gap 3 5 lost"), set(), {*NOT_PROVEN, "steps[0].never[0]"}, id="while nothing may be seen"
        ),
        pytest.param(
            history("21.7 gap 21.55 21.65 lost", leave_out="upstreamMessage"),
            set(),
            {*NOT_PROVEN, "steps[1].expect[1]", "expect[0]", "invariant.upload-once"},
            id="while it was absent",
        ),
        pytest.param(
            history("49 gap 20.5 40 dropped 3", leave_out="upstreamMessage"),
            set(),
            {*NOT_PROVEN, "steps[1].expect[1]", "expect[0]", "invariant.upload-once"},
            id="known long after",
        ),
        pytest.param(
            history("15 gap 13 15 lost", leave_out="upstreamMessage"),
            {"steps[1].expect[1]", "invariant.upload-once"},
            {*NOT_PROVEN, "expect[0]"},
            id="before it was absent",
        ),
        pytest.param(
            history("40 gap 33 40 lost", leave_out="upstreamMessage"),
            {"steps[1].expect[1]", "invariant.upload-once"},
            {*NOT_PROVEN, "expect[0]"},
            id="after its time was over",
        ),
        pytest.param(
            history("21.7 gap 21.1 21.55 lost", leave_out="clientConnected"),
            set(),
            {*NOT_PROVEN, "steps[1].expect[0]", "invariant.connected-first"},
            id="not connected, perhaps",
        ),
        pytest.param(
            history("3 gap 1 3 lost", "2.5 m imeiMismatch"),
            {"steps[0].never[0]", "invariant.mismatch-once"},
            NOT_PROVEN,
            id="what was there is there",
        ),
        pytest.param(
            history("22 gap 21 22 lost", "21.7 m upstreamMessage"),
            {"expect[1]", "invariant.upload-once"},
            {"expect[2]"},
            id="too many are too many",
        ),
    ],
)
def test_gaps_soften_what_absence_decided_and_nothing_else(judged, lines, failed, open_):
    found = judged(TEXT, lines)
    assert (found.failed, found.open) == (failed, open_)
    assert found.verdicts.verdict == ("fail" if failed else "inconclusive" if open_ else "pass")


def test_the_gap_is_named(judged):
    found = judged(TEXT, history("49 gap 20.5 40 the platform dropped 3", leave_out="upstreamMessage"))
    line = "absence proves nothing: blind from 20.5 s to 40.0 s: the platform dropped 3"
    assert line in found.text("steps[1].expect[1]")
    assert [(gap.from_s, gap.to_s) for gap in found.verdicts.gaps] == [(20.5, 40.0)]


def test_a_finding_says_so_if_the_gap_is_known_by_then(judged):
    lines = history("21.7 gap 21.55 21.65 lost", leave_out="upstreamMessage")
    finding = next(f for f in judged(TEXT, lines).findings if f.check == "steps[1].expect[1]")
    assert finding.verdict == "inconclusive"


CUT = ["0 run", "0 step 0", "1 > m attach", "1.5 m ciotConnect", "2 < m attach ok", "2 acted 0"]


@pytest.mark.parametrize(
    ("lines", "failed"),
    [
        pytest.param(["0 run"], set(), id="at once"),
        pytest.param(CUT[:3], set(), id="during an act"),
        pytest.param([*CUT, "3 end interrupted"], set(), id="during a window"),
        pytest.param(
            [
                *CUT,
                "12 ended 0",
                "20 step 1",
                "21 > m upload 24",
                "22 < m upload ok",
                "22 acted 1",
                "32 end interrupted",
            ],
            {"steps[1].expect[0]", "invariant.upload-once"},
            id="what was decided stays",
        ),
        pytest.param(
            [*CUT, "12 ended 0", "20 step 1", "21 > m upload 24", "22 < m upload cancelled"], set(), id="broken off"
        ),
    ],
)
def test_a_run_that_ends_early_proves_nothing_of_the_rest(judged, lines, failed):
    found = judged(TEXT, lines, settle=False)
    assert found.failed == failed
    assert {"expect[0]", "expect[2]", "expect[4]"} <= found.open
    assert found.verdicts.cut


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 8)), max_size=20), st.integers(0, 60), st.integers(0, 10))
def test_gaps_are_the_union_of_what_was_told(told, start, length):
    gaps = Gaps()
    for from_s, seconds in told:
        gaps.add(from_s, from_s + seconds, "why")
    every = gaps.all()
    assert all(a.to_s is not None and a.to_s < b.from_s for a, b in pairwise(every))
    overlaps = any(a <= start + length and start <= a + b for a, b in told)
    assert (gaps.overlap(start, start + length) is not None) is overlaps


def test_gaps_without_end_do_not_fill_the_memory():
    gaps = Gaps()
    for second in range(GAPS_KEPT + 100):
        gaps.add(second, second + 0.5, "dropped")
    assert len(gaps.all()) == GAPS_KEPT
    assert gaps.overlap(GAPS_KEPT + 50, GAPS_KEPT + 50.1) is not None


# --- a gap that becomes known just before the end, of nearly the whole run --------------------------------------------

QUIET = """
scenario: nothing is seen
devices: {m: {}, other: {}}
steps:
  - {upload: m, payload: 24 B, outcome: any, within: 5 s, never: [downstreamMessage]}
  - {wait: 5 s, within: 5 s, never: [upstreamMessage]}
expect:
  - EXPECTATION
"""


@pytest.mark.parametrize(
    "expectation",
    [
        "{none: m, sees: upstreamMessage}",
        "{none: m, sees: upstreamMessage, at_least: 2}",
        "{each: m, sees: upstreamMessage, times: 0}",
        "{each: m, sees: upstreamMessage, at_most: 3}",
        "{some: m, sees: upstreamMessage, times: 0}",
        "{never: [upstreamMessage]}",
        "{never: [upstreamMessage], of: other}",
        "{each: m, sees: upstreamMessage}",
        "{some: m, sees: upstreamMessage}",
        "{none: m, sees: upstreamMessage, times: 0}",
        "{latency: upstreamMessage, p99: below 2 s}",
    ],
)
@pytest.mark.parametrize("gap", ["29.9 gap 0.5 29 dropped", "29.9 gap 6 29 dropped"])
def test_what_absence_decided_is_open_when_a_gap_becomes_known_at_last(judged, expectation, gap):
    text = QUIET.replace("EXPECTATION", expectation)
    lines = ["0 step 0", "1 > m upload 24", "2 < m upload timeout", "2 acted 0", "7 ended 0"]
    lines += ["8 step 1", "13 acted 1", "18 ended 1", gap, "30 end done"]
    found = judged(text, lines)
    assert found.failed == set()
    assert found.open == {"expect[0]", "steps[0].never[0]", "steps[1].never[0]"}
    lines.remove(gap)
    assert "expect[0]" not in judged(text, lines).open


REPEATED = """
scenario: again and again
devices: {m: {transport: TRANSPORT}}
steps:
  - {attach: m, outcome: any}
  - {upload: m, payload: 24 B, every: 1 min, times: 3, within: 2 min, outcome: any, expect: [upstreamMessage]}
"""


def test_a_missed_event_may_be_what_a_later_repetition_lacks(judged):
    """The second event counts for the first upload, the third for the second: the third lacks one because of a gap."""
    lines = ["0 step 0", "0 > m attach", "0 m ciotConnect", "0 m clientConnected", "0 < m attach ok", "0 acted 0"]
    lines += ["0 step 1"]
    for n in range(3):
        lines.append(f"{60 * n + 1} > m upload 24 #{n}")
        lines += [f"{60 * n + 1.5} m upstreamMessage"] if n else []
        lines.append(f"{60 * n + 2} < m upload ok #{n}")
    lines += ["122 acted 1"]
    text = REPEATED.replace("TRANSPORT", "coap")
    assert judged(text, lines).failed == {"steps[1].expect[0]", "invariant.upload-once"}
    blind = judged(text, [*lines, "260 gap 1.2 1.8 dropped", "261 end done"])
    assert blind.failed == set()
    assert blind.open == {"steps[1].expect[0]", "invariant.upload-once"}


def test_an_event_may_be_missed_before_its_act_is_over(judged):
    text = "scenario: x\ndevices: {m: {}}\nsteps: [{attach: m}]\n"
    lines = ["0 step 0", "1 > m attach", "3 < m attach ok", "3 acted 0"]
    assert judged(text, lines).failed == {"invariant.act-once"}
    assert judged(text, [*lines, "20 gap 1 2 dropped"]).open == {"invariant.act-once"}


def test_a_missed_return_is_no_staying(judged):
    text = "scenario: x\ncollections: {c: {}}\ndevices: {m: {}}\nsteps: [{move: m, to: c}, {move: m, to: default}]\n"
    lines = ["0 step 0", "0 > m move", "0 m deviceMoved from=id-default to=id-c", "0 < m move ok", "0 acted 0"]
    lines += ["1 step 1", "1 > m move", "1 m deviceMoved from=id-c to=id-default on=c", "1 < m move ok", "1 acted 1"]
    lines += ["5 m firmwareCheck"]
    assert "invariant.gone-after-move" in judged(text, lines).failed
    assert "invariant.gone-after-move" in judged(text, [*lines, "6 gap 0.5 4 dropped"]).open


def test_an_event_given_to_an_earlier_act_may_leave_a_later_one_without(judged):
    text = REPEATED.replace("TRANSPORT", "coap").replace(", within: 2 min, outcome: any, expect: [upstreamMessage]", "")
    lines = ["0 step 0", "0 > m attach", "0 m ciotConnect", "0 m clientConnected", "0 < m attach ok", "0 acted 0"]
    lines += ["0 step 1", "1 > m upload 24 #0", "2 < m upload ok #0"]
    lines += ["3 > m upload 24 #1", "3.5 m upstreamMessage", "4 < m upload ok #1"]
    assert judged(text, lines).failed == {"invariant.upload-once"}
    assert judged(text, [*lines, "30 gap 1.2 1.4 dropped"]).failed == set()
    changes = "scenario: x\ndevices: {m: {}}\nsteps: [{update: m, imei: '', times: 2, every: 2 s}]\n"
    lines = ["0 step 0", "1 > m update #0", "2 < m update ok #0", "3 > m update #1", "3.5 m deviceUpdated"]
    lines += ["4 < m update ok #1", "4 acted 0"]
    assert judged(changes, lines).failed == {"invariant.act-once"}
    assert judged(changes, [*lines, "30 gap 1.2 1.4 dropped"]).failed == set()
