"""Certificates: one's own with its key, parsed once, and what is known of the peer's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import crypto

from simulator.errors import LocalError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)
_KEY = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.S)
_FILE_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a peer has shown."""

    serial: int
    not_after_s: float
    """Unix time in seconds."""
    der: bytes = field(repr=False)
    verified: bool = True
    """Signed by somebody who is trusted, and perhaps over; False: what it says is a claim."""

    @property
    def common_name(self) -> str:
        """Empty: it has none. Characters are as the certificate has them. Read each time: a handshake needs no names,
        and they cost a twentieth of it."""
        return _names(x509.load_der_x509_certificate(self.der))[0]

    @property
    def organisation(self) -> str:
        """As the common name."""
        return _names(x509.load_der_x509_certificate(self.der))[1]

    @classmethod
    def from_der(cls, der: bytes, *, verified: bool = True) -> PeerCertificate:
        """Raises: ValueError: it cannot be read (OpenSSL is more lenient in places)."""
        try:
            certificate = x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:
            raise ValueError(str(error)) from None
        not_after_s = certificate.not_valid_after_utc.timestamp()
        return cls(certificate.serial_number, not_after_s, der, verified)


class Identity:
    """A certificate, its key and what is sent with it. Sessions share it: converting it for each costs 0.1 ms.

    `chain` is what is sent behind the leaf, as DER; a root is not among it, for the peer has its own or none.
    """

    __slots__ = ("_key", "_leaf", "chain", "common_name", "not_after_s", "not_before_s", "pem", "serial")

    def __init__(self, leaf: x509.Certificate, chain: tuple[bytes, ...], key: ec.EllipticCurvePrivateKey) -> None:
        self.serial = leaf.serial_number
        self.common_name, _ = _names(leaf)
        self.not_before_s = leaf.not_valid_before_utc.timestamp()
        self.not_after_s = leaf.not_valid_after_utc.timestamp()
        self.pem = leaf.public_bytes(serialization.Encoding.PEM)
        self.chain = chain
        self._leaf = crypto.X509.from_cryptography(leaf)
        self._key = crypto.PKey.from_cryptography_key(key)

    def __repr__(self) -> str:
        return f"<Identity {self.common_name!r} serial {self.serial}>"

    @classmethod
    def from_pem(cls, certificate: bytes, key: bytes, *, what: str = "certificate") -> Identity:
        """Read both from PEM.

        Args:
            certificate: the leaf first, then what is sent with it, in order; self-signed ones are left out.
            key: the leaf's, not encrypted; other blocks in it are ignored.
            what: how to call the pair in errors.
        Raises: LocalError: one line that says what is wrong, without anything of the key.
        """
        blocks = _blocks(certificate, what)
        leaf = _read(blocks[0], what)
        behind = [_behind(block, what) for block in blocks[1:]]
        private = _private_key(key, what)
        try:
            theirs = leaf.public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise LocalError(f"{what}: the certificate's public key cannot be read") from None
        if not isinstance(theirs, ec.EllipticCurvePublicKey):
            raise LocalError(f"{what}: the certificate's key is no elliptic curve key; DTLS here needs P-256")
        if theirs.public_numbers() != private.public_key().public_numbers():
            raise LocalError(f"{what}: the key does not belong to the certificate")
        der = leaf.public_bytes(serialization.Encoding.DER)
        chain = tuple(other for other in behind if other and other != der)
        try:
            return cls(leaf, chain, private)
        except (ValueError, crypto.Error):
            raise LocalError(f"{what}: the certificate cannot be used") from None


def load_identity(certificate_path: str | Path, key_path: str | Path) -> Identity:
    """The same from files. Raises: LocalError: as `Identity.from_pem`, or a file that cannot be read."""
    return Identity.from_pem(_content(certificate_path), _content(key_path), what=str(certificate_path))


def read_certificates(pem: bytes, what: str) -> list[crypto.X509]:
    """All certificates of a PEM text, for OpenSSL. Raises: LocalError: there is none, or one cannot be read."""
    return [crypto.X509.from_cryptography(_read(block, what)) for block in _blocks(pem, what)]


def _blocks(pem: bytes, what: str) -> list[bytes]:
    blocks: list[bytes] = _CERTIFICATE.findall(pem)
    if not blocks:
        raise LocalError(f"{what}: there is no certificate in it (PEM, 'BEGIN CERTIFICATE')")
    return blocks


def _read(block: bytes, what: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(block)
    except (ValueError, x509.InvalidVersion):
        raise LocalError(f"{what}: a certificate in it cannot be read; the PEM text is damaged") from None


def _behind(block: bytes, what: str) -> bytes:
    """A certificate that is sent behind the leaf, as DER; empty: it is self-signed. Raises: LocalError."""
    try:
        return _issuer_der(block)
    except (ValueError, x509.InvalidVersion):
        raise LocalError(f"{what}: a certificate in it cannot be read; the PEM text is damaged") from None


@lru_cache(maxsize=16)
def _issuer_der(block: bytes) -> bytes:
    """The same; remembered, for it is the same with all devices of an issuer, and takes longer than a signature."""
    certificate = x509.load_pem_x509_certificate(block)
    if certificate.issuer == certificate.subject:
        return b""
    return certificate.public_bytes(serialization.Encoding.DER)


def _private_key(pem: bytes, what: str) -> ec.EllipticCurvePrivateKey:
    block = _KEY.search(pem)
    if block is None:
        raise LocalError(f"{what}: there is no private key with it (PEM, 'BEGIN PRIVATE KEY')")
    if b"ENCRYPTED" in block[0]:
        raise LocalError(f"{what}: the private key is encrypted; store it without a pass phrase")
    try:
        key = serialization.load_pem_private_key(block[0], None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise LocalError(f"{what}: the private key cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise LocalError(f"{what}: the private key is none on the curve P-256 (prime256v1), which DTLS here needs")
    return key


def _names(certificate: x509.Certificate) -> tuple[str, str]:
    """Common name and organisation of the subject, the first one of each; empty: it has none."""
    common_name = organisation = ""
    for attribute in certificate.subject:
        if attribute.oid == NameOID.COMMON_NAME:
            common_name = common_name or str(attribute.value)
        elif attribute.oid == NameOID.ORGANIZATION_NAME:
            organisation = organisation or str(attribute.value)
    return common_name, organisation


def _content(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(_FILE_MOST_BYTES + 1)
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError:  # NUL in it
        raise LocalError(f"{str(path)!r} cannot be the name of a file") from None
    if len(content) > _FILE_MOST_BYTES:
        raise LocalError(f"{path}: longer than {_FILE_MOST_BYTES} bytes, so no certificate and no key")
    return content
