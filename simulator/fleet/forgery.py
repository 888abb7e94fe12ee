"""Certificates that no platform should take: of another authority, or signed by nobody but their owner.

They name the device as the platform's own would (span §8.2), so whoever looks at the name alone is deceived. Importing
this loads a heavy library.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.target.credentials import Credentials

DAYS: Final = 14
_PEM = serialization.Encoding.PEM
_CURVE = ec.SECP256R1()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Forger:
    """Makes them, valid from a day before `now_ns` (Unix time) and for two weeks."""

    def __init__(self, now_ns: int) -> None:
        now = _EPOCH + timedelta(seconds=now_ns // 1_000_000_000)
        self._from, self._to = now - timedelta(days=1), now + timedelta(days=DAYS)
        self._authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another root")])
        self._authority_key = ec.generate_private_key(_CURVE)

    def credentials(self, device: str, kind: str, chain: bytes) -> Credentials:
        """What names this device; `kind`: `foreign` or `self-signed`; `chain`: what it goes by itself."""
        key = ec.generate_private_key(_CURVE)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Span device"),
                x509.NameAttribute(NameOID.COMMON_NAME, device[:64]),
            ]
        )
        own = kind == "self-signed"
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._authority)
            .public_key(key.public_key())
            .serial_number(int.from_bytes(hashlib.sha256(f"{kind} {device}".encode()).digest()[:8], "big") >> 1 | 1)
            .not_valid_before(self._from)
            .not_valid_after(self._to)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:span:device:{device}")]),
                critical=False,
            )
            .sign(key if own else self._authority_key, hashes.SHA256())
        )
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Credentials(certificate=certificate.public_bytes(_PEM), key=private, chain=chain)
