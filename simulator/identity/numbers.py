"""Identities from one index: valid in form, no random draw, so no collisions and no state (mobile-network §2.3).

Everything lies in ranges that no network and no maker uses: PLMN 999/99 for the IMSI, TAC 989999xx for the IMEI,
issuer 999 for ICCID and EID, country code 999 for the MSISDN (mobile-network §2.1).
"""

from __future__ import annotations

from simulator.errors import LocalError

# The private PLMN 999/99 and the TAC block 989999xx (architecture §5).
PLMN = "99999"
MSIN_DIGITS = 10
FIRST_TAC = 98_999_900
TACS = 100
SNR_LIMIT = 10**6

ICCID_HEAD = "8999901"
MSISDN_HEAD = "999"
EID_HEAD = "89" + "999" + "001" + "00000" + "00000"
SERIAL_LIMIT = 10**12

INDEX_LIMIT = TACS * SNR_LIMIT
"""Indices for which every identity exists; the IMEI's hundred TACs end first."""

SVN_LIMIT = 99
"""Software version 99 is reserved (mobile-network §2.1)."""

# A bijection on 0 … 10**k − 1 because the multiplier is coprime to 10: looks random, and repeats nothing.
_MULTIPLIER = 6_364_136_223
_INCREMENT = 1_442_695_041

# Luhn: every second digit from the right counts double, with its own digits added up.
_DOUBLED = {digit: sum(map(int, str(2 * int(digit)))) for digit in "0123456789"}


def luhn(digits: str) -> str:
    """The check digit that follows `digits`.

    Raises: LocalError: something other than the digits 0 to 9 is among them.

    >>> luhn("49015420323751")
    '8'
    """
    if not (digits.isascii() and digits.isdigit()):
        raise LocalError(f"{digits!r} is not made of digits")
    total = sum(map(_DOUBLED.__getitem__, digits[::-2])) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def scramble(index: int, digits: int) -> int:
    """Another number below 10**digits, a different one for each `index` below 10**digits."""
    modulus: int = 10**digits
    return (_MULTIPLIER * index + _INCREMENT) % modulus


def imsi(index: int) -> str:
    """15 digits: PLMN 99999 and a scrambled subscriber number.

    Raises: LocalError: `index` is not below 10**10.
    """
    _check(index, 10**MSIN_DIGITS, "IMSIs")
    return f"{PLMN}{scramble(index, MSIN_DIGITS):010d}"


def imei(index: int) -> str:
    """15 digits, the last one Luhn's. Raises: LocalError: `index` is not below 10**8.

    >>> imei(0)
    '989999000000008'
    """
    body = _imei_body(index)
    return body + luhn(body)


def imeisv(index: int, svn: int = 1) -> str:
    """16 digits: the IMEI without its check digit, then the software version.

    Raises: LocalError: `index` is not below 10**8, or `svn` not from 0 to 98.
    """
    if not 0 <= svn < SVN_LIMIT:
        raise LocalError(f"software version {svn} is out of range; it goes from 0 to {SVN_LIMIT - 1}, 99 is reserved")
    return f"{_imei_body(index)}{svn:02d}"


def imei_of(imeisv: str) -> str:
    """The 15 digits of the IMEI, from what a gateway sends: 14 digits, 15 with a spare one, 16 with the version.

    Raises: LocalError: these are not 14 to 16 digits.

    >>> imei_of("9899990000000101")
    '989999000000016'
    """
    if not 14 <= len(imeisv) <= 16:
        raise LocalError(f"{imeisv!r} has not 14 to 16 digits")
    luhn(imeisv)  # for its error, if the last ones are no digits
    return imeisv[:14] + luhn(imeisv[:14])


def iccid(index: int) -> str:
    """20 digits, the last one Luhn's. Raises: LocalError: `index` is not below 10**12."""
    _check(index, SERIAL_LIMIT, "ICCIDs")
    body = f"{ICCID_HEAD}{index:012d}"
    return body + luhn(body)


def msisdn(index: int) -> str:
    """15 digits, without a plus sign. Raises: LocalError: `index` is not below 10**12."""
    _check(index, SERIAL_LIMIT, "MSISDNs")
    return f"{MSISDN_HEAD}{index:012d}"


def eid(index: int) -> str:
    """32 digits of an eUICC; the whole number is 1 modulo 97 (ISO 7064).

    Raises: LocalError: `index` is not below 10**12.
    """
    _check(index, SERIAL_LIMIT, "EIDs")
    body = f"{EID_HEAD}{index:012d}"
    return f"{body}{98 - int(body + '00') % 97:02d}"


def _imei_body(index: int) -> str:
    _check(index, INDEX_LIMIT, "IMEIs")
    tac, serial = divmod(index, SNR_LIMIT)
    return f"{FIRST_TAC + tac:08d}{serial:06d}"


def _check(index: int, limit: int, what: str) -> None:
    if not 0 <= index < limit:
        raise LocalError(f"there is no identity number {index}: {what} are numbered from 0 to {limit - 1}")
