"""Packets survive their way, whatever is in them, and whoever has touched them on it is found out."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.errors import (
    BROKEN_ATTRIBUTE,
    KINDS,
    MISSING_MESSAGE_AUTHENTICATOR,
    SIGNATURES,
    TOO_LONG,
    TOO_SHORT,
    WRONG_LENGTH,
    WRONG_MESSAGE_AUTHENTICATOR,
    RadiusError,
)
from simulator.protocol.radius.fields import accounting_of, bearer_of
from simulator.protocol.radius.names import describe
from simulator.protocol.radius.numbers import Code, Key
from simulator.protocol.radius.packet import (
    Packet,
    check_reply,
    check_request,
    decode,
    encode_reply,
    encode_request,
)
from simulator.protocol.radius.password import hide_password, password_of

SECRET = b"between two"
AUTHENTICATOR = bytes(range(100, 116))
REQUESTS = [Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER, Code.DISCONNECT_REQUEST, Code.COA_REQUEST]
REPLIES = [
    (Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT),
    (Code.ACCESS_REQUEST, Code.ACCESS_REJECT),
    (Code.ACCESS_REQUEST, Code.ACCESS_CHALLENGE),
    (Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE),
    (Code.STATUS_SERVER, Code.ACCESS_ACCEPT),
    (Code.STATUS_SERVER, Code.ACCOUNTING_RESPONSE),
    (Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK),
    (Code.DISCONNECT_REQUEST, Code.DISCONNECT_NAK),
    (Code.COA_REQUEST, Code.COA_ACK),
    (Code.COA_REQUEST, Code.COA_NAK),
]

PLAIN = st.sampled_from([key for key in range(1, 256) if key not in (n.VENDOR_SPECIFIC, n.MESSAGE_AUTHENTICATOR)])
VENDORS = st.tuples(st.sampled_from([n.VENDOR_3GPP, n.VENDOR_MICROSOFT]), st.integers(0, 255))
ATTRIBUTES = st.lists(
    st.one_of(st.tuples(PLAIN, st.binary(max_size=253)), st.tuples(VENDORS, st.binary(max_size=247))), max_size=12
)


def request(
    code: int = Code.ACCESS_REQUEST, attributes: list[tuple[Key, bytes]] | None = None, signed: bool = True
) -> bytes:
    said = [(n.NAS_IDENTIFIER, b"here"), (n.IMSI, b"1"), (n.IMSI, b"2")] if attributes is None else attributes
    return encode_request(code, 9, said, SECRET, AUTHENTICATOR, message_authenticator=signed)


def packet(body: str | bytes, *, code: int = 1, length: int | None = None) -> bytes:
    content = bytes.fromhex(body) if isinstance(body, str) else body
    return bytes((code, 7)) + (20 + len(content) if length is None else length).to_bytes(2, "big") + bytes(16) + content


def said(decoded: Packet) -> dict[Key, list[bytes]]:
    return {key: list(values) for key, values in decoded.attributes.items() if key != n.MESSAGE_AUTHENTICATOR}


def grouped(attributes: list[tuple[Key, bytes]]) -> dict[Key, list[bytes]]:
    together: dict[Key, list[bytes]] = {}
    for key, value in attributes:
        together.setdefault(key, []).append(value)
    return together


# --- there and back ---------------------------------------------------------------------------------------------------


@given(st.sampled_from(REQUESTS), st.integers(0, 255), ATTRIBUTES, st.booleans(), st.binary(min_size=1, max_size=40))
def test_requests_come_back(
    code: int, number: int, attributes: list[tuple[Key, bytes]], signed: bool, secret: bytes
) -> None:
    data = encode_request(code, number, attributes, secret, AUTHENTICATOR, message_authenticator=signed)
    decoded = decode(data + b"padding")
    assert (decoded.code, decoded.id, decoded.raw, said(decoded)) == (code, number, data, grouped(attributes))
    assert decoded.authenticator == data[4:20]
    if signed:
        assert data[20:22] == b"\x50\x12"  # before everything else (mobile-network §0)
    if signed or code != Code.STATUS_SERVER:
        assert check_request(decoded, secret, require=signed) is None


@given(st.sampled_from(REPLIES), ATTRIBUTES, st.booleans(), st.binary(min_size=1, max_size=40))
def test_replies_come_back(
    codes: tuple[int, int], attributes: list[tuple[Key, bytes]], signed: bool, secret: bytes
) -> None:
    asked = decode(encode_request(codes[0], 200, [(n.NAS_IDENTIFIER, b"here")], secret, AUTHENTICATOR))
    data = encode_reply(codes[1], asked, attributes, secret, message_authenticator=signed)
    decoded = decode(data)
    assert (decoded.code, decoded.id, said(decoded)) == (codes[1], 200, grouped(attributes))
    assert check_reply(decoded, asked.authenticator, secret, require=signed) is None


@given(st.lists(st.binary(max_size=253), min_size=1, max_size=10))
def test_a_reply_gives_back_the_proxy_states_in_their_order(states: list[bytes]) -> None:
    asked = decode(request(attributes=[(n.PROXY_STATE, state) for state in states]))
    reply = decode(encode_reply(Code.ACCESS_REJECT, asked, [(n.REPLY_MESSAGE, b"no")], SECRET))
    assert said(reply) == {n.REPLY_MESSAGE: [b"no"], n.PROXY_STATE: states}


def test_proxy_states_that_leave_no_room_get_no_reply() -> None:
    states = [(n.PROXY_STATE, bytes(253))] * 15 + [(n.PROXY_STATE, bytes(229))]
    data = request(attributes=states)
    assert len(data) <= 4096
    with pytest.raises(RadiusError, match=r"4\d\d\d octets; 4096 is the most") as caught:
        encode_reply(Code.ACCESS_ACCEPT, decode(data), [(n.CLASS, bytes(200))], SECRET)
    assert caught.value.kind == TOO_LONG


# --- what is no packet ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"", TOO_SHORT, id="nothing"),
        pytest.param(packet("")[:19], TOO_SHORT, id="half a header"),
        pytest.param(packet("", length=19), WRONG_LENGTH, id="Length below the header"),
        pytest.param(packet("", length=21), WRONG_LENGTH, id="Length beyond the datagram"),
        pytest.param(packet("0103 61")[:-1], WRONG_LENGTH, id="truncated datagram"),
        pytest.param(packet(b"\x19\xff" + bytes(253)) + bytes(5000), None, id="padding of 5 000 octets"),
        pytest.param(packet(bytes((25, 255, *bytes(253))) * 16), TOO_LONG, id="4 100 octets"),
        pytest.param(packet("", length=0xFFFF), TOO_LONG, id="Length 65 535"),
        pytest.param(
            packet(bytes((25, 255, *bytes(253))) * 15 + bytes((25, 251, *bytes(249)))), None, id="4 096 octets"
        ),
        pytest.param(packet("01"), BROKEN_ATTRIBUTE, id="a type without a length"),
        pytest.param(packet("0100"), BROKEN_ATTRIBUTE, id="attribute of 0 octets"),
        pytest.param(packet("0101"), BROKEN_ATTRIBUTE, id="attribute of 1 octet"),
        pytest.param(packet("0102"), None, id="attribute without a value"),
        pytest.param(packet("0104 61"), BROKEN_ATTRIBUTE, id="attribute beyond the packet"),
        pytest.param(packet("0104 61", length=23) + b"61", BROKEN_ATTRIBUTE, id="attribute that ends in the padding"),
        pytest.param(packet("0103 61 05"), BROKEN_ATTRIBUTE, id="one octet too many"),
    ],
)
def test_lengths(data: bytes, kind: str | None) -> None:
    if kind is None:
        assert decode(data).code == 1
        return
    with pytest.raises(RadiusError) as caught:
        decode(data)
    assert caught.value.kind == kind
    assert str(caught.value).startswith(f"{kind}: ")


WHOLE = "whole"


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        pytest.param("000028af 0103 31", {n.IMSI: [b"1"]}, id="one"),
        pytest.param("000028af 0103 31 1503 08", {n.IMSI: [b"1"], n.RAT_TYPE: [b"\x08"]}, id="two in one"),
        pytest.param("000028af 0102", {n.IMSI: [b""]}, id="without a value"),
        pytest.param("000028af 0103 31 0103 32", {n.IMSI: [b"1", b"2"]}, id="twice the same"),
        pytest.param("000028af", WHOLE, id="nothing inside"),
        pytest.param("000028", WHOLE, id="no vendor"),
        pytest.param("", WHOLE, id="empty"),
        pytest.param("000028af 01", WHOLE, id="a type without a length"),
        pytest.param("000028af 0104 31", WHOLE, id="longer than what it is in"),
        pytest.param("000028af 0100 31", WHOLE, id="of 0 octets"),
        pytest.param("000028af 0101 31", WHOLE, id="of 1 octet"),
        pytest.param("000028af 0103 31 01", WHOLE, id="one octet too many"),
        pytest.param("0000270f 0103 31", WHOLE, id="another vendor"),
    ],
)
@pytest.mark.parametrize("again", ["new", "known"])
def test_vendor_attributes(value: str, inside: dict[Key, list[bytes]] | str, again: str) -> None:
    """What is broken or foreign stays whole, and the packet is one all the same (RFC 2865 §5.26)."""
    content = bytes.fromhex(value)
    decoded = decode(packet(bytes((26, 2 + len(content))) + content))
    assert decoded.attributes == ({n.VENDOR_SPECIFIC: [content]} if inside == WHOLE else inside)


def test_what_is_remembered_of_vendor_attributes_has_an_end() -> None:
    for number in range(3000):
        value = b"\0\0\x28\xaf\x02\x06" + number.to_bytes(4, "big")
        assert decode(packet(b"\x1a\x0c" + value)).number(n.CHARGING_ID) == number


def test_the_beginning_of_a_remembered_vendor_attribute_is_broken_all_the_same() -> None:
    content = bytes.fromhex("000028af 0206 00000007")
    assert decode(packet(b"\x1a\x0c" + content)).attributes == {n.CHARGING_ID: [content[6:]]}
    for size in range(len(content)):
        decoded = decode(packet(bytes((26, 2 + size)) + content[:size]))
        assert decoded.attributes == {n.VENDOR_SPECIFIC: [content[:size]]}


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(packet)))
def test_arbitrary_bytes_are_a_packet_or_an_error(data: bytes) -> None:
    read(data)


@given(ATTRIBUTES, st.data())
def test_damaged_packets_are_a_packet_or_an_error(attributes: list[tuple[Key, bytes]], draw: st.DataObject) -> None:
    data = bytearray(request(draw.draw(st.sampled_from(REQUESTS)), attributes, draw.draw(st.booleans())))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    read(bytes(data))
    read(bytes(data[: draw.draw(st.integers(0, len(data)))]))


def read(data: bytes) -> None:
    """Everything that reads a packet; it may raise RadiusError and nothing else."""
    decoded = attempt(lambda: decode(data), KINDS)
    if decoded is None:
        return
    assert check_request(decoded, SECRET, require=True) in (None, *SIGNATURES)
    assert check_reply(decoded, AUTHENTICATOR, SECRET, require=True) in (None, *SIGNATURES)
    bearer_of(decoded)
    accounting_of(decoded)
    describe(decoded)
    assert decode(encode_reply(Code.ACCESS_REJECT, decoded, [], SECRET)).id == decoded.id
    attempt(lambda: password_of(decoded, SECRET), (BROKEN_ATTRIBUTE,))


def attempt(call: Callable[[], Any], kinds: tuple[str, ...]) -> Any:
    """What the call returns; None if it raises RadiusError of one of these kinds."""
    try:
        return call()
    except RadiusError as error:
        if error.kind not in kinds:
            raise
        return None


# --- what is not believed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", REQUESTS)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_request_with_any_bit_turned_is_not_believed(code: int, signed: bool) -> None:
    data = request(code, signed=signed)
    for bit in range(len(data) * 8):
        turned = with_bit_turned(data, bit)
        try:
            decoded = decode(turned)
        except RadiusError:
            continue
        assert check_request(decoded, SECRET, require=True) in SIGNATURES, f"bit {bit % 8} of octet {bit // 8}"


@pytest.mark.parametrize("codes", REPLIES)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_reply_with_any_bit_turned_is_not_believed(codes: tuple[int, int], signed: bool) -> None:
    asked = decode(request(codes[0]))
    data = encode_reply(codes[1], asked, [(n.REPLY_MESSAGE, b"no")], SECRET, message_authenticator=signed)
    for bit in range(len(data) * 8):
        try:
            decoded = decode(with_bit_turned(data, bit))
        except RadiusError:
            continue
        assert check_reply(decoded, asked.authenticator, SECRET, require=False) in SIGNATURES


@pytest.mark.parametrize("code", REQUESTS)
def test_another_secret_is_not_believed(code: int) -> None:
    assert check_request(decode(request(code)), b"another", require=False) in SIGNATURES


@pytest.mark.parametrize("codes", REPLIES)
def test_a_reply_to_another_request_is_not_believed(codes: tuple[int, int]) -> None:
    reply = decode(encode_reply(codes[1], decode(request(codes[0])), [], SECRET))
    assert check_reply(reply, bytes(16), SECRET, require=False) in SIGNATURES


@pytest.mark.parametrize(
    ("code", "require", "problem"),
    [
        pytest.param(Code.ACCESS_REQUEST, True, MISSING_MESSAGE_AUTHENTICATOR, id="login"),
        pytest.param(Code.ACCESS_REQUEST, False, None, id="login, under never"),
        pytest.param(
            Code.STATUS_SERVER, False, MISSING_MESSAGE_AUTHENTICATOR, id="Status-Server, always (RFC 5997 §3)"
        ),
        pytest.param(Code.ACCOUNTING_REQUEST, True, None, id="accounting is signed by its authenticator"),
        pytest.param(Code.DISCONNECT_REQUEST, True, None, id="so is a disconnect"),
    ],
)
def test_requests_without_message_authenticator(code: int, require: bool, problem: str | None) -> None:
    assert check_request(decode(request(code, signed=False)), SECRET, require) == problem


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        ((Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT), MISSING_MESSAGE_AUTHENTICATOR),
        ((Code.ACCESS_REQUEST, Code.ACCESS_REJECT), MISSING_MESSAGE_AUTHENTICATOR),
        ((Code.ACCESS_REQUEST, Code.ACCESS_CHALLENGE), MISSING_MESSAGE_AUTHENTICATOR),
        ((Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE), None),
        ((Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK), None),
    ],
)
def test_replies_without_message_authenticator(codes: tuple[int, int], problem: str | None) -> None:
    asked = decode(request(codes[0]))
    reply = decode(encode_reply(codes[1], asked, [], SECRET, message_authenticator=False))
    assert check_reply(reply, asked.authenticator, SECRET, require=True) == problem
    assert check_reply(reply, asked.authenticator, SECRET, require=False) is None


@pytest.mark.parametrize("body", ["5002", "5006 00000000", "5013" + 17 * "00", 2 * ("5012" + 16 * "00")])
def test_a_message_authenticator_of_a_wrong_form_is_wrong(body: str) -> None:
    assert check_request(decode(packet(body)), SECRET, require=False) == WRONG_MESSAGE_AUTHENTICATOR


@pytest.mark.parametrize(
    ("before", "behind", "problem"),
    [
        pytest.param("0103 61", "1a09 000028af 0103 31", None, id="in the middle"),
        pytest.param("0104 5012", "", None, id="behind what looks like one"),
        pytest.param("", "5012" + 16 * "00", WRONG_MESSAGE_AUTHENTICATOR, id="twice (RFC 3579 §3.2)"),
    ],
)
def test_a_message_authenticator_of_somebody_else(before: str, behind: str, problem: str | None) -> None:
    """Only we put it first; radclient does not."""
    head, tail = bytes.fromhex(before), bytes.fromhex(behind)
    blank = packet(head + b"\x50\x12" + bytes(16) + tail)
    at = 22 + len(head)
    data = blank[:at] + hmac.digest(SECRET, blank, "md5") + blank[at + 16 :]
    assert check_request(decode(data), SECRET, require=True) == problem


def with_bit_turned(data: bytes, bit: int) -> bytes:
    turned = bytearray(data)
    turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)


# --- our own mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: encode_request(256, 0, [], SECRET), id="code"),
        pytest.param(lambda: encode_request(4, 256, [], SECRET), id="id"),
        pytest.param(lambda: encode_request(1, 0, [], SECRET), id="no authenticator"),
        pytest.param(lambda: encode_request(1, 0, [], SECRET, bytes(15)), id="short authenticator"),
        pytest.param(lambda: encode_request(4, 0, [(256, b"")], SECRET), id="attribute"),
        pytest.param(lambda: encode_request(4, 0, [((10415, 256), b"")], SECRET), id="vendor attribute"),
        pytest.param(lambda: encode_request(4, 0, [(1, bytes(254))], SECRET), id="long value"),
        pytest.param(lambda: encode_request(4, 0, [((10415, 1), bytes(248))], SECRET), id="long vendor value"),
        pytest.param(lambda: encode_request(4, 0, [(80, bytes(16))], SECRET), id="a signature of the caller's"),
        pytest.param(lambda: encode_request(4, 0, [(25, bytes(253))] * 17, SECRET), id="long packet"),
        pytest.param(lambda: encode_reply(2, decode(request()), [(25, bytes(253))] * 17, SECRET), id="long reply"),
        pytest.param(lambda: hide_password(129 * "x", SECRET, AUTHENTICATOR), id="long password"),
    ],
)
def test_what_cannot_be_sent_is_said_at_once(wrong) -> None:
    with pytest.raises(ValueError):
        wrong()


def test_values_of_other_lengths_are_no_numbers() -> None:
    decoded = decode(packet("0405 c00002 0803 61 1602 1804 0001 1906 00000007 2003 ff"))
    assert (decoded.ipv4(4), decoded.ipv4(8), decoded.number(4), decoded.number(22)) == (None, None, None, None)
    assert (decoded.number(8), decoded.number(24), decoded.number(25), decoded.number(99)) == (0x61, 1, 7, None)
    assert (decoded.text(32), decoded.text(99), decoded.first(99), decoded.first(22)) == ("", "", None, b"")


def test_a_packet_in_a_log_gives_nothing_away() -> None:
    assert repr(decode(request())) == "Packet(code=1, id=9, 62 octets)"
