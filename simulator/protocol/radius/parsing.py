"""RADIUS packets taken apart: one pass that holds the lengths against RFC 2865 and splits the attributes on its way.

pyrad's own splitting takes a last attribute that ends behind its packet, and packets of more than 4096 octets, so the
lengths have to be looked at here anyway; and it takes three times as long, a third of all that an attach costs at both
ends. The tests hold this one against pyrad's, packet by packet. Vendor-Specific attributes of the vendors that we know
are opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from simulator.protocol.radius.errors import BROKEN_ATTRIBUTE, TOO_LONG, TOO_SHORT, WRONG_LENGTH, RadiusError
from simulator.protocol.radius.numbers import VENDOR_3GPP, VENDOR_MICROSOFT, VENDOR_SPECIFIC, Key

HEADER_BYTES = 20
MAX_BYTES = 4096
"""The longest packet, header included (RFC 2865 §3)."""

# Their Vendor-Specific attributes are opened; of other vendors even the layout is unknown (RFC 2865 §5.26).
_VENDORS = frozenset({VENDOR_3GPP.to_bytes(4, "big"), VENDOR_MICROSOFT.to_bytes(4, "big")})

# A short Vendor-Specific attribute → what is in it: most say the same in every packet of a gateway.
_opened: dict[bytes, tuple[tuple[Key, bytes], ...]] = {}
_MEMO_ENTRIES = 1024
_MEMO_BYTES = 13


class Packet(msgspec.Struct, frozen=True):
    """One RADIUS packet as it came. Its signatures are not checked yet: `check_request`, `check_reply`."""

    code: int
    id: int
    authenticator: bytes
    attributes: Mapping[Key, Sequence[bytes]]
    raw: bytes
    """The packet without padding."""

    def first(self, key: Key) -> bytes | None:
        """The value of an attribute, the first if there are several; None: there is none."""
        values = self.attributes.get(key)
        return values[0] if values else None

    def text(self, key: Key) -> str:
        """An attribute as text; "" if there is none, or if it is not UTF-8."""
        values = self.attributes.get(key)
        if not values:
            return ""
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            return ""

    def number(self, key: Key) -> int | None:
        """An attribute as a number of 1, 2, 4 or 8 octets; None: there is none, or it has another length."""
        values = self.attributes.get(key)
        return int.from_bytes(values[0], "big") if values and len(values[0]) in (1, 2, 4, 8) else None

    def ipv4(self, key: Key) -> int | None:
        """An attribute as IPv4 address; None: there is none, or it has not 4 octets."""
        values = self.attributes.get(key)
        return int.from_bytes(values[0], "big") if values and len(values[0]) == 4 else None

    def __repr__(self) -> str:  # short, because it gets into logs, and what is hidden there should not
        return f"Packet(code={self.code}, id={self.id}, {len(self.raw)} octets)"


def decode(data: bytes) -> Packet:
    """The packet in a datagram; what follows its Length is padding (RFC 2865 §3).

    A Vendor-Specific attribute that is not what its vendor says stays whole under 26: nobody has to understand it
    (RFC 2865 §5.26), and a login without IMSI is refused for that.

    Raises: RadiusError: it is none.
    """
    length = _checked_length(data)
    if length < len(data):
        data = data[:length]
    attributes: dict[Key, list[bytes]] = {}
    at, last = HEADER_BYTES, length - 1
    while at < last:
        kind, step = data[at], data[at + 1]
        if step < 2:
            raise RadiusError(BROKEN_ATTRIBUTE, f"attribute {kind} says that it has {step} octets")
        end = at + step
        if kind in attributes:
            attributes[kind].append(data[at + 2 : end])
        else:
            attributes[kind] = [data[at + 2 : end]]
        at = end
    if at != length:
        raise RadiusError(BROKEN_ATTRIBUTE, "the last attribute ends behind the packet")
    if VENDOR_SPECIFIC in attributes:
        _open_all(attributes)
    return Packet(data[0], data[1], data[4:20], attributes, data)


def _checked_length(data: bytes) -> int:
    """What the header says, if the datagram bears it out. Raises: RadiusError."""
    size = len(data)
    if size < HEADER_BYTES:
        raise RadiusError(TOO_SHORT, f"{size} octets; the header alone takes {HEADER_BYTES}")
    length = data[2] << 8 | data[3]
    if length > MAX_BYTES:
        raise RadiusError(TOO_LONG, f"{length} octets; {MAX_BYTES} is the most")
    if not HEADER_BYTES <= length <= size:
        raise RadiusError(WRONG_LENGTH, f"its header says {length} octets, and it has {size}")
    return length


def _open_all(attributes: dict[Key, list[bytes]]) -> None:
    """Put what is inside the Vendor-Specific attributes among the others."""
    whole = []
    for value in attributes.pop(VENDOR_SPECIFIC):
        inside = _open(value)
        for key, inner in inside:
            if key in attributes:
                attributes[key].append(inner)
            else:
                attributes[key] = [inner]
        if not inside:
            whole.append(value)
    if whole:
        attributes[VENDOR_SPECIFIC] = whole


def _open(value: bytes) -> tuple[tuple[Key, bytes], ...]:
    """What is inside a Vendor-Specific attribute; nothing if it is not ours to open, or broken."""
    known = _opened.get(value)
    if known is not None:
        return known
    if value[:4] not in _VENDORS:
        return ()
    vendor, size, at = int.from_bytes(value[:4], "big"), len(value), 4
    found: list[tuple[Key, bytes]] = []
    while at < size:
        end = at + value[at + 1] if at + 1 < size else at
        if end < at + 2 or end > size:
            return ()
        found.append(((vendor, value[at]), value[at + 2 : end]))
        at = end
    inside = tuple(found)
    if size <= _MEMO_BYTES:
        if len(_opened) >= _MEMO_ENTRIES:  # whoever sends ever new ones costs time, never memory
            _opened.clear()
        _opened[value] = inside
    return inside
