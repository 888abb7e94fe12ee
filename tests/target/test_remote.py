"""A platform that somebody else runs: what it can do is asked, and one that hangs ends nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from simulator import acts
from simulator.clock import WallClock
from simulator.errors import TargetError
from simulator.events.records import GapRecord, SeenRecord, StreamRecord
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpResponse
from simulator.server.span.rest import Api
from simulator.target.api import ApiRefused
from simulator.target.observer import NamedObserver, Observer
from simulator.target.operator import Operator
from simulator.target.remote import RemoteTarget
from simulator.wire.address import address
from simulator.wire.real import open_wire

pytestmark = pytest.mark.real


@contextlib.asynccontextmanager
async def a_server(api=Api):
    clock = WallClock()
    server = ReferenceServer(ServerSettings.on_free_ports(), clock)
    wire = await open_wire("auto", clock, asyncio.get_running_loop())
    try:
        await server.start(wire)
        server.api = api(server.core)
        yield server, await server.start_http()
    finally:
        await server.stop()
        await wire.close()


class Watched:
    """A target, its operator, and what was recorded."""

    def __init__(self, url, token):
        self.clock = WallClock()
        self.target = RemoteTarget(url=url, token=token, coap=0, udp=0, clock=self.clock)
        self.records = []
        self.observer = Observer(self.records.append, self.clock.now)

    async def begin(self):
        await self.target.start()
        self.operator = Operator(self.target.api, self.observer)
        await self.operator.create_collections([("", {})])
        self.collection = self.operator.collections[""]
        await self.target.observe(self.collection, self.observer)
        return self

    def of(self, kind):
        return [record for record in self.records if isinstance(record, kind)]


async def until(holds):
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


def timed(test):
    def run():
        asyncio.run(asyncio.wait_for(test(), 20))

    run.__name__ = test.__name__
    return run


class WithoutDoors(Api):
    """A server that has Span's paths only, as a real platform."""

    def __init__(self, core):
        super().__init__(core)
        del self._router._root.literal["simulator"]


@timed
async def test_what_it_can_do_is_found_out_at_the_start():
    async with a_server() as (server, url):
        it = await Watched(url, server.token).begin()
        assert it.target.capabilities == {"login", "tokens", "validity", "blobs"}  # nobody listens for DTLS
        assert it.target.radius.secret == server.radius_secret
        assert it.target.radius.authentication == server.radius_address
        await it.target.stop()
        await it.target.stop()
        reader = RemoteTarget(url=url, token=server.read_token, coap=0, udp=0, clock=WallClock())
        await reader.start()
        assert reader.capabilities == {"blobs"}  # whose blobs, that is another question than whose token
        stranger = RemoteTarget(url=url, token="nobody", coap=0, udp=0, clock=WallClock())
        with pytest.raises(TargetError, match="401"):
            await stranger.start()
        await stranger.stop()
        await reader.stop()


@timed
async def test_a_real_platform_has_no_doors():
    async with a_server(WithoutDoors) as (server, url):
        it = await Watched(url, server.token).begin()
        assert it.target.capabilities == frozenset()
        with pytest.raises(ApiRefused, match="404"):
            await it.target.issue_token("x", "/", True)
        await it.target.stop()


@timed
async def test_where_devices_send_to_is_asked_unless_it_was_said():
    async with a_server() as (server, url):
        for token in (server.token, server.read_token):
            for said, coap, udp in (
                ((None, None), server.coap_address, server.udp_address),
                ((5, None), 5, server.udp_address),
                ((None, 6), server.coap_address, 6),
                ((5, 6), 5, 6),
            ):
                target = RemoteTarget(url=url, token=token, coap=said[0], udp=said[1], clock=WallClock())
                await target.start()
                assert (target.coap, target.udp) == (coap, udp)
                await target.stop()


@timed
async def test_who_does_not_tell_is_taken_to_listen_on_the_usual_ports():
    async with a_server(WithoutDoors) as (server, url):
        target = RemoteTarget(url=url, token=server.token, coap=None, udp=6, clock=WallClock())
        await target.start()
        assert (target.coap, target.udp) == (address("127.0.0.1", 15683), 6)
        await target.stop()


@timed
async def test_nobody_but_the_user_sends_devices_to_another_machine():
    async with a_server() as (server, url):
        for coap, words in (("10.1.1.1:1", "another machine, 10.1.1.1"), ("somewhere", "no IPv4 address")):
            server.api.handle = told(server.api.handle, f'{{"coap":"{coap}","udp":"127.0.0.1:1"}}')
            target = RemoteTarget(url=url, token=server.token, coap=None, udp=None, clock=WallClock())
            with pytest.raises(TargetError, match=words):
                await target.start()
            await target.stop()


@timed
async def test_a_real_platform_has_what_the_user_says():
    async with a_server(WithoutDoors) as (server, url):
        target = RemoteTarget(
            url=url, token=server.token, coap=None, udp=None, dtls=7, https=8, https_name="data", clock=WallClock()
        )
        assert target.blobs is None
        await target.start()
        assert target.capabilities == {"inet", "blobs"}
        assert (target.dtls, target.coaps, target.timers) == (7, 0, 0)
        assert target.blobs is not None
        await target.stop()


@pytest.mark.parametrize("option", ["dtls", "coaps", "https", "blobs"])
def test_no_other_machine_is_sent_anything_that_the_user_has_not_named(option):
    async def main():
        async with a_server() as (server, url):
            usual = '"coap":"127.0.0.1:1","udp":"127.0.0.1:1"'
            server.api.handle = told(server.api.handle, f'{{{usual},"{option}":"10.1.1.1:1"}}')
            target = RemoteTarget(url=url, token=server.token, coap=None, udp=None, clock=WallClock())
            with pytest.raises(TargetError, match=f"another machine, 10.1.1.1; if it may, say --{option}$"):
                await target.start()
            await target.stop()
            target = RemoteTarget(url=url, token=server.token, coap=None, udp=None, clock=WallClock(), **{option: 9})
            await target.start()
            await target.stop()

    timed(main)()


def told(handle, endpoints):
    def answer(request, now_ns):
        if request.path == "/simulator/endpoints":
            return HttpResponse(status=200, body=endpoints.encode())
        return handle(request, now_ns)

    return answer


@timed
async def test_tokens_and_further_readers():
    async with a_server() as (server, url):
        it = await Watched(url, server.token).begin()
        await it.target.issue_token("secret", f"/collections/{it.collection}", False)
        named = NamedObserver("other", it.records.append, it.observer)
        await it.target.subscribe(it.collection, named, "secret", None)
        await it.operator.carry_out("m", acts.CreateDevice("1", "", (), ""))
        await until(lambda: it.of(SeenRecord))
        assert it.of(SeenRecord)[0].event.subject == "m"
        await it.target.revoke_token("secret")
        await until(lambda: len(it.of(StreamRecord)) == 2)
        with pytest.raises(ApiRefused, match="401 Unknown API token"):
            await it.target.subscribe(it.collection, named, "secret", None)
        with pytest.raises(TargetError, match="cannot be made slow"):
            await it.target.subscribe(it.collection, named, "", 1.0)
        with pytest.raises(TargetError, match="cannot be stopped"):
            await it.target.halt()
        await it.target.stop()


class Hanging:
    """A TCP port in front of a server: from some moment on nothing passes any more, and nobody hangs up."""

    def __init__(self, port):
        self._port, self._tasks, self._writers = port, [], []
        self._open = asyncio.Event()
        self._open.set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def hang(self):
        self._open.clear()

    async def stop(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader, writer):
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, ours]
        self._tasks += [asyncio.ensure_future(self._pass(*ends)) for ends in ((reader, ours), (theirs, writer))]

    async def _pass(self, reader, writer):
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)


@timed
async def test_a_platform_that_hangs_holds_nobody_up():
    async with a_server() as (server, url):
        between = Hanging(int(url.rpartition(":")[2]))
        it = await Watched(await between.start(), server.token).begin()
        await it.target.subscribe(it.collection, NamedObserver("other", it.records.append, it.observer), "", None)
        await it.operator.carry_out("m", acts.CreateDevice("1", "", (), ""))
        between.hang()
        began_s = time.monotonic()
        await it.target.tell_gaps(0.2)
        assert {gap.observer for gap in it.of(GapRecord)} == {"", "other"}
        assert all("did not answer within 0.2 s" in gap.why for gap in it.of(GapRecord))
        assert await it.operator.clean_up(0.3) == ["1 device and 1 collection: clean-up was given up after 0.3 s"]
        await it.target.stop()
        assert time.monotonic() - began_s < 1.7
        await between.stop()


@timed
async def test_a_collection_that_is_still_being_created_holds_nobody_up():
    async with a_server() as (server, url):
        between = Hanging(int(url.rpartition(":")[2]))
        it = await Watched(await between.start(), server.token).begin()
        between.hang()
        creating = asyncio.ensure_future(it.operator.create_collections([("late", {})]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        creating.cancel()
        began_s = time.monotonic()
        (left,) = await it.operator.clean_up(0.2)
        assert "given up after 0.2 s" in left
        await it.target.stop()
        assert time.monotonic() - began_s < 1
        await asyncio.gather(creating, return_exceptions=True)
        await between.stop()


@timed
async def test_a_stream_is_not_followed_elsewhere():
    """The token would be shown to whoever is there."""
    asked = []

    async def answer(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked.append(head.split()[1])
                if b"activity" in head or b"elsewhere" in head:
                    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
                else:
                    body = json.dumps({"version": "4.9.5"}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    target = RemoteTarget(
        url=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", token="t", coap=0, udp=0, clock=WallClock()
    )
    await target.start()
    with pytest.raises(TargetError, match="302"):
        await target.observe("c1", Observer(lambda record: None, lambda: 0.0))
    assert b"/elsewhere" not in asked
    await target.stop()
    listening.close()
