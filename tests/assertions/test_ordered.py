"""A step's `expect` list, held against histories."""

from __future__ import annotations

import pytest

LIST = """
scenario: a meter reports
devices: {m: {}}
steps:
  - upload: m
    payload: 24 B
    expect: [clientConnected, {upstreamMessage: {bytes: "24"}}]
"""
FIRST, SECOND = "steps[0].expect[0]", "steps[0].expect[1]"
BEGIN = ["0 run", "0 step 0", "1 > m upload 24"]
END = ["2 < m upload ok", "2 acted 0"]


@pytest.mark.parametrize(
    ("events", "failed"),
    [
        pytest.param(["1.5 m clientConnected", "1.6 m upstreamMessage"], set(), id="in order"),
        pytest.param(["1.5 m clientConnected", "1.5 m upstreamMessage"], set(), id="at one time"),
        pytest.param(
            ["1.5 m clientConnected", "1.5 m firmwareCheck", "1.6 m upstreamMessage"], set(), id="another between"
        ),
        pytest.param(["1.5 m clientConnected", "1.6 m upstreamMessage", "2 m clientConnected"], set(), id="one more"),
        pytest.param(["1.5 m clientConnected", "11.999 m upstreamMessage"], set(), id="just in time"),
        pytest.param(["1 m clientConnected", "1 m upstreamMessage"], set(), id="at the first moment"),
        pytest.param(["1.5 m clientConnected", "12 m upstreamMessage"], {SECOND}, id="too late"),
        pytest.param(["1.5 m upstreamMessage", "1.6 m clientConnected"], {SECOND}, id="swapped"),
        pytest.param(["1.6 m upstreamMessage"], {FIRST}, id="first missing"),
        pytest.param(["1.5 m clientConnected"], {SECOND}, id="second missing"),
        pytest.param([], {FIRST}, id="both missing: the first is told"),
        pytest.param(["1.5 m clientConnected", "1.6 m upstreamMessage bytes=23"], {SECOND}, id="wrong size"),
        pytest.param(["1.5 m clientConnected", "1.6 m upstreamMessage bytes=-"], {SECOND}, id="no size"),
        pytest.param(["1.5 ? clientConnected", "1.6 m upstreamMessage"], {FIRST}, id="of nobody we know"),
    ],
)
def test_list_is_seen_in_order_within_its_time(judged, events, failed):
    lines = sorted([*BEGIN, *events, *END], key=lambda line: float(line.split()[0]))
    found = judged(LIST, lines)
    assert {check for check in found.failed if check.startswith("steps")} == failed


def test_events_before_the_act_do_not_count(judged):
    found = judged(LIST, ["0 run", "0 step 0", "0.5 m clientConnected", *BEGIN[2:], "1.6 m upstreamMessage", *END])
    assert FIRST in found.failed
    assert "0.5 s clientConnected(id=ip): before upload began at 1.0 s" in found.text(FIRST)


def test_what_follows_a_missing_entry_is_not_reached_and_not_told(judged):
    found = judged(LIST, [*BEGIN, *END])
    assert (found.of(SECOND).verdict, found.of(SECOND).reached) == ("inconclusive", False)
    assert found.verdicts.verdict == "fail"


def test_failure_tells_where_what_whom_how_long_what_came_instead_and_how_to_see_it_again(judged):
    found = judged(LIST, [*BEGIN, "1.5 m clientConnected", "1.6 m upstreamMessage bytes=23", *END])
    finding = next(finding for finding in found.findings if finding.check == SECOND)
    assert str(finding) == (
        "FAIL  x.yaml:7:32  m sees upstreamMessage(bytes=24) within 10 s\n"
        "      waited 10.0 s from upload at 2.0 s; nearest: 1.6 s upstreamMessage(bytes=23, transport=coap): "
        "bytes is 23, not 24\n"
        "      before it in the list, and seen: clientConnected\n"
        "      the device itself: ok at 2.0 s (upload)\n"
        "      again with: simulator run x.yaml --seed 7 --only m"
    )
    assert finding.t_s == 12.0


def test_a_late_event_is_told_of_in_the_verdict(judged):
    found = judged(LIST, [*BEGIN, "1.5 m clientConnected", *END, "14.5 m upstreamMessage"])
    assert "seen after that time was over: 14.5 s upstreamMessage(bytes=24, transport=coap)" in found.text(SECOND)


def test_the_step_is_open_until_its_list_is_decided(judged):
    assert judged(LIST, [*BEGIN, "1.5 m clientConnected", *END]).undecided == {0}
    assert judged(LIST, [*BEGIN, "1.5 m clientConnected", "1.6 m upstreamMessage"]).undecided == {0}
    assert judged(LIST, [*BEGIN, "1.5 m clientConnected", "1.6 m upstreamMessage", *END]).undecided == set()
    assert judged(LIST, [*BEGIN, *END, "13 end done"]).undecided == set()


def test_failures_of_many_are_counted_and_the_first_three_named(judged):
    text = LIST.replace("m: {}", "m: {count: 20}")
    lines = ["0 run", "0 step 0", *(f"1 > m.{i} upload 24" for i in range(20))]
    lines += [f"1.5 m.{i} clientConnected" for i in range(20)] + ["1.6 m.0 upstreamMessage"]
    lines += [*(f"2 < m.{i} upload timeout" for i in range(20)), "2 acted 0"]
    found = judged(text, lines)
    judgement = found.of(SECOND)
    assert (judgement.cases, judgement.concerned, judgement.whom) == (20, 19, ("m.1", "m.2", "m.3"))
    assert "19 of 20 m (m.1, m.2, m.3, …); again with: simulator run x.yaml --seed 7 --only m.1" in found.text(SECOND)
    assert len([finding for finding in found.findings if finding.check == SECOND]) == 3


REPEATED = """
scenario: a meter reports again and again
devices: {m: {}}
steps:
  - upload: m
    payload: 24 B
    every: 1 min
    times: 3
    within: 2 min
    expect: [upstreamMessage]
"""


@pytest.mark.parametrize(
    ("events", "count"),
    [
        pytest.param(["1", "61", "121"], 0, id="each in its turn"),
        pytest.param(["61", "61", "121"], 0, id="the first comes after the second began"),
        pytest.param(["120.4", "120.4", "120.4"], 0, id="all after the last began"),
        pytest.param(["1", "61"], 1, id="one missing"),
        pytest.param(["61"], 2, id="one for three"),
        pytest.param(["120.2"], 2, id="one for three that all wait"),
        pytest.param(["121.5", "121.5", "241.5"], 1, id="one too late for the last two"),
    ],
)
def test_each_repetition_needs_its_own_event(judged, events, count):
    lines = [
        *((f"{60 * n} > m upload 24 #{n}") for n in range(3)),
        *(f"{60 * n + 0.5} < m upload ok #{n}" for n in range(3)),
    ]
    lines += [f"{t} m upstreamMessage" for t in events] + ["120.5 acted 0"]
    lines = ["0 run", "0 step 0", *sorted(lines, key=lambda line: float(line.split()[0]))]
    found = judged(REPEATED, lines)
    assert found.of(FIRST).concerned == count
    assert found.of(FIRST).cases == 3


def test_repetitions_that_overlap_need_a_whole_list_each(judged):
    text = REPEATED.replace("expect: [upstreamMessage]", "expect: [clientConnected, upstreamMessage]")
    begun = ["0 step 0", "0 > m upload 24 #0", "1 < m upload ok #0", "2 > m upload 24 #1", "3 < m upload ok #1"]
    healthy = ["4 m clientConnected", "4 m clientConnected", "4 m upstreamMessage", "4 m upstreamMessage"]
    rest = ["4 > m upload 24 #2", "5 m clientConnected", "5 m upstreamMessage", "6 < m upload ok #2", "6 acted 0"]
    assert judged(text, [*begun, *healthy, *rest]).failed == set()
    for missing in (0, 2):
        left = [event for index, event in enumerate(healthy) if index != missing]
        assert judged(text, [*begun, *left, *rest]).failed & {FIRST, SECOND}


def test_what_the_run_took_for_decided_is_not_rescued_by_a_later_step(judged):
    text = """
scenario: two steps
devices: {m: {}}
steps:
  - {upload: m, payload: 24 B, outcome: any, expect: [upstreamMessage]}
  - {upload: m, payload: 24 B, outcome: any, expect: [upstreamMessage]}
"""
    first = ["0 step 0", "0 > m upload 24", "1 < m upload timeout", "1 acted 0", "1 ended 0"]
    second = ["2 step 1", "2 > m upload 24", "3 m upstreamMessage", "4 < m upload ok", "4 acted 1", "4 ended 1"]
    assert judged(text, [*first, *second]).failed == {FIRST}


OTHERS = """
scenario: the owner is told, not the one who came
devices: {old: {}, new: {count: 2}}
steps:
  - attach: new
    outcome: rejected
    expect: [{imeiMismatch: {}, of: old}]
"""


@pytest.mark.parametrize(
    ("events", "failed"),
    [
        pytest.param(["1.5 old imeiMismatch"], False, id="seen by the other"),
        pytest.param(["12.9 old imeiMismatch"], False, id="within, counted from the last end"),
        pytest.param(["13 old imeiMismatch"], True, id="too late"),
        pytest.param([], True, id="not seen"),
        pytest.param(["1.5 new.0 imeiMismatch"], True, id="seen by the wrong one"),
    ],
)
def test_entries_of_others_wait_for_the_whole_step(judged, events, failed):
    lines = ["0 run", "0 step 0", "1 > new.0 attach", "1 > new.1 attach", "2 < new.0 attach rejected"]
    lines += ["3 < new.1 attach rejected", "3 acted 0", *events]
    found = judged(OTHERS, sorted(lines, key=lambda line: float(line.split()[0])))
    assert (FIRST in found.failed) is failed


def test_an_entry_of_others_that_are_subjects_too_stands_in_their_own_list(judged):
    text = """
scenario: order within one subject
devices: {m: {}}
steps:
  - attach: m
    expect: [ciotConnect, {clientConnected: {}, of: m}]
"""
    lines = ["0 step 0", "0 > m attach", "0 m clientConnected", "0 m ciotConnect", "0 < m attach ok", "0 acted 0"]
    assert judged(text, lines).failed == {SECOND}


def test_wait_may_expect_something_of_others(judged):
    text = """
scenario: it comes by itself
devices: {m: {}}
steps:
  - {wait: 5 s, expect: [{firmwareCheck: {}, of: m}]}
"""
    assert judged(text, ["0 step 0", "4 m firmwareCheck", "5 acted 0"]).verdicts.verdict == "pass"
    assert judged(text, ["0 step 0", "5 acted 0", "14.9 m firmwareCheck"]).verdicts.verdict == "pass"
    assert judged(text, ["0 step 0", "5 acted 0", "15 m firmwareCheck"]).failed == {FIRST}


ALL = """
scenario: one order over all
order: all
devices: {m: {count: 2}}
steps:
  - {attach: m, expect: [ciotConnect, clientConnected]}
"""


@pytest.mark.parametrize(
    ("order", "failed"),
    [
        pytest.param(
            ["m.0 ciotConnect", "m.1 ciotConnect", "m.1 clientConnected", "m.0 clientConnected"], set(), id="ok"
        ),
        pytest.param(
            ["m.0 ciotConnect", "m.0 clientConnected", "m.1 ciotConnect", "m.1 clientConnected"],
            {SECOND},
            id="too soon",
        ),
    ],
)
def test_one_order_over_all_subjects_if_the_file_says_so(judged, order, failed):
    begun = ["0 step 0", "0 > m.0 attach", "0 > m.1 attach"]
    ended = ["1 < m.0 attach ok", "1 < m.1 attach ok", "1 acted 0"]
    assert judged(ALL, [*begun, *(f"0.5 {event}" for event in order), *ended]).failed == failed
    if failed:
        unordered = judged(ALL.replace("order: all\n", ""), [*begun, *(f"0.5 {event}" for event in order), *ended])
        assert unordered.failed == set()


def test_lists_of_two_steps_do_not_take_events_from_each_other(judged):
    text = """
scenario: two steps
devices: {m: {}}
steps:
  - {upload: m, payload: 24 B, expect: [upstreamMessage]}
  - {upload: m, payload: 24 B, expect: [upstreamMessage]}
expect: [{each: m, sees: upstreamMessage, times: 1}]
"""
    lines = ["0 step 0", "0 step 1", "0 > m upload 24 @0", "0 > m upload 24 @1", "1 m upstreamMessage"]
    lines += ["2 < m upload ok @0", "2 < m upload timeout @1", "2 acted 0", "2 acted 1"]
    assert judged(text, lines).failed == set()


def test_values_may_be_ids_that_stand_for_names(judged):
    text = """
scenario: moved
devices: {m: {}}
collections: {second: {}}
steps:
  - {move: m, to: second, expect: [{deviceMoved: {to: second}}]}
"""
    lines = ["0 step 0", "0 > m move", "1 m deviceMoved to=c9", "1 < m move ok", "1 acted 0"]
    assert judged(text, lines, aliases={"c9": "second"}).failed == set()
    assert judged(text, lines, aliases={"c9": "third"}).failed == {FIRST}


# --- what a failure says of the event that came nearest ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "check", "words"),
    [
        pytest.param(["0.5 m clientConnected", *BEGIN[2:]], FIRST, "before upload began at 1.0 s", id="earlier"),
        pytest.param(["1 m clientConnected", *BEGIN[2:]], FIRST, "before upload began at 1.0 s", id="at that moment"),
        pytest.param(
            [*BEGIN[2:], "1.5 m upstreamMessage", "1.6 m clientConnected"],
            SECOND,
            "before clientConnected(id=ip), which the list puts first",
            id="swapped",
        ),
    ],
)
def test_the_nearest_event_is_told_with_the_true_reason(judged, events, check, words):
    found = judged(LIST, [*BEGIN[:2], *events, *END])
    assert words in found.text(check).splitlines()[1]


def test_an_event_that_stands_for_another_entry_or_repetition_is_called_so(judged):
    twice = LIST.replace("clientConnected,", "upstreamMessage,")
    found = judged(twice, [*BEGIN, "1.6 m upstreamMessage", *END])
    assert "it stands for another expectation of the list" in found.text(SECOND)
    lines = ["0 step 0", "0 > m upload 24 #0", "1 < m upload ok #0", "2 > m upload 24 #1", "3 < m upload ok #1"]
    found = judged(REPEATED, [*lines, "4 m upstreamMessage", "5 > m upload 24 #2", "6 < m upload ok #2", "6 acted 0"])
    assert "it stands for another repetition, or for another step" in found.text(FIRST)


def test_one_order_over_all_says_what_not_all_had_seen_and_silences_nobody(judged):
    begun = ["0 step 0", "0 > m.0 attach", "0 > m.1 attach", "0.5 m.0 ciotConnect", "0.5 m.0 clientConnected"]
    rest = ["0.6 m.1 ciotConnect", "0.6 m.1 clientConnected", "1 < m.0 attach ok", "1 < m.1 attach ok", "1 acted 0"]
    text = judged(ALL, [*begun, *rest]).text(SECOND)
    assert "not all had seen ciotConnect by then, and the file asks for one order over all" in text
    assert text.endswith("again with: simulator run x.yaml --seed 7")


def test_what_others_must_see_is_run_again_with_those_who_act(judged):
    lines = ["0 step 0", "1 > new.0 attach", "2 < new.0 attach rejected", "3 acted 0"]
    found = judged(OTHERS, lines)
    assert found.text(FIRST).endswith("again with: simulator run x.yaml --seed 7")
    assert all("--only" not in str(finding) for finding in found.findings if finding.check == FIRST)
