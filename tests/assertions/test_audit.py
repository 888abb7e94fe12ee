"""A recorded stream is judged without a run: strictly, about what is certain."""

from __future__ import annotations

import msgspec
import pytest

from simulator.assertions.audit import NEEDS_ACTS, NEEDS_SCENARIO, audit
from simulator.assertions.invariants import INVARIANTS
from simulator.events.records import ActRecord

from .conftest import Reader

STREAM = [
    "1 ? upstreamMessage device=old on=?",
    "2 ? ciotConnect device=d on=?",
    "2 ? clientConnected device=d on=?",
    "3 ? upstreamMessage device=d on=?",
    "3 ? clientDisconnected device=old on=?",
    "4 ? downstreamMessage device=d messageId=m1 on=?",
    "5 ? deviceRemoved device=old on=?",
]
JOURNAL = [
    "0 run",
    "0 > m attach",
    "0 m ciotConnect",
    "0 < m attach ok",
    "1 > m upload 24",
    "1 m clientConnected",
    "1.1 m upstreamMessage",
    "2 < m upload ok",
    "3 > m upload 24 #1",
    "3.1 m upstreamMessage",
    "4 < m upload ok #1",
    "30 m firmwareCheck",
    "31 end done",
]


def failed(lines, *, sent, without=()):
    """Names of the checks that fail."""
    reader = Reader()
    verdicts = audit((reader.record(line) for line in lines), sent=sent, without=without)
    return {judgement.check for judgement in verdicts.judgements if judgement.verdict == "fail"}


@pytest.mark.parametrize(
    ("lines", "check"),
    [
        pytest.param(STREAM, None, id="healthy, begun in the middle of a session"),
        pytest.param([*STREAM, "6 ? firmwareCheck device=old on=?"], "invariant.silent-after-removal", id="removed"),
        pytest.param([*STREAM[:2], *STREAM[3:]], "invariant.connected-first", id="not connected after the login"),
        pytest.param([*STREAM, STREAM[5].replace("4 ?", "6 ?")], "invariant.downstream-queued", id="handed over twice"),
        pytest.param(
            [*STREAM, "6 ? deviceCreated device=d on=?"], "invariant.created-first", id="created after it spoke"
        ),
        pytest.param(
            [*STREAM, "6 ? firmwareCheck device=d on=? time=1"], "invariant.time-forward", id="time goes back"
        ),
        pytest.param([*STREAM, "6 ? imeiMismatch device=d on=?"], "trouble.imeiMismatch", id="trouble"),
        pytest.param([*STREAM, "6 garbled what"], "invariant.event-shape", id="no event"),
        pytest.param([*STREAM, "6 ? deviceCreated device=new on=?"], None, id="others act as well"),
    ],
)
def test_a_recorded_stream(lines, check):
    assert failed(lines, sent=False) == ({check} if check else set())


@pytest.mark.parametrize(
    ("lines", "check"),
    [
        pytest.param(JOURNAL, None, id="healthy"),
        pytest.param(
            [x for x in JOURNAL if not x.startswith("3.1")], "invariant.upload-once", id="an upload is missing"
        ),
        pytest.param([*JOURNAL[:10], JOURNAL[9], *JOURNAL[10:]], "invariant.upload-once", id="an upload twice"),
        pytest.param([x.replace("1.1 m", "1.1 x") for x in JOURNAL], "invariant.upload-once", id="of another device"),
        pytest.param([x for x in JOURNAL if "ciot" not in x], "invariant.act-once", id="a login is missing"),
        pytest.param(
            [*JOURNAL[:-1], "30 > m update", "30 < m update ok", JOURNAL[-1]], "invariant.act-once", id="unseen change"
        ),
        pytest.param([*JOURNAL[:-1], "30 m deviceUpdated", JOURNAL[-1]], "invariant.act-once", id="nobody changed it"),
    ],
)
def test_a_whole_journal(lines, check):
    found = failed(lines, sent=True)
    assert (check in found) if check else not found


def test_what_others_sent_is_not_held_against_a_stream():
    """Only what was sent by one device is known; others and the network act as well."""
    lines = ["1 > m upload 24", "1 m upstreamMessage", "2 < m upload ok", "3 x upstreamMessage", "4 m ciotConnect"]
    assert failed(lines, sent=True) == set()
    assert failed([*lines, "5 m clientConnected", "6 m upstreamMessage", "7 m upstreamMessage"], sent=True) == {
        "invariant.upload-once"
    }


@pytest.mark.parametrize(("path", "owed"), [("data", True), ("fw", False), ("/u", False)])
def test_what_was_answered_where_no_messages_go_need_not_show(path, owed):
    reader = Reader()
    records = [reader.record(line) for line in JOURNAL if "upstreamMessage" not in line]
    for k, record in enumerate(records):
        if isinstance(record, ActRecord) and record.verb == "upload" and record.phase == "ended":
            records[k] = msgspec.structs.replace(record, answered=path)
    broken = {j.check for j in audit(records, sent=True).judgements if j.verdict == "fail"}
    assert broken == ({"invariant.upload-once"} if owed else set())


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        pytest.param(JOURNAL, "", id="whole"),
        pytest.param(JOURNAL[:-1], "the recording ends before the run did", id="no end"),
        pytest.param([*JOURNAL[1:3], "0 step 0", *JOURNAL[3:]], "the recording begins after the run did", id="no head"),
        pytest.param([JOURNAL[0]], "the recording ends before the run did", id="nothing but its head"),
    ],
)
def test_a_journal_of_which_a_part_is_missing(lines, why):
    reader = Reader()
    verdicts = audit((reader.record(line) for line in lines), sent=True)
    assert verdicts.cut == why
    assert verdicts.verdict == ("inconclusive" if why else "pass")
    assert [j.headline for j in verdicts.judgements if j.verdict == "inconclusive"] == ([why] if why else [])


@pytest.mark.parametrize("sent", [True, False])
def test_what_is_not_judged_is_named(sent):
    verdicts = audit(iter(()), sent=sent)
    named = {j.check for j in verdicts.judgements if any("not judged" in line for line in j.details)}
    assert named == {f"invariant.{name}" for name in NEEDS_SCENARIO | (frozenset() if sent else NEEDS_ACTS)}
    assert [j.check for j in verdicts.judgements] == [f"invariant.{invariant.name}" for invariant in INVARIANTS]
    assert verdicts.verdict == "pass"


def test_it_can_be_told_to_leave_some_out():
    assert failed([*STREAM, "6 ? imeiMismatch device=d on=?"], sent=False, without=("imeiMismatch",)) == set()
    assert failed([*STREAM, "6 garbled what"], sent=False, without=("event-shape",)) == set()


def test_a_gap_leaves_open_what_absence_decided():
    reader = Reader()
    lines = [*STREAM[:2], "2.5 gap 2.1 2.5 lost", *STREAM[3:]]
    verdicts = audit((reader.record(line) for line in lines), sent=False)
    assert verdicts.verdict == "inconclusive"
    assert verdicts.gaps


TAKEN_FOR_ANOTHER = [
    "0 run", "0 statistics began", "0 > m attach", "0 m ciotConnect", "0 < m attach ok", "1 > m upload 24",
    "1 m clientConnected", "1 m upstreamMessage", "1 < m upload ok", "20 > x attach", "20 m ciotConnect imei=",
    "20 < x attach ok", "21 > x upload 30", "21 m clientConnected", "21 m upstreamMessage bytes=30",
    "21 < x upload ok", "40 statistics ended accepted=2", "40 end done",
]  # fmt: skip
"""x shows the IMSI of m, which only the scenario knows."""


def test_without_the_scenario_nobody_is_blamed_for_being_taken_for_another():
    assert failed(TAKEN_FOR_ANOTHER, sent=True) == set()
    moved = [*TAKEN_FOR_ANOTHER[:9], "10 > m move_sim", "10 < m move_sim ok", *TAKEN_FOR_ANOTHER[9:]]
    assert failed(moved, sent=True) == set()


def test_what_the_server_counted_is_in_the_verdict():
    reader = Reader()
    verdicts = audit((reader.record(line) for line in TAKEN_FOR_ANOTHER), sent=True)
    assert verdicts.statistics == {"accepted": 2}
