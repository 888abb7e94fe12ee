"""What the mobile network and the DTLS endpoints did, in a line: told where they did anything but let devices in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.assertions.verdicts import Verdicts

_REASONS_TOLD: Final = 6
_OTHERS: Final = (
    ("takeovers", "takeover", "takeovers"),
    ("discarded", "packet discarded", "packets discarded"),
    ("duplicates", "duplicate", "duplicates"),
    ("disconnects.sent", "session ended by the platform", "sessions ended by the platform"),
    ("handshakes.refused", "handshake refused", "handshakes refused"),
    ("handshakes.failed", "handshake failed", "handshakes failed"),
)
"""Counter → what one and what many of it are called. The others belong to every login and every leave."""
_BY_KIND: Final = ("discarded",)


def network(verdicts: Verdicts) -> str:
    """`12 accepted, 3 rejected (IMEI mismatch 2, Device does not exist 1), 1 takeover`; "": nothing to tell.

    >>> network(Verdicts(verdict="pass", judgements=(), statistics={"accepted": 2, "takeovers": 1}))
    '2 accepted, 1 takeover'
    """
    counted = verdicts.statistics
    parts = []
    if rejected := counted.get("rejected", 0):
        parts.append(f"{rejected} rejected{_kinds(counted, 'rejected')}")
    for name, one, many in _OTHERS:
        if count := counted.get(name, 0):
            kinds = _kinds(counted, name) if name in _BY_KIND else ""
            parts.append(f"{count} {one if count == 1 else many}{kinds}")
    if not parts:
        return ""
    internet = any(name.startswith("handshakes") for name in counted)
    if internet:
        count = counted.get("handshakes", 0)
        parts.insert(0, f"{count} handshake{'' if count == 1 else 's'}")
    if "accepted" in counted or rejected or not internet:
        parts.insert(0, f"{counted.get('accepted', 0)} accepted")
    return ", ".join(parts)


def _kinds(counted: Mapping[str, int], family: str) -> str:
    """The most frequent first, and those that are as frequent by their names."""
    head = f"{family}."
    found = [(-count, name.removeprefix(head)) for name, count in counted.items() if name.startswith(head)]
    told = [f"{name} {-less}" for less, name in sorted(found)]
    if len(told) > _REASONS_TOLD:
        told[_REASONS_TOLD:] = [f"{len(told) - _REASONS_TOLD} more kinds"]
    return f" ({', '.join(told)})" if told else ""
