"""Where and when a device is, in the octets of 3GPP (mobile-network §1.5; TS 29.061 §16.4.7, TS 29.274 §8.21).

Reading returns None for what makes no sense; writing raises ValueError, because then our own call is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

CGI, SAI, RAI = 0, 1, 2
TAI, ECGI, TAI_ECGI = 128, 129, 130
ENODEB, TAI_ENODEB, EXTENDED_ENODEB, TAI_EXTENDED_ENODEB = 131, 132, 133, 134
NCGI, TAI_5GS, TAI_5GS_NCGI = 135, 136, 137

ECI_BITS = 28
"""E-UTRAN cell: 20 bits of eNodeB, 8 of cell. The four bits before it are spare."""
NCI_BITS = 36

# Type → octets of the area code behind the PLMN (0: no area), octets and bits of the cell behind it (0: no cell), and
# whether the cell has a PLMN of its own before it. An eNodeB has many cells, and a service area is none.
_LAYOUT: dict[int, tuple[int, int, int, bool]] = {
    CGI: (2, 2, 16, False),
    SAI: (2, 0, 0, False),
    RAI: (2, 0, 0, False),
    TAI: (2, 0, 0, False),
    ECGI: (0, 4, ECI_BITS, False),
    TAI_ECGI: (2, 4, ECI_BITS, True),
    ENODEB: (0, 0, 0, False),
    TAI_ENODEB: (2, 0, 0, False),
    EXTENDED_ENODEB: (0, 0, 0, False),
    TAI_EXTENDED_ENODEB: (2, 0, 0, False),
    NCGI: (0, 5, NCI_BITS, False),
    TAI_5GS: (3, 0, 0, False),
    TAI_5GS_NCGI: (3, 5, NCI_BITS, True),
}
PLMN_BYTES = 3

MAX_QUARTERS = 79
MAX_DAYLIGHT_H = 2


@dataclass(frozen=True, slots=True)
class Location:
    """Where a device is. None: not told."""

    plmn: str
    """5 or 6 digits."""
    tac: int | None = None
    """Tracking area: 16 bits, 24 in 5G; the location area in older networks."""
    cell: int | None = None
    """ECI: 28 bits; 16 bits in older networks, 36 in 5G."""


def encode_plmn(plmn: str) -> bytes:
    """Three octets of a network of 5 or 6 digits. Raises: ValueError: it has not so many.

    >>> encode_plmn("24201").hex()
    '42f210'
    """
    if not (len(plmn) in (5, 6) and plmn.isascii() and plmn.isdigit()):
        raise ValueError(f"{plmn!r} is no network: 5 or 6 digits")
    mcc1, mcc2, mcc3, mnc1, mnc2, mnc3 = (*map(int, plmn), 15)[:6]
    return bytes((mcc2 << 4 | mcc1, mnc3 << 4 | mcc3, mnc2 << 4 | mnc1))


def decode_plmn(data: bytes) -> str | None:
    """5 or 6 digits; None: these octets are no network.

    >>> decode_plmn(bytes.fromhex("130014"))
    '310410'
    """
    if len(data) != PLMN_BYTES:
        return None
    first, second, third = data
    mnc3 = "" if second >> 4 == 15 else f"{second >> 4:x}"
    plmn = f"{first & 15:x}{first >> 4:x}{second & 15:x}{third & 15:x}{third >> 4:x}{mnc3}"
    return plmn if plmn.isdigit() else None


def encode_location(location: Location) -> bytes:
    """3GPP-User-Location-Info: tracking area and cell, or the one that is told.

    Raises: ValueError: neither is told, or something is out of range.
    """
    plmn, tac, cell = encode_plmn(location.plmn), location.tac, location.cell
    if tac is not None and not 0 <= tac < 1 << 16:
        raise ValueError(f"tracking area {tac} has more than 16 bits")
    if cell is not None and not 0 <= cell < 1 << ECI_BITS:
        raise ValueError(f"cell {cell} has more than {ECI_BITS} bits")
    if cell is None:
        if tac is None:
            raise ValueError("a location without tracking area and cell")
        return bytes((TAI,)) + plmn + tac.to_bytes(2, "big")
    ecgi = plmn + cell.to_bytes(4, "big")
    return bytes((ECGI,)) + ecgi if tac is None else bytes((TAI_ECGI,)) + plmn + tac.to_bytes(2, "big") + ecgi


def decode_location(data: bytes) -> Location | None:
    """What a gateway told; None: octets are missing, or the type is unknown. More octets than needed are let be."""
    layout = _LAYOUT.get(data[0]) if data else None
    if layout is None:
        return None
    area_bytes, cell_bytes, cell_bits, own_plmn = layout
    plmn = decode_plmn(data[1:4])
    at = 1 + PLMN_BYTES + area_bytes
    cell_at = at + PLMN_BYTES if own_plmn else at
    if plmn is None or len(data) < cell_at + cell_bytes:
        return None
    return Location(
        plmn,
        int.from_bytes(data[4:at], "big") if area_bytes else None,
        int.from_bytes(data[cell_at : cell_at + cell_bytes], "big") & (1 << cell_bits) - 1 if cell_bytes else None,
    )


def encode_timezone(quarters: int, daylight_h: int = 0) -> bytes:
    """3GPP-MS-TimeZone: quarter hours from UTC, daylight saving time included, and how many hours of them are it.

    Raises: ValueError: more than 79 quarters, or more than 2 hours.

    >>> encode_timezone(-20).hex()
    '0a00'
    """
    if not (-MAX_QUARTERS <= quarters <= MAX_QUARTERS and 0 <= daylight_h <= MAX_DAYLIGHT_H):
        raise ValueError(f"{quarters} quarter hours from UTC with {daylight_h} h of daylight saving time")
    tens, units = divmod(abs(quarters), 10)
    return bytes((units << 4 | (8 if quarters < 0 else 0) | tens, daylight_h))


def decode_timezone(data: bytes) -> tuple[int, int] | None:
    """Quarter hours from UTC, and hours of daylight saving time in them; None: these octets say no such thing."""
    if len(data) != 2:
        return None
    units, tens, daylight_h = data[0] >> 4, data[0] & 7, data[1] & 3
    if units > 9 or daylight_h > MAX_DAYLIGHT_H:
        return None
    quarters = 10 * tens + units
    return (-quarters if data[0] & 8 else quarters), daylight_h
