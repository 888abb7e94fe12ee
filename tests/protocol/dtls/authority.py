"""Certificates for the tests: a root, an intermediate, and leaves of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY_S = 86_400


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def name(text: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else attributes)


class TestAuthority:
    """Root and intermediate; `now_s` (Unix) is what the leaves' days count from."""

    __test__ = False

    def __init__(self, title: str = "Test", now_s: int = 1_767_225_600) -> None:
        self.now_s = now_s
        self._serial = 1000
        self.root_key, self.intermediate_key = new_key(), new_key()
        self.root = self._sign(f"{title} Root", self.root_key, None, self.root_key, -3650, 3650, ca=1)
        self.intermediate = self._sign(
            f"{title} Intermediate", self.intermediate_key, self.root, self.root_key, -1000, 1000, ca=0
        )
        self.root_pem, self.intermediate_pem = pem(self.root), pem(self.intermediate)
        self.trust_pem = self.root_pem + self.intermediate_pem

    def leaf(
        self, title: str, *, client: bool = True, days: tuple[float, float] = (-1, 14), chain: bool = True
    ) -> tuple[bytes, bytes]:
        """Certificate (with the intermediate, if `chain`) and key as PEM, valid between these days from `now_s`."""
        key = new_key()
        made = self._sign(title, key, self.intermediate, self.intermediate_key, *days, client=client)
        return pem(made) + (self.intermediate_pem if chain else b""), key_pem(key)

    def self_signed(self, title: str) -> tuple[bytes, bytes]:
        key = new_key()
        return pem(self._sign(title, key, None, key, -1, 14)), key_pem(key)

    def _sign(
        self,
        title: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None,
        issuer_key: ec.EllipticCurvePrivateKey,
        begins_days: float,
        ends_days: float,
        *,
        ca: int | None = None,
        client: bool = True,
    ) -> x509.Certificate:
        self._serial += 1
        now = datetime.fromtimestamp(self.now_s, UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(title))
            .issuer_name(issuer.subject if issuer else name(title))
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(now + timedelta(days=begins_days))
            .not_valid_after(now + timedelta(days=ends_days))
            .add_extension(x509.BasicConstraints(ca=ca is not None, path_length=ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if ca is None:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())
