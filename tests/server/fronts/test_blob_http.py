"""Blobs over TCP, plain and with TLS: what real clients do, and what nobody should (span §4.6, §8.4)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess

import pytest

from simulator.clock import WallClock
from simulator.server.fronts import blob_http, http_server
from simulator.server.fronts.blob_http import BlobHttpFront, tls_context
from simulator.server.fronts.blobs import BlobDoor
from simulator.server.span.core import SpanCore
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import port_of
from simulator.wire.tls import load_pair

pytestmark = pytest.mark.real

IMSI = "242016000000001"


class Scene:
    """One device with an address, the same with a certificate, and both ports."""

    def __init__(self):
        self.clock = clock = WallClock()
        self.now_ns = clock.unix_ns()
        self.core = core = SpanCore(SpanSettings(blob_bytes=100_000))
        self.collection = core.create_collection()
        self.device = core.registry.create_device(self.collection, imsi=IMSI)
        core.login(IMSI, "", "127.0.0.1", self.now_ns)
        self.authority = core.certificates.authority_at(self.now_ns)
        self.issued = core.certificates.create(self.device, self.now_ns)
        self.identity = self.authority.server_identity(["localhost", "127.0.0.1"], self.now_ns)
        self.door = BlobDoor(core)
        self.plain = BlobHttpFront(self.door, clock)
        self.secure = BlobHttpFront(
            self.door, clock, tls_context(*self.identity, self.authority.chain_pem, self.door.broken.add)
        )

    def blobs(self):
        return [each.content for each in self.collection.blobs.values()]

    def context(self, certificate=None, key=None):
        """Of a client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.root_pem.decode())
        if certificate is not None:
            load_pair(context, certificate, key)
        return context

    async def say(self, *segments, tls=None, pause_s=0.0):
        """Returns: everything that the server says until it hangs up."""
        front = self.plain if tls is None else self.secure
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(front.address), ssl=tls)
        try:
            for segment in segments:
                writer.write(segment)
                await writer.drain()
                await asyncio.sleep(pause_s)
            return await reader.read(-1)
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(blob_http, "LINGER_S", 0.05)


def over_sockets(test):
    def run():
        async def main():
            complaints = []
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
            it = Scene()
            await it.plain.start()
            await it.secure.start()
            try:
                await asyncio.wait_for(test(it), 20)
            finally:
                await it.plain.stop()
                await it.secure.stop()
            assert complaints == []

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


def status(answer):
    return int(answer[9:12])  # as the C sample reads it (span §4.6)


@over_sockets
async def test_as_the_c_sample_does_it(it):
    """Header lines in segments of their own, and then a wait for the server to hang up."""
    lines = b"POST /blob HTTP/1.1\r\n", b"Host: span\r\n", b"Connection: close\r\n", b"Content-Length: 6\r\n", b"\r\n"
    answer = await it.say(*lines, b"abc", b"def", pause_s=0.002)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
    assert it.blobs() == [b"abcdef"]


@over_sockets
async def test_in_chunks_and_by_an_old_version(it):
    chunked = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status(await it.say(chunked, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")) == 200
    assert status(await it.say(b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")) == 200
    assert status(await it.say(b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")) == 200
    assert it.blobs() == [b"abcde", b"hi", b""]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("said", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: a\r\n"])
def test_who_never_comes_to_the_point_is_hung_up_on(monkeypatch, said, tls):
    monkeypatch.setattr(http_server, "HEAD_S", 0.05)

    async def story(it):
        async with asyncio.timeout(3):
            assert await it.say(said, tls=it.context() if tls else None) == b""

    over_sockets(story)()


def test_a_connection_that_is_kept_open_for_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(blob_http, "SILENCE_S", 0.05)

    async def story(it):
        one = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
        async with asyncio.timeout(3):
            assert status(await it.say(one + b"POST /y HT")) == 200

    over_sockets(story)()


def test_a_body_may_take_longer_than_its_head(monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_S", 0.05)

    async def story(it):
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
        assert status(await it.say(head, b"a", b"b", b"c", pause_s=0.03)) == 200

    over_sockets(story)()


@over_sockets
async def test_one_connection_may_carry_several(it):
    one = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    answer = await it.say(one + b"\r\n1" + one + b"\r\n2" + one + b"Connection: close\r\n\r\n3")
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert it.blobs() == [b"1", b"2", b"3"]


@over_sockets
async def test_what_is_compressed_stays_so(it):
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    assert status(await it.say(head + b"\x1f\x8bxx")) == 200
    assert it.blobs() == [b"\x1f\x8bxx"]


@over_sockets
async def test_who_waits_for_a_word_gets_it_unless_the_answer_is_no(it):
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    answer = await it.say(head % 2, b"hi", pause_s=0.01)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert status(await it.say(head % 100_001)) == 413


@over_sockets
async def test_too_long(it):
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    # Said before: not a byte of the body has to be there.
    assert status(await it.say(head + b"Content-Length: 100001\r\n\r\n")) == 413
    chunks = b"".join(b"4000\r\n%b\r\n" % bytes(0x4000) for _ in range(7))
    assert status(await it.say(head + b"Transfer-Encoding: chunked\r\n\r\n", chunks + b"0\r\n\r\n")) == 413
    assert it.blobs() == []
    assert it.plain._held == 0


@over_sockets
async def test_too_slow_or_too_much_at_a_time(it):
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blob_http, "SILENCE_S", 0.02)
        assert b" 408 " in (await first_line(it, head + b"abc"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blob_http, "BODIES_BYTES", 2)
        assert b" 503 " in (await first_line(it, head + b"abc"))
    assert it.blobs() == []
    assert it.plain._held == 0


async def first_line(it, *segments):
    """Of the answer; without a wait for the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(it.plain.address))
    for segment in segments:
        writer.write(segment)
    try:
        return await reader.readline()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"POST /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        bytes(range(256)) * 8,
    ],
)
def test_nonsense_ends_nothing(nonsense, capfd):
    @over_sockets
    async def story(it):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(it.plain.address))
        writer.write(nonsense)
        writer.write_eof()
        answer = await reader.read(-1)
        assert b"Traceback" not in answer
        assert answer == b"" or status(answer) >= 400
        writer.close()
        for each in (nonsense, b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(it.secure.address))
            writer.write(each)
            writer.write_eof()
            await reader.read(-1)
            writer.close()
        assert it.blobs() == []
        good = await it.say(b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
        assert status(good) == 200

    story()
    assert capfd.readouterr() == ("", "")


POST = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"


@over_sockets
async def test_a_client_may_send_its_leaf_only_or_the_whole_chain(it):
    key, leaf = it.issued.key, it.issued.certificate
    for certificate in (leaf, leaf + it.issued.chain):
        assert status(await it.say(POST, tls=it.context(certificate, key))) == 200
    assert it.blobs() == [b"hi", b"hi"]
    assert it.device.inet_seen is not None


@over_sockets
async def test_who_shows_none_is_asked_for_one(it):
    assert status(await it.say(POST, tls=it.context())) == 401


@over_sockets
async def test_who_shows_one_that_does_not_count_is_told_why(it):
    from simulator.server.span.certificates import Validity

    now_s = it.now_ns // 10**9
    late = it.core.certificates.create(it.device, it.now_ns, Validity(now_s - 20, now_s - 10))
    early = it.core.certificates.create(it.device, it.now_ns, Validity(now_s + 1000, now_s + 2000))
    gateway = it.core.gateways.create(it.collection)
    theirs = it.core.certificates.create(gateway, it.now_ns)
    for issued, words in ((late, "expired"), (early, "not valid yet"), (theirs, "of a gateway")):
        answer = await it.say(POST, tls=it.context(issued.certificate, issued.key))
        assert status(answer) == 403
        assert words in answer.decode()
    it.core.remove(it.device, it.now_ns)
    answer = await it.say(POST, tls=it.context(it.issued.certificate, it.issued.key))
    assert status(answer) == 403
    assert b"Certificate is revoked" in answer
    assert it.blobs() == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_comes_with_strangers_gets_an_alert_that_says_so(version, capfd):
    from simulator.server.span.authority import Authority, new_key
    from simulator.server.span.certificates import Validity

    @over_sockets
    async def story(it):
        public, key = new_key()
        now_s = it.now_ns // 10**9
        foreign = Authority.create(it.now_ns).client("device", it.device.id, 5, Validity(now_s, now_s + 99), public)
        context = it.context(foreign, key)
        context.minimum_version = context.maximum_version = version
        with pytest.raises(ssl.SSLError) as caught:
            await it.say(POST, tls=context)
        assert caught.value.reason == "TLSV1_ALERT_UNKNOWN_CA"
        assert it.blobs() == []
        assert it.door.broken.take() == (["unknown issuer"], 0)

    story()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_does_not_trust_the_platform_is_told_of(version):
    from simulator.server.span.authority import Authority

    @over_sockets
    async def story(it):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = version
        context.load_verify_locations(cadata=Authority.create(it.now_ns).root_pem.decode())

        def calls():  # asyncio would hang up without an alert
            with socket.create_connection(("127.0.0.1", port_of(it.secure.address))) as plain:
                context.wrap_socket(plain, server_hostname="localhost")

        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(calls)
        for _ in range(100):
            found, _ = it.door.broken.take()
            if found:
                break
            await asyncio.sleep(0.01)
        assert found == ["alert: unknown ca"]

    story()


@over_sockets
async def test_what_is_no_tls_and_a_blob_that_is_too_long_are_told_of(it):
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(it.secure.address))
    writer.write(POST)
    assert await reader.read(-1) == b""
    writer.close()
    assert it.door.broken.take() == (["this is no TLS"], 0)
    chunked = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    context = it.context(it.issued.certificate, it.issued.key)
    assert status(await it.say(chunked, b"20000\r\n" + bytes(0x20000) + b"\r\n0\r\n\r\n", tls=context)) == 413
    ((told,), _) = it.door.turned[True].take()
    assert told.why.startswith("Blob is too long")
    certificate = it.core.certificates.of(it.device)[0]
    assert (told.serial, told.name) == (certificate.serial, it.device.id)


@over_sockets
async def test_nothing_older_than_1_2(it):
    context = it.context()
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await it.say(POST, tls=context)


@over_sockets
async def test_once_it_is_stopped_nothing_is_taken(it):
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(it.plain.address))
    writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh")
    await asyncio.sleep(0.01)
    stopping = asyncio.ensure_future(it.plain.stop())
    await asyncio.sleep(0)
    writer.write(b"i")
    assert b" 200 " not in await reader.read(-1)
    await stopping
    assert it.blobs() == []
    writer.close()


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_with_a_client_certificate(tmp_path):
    @over_sockets
    async def story(it):
        for name, content in (
            ("cert.pem", it.issued.certificate + it.issued.chain),
            ("key.pem", it.issued.key),
            ("root.pem", it.authority.root_pem),
            ("picture", b"\xff\xd8\xff" + bytes(50_000)),
        ):
            (tmp_path / name).write_bytes(content)
        where = f"https://localhost:{port_of(it.secure.address)}/some/random/path"
        command = ["curl", "-sS", "--max-time", "10", "--cacert", "root.pem", "-w", "%{http_code}"]
        command += ["--data-binary", "@picture", "-H", "Content-Type: image/jpeg"]

        def curl(*more):
            done = subprocess.run([*command, *more, where], cwd=tmp_path, capture_output=True, text=True, check=False)
            return done.stdout

        answer = await asyncio.to_thread(curl, "--cert", "cert.pem", "--key", "key.pem")
        assert answer == "200"
        (blob,) = it.collection.blobs.values()
        assert (len(blob.content), blob.content_type, blob.path) == (50_003, "image/jpeg", "/some/random/path")
        assert (await asyncio.to_thread(curl)).endswith("401")

    story()
