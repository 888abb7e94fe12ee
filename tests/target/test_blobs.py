"""Blobs as devices leave them: in process and over sockets the same comes of it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from simulator import acts
from simulator.clock import VirtualClock, WallClock
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.certificates import Validity
from simulator.target import blobs
from simulator.target.blobs import MAPPED, InProcessBlobs, SocketBlobs
from simulator.target.credentials import Credentials
from simulator.wire.address import address, ipv4

IMSI = "242016000000001"
HERE, ELSEWHERE = ipv4("127.64.0.5"), ipv4("127.64.0.6")
ACT = acts.UploadBlob("some/p ath?", b"content", "image/jpeg")


class Scene:
    """A server with one device, which has an address and a certificate."""

    def __init__(self, clock):
        self.clock = clock
        self.now_ns = clock.unix_ns()
        self.server = ReferenceServer(ServerSettings.on_free_ports(), clock)
        core = self.core = self.server.core
        self.collection = core.create_collection()
        self.device = core.registry.create_device(self.collection, imsi=IMSI)
        core.login(IMSI, "", "127.64.0.5", self.now_ns)
        self.certificates = core.certificates
        self.own = self.credentials(self.certificates.create(self.device, self.now_ns))

    @staticmethod
    def credentials(issued):
        return Credentials(certificate=issued.certificate, key=issued.key, chain=issued.chain)

    def only_chain(self):
        return Credentials(certificate=b"", key=b"", chain=self.own.chain)

    def expired(self):
        now_s = self.now_ns // 10**9
        return self.credentials(self.certificates.create(self.device, self.now_ns, Validity(now_s - 20, now_s - 10)))

    def foreign(self):
        from simulator.server.span.authority import Authority, new_key

        public, key = new_key()
        now_s = self.now_ns // 10**9
        leaf = Authority.create(self.now_ns).client("device", self.device.id, 5, Validity(now_s, now_s + 99), public)
        return Credentials(certificate=leaf, key=key, chain=self.own.chain)


@contextlib.asynccontextmanager
async def virtual():
    it = Scene(VirtualClock())
    it.blobs = InProcessBlobs(it.server, it.clock)
    yield it


@contextlib.asynccontextmanager
async def real():
    it = Scene(WallClock())
    try:
        await it.server.start_http()
        it.blobs = SocketBlobs(plain=it.server.blob_address, secure=it.server.https_address)
        yield it
    finally:
        await it.server.stop()


@pytest.fixture(params=[virtual, pytest.param(real, marks=pytest.mark.real)], ids=["virtual", "real"])
def play(request):
    def played(story):
        async def main():
            async with request.param() as it:
                return await asyncio.wait_for(story(it), 20)

        return asyncio.run(main())

    return played


def test_from_both_networks(play):
    async def story(it):
        assert await it.blobs.upload(HERE, None, ACT, secure=False) == acts.Stored(200)
        assert await it.blobs.upload(ELSEWHERE, it.own, ACT, secure=True) == acts.Stored(200)
        assert [(each.gateway_id, each.content, each.content_type, each.path, each.address.split(":")[0])
                for each in it.collection.blobs.values()] == [
            ("1", b"content", "image/jpeg", "/some/p ath?", "127.64.0.5"),
            ("2", b"content", "image/jpeg", "/some/p ath?", "127.64.0.6"),
        ]  # fmt: skip

    play(story)


def test_who_is_refused_is_told_why(play):
    async def story(it):
        long = acts.UploadBlob("x", bytes(it.core.settings.blob_bytes + 1), "")
        for result, upload in (
            ("403 No device is in session at this address", it.blobs.upload(ELSEWHERE, None, ACT, secure=False)),
            ("401 A client certificate is needed", it.blobs.upload(HERE, it.only_chain(), ACT, secure=True)),
            ("403 Certificate has expired", it.blobs.upload(HERE, it.expired(), ACT, secure=True)),
            ("unknown ca", it.blobs.upload(HERE, it.foreign(), ACT, secure=True)),
            ("413 Blob is too long: 16777216 bytes is the limit", it.blobs.upload(HERE, None, long, secure=False)),
            ("413 Blob is too long: 16777216 bytes is the limit", it.blobs.upload(HERE, it.own, long, secure=True)),
        ):
            assert await upload == acts.Rejected(result)
        assert it.collection.blobs == {}
        assert await it.blobs.upload(HERE, None, acts.UploadBlob("", b"GIF89a", ""), secure=False) == acts.Stored(200)
        (blob,) = it.collection.blobs.values()
        assert (blob.path, blob.content_type) == ("/", "image/gif")

    play(story)


def test_a_platform_that_is_down_is_told(play):
    async def story(it):
        await it.server.halt()
        for secure in (False, True):
            result = await it.blobs.upload(HERE, it.own, ACT, secure=secure)
            assert isinstance(result, acts.Broken)
            assert "no connection (connection refused)" in result.reason
        await it.server.resume()
        assert await it.blobs.upload(HERE, None, ACT, secure=False) == acts.Stored(200)
        assert await it.blobs.upload(HERE, it.own, ACT, secure=True) == acts.Stored(200)

    play(story)


@pytest.mark.real
def test_over_sockets_the_platform_has_to_show_that_it_is_the_right_one():
    async def main():
        async with real() as it:
            from simulator.server.span.authority import Authority

            other = Credentials(
                certificate=it.own.certificate, key=it.own.key, chain=Authority.create(it.now_ns).chain_pem
            )
            secure = it.server.https_address
            for credentials, name, words in (
                (other, "", "refused: unable to get local issuer certificate"),
                (None, "", "refused: unable to get local issuer certificate"),
                (it.own, "data.example", "refused: Hostname mismatch"),
            ):
                uploader = SocketBlobs(plain=0, secure=secure, name=name)
                result = await uploader.upload(HERE, credentials, ACT, secure=True)
                assert isinstance(result, acts.Broken)
                assert result.reason.startswith(words)
            assert it.collection.blobs == {}
            by_name = SocketBlobs(plain=0, secure=secure, name="localhost")
            assert await by_name.upload(HERE, it.own, ACT, secure=True) == acts.Stored(200)

    asyncio.run(main())


BAD_KEY = Credentials(certificate=b"no PEM", key=b"secret", chain=b"")
BAD_ROOT = Credentials(certificate=b"", key=b"", chain=b"-----BEGIN CERTIFICATE-----\nno\n")


@pytest.mark.parametrize(
    ("uploader", "credentials", "secure", "words"),
    [
        (SocketBlobs(plain=0, secure=0), None, False, "the platform takes no blobs over HTTP"),
        (SocketBlobs(plain=0, secure=0), None, True, "the platform takes no blobs over HTTPS"),
        (SocketBlobs(plain=1 << 32, secure=0, mapped=True), None, False, MAPPED),
        (SocketBlobs(plain=0, secure=1 << 32), BAD_KEY, True, "cannot be used"),
        (SocketBlobs(plain=0, secure=1 << 32), BAD_ROOT, True, "root certificate that the platform gave"),
    ],
)
def test_what_cannot_be_done_is_said(uploader, credentials, secure, words):
    result = asyncio.run(uploader.upload(HERE, credentials, ACT, secure=secure))
    assert isinstance(result, acts.Broken)
    assert words in result.reason
    assert "secret" not in result.reason


@pytest.mark.real
@pytest.mark.parametrize(
    ("says", "result"),
    [
        (b"", acts.Broken("the platform closed the connection")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", acts.Stored(204)),
        (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nhm", acts.Rejected("500 (no problem document)")),
        (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         acts.Rejected("302 (no problem document)")),
        (b"nonsense\r\n\r\n", None),
        (None, acts.NoAnswer("timeout")),
    ],
)  # fmt: skip
def test_a_platform_may_say_anything(says, result, monkeypatch):
    monkeypatch.setattr(blobs, "ANSWER_S", 0.05)

    async def main():
        gone = asyncio.Event()

        async def answer(reader, writer):
            await reader.readuntil(b"content")
            if says is None:
                await gone.wait()
            else:
                writer.write(says)
            writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        where = address(*listening.sockets[0].getsockname())
        got = await SocketBlobs(plain=where, secure=0).upload(HERE, None, ACT, secure=False)
        gone.set()
        listening.close()
        assert got == result if result is not None else isinstance(got, acts.Broken)

    asyncio.run(main())
