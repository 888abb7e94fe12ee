"""What the attributes mean that a packet gateway sends, both ways (mobile-network §1.3, §1.6).

Reading believes nothing: a value that is not what its attribute should hold counts as not told.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.location import (
    Location,
    decode_location,
    decode_plmn,
    decode_timezone,
    encode_location,
    encode_plmn,
    encode_timezone,
)
from simulator.protocol.radius.numbers import Key
from simulator.protocol.radius.packet import Packet

MAX_TAG = 0x1F
"""A first octet up to this is the tag of a tunnel attribute, not a part of its text (RFC 2868 §3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who asks for a session, or has one, as the gateway tells it. Empty text, None and 0 mean: not told."""

    imsi: str = ""
    msisdn: str = ""
    imeisv: str = ""
    """14 to 16 digits: the software version may be missing, and a spare digit may stand for it."""
    apn: str = ""
    nas_id: str = ""
    """NAS-Identifier: the gateway's name."""
    nas_ip: int = 0
    rat: int | None = None
    """3GPP-RAT-Type, a key of `numbers.RAT_NAMES` as a rule."""
    home_plmn: str = ""
    """5 or 6 digits, the network whose SIM it is; `serving_plmn` is the one that the device is in."""
    serving_plmn: str = ""
    location: Location | None = None
    timezone: tuple[int, int] | None = None
    """Quarter hours from UTC, and hours of daylight saving time in them."""
    charging_id: int = 0
    nsapi: str = "5"
    """EPS bearer, one hexadecimal digit."""
    address: int = 0
    """Framed-IP-Address: in an Access-Request a wish."""
    source: str = ""
    """Where the device's datagrams come from, "127.0.0.1:4711", if its own address is not there to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """What an Accounting-Request says about a session."""

    status: int
    """A `numbers.Status`; 0: not told."""
    session_id: str = ""
    bearer: Bearer = field(default_factory=Bearer)
    class_: bytes = b""
    """What the Access-Accept had as Class."""
    session_time_s: int = 0
    octets_in: int = 0
    """From the device, as all that is `in`; up to 64 bits."""
    octets_out: int = 0
    packets_in: int = 0
    packets_out: int = 0
    cause: int | None = None
    """A `numbers.Terminate`."""
    last: bool = False
    """Whether the last bearer of the device has stopped (3GPP-Session-Stop-Indicator)."""
    event_unix_s: int = 0
    authentic: int | None = n.AUTHENTIC_RADIUS


def number(value: int) -> bytes:
    """An attribute of 32 bits. Raises: ValueError: it has more, or is negative."""
    if value >> 32:
        raise ValueError(f"{value} is no number of 32 bits")
    return value.to_bytes(4, "big")


def bearer_attributes(bearer: Bearer) -> list[tuple[Key, bytes]]:
    """What an Access-Request says. Raises: ValueError: something is out of range."""
    out: list[tuple[Key, bytes]] = []
    add = out.append
    if bearer.msisdn:
        add((n.USER_NAME, bearer.msisdn.encode()))
    if bearer.nas_ip:
        add((n.NAS_IP_ADDRESS, number(bearer.nas_ip)))
    out += _FRAMED
    if bearer.address:
        add((n.FRAMED_IP_ADDRESS, number(bearer.address)))
    if bearer.apn:
        add((n.CALLED_STATION_ID, bearer.apn.encode()))
    if bearer.msisdn:
        add((n.CALLING_STATION_ID, bearer.msisdn.encode()))
    if bearer.nas_id:
        add((n.NAS_IDENTIFIER, bearer.nas_id.encode()))
    add(_WIRELESS)
    if bearer.source:
        add((n.TUNNEL_CLIENT_ENDPOINT, bearer.source.encode()))
    _add_3gpp(bearer, out, _IPV4)
    return out


def accounting_attributes(accounting: Accounting) -> list[tuple[Key, bytes]]:
    """What an Accounting-Request says; counters only where a session has some: in Stop and Interim.

    Raises: ValueError: something is out of range.
    """
    bearer, status = accounting.bearer, accounting.status
    out: list[tuple[Key, bytes]] = [(n.ACCT_STATUS_TYPE, number(status))]
    add = out.append
    if accounting.session_id:
        add((n.ACCT_SESSION_ID, accounting.session_id.encode()))
    if bearer.address:
        add((n.FRAMED_IP_ADDRESS, number(bearer.address)))
    if bearer.msisdn:
        add((n.CALLING_STATION_ID, bearer.msisdn.encode()))
    if bearer.apn:
        add((n.CALLED_STATION_ID, bearer.apn.encode()))
    if bearer.nas_id:
        add((n.NAS_IDENTIFIER, bearer.nas_id.encode()))
    if bearer.nas_ip:
        add((n.NAS_IP_ADDRESS, number(bearer.nas_ip)))
    if accounting.class_:
        add((n.CLASS, accounting.class_))
    if accounting.event_unix_s:
        add((n.EVENT_TIMESTAMP, number(accounting.event_unix_s)))
    if accounting.authentic is not None:
        add((n.ACCT_AUTHENTIC, number(accounting.authentic)))
    if status in (n.Status.STOP, n.Status.INTERIM):
        _add_counters(accounting, out)
    if accounting.cause is not None:
        add((n.ACCT_TERMINATE_CAUSE, number(accounting.cause)))
    if bearer.source:
        add((n.TUNNEL_CLIENT_ENDPOINT, bearer.source.encode()))
    _add_3gpp(bearer, out)
    if accounting.last:
        add((n.SESSION_STOP_INDICATOR, b"\xff"))
    return out


def _add_counters(accounting: Accounting, out: list[tuple[Key, bytes]]) -> None:
    high_in, low_in = divmod(accounting.octets_in, 1 << 32)
    high_out, low_out = divmod(accounting.octets_out, 1 << 32)
    out += (
        (n.ACCT_SESSION_TIME, number(accounting.session_time_s)),
        (n.ACCT_INPUT_OCTETS, number(low_in)),
        (n.ACCT_OUTPUT_OCTETS, number(low_out)),
        (n.ACCT_INPUT_PACKETS, number(accounting.packets_in)),
        (n.ACCT_OUTPUT_PACKETS, number(accounting.packets_out)),
    )
    if high_in or high_out:
        out += ((n.ACCT_INPUT_GIGAWORDS, number(high_in)), (n.ACCT_OUTPUT_GIGAWORDS, number(high_out)))


def _add_3gpp(bearer: Bearer, out: list[tuple[Key, bytes]], *more: tuple[Key, bytes]) -> None:
    """The vendor attributes, in the order of their numbers but for the charging id."""
    add = out.append
    if bearer.imsi:
        add((n.IMSI, bearer.imsi.encode()))
    if bearer.charging_id:
        add((n.CHARGING_ID, number(bearer.charging_id)))
    out += more
    if bearer.home_plmn:
        add((n.IMSI_MCC_MNC, bearer.home_plmn.encode()))
    if bearer.nsapi and bearer.imsi:
        add((n.NSAPI, bearer.nsapi.encode()))
    if bearer.serving_plmn:
        add((n.SGSN_MCC_MNC, bearer.serving_plmn.encode()))
    if bearer.imeisv:
        add((n.IMEISV, bearer.imeisv.encode()))
    if bearer.rat is not None:
        add((n.RAT_TYPE, bytes((bearer.rat,))))
    if bearer.location is not None:
        add((n.USER_LOCATION_INFO, encode_location(bearer.location)))
    if bearer.timezone is not None:
        add((n.MS_TIME_ZONE, encode_timezone(*bearer.timezone)))


def bearer_of(packet: Packet) -> Bearer:
    """Who asks, from an Access-Request, an Accounting-Request or a Disconnect-Request."""
    location = packet.first(n.USER_LOCATION_INFO)
    timezone = packet.first(n.MS_TIME_ZONE)
    rat = packet.first(n.RAT_TYPE)
    return Bearer(
        imsi=_digits(packet, n.IMSI, 1, 15),
        msisdn=packet.text(n.CALLING_STATION_ID) or packet.text(n.USER_NAME),
        imeisv=_digits(packet, n.IMEISV, 14, 16),
        apn=packet.text(n.CALLED_STATION_ID),
        nas_id=packet.text(n.NAS_IDENTIFIER),
        nas_ip=packet.ipv4(n.NAS_IP_ADDRESS) or 0,
        rat=rat[0] if rat and len(rat) == 1 else None,
        home_plmn=_digits(packet, n.IMSI_MCC_MNC, 5, 6),
        serving_plmn=_digits(packet, n.SGSN_MCC_MNC, 5, 6),
        location=decode_location(location) if location else None,
        timezone=decode_timezone(timezone) if timezone else None,
        charging_id=packet.number(n.CHARGING_ID) or 0,
        nsapi=packet.text(n.NSAPI),
        address=packet.ipv4(n.FRAMED_IP_ADDRESS) or 0,
        source=_untagged(packet, n.TUNNEL_CLIENT_ENDPOINT),
    )


def accounting_of(packet: Packet) -> Accounting:
    """What an Accounting-Request says."""

    def count(key: Key) -> int:
        return packet.number(key) or 0

    return Accounting(
        status=count(n.ACCT_STATUS_TYPE),
        session_id=packet.text(n.ACCT_SESSION_ID),
        bearer=bearer_of(packet),
        class_=packet.first(n.CLASS) or b"",
        session_time_s=count(n.ACCT_SESSION_TIME),
        octets_in=count(n.ACCT_INPUT_GIGAWORDS) << 32 | count(n.ACCT_INPUT_OCTETS),
        octets_out=count(n.ACCT_OUTPUT_GIGAWORDS) << 32 | count(n.ACCT_OUTPUT_OCTETS),
        packets_in=count(n.ACCT_INPUT_PACKETS),
        packets_out=count(n.ACCT_OUTPUT_PACKETS),
        cause=packet.number(n.ACCT_TERMINATE_CAUSE),
        last=packet.first(n.SESSION_STOP_INDICATOR) == b"\xff",
        event_unix_s=count(n.EVENT_TIMESTAMP),
        authentic=packet.number(n.ACCT_AUTHENTIC),
    )


def _digits(packet: Packet, key: Key, least: int, most: int) -> str:
    text = packet.text(key)
    return text if least <= len(text) <= most and text.isascii() and text.isdigit() else ""


def _untagged(packet: Packet, key: Key) -> str:
    text = packet.text(key)
    return text[1:] if text and ord(text[0]) <= MAX_TAG else text


_FRAMED: tuple[tuple[Key, bytes], ...] = (
    (n.SERVICE_TYPE, number(n.SERVICE_FRAMED)),
    (n.FRAMED_PROTOCOL, number(n.PROTOCOL_GPRS_PDP_CONTEXT)),
)
_WIRELESS: tuple[Key, bytes] = (n.NAS_PORT_TYPE, number(n.PORT_WIRELESS_OTHER))
_IPV4: tuple[Key, bytes] = (n.PDP_TYPE, number(n.PDP_IPV4))

__all__ = [
    "Accounting",
    "Bearer",
    "Location",
    "accounting_attributes",
    "accounting_of",
    "bearer_attributes",
    "bearer_of",
    "decode_location",
    "decode_plmn",
    "decode_timezone",
    "encode_location",
    "encode_plmn",
    "encode_timezone",
    "number",
]
