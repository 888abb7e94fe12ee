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
from simulator.wire.drivers.awaiting import AwaitingClient, Reply
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


def answer_all(bench: Bench) -> None:
    """Let every request that has reached the platform be answered in one batch, whoever asked last first."""
    requests, bench.requests = bench.requests, []
    answers = [
        (encode(Message(Type.ACK, CREATED, request.mid, request.token)), PEER, DEVICE + int(request.payload))
        for request in reversed(requests)
    ]
    bench.engine.receive_many(answers, 0.0)


def test_answers_of_one_batch_wake_their_tasks_in_order() -> None:
    woken: list[int] = []

    async def one(bench: Bench, number: int) -> None:
        await bench.client.post(DEVICE + number, PEER, "data", b"%d" % number)
        woken.append(number)

    async def story(bench: Bench) -> None:
        tasks = [asyncio.ensure_future(one(bench, number)) for number in range(20)]
        await asyncio.sleep(1)
        answer_all(bench)
        assert woken == [], "nobody runs within somebody else's turn"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [*reversed(range(20))]
        await asyncio.gather(*tasks)

    play(story, answers=False)


def test_a_task_that_is_cancelled_when_its_answer_is_there_ends_as_cancelled() -> None:
    async def story(bench: Bench) -> None:

        def keep(argument: Any, result: Any, now: float) -> None:
            resolve(argument, result, now)
            task.cancel()  # before the loop has woken it

        resolve = bench.client.resolve
        bench.client.resolve = keep
        task = asyncio.ensure_future(bench.client.post(DEVICE, PEER, "data", b"1"))
        with pytest.raises(asyncio.CancelledError):
            await task
        bench.client.resolve = resolve
        assert await bench.client.post(DEVICE, PEER, "data", b"2") == Answer(CREATED, b"2")

    assert play(story).engine.counts.answered == 2


def test_an_answer_behind_a_cancelled_await_means_nothing() -> None:
    async def story(bench: Bench) -> None:
        task = asyncio.ensure_future(bench.client.post(DEVICE, PEER, "data", b"1"))
        await asyncio.sleep(0)
        task.cancel("why")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await bench.client.post(DEVICE, PEER, "data", b"2") == Answer(CREATED, b"2")

    play(story)


def test_who_ends_the_loop_takes_nobody_elses_answer() -> None:
    async def leaves(bench: Bench) -> None:
        await bench.client.post(DEVICE + 1, PEER, "data", b"1")
        raise SystemExit(3)

    async def story(bench: Bench) -> None:
        await asyncio.sleep(1)
        answer_all(bench)
        await asyncio.sleep(1)

    loop = VirtualLoop()
    bench = Bench(loop, answers=False)
    stays = loop.create_task(bench.client.post(DEVICE, PEER, "data", b"0"))
    left = loop.create_task(leaves(bench))  # asked last, so answered first
    with pytest.raises(SystemExit):
        loop.run_until_complete(story(bench))
    assert loop.run_until_complete(stays) == Answer(CREATED, b"")
    with pytest.raises(SystemExit):
        left.result()
    loop.run_until_complete(asyncio.sleep(2))
    loop.close()


def test_a_reply_is_a_future_to_asyncio() -> None:
    async def story(bench: Bench) -> None:
        reply = Reply(bench.client)
        assert asyncio.isfuture(reply)
        assert reply.get_loop() is asyncio.get_running_loop()

    play(story)
