"""Devices on aiocoap: the same requests, results and wire as on our own engine, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.codec import Block, Message, Type, acknowledgement, decode, encode, option, reset
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2
from simulator.protocol.coap.settings import PRESETS, Settings
from simulator.wire.address import Address, Ipv4, address, ipv4
from simulator.wire.aiocoap_stack import AiocoapStack
from simulator.wire.drivers.virtual import VirtualLoop, run_virtual
from simulator.wire.memory import MemoryNetwork, MemoryPort

DEVICE, OTHER = ipv4("127.64.0.1"), ipv4("127.64.0.2")
PEER = address("127.0.0.1", 5683)
GET, POST = 1, 2
CREATED, CHANGED, CONTENT, CONTINUE = 0x41, 0x44, 0x45, 0x5F
BODY = bytes(range(256)) * 20
RTT_S = 0.1

Responder = Callable[[Message], list[Message]]


class Bench:
    """A stack on the memory network, and a platform that answers as the test says."""

    def __init__(self, loop: VirtualLoop, respond: Responder, settings: Settings | None, seed: int) -> None:
        self.loop = loop
        self.respond = respond
        self.requests: list[tuple[float, Message, Address]] = []
        self.replies: list[Message] = []
        self.progress = asyncio.Event()
        self.results: list[tuple[Any, Answer | NoAnswer, float]] = []
        network = MemoryNetwork(loop.timers, loop.clock)
        self.platform: MemoryPort = network.open_now("127.0.0.1", 5683, self.at_platform)
        self.port = network.open_now("0.0.0.0", 0, self.at_devices)
        self.stack = AiocoapStack(loop, self.port, seed, settings)

    def at_platform(self, data: bytes, peer: Address, _local_ip: Ipv4, now: float) -> None:
        message = decode(data)
        if not 0 < message.code < 0x20:
            self.replies.append(message)
            return
        self.requests.append((now, message, peer))
        for answer in self.respond(message):
            self.loop.call_later(RTT_S, self.platform.send, encode(answer), peer)

    def at_devices(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        self.stack.receive(data, peer, local_ip, now)

    def ask(
        self, argument: Any = "a", *, code: int = POST, payload: bytes = b"42", confirmable: bool = True, **more: Any
    ) -> Any:
        device = more.pop("device", DEVICE)
        return self.stack.request(
            device, PEER, code, "data/up?x=1", payload, confirmable, self.done, argument, self.loop.time(), **more
        )

    def done(self, argument: Any, result: Answer | NoAnswer, now: float) -> None:
        self.results.append((argument, result, now))
        self.progress.set()

    async def until(self, results: int) -> None:
        async with asyncio.timeout(1000):
            while len(self.results) < results:
                self.progress.clear()
                await self.progress.wait()


def play(
    story: Callable[[Bench], Coroutine[Any, Any, None]],
    respond: Responder,
    settings: Settings | None = None,
    seed: int = 1,
) -> Bench:
    """Run a story, close the stack, and see that nothing of it is left."""

    async def main(loop: VirtualLoop) -> Bench:
        bench = Bench(loop, respond, settings, seed)
        await story(bench)
        await bench.stack.close()
        mine = asyncio.current_task()
        assert [task for task in asyncio.all_tasks() if task is not mine] == []
        return bench

    bench = run_virtual(main)
    gc.collect()  # a forgotten exception would speak up here
    return bench


def silent(_request: Message) -> list[Message]:
    return []


def created(request: Message) -> list[Message]:
    return [Message(Type.ACK, CREATED, request.mid, request.token)]


def separate(request: Message) -> list[Message]:
    return [
        Message(Type.ACK, 0, request.mid),
        Message(Type.CON, CONTENT, 99, request.token, (), b"later"),
    ]


def separate_non(request: Message) -> list[Message]:
    return [Message(Type.NON, CONTENT, 99, request.token, (), b"later")]


def refuse(request: Message) -> list[Message]:
    return [Message(Type.RST, 0, request.mid)]


async def one(bench: Bench, **arguments: Any) -> None:
    bench.ask(**arguments)
    assert bench.results == []  # never before the call returns
    await bench.until(1)


@pytest.mark.parametrize(
    ("respond", "confirmable", "result"),
    [
        pytest.param(created, True, Answer(CREATED, b""), id="answer inside the ACK"),
        pytest.param(separate, True, Answer(CONTENT, b"later"), id="separate answer"),
        pytest.param(refuse, True, NoAnswer("reset"), id="reset"),
        pytest.param(separate_non, False, Answer(CONTENT, b"later"), id="NON, answered"),
        pytest.param(refuse, False, NoAnswer("reset"), id="NON, reset"),
        pytest.param(silent, True, NoAnswer("timeout", 5), id="silence"),
        pytest.param(silent, False, NoAnswer("timeout"), id="NON, silence"),
    ],
)
def test_results_are_those_of_the_engine(respond: Responder, confirmable: bool, result: Answer | NoAnswer) -> None:
    bench = play(lambda bench: one(bench, confirmable=confirmable), respond)
    assert [outcome for _, outcome, _ in bench.results] == [result]
    assert bench.requests[0][1].type == (Type.CON if confirmable else Type.NON)


def test_requests_carry_path_query_and_payload_and_leave_from_the_device() -> None:
    bench = play(one, created)
    ((_, request, peer),) = bench.requests
    assert request.options == ((11, b"data"), (11, b"up"), (15, b"x=1"))
    assert request.payload == b"42"
    assert peer == bench.port.address | DEVICE


def test_a_separate_answer_is_acknowledged() -> None:
    async def story(bench: Bench) -> None:
        await one(bench)
        await asyncio.sleep(1)

    bench = play(story, separate)
    assert [encode(reply) for reply in bench.replies] == [acknowledgement(99)]


@pytest.mark.parametrize(("preset", "sends"), [("rfc7252", 5), ("lpwan", 3), ("none", 1)])
def test_repetitions_follow_the_preset(preset: str, sends: int) -> None:
    settings = PRESETS[preset]
    bench = play(one, silent, settings)
    times = [time for time, _, _ in bench.requests]
    assert len(times) == sends
    end = bench.results[0][2]
    first = (times[1:] or [end])[0]
    assert settings.ack_timeout_s <= first <= settings.ack_timeout_s * settings.ack_random_factor
    assert [*times[1:], end] == pytest.approx([first * (2**step - 1) for step in range(1, sends + 1)])


def test_an_acknowledged_request_is_not_waited_for_for_ever() -> None:
    bench = play(one, lambda request: separate(request)[:1])
    assert bench.results[0][:2] == ("a", NoAnswer("timeout"))
    assert 93 <= bench.results[0][2] < 94


def test_runs_with_one_seed_are_alike_and_others_are_not() -> None:
    async def story(bench: Bench) -> None:
        for device in range(3):
            bench.ask(device=DEVICE + device)
        await bench.until(3)

    def trace(seed: int) -> list[Any]:
        bench = play(story, lambda request: [] if request.payload == b"42" else created(request), seed=seed)
        return [(time, message.mid, message.token, peer) for time, message, peer in bench.requests]

    first = trace(1)
    assert first == trace(1)
    assert not {entry[1:3] for entry in first} & {entry[1:3] for entry in trace(2)}


# --- blocks ---------------------------------------------------------------------------------------------------------


def test_a_long_body_travels_in_blocks() -> None:
    def respond(request: Message) -> list[Message]:
        value = option(request.options, BLOCK1)
        assert value is not None
        code = CONTINUE if Block.decode(value).more else CHANGED
        return [Message(Type.ACK, code, request.mid, request.token, ((BLOCK1, value),))]

    bench = play(lambda bench: one(bench, payload=BODY), respond, Settings(szx=4))
    assert bench.results[0][:2] == ("a", Answer(CHANGED, b"", 20))
    assert b"".join(request.payload for _, request, _ in bench.requests) == BODY


def serve(request: Message) -> list[Message]:
    value = option(request.options, BLOCK2)
    wish = Block(0, False, 4) if value is None else Block.decode(value)
    more = wish.offset + wish.size < len(BODY)
    content = BODY[wish.offset : wish.offset + wish.size]
    options = ((BLOCK2, Block(wish.num, more, wish.szx).encode()),)
    return [Message(Type.ACK, CONTENT, request.mid, request.token, options, content)]


def test_a_long_answer_is_put_together() -> None:
    bench = play(lambda bench: one(bench, code=GET, payload=b""), serve)
    assert bench.results[0][:2] == ("a", Answer(CONTENT, BODY, 20))


def test_an_answer_without_end_is_cut_off() -> None:
    bench = play(lambda bench: one(bench, code=GET, payload=b""), serve, Settings(max_body_bytes=1000))
    assert bench.results[0][:2] == ("a", NoAnswer("bad answer", 4))


@pytest.mark.parametrize(
    "options", [((BLOCK1, b"\x10"),), ((BLOCK1, b"\x07"),), ((BLOCK2, b"\x1a"),), ((BLOCK2, b"\x0f"),)]
)
def test_bad_blocks_end_the_request(options: Any) -> None:
    def respond(request: Message) -> list[Message]:
        return [Message(Type.ACK, CONTENT, request.mid, request.token, options, b"x")]

    bench = play(lambda bench: one(bench, payload=BODY), respond)
    assert isinstance(bench.results[0][1], Answer | NoAnswer)


# --- more than one --------------------------------------------------------------------------------------------------


def test_requests_of_one_device_wait_in_line_and_fail_alone() -> None:
    """Left to itself, aiocoap lets one timeout end all requests to that platform."""
    answered: list[Message] = []

    def respond(request: Message) -> list[Message]:
        if request.payload == b"lost":
            return []
        answered.append(request)
        return created(request)

    async def story(bench: Bench) -> None:
        bench.ask("a", payload=b"lost")
        bench.ask("b")
        bench.ask("other", device=OTHER)
        await bench.until(3)

    bench = play(story, respond)
    assert [(argument, result) for argument, result, _ in bench.results] == [
        ("other", Answer(CREATED, b"")),
        ("a", NoAnswer("timeout", 5)),
        ("b", Answer(CREATED, b"")),
    ]


def test_what_overtook_its_ack_does_not_hold_up_the_next_request() -> None:
    async def story(bench: Bench) -> None:
        bench.ask("a")
        bench.ask("b")
        await bench.until(2)

    bench = play(story, separate_non)
    assert len(bench.requests) == 2
    assert bench.results[1][2] < 1


def test_cancelling_ends_a_request_once_and_lets_the_next_go() -> None:
    async def story(bench: Bench) -> None:
        first = bench.ask("a")
        waiting = bench.ask("b")
        bench.ask("c", payload=b"answer me")
        await asyncio.sleep(1)
        bench.stack.cancel(first)
        bench.stack.cancel(first)
        bench.stack.cancel(waiting)
        await asyncio.sleep(300)

    bench = play(story, lambda request: created(request) if request.payload == b"answer me" else [])
    assert [(argument, result) for argument, result, _ in bench.results] == [
        ("a", NoAnswer("cancelled", 1)),
        ("b", NoAnswer("cancelled", 0)),
        ("c", Answer(CREATED, b"")),
    ]


def test_a_device_without_power_forgets_and_starts_elsewhere() -> None:
    async def story(bench: Bench) -> None:
        bench.ask("a")
        bench.ask("b")
        await asyncio.sleep(1)
        bench.stack.forget(DEVICE)
        bench.stack.forget(OTHER)  # never heard of
        await asyncio.sleep(100)
        bench.ask("c")
        await asyncio.sleep(1)

    bench = play(story, silent)
    assert [(argument, result) for argument, result, _ in bench.results] == [
        ("a", NoAnswer("cancelled", 1)),
        ("b", NoAnswer("cancelled", 0)),
        ("c", NoAnswer("cancelled", 1)),  # by closing
    ]
    before, after = (message for _, message, _ in bench.requests)
    assert after.mid != (before.mid + 1) & 0xFFFF


@pytest.mark.parametrize("turns", range(6))
def test_what_is_forgotten_before_it_was_sent_is_never_sent(turns: int) -> None:
    async def story(bench: Bench) -> None:
        bench.ask("a")
        for _ in range(turns):
            await asyncio.sleep(0)
        bench.stack.forget(DEVICE)
        sent = len(bench.requests)
        await asyncio.sleep(100)
        assert len(bench.requests) <= sent + 1  # it may have been on its way

    bench = play(story, silent)
    assert len(bench.requests) <= 1


def test_after_closing_requests_end_at_once() -> None:
    async def story(bench: Bench) -> None:
        await bench.stack.close()
        bench.ask()
        await asyncio.sleep(0.01)
        await bench.stack.close()

    bench = play(story, created)
    assert bench.results == [("a", NoAnswer("cancelled", 0), 0.0)]
    assert bench.requests == []


# --- what a peer may send -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(encode(Message(Type.CON, 0, 99)), reset(99), id="ping"),
        pytest.param(encode(Message(Type.CON, GET, 99)), reset(99), id="a request: nothing is served"),
        pytest.param(encode(Message(Type.NON, GET, 99)), None, id="a non-confirmable request"),
        pytest.param(encode(Message(Type.CON, CONTENT, 99, b"1234")), reset(99), id="unknown confirmable answer"),
        pytest.param(encode(Message(Type.ACK, CONTENT, 99, b"1234")), None, id="unknown ACK"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(bytes.fromhex("40010063b3ff"), None, id="malformed"),
        pytest.param(bytes.fromhex("4445006331323334b1ff"), None, id="text that is no UTF-8"),
    ],
)
def test_what_belongs_to_nothing_ends_nothing(data: bytes, answer: bytes | None) -> None:
    async def story(bench: Bench) -> None:
        bench.ask()
        await asyncio.sleep(0.01)
        bench.platform.send(data, bench.requests[0][2])
        bench.platform.send(data, bench.port.address | OTHER)  # a device that never spoke
        await bench.until(1)

    bench = play(story, created)
    assert bench.results[0][:2] == ("a", Answer(CREATED, b""))
    assert [encode(reply) for reply in bench.replies] == ([answer] if answer else [])


@pytest.mark.parametrize(("code", "path"), [(0, "a"), (0x41, "a"), (POST, "x" * 256)])
def test_impossible_requests_are_refused(code: int, path: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            bench.stack.request(DEVICE, PEER, code, path, b"", True, bench.done, None, 0.0)
        await asyncio.sleep(1)

    assert play(story, created).results == []


def test_nothing_is_logged_on_a_lossy_link(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        play(one, refuse)
        play(one, silent)
    assert caplog.records == []
