"""pyrad as the other end, with its own signing and its names: what we make it believes, and the other way round."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AcctPacket, AuthPacket, CoAPacket, Packet

from simulator.protocol.radius import numbers as n
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
from simulator.protocol.radius.names import dictionary
from simulator.protocol.radius.numbers import VENDOR_SPECIFIC, Code, Status, Terminate
from simulator.protocol.radius.packet import check_reply, check_request, decode, encode_reply, encode_request
from simulator.protocol.radius.password import hide_password, password_of

SECRET, OTHER = b"between two", b"somebody else's"
AUTHENTICATOR = bytes(range(50, 66))

BEARER = Bearer(
    imsi="999990000000001", msisdn="999000000000001", imeisv="9899990000000101", apn="iot.test", nas_id="pgw-sim-1",
    nas_ip=0xC000020A, rat=8, home_plmn="99999", serving_plmn="24201", location=Location("24201", 42, 0x1234501),
    timezone=(4, 0), charging_id=7, address=0x0A400011, source="127.0.0.1:4711",
)  # fmt: skip
STOP = Accounting(
    status=Status.STOP, session_id="S1", bearer=BEARER, class_=b"d:1", session_time_s=60, octets_in=5 << 32 | 1,
    octets_out=2, packets_in=3, packets_out=4, cause=Terminate.LOST_CARRIER, last=True, event_unix_s=1_700_000_000,
)  # fmt: skip
BY_NAME = {
    "User-Name": "999000000000001",
    "NAS-IP-Address": "192.0.2.10",
    "Service-Type": "Framed",
    "Framed-Protocol": "GPRS-PDP-Context",
    "Framed-IP-Address": "10.64.0.17",
    "Called-Station-Id": "iot.test",
    "Calling-Station-Id": "999000000000001",
    "NAS-Identifier": "pgw-sim-1",
    "NAS-Port-Type": "Wireless-Other",
    "Tunnel-Client-Endpoint": "127.0.0.1:4711",
    "3GPP-IMSI": "999990000000001",
    "3GPP-Charging-ID": 7,
    "3GPP-PDP-Type": "IPv4",
    "3GPP-IMSI-MCC-MNC": "99999",
    "3GPP-NSAPI": "5",
    "3GPP-SGSN-MCC-MNC": "24201",
    "3GPP-IMEISV": "9899990000000101",
    "3GPP-RAT-Type": "EUTRAN-NB-IoT",
    "3GPP-User-Location-Info": bytes.fromhex("8242f210002a42f21001234501"),
    "3GPP-MS-TimeZone": b"\x40\0",
}


def theirs(kind: type, code: int, secret: bytes = SECRET, **more):
    return kind(code=code, id=77, secret=secret, dict=dictionary(), **more)


# --- we ask, pyrad reads and answers ----------------------------------------------------------------------------------


def test_pyrad_reads_our_login_and_answers() -> None:
    attributes = [*bearer_attributes(BEARER), (n.USER_PASSWORD, hide_password("pin", SECRET, AUTHENTICATOR))]
    data = encode_request(Code.ACCESS_REQUEST, 5, attributes, SECRET, AUTHENTICATOR)
    read = AuthPacket(secret=SECRET, dict=dictionary(), packet=data)
    assert read.verify_message_authenticator()
    assert not read.verify_message_authenticator(secret=OTHER)
    assert {name: read[name][0] for name in BY_NAME} == BY_NAME
    assert read.PwDecrypt(read["User-Password"][0]) == "pin"

    answer = read.CreateReply(Framed_IP_Address="10.64.0.17", Class=b"d:1", Acct_Interim_Interval=600)
    reply = decode(answer.ReplyPacket())
    assert (reply.code, reply.id) == (Code.ACCESS_ACCEPT, 5)
    assert (reply.ipv4(n.FRAMED_IP_ADDRESS), reply.first(n.CLASS)) == (0x0A400011, b"d:1")
    assert reply.number(n.ACCT_INTERIM_INTERVAL) == 600
    assert check_reply(reply, AUTHENTICATOR, SECRET, require=True) is None
    assert check_reply(reply, AUTHENTICATOR, OTHER, require=True) == WRONG_AUTHENTICATOR
    assert check_reply(reply, bytes(16), SECRET, require=True) == WRONG_AUTHENTICATOR


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_pyrad_reads_our_accounting_and_answers(signed: bool) -> None:
    data = encode_request(Code.ACCOUNTING_REQUEST, 6, accounting_attributes(STOP), SECRET, message_authenticator=signed)
    read = AcctPacket(secret=SECRET, dict=dictionary(), packet=data)
    assert read.VerifyAcctRequest()
    assert not signed or read.verify_message_authenticator()
    assert not AcctPacket(secret=OTHER, dict=dictionary(), packet=data).VerifyAcctRequest()
    names = ("Acct-Status-Type", "Acct-Terminate-Cause", "Acct-Input-Gigawords", "Acct-Input-Octets", "Class")
    assert [read[name][0] for name in names] == ["Stop", "Lost-Carrier", 5, 1, b"d:1"]
    assert read["3GPP-Session-Stop-Indicator"] == [b"\xff"]

    reply = decode(read.CreateReply(message_authenticator=signed).ReplyPacket())
    assert (reply.code, n.MESSAGE_AUTHENTICATOR in reply.attributes) == (Code.ACCOUNTING_RESPONSE, signed)
    assert check_reply(reply, data[4:20], SECRET, require=True) is None
    assert check_reply(reply, data[4:20], OTHER, require=True) == WRONG_AUTHENTICATOR


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("answer", [Code.DISCONNECT_ACK, Code.DISCONNECT_NAK])
def test_pyrad_reads_our_disconnect_and_answers(signed: bool, answer: int) -> None:
    said = [(n.IMSI, b"999"), (n.ACCT_SESSION_ID, b"S1"), (n.TEARDOWN_INDICATOR, b"\1")]
    data = encode_request(Code.DISCONNECT_REQUEST, 7, said, SECRET, message_authenticator=signed)
    read = CoAPacket(secret=SECRET, dict=dictionary(), packet=data)
    assert read.VerifyCoARequest()
    assert not signed or read.verify_message_authenticator()
    assert (read["3GPP-IMSI"], read["3GPP-Teardown-Indicator"]) == (["999"], [b"\1"])

    made = read.CreateReply(Error_Cause="Session-Context-Not-Found", message_authenticator=signed)
    made.code = answer
    reply = decode(made.ReplyPacket())
    assert (reply.code, reply.number(n.ERROR_CAUSE)) == (answer, n.ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    assert check_reply(reply, data[4:20], SECRET, require=True) is None
    assert check_reply(reply, bytes(16), SECRET, require=True) == WRONG_AUTHENTICATOR


# --- pyrad asks, we read and answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("code", [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT])
def test_we_read_the_login_of_pyrad_and_answer(signed: bool, code: int) -> None:
    asked = theirs(AuthPacket, Code.ACCESS_REQUEST, authenticator=AUTHENTICATOR)
    for name, value in BY_NAME.items():
        asked.AddAttribute(name, value)
    asked["User-Password"] = asked.PwCrypt("pin")
    asked["Proxy-State"] = [b"first", b"second"]
    if signed:
        asked.add_message_authenticator()
    read = decode(asked.RequestPacket())
    assert bearer_of(read) == BEARER
    assert password_of(read, SECRET) == "pin"
    assert check_request(read, SECRET, require=True) == (None if signed else MISSING_MESSAGE_AUTHENTICATOR)
    assert check_request(read, OTHER, require=False) == (WRONG_MESSAGE_AUTHENTICATOR if signed else None)

    data = encode_reply(code, read, [(n.FRAMED_IP_ADDRESS, bytes((10, 64, 0, 17)))], SECRET)
    reply = asked.CreateReply(packet=data)
    assert asked.VerifyReply(reply, data, enforce_ma=True)
    assert reply["Framed-IP-Address"] == ["10.64.0.17"]
    assert reply["Proxy-State"] == [b"first", b"second"]
    forged = encode_reply(code, read, [], OTHER)
    assert not asked.VerifyReply(asked.CreateReply(packet=forged), forged)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_we_read_the_accounting_of_pyrad_and_answer(signed: bool) -> None:
    asked = theirs(AcctPacket, Code.ACCOUNTING_REQUEST, message_authenticator=signed or None)
    for name, value in {
        **{name: BY_NAME[name] for name in BY_NAME if name not in ("User-Name", "Service-Type", "3GPP-PDP-Type")},
        "Acct-Status-Type": "Stop", "Acct-Session-Id": "S1", "Class": b"d:1", "Acct-Session-Time": 60,
        "Acct-Input-Octets": 1, "Acct-Output-Octets": 2, "Acct-Input-Gigawords": 5, "Acct-Input-Packets": 3,
        "Acct-Output-Packets": 4, "Acct-Terminate-Cause": "Lost-Carrier", "Event-Timestamp": 1_700_000_000,
        "Acct-Authentic": "RADIUS", "3GPP-Session-Stop-Indicator": b"\xff",
    }.items():  # fmt: skip
        asked.AddAttribute(name, value)
    read = decode(asked.RequestPacket())
    assert (n.MESSAGE_AUTHENTICATOR in read.attributes) is signed
    assert accounting_of(read) == STOP
    assert check_request(read, SECRET, require=True) is None
    assert check_request(read, OTHER, require=True) == WRONG_AUTHENTICATOR

    for with_signature in (True, False):
        data = encode_reply(Code.ACCOUNTING_RESPONSE, read, [], SECRET, message_authenticator=with_signature)
        assert asked.VerifyReply(asked.CreateReply(packet=data), data)
    forged = encode_reply(Code.ACCOUNTING_RESPONSE, read, [], OTHER)
    assert not asked.VerifyReply(asked.CreateReply(packet=forged), forged)


@pytest.mark.parametrize("kind", [AuthPacket, AcctPacket])
def test_we_read_the_status_server_of_pyrad_and_answer(kind: type) -> None:
    asked = theirs(kind, Code.STATUS_SERVER, authenticator=AUTHENTICATOR, message_authenticator=True)
    read = decode(asked.RequestPacket())
    assert check_request(read, SECRET, require=False) is None
    assert check_request(read, OTHER, require=False) == WRONG_MESSAGE_AUTHENTICATOR
    code = Code.ACCESS_ACCEPT if kind is AuthPacket else Code.ACCOUNTING_RESPONSE
    data = encode_reply(code, read, [], SECRET)
    assert asked.VerifyReply(asked.CreateReply(packet=data), data, enforce_ma=True)


@pytest.mark.parametrize("code", [Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_we_read_the_disconnect_of_pyrad_and_answer(code: int, signed: bool) -> None:
    asked = theirs(CoAPacket, code, message_authenticator=signed or None)
    asked.AddAttribute("3GPP-IMSI", "999")
    read = decode(asked.RequestPacket())
    assert bearer_of(read).imsi == "999"
    assert check_request(read, SECRET, require=True) is None
    assert check_request(read, OTHER, require=True) == WRONG_AUTHENTICATOR
    for answer in (code + 1, code + 2):
        data = encode_reply(answer, read, [(n.ERROR_CAUSE, (503).to_bytes(4, "big"))], SECRET)
        reply = asked.CreateReply(packet=data)
        assert asked.VerifyReply(reply, data)
        assert (reply.code, reply["Error-Cause"]) == (answer, ["Session-Context-Not-Found"])


# --- the same bytes, taken apart by both -----------------------------------------------------------------------

ATTRIBUTES = st.lists(
    st.tuples(st.integers(1, 255).filter(lambda kind: kind != VENDOR_SPECIFIC), st.binary(max_size=253)), max_size=12
)


@given(code=st.integers(0, 255), attributes=ATTRIBUTES, vendor=st.lists(st.binary(min_size=1, max_size=40), max_size=3))
def test_both_take_a_packet_apart_alike(code, attributes, vendor) -> None:
    """Vendor-Specific attributes too, as long as their insides are what 3GPP makes of them."""
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    for value in vendor:
        inner = (10415).to_bytes(4, "big") + bytes((22, len(value) + 2)) + value
        body += bytes((VENDOR_SPECIFIC, len(inner) + 2)) + inner
    data = bytes((code, 7)) + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body
    theirs = Packet(code, 7, packet=data, dict=dictionary())
    ours = decode(data)
    assert {key: list(values) for key, values in ours.attributes.items()} == dict(OrderedDict.items(theirs))
