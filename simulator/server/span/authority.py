"""The certificate authority: a root, exactly one intermediate, and what the two issue (span §8.2, §8.4).

    root (path length 1) ── intermediate (path length 0) ──┬── devices, gateways: 14 days, for clients
                                                           └── this server: DTLS, HTTPS

All keys are P-256, all times come in, and only the keys and signatures themselves are chance: OpenSSL's own. Importing
this costs a tenth of a second, so `certificates` does it when the first certificate is wanted.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from simulator.errors import LocalError
from simulator.server.span.authority_x509 import (
    BROKEN,
    CURVE,
    PEM,
    Issuer,
    authority_certificate,
    check_fit,
    general_name,
    key_pem,
    leaf_certificate,
    named,
    period,
    read_certificate,
    read_key,
    serial_of,
)
from simulator.server.span.certificates import Authorised, Kind, Validity
from simulator.server.span.settings import NS_PER_S

ROOT_NAME = "Simulator root"
INTERMEDIATE_NAME = "Simulator issuer"
"""Short, for the server's flight of a handshake then fits into one datagram of 1280 bytes, whatever length its
signatures come out at. Else the number of datagrams would be chance, and no run over a poor radio could be repeated."""
YEARS = 10
DAY_S = 86_400
BACKDATED_S = DAY_S
"""Authority and server are valid from a day before they are made: somebody's clock may be behind."""
SERVER_S = 825 * DAY_S
"""What the strictest clients allow a server's certificate."""
_COMMON_NAME = 64
"""Longest common name (X.520)."""
_ORGANISATION = {"device": "Span device", "gateway": "Span gateway"}


class Authority:
    """Issues certificates; it keeps no list of them. Its keys are told to nobody but `private`."""

    def __init__(
        self,
        root: x509.Certificate,
        root_key: ec.EllipticCurvePrivateKey,
        intermediate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
    ) -> None:
        """Parts that belong together. Raises: LocalError: they do not."""
        check_fit("root certificate", root, root_key, root)
        check_fit("intermediate certificate", intermediate, key, root)
        self._root_key, self._key = root_key, key
        self._intermediate = intermediate
        self._issuer = Issuer(intermediate, key)
        self._validities = {"root": Validity(*period(root)), "intermediate": Validity(*period(intermediate))}
        self.root_pem = root.public_bytes(PEM)
        self.intermediate_pem = intermediate.public_bytes(PEM)
        # The root comes last: one public client trusts only the last certificate of its file (span §8.2).
        self.chain_pem = self.intermediate_pem + self.root_pem

    @classmethod
    def create(cls, now_ns: int) -> Authority:
        """A new one, for ten years."""
        now_s = now_ns // NS_PER_S
        validity = Validity(now_s - BACKDATED_S, now_s + YEARS * 365 * DAY_S)
        root_key, key = ec.generate_private_key(CURVE), ec.generate_private_key(CURVE)
        name = named(ROOT_NAME)
        root = authority_certificate(name, root_key, None, root_key, validity)
        name = named(INTERMEDIATE_NAME)
        return cls(root, root_key, authority_certificate(name, key, root, root_key, validity), key)

    @classmethod
    def from_pem(cls, *, root: bytes, root_key: bytes, intermediate: bytes, intermediate_key: bytes) -> Authority:
        """What `private` and the certificates were. Raises: LocalError: one of them is not, or they do not fit."""
        return cls(
            read_certificate(root, "root certificate"),
            read_key(root_key, "root key"),
            read_certificate(intermediate, "intermediate certificate"),
            read_key(intermediate_key, "intermediate key"),
        )

    @classmethod
    def in_folder(cls, folder: Path, now_ns: int) -> Authority:
        """The one that lies in a folder, made there if there is none (`authority_folder`).

        Raises: LocalError: the folder or a file is not what it should be, may be read by others, or is not valid now.
        """
        from simulator.server.span.authority_folder import opened

        return opened(folder, now_ns)

    def private(self) -> tuple[bytes, bytes]:
        """The keys of root and intermediate as PEM (PKCS#8), for who keeps them; never to be shown."""
        return key_pem(self._root_key), key_pem(self._key)

    def problems(self, now_ns: int) -> list[str]:
        """Why it cannot issue now; [] is valid."""
        found = ((name, each.problem(now_ns)) for name, each in self._validities.items())
        return [f"{name} {problem}" for name, problem in found if problem]

    # --- issuing ------------------------------------------------------------------------------------------------------

    def client(self, kind: Kind, name: str, serial: int, validity: Validity, key: object) -> bytes:
        """The certificate of a device or a gateway, as PEM. `key`: its public one (`new_key`, `requested_key`)."""
        assert isinstance(key, ec.EllipticCurvePublicKey)
        subject = named(name, _ORGANISATION[kind])
        # [C] The subject alone would do, but verifiers after RFC 5280 may want a SAN. A URN and no DNS name: it is
        # nobody's host.
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"urn:span:{kind}:{name}")]
        return leaf_certificate(self._issuer, subject, names, serial, validity, key, ExtendedKeyUsageOID.CLIENT_AUTH)

    def server_identity(self, names: Sequence[str], now_ns: int) -> tuple[bytes, bytes]:
        """A new identity of this server, valid for 825 days, but not beyond the intermediate.

        Args:
            names: host names and IP addresses that clients are told; the first is its common name, too.
        Returns: certificate and intermediate (span §8.4), and the key, as PEM.
        Raises: LocalError: no names, one is neither a host name nor an address, or the authority is not valid now.
        """
        problems = self.problems(now_ns)
        if problems:
            raise LocalError(f"certificate authority: {problems[0]}")
        if not names:
            raise LocalError("a server's certificate needs the names or addresses that clients are told")
        alternatives = [general_name(name) for name in dict.fromkeys(names)]
        now_s, limit = now_ns // NS_PER_S, self._validities["intermediate"]
        validity = Validity(max(now_s - BACKDATED_S, limit.not_before_s), min(now_s + SERVER_S, self.valid_until_s))
        key = ec.generate_private_key(CURVE)
        public = key.public_key()
        subject = named(names[0][:_COMMON_NAME])
        certificate = leaf_certificate(
            self._issuer, subject, alternatives, serial_of(public), validity, public, ExtendedKeyUsageOID.SERVER_AUTH
        )
        return certificate + self.intermediate_pem, key_pem(key)

    @property
    def valid_until_s(self) -> int:
        """Unix s; nothing that it issues need be valid for longer."""
        return min(each.not_after_s for each in self._validities.values())

    # --- looking at what others bring ---------------------------------------------------------------------------------

    def read(self, pem: bytes) -> Authorised | str:
        """What a certificate says that this authority has issued; otherwise why it is none."""
        try:
            certificate = read_certificate(pem, "this")
        except LocalError:
            return "this is no certificate in PEM"
        if certificate.public_bytes(PEM) in (self.root_pem, self.intermediate_pem):
            return "this is the authority itself, and no device's certificate"
        try:
            certificate.verify_directly_issued_by(self._intermediate)
        except (*BROKEN, InvalidSignature):
            return "certificate was not issued by this platform"
        return Authorised(certificate.serial_number, Validity(*period(certificate)))


def new_key() -> tuple[object, bytes]:
    """A new key: its public part, and the private one as PEM (PKCS#8)."""
    key = ec.generate_private_key(CURVE)
    return key.public_key(), key_pem(key)


def requested_key(csr_pem: bytes) -> object:
    """The public key of a signing request; what else it says is not used (span §8.2).

    Raises: LocalError: it is no request in PEM, its key is of another kind, or it is not signed with that.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            request = x509.load_pem_x509_csr(csr_pem)
            key = request.public_key()
    except BROKEN:
        raise LocalError("csr is no certificate request in PEM with a P-256 key") from None
    # [C] One curve: it is the one that the platform's own keys have (span §8.2), and the one that its DTLS endpoints
    # agree to. A certificate that no endpoint takes would help nobody.
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise LocalError("csr has a key of another kind: P-256 (prime256v1) is needed")
    try:
        signed = request.is_signature_valid
    except (*BROKEN, InvalidSignature):
        signed = False
    if not signed:
        raise LocalError("csr is not signed with the key that it holds")
    return key
