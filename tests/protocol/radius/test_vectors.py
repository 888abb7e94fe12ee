"""Packets of the fact sheets, byte for byte, both ways (mobile-network §1.11, span §A.5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.protocol.radius.errors import (
    MISSING_MESSAGE_AUTHENTICATOR,
    WRONG_AUTHENTICATOR,
    WRONG_MESSAGE_AUTHENTICATOR,
)
from simulator.protocol.radius.fields import (
    Accounting,
    Bearer,
    Location,
    accounting_attributes,
    accounting_of,
    bearer_attributes,
    bearer_of,
)
from simulator.protocol.radius.numbers import MESSAGE_AUTHENTICATOR, Code, Status
from simulator.protocol.radius.packet import check_reply, check_request, decode, encode_reply, encode_request
from simulator.protocol.radius.password import hide_password, password_of

VECTORS: dict[str, dict[str, Any]] = {
    vector["name"]: vector
    for vector in json.loads(
        (Path(__file__).parents[2] / "vectors" / "radius_packets.json").read_text(encoding="utf-8")
    )
}
SECRET = b"xyzzy5461"
AUTHENTICATOR = bytes(range(16))

BEARER = Bearer(
    imsi="999990000000001",
    msisdn="999000000000001",
    imeisv="9899990000000101",
    apn="iot.test",
    nas_id="pgw-sim-1",
    nas_ip=0xC000020A,
    rat=8,
    home_plmn="99999",
    serving_plmn="99999",
    location=Location("99999", 42, 0x1234501),
    timezone=(4, 0),
)
START = Accounting(
    status=Status.START,
    session_id="0A400011-00000001",
    authentic=None,
    bearer=Bearer(
        imsi="999990000000001",
        msisdn="999000000000001",
        imeisv="9899990000000101",
        apn="iot.test",
        nas_id="pgw-sim-1",
        address=0x0A400011,
        nsapi="",
    ),
)


def bytes_of(name: str) -> bytes:
    return bytes.fromhex(VECTORS[name]["bytes"])


def test_a_login() -> None:
    vector = bytes_of("Access-Request of a gateway")
    assert len(vector) == 251
    made = encode_request(Code.ACCESS_REQUEST, 42, bearer_attributes(BEARER), SECRET, AUTHENTICATOR)
    assert made.hex() == vector.hex()
    packet = decode(vector)
    assert (packet.code, packet.id, packet.authenticator) == (1, 42, AUTHENTICATOR)
    assert bearer_of(packet) == BEARER
    assert check_request(packet, SECRET, require=True) is None
    assert check_request(packet, b"other", require=False) == WRONG_MESSAGE_AUTHENTICATOR


def test_the_start_of_a_session() -> None:
    vector = bytes_of("Accounting-Request Start")
    assert len(vector) == 136
    made = encode_request(
        Code.ACCOUNTING_REQUEST, 43, accounting_attributes(START), SECRET, message_authenticator=False
    )
    assert made.hex() == vector.hex()
    packet = decode(vector)
    assert accounting_of(packet) == START
    assert check_request(packet, SECRET, require=True) is None
    assert check_request(packet, b"other", require=True) == WRONG_AUTHENTICATOR


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if "answers" in vector])
def test_answers(name: str) -> None:
    vector = VECTORS[name]
    data, secret = bytes_of(name), vector["secret"].encode()
    request = decode(bytes_of(vector["answers"]))
    attributes = [(key, bytes.fromhex(value)) for key, value in vector["attributes"]]
    packet = decode(data)
    signed = MESSAGE_AUTHENTICATOR in packet.attributes
    assert encode_reply(data[0], request, attributes, secret, message_authenticator=signed).hex() == data.hex()
    assert [(key, value) for key, [value] in packet.attributes.items() if key != MESSAGE_AUTHENTICATOR] == attributes
    assert check_reply(packet, request.authenticator, secret, require=signed) is None
    assert check_reply(packet, request.authenticator, b"other", require=False) == WRONG_AUTHENTICATOR
    assert check_reply(packet, bytes(16), secret, require=False) == WRONG_AUTHENTICATOR


def test_a_login_that_nobody_has_signed() -> None:
    """Span §A.5, under `never`; whoever requires a signature does not believe it."""
    packet = decode(bytes_of("Access-Request, unsigned"))
    assert bearer_of(packet) == Bearer(
        imsi="242016000000001",
        msisdn="4712345678",
        imeisv="3534561234567801",
        nas_id="NAS01",
        nas_ip=0xC0A80001,
        home_plmn="24201",
        location=Location("24201", 0x9DD1, 16964199),
        timezone=(4, 0),
        nsapi="",
    )
    assert check_request(packet, b"secret", require=False) is None
    assert check_request(packet, b"secret", require=True) == MISSING_MESSAGE_AUTHENTICATOR
    reply = decode(bytes_of("Access-Accept, unsigned"))
    assert check_reply(reply, packet.authenticator, b"secret", require=True) == MISSING_MESSAGE_AUTHENTICATOR


def test_a_password() -> None:
    hidden = hide_password("x", SECRET, AUTHENTICATOR)
    assert hidden.hex() == "3801eae8ce164afc53c96a316a88996b"
    packet = decode(encode_request(Code.ACCESS_REQUEST, 1, [(2, hidden)], SECRET, AUTHENTICATOR))
    assert password_of(packet, SECRET) == "x"
    assert password_of(packet, b"other") != "x"
