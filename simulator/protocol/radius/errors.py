"""What is wrong with the peer's bytes."""

from __future__ import annotations

from simulator.errors import RemoteError


class RadiusError(RemoteError):
    """Bytes that are no RADIUS packet. `kind` is one of `KINDS`, and what is counted; the text says more."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


TOO_SHORT = "too short"
TOO_LONG = "too long"
WRONG_LENGTH = "wrong length"
BROKEN_ATTRIBUTE = "broken attribute"

KINDS = (TOO_SHORT, TOO_LONG, WRONG_LENGTH, BROKEN_ATTRIBUTE)
"""Why bytes are no packet. Whoever receives them says nothing (RFC 2865 §3)."""

WRONG_AUTHENTICATOR = "wrong authenticator"
WRONG_MESSAGE_AUTHENTICATOR = "wrong Message-Authenticator"
MISSING_MESSAGE_AUTHENTICATOR = "missing Message-Authenticator"

SIGNATURES = (WRONG_AUTHENTICATOR, WRONG_MESSAGE_AUTHENTICATOR, MISSING_MESSAGE_AUTHENTICATOR)
"""Why a packet is not believed. Whoever receives it says nothing either (RFC 3579 §3.2, RFC 2866 §4.1)."""
