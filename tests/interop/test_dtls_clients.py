"""Foreign clients with certificates against `simulator serve`: OpenSSL's, libcoap's on OpenSSL and GnuTLS, and curl."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from ..protocol.dtls.authority import TestAuthority

PROGRAMS = ("openssl", "coap-client-openssl", "coap-client-gnutls", "curl")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian: openssl, libcoap3-bin, curl)"
    ),
]

TOKEN = "t0k"
PATIENCE_S = 15.0
PORTS = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")
GCM, CCM8 = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8"
LARGE = bytes(range(256)) * 12  # 3 KiB
DAY_S = 86_400


class Device:
    """An Internet device with a certificate, as the operator was given it; all of it in files."""

    def __init__(self, platform, folder):
        self.platform, self.folder = platform, folder
        folder.mkdir()
        created = platform.call("POST", f"{platform.collection}/devices", {"config": {"inet": {}}})
        self.id = created["deviceId"]
        self.path = f"{platform.collection}/devices/{self.id}"
        self.use(platform.call("POST", f"{platform.collection}/certificates/create", {"deviceId": self.id}))

    def use(self, issued):
        """What the API has answered, or the same fields as bytes."""
        found = {name: base64.b64decode(value) for name, value in issued.items()}
        self.write(found["certificate"], found["privateKey"])

    def write(self, certificate, key):
        (self.folder / "certificate.pem").write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        (self.folder / "both.pem").write_bytes(certificate + key)

    def file(self, name):
        return str(self.folder / f"{name}.pem")

    @property
    def events(self):
        return [each for each in list(self.platform.events) if each.get("deviceId") == self.id]

    def seen(self, *names):
        """Its events after `deviceCreated`; waits for the last one."""
        self.platform.wait(lambda: [each["event"] for each in self.events[1:]][-1:] == [names[-1]], names)
        found = self.events[1:]
        assert tuple(each["event"] for each in found) == names
        return found

    def stored(self):
        """(payload, transport) of what the platform keeps of it, oldest first."""
        rows = self.platform.call("GET", f"{self.path}/data")["data"]
        return [(base64.b64decode(row["payload"]), row["transport"]) for row in reversed(rows)]

    def queue(self, payload):
        """A message waits for it."""
        return self.platform.call("POST", f"{self.path}/outbox", {"payload": base64.b64encode(payload).decode()})


class Platform:
    """`simulator serve` on free ports, and the activity stream of a collection."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "serve.log"
        command = [sys.executable, "-m", "simulator", "serve", "--token", TOKEN]
        command += [word for port in PORTS for word in (f"--{port}-port", "0")]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self.events, self._devices, self._stop = [], 0, None
        self.where = self._table()
        self.url = self.where["API"].removesuffix("/span")
        with urllib.request.urlopen(f"{self.url}/simulator/root", timeout=10) as answer:
            self.root_pem = answer.read()
        self.root = str(folder / "root.pem")
        Path(self.root).write_bytes(self.root_pem)
        self.foreign = TestAuthority("Foreign", int(time.time()))
        self.foreign_root = str(folder / "foreign.pem")
        Path(self.foreign_root).write_bytes(self.foreign.root_pem)
        self.collection_id = self.call("POST", "/span/collections", {})["collectionId"]
        self.collection = f"/span/collections/{self.collection_id}"
        opened = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read(opened)), daemon=True)
        self._thread.start()
        assert opened.wait(PATIENCE_S)

    def _table(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            text = self.log.read_text()
            if re.search(r"(?m)^read-only\s+\S+$", text):
                return dict(line.split()[:2] for line in text.splitlines())
            assert self.process.poll() is None, text
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    async def _read(self, opened):
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        url, headers = f"{self.url}{self.collection}/activity", {"X-API-Token": TOKEN}
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as stream:
            opened.set()
            stopped = asyncio.ensure_future(stop.wait())
            while not stopped.done():
                message = asyncio.ensure_future(stream.receive())
                await asyncio.wait((message, stopped), return_when=asyncio.FIRST_COMPLETED)
                if message.done() and message.result().type is aiohttp.WSMsgType.TEXT:
                    self.events.append(json.loads(message.result().data))
                elif message.done():
                    return
            message.cancel()

    def wait(self, holds, what):
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"{what} did not come: {self.events[-6:]}"
            time.sleep(0.01)

    def fence(self):
        """All that happened before this is in `events` when it returns."""
        created = self.call("POST", f"{self.collection}/devices", {})["deviceId"]
        self.wait(lambda: any(each.get("deviceId") == created for each in list(self.events)), "a fence")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"X-API-Token": TOKEN}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None

    def statistics(self):
        return self.call("GET", "/simulator/statistics")["statistics"]

    def device(self):
        self._devices += 1
        return Device(self, self.folder / f"device{self._devices}")

    def stop(self):
        try:
            if self._stop is not None:
                self._stop()
                self._thread.join(10)
            self.process.terminate()
            assert self.process.wait(10) == 0
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    it = Platform(tmp_path_factory.mktemp("clients"))
    yield it
    it.stop()
    log = it.log.read_text()
    assert "Traceback" not in log
    assert "PRIVATE KEY" not in log


@pytest.fixture
def device(platform):
    return platform.device()


# --- OpenSSL's s_client -----------------------------------------------------------------------------------------------


class SClient:
    """A session of `openssl s_client`; what is written to it goes out as one record."""

    def __init__(self, device, *options, certificate=True, root=None):
        platform = device.platform
        words = ["openssl", "s_client", "-dtls1_2", "-connect", platform.where["DTLS"], "-verify_return_error"]
        words += ["-CAfile", root or platform.root, *options]
        if certificate:
            words += ["-cert", device.file("certificate"), "-key", device.file("key")]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        self.said = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while piece := self.process.stdout.read(65536):
            self.said += piece

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join(10)
        self.process.stdin.close()
        self.process.stdout.close()

    def wait(self, words):
        end = time.monotonic() + PATIENCE_S
        while words not in self.said:
            assert time.monotonic() < end, self.said.decode("latin-1")
            time.sleep(0.01)

    def write(self, data):
        self.process.stdin.write(data)

    def close(self):
        """It sends close-notify. Returns: all that it printed."""
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_S) == 0, self.said.decode("latin-1")
        return self.said.decode("latin-1")

    def fail(self):
        """It gives up by itself. Returns: all that it printed."""
        assert self.process.wait(PATIENCE_S) != 0, self.said.decode("latin-1")
        self._reader.join(10)
        return self.said.decode("latin-1")


@pytest.mark.parametrize("suite", [GCM, CCM8])
def test_the_published_session_of_s_client(platform, device, suite):
    before = platform.statistics()["handshakes"]
    with SClient(device, "-cipher", f"{suite}:@SECLEVEL=0") as client:
        client.wait(b"Verify return code: 0 (ok)")
        client.write(b"nine byte")
        device.seen("clientConnected", "upstreamMessage")
        said = client.close()
    assert f"Cipher is {suite}" in said
    found = device.seen("clientConnected", "upstreamMessage", "clientDisconnected")
    for each in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", each.pop("time"))
    ours = {"collectionId": platform.collection_id, "deviceId": device.id}
    # span §3.4, the sample; the transport is the true one.
    assert found == [
        {"event": "clientConnected", **ours, "data": {"id": "certificate"}},
        {"event": "upstreamMessage", **ours, "data": {"bytes": "9", "transport": "dtls"}},
        {"event": "clientDisconnected", **ours},
    ]
    assert device.stored() == [(b"nine byte", "dtls")]
    assert platform.statistics()["handshakes"] == before + 1
    metadata = platform.call("GET", device.path)["metadata"]["inet"]
    serial = subprocess.run(
        ["openssl", "x509", "-in", device.file("certificate"), "-noout", "-serial"], capture_output=True, check=True
    ).stdout
    assert int(metadata["certificateSerial"]) == int(serial.partition(b"=")[2], 16)
    assert metadata["gatewayId"] == "2"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", metadata["remoteAddress"])


def test_a_waiting_message_is_printed_by_s_client(device):
    device.queue(b"what waits for it")
    with SClient(device) as client:
        client.wait(b"Verify return code: 0 (ok)")
        client.write(b"up")
        client.wait(b"what waits for it")
        client.close()
    device.seen("clientConnected", "upstreamMessage", "downstreamMessage", "clientDisconnected")


def test_a_message_that_is_queued_meanwhile_comes_with_the_next_reply(device):
    with SClient(device) as client:
        client.wait(b"Verify return code: 0 (ok)")
        client.write(b"one")
        device.seen("clientConnected", "upstreamMessage")
        device.queue(b"between the two")
        client.write(b"two")
        client.wait(b"between the two")
        client.close()
    assert device.stored() == [(b"one", "dtls"), (b"two", "dtls")]


def test_s_client_resumes_its_session(platform, device, tmp_path):
    before = platform.statistics()
    kept = str(tmp_path / "session")
    for options in (("-sess_out", kept), ("-sess_in", kept)):
        with SClient(device, *options) as client:
            client.wait(b"Verify return code: 0 (ok)")
            client.write(b"x")
            platform.wait(lambda: device.events[-1]["event"] == "upstreamMessage", "upstreamMessage")
            said = client.close()
        platform.wait(lambda: device.events[-1]["event"] == "clientDisconnected", "clientDisconnected")
    assert "Reused, TLSv1.2" in said
    after = platform.statistics()
    assert after["handshakes"] - before["handshakes"] == 2
    assert after["handshakes.resumed"] - before.get("handshakes.resumed", 0) == 1


def test_a_device_that_is_removed_is_told(platform, device):
    with SClient(device) as client:
        client.wait(b"Verify return code: 0 (ok)")
        client.write(b"x")
        device.seen("clientConnected", "upstreamMessage")
        platform.call("DELETE", device.path)
        assert client.process.wait(PATIENCE_S) == 0  # close-notify has come
    device.seen("clientConnected", "upstreamMessage", "clientDisconnected", "deviceRemoved")


# --- refused ----------------------------------------------------------------------------------------------------------


def have_it_issued(device, first_day, last_day):
    """The door of rehearsals: a certificate of any validity, in days from now."""
    now = int(time.time())
    period = {"notBefore": now + first_day * DAY_S, "notAfter": now + last_day * DAY_S}
    device.use(device.platform.call("POST", "/simulator/certificates", {"deviceId": device.id, **period}))


def that_of_a_gateway(device):
    platform = device.platform
    gateway = platform.call("POST", f"{platform.collection}/gateways", {"name": "g"})["gatewayId"]
    device.use(platform.call("POST", f"{platform.collection}/certificates/create", {"gatewayId": gateway}))


def disable(device):
    device.platform.call("PATCH", device.path, {"enabled": False})


def foreign(device):
    device.write(*device.platform.foreign.leaf(device.id))


def self_signed(device):
    device.write(*device.platform.foreign.self_signed(device.id))


def remove(device):
    device.platform.call("DELETE", device.path)


REFUSALS = {
    # What is done to the device; the alert in OpenSSL's words, its number (RFC 5246 §7.2.2); what people are told.
    "none": (lambda _device: None, "handshake failure", 40, "no certificate"),
    "foreign": (foreign, "unknown ca", 48, "unknown issuer"),
    "self-signed": (self_signed, "unknown ca", 48, "unknown issuer"),
    "removed": (remove, "certificate revoked", 44, "certificate is revoked"),
    "expired": (lambda device: have_it_issued(device, -2, -1), "certificate expired", 45, "certificate has expired"),
    "early": (lambda device: have_it_issued(device, 1, 2), "bad certificate", 42, "certificate is not yet valid"),
    "gateway": (that_of_a_gateway, "certificate unknown", 46, "certificate of a gateway"),
    "disabled": (disable, "certificate unknown", 46, "device is disabled"),
}


@pytest.fixture
def refused(platform, device):
    """Makes a device one that is refused; afterwards nothing of it may be there."""

    def make(kind):
        REFUSALS[kind][0](device)
        return device

    yield make
    platform.fence()
    names = {each["event"] for each in device.events}
    assert names <= {"deviceCreated", "deviceUpdated", "deviceRemoved"}


@pytest.mark.parametrize("kind", REFUSALS)
def test_s_client_is_refused(platform, refused, kind):
    device, (_, alert, number, _) = refused(kind), REFUSALS[kind]
    before = platform.statistics()["handshakes.refused"]
    with SClient(device, certificate=kind != "none") as client:
        said = client.fail()
    assert f"SSL alert number {number}" in said
    assert f"alert {alert}" in said
    assert platform.statistics()["handshakes.refused"] == before + 1


def test_people_are_told_why_a_device_was_refused(platform):
    for kind, (spoil, *_) in REFUSALS.items():
        device = platform.device()
        spoil(device)
        with SClient(device, certificate=kind != "none") as client:
            client.fail()
    for *_, why in REFUSALS.values():
        platform.wait(lambda why=why: f"DTLS: handshake refused: {why}" in platform.log.read_text(), why)


@pytest.mark.parametrize("suite", [GCM, CCM8])
def test_s_client_refuses_a_server_that_it_does_not_trust(platform, device, suite):
    with SClient(device, "-cipher", f"{suite}:@SECLEVEL=0", root=platform.foreign_root) as client:
        said = client.fail()
    assert "unable to get local issuer certificate" in said
    platform.fence()
    assert [each["event"] for each in device.events] == ["deviceCreated"]


# --- libcoap ----------------------------------------------------------------------------------------------------------

LIBRARIES = ("openssl", "gnutls")


def coap(library, device, *arguments, certificate=True, root=None):
    """Everything that it printed."""
    platform = device.platform
    words = [f"coap-client-{library}", "-v", "7", "-B", "5", "-C", root or platform.root]
    words += ["-c", device.file("both")] if certificate else []
    done = subprocess.run([*words, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return done.stdout.decode("latin-1")


def received(said):
    return re.findall(r"v:1 t:(\w+) c:([\d.]+)", said)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libcoap_posts_and_is_given_what_waits(platform, device, library, tmp_path):
    device.queue(b"ping")
    out = tmp_path / "out"
    uri = f"{platform.where['CoAPS']}/data"
    said = coap(library, device, "-m", "post", "-e", "hello", "-o", str(out), uri)
    assert ("ACK", "2.05") in received(said), said
    assert out.read_bytes() == b"ping"
    found = device.seen("clientConnected", "upstreamMessage", "downstreamMessage", "clientDisconnected")
    assert found[0]["data"] == {"id": "certificate"}
    assert found[1]["data"] == {"bytes": "5", "transport": "coaps"}
    assert (found[2]["data"]["bytes"], found[2]["data"]["transport"]) == ("4", "coaps")
    assert "data" not in found[3]
    assert device.stored() == [(b"hello", "coaps")]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("block", [[], ["-b", "256"]], ids=lambda block: " ".join(block) or "no wish")
def test_libcoap_sends_and_fetches_in_blocks(platform, device, library, block, tmp_path):
    (tmp_path / "in").write_bytes(LARGE)
    uri = f"{platform.where['CoAPS']}/data"
    said = coap(library, device, "-m", "post", "-f", str(tmp_path / "in"), *block, uri)
    codes = [code for kind, code in received(said) if kind == "ACK"]
    assert codes[-1] == "2.01", said
    assert set(codes[:-1]) == {"2.31"}
    assert device.stored() == [(LARGE, "coaps")]
    device.queue(LARGE[:2000])
    coap(library, device, "-m", "get", "-o", str(tmp_path / "out"), *block, uri)
    assert (tmp_path / "out").read_bytes() == LARGE[:2000]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", REFUSALS)
def test_libcoap_is_refused(platform, refused, library, kind):
    device, (_, alert, number, _) = refused(kind), REFUSALS[kind]
    said = coap(
        library, device, "-m", "post", "-e", "denied", f"{platform.where['CoAPS']}/data", certificate=kind != "none"
    )
    assert not [code for code_kind, code in received(said) if code_kind == "ACK"]
    assert alert in said if library == "openssl" else f"Alert '{number}'" in said


@pytest.mark.parametrize("library", LIBRARIES)
def test_libcoap_refuses_a_server_that_it_does_not_trust(platform, refused, device, library):
    said = coap(
        library, device, "-m", "post", "-e", "denied", f"{platform.where['CoAPS']}/data", root=platform.foreign_root
    )
    assert not [kind for kind, _ in received(said) if kind == "ACK"]
    assert "unable to get local issuer certificate" in said or "CA is unknown" in said


# --- curl -------------------------------------------------------------------------------------------------------------


def curl(device, *arguments, certificate=True, root=None):
    """(status, what it complained about)"""
    platform = device.platform
    words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--max-time", "15"]
    words += ["--cacert", root or platform.root]
    words += ["--cert", device.file("certificate"), "--key", device.file("key")] if certificate else []
    done = subprocess.run(
        [*words, *arguments, platform.where["HTTPS"] + "/a/path"], capture_output=True, text=True, timeout=20
    )
    return int(done.stdout or 0), done.stderr


def test_curl_stores_a_blob_that_comes_back(platform, device, tmp_path):
    (tmp_path / "in").write_bytes(LARGE * 20)
    said = curl(device, "-H", "Content-Type: image/x-test", "--data-binary", f"@{tmp_path / 'in'}")
    assert said == (200, "")
    listed = platform.call("GET", f"{platform.collection}/blobs")["blobs"]
    blob = next(each for each in listed if each["deviceId"] == device.id)
    assert (blob["contentType"], blob["size"], blob["gatewayId"]) == ("image/x-test", str(len(LARGE) * 20), "2")
    assert (blob["properties"]["method"], blob["properties"]["path"]) == ("POST", "/a/path")
    request = urllib.request.Request(platform.url + blob["blobPath"], headers={"X-API-Token": TOKEN})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read() == LARGE * 20
    (told,) = [each for each in device.seen("blobUpload") if each["event"] == "blobUpload"]
    assert told["data"] == {"blobId": blob["blobId"], "bytes": str(len(LARGE) * 20), "contentType": "image/x-test"}


@pytest.mark.parametrize("kind", REFUSALS)
def test_curl_is_refused(platform, refused, kind):
    device = refused(kind)
    status, said = curl(device, "--data-binary", "denied", certificate=kind != "none")
    assert status in (0, 401, 403), (status, said)
    listed = platform.call("GET", f"{platform.collection}/blobs")["blobs"]
    assert device.id not in [each["deviceId"] for each in listed]


def test_curl_refuses_a_server_that_it_does_not_trust(platform, device):
    status, said = curl(device, "--data-binary", "denied", root=platform.foreign_root)
    assert status == 0
    assert "certificate" in said
