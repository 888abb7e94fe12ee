"""What both ends of DTLS allow themselves and their peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CIPHERS: Final = {"gcm": "ECDHE-ECDSA-AES128-GCM-SHA256", "ccm8": "ECDHE-ECDSA-AES128-CCM8"}
"""The two suites that devices of this kind have (RFC 7925 §4.2, RFC 7252 §9.1.3.3), in OpenSSL's words."""

MTU_LEAST: Final = 256
"""Handshake messages are cut to the MTU; below this there is no room for the pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The bounds hold whatever is sent."""

    ciphers: tuple[str, ...] = ("gcm", "ccm8")
    """Keys of `CIPHERS`, the preferred one first."""
    mtu: int = 1280
    """Longest UDP payload that is sent, in bytes."""
    first_timeout_s: float = 1.0
    """When a flight that is not answered is sent again; doubles each time (RFC 6347 §4.2.4.1)."""
    timeout_most_s: float = 60.0
    deadline_s: float = 30.0
    """How long a handshake may take."""
    pending_most: int = 10_000
    """Handshakes that a server has under way at once; hellos beyond it are ignored."""
    sessions_most: int = 200_000
    idle_s: float = 600.0
    """A server closes a session after so long without a record; 0: never."""

    def __post_init__(self) -> None:
        """Raises: ValueError: a suite that does not exist, or a bound that nothing fits into."""
        if not self.ciphers or not set(self.ciphers) <= set(CIPHERS):
            raise ValueError(f"ciphers are some of {', '.join(CIPHERS)}, not {self.ciphers}")
        if not MTU_LEAST <= self.mtu <= 65507:
            raise ValueError(f"a UDP payload of {self.mtu} bytes is none; {MTU_LEAST} to 65507 are")
        if not 0 < self.first_timeout_s <= self.timeout_most_s or self.deadline_s <= 0 or self.idle_s < 0:
            raise ValueError("times are positive, and the first timeout is the shortest")
        if self.pending_most < 1 or self.sessions_most < 1:
            raise ValueError("a server has room for at least 1 session")
