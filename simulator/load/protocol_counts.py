"""What engines, sessions and ports have counted, by the names that reports and thresholds use: `dtls.handshakes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from simulator.wire.ports import PortCounts


def named(room: str, counts: Any) -> dict[str, int]:
    """The numbers of a dataclass or Struct of counts: `named("dtls", …)` has `dtls.handshakes`."""
    return {f"{room}.{name}": number for name, number in msgspec.to_builtins(counts).items()}


def of_port(counts: PortCounts) -> dict[str, int]:
    """Of a port: what it moved, and what got lost on our own side."""
    return {
        "datagrams.sent": counts.sent,
        "datagrams.received": counts.received,
        "bytes.sent": counts.sent_bytes,
        "bytes.received": counts.received_bytes,
        "drops": counts.overflowed + counts.truncated,
        "send_errors": counts.send_errors,
    }
