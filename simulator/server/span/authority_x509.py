"""Certificates and keys as bytes: how those of an authority are made, and how anybody's are read.

What the library raises about bytes that are not what they should be becomes one line without them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import warnings
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator.errors import LocalError
from simulator.server.span.certificates import Validity

CURVE = ec.SECP256R1()
PEM = serialization.Encoding.PEM
BROKEN = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises about bytes that are not what they should be."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Issuer:
    """Whose signature stands below certificates, with what they say of it."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key
        self.name = certificate.subject
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def leaf_certificate(
    issuer: Issuer,
    subject: x509.Name,
    names: list[x509.GeneralName],
    serial: int,
    validity: Validity,
    key: ec.EllipticCurvePublicKey,
    usage: x509.ObjectIdentifier,
) -> bytes:
    """The certificate of one that is no authority, as PEM. `names`: its SANs, `usage`: what it is for."""
    builder = _builder(subject, issuer.name, serial, validity, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(issuer.identifier, critical=False)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(PEM)


def authority_certificate(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate | None,
    root_key: ec.EllipticCurvePrivateKey,
    validity: Validity,
) -> x509.Certificate:
    """The certificate of a root (`root` None), or of the only intermediate below one."""
    public = key.public_key()
    issuer, length = (name, 1) if root is None else (root.subject, 0)
    builder = _builder(name, issuer, serial_of(public), validity, public)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    if root is not None:
        builder = builder.add_extension(Issuer(root, root_key).identifier, critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, serial: int, validity: Validity, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, serial)
    builder = builder.not_valid_before(_moment(validity.not_before_s)).not_valid_after(_moment(validity.not_after_s))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def serial_of(key: ec.EllipticCurvePublicKey) -> int:
    """Another one for every key: two authorities have one name, and must not issue the same number."""
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return int.from_bytes(hashlib.sha256(point).digest()[:8], "big") >> 1 or 1


def named(common_name: str, organisation: str = "") -> x509.Name:
    """A subject. `organisation` "": none."""
    parts = [(NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, organisation)]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts if value])


def general_name(name: str) -> x509.GeneralName:
    """A host name or an IP address as a SAN. Raises: LocalError: it is neither."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not name or len(name) > 253 or not all(each.isascii() and (each.isalnum() or each in "-._*") for each in name):
        raise LocalError(f"{name[:80]!r} is neither a host name nor an IP address; a server's certificate needs one")
    return x509.DNSName(name)


def _moment(unix_s: int) -> datetime:
    return _EPOCH + timedelta(seconds=unix_s)


def period(certificate: x509.Certificate) -> tuple[int, int]:
    """First and last moment of its validity, Unix s."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int((first - _EPOCH).total_seconds()), int((last - _EPOCH).total_seconds())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8, not encrypted."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def read_certificate(pem: bytes, what: str) -> x509.Certificate:
    """The first one of a PEM file. Raises: LocalError: `what` is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about serials of others
            certificate = x509.load_pem_x509_certificate(pem)
            period(certificate), certificate.serial_number, certificate.extensions  # read now what is read late
            return certificate
    except BROKEN:
        raise LocalError(f"{what} is no certificate in PEM") from None


def read_key(pem: bytes, what: str) -> ec.EllipticCurvePrivateKey:
    """A private key out of a PEM file. Raises: LocalError: `what` is none, is encrypted, or not P-256."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise LocalError(f"{what} is encrypted: store it without a password") from None
    except BROKEN:
        raise LocalError(f"{what} is no private key in PEM (PKCS#8)") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise LocalError(f"{what} is a key of another kind: P-256 (prime256v1) is needed")
    return key


def check_fit(
    what: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate
) -> None:
    """Whether these are an authority's, and issued by `issuer`. Raises: LocalError: they are not."""
    public: object = None
    with suppress(*BROKEN):
        public = certificate.public_key()
    if public != key.public_key():
        raise LocalError(f"{what} and its key do not belong together")
    try:
        certificate.verify_directly_issued_by(issuer)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (*BROKEN, InvalidSignature, x509.ExtensionNotFound):
        raise LocalError(f"{what} was not issued by the root, or is not an authority's") from None
    if not constraints.ca:
        raise LocalError(f"{what} is not an authority's")
