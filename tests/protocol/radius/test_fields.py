"""What gateways say survives its way, and what they say wrong counts as not said."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import words
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import (
    Accounting,
    Bearer,
    Location,
    accounting_attributes,
    accounting_of,
    bearer_attributes,
    bearer_of,
)
from simulator.protocol.radius.names import describe, dictionary, name_of
from simulator.protocol.radius.numbers import Code, Key, Status
from simulator.protocol.radius.packet import Packet, decode, encode_request

SECRET = b"s"
NUMBER = st.integers(0, 2**32 - 1)
TOLD = st.integers(1, 2**32 - 1)


def digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), st.from_regex(rf"[0-9]{{{least},{most}}}", fullmatch=True))


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(max_size=most // 4).filter(lambda text: not text or ord(text[0]) > 0x1F)


LOCATIONS = st.builds(
    Location, st.just("99999"), st.integers(0, 65535), st.one_of(st.none(), st.integers(0, 2**28 - 1))
)
BEARERS = st.builds(
    Bearer,
    imsi=digits(1, 15),
    msisdn=texts(253),
    imeisv=digits(14, 16),
    apn=texts(253),
    nas_id=texts(253),
    nas_ip=NUMBER,
    rat=st.one_of(st.none(), st.integers(0, 255)),
    home_plmn=digits(5, 6),
    serving_plmn=digits(5, 6),
    location=st.one_of(st.none(), LOCATIONS),
    timezone=st.one_of(st.none(), st.tuples(st.integers(-79, 79), st.integers(0, 2))),
    charging_id=NUMBER,
    address=NUMBER,
    source=texts(253),
).map(lambda bearer: bearer if bearer.imsi else replace(bearer, nsapi=""))
ACCOUNTINGS = st.builds(
    Accounting,
    status=st.sampled_from([Status.STOP, Status.INTERIM]),
    session_id=texts(253),
    bearer=BEARERS,
    class_=st.binary(max_size=253),
    session_time_s=NUMBER,
    octets_in=st.integers(0, 2**64 - 1),
    octets_out=st.integers(0, 2**64 - 1),
    packets_in=NUMBER,
    packets_out=NUMBER,
    cause=st.one_of(st.none(), st.sampled_from(n.Terminate)),
    last=st.booleans(),
    event_unix_s=NUMBER,
    authentic=st.one_of(st.none(), NUMBER),
)


def sent(attributes: list[tuple[Key, bytes]], code: int = Code.ACCESS_REQUEST) -> Packet:
    return decode(encode_request(code, 0, attributes, SECRET, bytes(16)))


@given(BEARERS)
def test_bearers_come_back(bearer: Bearer) -> None:
    assert bearer_of(sent(bearer_attributes(bearer))) == bearer


@given(ACCOUNTINGS)
def test_accounting_comes_back(accounting: Accounting) -> None:
    assert accounting_of(sent(accounting_attributes(accounting), Code.ACCOUNTING_REQUEST)) == accounting


def test_the_minimum_that_a_gateway_says() -> None:
    """mobile-network §1.3: 1, 4, 6, 7, 30, 31, 32, 61 and 10415/1, 3, 8, 10, 18, 20, 21, 22, 23."""
    bearer = Bearer(
        imsi="1", msisdn="2", imeisv="12345678901234", apn="a", nas_id="g", nas_ip=1, rat=9, home_plmn="99999",
        serving_plmn="99999", location=Location("99999", 1, 2), timezone=(0, 0),
    )  # fmt: skip
    keys = {key for key, _ in bearer_attributes(bearer)}
    assert keys == {1, 4, 6, 7, 30, 31, 32, 61, *((10415, key) for key in (1, 3, 8, 10, 18, 20, 21, 22, 23))}


@pytest.mark.parametrize(
    ("omitted", "missing"),
    [
        pytest.param({"imeisv": ""}, {n.IMEISV}, id="imei"),
        pytest.param({"serving_plmn": ""}, {n.SGSN_MCC_MNC}, id="plmn"),
        pytest.param({"rat": None}, {n.RAT_TYPE}, id="rat"),
        pytest.param({"location": None}, {n.USER_LOCATION_INFO}, id="location"),
        pytest.param({"timezone": None}, {n.MS_TIME_ZONE}, id="timezone"),
        pytest.param({"address": 0}, {n.FRAMED_IP_ADDRESS}, id="address"),
    ],
)
def test_what_is_left_out_is_not_there(omitted: dict[str, Any], missing: set[Key]) -> None:
    whole = Bearer(
        imsi="1", imeisv="12345678901234", rat=9, serving_plmn="99999", location=Location("99999", 1, 2),
        timezone=(0, 0), address=7,
    )  # fmt: skip
    before, after = bearer_attributes(whole), bearer_attributes(replace(whole, **omitted))
    assert {key for key, _ in before} - {key for key, _ in after} == missing
    assert [each for each in before if each[0] not in missing] == after


@pytest.mark.parametrize("imeisv", ["98999900000001", "989999000000010", "9899990000000101"])
def test_14_to_16_digits_of_hardware(imeisv: str) -> None:
    assert bearer_of(sent([(n.IMEISV, imeisv.encode())])).imeisv == imeisv


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(n.IMSI, b"", id="empty IMSI"),
        pytest.param(n.IMSI, b"1234567890123456", id="16 digits of IMSI"),
        pytest.param(n.IMSI, b"12345f", id="IMSI with a filler"),
        pytest.param(n.IMSI, "٣".encode(), id="other digits"),
        pytest.param(n.IMEISV, b"1234567890123", id="13 digits of IMEISV"),
        pytest.param(n.IMEISV, b"12345678901234567", id="17 digits of IMEISV"),
        pytest.param(n.IMSI_MCC_MNC, b"9999", id="4 digits of a network"),
        pytest.param(n.SGSN_MCC_MNC, b"\xff\xff", id="network that is no text"),
        pytest.param(n.NAS_IP_ADDRESS, b"\1\2\3", id="3 octets of an address"),
        pytest.param(n.FRAMED_IP_ADDRESS, bytes(16), id="IPv6 in an IPv4 attribute"),
        pytest.param(n.RAT_TYPE, b"", id="empty RAT"),
        pytest.param(n.RAT_TYPE, b"\0\0\0\6", id="RAT of 4 octets"),
        pytest.param(n.USER_LOCATION_INFO, b"\x82", id="location"),
        pytest.param(n.MS_TIME_ZONE, b"\x40", id="time zone"),
        pytest.param(n.CHARGING_ID, b"\1\2\3", id="charging id"),
        pytest.param(n.CALLED_STATION_ID, b"\xff", id="APN that is no text"),
    ],
)
def test_what_is_said_wrong_is_not_said(key: Key, value: bytes) -> None:
    assert bearer_of(sent([(key, value)])) == Bearer(nsapi="")


def test_the_number_that_calls_may_be_the_user() -> None:
    assert bearer_of(sent([(n.USER_NAME, b"47")])).msisdn == "47"
    assert bearer_of(sent([(n.USER_NAME, b"pco"), (n.CALLING_STATION_ID, b"47")])).msisdn == "47"


@pytest.mark.parametrize("value", [b"127.0.0.1:4711", b"\x00127.0.0.1:4711", b"\x1f127.0.0.1:4711"])
def test_a_tag_is_no_part_of_the_source(value: bytes) -> None:
    assert bearer_of(sent([(n.TUNNEL_CLIENT_ENDPOINT, value)])).source == "127.0.0.1:4711"


def test_a_restart_of_a_gateway_names_nobody() -> None:
    accounting = Accounting(status=Status.ON, bearer=Bearer(nas_id="g", nas_ip=1), authentic=None)
    keys = [key for key, _ in accounting_attributes(accounting)]
    assert keys == [n.ACCT_STATUS_TYPE, n.NAS_IDENTIFIER, n.NAS_IP_ADDRESS]


def test_only_what_has_run_is_counted() -> None:
    counters = {n.ACCT_SESSION_TIME, n.ACCT_INPUT_OCTETS, n.ACCT_OUTPUT_PACKETS}
    start, stop = ({key for key, _ in accounting_attributes(Accounting(status=each))} for each in (1, 2))
    assert not start & counters
    assert stop >= counters
    assert n.ACCT_INPUT_GIGAWORDS not in stop


@pytest.mark.parametrize(
    "wrong", [Bearer(nas_ip=2**32), Bearer(rat=256), Bearer(address=-1), Bearer(location=Location("99999"))]
)
def test_what_is_out_of_range_is_not_sent(wrong: Bearer) -> None:
    with pytest.raises(ValueError):
        bearer_attributes(wrong)


# --- names ------------------------------------------------------------------------------------------------------------


def test_terminate_causes_have_the_names_of_the_standard() -> None:
    names = dictionary().attributes["Acct-Terminate-Cause"].values
    assert {cause: names.GetBackward(int(cause).to_bytes(4, "big")) for cause in n.Terminate} == n.TERMINATE_NAMES
    assert (n.TERMINATE_NAMES[2], n.TERMINATE_NAMES[6], n.TERMINATE_NAMES[9]) == (
        "Lost-Carrier",
        "Admin-Reset",
        "NAS-Error",
    )


def test_every_attribute_that_has_a_number_has_a_name() -> None:
    """The dictionary says of every constant what its name says: IMSI is in 3GPP-IMSI, and so on."""
    keys = {name: value for name, value in vars(n).items() if name.isupper() and is_key(name, value)}
    assert len(set(keys.values())) == len(keys) > 50
    for constant, key in keys.items():
        assert constant.replace("_", "") in name_of(key).upper().replace("-", "")


def is_key(name: str, value: object) -> bool:
    values = ("VENDOR_3GPP", "VENDOR_MICROSOFT", "SERVICE_FRAMED", "PROTOCOL_GPRS_PDP_CONTEXT", "PORT_WIRELESS_OTHER")
    return type(value) in (int, tuple) and name not in (*values, "PDP_IPV4", "AUTHENTIC_RADIUS")


def test_radios_have_the_values_of_the_standard() -> None:
    assert {n.RAT_NAMES[words.RATS[rat]] for rat in ("lte", "nb-iot", "lte-m", "nr")} == {
        "EUTRAN", "EUTRAN-NB-IoT", "LTE-M", "NR",
    }  # fmt: skip
    assert set(words.RATS.values()) <= set(n.RAT_NAMES)
    named = dictionary().attributes["3GPP-RAT-Type"].values
    assert all(named.HasBackward(bytes((value,))) for value in n.RAT_NAMES)


def test_a_packet_is_described_by_name_and_hides_what_is_secret() -> None:
    packet = sent([
        (n.NAS_IP_ADDRESS, bytes((192, 0, 2, 10))), (n.IMSI, b"999"), (n.RAT_TYPE, b"\x08"), (n.RAT_TYPE, b""),
        (n.USER_PASSWORD, bytes(16)), (n.CLASS, b"\1"), (240, b"\2"), ((10415, 99), b"\3"), (n.EVENT_TIMESTAMP, b"\4"),
        (n.USER_NAME, b"\xff"),
    ])  # fmt: skip
    assert describe(packet) == [
        ("Message-Authenticator", "…"), ("NAS-IP-Address", "192.0.2.10"), ("User-Password", "…"), ("Class", "01"),
        ("240", "02"), ("Event-Timestamp", "04"), ("User-Name", "ff"), ("3GPP-IMSI", "999"),
        ("3GPP-RAT-Type", "EUTRAN-NB-IoT"), ("3GPP-RAT-Type", ""), ("10415/99", "03"),
    ]  # fmt: skip


def test_fields_have_no_secret() -> None:
    assert not {field.name for field in (*fields(Bearer), *fields(Accounting))} & {"secret", "password"}
