"""Messages of a Span stream become records, or one clear error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import RemoteError
from simulator.events.journal import decode_line, encode
from simulator.events.records import EventRecord
from simulator.events.span import MAX_MESSAGE_BYTES, Dropped, Keepalive, SpanDecoder, Unknown, unix_seconds

NAMES = {"17kl14hm46h4c2": "meters.3", "g7": "hub"}
COLLECTIONS = {"17dj5j4ce8bkci": "default"}
# The session that the platform's documentation publishes (span §3.3).
PUBLISHED = (
    b'{"collectionId":"17dj5j4ce8bkci","data":{"bytes":"9","transport":"unspecified"},'
    b'"deviceId":"17kl14hm46h4c2","event":"upstreamMessage","time":"2024-04-25 20:23:36"}'
)


def event(**changes: object) -> bytes:
    """The published event with other fields; None leaves one out."""
    fields = {**json.loads(PUBLISHED), **changes}
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def decode(message: bytes | str):
    """With those names."""
    return SpanDecoder(NAMES, COLLECTIONS).decode(message, 1.5)


@pytest.mark.parametrize("message", [PUBLISHED, PUBLISHED + b"\n", PUBLISHED.decode()], ids=["bare", "newline", "text"])
def test_the_published_event_is_read(message):
    assert decode(message) == EventRecord(
        sys="span",
        name="upstreamMessage",
        subject="meters.3",
        rx_s=1.5,
        unix_s=1714076616,
        data={"bytes": "9", "transport": "unspecified"},
        collection="default",
        raw=json.loads(PUBLISHED),
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        pytest.param({"data": None}, "data", {}, id="no data"),
        pytest.param({"data": {}}, "data", {}, id="empty data"),
        pytest.param({"deviceId": "zz"}, "subject", None, id="unknown device"),
        pytest.param({"deviceId": None}, "subject", None, id="no device"),
        pytest.param({"deviceId": None, "gatewayId": "g7"}, "subject", "hub", id="gateway"),
        pytest.param({"gatewayId": "g7"}, "subject", "meters.3", id="device at a gateway"),
        pytest.param({"collectionId": "zz"}, "collection", None, id="unknown collection"),
        pytest.param({"event": "somethingNew"}, "name", "somethingNew", id="unknown event"),
        pytest.param({"time": "yesterday"}, "unix_s", -1, id="unreadable time"),
        pytest.param({"time": "2024-04-25T20:23:36"}, "unix_s", -1, id="another form of time"),
        pytest.param({"time": "2024-13-25 20:23:36"}, "unix_s", -1, id="no such month"),
        pytest.param({"extra": [1, {"a": None}]}, "name", "upstreamMessage", id="a field that is new"),
    ],
)
def test_what_differs_shows_in_its_field(changes, field, value):
    assert getattr(decode(event(**changes)), field) == value


@pytest.mark.parametrize(
    ("message", "control"),
    [
        (b'{"type":"keepalive"}', Keepalive()),
        (b'{"dropped":"12","type":"dropped"}', Dropped(12)),
        (b'{"dropped":12,"type":"dropped"}', Dropped(12)),
        (b'{"type":"data","payload":"AAE="}', Unknown()),
        (b"{}", Unknown()),
        (b'{"type":5}', Unknown()),
    ],
)
def test_objects_without_a_collection_are_no_events(message, control):
    decoder = SpanDecoder(NAMES, COLLECTIONS)
    assert decoder.decode(message, 0.0) == control
    assert decoder.ignored == (1 if control == Unknown() else 0)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        pytest.param(b"", "not one JSON object", id="nothing"),
        pytest.param(b"[]", "not one JSON object", id="an array"),
        pytest.param(b"\xff\xfe", "not one JSON object", id="not UTF-8"),
        pytest.param(b'{"event":"\xff"}', "not one JSON object", id="not UTF-8 inside"),
        pytest.param("\ud800", "not one JSON object", id="half a character"),
        pytest.param(PUBLISHED + PUBLISHED, "not one JSON object", id="two objects"),
        pytest.param(PUBLISHED[:-1], "not one JSON object", id="cut off"),
        pytest.param(b'{"a":' * 100_000, "not one JSON object", id="very deep"),
        pytest.param(b'{"a":' * 300 + b"1" + b"}" * 300, "nested more than 256 deep", id="deep"),
        pytest.param(b" " * (MAX_MESSAGE_BYTES + 1), "at most", id="too long"),
        pytest.param(event(event=None), "lacks event", id="no name"),
        pytest.param(event(event=5), "event is a string, here: 5", id="a name that is none"),
        pytest.param(event(time=None), "upstreamMessage: lacks time", id="no time"),
        pytest.param(event(time=5), "time is a string", id="time as a number"),
        pytest.param(event(collectionId=5), "collectionId is a string", id="collection as a number"),
        pytest.param(event(deviceId=5), "deviceId and gatewayId are strings", id="device as a number"),
        pytest.param(event(data=[]), r"data is an object, here: \[\]", id="data as a list"),
        pytest.param(event(data={"bytes": 9}), "data.bytes is a string, here: 9", id="a bare number"),
        pytest.param(event(data={"bytes": {}}), "data.bytes is a string", id="an object in data"),
        pytest.param(b'{"type":"dropped"}', "dropped is a count, here: None", id="dropped without a count"),
        pytest.param(b'{"type":"dropped","dropped":"-1"}', "dropped is a count", id="dropped a negative count"),
        pytest.param(b'{"type":"dropped","dropped":"1e9"}', "dropped is a count", id="dropped a strange count"),
        pytest.param(b'{"type":"dropped","dropped":true}', "dropped is a count", id="dropped yes"),
    ],
)
def test_what_is_no_event_is_refused_with_what_is_wrong(message, problem):
    with pytest.raises(RemoteError, match=problem) as caught:
        decode(message)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_names_may_grow_while_it_runs():
    names: dict[str, str] = {}
    decoder = SpanDecoder(names, COLLECTIONS)
    assert decoder.decode(PUBLISHED, 0.0).subject is None
    names["17kl14hm46h4c2"] = "meters.3"
    assert decoder.decode(PUBLISHED, 0.0).subject == "meters.3"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01 00:00:00", 0),
        ("2026-01-01 00:00:00", 1_767_225_600),
        ("2024-02-29 23:59:59", 1_709_251_199),
        ("2023-02-29 00:00:00", -1),
        ("2024-04-25 20:23:36Z", -1),
        ("2024-04-25 20:23", -1),
        ("٢٠٢٤-04-25 20:23:36", -1),
        ("", -1),
    ],
)
def test_times_are_utc_whatever_the_zone_of_the_machine(monkeypatch, text, seconds):
    import time

    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert unix_seconds(text) == seconds
    monkeypatch.undo()
    time.tzset()


def test_many_different_times_are_not_kept():
    decoder = SpanDecoder(NAMES, COLLECTIONS)
    for second in range(20_000):
        text = (
            f"2024-{second // 8640 % 12 + 1:02d}-01 {second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        )
        decoder.decode(PUBLISHED.replace(b"2024-04-25 20:23:36", text.encode()), 0.0)
    assert len(decoder._times) <= 256


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.fixed_dictionaries(
    {},
    optional={
        key: JSON | st.text(max_size=20)
        for key in ("event", "time", "collectionId", "deviceId", "gatewayId", "type", "x")
    }
    | {"data": JSON | st.dictionaries(st.text(max_size=5), st.text(max_size=5)), "dropped": JSON},
)


@given(st.binary(max_size=200) | OBJECT.map(lambda value: json.dumps(value).encode()))
def test_any_message_is_read_or_refused_and_what_is_read_can_be_written_down(message):
    try:
        record = decode(message)
    except RemoteError:
        return
    if isinstance(record, EventRecord):
        assert decode_line(encode(record)) == record
