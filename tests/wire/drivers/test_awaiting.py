"""`await client.post(...)`, in virtual time over the memory network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.client import Engine
from simulator.protocol.coap.codec import Message, Type, decode, encode
from simulator.wire.address import Address, Ipv4, address, ipv4
from simulator.wire.drivers.awaiting import AwaitingClient
from simulator.wire.drivers.virtual import VirtualLoop, run_virtual
from simulator.wire.memory import MemoryNetwork

DEVICE = ipv4("127.64.0.1")
PEER = address("127.0.0.1", 5683)
CREATED = 0x41


class Bench:
    """An engine, a client, and a platform that answers or not."""

    def __init__(self, loop: VirtualLoop, answers: bool) -> None:
        self.requests: list[Message] = []
        self._answers = answers
        network = MemoryNetwork(loop.timers, loop.clock)
        self._platform = network.open_now("127.0.0.1", 5683, self.at_platform)
        self._port = network.open_now("0.0.0.0", 0, lambda *datagram: self.engine.receive(*datagram))
        self.engine = Engine(loop.timers, self._port.send, 1)
        self.client = AwaitingClient(self.engine, loop.clock)

    def at_platform(self, data: bytes, peer: Address, _local_ip: Ipv4, _now: float) -> None:
        request = decode(data)
        self.requests.append(request)
        if self._answers:
            answer = Message(Type.ACK, CREATED, request.mid, request.token, (), request.payload)
            self._platform.send(encode(answer), peer)


def play(story: Callable[[Bench], Coroutine[Any, Any, None]], *, answers: bool = True) -> Bench:
    async def main(loop: VirtualLoop) -> Bench:
        bench = Bench(loop, answers)
        await story(bench)
        return bench

    return run_virtual(main)


@pytest.mark.parametrize("confirmable", [True, False])
def test_a_result_is_awaited(confirmable: bool) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.client.post(DEVICE, PEER, "data", b"1", confirmable)
        # the platform answers in an ACK, which is no answer to a NON
        assert result == (Answer(CREATED, b"1") if confirmable else NoAnswer("timeout"))

    bench = play(story)
    assert bench.requests[0].code == 2
    assert bench.requests[0].options == ((11, b"data"),)


def test_get_has_no_payload() -> None:
    async def story(bench: Bench) -> None:
        assert await bench.client.get(DEVICE, PEER, "data") == Answer(CREATED, b"")

    bench = play(story)
    assert (bench.requests[0].code, bench.requests[0].payload) == (1, b"")


def test_failure_is_a_result() -> None:
    async def story(bench: Bench) -> None:
        assert await bench.client.post(DEVICE, PEER, "data", b"1") == NoAnswer("timeout", 5)

    play(story, answers=False)


def test_a_cancelled_await_cancels_the_exchange() -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await bench.client.post(DEVICE, PEER, "data", b"1")
        await asyncio.sleep(100)

    bench = play(story, answers=False)
    assert bench.engine.counts.cancelled == 1
    assert bench.engine.counts.retransmissions == len(bench.requests) - 1 < 3


def test_a_wrong_call_raises_at_once() -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ValueError, match="256 bytes"):
            await bench.client.post(DEVICE, PEER, "x" * 256, b"1")

    assert play(story).requests == []
