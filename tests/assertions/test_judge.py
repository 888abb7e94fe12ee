"""The judge as a whole: any records, in a live run or from a journal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.assertions.invariants import INVARIANTS
from simulator.assertions.judge import Judge
from simulator.errors import Place
from simulator.events.journal import decode_line, encode
from simulator.events.records import (
    ActRecord,
    EndRecord,
    EventRecord,
    GapRecord,
    GarbledRecord,
    ReceivedRecord,
    Record,
    RunRecord,
    SeenRecord,
    StateRecord,
    StepRecord,
    StreamRecord,
)
from simulator.plan.planning import make_plan
from simulator.scenario import loads
from simulator.scenario.model import (
    AfterAct,
    Condition,
    Counted,
    DroppedFor,
    EventMatcher,
    Exactly,
    InSequence,
    Listener,
    NeverSeen,
    StateOf,
    Subject,
)

SCENARIO = loads(
    """
scenario: everything at once
collections: {second: {}}
devices: {m: {count: 3}, n: {transport: udp}}
steps:
  - {attach: [m, n], outcome: any, expect: [ciotConnect], never: [imeiMismatch]}
  - upload: m
    payload: 4 B
    times: 2
    expect: [clientConnected, {upstreamMessage: {bytes: "4"}}, {clientConnected: {}, of: n}]
  - {move: m.1, to: second, expect: [{deviceMoved: {to: second}}]}
  - {wait: 3 s, never: [upstreamMessage]}
  - {remove: m.2}
expect:
  - {each: m, sees: upstreamMessage, times: 2}
  - {some: m, sees: {upstreamMessage: {bytes: below 9}}}
  - {none: n, sees: upstreamMessage, at_least: 2}
  - {rate: upload, at_least: 50 %}
  - {latency: upstreamMessage, p99: below 2 s}
  - {never: [deviceRemoved], of: m.0}
allow: [imsiMismatch]
""",
    "x.yaml",
)
HERE = Place("x.yaml", 1, 1)
M = Subject(group="m", place=HERE, text="m")
UP, LOGIN = EventMatcher(name="upstreamMessage", place=HERE), EventMatcher(name="ciotConnect", place=HERE)
BY_BOTH = tuple(
    form
    for by in ("", "spy")
    for form in (
        Counted(place=HERE, quantifier="each", subject=M, matcher=UP, by=by),
        Counted(place=HERE, quantifier="some", subject=M, matcher=UP, at_least=1, at_most=2, by=by),
        NeverSeen(place=HERE, matchers=(LOGIN,), by=by),
        InSequence(place=HERE, matchers=(LOGIN, UP), subject=M, by=by),
        Exactly(place=HERE, matchers=(LOGIN, UP, LOGIN), subject=M, by=by),
    )
)
FORMS = (
    *BY_BOTH,
    AfterAct(place=HERE, act="second", matcher=UP, within_s=5.0),
    AfterAct(place=HERE, act="second", matcher=UP, within_s=5.0, not_before_s=1.0, of=M),
    StateOf(place=HERE, subject=M, where=(("tags.x", Condition(op="equals", value="4")),)),
    DroppedFor(place=HERE, observer="spy", at_least=1, at_most=3),
)
STEPS = tuple(replace(step, name="second" if n == 1 else "", forms=FORMS) for n, step in enumerate(SCENARIO.steps))
SCENARIO = replace(
    SCENARIO,
    expect=(*SCENARIO.expect, *FORMS),
    steps=(STEPS[0], STEPS[1], *SCENARIO.steps[2:]),
    observers=(Listener(name="spy", place=HERE),),
)
SECONDS = st.floats(0, 100).map(lambda number: round(number, 1))
WHO = st.sampled_from(["m.0", "m.1", "m.2", "n", "stranger"])
TEXT = st.sampled_from(["4", "5", "coap", "udp", "c1", "second", "", "x"])
KEYS = st.sampled_from(["bytes", "transport", "to", "messageId", "reason", "state", "imsi"])
RAW = st.sampled_from(["a", "b", "c1", 5, None, [], {}])
EVENTS = st.builds(
    EventRecord,
    sys=st.sampled_from(["span", "cc"]),
    name=st.sampled_from(
        [
            "ciotConnect",
            "clientConnected",
            "upstreamMessage",
            "imeiMismatch",
            "imsiMismatch",
            "deviceMoved",
            "deviceRemoved",
            "disconnect",
            "downstreamMessage",
            "firmwareStateChange",
            "somethingNew",
        ]
    ),
    subject=WHO | st.none(),
    rx_s=SECONDS,
    unix_s=st.sampled_from([-1, 0, 1767225600]),
    data=st.dictionaries(KEYS, TEXT, max_size=3),
    collection=st.sampled_from(["default", "second", None]),
    reason=st.none() | TEXT,
    judged=st.booleans(),
    raw=st.dictionaries(st.sampled_from(["deviceId", "collectionId", "time"]), RAW, max_size=2),
)
ACTS = st.builds(
    ActRecord,
    step=st.integers(-2, 6),
    verb=st.sampled_from(
        [
            "attach",
            "upload",
            "send",
            "move",
            "remove",
            "detach",
            "swap_sims",
            "power_on",
            "withdraw",
            "restart",
            "revoke",
        ]
    ),
    subject=WHO,
    n=st.integers(-1, 2),
    phase=st.sampled_from(["began", "ended"]),
    t_s=SECONDS,
    outcome=st.sampled_from(["ok", "timeout", "cancelled", "rejected", ""]),
    expected=st.booleans(),
    size=st.sampled_from([-1, 0, 4]),
)
RECORDS = st.one_of(
    EVENTS,
    ACTS,
    st.builds(StepRecord, step=st.integers(-1, 5), phase=st.sampled_from(["began", "acted", "ended"]), t_s=SECONDS),
    st.builds(
        GapRecord,
        from_s=SECONDS,
        to_s=SECONDS,
        why=st.just("lost"),
        observer=st.sampled_from(["", "spy"]),
        dropped=st.integers(0, 3),
    ),
    st.builds(SeenRecord, observer=st.sampled_from(["spy", "nobody"]), event=EVENTS),
    st.builds(
        StreamRecord, observer=st.just("spy"), phase=st.sampled_from(["opened", "refused", "closed"]), t_s=SECONDS
    ),
    st.builds(
        StateRecord,
        step=st.sampled_from([-1, 0, 1, 9]),
        subject=WHO,
        t_s=SECONDS,
        found=st.dictionaries(st.just("tags.x"), TEXT | st.none()),
        error=st.sampled_from(["", "404"]),
    ),
    st.builds(GarbledRecord, rx_s=SECONDS, why=st.text(max_size=5)),
    st.builds(ReceivedRecord, subject=WHO, t_s=SECONDS, transport=st.just("udp"), hex=st.just("00")),
    st.builds(EndRecord, t_s=SECONDS, why=st.sampled_from(["done", "interrupted"])),
    st.just(RunRecord(scenario="x", file="x", seed=0, time="virtual", target="embedded", version="0")),
)


def new_judge() -> Judge:
    """For that scenario."""
    plan = make_plan(SCENARIO)
    return Judge(SCENARIO, plan.names_by_group(), plan.names, {"c1": "second"}, "again")


def time_of(record: Record) -> float:
    """When it was recorded; 0.0 if it does not say."""
    record = record.event if isinstance(record, SeenRecord) else record
    return float(getattr(record, "t_s", getattr(record, "rx_s", 0.0)))


@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=30))
def test_any_records_in_any_order_are_judged(records):
    judge = new_judge()
    findings = [finding for record in records for finding in judge.feed(record)]
    while (deadline := judge.deadline) is not None:
        findings += judge.expire(deadline)
    assert all(str(finding) for finding in findings)
    verdicts = judge.finish(200.0)
    assert all(j.headline for j in verdicts.judgements if j.verdict != "pass" and j.reached)
    if any(finding.verdict == "fail" for finding in findings) and not verdicts.gaps and not verdicts.cut:
        assert verdicts.verdict == "fail"


@settings(max_examples=100)
@given(st.lists(RECORDS, max_size=40), st.sampled_from([0.0, 1e-9]))
def test_a_journal_is_judged_as_the_run_was(records, timer_first):
    """Live, time-outs are called when they are due, before or after what happens then; from a journal, by nobody."""
    records = sorted(records, key=time_of)
    live, later = new_judge(), new_judge()
    for record in records:
        while (deadline := live.deadline) is not None and deadline < time_of(record) + timer_first:
            live.expire(deadline)
        live.feed(record)
        later.feed(decode_line(encode(record)))
    assert live.finish(200.0) == later.finish(200.0)


def test_an_invariant_can_be_switched_off():
    plan = make_plan(SCENARIO)
    for off in INVARIANTS:
        judge = Judge(SCENARIO, plan.names_by_group(), plan.names, {}, "again", without=[off.name])
        checks = {judgement.check for judgement in judge.finish(0.0).judgements}
        wanted = {f"invariant.{invariant.name}" for invariant in INVARIANTS if invariant is not off}
        assert wanted == {check for check in checks if check.startswith("invariant")}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.name)
def test_an_invariant_says_what_it_means_and_where_that_stands(invariant):
    assert invariant.words
    assert "§" in invariant.source


def test_a_scenario_that_asks_for_nothing_passes():
    scenario = replace(SCENARIO, steps=(), expect=())
    plan = make_plan(scenario)
    judge = Judge(scenario, plan.names_by_group(), plan.names, {}, "again")
    judge.feed(EndRecord(t_s=1.0))
    assert judge.finish(1.0).verdict == "pass"


def test_events_of_many_subjects_leave_little_behind():
    """What is kept of a subject does not grow with what it sees."""
    judge = new_judge()
    for n in range(5000):
        event = EventRecord(
            sys="span",
            name="ciotConnect",
            subject="m.0",
            rx_s=float(n),
            unix_s=0,
            data={},
            raw={},
            collection="default",
        )
        judge.feed(event)
    assert len(judge._docket.recent["m.0"]) == 4
    assert judge.deadline is None
