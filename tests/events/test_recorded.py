"""Recorded streams become records: whose they are, in which order, and what of a file is refused."""

from __future__ import annotations

import json

import pytest

from simulator.events import recorded
from simulator.events.files import read_lines
from simulator.events.journal import encode
from simulator.events.records import ActRecord, EventRecord, GapRecord, GarbledRecord, RunRecord


def event(name: str, device: str, time: str, **data: str) -> bytes:
    raw = {"event": name, "collectionId": "c1", "deviceId": device, "time": f"2026-01-01 {time}", "data": data}
    return json.dumps(raw).encode() + b"\n"


def numbered(*lines: bytes) -> list[recorded.Line]:
    return list(enumerate(lines, 1))


def stream(*lines: bytes, names: recorded.Names | None = None, start_s: float | None = None):
    return [record for _, record in recorded.stream(numbered(*lines), "x.jsonl", names or recorded.Names(), start_s)]


def sent(*lines: object, start_s: float = 0.0, names: recorded.Names | None = None):
    text = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return [act for _, act in recorded.sent(numbered(*text), "s.jsonl", names or recorded.Names(), start_s)]


def test_a_raw_stream_keeps_its_order_and_takes_its_times_from_the_events():
    lines = [event("ciotConnect", "d1", "00:00:05"), event("clientConnected", "d2", "00:00:09")]
    late = event("upstreamMessage", "d1", "00:00:07", bytes="4")
    found = stream(*lines, late)
    assert [(e.name, e.subject, e.rx_s, e.collection) for e in found] == [
        ("ciotConnect", "d1", 0.0, "c1"),
        ("clientConnected", "d2", 4.0, "c1"),
        ("upstreamMessage", "d1", 4.0, "c1"),  # told later: time never goes back
    ]
    assert found[2].data == {"bytes": "4"}


def test_keepalives_are_skipped_and_dropped_events_are_a_gap():
    lines = [event("ciotConnect", "d1", "00:00:05"), b'{"type":"keepalive"}\n', b'{"type":"dropped","dropped":"7"}\n']
    found = stream(*lines, event("ciotConnect", "d1", "00:00:09"))
    assert [type(record) for record in found] == [EventRecord, GapRecord, EventRecord]
    assert (found[1].dropped, found[1].from_s, found[1].to_s) == (7, 0.0, 4.0)
    found = stream(*lines)
    assert (found[1].dropped, found[1].from_s, found[1].to_s > 1000) == (7, 0.0, True)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"event":"ciotConnect","collectionId":"c1"}\n', "x.jsonl:2: ciotConnect: lacks time"),
        (b'{"event":5,"collectionId":"c1","time":""}\n', "x.jsonl:2: an object with a collectionId: event is a string"),
    ],
)
def test_an_event_of_a_wrong_form_is_the_platforms_fault(line, says):
    garbled = stream(event("ciotConnect", "d1", "00:00:05"), line)[1]
    assert type(garbled) is GarbledRecord
    assert garbled.why.startswith(says)


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b'"a"\n', b'{"a":\n', b"\xff\xfe\n", b"[" * 5000 + b"\n"])
def test_what_is_no_object_is_the_files_fault(line):
    with pytest.raises(recorded.RecordedError, match=r"^x\.jsonl:2: ") as told:
        stream(event("ciotConnect", "d1", "00:00:05"), line)
    assert told.value.exit_code == 2


def test_acts_begin_and_end_at_their_times():
    found = sent(
        {"device": "d1", "t": 10.5, "until": 13, "bytes": 24},
        {"device": "d2", "t": "1970-01-01 00:00:11", "verb": "attach", "outcome": "rejected"},
        start_s=10.0,
    )
    told = [(act.subject, act.verb, act.phase, act.t_s, act.outcome, act.size) for act in found]
    assert told == [
        ("d1", "upload", "began", 0.5, "", 24),
        ("d2", "attach", "began", 1.0, "", -1),
        ("d2", "attach", "ended", 1.0, "rejected", -1),
        ("d1", "upload", "ended", 3.0, "ok", 24),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"t": 5}, "missing required field `device`"),
        ({"device": "a"}, "missing required field `t`"),
        ({"device": "a", "t": 5, "size": 3}, "unknown field `size`"),
        ({"device": "a", "t": "noon"}, "'noon' is no time"),
        ({"device": "a", "t": 5, "until": 4}, "until is before t"),
        ({"device": "a", "t": 1}, "sort the lines by t"),
        ({"device": "a", "t": 5, "verb": "uplaod"}, "did you mean 'upload'?"),
        ({"device": "a", "t": 5, "outcome": "fine"}, "no outcome 'fine'"),
        (b"device: a", "no line of what was sent"),
    ],
)
def test_a_wrong_line_of_what_was_sent_is_told_with_its_place(line, says):
    with pytest.raises(recorded.RecordedError) as told:
        sent({"device": "a", "t": 3}, line)
    assert str(told.value).startswith("s.jsonl:2: ")
    assert says in str(told.value)


def test_what_a_device_did_lies_around_what_the_platform_tells_of_that_second():
    names = recorded.Names()
    start_s = 1_767_225_600.0
    acts = recorded.sent(
        numbered(b'{"device":"meter","t":1767225605.7,"id":"d1"}'), "s.jsonl", names, start_s
    )  # fmt: skip
    events = recorded.stream(numbered(event("upstreamMessage", "d1", "00:00:05")), "x.jsonl", names, start_s)
    found = list(recorded.merged(recorded.blurred(acts), events))
    assert [type(record) for record in found] == [ActRecord, EventRecord, ActRecord]
    assert found[1].subject == "meter"
    assert found[0].t_s <= found[1].rx_s <= found[2].t_s


def test_acts_stay_in_order_when_their_ends_are_blurred():
    lines = [{"device": f"d{n}", "t": 10 + n / 2} for n in range(6)]
    found = list(recorded.blurred((act.t_s, act) for act in sent(*lines)))
    assert [time for time, _ in found] == sorted(act.t_s for _, act in found)
    assert {(act.subject, act.phase) for _, act in found} == {
        (f"d{n}", p) for n in range(6) for p in ("began", "ended")
    }


def test_a_journal_tells_names_and_when_its_run_began():
    raw = {"deviceId": "d7"}
    seen = EventRecord(
        sys="span", name="ciotConnect", subject="m.0", rx_s=2.25, unix_s=1002, data={}, collection="default", raw=raw
    )
    names = recorded.Names()
    run = RunRecord(scenario="x", file="x", seed=0, time="real", target="t", version="1")
    assert recorded.learn([run, seen], names) == 999.75
    assert (names.get("d7"), names.get("d8")) == ("m.0", "d8")
    virtual = RunRecord(scenario="x", file="x", seed=0, time="virtual", target="t", version="1")
    assert recorded.learn([virtual], names) == recorded.VIRTUAL_START


def test_a_journal_is_known_by_its_first_line():
    run = RunRecord(scenario="x", file="x", seed=0, time="real", target="t", version="1")
    assert recorded.is_journal(encode(run))
    assert not recorded.is_journal(event("ciotConnect", "d1", "00:00:05"))
    assert not recorded.is_journal(b'{"device":"a","t":5}')
    assert not recorded.is_journal(b"\xff")


def test_a_journal_that_was_cut_off_is_read_up_to_its_last_whole_line():
    run = RunRecord(scenario="x", file="x", seed=0, time="real", target="t", version="1")
    assert list(recorded.journal(numbered(encode(run), encode(run)[:20]), "j.jsonl")) == [run]
    with pytest.raises(recorded.RecordedError, match=r"^j\.jsonl:2: no record"):
        list(recorded.journal(numbered(encode(run), b'{"kind":"x"}\n', encode(run)), "j.jsonl"))


def test_lines_are_numbered_as_in_an_editor(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"a\n\n \nb")
    assert list(read_lines(path)) == [(1, b"a\n"), (4, b"b")]
