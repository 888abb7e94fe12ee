"""The client engine: which replies end a request, when it is repeated, and what the peer is told."""

from __future__ import annotations

import heapq
import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.client import PRESETS, Engine, Settings
from simulator.protocol.coap.codec import Message, Type, acknowledgement, decode, encode, reset
from simulator.protocol.coap.exchange import splitmix64
from simulator.protocol.coap.sending import WATCH_S

DEVICE = 0x7F400001
OTHER = 0x7F400002
PEER = 5683 << 32 | 0x7F000001
STRANGER = 5684 << 32 | 0x7F000001
POST, GET = 2, 1
CREATED, CONTENT, CONTINUE, NOT_FOUND = 0x41, 0x45, 0x5F, 0x84


class Heap:
    """A calendar, the plain way."""

    def __init__(self) -> None:
        self.now = 0.0
        self._entries: list[tuple[float, int, Callable[[Any, float], None], Any]] = []
        self._order = itertools.count()

    def at(self, when: float, callback: Callable[[Any, float], None], argument: Any = None) -> None:
        heapq.heappush(self._entries, (max(when, self.now), next(self._order), callback, argument))

    def run_until(self, until: float) -> None:
        while self._entries and self._entries[0][0] <= until:
            self.now, _, callback, argument = heapq.heappop(self._entries)
            callback(argument, self.now)
        self.now = until

    def __len__(self) -> int:
        return len(self._entries)


class Bench:
    """An engine with everything around it in reach."""

    def __init__(self, settings: Settings | None = None, seed: int = 1) -> None:
        self.timers = Heap()
        self.sent: list[tuple[float, bytes, int, int]] = []
        self.results: list[tuple[Any, Answer | NoAnswer, float]] = []
        self.engine = Engine(self.timers, self.transmit, seed, settings)

    @property
    def now(self) -> float:
        return self.timers.now

    def transmit(self, data: bytes, peer: int, local_ip: int) -> None:
        self.sent.append((self.now, data, peer, local_ip))

    def done(self, argument: Any, result: Answer | NoAnswer, now: float) -> None:
        self.results.append((argument, result, now))

    def post(
        self, argument: Any = "a", *, confirmable: bool = True, device: int = DEVICE, payload: bytes = b"42"
    ) -> Any:
        return self.engine.request(device, PEER, POST, "data/up", payload, confirmable, self.done, argument, self.now)

    def receive(self, message: Message | bytes, *, peer: int = PEER, device: int = DEVICE) -> None:
        data = message if isinstance(message, bytes) else encode(message)
        self.engine.receive(data, peer, device, self.now)

    def last(self) -> Message:
        return decode(self.sent[-1][1])

    def outcomes(self) -> list[Answer | NoAnswer]:
        return [result for _, result, _ in self.results]


def piggybacked(request: Message, code: int = CREATED, payload: bytes = b"", options: Any = ()) -> Message:
    return Message(Type.ACK, code, request.mid, request.token, options, payload)


def separate(request: Message, *, mid: int = 99, type_: Type = Type.CON, options: Any = ()) -> Message:
    return Message(type_, CONTENT, mid, request.token, options, b"later")


PIGGYBACKED, SEPARATE, SEPARATE_NON, EMPTY_ACK, RESET = (
    lambda request: piggybacked(request),
    lambda request: separate(request),
    lambda request: separate(request, type_=Type.NON),
    lambda request: Message(Type.ACK, 0, request.mid),
    lambda request: Message(Type.RST, 0, request.mid),
)
CREATED_ANSWER, LATER, WAS_RESET, BAD = (
    Answer(CREATED, b""),
    Answer(CONTENT, b"later"),
    NoAnswer("reset"),
    NoAnswer("bad answer"),
)
ACK_99, RST_99 = acknowledgement(99), reset(99)


@pytest.mark.parametrize(
    ("confirmable", "replies", "result", "sent"),
    [
        pytest.param(True, [PIGGYBACKED], CREATED_ANSWER, [], id="answer inside the ACK"),
        pytest.param(True, [EMPTY_ACK, SEPARATE], LATER, [ACK_99], id="confirmable answer after the ACK"),
        pytest.param(True, [EMPTY_ACK, SEPARATE_NON], LATER, [], id="non-confirmable answer after the ACK"),
        pytest.param(True, [SEPARATE], LATER, [ACK_99], id="answer without any ACK"),
        pytest.param(True, [SEPARATE, EMPTY_ACK], LATER, [ACK_99], id="answer overtakes the ACK"),
        pytest.param(True, [SEPARATE, SEPARATE], LATER, [ACK_99, ACK_99], id="repeated: ACK again, deliver once"),
        pytest.param(True, [PIGGYBACKED, PIGGYBACKED], CREATED_ANSWER, [], id="repeated ACK"),
        pytest.param(True, [PIGGYBACKED, SEPARATE], CREATED_ANSWER, [RST_99], id="a second answer: reset"),
        pytest.param(True, [RESET], WAS_RESET, [], id="reset"),
        pytest.param(True, [EMPTY_ACK, RESET], None, [], id="a late reset means nothing"),
        pytest.param(True, [EMPTY_ACK, EMPTY_ACK], None, [], id="repeated empty ACK"),
        pytest.param(True, [EMPTY_ACK, PIGGYBACKED], CREATED_ANSWER, [], id="an answer behind an empty ACK"),
        pytest.param(False, [SEPARATE_NON], LATER, [], id="NON, answered by NON"),
        pytest.param(False, [SEPARATE], LATER, [ACK_99], id="NON, answered by CON"),
        pytest.param(False, [SEPARATE_NON, SEPARATE_NON], LATER, [], id="NON, answered twice"),
        pytest.param(False, [RESET], WAS_RESET, [], id="NON, reset"),
        pytest.param(False, [EMPTY_ACK], None, [], id="NON, acknowledged: means nothing"),
        pytest.param(False, [PIGGYBACKED], None, [], id="NON, answered in an ACK: means nothing"),
    ],
)
def test_replies(confirmable: bool, replies: list[Any], result: Answer | NoAnswer | None, sent: list[bytes]) -> None:
    bench = Bench()
    bench.post(confirmable=confirmable)
    request = bench.last()
    assert request.type == (Type.CON if confirmable else Type.NON)
    for reply in replies:
        bench.receive(reply(request))
    assert bench.outcomes() == ([] if result is None else [result])
    assert [data for _, data, _, _ in bench.sent[1:]] == sent


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda message: {"token": message.token[:0]}, id="without token"),
        pytest.param(lambda message: {"token": message.token[::-1]}, id="another token"),
        pytest.param(lambda message: {"token": message.token + b"\0"}, id="longer token"),
        pytest.param(lambda message: {"mid": message.mid ^ 1}, id="another id"),
    ],
)
def test_an_ack_with_another_id_or_token_is_ignored(change: Callable[[Message], dict[str, Any]]) -> None:
    bench = Bench()
    bench.post()
    answer = piggybacked(bench.last())
    fields = {name: getattr(answer, name) for name in answer.__struct_fields__}
    bench.receive(Message(**fields | change(answer)))
    assert bench.outcomes() == []
    assert bench.engine.counts.unmatched == 1
    assert len(bench.sent) == 1


@pytest.mark.parametrize("reply", [PIGGYBACKED, SEPARATE, EMPTY_ACK, RESET])
def test_a_reply_from_another_peer_or_to_another_device_is_not_taken(reply: Callable[[Message], Message]) -> None:
    bench = Bench()
    bench.post()
    bench.post("other", device=OTHER)
    bench.receive(reply(decode(bench.sent[0][1])), peer=STRANGER)
    bench.receive(reply(decode(bench.sent[0][1])), device=OTHER)
    assert bench.outcomes() == []


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(encode(Message(Type.CON, 0, 99)), RST_99, id="ping"),
        pytest.param(encode(Message(Type.CON, GET, 99)), RST_99, id="a request: nothing is served"),
        pytest.param(encode(Message(Type.NON, GET, 99)), None, id="a non-confirmable request"),
        pytest.param(encode(Message(Type.CON, CONTENT, 99, b"1234")), RST_99, id="unknown confirmable answer"),
        pytest.param(encode(Message(Type.NON, CONTENT, 99, b"1234")), None, id="unknown non-confirmable answer"),
        pytest.param(encode(Message(Type.ACK, CONTENT, 99, b"1234")), None, id="unknown piggybacked answer"),
        pytest.param(encode(Message(Type.ACK, 0, 99)), None, id="unknown ACK"),
        pytest.param(encode(Message(Type.RST, 0, 99)), None, id="unknown reset"),
        pytest.param(encode(Message(Type.NON, 0, 99)), None, id="empty non-confirmable message"),
        pytest.param(encode(Message(Type.RST, CONTENT, 99, b"1234")), None, id="reset with a code"),
        pytest.param(bytes.fromhex("40000063ff61"), RST_99, id="malformed confirmable message"),
        pytest.param(bytes.fromhex("40200063"), RST_99, id="reserved class"),
        pytest.param(bytes.fromhex("50000063ff61"), None, id="malformed non-confirmable message"),
        pytest.param(bytes.fromhex("60000063ff61"), None, id="malformed ACK"),
        pytest.param(bytes.fromhex("80000063"), None, id="another version"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"hello", None, id="text"),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["device in flight", "device never heard of"])
def test_what_belongs_to_nothing(data: bytes, answer: bytes | None, known: bool) -> None:
    bench = Bench()
    if known:
        bench.post()
    before = len(bench.sent)
    bench.receive(data)
    assert [sent[1:] for sent in bench.sent[before:]] == ([(answer, PEER, DEVICE)] if answer else [])
    assert bench.engine.counts.malformed + bench.engine.counts.unmatched == 1
    assert bench.outcomes() == []


@given(st.lists(st.binary(max_size=20), max_size=8), st.booleans())
def test_arbitrary_datagrams_end_nothing(datagrams: list[bytes], confirmable: bool) -> None:
    bench = Bench()
    bench.post(confirmable=confirmable)
    request = bench.last()
    for data in datagrams:
        bench.receive(data)
        bench.receive(bytes((0x64,)) + data[:1] + encode(request)[2:8] + data[1:])
    bench.timers.run_until(1000)
    assert len(bench.results) == 1


# --- options and codes of answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "result"),
    [
        pytest.param(((12, b"\x2a"),), Answer(CONTENT, b"x"), id="Content-Format"),
        pytest.param(((2048, b"?"),), Answer(CONTENT, b"x"), id="unknown elective option"),
        pytest.param(((2049, b"?"),), BAD, id="unknown critical option"),
        pytest.param(((11, b"a"),), BAD, id="an option of requests"),
        pytest.param(((23, b"\x06"),), Answer(CONTENT, b"x"), id="only block of one"),
        pytest.param(((23, b"\x07"),), BAD, id="reserved block size"),
        pytest.param(((23, b""), (23, b"")), BAD, id="Block2 twice"),
    ],
)
def test_options_of_answers(options: Any, result: Answer | NoAnswer) -> None:
    bench = Bench()
    bench.post()
    bench.receive(piggybacked(bench.last(), CONTENT, b"x", options))
    assert bench.outcomes() == [result]


def test_a_confirmable_answer_with_an_unknown_critical_option_is_reset() -> None:
    bench = Bench()
    bench.post()
    bench.receive(separate(bench.last(), options=((2049, b""),)))
    assert bench.outcomes() == [BAD]
    assert bench.sent[-1][1] == RST_99


@pytest.mark.parametrize("code", [CREATED, 0x43, NOT_FOUND, 0xA3, 0x9F, 0xBF])
def test_any_code_of_an_answer_is_delivered(code: int) -> None:
    for payload in (b"", b"why"):
        bench = Bench()
        bench.post()
        bench.receive(piggybacked(bench.last(), code, payload))
        assert bench.outcomes() == [Answer(code, payload)]


def test_continue_without_blocks_is_a_bad_answer() -> None:
    bench = Bench()
    bench.post()
    bench.receive(piggybacked(bench.last(), CONTINUE))
    assert bench.outcomes() == [BAD]


@pytest.mark.parametrize("code", [0x01, 0x1F])
def test_an_ack_with_the_code_of_a_request_is_ignored(code: int) -> None:
    bench = Bench()
    bench.post()
    bench.receive(piggybacked(bench.last(), code))
    assert bench.outcomes() == []


# --- time -------------------------------------------------------------------------------------------------------------


def test_repeats_at_growing_intervals_and_gives_up() -> None:
    bench = Bench()
    bench.post()
    bench.timers.run_until(1000)
    times = [time for time, _, _, _ in bench.sent]
    first = times[1]
    assert 2.0 <= first < 3.0
    assert times == pytest.approx([0, first, 3 * first, 7 * first, 15 * first])
    assert len({data for _, data, _, _ in bench.sent}) == 1
    ((_, result, when),) = bench.results
    assert result == NoAnswer("timeout", 5)
    assert when == pytest.approx(31 * first)
    assert bench.engine.counts.retransmissions == 4
    assert len(bench.timers) == 0


@pytest.mark.parametrize(
    ("preset", "sends", "shortest", "longest"), [("rfc7252", 5, 62, 93), ("lpwan", 3, 70, 105), ("none", 1, 2, 3)]
)
def test_presets(preset: str, sends: int, shortest: float, longest: float) -> None:
    bench = Bench(PRESETS[preset])
    bench.post()
    bench.timers.run_until(1000)
    assert bench.outcomes() == [NoAnswer("timeout", sends)]
    assert shortest <= bench.results[0][2] <= longest
    assert PRESETS[preset].max_transmit_wait_s == longest


def test_derived_times_are_those_of_the_standard() -> None:
    """RFC 7252 §4.8.2."""
    settings = Settings()
    assert settings.max_transmit_span_s == 45
    assert settings.max_transmit_wait_s == 93
    assert settings.max_rtt_s == 202
    assert settings.exchange_lifetime_s == 247
    assert settings.non_lifetime_s == 145


@pytest.mark.parametrize("wrong", [{"ack_timeout_s": 0}, {"max_retransmit": -1}, {"nstart": 0}, {"szx": 7}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Settings(**wrong)


@pytest.mark.parametrize("resent", [0, 1, 4])
def test_an_answer_says_how_often_the_request_was_sent(resent: int) -> None:
    bench = Bench()
    bench.post()
    bench.timers.run_until((0, 2.999, 46.0)[(0, 1, 4).index(resent)])
    bench.receive(piggybacked(bench.last()))
    bench.timers.run_until(1000)
    assert bench.outcomes() == [Answer(CREATED, b"", resent + 1)]
    assert len(bench.sent) == resent + 1


def test_after_an_empty_ack_nothing_is_repeated_and_patience_ends() -> None:
    bench = Bench()
    bench.post()
    bench.timers.run_until(1)
    bench.receive(EMPTY_ACK(bench.last()))
    bench.timers.run_until(1000)
    assert len(bench.sent) == 1
    assert bench.results == [("a", NoAnswer("timeout"), 94.0)]


def test_a_request_that_is_not_confirmable_is_not_repeated() -> None:
    bench = Bench()
    bench.post(confirmable=False)
    bench.timers.run_until(1000)
    assert len(bench.sent) == 1
    assert bench.results == [("a", NoAnswer("timeout"), 30.0)]


def test_many_exchanges_leave_no_trail_of_timers() -> None:
    """Calendar entries belong to moments, not to exchanges: all that is sent at nearly the same time has one."""
    bench = Bench()
    for step in range(1000):
        bench.timers.run_until(step * 0.01)
        bench.post()
        bench.receive(piggybacked(bench.last()))
        assert len(bench.timers) <= 2 / WATCH_S + 1  # as many as fit into ACK_TIMEOUT
    bench.post("lost")
    started = bench.now
    bench.timers.run_until(1000)
    assert bench.results[-1][1] == NoAnswer("timeout", 5)
    assert bench.sent[-4][0] - started == pytest.approx((bench.sent[-3][0] - started) / 3)


def test_first_timeouts_spread_evenly_over_devices_and_messages() -> None:
    bench = Bench(Settings(max_retransmit=0))
    waits = []
    for device in range(200):
        for _ in range(5):
            started = bench.now
            bench.post(device=DEVICE + device)
            bench.timers.run_until(started + 3)
            waits.append(bench.results[-1][2] - started - 2)
    waits.sort()
    # Kolmogorov-Smirnov at the 1 % level (mobile-network §5.10)
    distance = max(abs((rank + 1) / len(waits) - wait) for rank, wait in enumerate(waits))
    assert distance < 1.628 / len(waits) ** 0.5


# --- more than one --------------------------------------------------------------------------------------------------


def test_requests_of_one_device_wait_in_line() -> None:
    bench = Bench()
    for argument in "abc":
        bench.post(argument)
    bench.post("other", device=OTHER)
    assert len(bench.sent) == 2  # one of each device
    bench.receive(piggybacked(decode(bench.sent[0][1])))
    assert len(bench.sent) == 3
    bench.timers.run_until(1000)
    assert [argument for argument, _, _ in bench.results] == ["a", "other", "b", "c"]


def test_a_request_that_was_acknowledged_does_not_block_the_next() -> None:
    """RFC 7252 §4.7."""
    bench = Bench()
    bench.post("a")
    bench.post("b")
    first = bench.last()
    bench.receive(EMPTY_ACK(first))
    assert len(bench.sent) == 2
    bench.receive(piggybacked(bench.last()))
    bench.receive(separate(first))
    assert [(argument, result) for argument, result, _ in bench.results] == [("b", CREATED_ANSWER), ("a", LATER)]


def test_the_next_block_waits_for_its_turn_as_well() -> None:
    bench = Bench()
    bench.engine.request(DEVICE, PEER, GET, "fw", b"", True, bench.done, "blocks", 0.0)
    first = bench.last()
    bench.receive(EMPTY_ACK(first))
    bench.post("small")
    bench.post("last")
    small = bench.last()
    bench.receive(Message(Type.NON, CONTENT, 9, first.token, ((23, b"\x08"),), bytes(16)))
    assert bench.last() == small
    bench.receive(piggybacked(small))
    assert bench.last().options == ((11, b"fw"), (23, b"\x10"))
    bench.receive(piggybacked(bench.last(), CONTENT, b"x", ((23, b"\x10"),)))
    bench.receive(piggybacked(bench.last()))
    assert [argument for argument, _, _ in bench.results] == ["small", "blocks", "last"]
    assert bench.results[1][1] == Answer(CONTENT, bytes(16) + b"x", 2)


def test_nstart_lets_more_go() -> None:
    bench = Bench(Settings(nstart=2))
    for argument in "abc":
        bench.post(argument)
    assert len(bench.sent) == 2
    requests = [decode(data) for _, data, _, _ in bench.sent]
    assert len({request.token for request in requests}) == 2
    bench.receive(piggybacked(requests[1]))
    bench.receive(piggybacked(requests[0]))
    bench.receive(piggybacked(bench.last()))
    assert [argument for argument, _, _ in bench.results] == ["b", "a", "c"]


def test_a_callback_may_ask_again() -> None:
    bench = Bench()
    asked = []

    def again(argument: int, _result: Answer | NoAnswer, now: float) -> None:
        asked.append(argument)
        if argument < 3:
            bench.engine.request(DEVICE, PEER, POST, "data", b"1", True, again, argument + 1, now)

    bench.engine.request(DEVICE, PEER, POST, "data", b"1", True, again, 0, 0.0)
    for _ in range(4):
        bench.receive(piggybacked(bench.last()))
    assert asked == [0, 1, 2, 3]
    assert len({data for _, data, _, _ in bench.sent}) == 4


def test_message_ids_follow_each_other_and_tokens_differ() -> None:
    bench = Bench()
    for _ in range(300):
        bench.post()
        bench.receive(piggybacked(bench.last()))
    requests = [decode(data) for _, data, _, _ in bench.sent]
    first = requests[0].mid
    assert [request.mid for request in requests] == [(first + step) & 0xFFFF for step in range(300)]
    assert len({request.token for request in requests}) == 300
    assert {len(request.token) for request in requests} == {4}


def test_devices_begin_at_ids_and_tokens_of_their_own() -> None:
    def starts(seed: int) -> list[tuple[int, bytes]]:
        bench = Bench(seed=seed)
        for device in range(100):
            bench.post(device=DEVICE + device)
        return [(decode(data).mid, decode(data).token) for _, data, _, _ in bench.sent]

    assert len(set(starts(1))) == 100
    assert starts(1) == starts(1)
    assert not set(starts(1)) & set(starts(2))


def test_no_id_is_used_again_within_its_lifetime() -> None:
    """RFC 7252 §4.4: 65 536 ids in 247 s are 265 a second, of which the bookkeeping costs 3 %."""
    bench = Bench()
    last_used: dict[int, float] = {}
    bench.post()
    sent = 0
    while sent < 3 * 65536:
        if len(bench.sent) == sent:  # no id is free
            bench.timers.run_until(bench.now + 1.0)
            continue
        time, data, _, _ = bench.sent[sent]
        sent += 1
        mid = data[2] << 8 | data[3]
        assert time - last_used.get(mid, -1000.0) >= 247
        last_used[mid] = time
        bench.post()
        bench.receive(bytes((0x64, CREATED)) + data[2:8])
    assert bench.engine.counts.waited_for_ids > 0
    assert sent / bench.now > 265 * 0.95
    assert bench.engine.counts.retransmissions == 0


# --- endings that the caller asks for -------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [PIGGYBACKED, SEPARATE_NON, EMPTY_ACK, RESET])
def test_a_cancelled_request_ends_once_whatever_comes(reply: Callable[[Message], Message]) -> None:
    bench = Bench()
    exchange = bench.post("a")
    bench.post("b")
    request = bench.last()
    bench.engine.cancel(exchange)
    bench.engine.cancel(exchange)
    bench.receive(reply(request))
    bench.timers.run_until(0)
    assert [(argument, result) for argument, result, _ in bench.results] == [("a", NoAnswer("cancelled", 1))]
    assert len(bench.sent) == 2  # now it is b's turn
    bench.receive(piggybacked(bench.last()))
    bench.timers.run_until(1000)
    assert bench.results[1][:2] == ("b", CREATED_ANSWER)
    assert len(bench.results) == 2


def test_a_request_that_waits_in_line_can_be_cancelled() -> None:
    bench = Bench()
    bench.post("a")
    waiting = bench.post("b")
    bench.engine.cancel(waiting)
    bench.receive(piggybacked(bench.last()))
    bench.timers.run_until(1000)
    assert [(argument, result) for argument, result, _ in bench.results] == [
        ("a", CREATED_ANSWER),
        ("b", NoAnswer("cancelled", 0)),
    ]
    assert len(bench.sent) == 1


def test_a_device_without_power_forgets() -> None:
    bench = Bench(Settings(nstart=2))
    for argument in "abc":
        bench.post(argument)
    bench.post("other", device=OTHER)
    before = [decode(data) for _, data, _, _ in bench.sent[:2]]
    bench.receive(EMPTY_ACK(before[0]))
    bench.engine.forget(DEVICE)
    bench.engine.forget(0x7F123456)  # never heard of: nothing to forget
    bench.timers.run_until(1)
    assert [(argument, result) for argument, result, _ in bench.results] == [
        (argument, NoAnswer("cancelled")) for argument in "abc"
    ]
    bench.receive(separate(before[0]))
    assert bench.sent[-1][1] == RST_99  # it does not know that answer any more
    bench.post("again")
    again = bench.last()
    assert again.mid - before[0].mid & 0xFFFF > 3  # not simply the next one
    assert again.token not in [request.token for request in before]
    bench.receive(piggybacked(again))
    assert bench.results[-1][:2] == ("again", CREATED_ANSWER)


def test_a_device_that_reboots_in_a_circle_repeats_no_id() -> None:
    bench = Bench()
    mids = set()
    for _ in range(1000):
        bench.post()
        mids.add(bench.last().mid)
        bench.engine.forget(DEVICE)
        bench.timers.run_until(bench.now + 0.1)
    assert len(mids) == 1000


# --- what it tells ----------------------------------------------------------------------------------------------------


def test_latency_counts_from_the_request_of_the_caller() -> None:
    bench = Bench()
    latencies: list[float] = []
    bench.engine.on_latency = latencies.append
    bench.post("a")
    bench.post("b")
    bench.timers.run_until(1.5)
    bench.receive(piggybacked(bench.last()))
    bench.timers.run_until(2.0)
    bench.receive(piggybacked(bench.last(), CONTENT, b"x"))
    assert latencies == [1.5, 2.0]


def test_counts() -> None:
    bench = Bench()
    for reply in (PIGGYBACKED, SEPARATE_NON, RESET):
        bench.post()
        request = bench.last()
        bench.receive(reply(request))
        bench.receive(reply(request))
    bench.receive(b"?")
    bench.post()
    bench.timers.run_until(100)
    counts = bench.engine.counts
    assert (counts.sent, counts.answered, counts.resets, counts.timeouts, counts.retransmissions) == (4, 2, 1, 1, 4)
    assert (counts.duplicates, counts.malformed, counts.unmatched) == (3, 1, 0)


@pytest.mark.parametrize(
    ("code", "path", "options"),
    [
        (POST, "/data/on/server", ((11, b"data"), (11, b"on"), (11, b"server"))),
        (GET, "", ()),
        (4, "a?x=1", ((11, b"a"), (15, b"x=1"))),
    ],
)
def test_requests_name_method_and_path(code: int, path: str, options: Any) -> None:
    bench = Bench()
    bench.engine.request(DEVICE, PEER, code, path, b"", True, bench.done, None, 0.0)
    assert (bench.last().code, bench.last().options, bench.last().payload) == (code, options, b"")
    assert bench.sent[-1][2:] == (PEER, DEVICE)


@pytest.mark.parametrize(("code", "path"), [(0, "a"), (0x20, "a"), (0x41, "a"), (POST, "x" * 256)])
def test_impossible_requests_are_refused(code: int, path: str) -> None:
    bench = Bench()
    with pytest.raises(ValueError, match=r"\w"):
        bench.engine.request(DEVICE, PEER, code, path, b"", True, bench.done, None, 0.0)
    assert bench.sent == []


def test_an_idle_device_takes_less_than_800_bytes() -> None:
    devices = 5000
    sent: list[bytes] = []
    timers = Heap()
    tracemalloc.start()
    try:
        engine = Engine(timers, lambda data, _peer, _ip: sent.append(data), 1)
        before = tracemalloc.get_traced_memory()[0]
        for device in range(DEVICE, DEVICE + devices):
            engine.request(device, PEER, POST, "data", b"1", True, lambda *_: None, None, 0.0)
            engine.receive(b"\x64\x41" + sent.pop()[2:8], PEER, device, 0.1)
        timers.run_until(1000)
        assert (tracemalloc.get_traced_memory()[0] - before) / devices < 800
    finally:
        tracemalloc.stop()


def test_splitmix_is_the_published_one() -> None:
    """First outputs of the reference implementation for the state 1234567."""
    golden = 0x9E3779B97F4A7C15
    assert [splitmix64(1234567 + step * golden & (1 << 64) - 1) for step in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


# --- batches, and what is nearly a plain answer ---------------------------------------------------------------------


def test_a_batch_holds_answers_for_many_devices_and_whatever_else_came() -> None:
    bench = Bench()
    batch = []
    for number in range(10):
        bench.post(number, device=DEVICE + number)
        batch.append((encode(piggybacked(bench.last())), PEER, DEVICE + number))
    batch[3:3] = [(b"", PEER, DEVICE), (b"garbage", PEER, DEVICE), (b"\x64\x41", PEER, 7), batch[0]]
    bench.engine.receive_many(batch, 0.5)
    assert bench.results == [(number, CREATED_ANSWER, 0.5) for number in range(10)]
    assert (bench.engine.counts.answered, bench.engine.counts.malformed, bench.engine.counts.duplicates) == (10, 3, 1)


def test_a_batch_goes_on_behind_a_callback_that_raises() -> None:
    bench = Bench()

    def fails(*_: Any) -> None:
        raise RuntimeError("ours")

    bench.engine.request(DEVICE, PEER, POST, "up", b"1", True, fails, None, 0.0)
    first = encode(piggybacked(bench.last()))
    bench.post("second", device=OTHER)
    batch = iter([(first, PEER, DEVICE), (encode(piggybacked(bench.last())), PEER, OTHER)])
    with pytest.raises(RuntimeError, match="ours"):
        bench.engine.receive_many(batch, 0.5)
    bench.engine.receive_many(batch, 0.5)
    assert bench.results == [("second", CREATED_ANSWER, 0.5)]


@pytest.mark.parametrize(
    ("spoil", "outcomes"),
    [
        pytest.param(lambda answer: answer, [CREATED_ANSWER], id="a plain answer"),
        pytest.param(lambda answer: answer[:1] + bytes((NOT_FOUND,)) + answer[2:], [Answer(NOT_FOUND, b"")], id="4.04"),
        pytest.param(lambda answer: answer[:1] + bytes((CONTINUE,)) + answer[2:], [BAD], id="2.31 without a block"),
        pytest.param(lambda answer: answer + b"\xffyes", [Answer(CREATED, b"yes")], id="with a payload"),
        pytest.param(lambda answer: answer + b"\xff", [], id="with an empty payload"),
        pytest.param(lambda answer: answer[:-1] + bytes((answer[-1] ^ 1,)), [], id="of another token"),
        pytest.param(lambda answer: answer[:3] + bytes((answer[3] ^ 1,)) + answer[4:], [], id="of another id"),
        pytest.param(lambda answer: b"\x63" + answer[1:], [], id="with a shorter token than it has"),
        pytest.param(lambda answer: b"\xa4" + answer[1:], [], id="of another version"),
        pytest.param(lambda answer: answer[:7], [], id="cut off"),
        pytest.param(lambda answer: answer[:2], [], id="its first two bytes"),
    ],
)
def test_what_is_nearly_a_plain_answer(spoil: Callable[[bytes], bytes], outcomes: list[Answer | NoAnswer]) -> None:
    bench = Bench()
    bench.post()
    bench.receive(spoil(encode(piggybacked(bench.last()))))
    assert bench.outcomes() == outcomes


def test_an_idle_device_expects_nothing() -> None:
    bench = Bench()
    bench.post()
    bench.receive(piggybacked(bench.last()))
    for length in range(9):
        bench.receive(b"\x64\x41\x00\x00\x00\x00\x00\x00"[:length])
    assert bench.outcomes() == [CREATED_ANSWER]


def test_a_plain_answer_of_another_peer_ends_nothing() -> None:
    bench = Bench()
    bench.post()
    bench.receive(piggybacked(bench.last()), peer=STRANGER)
    assert bench.outcomes() == []
    bench.receive(piggybacked(bench.last()))
    assert bench.outcomes() == [CREATED_ANSWER]


def test_a_plain_answer_tells_how_often_the_request_was_sent() -> None:
    bench = Bench(Settings(ack_random_factor=1.0))
    bench.post()
    bench.timers.run_until(2.5)
    bench.receive(piggybacked(bench.last()))
    assert bench.outcomes() == [Answer(CREATED, b"", 2)]


def test_a_plain_answer_lets_who_waits_in_line_go() -> None:
    bench = Bench()
    bench.post("first")
    request = bench.last()
    bench.post("second")
    assert len(bench.sent) == 1
    bench.receive(piggybacked(request))
    bench.receive(piggybacked(bench.last()))
    assert bench.results == [("first", CREATED_ANSWER, 0.0), ("second", CREATED_ANSWER, 0.0)]


def test_a_callback_of_a_timeout_may_end_what_is_due_at_the_same_time() -> None:
    bench = Bench(Settings(ack_random_factor=1.0, max_retransmit=0, nstart=2))
    answers: list[Message] = []

    def times_out(argument: Any, result: Answer | NoAnswer, now: float) -> None:
        bench.done(argument, result, now)
        bench.receive(answers[0])

    bench.engine.request(DEVICE, PEER, POST, "up", b"1", True, times_out, "first", 0.0)
    bench.post("second")
    answers.append(piggybacked(bench.last()))
    bench.timers.run_until(100.0)
    assert bench.outcomes() == [NoAnswer("timeout"), CREATED_ANSWER]


# --- many at once -----------------------------------------------------------------------------------------------------


def _many(bench: Bench, requests: list[tuple[int, bytes, str]], confirmable: bool = True) -> None:
    bench.engine.request_many(requests, PEER, POST, "data/up", confirmable, bench.done, bench.now)


@pytest.mark.parametrize("in_batches", [False, True])
def test_many_requests_are_the_same_as_one_after_the_other(in_batches: bool) -> None:
    """Short and long, of idle and of busy devices, new and known ones; the same bytes, and the same answers."""
    requests = [
        (DEVICE + number % 7, bytes([number]) * (0 if number % 5 else 300), str(number)) for number in range(40)
    ]
    one, many = Bench(), Bench()
    flat: list[Any] = []
    if in_batches:
        many.engine.transmit_many = flat.extend
    for local_ip, payload, argument in requests:
        one.post(argument, device=local_ip, payload=payload)
    _many(many, requests)
    sent = [datagram[1:] for datagram in many.sent] + list(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))
    assert sorted(sent) == sorted(datagram[1:] for datagram in one.sent)
    assert many.engine.counts == one.engine.counts
    for bench in (one, many):
        bench.timers.run_until(2000)  # those of one device wait for each other
    assert sorted(many.results, key=str) == sorted(one.results, key=str)
    assert len(many.results) == 40


def test_many_that_are_not_confirmable() -> None:
    bench = Bench()
    _many(bench, [(DEVICE, b"1", "a"), (OTHER, b"2", "b")], confirmable=False)
    assert [decode(data).type for _, data, _, _ in bench.sent] == [Type.NON, Type.NON]
    bench.timers.run_until(300)
    assert bench.outcomes() == [NoAnswer("timeout"), NoAnswer("timeout")]


def test_every_lost_request_is_repeated_at_its_own_time() -> None:
    """Requests of one sixteenth of a second share an entry of the calendar, and nothing else."""
    bench = Bench()
    began: dict[int, float] = {}
    for number in range(50):
        bench.timers.run_until(number * 0.01)
        began[DEVICE + number] = bench.now
        bench.post(number, device=DEVICE + number)
        if number % 2:
            bench.receive(piggybacked(bench.last()), device=DEVICE + number)
    bench.timers.run_until(400)
    for number in range(50):
        times = [when for when, _, _, ip in bench.sent if ip == DEVICE + number]
        if number % 2:
            assert len(times) == 1
            continue
        first = times[1] - began[DEVICE + number]
        assert 2 <= first <= 3  # RFC 7252 §4.2
        assert [when - began[DEVICE + number] for when in times] == pytest.approx(
            [0, first, 3 * first, 7 * first, 15 * first]
        )


def test_a_repeated_answer_is_known_however_the_exchange_was_sent() -> None:
    bench = Bench()
    for many in (False, True, True):
        if many:
            _many(bench, [(DEVICE, b"1", "a")])
        else:
            bench.post()
        bench.receive(piggybacked(request := bench.last()))
        bench.receive(piggybacked(request))
    assert bench.engine.counts.duplicates == 3
    _many(bench, [(DEVICE, b"1", "a")])
    bench.receive(piggybacked(request))  # while the next one is in flight
    assert bench.engine.counts.duplicates == 4
    assert bench.engine.counts.unmatched == 0
