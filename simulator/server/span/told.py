"""What a packet gateway tells about a device, in the platform's words (mobile-network §1.3, span §6)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from simulator.errors import LocalError
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Bearer
from simulator.server.span.addresses import Addresses
from simulator.wire.address import Address, host_text
from simulator.words import RATS

CLASS_PREFIX = b"d:"
"""Class is `d:`, the device's id, and behind a dot the number of the session: it comes back in all reports about the
session (mobile-network §1.6), and without the number nobody could tell those about the one before."""

SERIAL_DIGITS = 18

_RAT_NAMES = {number: name for name, number in RATS.items()}


def gateway_of(bearer: Bearer, peer: Address) -> str:
    """Its name: NAS-Identifier, or NAS-IP-Address (RFC 2865 §4.1 wants one of them), or where it writes from."""
    return bearer.nas_id or host_text(bearer.nas_ip or peer)


def name_for(gateway: str) -> tuple[n.Key, bytes]:
    """How a gateway is told that it is meant: as it calls itself (`gateway_of`), or it says no (RFC 5176 §3.5)."""
    try:
        return n.NAS_IP_ADDRESS, IPv4Address(gateway).packed
    except AddressValueError:
        return n.NAS_IDENTIFIER, gateway.encode()


def class_for(device_id: str, serial: int) -> bytes:
    """The Class of a session."""
    return CLASS_PREFIX + f"{device_id}.{serial}".encode()


def read_class(value: bytes) -> tuple[bytes, int | None]:
    """The device's id and the session's number in a Class; None: without a number, or it is not one of ours."""
    device, _, serial = value.removeprefix(CLASS_PREFIX).partition(b".")
    return device, int(serial) if serial.isdigit() and len(serial) <= SERIAL_DIGITS else None


def rat_name(rat: int | None) -> str:
    """A name of `words.RATS`; digits for a radio that has none; "": not told."""
    return "" if rat is None else _RAT_NAMES.get(rat) or str(rat)


def plmn_of(bearer: Bearer) -> str:
    """The serving network (mobile-network §1.3): SGSN-MCC-MNC, or else that of the cell; "": not told.

    Never the home network of the SIM: a device that roams is somewhere else.
    """
    return bearer.serving_plmn or (bearer.location.plmn if bearer.location is not None else "")


def cell_of(bearer: Bearer) -> int | None:
    """The ECI; None: not told."""
    return bearer.location.cell if bearer.location is not None else None


def source_of(bearer: Bearer, addresses: Addresses) -> str | None:
    """Where its datagrams come from, if the gateway says so and it is an address with a port.

    Without one it is what RFC 2868 §3.3 means: the near end of the tunnel, which many devices share.
    """
    if ":" not in bearer.source:
        return None
    try:
        addresses.read(bearer.source)
    except LocalError:
        return None
    return bearer.source
