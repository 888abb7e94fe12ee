"""The server goes down and comes up: same places, same memory, other streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
import msgspec
import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.streams import Closed
from simulator.wire.address import host_text, port_of
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork
from simulator.wire.real import open_wire

CON_POST = "48020001 0102030405060708 b464617461 ff 00"
NON_POST = "58020009 0102030405060708 b464617461 ff 00"


class Scene:
    """A server in virtual time with a device in session, and the device's port."""

    def __init__(self, loop):
        self.clock = loop.clock
        self.wire = MemoryNetwork(loop.timers, loop.clock)
        self.server = ReferenceServer(ServerSettings.on_free_ports(), loop.clock)
        self.received = []

    async def begin(self):
        await self.server.start(self.wire)
        self.collection = self.call("POST", "/span/collections")["collectionId"]
        self.call("POST", f"/span/collections/{self.collection}/devices", {"config": {"ciot": {"imsi": "1"}}})
        self.call("POST", "/simulator/login", {"imsi": "1", "address": "127.64.0.5"})
        self.port = await self.wire.open("127.64.0.5", 4200, lambda data, *_: self.received.append(data))
        return self

    def request(self, method, path, body=None):
        raw = b"" if body is None else msgspec.json.encode(body)
        return HttpRequest(method=method, path=path, headers={"x-api-token": self.server.token}, body=raw)

    def call(self, method, path, body=None):
        answer = self.server.api.handle(self.request(method, path, body), self.clock.unix_ns())
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)

    def stream(self):
        path = f"/span/collections/{self.collection}/activity"
        return self.server.api.open_stream(self.request("GET", path), self.clock.unix_ns())

    async def exchange(self, datagram, where=None):
        self.received.clear()
        self.port.send(bytes.fromhex(datagram), where or self.server.coap_address)
        await asyncio.sleep(1)
        return list(self.received)


def in_virtual_time(test):
    def run():
        async def main(loop):
            await test(await Scene(loop).begin())

        run_virtual(main)

    run.__name__ = test.__name__
    return run


@in_virtual_time
async def test_devices_find_it_where_it_was_and_are_not_heard_meanwhile(it):
    places = it.server.coap_address, it.server.udp_address
    core = it.server.core
    await it.server.halt()
    assert it.server.halted
    assert await it.exchange(CON_POST, places[0]) == []
    await it.server.resume()
    assert not it.server.halted
    assert (it.server.coap_address, it.server.udp_address) == places
    assert it.server.core is not core
    assert len(await it.exchange(CON_POST)) == 1
    assert it.call("GET", f"/span/collections/{it.collection}/stats")["devices"]["messagesUpstream"] == "1"


@in_virtual_time
async def test_streams_keep_what_they_hold_and_are_closed_with_1012(it):
    stream = it.stream()
    everything = it.server.core.watch(0, limit=10)
    await it.exchange(CON_POST)
    await it.server.halt()
    assert [each.closed for each in (stream, everything)] == [Closed(1012, "service restart")] * 2
    names = [msgspec.json.decode(message)["event"] for message in stream.take()]
    assert names == ["clientConnected", "upstreamMessage"]
    await it.server.resume()
    assert it.server.core.streams == 0


@in_virtual_time
async def test_exchanges_are_forgotten_a_duplicate_is_taken_for_new(it):
    async def stored():
        return it.call("GET", f"/span/collections/{it.collection}/stats")["devices"]["messagesUpstream"]

    for _ in range(2):
        await it.exchange(CON_POST)
    assert await stored() == "1"
    await it.server.halt()
    await it.server.resume()
    await it.exchange(CON_POST)
    assert await stored() == "2"
    assert it.server.udp.counts.messages == 0


@in_virtual_time
async def test_message_ids_of_answers_are_others_than_before(it):
    ids = []
    for _ in range(3):
        (answer,) = await it.exchange(NON_POST)
        ids.append(answer[2:4])
        await it.server.halt()
        await it.server.resume()
    assert len(set(ids)) == 3


@in_virtual_time
async def test_both_can_be_asked_for_again(it):
    await it.server.resume()
    await it.server.halt()
    await it.server.halt()
    await it.server.resume()
    await it.server.resume()
    await it.server.stop()
    assert it.call("GET", f"/span/collections/{it.collection}/stats")["deviceCount"] == 1


@in_virtual_time
async def test_who_is_ready_first_is_served_before_devices_are_heard(it):
    address = it.server.coap_address
    await it.server.halt()
    seen = []

    async def ready():
        seen.append(it.stream())
        it.port.send(bytes.fromhex(CON_POST), address)
        await asyncio.sleep(1)
        assert it.received == []

    await it.server.resume(ready)
    await it.exchange(CON_POST)
    assert len(seen[0].take()) == 2


@in_virtual_time
async def test_a_port_that_was_taken_meanwhile_is_told_and_it_can_be_tried_again(it):
    await it.server.halt()
    there = port_of(it.server.coap_address)
    thief = await it.wire.open("127.0.0.1", there, lambda *_: None)
    with pytest.raises(LocalError, match=str(there)):
        await it.server.resume()
    assert it.server.halted
    thief.close()
    await it.server.resume()
    assert len(await it.exchange(CON_POST)) == 1


@contextlib.asynccontextmanager
async def on_sockets(**options):
    clock = WallClock()
    server = ReferenceServer(ServerSettings.on_free_ports(**options), clock)
    wire = await open_wire("auto", clock, asyncio.get_running_loop())
    try:
        await server.start(wire)
        url = await server.start_http()
        async with aiohttp.ClientSession(headers={"X-API-Token": server.token}) as client:
            yield server, url, client
    finally:
        await server.stop()
        await wire.close()


def over_sockets(test):
    def run():
        asyncio.run(asyncio.wait_for(test(), 20))

    run.__name__ = test.__name__
    return pytest.mark.real(run)


@over_sockets
async def test_on_sockets_it_is_gone_and_comes_back_to_the_same_ports():
    async with on_sockets() as (server, url, client):
        places = server.endpoints()
        async with client.post(f"{url}/span/collections") as answer:
            collection = (await answer.json())["collectionId"]
        stream = await client.ws_connect(f"{url}/span/collections/{collection}/activity")
        async with client.post(f"{url}/span/collections/{collection}/devices", json={}) as answer:
            assert answer.status == 200
        await server.halt()
        first, last = await stream.receive(), await stream.receive()
        assert b"deviceCreated" in first.data.encode()
        assert (last.type, last.data, last.extra) == (aiohttp.WSMsgType.CLOSE, 1012, "service restart")
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(f"{url}/span/system")
        await server.resume()
        assert server.endpoints() == places
        async with client.get(f"{url}/span/collections/{collection}/devices") as answer:
            assert len((await answer.json())["devices"]) == 1


@over_sockets
async def test_on_sockets_a_port_that_was_taken_meanwhile_is_told():
    async with on_sockets() as (server, url, client):
        place = server.udp_address
        await server.halt()
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as thief:
            thief.bind((host_text(place), port_of(place)))
            with pytest.raises(LocalError, match=f"UDP port {port_of(place)}"):
                await server.resume()
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.get(f"{url}/span/system")
        await server.resume()
        async with client.get(f"{url}/span/system") as answer:
            assert answer.status == 200


@over_sockets
async def test_requests_wait_until_those_who_listen_are_there():
    async with on_sockets() as (server, url, client):
        await server.halt()

        async def ready():
            asked.append(asyncio.create_task(client.post(f"{url}/span/collections")))
            done, _ = await asyncio.wait(asked, timeout=0.2)
            assert not done

        asked = []
        await server.resume(ready)
        async with await asked[0] as answer:
            assert answer.status == 200


@over_sockets
async def test_a_reader_that_takes_its_time_gets_all_before_the_stream_is_closed():
    async with on_sockets(lossless=True) as (server, url, client):
        async with client.post(f"{url}/span/collections") as answer:
            collection = (await answer.json())["collectionId"]
        stream = await client.ws_connect(f"{url}/span/collections/{collection}/activity")
        (reader,) = server.core.readers
        for _ in range(400):
            reader.push(bytes(64 << 10), 0)  # in all more than the sockets hold
        halting = asyncio.create_task(server.halt())
        await asyncio.wait((halting,), timeout=1.5)
        kinds = [(await stream.receive()).type for _ in range(401)]
        assert kinds == [aiohttp.WSMsgType.TEXT] * 400 + [aiohttp.WSMsgType.CLOSE]
        assert stream.close_code == 1012
        await halting
