"""Which device a network login belongs to, and which mismatch it shows (mobile-network §3.2).

A pure decision: the IMSI wins, since the network has authenticated the SIM while an IMEI is only claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.identity.numbers import luhn
from simulator.server.span.model import Device
from simulator.server.span.settings import IMEI_COMPARED_DIGITS, IMEISV_DIGITS

Policy = Literal["both", "first"]

# Reply messages of the predecessor (span §6); the last two are ours, it knew neither mismatches nor disabled devices.
UNKNOWN_DEVICE = "Device does not exist"
BAD_IMSI = "Missing or invalid IMSI"
NO_ADDRESS = "Unable to allocate IP"
IMEI_MISMATCH = "IMEI mismatch"
IMSI_MISMATCH = "IMSI mismatch"
DISABLED = "Device is disabled"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What does not fit, and on whose device it is shown."""

    event: Literal["imeiMismatch", "imsiMismatch"]
    device: Device
    expected: str
    """The configured IMEI, or IMSI."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Accepted for `device`, or refused (None) for `reason`; mismatches are told either way."""

    device: Device | None
    reason: str = ""
    mismatches: tuple[Mismatch, ...] = ()


def imsi_key(digits: str) -> int:
    """How an IMSI is compared: as a number, for the API may lose leading zeros. 0: blank."""
    return int(digits) if digits else 0


def imei_key(digits: str) -> int:
    """How an IMEI or IMEISV is compared: the first 14 digits, without check digit or software version. 0: blank."""
    return int(digits[:IMEI_COMPARED_DIGITS]) if digits else 0


def printed_imei(digits: str) -> str:
    """An IMEI as it is printed on the device and entered by an operator: 15 digits, the last one Luhn's.

    Gateways tell 14 digits, or an IMEISV with the software version in the place of the check digit (mobile-network
    §1.3). Anything else is left as it came.
    """
    if len(digits) not in (IMEI_COMPARED_DIGITS, IMEISV_DIGITS):
        return digits
    body = digits[:IMEI_COMPARED_DIGITS]
    return body + luhn(body)


def decide(
    imsi: str, imei: str, by_imsi: Mapping[int, Device], by_imei: Mapping[int, Device], policy: Policy = "both"
) -> Decision:
    """Apply the rule to one login.

    Args:
        imsi: what the SIM says, digits.
        imei: what the hardware says, digits; "" if the network did not tell.
        by_imsi, by_imei: configured devices by `imsi_key` and `imei_key`; blank ones are not in there.
        policy: `first` stops after an `imeiMismatch`.
    """
    hardware = imei_key(imei)
    owner = by_imsi.get(imsi_key(imsi))
    if owner is not None:
        if not owner.imei or not hardware or imei_key(owner.imei) == hardware:
            return Decision(owner)
        found = [Mismatch("imeiMismatch", owner, owner.imei)]
        other = by_imei.get(hardware)
        if policy == "both" and other is not None and other.imsi:
            found.append(Mismatch("imsiMismatch", other, other.imsi))
        return Decision(None, IMEI_MISMATCH, tuple(found))
    other = by_imei.get(hardware) if hardware else None
    if other is None:
        return Decision(None, UNKNOWN_DEVICE)
    if other.imsi:
        return Decision(None, IMSI_MISMATCH, (Mismatch("imsiMismatch", other, other.imsi),))
    return Decision(other)
