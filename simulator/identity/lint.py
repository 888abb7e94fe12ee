"""What is odd about an identity that somebody typed: for remarks, and never a reason to refuse it.

Platforms take what has up to 15 digits, samples with a wrong check digit among them (mobile-network §2.2); networks and
makers give out nothing of the kind. So a remark tells of a slip of the pen, and the run goes on.
"""

from __future__ import annotations

from simulator.identity.numbers import SVN_LIMIT, luhn

EID_DIGITS = 32


def imsi_remark(digits: str) -> str:
    """What a network would not give out; "": nothing. `digits`: as typed, 0 to 9."""
    if len(digits) != 15:
        return f"an IMSI has 15 digits as a rule, and {digits} has {len(digits)}"
    if digits.startswith("0"):
        return f"{digits} begins with 0, which a platform that keeps IMSIs as numbers loses"
    return ""


def imei_remark(digits: str) -> str:
    """What a maker would not give out; "": nothing. `digits`: as typed, 0 to 9; 16 of them are an IMEISV."""
    if len(digits) == 16:
        return f"software version {SVN_LIMIT} of {digits} is reserved" if digits.endswith(str(SVN_LIMIT)) else ""
    if len(digits) != 15:
        return f"an IMEI has 15 digits, and {digits} has {len(digits)}"
    return _luhn_remark(digits, "IMEI")


def iccid_remark(digits: str) -> str:
    """What no card has; "": nothing. `digits`: as typed, 0 to 9, without the filler F."""
    if len(digits) not in (19, 20):
        return f"an ICCID has 19 or 20 digits, and {digits} has {len(digits)}"
    if not digits.startswith("89"):
        return f"an ICCID begins with 89, and {digits} does not"
    return _luhn_remark(digits, "ICCID")


def eid_remark(digits: str) -> str:
    """What no eUICC has; "": nothing. `digits`: as typed, 0 to 9."""
    if len(digits) != EID_DIGITS:
        return f"an EID has {EID_DIGITS} digits, and {digits} has {len(digits)}"
    rest = int(digits) % 97
    return "" if rest == 1 else f"the check digits of EID {digits} are wrong: it is {rest} modulo 97 instead of 1"


def _luhn_remark(digits: str, what: str) -> str:
    right = luhn(digits[:-1])
    return "" if digits[-1] == right else f"the check digit of {what} {digits} would be {right}"
