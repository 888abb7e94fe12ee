"""What an Internet device shows of itself, as the platform issued it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """All as PEM."""

    certificate: bytes
    """The leaf; empty: the platform issued none."""
    key: bytes = field(repr=False)  # never reaches a log
    """Its private key; empty: the platform issued none."""
    chain: bytes = field(repr=False)
    """Intermediate first, root last (span §8.2)."""

    @property
    def root(self) -> bytes:
        """The certificate that the device trusts: the last one of the chain."""
        start = self.chain.rfind(b"-----BEGIN CERTIFICATE-----")
        return self.chain[start:] if start >= 0 else b""
