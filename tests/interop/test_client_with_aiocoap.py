"""Our CoAP engine against a server on aiocoap, on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiocoap
import aiocoap.resource
import pytest
from aiocoap.numbers import codes

from simulator.acts import Answer, NoAnswer
from simulator.clock import WallClock
from simulator.protocol.coap.client import Engine, Settings
from simulator.protocol.coap.codec import Message, decode
from simulator.wire.address import Address, Ipv4, address, ipv4
from simulator.wire.drivers.awaiting import AwaitingClient
from simulator.wire.drivers.real import RealTimers
from simulator.wire.real import open_wire

pytestmark = pytest.mark.interop

DEVICES = [ipv4("127.64.0.1") + number for number in range(3)]
GET, POST, PUT = 1, 2, 3
CHANGED, CONTENT, NOT_FOUND = 0x44, 0x45, 0x84
LARGE = bytes(range(256)) * 20  # 5120 bytes


class Store(aiocoap.resource.Resource):
    """Keeps what was put; aiocoap cuts and joins the blocks."""

    content = b""

    async def render_get(self, _request: Any) -> aiocoap.Message:
        return aiocoap.Message(payload=self.content)

    async def render_put(self, request: Any) -> aiocoap.Message:
        self.content = request.payload
        return aiocoap.Message(code=codes.CHANGED)

    async def render_post(self, request: Any) -> aiocoap.Message:
        return aiocoap.Message(code=codes.CHANGED, payload=request.payload[::-1])


class Slow(aiocoap.resource.Resource):
    """Answers later than aiocoap waits before it sends an empty ACK."""

    async def render_get(self, _request: Any) -> aiocoap.Message:
        await asyncio.sleep(0.3)
        return aiocoap.Message(payload=b"at last")


class Bench:
    """An engine on a real wire, and the server's address."""

    def __init__(self, server: Address) -> None:
        self.server = server
        self.clock = WallClock()
        self.timers = RealTimers(self.clock, asyncio.get_running_loop())
        self.seen: list[Message] = []
        self.port: Any = None
        self.engine = Engine(self.timers, self.transmit, 1, Settings())
        self.client = AwaitingClient(self.engine, self.clock)

    def transmit(self, data: bytes, peer: Address, local_ip: Ipv4) -> None:
        self.port.send(data, peer, local_ip)

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        self.seen.append(decode(data))
        self.engine.receive(data, peer, local_ip, now)

    async def ask(
        self, code: int, path: str, payload: bytes = b"", device: Ipv4 = DEVICES[0], **more: Any
    ) -> Answer | NoAnswer:
        return await asyncio.wait_for(self.client.request(device, self.server, code, path, payload, **more), 20)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    site = aiocoap.resource.Site()
    site.add_resource(["store"], Store())
    site.add_resource(["slow"], Slow())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        number = sock.getsockname()[1]
    server = await aiocoap.Context.create_server_context(
        site, bind=("127.0.0.1", number), transports=["simplesocketserver"]
    )
    it = Bench(address("127.0.0.1", number))
    try:
        wire = await open_wire("auto", it.clock, asyncio.get_running_loop())
        try:
            it.port = await wire.open("0.0.0.0", 0, it.receive)
            yield it
        finally:
            it.timers.close()
            await wire.close()
    finally:
        await server.shutdown()


def play(story: Callable[[Bench], Coroutine[Any, Any, None]]) -> Bench:
    async def main() -> Bench:
        async with bench() as it:
            await story(it)
            return it

    return asyncio.run(main())


@pytest.mark.parametrize("confirmable", [True, False], ids=["CON", "NON"])
def test_answers_of_all_kinds(confirmable: bool) -> None:
    async def story(it: Bench) -> None:
        assert await it.ask(POST, "store", b"abc", confirmable=confirmable) == Answer(CHANGED, b"cba")
        answer = await it.ask(GET, "nothing/here", confirmable=confirmable)
        assert isinstance(answer, Answer)
        assert answer.code == NOT_FOUND

    play(story)


@pytest.mark.parametrize("szx", [0, 4, 6])
def test_bodies_and_answers_in_blocks(szx: int) -> None:
    async def story(it: Bench) -> None:
        blocks = -(-len(LARGE) // (16 << szx))
        assert await it.ask(PUT, "store", LARGE, szx=szx) == Answer(CHANGED, b"", blocks)
        assert await it.ask(GET, "store", szx=szx) == Answer(CONTENT, LARGE, blocks)

    play(story)


def test_a_long_answer_to_a_long_body() -> None:
    async def story(it: Bench) -> None:
        assert await it.ask(POST, "store", LARGE) == Answer(CHANGED, LARGE[::-1], 9)

    play(story)


def test_a_separate_answer() -> None:
    async def story(it: Bench) -> None:
        assert await it.ask(GET, "slow") == Answer(CONTENT, b"at last")
        await asyncio.sleep(0.05)

    it = play(story)
    assert [message.code for message in it.seen] == [0, CONTENT]
    assert it.engine.counts.retransmissions == 0


def test_devices_do_not_meet_each_others_answers() -> None:
    async def story(it: Bench) -> None:
        results = await asyncio.gather(
            *(it.ask(POST, "store", b"%d." % number, device) for number, device in enumerate(DEVICES * 5))
        )
        assert results == [Answer(CHANGED, (b"%d." % number)[::-1]) for number in range(15)]

    play(story)


def test_a_cancelled_await_cancels_the_exchange() -> None:
    async def story(it: Bench) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await it.client.get(DEVICES[0], it.server, "slow")
        assert await it.client.post(DEVICES[0], it.server, "store", b"ab") == Answer(CHANGED, b"ba")
        await asyncio.sleep(0.4)  # the answer that nobody waits for comes, and is reset

    it = play(story)
    assert it.engine.counts.cancelled == 1
    assert it.engine.counts.unmatched >= 1
