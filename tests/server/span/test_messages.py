"""Data, inbox and outbox over REST (span §2.4, §2.5, §4.4)."""

from __future__ import annotations

import base64

import pytest


@pytest.fixture
def collection(platform):
    return platform.collection()


@pytest.fixture
def device(platform, collection):
    """In session, with its path."""
    return f"/span/collections/{collection}/devices/{platform.attached(collection)}"


def test_a_data_row_over_udp_in_full(platform, collection, device):
    platform.later(0.492)
    platform.up(b"\x00\x01")
    (row,) = platform.call("GET", f"/span/collections/{collection}/data")["data"]
    assert row.pop("device") == platform.call("GET", device)
    assert row == {
        "type": "data",
        "payload": "AAE=",
        "received": "1714076616492",
        "transport": "udp",
        "udpMetaData": {"localPort": 1234, "remotePort": 4200},
        "messageId": "17dh0cf43mg101",
        "gatewayId": "1",
    }


def test_a_data_row_over_coap_names_method_and_path(platform, device):
    platform.up(transport="coap", code="PUT", path="data/on/server", local_port=5683)
    (row,) = platform.call("GET", f"{device}/data")["data"]
    assert row["coapMetaData"] == {"code": "PUT", "path": "data/on/server"}
    assert "udpMetaData" not in row


def test_an_inbox_row_in_full(platform, collection, device):
    platform.up(b"\x00\x01", transport="coap")
    assert platform.call("GET", f"{device}/inbox") == {
        "messages": [
            {
                "messageId": "17dh0cf43mg101",
                "collectionId": collection,
                "deviceId": device.rsplit("/", 1)[1],
                "gatewayId": "1",
                "transport": "coap",
                "received": "1714076616000",
                "payload": "AAE=",
            }
        ]
    }


def test_an_outbox_row_before_and_after_delivery(platform, collection, device):
    queued = platform.call("POST", f"{device}/outbox", {"payload": "cGluZw=="})
    assert queued == {
        "messageId": "17dh0cf43mg101",
        "collectionId": collection,
        "deviceId": device.rsplit("/", 1)[1],
        "createdTime": "1714076616000",
        "sentTime": "0",
        "transport": "unspecified",
        "state": "pending",
        "payload": "cGluZw==",
    }
    platform.later(2)
    assert platform.poll().downstream == b"ping"
    (sent,) = platform.call("GET", f"{device}/outbox")["messages"]
    assert sent == queued | {"sentTime": "1714076618000", "transport": "coap", "state": "sent", "gatewayId": "1"}
    assert platform.poll().downstream is None


def test_one_message_per_upload_oldest_first_whatever_the_way(platform, device):
    for text in (b"1", b"2", b"3"):
        platform.call("POST", f"{device}/outbox", {"payload": base64.b64encode(text).decode()})
    got = [platform.up().downstream, platform.up(transport="coap").downstream, platform.poll().downstream]
    assert got == [b"1", b"2", b"3"]
    assert platform.up().downstream is None
    transports = [each["transport"] for each in platform.call("GET", f"{device}/outbox")["messages"]]
    assert transports == ["coap", "coap", "udp"]


def test_pending_and_sent_messages_can_be_removed(platform, device):
    ids = [platform.call("POST", f"{device}/outbox", {"payload": "AA=="})["messageId"] for _ in range(3)]
    platform.up()
    for message in ids[:2]:
        assert platform.call("DELETE", f"{device}/outbox/{message}") == {"messageId": message}
        assert platform.refused("DELETE", f"{device}/outbox/{message}")[0] == 404
    assert [each["messageId"] for each in platform.call("GET", f"{device}/outbox")["messages"]] == ids[2:]
    assert platform.refused("DELETE", f"{device}/outbox/!")[0] == 400


@pytest.mark.parametrize("text", ["_-8=", "/+8=", "/+8", "_-8"])
def test_base64_in_both_alphabets_padded_or_not(platform, device, text):
    assert platform.call("POST", f"{device}/outbox", {"payload": text})["payload"] == "/+8="
    assert platform.up().downstream == b"\xff\xef"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "payload is empty"),
        ({"payload": ""}, "payload is empty"),
        ({"payload": None}, "payload is empty"),
        ({"payload": "*"}, "payload is not base64"),
        ({"payload": "A"}, "payload is not base64"),
        ({"payload": "AA\n=="}, "payload is not base64"),
        ({"payload": "é"}, "payload is not base64"),
        ({"payload": 5}, "$.payload"),
        ({"payload": base64.b64encode(bytes(65_001)).decode()}, "65001 bytes: 65000 is the limit"),
    ],
)
def test_payloads_that_are_refused(platform, device, body, words):
    status, title = platform.refused("POST", f"{device}/outbox", body)
    assert (status, words in title) == (400, True), title


def test_an_outbox_is_full_at_some_time(make_platform):
    platform = make_platform(pending_per_device=2, sent_per_device=3)
    collection = platform.collection()
    path = f"/span/collections/{collection}/devices/{platform.attached(collection)}/outbox"
    for _ in range(10):
        platform.call("POST", path, {"payload": "AA=="})
        platform.up()
    assert len(platform.call("GET", path)["messages"]) == 3
    for _ in range(2):
        platform.call("POST", path, {"payload": "AA=="})
    assert platform.refused("POST", path, {"payload": "AA=="})[0] == 429


class TestPaging:
    """Newest first, by time or by message (span §2.5)."""

    @pytest.fixture
    def inbox(self, platform, device):
        """Ten messages, an hour apart; the newest is now."""
        for number in range(10):
            platform.later(3600)
            platform.up(bytes((number,)))
        return f"{device}/inbox"

    @staticmethod
    def numbers(platform, path):
        return [base64.b64decode(each["payload"])[0] for each in platform.call("GET", path)["messages"]]

    def test_newest_first_and_limited(self, platform, inbox):
        assert self.numbers(platform, inbox) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
        assert self.numbers(platform, inbox + "?limit=3") == [9, 8, 7]
        assert self.numbers(platform, inbox + "?limit=0&offset=") == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]

    def test_offset_goes_on_below_a_message(self, platform, inbox):
        pages, path = [], f"{inbox}?limit=4"
        while page := platform.call("GET", path)["messages"]:
            pages.append(len(page))
            path = f"{inbox}?limit=4&offset={page[-1]['messageId']}"
        assert pages == [4, 4, 2]

    def test_start_and_end_are_both_included(self, platform, inbox):
        now_ms = platform.now_ns // 1_000_000
        hour = 3_600_000
        assert self.numbers(platform, f"{inbox}?start={now_ms - 2 * hour}") == [9, 8, 7]
        assert self.numbers(platform, f"{inbox}?end={now_ms - 8 * hour}") == [1, 0]
        assert self.numbers(platform, f"{inbox}?start={now_ms - 4 * hour}&end={now_ms - 3 * hour}") == [6, 5]
        assert self.numbers(platform, f"{inbox}?start={now_ms + 1}") == []

    def test_without_start_a_day_is_shown(self, platform, inbox):
        platform.later(16 * 3600)
        assert self.numbers(platform, inbox) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        page = platform.call("GET", inbox)["messages"]
        assert self.numbers(platform, f"{inbox}?offset={page[-1]['messageId']}") == [0]  # time does not matter there

    @pytest.mark.parametrize("what", ["data", "inbox", "outbox"])
    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("limit=x", "limit='x' is not a number"),
            ("limit=-1", "limit='-1'"),
            ("limit=99999999999999999999", "limit="),
            ("start=1.5", "start='1.5'"),
            ("end=yesterday", "end='yesterday'"),
            ("start=5&end=4", "end is before start"),
            ("offset=??", "Invalid message ID"),
            ("offset=17dh0cf43jfgna&start=1", "offset excludes start and end"),
        ],
    )
    def test_queries_that_are_refused(self, platform, device, what, query, words):
        status, title = platform.refused("GET", f"{device}/{what}?{query}")
        assert (status, words in title) == (400, True), title

    def test_a_page_is_at_most_512_and_a_public_sample_gets_its_256(self, platform, device):
        for _ in range(600):
            platform.up()
        assert len(self.numbers(platform, f"{device}/inbox?limit=256")) == 256
        assert len(self.numbers(platform, f"{device}/inbox")) == 250
        assert len(self.numbers(platform, f"{device}/inbox?limit=5000")) == 512
        assert len(platform.call("GET", f"{device}/data")["data"]) == 512

    def test_the_outbox_pages_too(self, platform, device):
        ids = [platform.call("POST", f"{device}/outbox", {"payload": "AA=="})["messageId"] for _ in range(5)]
        platform.up()
        shown = platform.call("GET", f"{device}/outbox?limit=2&offset={ids[3]}")["messages"]
        assert [each["messageId"] for each in shown] == [ids[2], ids[1]]


def test_collection_data_holds_what_it_received_of_devices_that_exist(platform, collection):
    one = platform.attached(collection, "127.64.0.5", "1")
    two = platform.attached(collection, "127.64.0.6", "2")
    platform.up(b"1", "127.64.0.5")
    platform.up(b"2", "127.64.0.6")
    path = f"/span/collections/{collection}"
    shown = [each["device"]["deviceId"] for each in platform.call("GET", f"{path}/data")["data"]]
    assert shown == [two, one]
    platform.call("DELETE", f"{path}/devices/{two}")
    assert [each["device"]["deviceId"] for each in platform.call("GET", f"{path}/data?limit=1")["data"]] == [one]
