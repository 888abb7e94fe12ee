"""The defects of the Internet's side, and those of blobs, are killed: by what must hold of every run, and by stories.

The scenarios here promise next to nothing, so that the invariants have to find what is wrong.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from simulator.run.prove import prove_one
from simulator.scenario import loads
from simulator.server.fronts.blobs import BlobRequest
from simulator.server.mutants import inflict
from simulator.server.span.http import HttpRequest
from simulator.wire.address import address, ipv4

from .platforms import Bench

SESSIONS = """
scenario: Internet devices of two collections come, send, close, come back and fall silent
collections: {north: {}, south: {}}
devices:
  meters: {count: 2, network: inet, transport: dtls, collection: north}
  clocks: {count: 2, network: inet, transport: coaps, collection: south, connection: {resume: yes}}
  stranger: {network: inet, transport: coaps, collection: south, certificate: self-signed}
steps:
  - {connect: [meters, clocks]}
  - {connect: stranger, outcome: rejected}
  - {upload: [meters, clocks], payload: 24 B}
  - {upload: [meters, clocks], payload: 25 B, at: 150 s}
  - {send: [meters, clocks], payload: 4 B}
  - {upload: [meters, clocks], payload: 26 B, times: 2, every: 1 s}
  - {disconnect: [meters, clocks]}
  - {connect: clocks}
  - {upload: clocks, payload: 27 B}
  - {upload: meters.1, payload: 28 B}
  - {wait: 12 min}
  - {upload: clocks, payload: 29 B}
mutants:
  dtls-accepts-foreign: [handshake-told, "steps[1].outcome"]
  dtls-takes-the-owner-of-the-oldest: [upload-once, handshake-told]
  dtls-ignores-close-notify: session-ended
  dtls-closes-after-a-minute: session-kept
  dtls-never-idle: session-ended
  dtls-loses-messages: upload-once
  clientConnected-missing: [connected-first, handshake-told]
  clientConnected-doubled: handshake-told
  clientConnected-of-another-device: handshake-told
  clientConnected-before-the-handshake: handshake-told
  clientConnected-not-when-resumed: [connected-first, handshake-told]
  clientConnected-by-ip: fits-network
  clientConnected-on-every-datagram: handshake-told
  clientDisconnected-missing: session-ended
  clientDisconnected-doubled: session-ends-once
  clientDisconnected-late: [session-ended, connected-first]
  clientDisconnected-of-another-device: [session-ended, session-ends-once]
  clientDisconnected-in-another-collection: right-collection
  clientDisconnected-at-every-message: [session-kept, session-ends-once]
  clientDisconnected-with-a-reason: event-shape
  upstreamMessage-missing: upload-once
  upstreamMessage-doubled: upload-once
  upstreamMessage-wrong-transport: upload-once
  upload-cut: upload-once
  outbox-sent-twice: downstream-queued
"""

BLOBS = """
scenario: Devices of both networks store blobs, two of a size
collections: {north: {}, south: {}}
devices:
  cameras: {count: 2, network: inet, transport: coaps, collection: north}
  meters: {count: 2, network: ciot, transport: coap, collection: south}
steps:
  - {attach: meters}
  - {upload_blob: [cameras, meters], payload: 2 KiB, content_type: image/jpeg}
  - {upload_blob: [cameras, meters], payload: 2 KiB, content_type: image/jpeg, times: 2, every: 1 min}
  - {remove: meters.0}
  - {upload_blob: meters.0, payload: 300 B, outcome: rejected}
  - {upload_blob: meters.1, payload: 300 B}
mutants:
  blobUpload-missing: blob-once
  blobUpload-doubled: blob-once
  blobUpload-late: blob-once
  blobUpload-of-another-device: blob-once
  blobUpload-in-another-collection: right-collection
  blobUpload-wrong-bytes: blob-once
  blob-cut: blob-once
  blob-content-type-ignored: blob-once
  blob-of-anybody: "steps[4].outcome"
"""

SCENARIOS = {"sessions": SESSIONS, "blobs": BLOBS}


@pytest.mark.parametrize("name", SCENARIOS)
def test_invariants_kill_what_they_name(name):
    row = prove_one(name, loads(SCENARIOS[name], f"{name}.yaml"))
    assert row.sound.verdict == "pass", row.sound
    assert [(proof.mutant, proof.failed) for proof in row.proofs if proof.outcome != "killed"] == []
    assert row.proven


# --- stories told to the server itself --------------------------------------------------------------------------------

HOME = address(ipv4("127.0.0.9"), 4711)


def _certificate(bench: Bench, device: str) -> tuple[bytes, int]:
    """A new one of that device: as PEM, and its serial."""
    where, _, name = device.partition("/devices/")
    issued = bench.call("POST", f"{where}/certificates/create", {"deviceId": name})
    listed = bench.call("GET", f"{device}/certs")["certificates"]
    return base64.b64decode(issued["certificate"]), int(listed[-1]["certificateSerial"])


def _verdict(bench: Bench, device: str, certificate: bytes) -> Any:
    where, _, name = device.partition("/devices/")
    body = {"deviceId": name, "certificate": base64.b64encode(certificate).decode()}
    return bench.call("POST", f"{where}/certificates/verify", body)


def _refusal(bench: Bench, serial: int) -> str:
    return bench.server.core.certificates.refusal(serial, "device", bench.now_ns)


def a_renewal_leaves_the_former_certificate_alone(bench: Bench) -> None:
    device = bench.device()
    first, serial = _certificate(bench, device)
    bench.now_ns += 3600 * 10**9
    _certificate(bench, device)
    assert _verdict(bench, device, first) == {"valid": True, "errors": []}
    assert _refusal(bench, serial) == ""


def a_connection_is_written_down(bench: Bench) -> None:
    device = bench.device()
    _, serial = _certificate(bench, device)
    for peer in (HOME, HOME + (1 << 32)):
        assert bench.server.core.inet.connect(serial, "dtls", peer, bench.now_ns) is not None
        seen = bench.call("GET", device)["metadata"]["inet"]
        assert seen["certificateSerial"] == str(serial)
        assert seen["remoteAddress"] == f"127.0.0.9:{peer >> 32}"


def a_blob_is_there_to_be_fetched(bench: Bench) -> None:
    bench.device()
    _store(bench, b"x" * 3000)
    assert _blobs(bench) == [(b"x" * 3000, "image/png")]


def blobs_survive_a_restart(bench: Bench) -> None:
    bench.device()
    _store(bench, b"first")
    _store(bench, b"second")
    bench.restart()
    assert _blobs(bench) == [(b"second", "image/png"), (b"first", "image/png")]


def certificates_survive_a_restart(bench: Bench) -> None:
    device = bench.device()
    certificate, serial = _certificate(bench, device)
    bench.restart()
    assert _refusal(bench, serial) == ""
    assert _verdict(bench, device, certificate)["valid"]


def _store(bench: Bench, content: bytes) -> None:
    request = BlobRequest(
        method="POST",
        path="/x",
        headers={"content-type": "image/png"},
        body=content,
        remote=address(ipv4("127.64.0.1"), 999),
    )
    assert bench.server.blobs.handle(request, bench.now_ns).status == 200


def _blobs(bench: Bench) -> list[tuple[bytes, str]]:
    """What is fetched, newest first."""
    found = []
    for blob in bench.call("GET", f"/span/collections/{bench.north}/blobs")["blobs"]:
        headers = {"x-api-token": bench.server.token}
        answer = bench.server.api.handle(
            HttpRequest(method="GET", path=blob["blobPath"], headers=headers), bench.now_ns
        )
        assert answer.status == 200
        found.append((bytes(answer.body), blob["contentType"]))
    return found


STORIES: dict[Callable[[Bench], None], tuple[str, ...]] = {
    a_renewal_leaves_the_former_certificate_alone: ("dtls-renewal-revokes",),
    a_connection_is_written_down: ("inet-wrong-serial", "inet-remote-address-of-the-first-session"),
    a_blob_is_there_to_be_fetched: ("blob-not-stored", "blob-cut", "blob-content-type-ignored"),
    blobs_survive_a_restart: ("restart-loses-blobs", "restart-goes-back"),
    certificates_survive_a_restart: ("restart-forgets-certificates",),
}
"""A story → the mutants under which it is not true."""


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_stories_are_true_of_a_sound_server(story):
    story(Bench())


@pytest.mark.parametrize(
    ("story", "mutant"),
    [pytest.param(story, mutant, id=mutant) for story, mutants in STORIES.items() for mutant in mutants],
)
def test_stories_are_not_true_of_a_mutant(story, mutant):
    bench = Bench()
    undo = inflict(bench.server, mutant)
    with pytest.raises((AssertionError, msgspec.DecodeError)):
        story(bench)
    undo()
