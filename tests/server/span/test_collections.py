"""Collections over REST (span §2.4)."""

from __future__ import annotations

import pytest


def test_a_new_collection_in_full(platform):
    document = platform.call("POST", "/span/collections", {"tags": {" Name ": " Meters "}})
    assert document == {
        "collectionId": "17dh0cf43jfh1d",
        "teamId": "17dh0cf43jfgl9",
        "firmware": {"currentFirmwareId": "0", "targetFirmwareId": "0", "management": "unspecified"},
        "tags": {"name": "Meters"},
        "upstreamTimestamps": [],
        "downstreamTimestamps": [],
        "enabled": True,
    }
    assert platform.call("GET", "/span/collections") == {"collections": [document]}
    assert platform.call("GET", f"/span/collections/{document['collectionId']}") == document


def test_an_empty_body_makes_a_collection(platform):
    assert platform.call("POST", "/span/collections")["tags"] == {}


def test_tags_merge_trim_lower_and_a_blank_value_deletes(platform):
    path = f"/span/collections/{platform.collection(tags={'a': '1', 'B ': ' 2'})}"
    assert platform.call("PATCH", path, {"tags": {}})["tags"] == {"a": "1", "b": "2"}
    assert platform.call("PATCH", path, {"tags": {"A": " 3 ", "c": "4"}})["tags"] == {"a": "3", "b": "2", "c": "4"}
    assert platform.call("PATCH", path, {"tags": {"b": "  "}})["tags"] == {"a": "3", "c": "4"}


@pytest.mark.parametrize("management", ["unspecified", "disabled", "collection", "device"])
def test_management_is_kept(platform, management):
    path = f"/span/collections/{platform.collection()}"
    document = platform.call("PATCH", path, {"firmware": {"management": management}})
    assert document["firmware"]["management"] == management
    assert platform.call("PATCH", path, {"tags": {}})["firmware"]["management"] == management


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"tags": {" ": "x"}}, 400, "Tag name is blank"),
        ({"tags": {str(n): "x" for n in range(129)}}, 400, "Too many tags"),
        ({"tags": {"a": 1}}, 400, "Expected `str`"),
        ({"tags": []}, 400, "$.tags"),
        ({"teamId": "no team!"}, 400, "Invalid team ID"),
        ({"enabled": "yes"}, 400, "$.enabled"),
        ({"firmware": {"management": "both"}}, 400, "firmware.management is one of"),
        ({"firmware": {"targetFirmwareId": "17dh0cf43jfgna"}}, 404, "Unknown firmware"),
        ({"firmware": {"targetFirmwareId": "zz"}}, 400, "Invalid firmware ID"),
        ([], 400, "Request body"),
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "Request body"),
    ],
)
def test_what_is_refused(platform, body, status, words):
    existing = f"/span/collections/{platform.collection()}"
    for method, path in (("POST", "/span/collections"), ("PATCH", existing)):
        got, title = platform.refused(method, path, body)
        assert got == status
        assert words in title
    assert len(platform.call("GET", "/span/collections")["collections"]) == 1


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("name", "status"), [("17dh0cf43jfgna", 404), ("xyz", 400), ("17DH0CF43JFGNA", 400), ("l" * 15, 400), ("0", 404)]
)
def test_ids_that_are_unknown_or_none(platform, method, name, status):
    assert platform.refused(method, f"/span/collections/{name}", {})[0] == status


def test_only_an_empty_collection_is_deleted(platform):
    collection = platform.collection()
    device = platform.device(collection)
    path = f"/span/collections/{collection}"
    assert platform.refused("DELETE", path)[0] == 409
    platform.call("DELETE", f"{path}/devices/{device}")
    assert platform.call("DELETE", path)["collectionId"] == collection
    assert platform.refused("GET", path)[0] == 404


def test_a_deleted_collection_ends_its_streams(platform):
    collection = platform.collection()
    stream = platform.activity(collection)
    platform.call("DELETE", f"/span/collections/{collection}")
    assert stream.closed is not None
    assert stream.closed.code == 1001


def test_a_disabled_collection_is_read_only_and_inactive(platform):
    collection, other = platform.collection(), platform.collection()
    device = platform.attached(collection)
    path = f"/span/collections/{collection}"
    assert platform.call("PATCH", path, {"enabled": False})["enabled"] is False
    for method, what, body in (
        ("PATCH", "", {"tags": {"a": "b"}}),
        ("DELETE", "", None),
        ("POST", "/devices", {}),
        ("PATCH", f"/devices/{device}", {}),
        ("PATCH", f"/devices/{device}", {"collectionId": other}),
        ("DELETE", f"/devices/{device}", None),
        ("POST", f"/devices/{device}/outbox", {"payload": "AA=="}),
    ):
        assert platform.refused(method, path + what, body)[0] == 409, (method, what)
    stranger = platform.device(other)
    moving = f"/span/collections/{other}/devices/{stranger}"
    assert platform.refused("PATCH", moving, {"collectionId": collection})[0] == 409
    assert platform.up().known is False
    assert platform.login().reason == "Device is disabled"
    assert platform.call("GET", f"{path}/devices/{device}")["deviceId"] == device
    assert platform.call("PATCH", path, {"enabled": True, "tags": {"a": "b"}})["tags"] == {"a": "b"}
    assert platform.up().known is True


def test_timestamps_of_the_last_hour_when_asked_for(platform):
    collection = platform.collection()
    device = platform.attached(collection)
    path = f"/span/collections/{collection}"
    platform.up()
    platform.later(3601)
    platform.call("POST", f"{path}/devices/{device}/outbox", {"payload": "AA=="})
    platform.up()
    now_ms = str(platform.now_ns // 1_000_000)
    document = platform.call("GET", path + "?upstream=true&downstream=1")
    assert (document["upstreamTimestamps"], document["downstreamTimestamps"]) == ([now_ms], [now_ms])
    assert platform.call("GET", path + "?upstream=false")["upstreamTimestamps"] == []
    assert platform.refused("GET", path + "?upstream=maybe")[0] == 400
    for _ in range(120):
        platform.up()
    assert len(platform.call("GET", path + "?upstream=true")["upstreamTimestamps"]) == 100


def test_statistics(platform):
    collection = platform.collection()
    device = platform.attached(collection)
    path = f"/span/collections/{collection}"
    platform.call("POST", f"{path}/devices/{device}/outbox", {"payload": "AAAA"})
    platform.up(b"12345")
    counted = {
        "bytesUpstream": "5",
        "bytesDownstream": "3",
        "messagesUpstream": "1",
        "messagesDownstream": "1",
        "sessionCount": 1,
    }
    assert platform.call("GET", f"{path}/devices/{device}/stats") == counted
    stats = platform.call("GET", f"{path}/stats")
    assert (stats["deviceCount"], stats["devices"]) == (1, counted)


def test_there_is_a_limit_to_collections_and_devices(make_platform):
    platform = make_platform(collections_most=1, devices_most=1)
    collection = platform.collection()
    assert platform.refused("POST", "/span/collections", {})[0] == 429
    platform.device(collection)
    assert platform.refused("POST", f"/span/collections/{collection}/devices", {})[0] == 429
