"""Blobs: what is stored, told, listed, handed out and forgotten (span §1.4, §2.4, §3.4, §4.6)."""

from __future__ import annotations

import msgspec
import pytest

from simulator.protocol.ids import decode
from simulator.server.span.blobs import TYPE_LENGTH, type_of
from simulator.server.span.durable import Durable, keep, revive
from simulator.server.span.errors import Refusal
from simulator.server.span.rest import Api


@pytest.fixture
def collection(platform):
    return platform.collection()


@pytest.fixture
def upload(platform, collection):
    """Stores a blob of the first device. Returns: its id."""

    def store(payload=b"content", content_type="image/jpeg", **rest):
        core = platform.core
        found = core.registry.collections[decode(collection)]
        if not found.devices:
            platform.device(collection)
        device = next(iter(found.devices.values()))
        given = {"path": "/some/random/path", "address": "127.64.0.5:4711", "gateway_id": "1"} | rest
        blob = core.blobs.store(device, payload=payload, content_type=content_type, now_ns=platform.now_ns, **given)
        return blob.id

    return store


def test_a_record_in_full(platform, collection, upload):
    platform.later(0.492000001)
    name = upload(gateway_id="2")
    (device,) = platform.call("GET", f"/span/collections/{collection}/devices")["devices"]
    assert platform.call("GET", f"/span/collections/{collection}/blobs") == {
        "blobs": [
            {
                "blobId": name,
                "blobPath": f"/span/collections/{collection}/blobs/{name}",
                "contentType": "image/jpeg",
                "size": "7",
                "created": "1714076616492000001",
                "collectionId": collection,
                "deviceId": device["deviceId"],
                "gatewayId": "2",
                "properties": {"address": "127.64.0.5:4711", "method": "POST", "path": "/some/random/path"},
            }
        ]
    }
    assert len(name) == 14


def test_it_is_told_with_texts(platform, collection, upload, events):
    upload()
    stream = platform.activity(collection)
    name = upload(b"x" * 20_480, "")
    (event,) = events(stream)
    assert event["event"] == "blobUpload"
    assert event["data"] == {"blobId": name, "bytes": "20480", "contentType": "text/plain; charset=utf-8"}


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"x" * 100_000])
def test_a_download_is_what_came(platform, collection, upload, content):
    name = upload(content, "application/x-whatever")
    answer = platform.answer("GET", f"/span/collections/{collection}/blobs/{name}")
    assert (answer.status, answer.content_type, answer.body) == (200, "application/x-whatever", content)


def test_newest_first_and_no_more_than_asked_for(platform, collection, upload):
    names = []
    for _ in range(4):
        names.append(upload())
        platform.later(86_400)  # nothing is too old
    path = f"/span/collections/{collection}/blobs"

    def listed(query):
        return [each["blobId"] for each in platform.call("GET", path + query)["blobs"]]

    assert names == sorted(names)
    newest = names[::-1]
    assert listed("") == newest
    assert listed("?limit=2") == newest[:2]
    assert listed(f"?limit=2&offset={newest[1]}") == newest[2:]
    assert listed(f"?start={(platform.now_ns - 2 * 86_400 * 10**9) // 10**6}") == newest[:2]
    assert platform.refused("GET", path + "?limit=many")[0] == 400
    assert platform.refused("GET", f"{path}?offset={newest[1]}&start=1")[0] == 400


def test_who_is_deleted_is_gone(platform, collection, upload):
    name = upload()
    path = f"/span/collections/{collection}/blobs/{name}"
    assert platform.call("DELETE", path) == {}
    for method in ("GET", "DELETE"):
        assert platform.refused(method, path) == (404, "Unknown blob")
    assert platform.call("GET", f"/span/collections/{collection}/blobs") == {"blobs": []}
    assert (platform.core.blobs.count, platform.core.blobs.size_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "blobs/17dh0cf43jfgna", 404),
        ("GET", "blobs/*", 400),
        ("DELETE", "blobs/*", 400),
        ("POST", "blobs", 405),
        ("PUT", "blobs/1", 405),
    ],
)
def test_what_is_not_there(platform, collection, method, path, status):
    assert platform.refused(method, f"/span/collections/{collection}/{path}")[0] == status


def test_a_blob_is_found_in_its_own_collection_only(platform, collection, upload):
    name, other = upload(), platform.collection()
    assert platform.refused("GET", f"/span/collections/{other}/blobs/{name}")[0] == 404
    assert platform.refused("GET", f"/span/collections/{collection}/blobs", token="")[0] == 401


def test_it_stays_in_its_collection_when_its_device_is_moved_or_removed(platform, collection, upload):
    name, there = upload(), platform.collection()
    (device,) = platform.call("GET", f"/span/collections/{collection}/devices")["devices"]
    path = f"/span/collections/{collection}/devices/{device['deviceId']}"
    platform.call("PATCH", path, {"collectionId": there})
    (blob,) = platform.call("GET", f"/span/collections/{collection}/blobs")["blobs"]
    assert (blob["blobId"], blob["collectionId"]) == (name, collection)
    platform.call("DELETE", f"/span/collections/{there}/devices/{device['deviceId']}")
    (blob,) = platform.call("GET", f"/span/collections/{collection}/blobs")["blobs"]
    assert blob["deviceId"] == device["deviceId"]
    # … and goes with it.
    platform.call("DELETE", f"/span/collections/{collection}")
    assert (platform.core.blobs.count, platform.core.blobs.size_bytes) == (0, 0)


def test_a_disabled_collection_keeps_its_blobs(platform, collection, upload):
    name = upload()
    platform.call("PATCH", f"/span/collections/{collection}", {"enabled": False})
    assert platform.refused("DELETE", f"/span/collections/{collection}/blobs/{name}")[0] == 409
    assert platform.answer("GET", f"/span/collections/{collection}/blobs/{name}").status == 200


def test_statistics_count_them(platform, collection, upload):
    upload(b"123")
    upload(b"4567")
    stats = platform.call("GET", f"/span/collections/{collection}/stats")
    assert (stats["blobCount"], stats["blobs"]) == (2, {"blobBytes": "7"})


@pytest.mark.parametrize(
    ("limits", "sizes", "status"),
    [
        ({"blob_bytes": 10}, [10, 11], 413),
        ({"blobs_bytes": 15}, [10, 5, 1], 507),
        ({"blobs_most": 2}, [0, 0, 0], 507),
    ],
)
def test_what_was_accepted_stays_and_the_rest_is_told_no(make_platform, limits, sizes, status):
    platform = make_platform(**limits)
    core, collection = platform.core, platform.collection()
    platform.device(collection)
    (device,) = core.registry.devices.values()
    given = {"path": "/", "content_type": "", "address": "", "gateway_id": "1", "now_ns": 0}
    for size in sizes[:-1]:
        core.blobs.store(device, payload=bytes(size), **given)
    with pytest.raises(Refusal) as caught:
        core.blobs.store(device, payload=bytes(sizes[-1]), **given)
    assert caught.value.status == status
    kept = platform.call("GET", f"/span/collections/{collection}/blobs")["blobs"]
    assert [each["size"] for each in reversed(kept)] == [str(size) for size in sizes[:-1]]


def test_they_survive_a_restart_and_ids_go_on(platform, collection, upload):
    names = [upload(b"first"), upload(b"second", "text/html")]
    platform.call("DELETE", f"/span/collections/{collection}/blobs/{names[1]}")
    before = platform.call("GET", f"/span/collections/{collection}/blobs")
    disk = msgspec.msgpack.encode(keep(platform.core))
    platform.core = revive(platform.core.settings, msgspec.msgpack.decode(disk, type=Durable))
    platform.api = Api(platform.core)
    assert platform.call("GET", f"/span/collections/{collection}/blobs") == before
    assert platform.answer("GET", f"/span/collections/{collection}/blobs/{names[0]}").body == b"first"
    assert (platform.core.blobs.count, platform.core.blobs.size_bytes) == (1, 5)
    assert upload() not in names


@pytest.mark.parametrize(
    ("declared", "content", "stored"),
    [
        ("image/jpeg", b"GIF89a", "image/jpeg"),
        (" text/csv ; a=b ", b"", "text/csv ; a=b"),
        ("application/octet-stream", b"\xff\xd8\xff\xe0", "application/octet-stream"),
        ("", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("", b"GIF87a", "image/gif"),
        ("", b"%PDF-1.7", "application/pdf"),
        ("", b"\x1f\x8b\x08", "application/x-gzip"),
        ("", b"\x1f\x8b", "application/octet-stream"),
        ("", b"", "application/octet-stream"),
        ("", b"21.5;22.0\r\n\tx", "text/plain; charset=utf-8"),
        ("", "blåbær".encode(), "text/plain; charset=utf-8"),
        ("", "blåbær".encode("latin-1"), "application/octet-stream"),
        ("", b"a\x00b", "application/octet-stream"),
        ("", b"x" * 511 + "å".encode() + b"\xff", "text/plain; charset=utf-8"),
        ("", b"x" * 400 + b"\xc3", "application/octet-stream"),
        ("", b"x" * 512 + b"\x00", "text/plain; charset=utf-8"),
        ("text/html\r\nX-Evil: 1", b"x", "text/plain; charset=utf-8"),
        ("bl\xe5", b"", "application/octet-stream"),
        ("x" * TYPE_LENGTH, b"", "x" * TYPE_LENGTH),
        ("x" * (TYPE_LENGTH + 1), b"", "application/octet-stream"),
    ],
)
def test_the_content_type_is_the_declared_one_or_what_it_looks_like(declared, content, stored):
    assert type_of(declared, content) == stored
