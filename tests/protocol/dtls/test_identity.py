"""Certificates and keys from PEM: what is taken, and one clear line for what is not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulator.errors import LocalError
from simulator.protocol.dtls.client import ClientContext
from simulator.protocol.dtls.identity import Identity, load_identity
from simulator.protocol.dtls.settings import Settings

from .authority import key_pem, new_key
from .virtual import NOW_S, authority

CERTIFICATE, KEY = authority().leaf("device")


def test_an_identity() -> None:
    identity = Identity.from_pem(CERTIFICATE + authority().root_pem, KEY + CERTIFICATE)
    assert (identity.common_name, len(identity.chain)) == ("device", 1)  # the root is not sent
    assert (identity.not_before_s, identity.not_after_s) == (NOW_S - 86_400, NOW_S + 14 * 86_400)
    assert CERTIFICATE.startswith(identity.pem)
    assert repr(identity) == f"<Identity 'device' serial {identity.serial}>"


def test_a_key_as_openssl_writes_it() -> None:
    loaded = serialization.load_pem_private_key(KEY, None)
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    old = loaded.private_bytes(serialization.Encoding.PEM, form, plain)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert Identity.from_pem(CERTIFICATE, parameters + old).common_name == "device"


def encrypted() -> bytes:
    form, how = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    return serialization.load_pem_private_key(KEY, None).private_bytes(serialization.Encoding.PEM, form, how)


def other_kind(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def of_version_2() -> bytes:
    """A version that nobody uses, and that the library refuses by an exception of its own."""
    der = x509.load_pem_x509_certificate(CERTIFICATE).public_bytes(serialization.Encoding.DER)
    old = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1)
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(old) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("certificate", "key", "problem"),
    [
        (b"", KEY, "no certificate in it"),
        (KEY, KEY, "no certificate in it"),
        (b"\x30\x82", KEY, "no certificate in it"),
        (CERTIFICATE.replace(b"MII", b"???"), KEY, "damaged"),
        (of_version_2(), KEY, "damaged"),
        (CERTIFICATE + of_version_2(), KEY, "damaged"),
        (CERTIFICATE, b"", "no private key with it"),
        (CERTIFICATE, CERTIFICATE, "no private key with it"),
        (CERTIFICATE, KEY.replace(b"M", b"?"), "the private key cannot be read"),
        (CERTIFICATE, encrypted(), "encrypted"),
        (CERTIFICATE, key_pem(new_key()), "does not belong"),
        (CERTIFICATE, other_kind(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (CERTIFICATE, other_kind(rsa.generate_private_key(65537, 1024)), "P-256"),
    ],
)
def test_one_line_says_what_is_wrong(certificate: bytes, key: bytes, problem: str) -> None:
    with pytest.raises(LocalError, match=problem) as caught:
        Identity.from_pem(certificate, key, what="device.pem")
    text = str(caught.value)
    assert text.startswith("device.pem: ")
    assert "\n" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    for line in key.decode("latin-1").splitlines()[1:-1]:
        assert line not in text


def test_files(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_bytes(CERTIFICATE)
    (tmp_path / "k.pem").write_bytes(KEY)
    assert load_identity(tmp_path / "c.pem", tmp_path / "k.pem").common_name == "device"
    for missing in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(LocalError, match=str(missing)):
            load_identity(missing, tmp_path / "k.pem")
    with pytest.raises(LocalError, match="cannot be the name"):
        load_identity("a\0b", tmp_path / "k.pem")
    (tmp_path / "big.pem").write_bytes(bytes(2 << 20))
    with pytest.raises(LocalError, match="longer than"):
        load_identity(tmp_path / "c.pem", tmp_path / "big.pem")


def test_trust_that_cannot_be_read() -> None:
    with pytest.raises(LocalError, match="trusted certificates: there is no certificate"):
        ClientContext(b"nothing")


@pytest.mark.parametrize(
    "wrong",
    [{"ciphers": ()}, {"ciphers": ("psk",)}, {"mtu": 100}, {"first_timeout_s": 0}, {"pending_most": 0}, {"idle_s": -1}],
)
def test_settings_that_nothing_fits_into(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Settings(**wrong)  # type: ignore[arg-type]
