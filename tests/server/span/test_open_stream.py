"""Opening streams: paths and the three ways of authentication (span §3.1, §3.2)."""

from __future__ import annotations

import msgspec
import pytest

from simulator.server.span.http import HttpResponse
from simulator.server.span.rest_streams import PendingAuth, stream_of
from simulator.server.span.settings import NS_PER_S, TokenSettings
from simulator.server.span.streams import Closed, Subscription

WRITE, READ = "w" * 64, "r" * 64


@pytest.fixture
def collection(platform):
    return platform.collection()


@pytest.fixture
def device(platform, collection):
    return platform.attached(collection)


@pytest.mark.parametrize(
    ("pattern", "messages"),
    [
        ("/span/collections/{c}/activity", ["clientConnected", "upstreamMessage"]),
        ("/span/collections/{c}/from", ["data"]),
        ("/span/collections/{c}/devices/{d}/from", ["data"]),
        ("/collections/{c}/from", ["data"]),
        ("/collections/{c}/devices/{d}/from", ["data"]),
    ],
)
def test_all_paths(platform, collection, device, pattern, messages):
    stream = platform.open(pattern.format(c=collection, d=device), READ)
    assert isinstance(stream, Subscription)
    platform.up()
    seen = [msgspec.json.decode(each) for each in stream.take()]
    assert [each.get("event") or each["type"] for each in seen] == messages


@pytest.mark.parametrize(
    "path",
    ["", "/", "/span", "/span/collections", "/span/collections/17/to", "/collections/17/activity",
     "/span/collections//from",
     "/span/collections/17/devices/from", "/span/collections/17/devices//from", "/span/collections/17/from/",
     "span/collections/17/from", "/span/span/collections/17/from"],
)  # fmt: skip
def test_paths_that_are_no_streams(platform, path):
    assert stream_of(path) is None
    answer = platform.open(path)
    assert isinstance(answer, HttpResponse)
    assert answer.status == 404


def test_a_data_message_is_the_row_of_the_listing(platform, collection, device):
    stream = platform.open(f"/collections/{collection}/from")
    platform.up(b"\x00\x01", transport="coap", path="x")
    (message,) = stream.take()
    assert message.endswith(b"}\n")
    assert [msgspec.json.decode(message)] == platform.call("GET", f"/span/collections/{collection}/data")["data"]


def test_one_devices_stream_holds_nothing_else(platform, collection, device):
    platform.attached(collection, "127.64.0.6", "77")
    mine, all_of_them = (
        platform.open(f"/span/collections/{collection}{part}/from") for part in (f"/devices/{device}", "")
    )
    for where in ("127.64.0.5", "127.64.0.6", "127.64.0.6"):
        platform.up(where=where)
    assert (len(mine.take()), len(all_of_them.take())) == (1, 3)


@pytest.mark.parametrize(
    ("token", "query", "status"),
    [
        (READ, "", None),
        (WRITE, "", None),
        ("nobody", "", 401),
        ("other", "", 403),
        ("", READ, None),
        ("", WRITE, 400),
        ("", "nobody", 401),
        ("", "other", 403),
        (READ, WRITE, None),
        ("nobody", READ, 401),
    ],
)
@pytest.mark.parametrize("what", ["activity", "from"])
def test_token_in_header_or_query(platform, collection, what, token, query, status):
    platform.core.tokens.add(TokenSettings(text="other", resource="/collections/17"[:-1] + "9"))
    path = f"/span/collections/{collection}/{what}" + (f"?api_token={query}" if query else "")
    result = platform.open(path, token)
    assert isinstance(result, Subscription) if status is None else result.status == status


@pytest.mark.parametrize(("name", "status"), [("17dh0cf43jfgna", 404), ("?!"[1:], 400)])
@pytest.mark.parametrize("pattern", ["/span/collections/{x}/activity", "/span/collections/{c}/devices/{x}/from"])
def test_ids_that_are_unknown_or_none(platform, collection, pattern, name, status):
    answer = platform.open(pattern.format(c=collection, x=name))
    assert answer.status == status
    assert answer.content_type == "application/problem+json"


class TestFirstMessage:
    """Without a token the first message says who it is."""

    @pytest.fixture
    def pending(self, platform, collection, device):
        platform.core.tokens.add(TokenSettings(text="other", resource="/collections/9"))

        def open_and_say(message, what="activity"):
            pending = platform.open(f"/span/collections/{collection}/{what}", "")
            assert isinstance(pending, PendingAuth)
            assert pending.deadline_ns == platform.now_ns + 10 * NS_PER_S
            raw = message if isinstance(message, bytes) else msgspec.json.encode(message)
            return pending.first_message(raw, platform.now_ns)

        return open_and_say

    def test_ids_repeat_the_path(self, platform, collection, device, pending, names):
        message = {"jwt": READ, "collectionId": collection, "deviceId": "", "gatewayId": ""}
        stream = pending(msgspec.json.encode(message) + b"\n")
        platform.up()
        assert names(stream) == ["clientConnected", "upstreamMessage"]

    def test_a_device_id_filters(self, platform, collection, device, pending, names):
        platform.attached(collection, "127.64.0.6", "77")
        stream = pending({"jwt": WRITE, "collectionId": collection, "deviceId": device})
        for where in ("127.64.0.5", "127.64.0.6", "127.64.0.6"):
            platform.up(where=where)
        assert names(stream) == ["clientConnected", "upstreamMessage"]

    @pytest.mark.parametrize(("gateway", "count"), [("1", 1), ("3", 0), ("", 1)])
    def test_a_gateway_id_filters_data(self, platform, device, pending, gateway, count):
        stream = pending({"jwt": WRITE, "gatewayId": gateway}, "from")
        platform.up()
        assert len(stream.take()) == count

    def test_no_activity_is_a_gateways_yet(self, platform, device, pending):
        stream = pending({"jwt": WRITE, "gatewayId": "1"})
        platform.up()
        assert stream.take() == []

    def test_ids_of_another_path_or_nobody(self, collection, device, pending):
        right = {"jwt": READ, "collectionId": collection}
        for message in (
            b"", b"{", b"[]", b"null", b"\xff", b'"' + b"x" * 100_000 + b'"', b"[" * 50_000, {},
            right | {"jwt": ""}, right | {"jwt": "nobody"}, right | {"jwt": 5}, right | {"jwt": "other"},
            right | {"collectionId": "17dh0cf43jfgna"}, right | {"deviceId": "17dh0cf43jfgna"},
            right | {"deviceId": "?"}, right | {"gatewayId": "?"},
        ):  # fmt: skip
            result = pending(message)
            assert isinstance(result, Closed), message
            assert (result.code, len(result.reason) < 120) == (1008, True)

    def test_a_device_of_another_path(self, platform, collection, device):
        other = platform.attached(collection, "127.64.0.6", "77")
        pending = platform.open(f"/collections/{collection}/devices/{device}/from", "")
        result = pending.first_message(msgspec.json.encode({"jwt": READ, "deviceId": other}), platform.now_ns)
        assert result == Closed(1008, "deviceId is not the one of the path")

    def test_too_late_is_a_matter_of_policy(self):
        assert PendingAuth.too_late().code == 1008


def test_there_is_a_limit_to_streams_and_leaving_makes_room(make_platform):
    platform = make_platform(streams_most=2)
    path = f"/span/collections/{platform.collection()}/activity"
    first = platform.open(path)
    platform.open(path)
    assert platform.open(path).status == 503
    first.close(1000, "")
    assert isinstance(platform.open(path), Subscription)
