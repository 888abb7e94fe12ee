"""Who may leave a blob, and what the others are told: the door without sockets (span §4.6, §8.3)."""

from __future__ import annotations

import msgspec
import pytest

from simulator.server.fronts.blobs import BlobDoor, BlobRequest
from simulator.server.span.core import SpanCore
from simulator.server.span.settings import NS_PER_S, SpanSettings
from simulator.wire.address import address

NOW = 1_714_076_616 * NS_PER_S
DAY = 86_400 * NS_PER_S
IMSI = "242016000000001"
PEER = address("127.64.0.5", 4711)


class Register:
    """Certificates that need no library: serial → (device, why not)."""

    def __init__(self):
        self.entries = {}

    def refusal(self, serial, kind, now_ns):
        assert kind == "device"
        return self.entries[serial][1] if serial in self.entries else "unknown certificate"

    def owner(self, serial):
        return self.entries.get(serial, (None, ""))[0]

    def revoke(self, owner):
        pass


class Scene:
    def __init__(self):
        self.core = core = SpanCore(SpanSettings(blob_bytes=100, path_bytes=20))
        self.collection = core.create_collection()
        self.meter = core.registry.create_device(self.collection, imsi=IMSI)
        self.camera = core.registry.create_device(self.collection)
        core.certificates = self.register = Register()
        self.register.entries[7] = self.camera, ""
        core.login(IMSI, "", "127.64.0.5", NOW)
        self.door = BlobDoor(core)

    def ask(self, **what):
        """Returns: status, and the title of the refusal."""
        request = BlobRequest(**{"method": "POST", "path": "/any", "remote": PEER, "body": b"content"} | what)
        early = self.door.refuse(request, NOW)
        answer = self.door.handle(request, NOW)
        assert early is None or early == answer  # what can be said early is what is said
        if answer.status == 200:
            assert answer.body == b""
            return 200, ""
        assert answer.content_type == "application/problem+json"
        return answer.status, msgspec.json.decode(answer.body)["title"]

    def blobs(self):
        return list(self.collection.blobs.values())


@pytest.fixture
def scene():
    return Scene()


def test_by_address_in_the_mobile_network(scene):
    assert scene.ask(headers={"content-type": "image/jpeg"}) == (200, "")
    (blob,) = scene.blobs()
    assert (blob.device_id, blob.gateway_id, blob.content_type) == (scene.meter.id, "1", "image/jpeg")
    assert (blob.content, blob.address, blob.path, blob.created_ns) == (b"content", "127.64.0.5:4711", "/any", NOW)


def test_by_certificate_on_the_internet(scene):
    assert scene.ask(secure=True, serial=7, remote=address("10.0.0.9", 5)) == (200, "")
    (blob,) = scene.blobs()
    assert (blob.device_id, blob.gateway_id, blob.address) == (scene.camera.id, "2", "10.0.0.9:5")
    seen = scene.camera.inet_seen
    assert (seen.last_update_ms, seen.remote_address, seen.certificate_serial) == (NOW // 10**6, "10.0.0.9:5", 7)


@pytest.mark.parametrize(
    ("what", "status", "title"),
    [
        ({"method": "GET"}, 405, "allowed: POST"),
        ({"method": "PUT", "secure": True}, 405, "allowed: POST"),
        ({"remote": address("127.64.0.6", 4711)}, 403, "No device is in session at this address"),
        ({"secure": True}, 401, "A client certificate is needed"),
        ({"secure": True, "serial": 8}, 403, "Unknown certificate"),
        ({"path": "/" + "x" * 20}, 414, "Path is too long"),
        ({"headers": {"content-length": "101"}}, 413, "100 bytes is the limit"),
        ({"headers": {"content-length": "9" * 5000}}, 413, "100 bytes is the limit"),
        ({"body": b"x" * 101}, 413, "100 bytes is the limit"),
        ({"body": b"x" * 100}, 200, ""),
        ({"body": b""}, 200, ""),
        ({"headers": {"content-length": "-5"}}, 200, ""),
        ({"headers": {"content-length": "٣٣٣"}}, 200, ""),
    ],
)
def test_what_is_refused_leaves_nothing(scene, what, status, title):
    answered, words = scene.ask(**what)
    assert answered == status
    assert title in words
    assert len(scene.blobs()) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    "why", ["certificate is revoked", "certificate has expired", "certificate of a gateway", "device is disabled"]
)
def test_a_certificate_that_does_not_count_is_refused_in_its_own_words(scene, why):
    scene.register.entries[7] = scene.camera, why
    assert scene.ask(secure=True, serial=7) == (403, why[0].upper() + why[1:])
    assert scene.camera.inet_seen is None


def test_405_names_the_method(scene):
    answer = scene.door.handle(BlobRequest(method="GET", path="/", remote=PEER), NOW)
    assert answer.headers == {"Allow": "POST"}


def test_a_disabled_device_is_told_so(scene):
    scene.core.registry.enable_device(scene.meter, False)
    assert scene.ask() == (403, "Device is disabled")
    scene.core.registry.enable_device(scene.meter, True)
    scene.core.registry.enable_collection(scene.collection, False)
    assert scene.ask() == (403, "Collection is disabled")


def test_a_session_with_a_port_is_not_taken_for_an_address(scene):
    """A mapped device is known by the port of its datagrams, which is not that of a TCP connection."""
    scene.core.login(IMSI, "", "127.64.0.5", NOW, source="127.0.0.1:4711")
    assert scene.ask(remote=address("127.0.0.1", 4711))[0] == 403


def test_nobody_is_connected_by_a_blob(scene):
    stream = scene.core.watch(NOW, limit=100)
    scene.ask(secure=True, serial=7)
    scene.ask()
    assert [msgspec.json.decode(each)["event"] for each in stream.take()] == ["blobUpload"] * 2
