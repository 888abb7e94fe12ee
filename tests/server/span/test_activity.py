"""The form of events, byte for byte, and their order (span §3.3, §3.4)."""

from __future__ import annotations

import pytest

from simulator.server.span.activity import Activity
from simulator.server.span.settings import NS_PER_S


@pytest.fixture
def collection(platform):
    return platform.collection()


def test_a_session_byte_for_byte(platform, collection):
    stream = platform.activity(collection)
    device = platform.device(collection, "242016000000001")
    platform.login(imei="353456123456780", where="127.64.0.5")
    platform.call("POST", f"/span/collections/{collection}/devices/{device}/outbox", {"payload": "AAAA"})
    platform.later(0.999)
    platform.up(b"123456789")
    platform.later(0.001)
    platform.up(b"1", transport="coap")
    head = f'{{"collectionId":"{collection}",'
    who = f'"deviceId":"{device}",'
    assert b"".join(stream.take()).decode().splitlines(keepends=True) == [
        f'{head}{who}"event":"deviceCreated","time":"2024-04-25 20:23:36"}}\n',
        f'{head}"data":{{"imei":"353456123456780","imsi":"242016000000001","ip":"10.64.0.5"}},'
        f'{who}"event":"ciotConnect","time":"2024-04-25 20:23:36"}}\n',
        f'{head}"data":{{"id":"ip"}},{who}"event":"clientConnected","time":"2024-04-25 20:23:36"}}\n',
        f'{head}"data":{{"bytes":"9","transport":"udp"}},{who}"event":"upstreamMessage",'
        '"time":"2024-04-25 20:23:36"}\n',
        f'{head}"data":{{"bytes":"3","messageId":"17dh0cf43mg101","transport":"udp"}},{who}"event":'
        '"downstreamMessage","time":"2024-04-25 20:23:36"}\n',
        f'{head}"data":{{"bytes":"1","transport":"coap"}},{who}"event":"upstreamMessage",'
        '"time":"2024-04-25 20:23:37"}\n',
    ]


@pytest.mark.parametrize(
    ("unix_s", "text"),
    [
        (0, b"1970-01-01 00:00:00"),
        (951_782_400, b"2000-02-29 00:00:00"),
        (1_714_076_616, b"2024-04-25 20:23:36"),
        (1_767_225_600, b"2026-01-01 00:00:00"),
        (4_102_444_799, b"2099-12-31 23:59:59"),
    ],
)
def test_time_is_utc_in_whole_seconds(unix_s, text, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    activity = Activity()
    assert activity.time_text(unix_s * NS_PER_S) == text
    assert activity.time_text(unix_s * NS_PER_S + NS_PER_S - 1) == text


def test_connected_comes_with_the_first_datagram_of_each_login(platform, collection, names):
    platform.attached(collection)
    stream = platform.activity(collection)
    platform.up()
    platform.up()
    platform.login(where="127.64.0.5")
    platform.poll()
    platform.up()
    assert names(stream) == [
        "clientConnected", "upstreamMessage", "upstreamMessage",
        "ciotConnect", "clientConnected", "upstreamMessage",
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["up", "poll"])
def test_connected_comes_again_after_the_idle_period(make_platform, names, how):
    platform = make_platform(idle_s=600)
    collection = platform.collection()
    platform.attached(collection)
    stream = platform.activity(collection)
    for pause_s in (0, 599.999, 599.999, 600, 1):
        platform.later(pause_s)
        getattr(platform, how)()
    told = [index for index, name in enumerate(names(stream)) if name == "clientConnected"]
    assert told == ([0, 1] if how == "poll" else [0, 4])  # with the first datagram, and the fourth


def test_an_unknown_source_is_counted_and_told_to_nobody(platform, collection):
    stream = platform.activity(collection)
    assert platform.up(where="127.64.9.9").known is False
    assert platform.poll(where="127.64.9.9").known is False
    assert platform.core.is_known(5 << 32 | 0x7F400909) is False
    assert (platform.core.counts.unknown, stream.take()) == (2, [])


def test_an_empty_payload_is_nothing_over_udp_and_a_poll_over_coap(platform, collection, names):
    device = platform.attached(collection)
    platform.call("POST", f"/span/collections/{collection}/devices/{device}/outbox", {"payload": "AA=="})
    stream = platform.activity(collection)
    assert platform.up(b"") == platform.up(b"", transport="udp")
    assert platform.up(b"").downstream is None
    assert stream.take() == []
    assert platform.up(b"", transport="coap").downstream == b"\x00"
    assert names(stream) == ["clientConnected", "downstreamMessage"]
    assert platform.core.counts.upstream == 0


def test_events_reach_only_their_collection(platform, collection):
    other = platform.activity(platform.collection())
    platform.attached(collection)
    platform.up()
    assert other.take() == []


def test_an_event_is_encoded_once_for_all_readers(platform, collection):
    platform.attached(collection)
    one, two = platform.activity(collection), platform.activity(collection)
    platform.up()
    for left, right in zip(one.take(), two.take(), strict=True):
        assert left is right


def test_who_watches_everything_sees_present_and_future_collections(platform, collection, names):
    watcher = platform.core.watch(platform.now_ns, limit=100)
    platform.device(collection)
    platform.device(platform.collection())
    assert names(watcher) == ["deviceCreated", "deviceCreated"]
    watcher.close(1000, "")
    platform.device(platform.collection())
    platform.device(collection)
    assert watcher.take() == []


def test_a_reader_that_leaves_while_it_is_told_costs_others_nothing(platform, collection, names):
    platform.attached(collection)
    leaving, staying = platform.activity(collection), platform.activity(collection)
    leaving.on_ready = lambda: leaving.close(1000, "enough")
    platform.up()
    assert names(staying) == ["clientConnected", "upstreamMessage"]
    assert platform.core.streams == 1
