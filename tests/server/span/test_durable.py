"""What of the platform survives its restart, and what does not."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from simulator.protocol.ids import decode
from simulator.server.span import model
from simulator.server.span.durable import (
    Durable,
    KeptBlob,
    KeptCiot,
    KeptCollection,
    KeptDevice,
    KeptDownstream,
    KeptInet,
    KeptSession,
    keep,
    revive,
)
from simulator.server.span.durable_issued import KeptGateway
from simulator.server.span.outbox import Downstream
from simulator.server.span.rest import Api

IMSI = "242016000000001"


def restarted(platform):
    """The same platform after a restart, by way of a disk; the old core is spoilt, so that nothing can live on it."""
    old = platform.core
    disk = msgspec.msgpack.encode(keep(old))
    settings = old.settings
    for part in (old.registry.devices, old.registry.collections, old.network.sessions, old.tokens._known):
        part.clear()
    platform.core = revive(settings, msgspec.msgpack.decode(disk, type=Durable))
    platform.api = Api(platform.core)
    return platform


@pytest.fixture
def scene(platform):
    """A platform on which everything has happened once."""
    platform.here = platform.collection(tags={"name": "here"})
    platform.there = platform.collection(tags={"name": "there"})
    platform.meter = platform.attached(platform.here)
    platform.spare = platform.device(platform.here, "242016000000002", tags={"site": "7"})
    platform.device(platform.there, "242016000000003")  # made later, but there before the one that is moved
    platform.call(
        "PATCH", f"/span/collections/{platform.here}/devices/{platform.spare}", {"collectionId": platform.there}
    )
    platform.path = f"/span/collections/{platform.here}/devices/{platform.meter}"
    platform.up(b"hello")
    platform.up(b"long" * 1000)
    for text in ("b25l", "dHdv"):
        platform.call("POST", f"{platform.path}/outbox", {"payload": text})
    assert platform.poll().downstream == b"one"
    for collection in (platform.here, platform.there):
        body = {"name": "attic", "type": "lora", "tags": {"a": "b"}, "config": {"user": {"params": {"c": "d"}}}}
        made = platform.call("POST", f"/span/collections/{collection}/gateways", body | {"enabled": False})
        platform.router = made["gatewayId"]
    # Made first, but the second one there.
    (first,) = platform.core.registry.collections[decode(platform.here)].gateways.values()
    platform.call("PATCH", f"/span/collections/{platform.here}/gateways/{first.id}", {"collectionId": platform.there})
    platform.issued = [
        platform.call("POST", f"/span/collections/{collection}/certificates/create", owner)["certificate"]
        for collection, owner in (
            (platform.here, {"deviceId": platform.meter}),
            (platform.there, {"gatewayId": platform.router}),
        )
    ]
    (meter,) = platform.core.registry.collections[decode(platform.here)].devices.values()
    meter.inet_seen = model.InetMetadata(last_update_ms=7, remote_address="192.0.2.7:42", certificate_serial=5)
    platform.call("POST", "/simulator/tokens", {"token": "issued", "resource": f"/collections/{platform.here}"})
    return platform


ASKED = {
    "collections": "/span/collections",
    "a collection with its times": "/span/collections/{here}?timestamps=true",
    "statistics": "/span/collections/{here}/stats",
    "devices": "/span/collections/{here}/devices",
    "devices, in the order in which they came": "/span/collections/{there}/devices",
    "a device that was moved": "/span/collections/{there}/devices/{spare}",
    "history of a collection": "/span/collections/{here}/data",
    "history of a device, with long payloads": "/span/collections/{here}/devices/{meter}/data",
    "inbox": "/span/collections/{here}/devices/{meter}/inbox",
    "outbox, pending and sent": "/span/collections/{here}/devices/{meter}/outbox",
    "gateways, in the order in which they came": "/span/collections/{there}/gateways",
    "certificates of a device": "/span/collections/{here}/devices/{meter}/certs",
    "certificates of a gateway": "/span/collections/{there}/gateways/{router}/certs",
    "the chain": "/span/collections/{there}/certificates?gatewayId={router}",
}


@pytest.mark.parametrize("path", ASKED.values(), ids=ASKED)
def test_the_api_says_the_same_after_a_restart(scene, path):
    path = path.format(**vars(scene))
    before = scene.answer("GET", path)
    assert before.status == 200
    after = restarted(scene).answer("GET", path)
    assert (after.status, after.body) == (before.status, before.body)
    assert len(after.body) > 20


def test_certificates_still_count_and_the_next_ones_have_other_serials(scene):
    def verdicts(it):
        path = f"/span/collections/{it.here}/certificates/verify"
        bodies = ({"deviceId": it.meter, "certificate": each} for each in it.issued)
        return [it.call("POST", path, body)["errors"] for body in bodies]

    before = verdicts(scene)
    assert before == [[], ["certificate of a gateway, not of a device"]]
    it = restarted(scene)
    assert verdicts(it) == before
    assert it.core.certificates.issued == 2
    path = f"/span/collections/{it.here}"
    it.call("POST", f"{path}/certificates/create", {"deviceId": it.meter})
    listed = it.call("GET", f"{path}/devices/{it.meter}/certs")["certificates"]
    assert len({each["certificateSerial"] for each in listed}) == 2


def test_a_revoked_certificate_stays_revoked(scene):
    scene.call("DELETE", scene.path)
    it = restarted(scene)
    body = {"gatewayId": it.router, "certificate": it.issued[0]}
    assert it.call("POST", f"/span/collections/{it.there}/certificates/verify", body)["errors"] == [
        "certificate is revoked"
    ]


def test_keys_of_the_authority_are_kept_and_not_shown(scene):
    kept = keep(scene.core)
    assert b"PRIVATE KEY" in msgspec.msgpack.encode(kept)
    assert "PRIVATE KEY" not in repr(kept) + str(kept) + str(list(kept.certificates.authority.__rich_repr__()))


def test_a_platform_without_certificates_restarts_without_an_authority(platform):
    assert restarted(platform).core.certificates.authority is None


def test_a_login_survives_and_the_next_datagram_is_no_new_connection(scene, names):
    it = restarted(scene)
    stream = it.activity(it.here)
    assert it.up(b"again").known
    assert names(stream) == ["upstreamMessage", "downstreamMessage"]


def test_what_was_queued_is_delivered_once(scene):
    it = restarted(scene)
    assert (it.poll().downstream, it.poll().downstream) == (b"two", None)


def test_a_sim_that_left_gets_its_address_again_and_nobody_else_does(make_platform):
    it = make_platform()
    collection = it.collection()
    for imsi in "123":
        it.device(collection, imsi)
    first = it.login("1", "").address
    it.core.logout("1", it.now_ns)
    restarted(it)
    assert it.login("2", "").address != first
    assert it.login("1", "").address == first
    assert it.login("3", "").address not in (first, it.login("2", "").address)


def test_ids_go_on(scene):
    before = scene.call("GET", f"{scene.path}/outbox")["messages"][0]["messageId"]
    it = restarted(scene)
    assert it.collection() > it.there
    assert it.device(it.here) > it.spare
    assert it.call("POST", f"{it.path}/outbox", {"payload": "b25l"})["messageId"] > before
    assert it.call("POST", f"/span/collections/{it.here}/gateways", {})["gatewayId"] > it.router
    gone = it.call("DELETE", f"/span/collections/{it.there}/devices/{it.spare}")["deviceId"]
    assert restarted(it).device(it.here) > gone


@pytest.mark.parametrize(
    ("token", "method", "status"), [("issued", "GET", 200), ("issued", "PATCH", 403), ("w" * 64, "GET", 200)]
)
def test_tokens_survive(scene, token, method, status):
    assert restarted(scene).answer(method, f"/span/collections/{scene.here}", {}, token).status == status


def test_a_revoked_token_stays_unknown(scene):
    scene.call("DELETE", "/simulator/tokens", {"token": "issued"})
    assert restarted(scene).answer("GET", f"/span/collections/{scene.here}", token="issued").status == 401


def test_a_disabled_collection_stays_disabled(scene):
    scene.call("PATCH", f"/span/collections/{scene.here}", {"enabled": False})
    assert restarted(scene).up(b"again").known is False


def test_readers_and_counters_do_not_survive(scene):
    stream = scene.activity(scene.here)
    assert (scene.core.streams, scene.core.counts.upstream) == (1, 2)
    it = restarted(scene)
    it.up(b"again")
    assert (it.core.streams, it.core.counts.upstream) == (0, 1)
    assert stream.take() == []


def test_a_mismatch_is_told_anew_after_a_restart(scene, names):
    scene.call("PATCH", scene.path, {"config": {"ciot": {"imsi": IMSI, "imei": "353456123456780"}}})
    stream = scene.activity(scene.here)
    for _ in range(2):
        scene.login(IMSI, "353456999999990")
    assert names(stream) == ["imeiMismatch"]
    it = restarted(scene)
    stream = it.activity(it.here)
    it.login(IMSI, "353456999999990")
    assert names(stream) == ["imeiMismatch"]


def test_what_the_mobile_network_did_is_counted_on(scene):
    scene.login("999990000000009", "")
    counted = scene.core.statistics()
    assert (counted["accepted"], counted["rejected.Device does not exist"], counted["sessions"]) == (1, 1, 1)
    it = restarted(scene)
    assert it.core.statistics() == counted
    it.login("999990000000009", "")
    assert it.core.statistics()["rejected"] == 2


# Field of the model → why it need not be kept under its own name.
ELSEWHERE = {
    model.Device: {
        "id_bytes": "made of id",
        "mismatches": "lost: a platform that starts anew tells them anew",
        "inet_sessions": "lost: they end with the sockets",
    },
    model.Collection: {
        "id_bytes": "made of id",
        "hub": "its readers are cut off",
        "devices": "in Durable.order",
        "gateways": "in Durable.gateways",
        "blobs": "in Durable.blobs",
    },
    model.Blob: {},
    model.Gateway: {},
    model.InetMetadata: {},
    model.Session: {"device": "it is kept with its device"},
    model.CiotMetadata: {},
    Downstream: {},
}


_WHERE = {model.Blob: {"collection"}}
"""What is kept besides."""


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (model.Device, KeptDevice),
        (model.Collection, KeptCollection),
        (model.Session, KeptSession),
        (model.CiotMetadata, KeptCiot),
        (model.InetMetadata, KeptInet),
        (model.Gateway, KeptGateway),
        (model.Blob, KeptBlob),
        (Downstream, KeptDownstream),
    ],
)
def test_of_every_field_it_is_decided_whether_it_survives(kind, kept):
    fields = {field.name for field in dataclasses.fields(kind)}
    assert fields == set(kept.__struct_fields__) - _WHERE.get(kind, set()) | ELSEWHERE[kind].keys()
