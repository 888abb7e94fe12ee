"""Our CoAP engine against libcoap's server, on loopback: two implementations that never met agree."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulator.acts import Answer, NoAnswer
from simulator.clock import WallClock
from simulator.protocol.coap.client import Engine, Settings
from simulator.protocol.coap.codec import Message, Type, decode, encode
from simulator.wire.address import Address, Ipv4, address, ipv4
from simulator.wire.aiocoap_stack import AiocoapStack
from simulator.wire.drivers.awaiting import AwaitingClient
from simulator.wire.drivers.real import RealTimers
from simulator.wire.real import open_wire

SERVER = shutil.which("coap-server-openssl") or shutil.which("coap-server")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(SERVER is None, reason="libcoap's coap-server is not installed (Debian: libcoap3-bin)"),
]

DEVICE = ipv4("127.64.0.1")
CREATED, CHANGED, CONTENT, NOT_FOUND = 0x41, 0x44, 0x45, 0x84
PUT, DELETE = 3, 4
LARGE = bytes(range(256)) * 20  # 5120 bytes


class Bench:
    """An engine on a real wire, and the server's address."""

    def __init__(self, server: Address, settings: Settings | None) -> None:
        self.server = server
        self.clock = WallClock()
        self.timers = RealTimers(self.clock, asyncio.get_running_loop())
        self.seen: list[tuple[Message, Ipv4]] = []
        self.port: Any = None
        self.engine = Engine(self.timers, self.transmit, 1, settings)
        self.client = AwaitingClient(self.engine, self.clock)

    def transmit(self, data: bytes, peer: Address, local_ip: Ipv4) -> None:
        self.port.send(data, peer, local_ip)

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        self.seen.append((decode(data), local_ip))
        self.engine.receive(data, peer, local_ip, now)

    async def ask(self, code: int, path: str, payload: bytes = b"", **more: Any) -> Answer | NoAnswer:
        return await asyncio.wait_for(self.client.request(DEVICE, self.server, code, path, payload, **more), 20)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def bench(*arguments: str, settings: Settings | None = None) -> AsyncIterator[Bench]:
    """A server process and an engine that has heard from it."""
    assert SERVER is not None
    number = free_port()
    server = await asyncio.create_subprocess_exec(
        SERVER, "-A", "127.0.0.1", "-p", str(number), *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    it = Bench(address("127.0.0.1", number), settings)
    try:
        wire = await open_wire("auto", it.clock, asyncio.get_running_loop())
        try:
            it.port = await wire.open("0.0.0.0", 0, lambda *datagram: it.receive(*datagram))
            async with asyncio.timeout(20):  # it answers pings as soon as it listens
                while not it.seen:
                    it.port.send(encode(Message(Type.CON, 0, 7)), it.server, DEVICE)
                    await asyncio.sleep(0.2)
            yield it
        finally:
            it.timers.close()
            await wire.close()
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()


def play(story: Callable[[Bench], Coroutine[Any, Any, None]], *arguments: str, **more: Any) -> Bench:
    async def main() -> Bench:
        async with bench(*arguments, **more) as it:
            await story(it)
            return it

    return asyncio.run(main())


def test_a_ping_is_answered_with_a_reset_from_the_device_that_asked() -> None:
    async def story(_it: Bench) -> None:
        pass

    first, local_ip = play(story).seen[0]
    assert first == Message(Type.RST, 0, 7)
    assert local_ip == DEVICE


@pytest.mark.parametrize("confirmable", [True, False], ids=["CON", "NON"])
def test_get(confirmable: bool) -> None:
    async def story(it: Bench) -> None:
        result = await it.ask(1, "/", confirmable=confirmable)
        assert isinstance(result, Answer)
        assert (result.code, result.transmissions) == (CONTENT, 1)
        assert b"libcoap" in result.payload
        assert await it.ask(1, "nothing/here", confirmable=confirmable) == Answer(NOT_FOUND, b"Not Found")

    play(story)


@pytest.mark.parametrize("szx", [2, 6])
@pytest.mark.parametrize("payload", [b"small", LARGE], ids=["small", "in blocks"])
def test_what_is_put_can_be_got(payload: bytes, szx: int) -> None:
    async def story(it: Bench) -> None:
        result = await it.ask(PUT, "example_data", payload, szx=szx)
        assert isinstance(result, Answer)
        assert result.code in (CREATED, CHANGED)
        assert result.transmissions == -(-len(payload) // (16 << szx))
        answer = await it.ask(1, "example_data", szx=szx)
        assert isinstance(answer, Answer)
        assert (answer.code, answer.payload) == (CONTENT, payload)
        assert answer.transmissions == -(-len(payload) // (16 << szx))

    play(story)


def test_a_long_answer_in_blocks_that_the_server_chooses() -> None:
    async def story(it: Bench) -> None:
        await it.ask(PUT, "example_data", LARGE)
        answer = await it.ask(1, "example_data")
        assert isinstance(answer, Answer)
        assert (answer.code, answer.payload) == (CONTENT, LARGE)

    play(story)


def test_new_resources_are_made_and_removed() -> None:
    async def story(it: Bench) -> None:
        assert await it.ask(PUT, "mine", b"1") == Answer(CREATED, b"")
        assert await it.ask(PUT, "mine", b"2") == Answer(CHANGED, b"")
        answer = await it.ask(DELETE, "mine")
        assert isinstance(answer, Answer)
        assert answer.code == 0x42

    play(story, "-d", "10")


def test_a_separate_answer() -> None:
    """`/async?1` is acknowledged at once and answered a second later."""

    async def story(it: Bench) -> None:
        result = await it.ask(1, "async?1")
        assert isinstance(result, Answer)
        assert (result.code, result.transmissions) == (CONTENT, 1)
        kinds = [message.type for message, _ in it.seen[-2:]]
        assert kinds[-1] == Type.CON
        await asyncio.sleep(0.1)

    it = play(story)
    assert it.engine.counts.retransmissions == 0


def test_lost_answers_are_asked_for_again() -> None:
    """The server leaves out some datagrams behind its first, which answers our ping."""
    settings = Settings(ack_timeout_s=0.1)

    async def story(it: Bench) -> None:
        result = await it.ask(PUT, "example_data", b"1")
        assert isinstance(result, Answer)
        assert result.transmissions > 1

    it = play(story, "-l", "2-5", settings=settings)
    assert it.engine.counts.retransmissions > 0


@pytest.mark.parametrize("payload", [b"small", LARGE], ids=["small", "in blocks"])
def test_devices_on_aiocoap_share_the_wire(payload: bytes) -> None:
    """The second stack over the same port, in real time."""
    results: list[Any] = []

    async def story(it: Bench) -> None:
        stack = AiocoapStack(asyncio.get_running_loop(), it.port, 1)
        queue: asyncio.Queue[Any] = asyncio.Queue()
        it.receive = stack.receive  # type: ignore[method-assign]
        for code, content in ((PUT, payload), (1, b"")):
            stack.request(
                DEVICE, it.server, code, "example_data", content, True,
                lambda _argument, result, _now: queue.put_nowait(result), None, it.clock.now(),
            )  # fmt: skip
        results.extend([await asyncio.wait_for(queue.get(), 20) for _ in range(2)])
        await stack.close()

    play(story)
    assert results[0].code in (CREATED, CHANGED)
    assert (results[1].code, results[1].payload) == (CONTENT, payload)
