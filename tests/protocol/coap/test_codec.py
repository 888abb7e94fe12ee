"""CoAP messages: bytes from the standard and the fact sheets, a foreign codec, and whatever else may arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiocoap
import pytest
from aiocoap.error import UnparsableMessage
from aiocoap.numbers.types import Type as ForeignType
from aiocoap.options import Options as ForeignOptions
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.protocol.coap import codec
from simulator.protocol.coap.codec import (
    CoapFormatError,
    Message,
    Template,
    Type,
    acknowledgement,
    code_text,
    decode,
    encode,
    encode_options,
    reset,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "coap_messages.json").read_text(encoding="utf-8")
)


def message_of(vector: dict[str, Any]) -> Message:
    class_, detail = vector["code"].split(".")
    return Message(
        Type[vector["type"]],
        int(class_) << 5 | int(detail),
        vector["mid"],
        bytes.fromhex(vector["token"]),
        tuple((number, bytes.fromhex(value)) for number, value in vector["options"]),
        bytes.fromhex(vector["payload"]),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors_of_the_platform_both_ways(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes"])
    assert decode(data) == message_of(vector)
    assert encode(message_of(vector)) == data


CON_7 = {"mid": 7, "type": Type.CON}


@pytest.mark.parametrize(
    ("data", "problem", "header"),
    [
        pytest.param("", "0 bytes", {}, id="nothing"),
        pytest.param("400100", "3 bytes", {}, id="shorter than a header"),
        pytest.param("00010007", "version 0", {}, id="version 0"),
        pytest.param("80010007", "version 2", {}, id="version 2"),
        pytest.param("c0010007", "version 3", {}, id="version 3"),
        pytest.param("4901000700112233445566778899", "token length 9", CON_7, id="token of 9"),
        pytest.param("4f01000700112233445566778899aabbccddeeff", "token length 15", CON_7, id="token of 15"),
        pytest.param("42010007aa", "inside its token", CON_7, id="token cut off"),
        pytest.param("4000000700", "empty message", CON_7, id="empty message with a byte"),
        pytest.param("41000007aa", "empty message", CON_7, id="empty message with a token"),
        pytest.param("40000007ff61", "empty message", CON_7, id="empty message with a payload"),
        pytest.param("40200007", "reserved class", CON_7, id="class 1"),
        pytest.param("40c00007", "reserved class", CON_7, id="class 6"),
        pytest.param("40e10007", "reserved class", CON_7, id="class 7, which is for TCP"),
        pytest.param("40010007ff", "without a payload", CON_7, id="marker, then nothing"),
        pytest.param("40010007b178ff", "without a payload", CON_7, id="marker behind options, then nothing"),
        pytest.param("40010007f0", "15 as option", CON_7, id="delta 15"),
        pytest.param("400100071f", "15 as option", CON_7, id="length 15"),
        pytest.param("40010007d0", "option header", CON_7, id="extended delta missing"),
        pytest.param("40010007e001", "option header", CON_7, id="extended delta of 2 cut off"),
        pytest.param("400100070d", "option header", CON_7, id="extended length missing"),
        pytest.param("400100070e01", "option header", CON_7, id="extended length of 2 cut off"),
        pytest.param("40010007b378", "value of option 11", CON_7, id="value cut off"),
        pytest.param("40010007b3ff61", "value of option 11", CON_7, id="value with 0xff cut off"),
        pytest.param("40010007e0ffff", "option number 65804", CON_7, id="option number of 17 bits"),
        pytest.param("50010007b378", "value", {"mid": 7, "type": Type.NON}, id="says that it was not confirmable"),
    ],
)
def test_malformed_messages_are_refused_with_what_a_reset_needs(
    data: str, problem: str, header: dict[str, int]
) -> None:
    with pytest.raises(CoapFormatError, match=problem) as caught:
        decode(bytes.fromhex(data))
    assert (caught.value.mid, caught.value.type) == (header.get("mid"), header.get("type"))


option_lists = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 70), st.sampled_from([268, 269, 270, 2048, 65535])),
        st.one_of(st.binary(max_size=20), st.sampled_from([b"\xff", b"a\xffb", b"x" * 268, b"x" * 269, b"x" * 1034])),
    ),
    max_size=6,
).map(lambda options: tuple(sorted(options, key=lambda option: option[0])))
codes = st.integers(1, 255).filter(lambda code: code >> 5 not in (1, 6, 7))
messages = st.builds(
    Message,
    st.integers(0, 3),
    codes,
    st.integers(0, 65535),
    st.binary(max_size=8),
    option_lists,
    st.one_of(st.binary(max_size=40), st.just(b"\xff"), st.just(b"\xff\xff\x00")),
)


@given(messages)
def test_messages_come_back_as_they_went(message: Message) -> None:
    data = encode(message)
    assert decode(data) == message
    assert decode(data) == message  # now from the memo


@given(messages, st.binary(max_size=30))
def test_the_memo_answers_as_parsing_does(message: Message, tail: bytes) -> None:
    """Whatever has been decoded before, the same bytes give the same message or the same error."""
    data = encode(message)
    for candidate in (data + tail, data[: len(data) // 2] + tail, data[:-1]):
        codec._memo.clear()
        cold = outcome(candidate)
        decode(data)
        decode(data[: 4 + len(message.token)] + b"\xff\x00")
        assert outcome(candidate) == cold
        assert outcome(candidate) == cold


def outcome(data: bytes) -> Message | tuple[object, ...]:
    try:
        return decode(data)
    except CoapFormatError as error:
        return (error.problem, error.mid, error.type)


@given(st.binary(max_size=60))
@example(b"\x40\x01\x00\x07\xdd")
@example(b"\x48\x45\x00\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff")
def test_arbitrary_bytes_decode_or_raise_the_one_error(data: bytes) -> None:
    result = outcome(data)
    if isinstance(result, Message):
        assert decode(encode(result)) == result
    else:
        _, mid, type_ = result
        assert (mid is None) == (type_ is None)


def test_options_that_were_seen_before_are_not_parsed_again() -> None:
    first = decode(bytes.fromhex("48020001 0102030405060708 b464617461 026f6e ff00"))
    second = decode(bytes.fromhex("41020002 ff b464617461 026f6e ff6869"))
    assert first.options is second.options
    assert (second.token, second.payload) == (b"\xff", b"hi")


def test_many_different_options_cost_bounded_memory() -> None:
    for number in range(2 * codec._MEMO_ENTRIES):
        decode(b"\x40\x01\x00\x07\xb4" + number.to_bytes(4, "big"))
        assert len(codec._memo) <= codec._MEMO_ENTRIES


# --- against aiocoap --------------------------------------------------------------------------------------------------


def to_foreign(message: Message) -> aiocoap.Message:
    foreign = aiocoap.Message(
        _mtype=ForeignType(message.type),
        code=aiocoap.numbers.codes.Code(message.code),
        payload=message.payload,
        _token=message.token,
        _mid=message.mid,
    )
    foreign.opt = ForeignOptions()
    foreign.opt.decode(encode_options(message.options))
    return foreign


# aiocoap turns numbers into values of its own, and refuses text that is no UTF-8; these pass through it unchanged
known_values = st.one_of(
    st.tuples(st.sampled_from([1, 4, 2048, 2049, 65000]), st.binary(max_size=300)),
    st.tuples(st.sampled_from([3, 11, 15]), st.text(max_size=90).map(str.encode)),
)
values = st.lists(known_values, max_size=6).map(lambda options: tuple(sorted(options, key=lambda option: option[0])))
exchanged = st.builds(
    Message, st.integers(0, 3), codes, st.integers(0, 65535), st.binary(max_size=8), values, st.binary(max_size=40)
)


@given(exchanged)
def test_aiocoap_reads_what_we_write(message: Message) -> None:
    foreign = aiocoap.Message.decode(encode(message))
    assert (
        Message(
            int(foreign.mtype),
            int(foreign.code),
            foreign.mid,
            foreign.token,
            tuple((int(option.number), option.encode()) for option in foreign.opt.option_list()),
            foreign.payload,
        )
        == message
    )


@given(exchanged)
def test_we_read_what_aiocoap_writes(message: Message) -> None:
    assert decode(to_foreign(message).encode()) == message


@given(st.binary(min_size=4, max_size=40).map(lambda data: bytes((0x40 | data[0] & 0x38 | data[0] & 7,)) + data[1:]))
def test_what_we_take_aiocoap_takes_as_well(data: bytes) -> None:
    """We may be stricter (reserved classes, empty payloads), never more lenient."""
    try:
        message = decode(data)
    except CoapFormatError:
        return
    try:
        foreign = aiocoap.Message.decode(data)
    except (UnparsableMessage, UnicodeDecodeError, ValueError):
        assert message.options  # aiocoap looks into values: it refuses text that is no UTF-8, block sizes of 7
    else:
        assert (foreign.mid, foreign.token, foreign.payload) == (message.mid, message.token, message.payload)


# --- writing ----------------------------------------------------------------------------------------------------------


@given(st.sampled_from([Type.CON, Type.NON]), codes, option_lists, st.integers(0, 65535), st.binary(max_size=8))
def test_a_template_writes_what_encode_writes(
    type_: Type, code: int, options: codec.Options, mid: int, token: bytes
) -> None:
    template = Template(type_, code, options)
    for payload in (b"", b"\xff", b"x" * 32):
        assert template.render(mid, token, payload) == encode(Message(type_, code, mid, token, options, payload))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message(4, 1, 0), id="type"),
        pytest.param(Message(0, 256, 0), id="code"),
        pytest.param(Message(0, 0x20, 0), id="reserved class"),
        pytest.param(Message(0, 1, 65536), id="id"),
        pytest.param(Message(0, 1, 0, b"123456789"), id="token"),
        pytest.param(Message(0, 0, 0, b"1"), id="empty with token"),
        pytest.param(Message(0, 0, 0, b"", (), b"x"), id="empty with payload"),
        pytest.param(Message(0, 1, 0, b"", ((12, b""), (11, b""))), id="options out of order"),
        pytest.param(Message(0, 1, 0, b"", ((65536, b""),)), id="option number"),
        pytest.param(Message(0, 1, 0, b"", ((1, bytes(65805)),)), id="option length"),
    ],
)
def test_what_is_no_message_is_not_written(message: Message) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        encode(message)


def test_empty_messages() -> None:
    assert decode(reset(0x7777)) == Message(Type.RST, 0, 0x7777)
    assert decode(acknowledgement(1)) == Message(Type.ACK, 0, 1)


@pytest.mark.parametrize(("code", "text"), [(0x44, "2.04"), (0x01, "0.01"), (0x8D, "4.13"), (0, "0.00")])
def test_codes_are_written_with_a_dot(code: int, text: str) -> None:
    assert code_text(code) == text
