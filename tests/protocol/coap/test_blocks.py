"""Bodies and answers in blocks: against a small server of our own, and one answer at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.blocks import Ask, Deliver, Fail, State, Step, Transfer
from simulator.protocol.coap.client import Engine, Settings
from simulator.protocol.coap.codec import Block, Message, Type, decode, encode, encode_uint, option
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2, ETAG, SIZE1

GET, POST = 1, 2
CHANGED, CONTENT, CONTINUE = 0x44, 0x45, 0x5F
INCOMPLETE, TOO_LARGE, NOT_FOUND = 0x88, 0x8D, 0x84
PATH = ((11, b"fw"),)
BODY = bytes(range(256)) * 20  # 5120 bytes


def block(num: int, more: bool, szx: int) -> bytes:
    return Block(num, more, szx).encode()


def answer(code: int, payload: bytes = b"", *options: tuple[int, bytes]) -> Message:
    return Message(Type.ACK, code, 1, b"", tuple(sorted(options)), payload)


def transfer(code: int = POST, payload: bytes = b"", szx: int = 6, **limits: int) -> Transfer:
    return Transfer(code, PATH, payload, szx=szx, **({"max_body_bytes": 1 << 20, "max_restarts": 1} | limits))


def asked(step: Step, number: int) -> Block:
    assert isinstance(step, Ask), step
    value = option(step.options, number)
    assert value is not None
    return Block.decode(value)


# --- bodies ---------------------------------------------------------------------------------------------------------


def upload(machine: Transfer, *, accept_szx: int = 6) -> tuple[bytes, list[Block]]:
    """A server that takes blocks; it wants them no larger than `accept_szx`."""
    body, blocks, step = b"", [], machine.start()
    while True:
        sent = asked(step, BLOCK1)
        assert isinstance(step, Ask)
        assert sent.offset == len(body)
        assert (option(step.options, SIZE1) is not None) == (sent.num == 0)
        assert len(step.payload) == sent.size or not sent.more
        body += step.payload
        blocks.append(sent)
        taken = (BLOCK1, block(sent.num, sent.more, min(sent.szx, accept_szx)))
        if not sent.more:
            assert machine.receive(answer(CHANGED, b"", taken)) == Deliver(CHANGED, b"")
            return body, blocks
        step = machine.receive(answer(CONTINUE, b"", taken))


@pytest.mark.parametrize("szx", range(7))
@pytest.mark.parametrize("size", [1025, 2048, 5120])
def test_a_long_body_arrives_whole(szx: int, size: int) -> None:
    body, blocks = upload(transfer(payload=BODY[:size], szx=szx))
    assert body == BODY[:size]
    assert len(blocks) == -(-size // (16 << szx))
    assert [sent.more for sent in blocks] == [True] * (len(blocks) - 1) + [False]


def test_the_first_block_tells_the_size_of_the_whole() -> None:
    step = transfer(payload=BODY, szx=6).start()
    assert isinstance(step, Ask)
    assert step.options == (*PATH, (BLOCK1, b"\x0e"), (SIZE1, encode_uint(5120)))


def test_the_server_may_want_smaller_blocks() -> None:
    """RFC 7959 §3.2, figure 8: what was sent counts, the next number is in the new size."""
    body, blocks = upload(transfer(payload=BODY, szx=6), accept_szx=2)
    assert body == BODY
    assert (blocks[0].num, blocks[0].szx) == (0, 6)
    assert (blocks[1].num, blocks[1].szx) == (16, 2)


@pytest.mark.parametrize("payload", [BODY, BODY[:1000]], ids=["already in blocks", "in one message"])
def test_too_large_with_a_block_size_begins_anew(payload: bytes) -> None:
    machine = transfer(payload=payload, szx=6)
    machine.start()
    step = machine.receive(answer(TOO_LARGE, b"", (BLOCK1, block(0, False, 4))))
    assert asked(step, BLOCK1) == Block(0, True, 4)
    assert isinstance(step, Ask)
    assert step.payload == payload[:256]


@pytest.mark.parametrize(
    ("payload", "hint"),
    [(BODY, ()), (BODY, ((BLOCK1, block(0, False, 6)),)), (b"x", ((BLOCK1, block(0, False, 4)),)), (b"x", ())],
    ids=["no size", "the same size", "it was smaller", "small, no size"],
)
def test_too_large_without_a_useful_block_size_is_the_answer(payload: bytes, hint: Any) -> None:
    machine = transfer(payload=payload)
    machine.start()
    assert machine.receive(answer(TOO_LARGE, b"no", *hint)) == Deliver(TOO_LARGE, b"no")


def test_a_server_that_lost_its_blocks_gets_them_once_more() -> None:
    machine = transfer(payload=BODY)
    machine.start()
    machine.receive(answer(CONTINUE, b"", (BLOCK1, block(0, True, 6))))
    assert asked(machine.receive(answer(INCOMPLETE)), BLOCK1) == Block(0, True, 6)
    machine.receive(answer(CONTINUE, b"", (BLOCK1, block(0, True, 6))))
    assert machine.receive(answer(INCOMPLETE, b"again")) == Deliver(INCOMPLETE, b"again")


def test_a_server_that_works_block_by_block_gets_the_rest_as_well() -> None:
    """RFC 7959 §2.3: success without the more flag means that this block is done with."""
    machine = transfer(payload=BODY[:2048])
    machine.start()
    step = machine.receive(answer(CHANGED, b"", (BLOCK1, block(0, False, 6))))
    assert asked(step, BLOCK1) == Block(1, False, 6)
    assert machine.receive(answer(CHANGED, b"", (BLOCK1, block(1, False, 6)))) == Deliver(CHANGED, b"")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(answer(CHANGED), "part for the whole", id="Block1 ignored"),
        pytest.param(answer(CONTINUE), "part for the whole", id="Continue without Block1"),
        pytest.param(answer(CONTINUE, b"", (BLOCK1, block(1, True, 6))), "block 1", id="another block"),
        pytest.param(answer(CONTINUE, b"", (BLOCK1, b"\x0f")), "size exponent 7", id="reserved size"),
        pytest.param(answer(CONTINUE, b"", (BLOCK1, b""), (BLOCK1, b"")), "twice", id="Block1 twice"),
        pytest.param(answer(CONTINUE, b"", (BLOCK1, b"1234")), "4 bytes", id="Block1 too long"),
    ],
)
def test_bad_answers_to_a_block(reply: Message, says: str) -> None:
    machine = transfer(payload=BODY)
    machine.start()
    step = machine.receive(reply)
    assert isinstance(step, Fail)
    assert says in step.problem
    assert machine.state is State.DONE


def test_continue_after_the_last_block_is_a_bad_answer() -> None:
    machine = transfer(payload=BODY[:1025])
    machine.start()
    machine.receive(answer(CONTINUE, b"", (BLOCK1, block(0, True, 6))))
    assert isinstance(machine.receive(answer(CONTINUE, b"", (BLOCK1, block(1, True, 6)))), Fail)


def test_an_error_in_the_middle_is_the_answer() -> None:
    machine = transfer(payload=BODY)
    machine.start()
    assert machine.receive(answer(NOT_FOUND, b"where?")) == Deliver(NOT_FOUND, b"where?")


# --- answers --------------------------------------------------------------------------------------------------------


def download(machine: Transfer, content: bytes, *, szx: int, announce: bool = False) -> Step:
    """A server with content; its blocks are as large as asked for, at most `szx`."""
    step: Step = machine.start(announce=announce)
    for turn in range(1000):
        assert isinstance(step, Ask)
        value = option(step.options, BLOCK2)
        wish = Block(0, False, 6) if value is None else Block.decode(value)
        assert turn == 0 or not step.payload
        size = 16 << min(wish.szx, szx)
        start = wish.offset
        more = start + size < len(content)
        sent = (BLOCK2, block(start // size, more, min(wish.szx, szx)))
        step = machine.receive(answer(CONTENT, content[start : start + size], sent, (ETAG, b"1")))
        if not isinstance(step, Ask):
            return step
    raise AssertionError("endless")


@pytest.mark.parametrize("size", [0, 1, 16, 1024, 1025, 5120])
@pytest.mark.parametrize("server", [0, 3, 6])
@pytest.mark.parametrize("client", [0, 4, 6])
@pytest.mark.parametrize("announce", [True, False])
def test_a_long_answer_arrives_whole(size: int, server: int, client: int, announce: bool) -> None:
    assert download(transfer(GET, szx=client), BODY[:size], szx=server, announce=announce) == Deliver(
        CONTENT, BODY[:size]
    )


def test_the_first_block_may_be_larger_than_we_wanted() -> None:
    """A server that was not told our size begins with its own; from then on it is ours."""
    machine = transfer(GET, szx=3)
    machine.start()
    step = machine.receive(answer(CONTENT, BODY[:1024], (BLOCK2, block(0, True, 6))))
    assert asked(step, BLOCK2) == Block(8, False, 3)


def test_further_blocks_are_asked_for_with_method_and_path_alone() -> None:
    machine = transfer(POST, payload=b"please")
    machine.start()
    step = machine.receive(answer(CONTENT, BODY[:1024], (BLOCK2, block(0, True, 6))))
    assert step == Ask((*PATH, (BLOCK2, block(1, False, 6))), b"")


def test_a_body_in_blocks_may_have_an_answer_in_blocks() -> None:
    machine = transfer(POST, payload=BODY[:1025])
    machine.start()
    machine.receive(answer(CONTINUE, b"", (BLOCK1, block(0, True, 6))))
    step = machine.receive(answer(CHANGED, b"a" * 16, (BLOCK1, block(1, False, 6)), (BLOCK2, block(0, True, 0))))
    assert step == Ask((*PATH, (BLOCK2, block(1, False, 0))), b"")
    assert machine.receive(answer(CHANGED, b"b", (BLOCK2, block(1, False, 0)))) == Deliver(CHANGED, b"a" * 16 + b"b")


def begun(code: int = GET, **limits: int) -> Transfer:
    machine = transfer(code, **limits)
    machine.start()
    machine.receive(answer(CONTENT, BODY[:1024], (BLOCK2, block(0, True, 6)), (ETAG, b"1")))
    return machine


def test_content_that_changes_is_loaded_anew_once() -> None:
    machine = begun()
    changed = answer(CONTENT, BODY[:1024], (BLOCK2, block(1, True, 6)), (ETAG, b"2"))
    assert machine.receive(changed) == Ask((*PATH, (BLOCK2, block(0, False, 6))), b"")
    step = machine.receive(answer(CONTENT, b"x" * 1024, (BLOCK2, block(0, True, 6)), (ETAG, b"2")))
    assert asked(step, BLOCK2) == Block(1, False, 6)
    assert machine.receive(answer(CONTENT, b"y", (BLOCK2, block(1, False, 6)), (ETAG, b"2"))) == Deliver(
        CONTENT, b"x" * 1024 + b"y"
    )


@pytest.mark.parametrize(("code", "restarts"), [(POST, 1), (GET, 0)], ids=["a POST", "no restart left"])
def test_content_that_changes_is_a_bad_answer_where_asking_anew_is_not_allowed(code: int, restarts: int) -> None:
    machine = begun(code, max_restarts=restarts)
    changed = answer(CONTENT, b"x", (BLOCK2, block(1, False, 6)), (ETAG, b"2"))
    assert isinstance(machine.receive(changed), Fail)


@pytest.mark.parametrize(
    ("payload", "options"),
    [
        pytest.param(b"x", (), id="no Block2"),
        pytest.param(BODY[:1024], ((BLOCK2, block(2, True, 6)),), id="a block too far"),
        pytest.param(BODY[:1024], ((BLOCK2, block(0, True, 6)),), id="the same block again"),
        pytest.param(BODY[:1000], ((BLOCK2, block(1, True, 6)),), id="not full, but more"),
        pytest.param(BODY[:1025], ((BLOCK2, block(1, False, 6)),), id="more than full"),
        pytest.param(b"x", ((BLOCK2, b"\x17"),), id="reserved size"),
        pytest.param(b"x", ((BLOCK2, block(1, False, 6)), (BLOCK2, block(1, False, 6))), id="Block2 twice"),
    ],
)
def test_bad_blocks(payload: bytes, options: Any) -> None:
    machine = begun()
    if options and len(options) == 1:
        options = (*options, (ETAG, b"1"))
    assert isinstance(machine.receive(answer(CONTENT, payload, *options)), Fail)
    assert machine.state is State.DONE


def test_a_block_larger_than_asked_for_is_a_bad_answer() -> None:
    machine = transfer(GET, szx=2)
    machine.start()
    machine.receive(answer(CONTENT, BODY[:64], (BLOCK2, block(0, True, 2))))
    machine.receive(answer(CONTENT, BODY[:64], (BLOCK2, block(1, True, 2))))
    assert isinstance(machine.receive(answer(CONTENT, BODY[:128], (BLOCK2, block(1, True, 3)))), Fail)


def test_an_answer_may_not_begin_in_the_middle() -> None:
    machine = transfer(GET)
    machine.start()
    assert isinstance(machine.receive(answer(CONTENT, b"x", (BLOCK2, block(1, False, 6)))), Fail)


def test_an_error_to_a_further_block_is_the_answer() -> None:
    assert begun().receive(answer(NOT_FOUND)) == Deliver(NOT_FOUND, b"")


@pytest.mark.parametrize("limit", [1023, 1024, 1500])
def test_an_answer_without_end_is_cut_off(limit: int) -> None:
    machine = transfer(GET, max_body_bytes=limit)
    machine.start()
    step: Step = Ask((), b"")
    for num in range(3):
        step = machine.receive(answer(CONTENT, BODY[:1024], (BLOCK2, block(num, True, 6))))
        if isinstance(step, Fail):
            break
    assert isinstance(step, Fail)
    assert str(limit) in step.problem
    assert num == limit // 1024


replies = st.builds(
    lambda code, payload, options: answer(code, payload, *options),
    st.sampled_from([CHANGED, CONTENT, CONTINUE, INCOMPLETE, TOO_LARGE, NOT_FOUND]),
    st.sampled_from([b"", b"x", bytes(16), bytes(64), bytes(1024)]),
    st.lists(st.tuples(st.sampled_from([BLOCK1, BLOCK2, ETAG]), st.binary(max_size=2)), max_size=3),
)


@given(st.sampled_from([GET, POST]), st.sampled_from([0, 20, 3000]), st.lists(replies, max_size=8))
def test_any_answers_lead_on_or_end_it(code: int, size: int, sequence: list[Message]) -> None:
    machine = transfer(code, bytes(size), szx=2)
    step: Step = machine.start()
    for reply in sequence:
        step = machine.receive(reply)
        if not isinstance(step, Ask):
            break
        assert len(step.payload) <= 64
        assert list(step.options) == sorted(step.options, key=lambda item: item[0])


# --- inside the engine ----------------------------------------------------------------------------------------------


class NoTimers:
    def at(self, _when: float, _callback: Any, _argument: Any = None) -> None:
        pass


def run(
    respond: Any, code: int, payload: bytes, *, szx: int | None = None, settings: Settings | None = None
) -> tuple[Answer | NoAnswer, list[Message]]:
    """A whole transfer; `respond(request)` gives code, payload and options of each ACK."""
    sent: list[Message] = []
    results: list[Answer | NoAnswer] = []
    engine = Engine(NoTimers(), lambda data, _peer, _ip: sent.append(decode(data)), 1, settings)
    done = lambda _argument, result, _now: results.append(result)  # noqa: E731
    engine.request(1, 2, code, "fw", payload, True, done, None, 0.0, szx=szx)
    step = 0
    while not results and step < len(sent):
        request = sent[step]
        code, content, options = respond(request)
        engine.receive(
            encode(Message(Type.ACK, code, request.mid, request.token, tuple(sorted(options)), content)), 2, 1, 0.0
        )
        step += 1
    assert len(results) == 1
    return results[0], sent


def serve(content: bytes, szx: int) -> Any:
    def respond(request: Message) -> tuple[int, bytes, list[tuple[int, bytes]]]:
        value = option(request.options, BLOCK2)
        wish = Block(0, False, szx) if value is None else Block.decode(value)
        size = 16 << wish.szx
        more = wish.offset + size < len(content)
        return CONTENT, content[wish.offset : wish.offset + size], [(BLOCK2, block(wish.num, more, wish.szx))]

    return respond


def test_the_engine_collects_an_answer_in_blocks() -> None:
    result, sent = run(serve(BODY, 4), GET, b"")
    assert result == Answer(CONTENT, BODY, 20)
    assert len({request.mid for request in sent}) == 20
    assert len({request.token for request in sent}) == 20  # span §4.3: tokens may change for every block, so ours do
    assert option(sent[0].options, BLOCK2) is None


def test_the_engine_announces_a_block_size_that_the_caller_names() -> None:
    result, sent = run(serve(BODY, 6), GET, b"", szx=3)
    assert result == Answer(CONTENT, BODY, 40)
    assert option(sent[0].options, BLOCK2) == block(0, False, 3)


def test_the_engine_sends_a_body_in_blocks() -> None:
    received: list[bytes] = []

    def respond(request: Message) -> tuple[int, bytes, list[tuple[int, bytes]]]:
        received.append(request.payload)
        value = option(request.options, BLOCK1)
        assert value is not None
        return (CONTINUE if Block.decode(value).more else CHANGED), b"", [(BLOCK1, value)]

    result, sent = run(respond, POST, BODY, settings=Settings(szx=5))
    assert result == Answer(CHANGED, b"", 10)
    assert b"".join(received) == BODY
    assert {request.type for request in sent} == {Type.CON}


def test_a_body_of_one_block_is_sent_as_it_is() -> None:
    _, sent = run(lambda _request: (CHANGED, b"", []), POST, bytes(1024))
    assert [request.options for request in sent] == [PATH]


def test_a_bad_block_ends_the_request() -> None:
    result, _ = run(lambda _request: (CONTINUE, b"", [(BLOCK1, b"\x0f")]), POST, BODY)
    assert result == NoAnswer("bad answer")


@pytest.mark.parametrize("szx", [-1, 7])
def test_impossible_block_sizes_are_refused(szx: int) -> None:
    with pytest.raises(ValueError, match="szx"):
        run(serve(b"", 6), GET, b"", szx=szx)
