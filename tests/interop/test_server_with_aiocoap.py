"""aiocoap's client against our CoAP endpoint, on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiocoap
import pytest

from simulator.clock import WallClock
from simulator.server.fronts.coap import CoapFront
from simulator.server.span.core import SpanCore
from simulator.wire.address import port_of
from simulator.wire.real import open_wire

pytestmark = pytest.mark.interop

BODY = bytes(range(256)) * 40  # 10 KiB


class Scene:
    """A core with the client's own address in session, a front, and the client."""

    def __init__(self):
        self.clock = WallClock()
        self.core = SpanCore()
        self.meter = self.core.registry.create_device(self.core.create_collection(), imsi="999990000000001")
        self.core.login("999990000000001", "", "127.0.0.1", self.clock.unix_ns())
        self.front = CoapFront(self.core, self.clock)
        self.context: aiocoap.Context

    def queue(self, payload):
        self.core.queue(self.meter, payload, self.clock.unix_ns())

    @property
    def stored(self):
        return [self.core.histories.payload(row) for row in self.meter.history or ()]

    async def ask(self, code, payload=b"", path="data/on/server", **options):
        uri = f"coap://127.0.0.1:{port_of(self.front.address)}/{path}"
        message = aiocoap.Message(code=code, uri=uri, payload=payload, **options)
        return await asyncio.wait_for(self.context.request(message).response, 10)


def on_scene(story):
    """Run `story(scene)` against a front that listens."""

    @asynccontextmanager
    async def scene():
        it = Scene()
        wire = await open_wire("auto", it.clock, asyncio.get_running_loop())
        it.context = await aiocoap.Context.create_client_context(transports=["simple6"])
        try:
            await it.front.start(wire)
            yield it
        finally:
            await it.context.shutdown()
            it.front.stop()
            await wire.close()

    async def main():
        async with scene() as it:
            await story(it)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "payload", "answer"),
    [
        (aiocoap.POST, b"hello", aiocoap.CREATED),
        (aiocoap.PUT, b"hello", aiocoap.CREATED),
        (aiocoap.GET, b"", aiocoap.VALID),
        (aiocoap.DELETE, b"", aiocoap.DELETED),
        (aiocoap.FETCH, b"x", aiocoap.METHOD_NOT_ALLOWED),
    ],
    ids=str,
)
@pytest.mark.parametrize("reliability", [aiocoap.Reliable, aiocoap.Unreliable], ids=["CON", "NON"])
def test_small_requests(code, payload, answer, reliability):
    async def story(it):
        found = await it.ask(code, payload, transport_tuning=reliability)
        assert (found.code, found.payload) == (answer, b"")
        assert it.stored == ([payload] if answer == aiocoap.CREATED else [])

    on_scene(story)


def test_a_waiting_message_comes_with_the_answer():
    async def story(it):
        it.queue(b"ping")
        found = await it.ask(aiocoap.POST, b"up")
        assert (found.code, found.payload, found.opt.content_format) == (aiocoap.CONTENT, b"ping", 42)

    on_scene(story)


def test_a_large_upload_is_one_message():
    async def story(it):
        found = await it.ask(aiocoap.POST, BODY)
        assert (found.code, it.stored) == (aiocoap.CREATED, [BODY])

    on_scene(story)


def test_an_upload_that_is_too_large_is_refused():
    async def story(it):
        found = await it.ask(aiocoap.POST, bytes(70000))
        assert (found.code, it.stored) == (aiocoap.REQUEST_ENTITY_TOO_LARGE, [])

    on_scene(story)


@pytest.mark.parametrize("code", [aiocoap.GET, aiocoap.POST], ids=str)
def test_a_large_message_arrives_whole_and_is_handed_out_once(code):
    async def story(it):
        it.queue(BODY)
        it.queue(b"next")
        found = await it.ask(code, b"up" if code == aiocoap.POST else b"")
        assert (found.code, found.payload) == (aiocoap.CONTENT, BODY)
        assert it.core.counts.delivered == 1

    on_scene(story)


def test_a_large_upload_may_bring_a_large_message():
    async def story(it):
        it.queue(BODY[::-1])
        found = await it.ask(aiocoap.POST, BODY)
        assert (found.payload, it.stored) == (BODY[::-1], [BODY])

    on_scene(story)


def test_a_reserved_path_is_not_found():
    async def story(it):
        assert (await it.ask(aiocoap.GET, path="fw")).code == aiocoap.NOT_FOUND

    on_scene(story)
