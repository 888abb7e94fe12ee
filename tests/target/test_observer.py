"""The observer: whose event it is, in which order, and when it was blind."""

from __future__ import annotations

import json

from simulator.errors import TargetError
from simulator.events.records import EventRecord, GapRecord, GarbledRecord, StreamRecord
from simulator.target.observer import NamedObserver, Observer


def event(name, device="d1", **data):
    body = {"collectionId": "c1", "deviceId": device, "event": name, "time": "2026-01-01 00:00:01"}
    return json.dumps({**body, "data": data} if data else body)


def an_observer():
    records = []
    observer = Observer(records.append, lambda: 99.0)
    observer.collections["c1"] = "default"
    observer.judged = True
    return observer, records


def told(records):
    return [(record.name, record.subject) for record in records if isinstance(record, EventRecord)]


def test_an_event_gets_the_name_of_its_device():
    observer, records = an_observer()
    observer.names["d1"] = "meters.3"
    observer.message(event("upstreamMessage", bytes="4", transport="coap"), 1.5)
    assert told(records) == [("upstreamMessage", "meters.3")]
    assert (records[0].rx_s, records[0].data["bytes"], records[0].collection) == (1.5, "4", "default")


def test_an_event_that_overtakes_the_answer_to_its_creation_waits_and_keeps_its_place():
    observer, records = an_observer()
    observer.names["d0"] = "old"
    observer.creating()
    observer.message(event("deviceCreated", "d1"), 1.0)
    observer.message(event("upstreamMessage", "d0", bytes="1", transport="udp"), 1.1)
    assert records == []
    observer.created("d1", "new")
    assert told(records) == [("deviceCreated", "new"), ("upstreamMessage", "old")]
    assert [record.rx_s for record in records] == [1.0, 1.1]


def test_two_creations_at_once_each_release_only_what_they_know():
    observer, records = an_observer()
    observer.creating()
    observer.creating()
    observer.message(event("deviceCreated", "d1"), 1.0)
    observer.message(event("deviceCreated", "d2"), 1.1)
    observer.created("d2", "two")
    assert records == []
    observer.created("d1", "one")
    assert told(records) == [("deviceCreated", "one"), ("deviceCreated", "two")]


def test_a_failed_creation_does_not_hold_the_stream_for_ever():
    observer, records = an_observer()
    observer.creating()
    observer.message(event("deviceCreated", "stranger"), 1.0)
    observer.created(None, "new")
    assert told(records) == [("deviceCreated", None)]


def test_what_was_dropped_is_a_gap_since_the_last_message():
    observer, records = an_observer()
    observer.names["d1"] = "m"
    observer.message(event("ciotConnect"), 2.0)
    observer.message('{"dropped":"12","type":"dropped"}', 5.0)
    gap = records[-1]
    assert isinstance(gap, GapRecord)
    assert (gap.from_s, gap.to_s) == (2.0, 5.0)
    assert "12 events" in gap.why


def test_a_message_without_sense_is_recorded_and_does_not_stop_the_stream():
    observer, records = an_observer()
    observer.names["d1"] = "m"
    for message in ("{", "[]", '{"collectionId":"c1"}', b"\xff\xfe"):
        observer.message(message, 1.0)
    observer.message(event("ciotConnect"), 2.0)
    assert observer.malformed == 4
    assert [type(record) for record in records] == [GarbledRecord] * 4 + [EventRecord]


def test_keepalives_say_nothing():
    observer, records = an_observer()
    observer.message('{"type":"keepalive"}', 1.0)
    assert records == []


def test_what_is_provisioned_before_the_story_is_not_judged():
    observer, records = an_observer()
    observer.judged = False
    observer.names["d1"] = "m"
    observer.message(event("deviceCreated"), 0.5)
    assert [record.judged for record in records] == [False]


# --- further observers ------------------------------------------------------------------------------------------------


def a_named_observer():
    observer, records = an_observer()
    return observer, NamedObserver("spy", records.append, observer), records


def test_what_a_further_observer_sees_bears_its_name():
    observer, spy, records = a_named_observer()
    observer.names["d1"] = "m"
    spy.opened(0.5)
    spy.message(event("ciotConnect"), 1.0)
    spy.message('{"dropped":"3","type":"dropped"}', 4.0)
    spy.gap(5.0, 6.0, "cut")
    spy.closed(7.0, "gone")
    spy.failed(TargetError("for good"))
    assert records[0] == StreamRecord(observer="spy", phase="opened", t_s=0.5)
    assert (records[1].observer, records[1].event.name, records[1].event.subject) == ("spy", "ciotConnect", "m")
    assert [(gap.from_s, gap.to_s, gap.observer, gap.dropped) for gap in records[2:4]] == [
        (1.0, 4.0, "spy", 3),
        (5.0, 6.0, "spy", 0),
    ]
    assert [(each.phase, each.why) for each in records[4:]] == [("closed", "gone"), ("closed", "for good")]
    assert observer.events == 0


def test_a_further_observer_waits_for_a_name_too_and_keeps_the_order():
    observer, spy, records = a_named_observer()
    observer.names["d0"] = "old"
    observer.creating()
    spy.message(event("deviceCreated", "d1"), 1.0)
    spy.message(event("upstreamMessage", "d0", bytes="1", transport="udp"), 1.1)
    assert records == []
    observer.created("d1", "new")
    assert [(each.event.name, each.event.subject) for each in records] == [
        ("deviceCreated", "new"),
        ("upstreamMessage", "old"),
    ]


def test_what_a_further_observer_cannot_read_is_told_under_its_name():
    _, spy, records = a_named_observer()
    spy.message("{", 1.0)
    (garbled,) = records
    assert isinstance(garbled, GarbledRecord)
    assert garbled.why.startswith("observer spy: ")


def test_a_further_observer_judges_nothing_before_the_story():
    observer, spy, records = a_named_observer()
    observer.judged = False
    spy.message(event("deviceCreated"), 0.5)
    assert [each.event.judged for each in records] == [False]


def test_what_the_platform_dropped_is_counted():
    observer, records = an_observer()
    observer.message('{"dropped":"12","type":"dropped"}', 5.0)
    assert (records[0].dropped, records[0].observer) == (12, "")
