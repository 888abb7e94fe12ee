"""A platform that answers nonsense, hangs up, vanishes or forgets: errors that say so, and no hang."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import socket
import time

import pytest

from simulator.clock import WallClock
from simulator.errors import TargetError
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.target import http
from simulator.target.api import SpanApi
from simulator.target.embedded import InProcessCaller
from simulator.target.http import HttpCaller, SocketObserver, StreamRefused
from simulator.target.observer import Observer
from simulator.target.operator import Operator

pytestmark = pytest.mark.real


def document(body: bytes, status: str = "200 OK", header: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{header}\r\n"
    return head.encode() + body


def says(raw: bytes):
    return lambda peer, _request: peer.sendall(raw)


def without_end(peer: socket.socket, _request: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        peer.sendall(bytes(1 << 16))


def version_of(url: str) -> str:
    async def ask() -> str:
        caller = HttpCaller(url, "t")
        try:
            return await asyncio.wait_for(SpanApi(caller).version(), 20)
        finally:
            await caller.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("answer", "says_what"),
    [
        pytest.param(says(document(b"nonsense")), "makes no sense", id="no JSON"),
        pytest.param(says(document(b"")), "makes no sense", id="nothing"),
        pytest.param(says(document(b"null")), "makes no sense", id="null"),
        pytest.param(says(document(b'{"version":7}')), "makes no sense", id="wrong type"),
        pytest.param(says(document(b'{"version":"\xff"}')), "makes no sense", id="no UTF-8"),
        pytest.param(says(document(b'{"z":' + b"[" * 50_000 + b"]" * 50_000 + b"}")), "makes no sense", id="deep"),
        pytest.param(says(document(b"abc", header="Content-Encoding: gzip\r\n")), "connection broke", id="no gzip"),
        pytest.param(says(b"SSH-2.0-OpenSSH\r\n"), "connection broke", id="SSH"),
        pytest.param(says(b""), "connection broke", id="hangs up"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), "connection broke", id="half"),
        pytest.param(without_end, "more than 1 MiB", id="without end"),
    ],
)
def test_an_answer_that_is_none_is_a_target_error_in_one_line(fake_platform, monkeypatch, answer, says_what):
    monkeypatch.setattr(http, "ANSWER_BYTES", 1 << 20)
    with pytest.raises(TargetError, match=says_what) as raised:
        version_of(fake_platform(answer))
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("answer", "says_what"),
    [
        (document(b"<html>", "500 Oops"), "500"),
        (document(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), "302"),
        (document(b'{"title":"\\u001b[31mred\\nline"}', "401 No"), "401 \N{REPLACEMENT CHARACTER}\\[31mred line"),
        (document(b'{"title":' + b"[" * 50_000, "403 No"), "403"),
    ],
    ids=["500", "elsewhere", "escapes", "deep"],
)
def test_a_refusal_is_told_in_one_line_and_never_followed_elsewhere(fake_platform, answer, says_what):
    with pytest.raises(Exception, match=says_what) as raised:
        version_of(fake_platform(says(answer)))
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["../../x", "a b", "a\\u0000", "x" * 65, ""])
def test_an_id_that_would_lead_elsewhere_is_none(fake_platform, name):
    url = fake_platform(says(document(b'{"collectionId":"%s"}' % name.encode())))

    async def create() -> None:
        caller = HttpCaller(url, "t")
        try:
            await SpanApi(caller).create_collection({})
        finally:
            await caller.close()

    with pytest.raises(TargetError, match="makes no sense"):
        asyncio.run(create())


def test_no_answer_is_told_as_such(fake_platform, monkeypatch):
    monkeypatch.setattr(http, "CALL_TIMEOUT_S", 0.2)
    with pytest.raises(TargetError, match="no answer within"):
        version_of(fake_platform(lambda peer, _request: peer.recv(1)))


# --- event streams ----------------------------------------------------------------------------------------------------


def upgraded(peer: socket.socket, request: bytes) -> None:
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", request)
    assert key
    accept = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    peer.sendall(head + accept + b"\r\n\r\n")


class Watching:
    """An observer of one stream, and all that it told."""

    def __init__(self, url: str, patience_s: float | None, on_message=None) -> None:
        self.caller, self.clock = HttpCaller(url, "t"), WallClock()
        self.messages, self.gaps = [], []
        self.ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.observer = SocketObserver(
            self.caller,
            "/span/collections/1/activity",
            self.clock.now,
            on_message or (lambda message, _now: self.messages.append(message)),
            lambda *gap: self.gaps.append(gap),
            self.ended.set_result,
            patience_s=patience_s,
        )

    async def __aenter__(self):
        await self.observer.start()
        return self

    async def __aexit__(self, *_):
        await self.observer.stop()
        await self.caller.close()


def test_a_platform_that_lets_in_and_throws_out_is_not_asked_without_a_pause(fake_platform):
    asked = []

    def answer(peer: socket.socket, request: bytes) -> None:
        asked.append(time.monotonic())
        upgraded(peer, request)
        peer.sendall(b"\x88\x02\x03\xe8")

    async def scene() -> None:
        async with Watching(fake_platform(answer), None) as it:
            await asyncio.sleep(0.9)  # pauses of 0.1, 0.2, 0.4 and 0.8 s
            assert 1 <= len(it.gaps) <= 3

    asyncio.run(scene())
    assert 2 <= len(asked) <= 4


def test_a_stream_that_is_refused_after_it_was_lost_ends_the_watching(fake_platform):
    asked = []

    def answer(peer: socket.socket, request: bytes) -> None:
        asked.append(request)
        if len(asked) == 1:
            upgraded(peer, request)
        else:
            peer.sendall(document(b"{}", "404 Not Found"))

    async def scene() -> None:
        async with Watching(fake_platform(answer), None) as it:
            why = await asyncio.wait_for(it.ended, 10)
            assert isinstance(why, StreamRefused)
            assert "404" in str(why)
            it.observer.tell_gap()
            (gap,) = it.gaps
            assert gap[0] < gap[1] <= it.clock.now()

    asyncio.run(scene())


def test_a_platform_that_does_not_come_back_ends_the_watching_when_patience_does(fake_platform):
    listening = socket.create_server(("127.0.0.1", 0))

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def serve_once() -> None:
            peer, _ = listening.accept()
            with peer:
                upgraded(peer, peer.recv(65536))
                listening.close()

        serving = loop.run_in_executor(None, serve_once)
        async with Watching(url, 0.2) as it:
            why = await asyncio.wait_for(it.ended, 10)
        await serving
        assert isinstance(why, TargetError)
        assert "nothing was seen" in str(why)

    with contextlib.closing(listening):
        asyncio.run(scene())


def test_what_a_reader_of_events_raises_is_not_lost(fake_platform):
    def answer(peer: socket.socket, request: bytes) -> None:
        upgraded(peer, request)
        peer.sendall(b"\x81\x02{}")
        peer.recv(1)

    def full(_message: object, _now: float) -> None:
        raise TargetError("disk full")

    async def scene() -> None:
        async with Watching(fake_platform(answer), None, full) as it:
            assert str(await asyncio.wait_for(it.ended, 10)) == "disk full"

    asyncio.run(scene())


# --- clean-up ---------------------------------------------------------------------------------------------------------


class Slow(InProcessCaller):
    """Carries requests out at once; the answers to the creation of `what` never come."""

    what = ""

    async def call(self, method, path, body):
        answer = await super().call(method, path, body)
        if method == "POST" and path.endswith(self.what) and self.what:
            self.waits.set()
            await (self.lets_go.wait() if self.what == "/collections" else asyncio.Event().wait())
        return answer

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.waits, self.lets_go = asyncio.Event(), asyncio.Event()


@pytest.mark.parametrize("what", ["/collections", "/devices"])
def test_what_was_being_created_when_the_run_ended_is_removed_as_well(what):
    from simulator import acts

    async def scene() -> None:
        clock = WallClock()
        server = ReferenceServer(ServerSettings.on_free_ports(), clock)
        caller = Slow(server, clock, server.token)
        operator = Operator(SpanApi(caller), Observer(lambda record: None, clock.now))

        async def provision() -> None:
            await operator.create_collections([("", {})])
            await operator.register([("meter", acts.CreateDevice(imsi="1", imei="2", collection="", tags=()))])

        caller.what = what
        provisioning = asyncio.create_task(provision())
        await caller.waits.wait()
        provisioning.cancel()
        await asyncio.wait((provisioning,))
        caller.lets_go.set()
        caller.what = ""
        assert await asyncio.wait_for(operator.clean_up(), 10) == []
        assert (len(server.core.registry.collections), len(server.core.registry.devices)) == (0, 0)

    asyncio.run(scene())
