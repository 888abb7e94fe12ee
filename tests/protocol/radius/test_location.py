"""Networks, cells and time zones in 3GPP's octets (mobile-network §1.5, span §6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol.radius.location import (
    Location,
    decode_location,
    decode_plmn,
    decode_timezone,
    encode_location,
    encode_plmn,
    encode_timezone,
)

PLMNS = st.from_regex(r"[0-9]{5,6}", fullmatch=True)
TACS = st.integers(0, (1 << 16) - 1)
CELLS = st.integers(0, (1 << 28) - 1)
NCGI_CELL = 0x123456789


@pytest.mark.parametrize(
    ("plmn", "octets"), [("00101", "00f110"), ("99999", "99f999"), ("24201", "42f210"), ("310410", "130014")]
)
def test_networks(plmn: str, octets: str) -> None:
    assert encode_plmn(plmn).hex() == octets
    assert decode_plmn(bytes.fromhex(octets)) == plmn


@given(PLMNS)
def test_networks_come_back(plmn: str) -> None:
    assert decode_plmn(encode_plmn(plmn)) == plmn


@pytest.mark.parametrize("octets", ["", "42f2", "42f21000", "f2f210", "4ff210", "42ff10", "42fa10", "42f2f0", "42f20a"])
def test_octets_that_are_no_network(octets: str) -> None:
    assert decode_plmn(bytes.fromhex(octets)) is None


@pytest.mark.parametrize("plmn", ["", "2420", "2420123", "2420a", "٢٤٢٠١"])
def test_what_is_no_network_is_not_sent(plmn: str) -> None:
    with pytest.raises(ValueError, match="no network"):
        encode_plmn(plmn)


@pytest.mark.parametrize(
    ("octets", "location"),
    [
        pytest.param("82 99f999 002a 99f999 01234501", Location("99999", 42, 19_088_641), id="§1.5"),
        pytest.param("82 42f210 9dd1 42f210 0102da67", Location("24201", 0x9DD1, 16_964_199), id="span §6"),
        pytest.param("80 130014 002a", Location("310410", 42), id="TAI"),
        pytest.param("81 99f999 01234501", Location("99999", None, 0x1234501), id="ECGI"),
    ],
)
def test_locations_both_ways(octets: str, location: Location) -> None:
    assert decode_location(bytes.fromhex(octets)) == location
    assert encode_location(location) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("octets", "location"),
    [
        pytest.param("00 99f999 1234 5678", Location("99999", 0x1234, 0x5678), id="CGI"),
        pytest.param("01 99f999 1234 5678", Location("99999", 0x1234), id="SAI: a service area is no cell"),
        pytest.param("02 99f999 1234 56ff", Location("99999", 0x1234), id="RAI"),
        pytest.param("81 99f999 f1234501", Location("99999", None, 0x1234501), id="ECGI, spare bits set"),
        pytest.param("82 99f999 002a 42f210 01234501", Location("99999", 42, 0x1234501), id="two networks"),
        pytest.param("83 99f999 012345", Location("99999"), id="eNodeB"),
        pytest.param("84 99f999 002a 99f999 012345", Location("99999", 42), id="TAI and eNodeB"),
        pytest.param("85 99f999 012345", Location("99999"), id="extended eNodeB"),
        pytest.param("86 99f999 002a 99f999 012345", Location("99999", 42), id="TAI and extended eNodeB"),
        pytest.param("87 99f999 f123456789", Location("99999", None, NCGI_CELL), id="NCGI"),
        pytest.param("88 99f999 00002a", Location("99999", 42), id="5GS TAI"),
        pytest.param("89 99f999 00002a 99f999 0123456789", Location("99999", 42, NCGI_CELL), id="5GS TAI and NCGI"),
        pytest.param("82 99f999 002a 99f999 01234501 ff", Location("99999", 42, 0x1234501), id="more than needed"),
        pytest.param("", None, id="nothing"),
        pytest.param("82", None, id="type alone"),
        pytest.param("82 99f999 002a 99f999 012345", None, id="an octet is missing"),
        pytest.param("80 99f999 00", None, id="half an area"),
        pytest.param("00 99f999 1234 56", None, id="half a cell"),
        pytest.param("87 99f999 01234567", None, id="half an NCGI"),
        pytest.param("82 ffffff 002a 99f999 01234501", None, id="no network"),
        pytest.param("03 99f999 002a", None, id="a type that is not given"),
        pytest.param("ff 99f999 002a", None, id="the last type"),
    ],
)
def test_locations_that_gateways_send(octets: str, location: Location | None) -> None:
    assert decode_location(bytes.fromhex(octets)) == location


@given(PLMNS, st.one_of(st.none(), TACS), st.one_of(st.none(), CELLS))
def test_locations_come_back(plmn: str, tac: int | None, cell: int | None) -> None:
    location = Location(plmn, tac, cell)
    if tac is cell is None:
        with pytest.raises(ValueError, match="without"):
            encode_location(location)
    else:
        assert decode_location(encode_location(location)) == location


@pytest.mark.parametrize(
    "location", [Location("99999", 1 << 16, 0), Location("99999", -1), Location("99999", 0, 1 << 28), Location("9", 0)]
)
def test_what_is_no_location_is_not_sent(location: Location) -> None:
    with pytest.raises(ValueError):
        encode_location(location)


@given(st.binary(max_size=20))
def test_arbitrary_octets_are_a_location_or_none(data: bytes) -> None:
    decode_location(data)
    decode_location(b"\x82\x99\xf9\x99" + data)
    decode_timezone(data)


@pytest.mark.parametrize(
    ("quarters", "daylight_h", "octets"),
    [
        pytest.param(4, 0, "4000", id="UTC+1"),
        pytest.param(8, 1, "8001", id="UTC+2 in summer"),
        pytest.param(-20, 0, "0a00", id="UTC-5"),
        pytest.param(22, 0, "2200", id="UTC+5:30"),
        pytest.param(0, 0, "0000", id="UTC"),
        pytest.param(-48, 2, "8c02", id="UTC-12"),
        pytest.param(79, 0, "9700", id="the last"),
    ],
)
def test_time_zones(quarters: int, daylight_h: int, octets: str) -> None:
    assert encode_timezone(quarters, daylight_h).hex() == octets
    assert decode_timezone(bytes.fromhex(octets)) == (quarters, daylight_h)


@given(st.integers(-79, 79), st.integers(0, 2))
def test_time_zones_come_back(quarters: int, daylight_h: int) -> None:
    assert decode_timezone(encode_timezone(quarters, daylight_h)) == (quarters, daylight_h)


@pytest.mark.parametrize("octets", ["", "40", "400000", "a000", "4003"])
def test_octets_that_are_no_time_zone(octets: str) -> None:
    assert decode_timezone(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(("quarters", "daylight_h"), [(80, 0), (-80, 0), (0, 3), (0, -1)])
def test_what_is_no_time_zone_is_not_sent(quarters: int, daylight_h: int) -> None:
    with pytest.raises(ValueError, match="quarter"):
        encode_timezone(quarters, daylight_h)
