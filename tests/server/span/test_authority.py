"""What the authority's certificates say; the parser that reads them here is not the code that made them."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.errors import LocalError
from simulator.server.span.authority import Authority, new_key
from simulator.server.span.certificates import Validity

NOW_S = 1_767_225_600  # 2026-01-01, where virtual time begins
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_NS = NOW_S * 10**9 + 123_456_789


@pytest.fixture(scope="module")
def authority():
    return Authority.create(NOW_NS)


@pytest.fixture(scope="module")
def root(authority):
    return x509.load_pem_x509_certificate(authority.root_pem)


@pytest.fixture(scope="module")
def intermediate(authority):
    return x509.load_pem_x509_certificate(authority.intermediate_pem)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def names(certificate):
    return {each.oid: each.value for each in certificate.subject}


def test_the_authority_is_a_root_and_exactly_one_intermediate(authority, root, intermediate):
    chain = x509.load_pem_x509_certificates(authority.chain_pem)
    assert chain == [intermediate, root], "the root comes last"
    assert names(root) == {NameOID.COMMON_NAME: "Simulator root"}
    assert (root.issuer, intermediate.issuer) == (root.subject, root.subject)
    root.verify_directly_issued_by(root)
    intermediate.verify_directly_issued_by(root)


@pytest.mark.parametrize(("which", "length"), [("root", 1), ("intermediate", 0)])
def test_what_an_authority_says_of_itself(request, root, which, length):
    it = request.getfixturevalue(which)
    constraints, usage = extension(it, x509.BasicConstraints), extension(it, x509.KeyUsage)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, length)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
    assert it.not_valid_before_utc == NOW - timedelta(days=1)
    assert it.not_valid_after_utc == NOW + timedelta(days=3650)
    assert 0 < it.serial_number < 2**63
    key = it.public_key()
    assert isinstance(key.curve, ec.SECP256R1)
    assert extension(it, x509.SubjectKeyIdentifier).value == x509.SubjectKeyIdentifier.from_public_key(key)


@pytest.fixture(scope="module")
def leaf(authority):
    public, key = new_key()
    pem = authority.client("device", "17kl14hm46h4c2", 2**63 - 1, Validity(NOW_S - 300, NOW_S + 1_209_600), public)
    return x509.load_pem_x509_certificate(pem), key


def test_what_a_device_gets(leaf, intermediate):
    it, key = leaf
    assert names(it) == {NameOID.COMMON_NAME: "17kl14hm46h4c2", NameOID.ORGANIZATION_NAME: "Span device"}
    assert it.serial_number == 2**63 - 1
    assert it.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert it.not_valid_after_utc == NOW + timedelta(days=14)
    it.verify_directly_issued_by(intermediate)
    assert {(each.oid._name, each.critical) for each in it.extensions} == {
        ("basicConstraints", True),
        ("keyUsage", True),
        ("extendedKeyUsage", False),
        ("subjectAltName", False),
        ("subjectKeyIdentifier", False),
        ("authorityKeyIdentifier", False),
    }
    assert not extension(it, x509.BasicConstraints).value.ca
    assert extension(it, x509.KeyUsage).value.digital_signature
    assert list(extension(it, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    (alternative,) = extension(it, x509.SubjectAlternativeName).value
    assert alternative == x509.UniformResourceIdentifier("urn:span:device:17kl14hm46h4c2")
    issuer = extension(intermediate, x509.SubjectKeyIdentifier).value
    assert extension(it, x509.AuthorityKeyIdentifier).value.key_identifier == issuer.digest
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----"), "PKCS#8"
    private = load_pem_private_key(key, None)
    assert private.public_key() == it.public_key()
    assert isinstance(private.curve, ec.SECP256R1)


def test_a_gateway_is_told_apart(authority):
    public, _ = new_key()
    it = x509.load_pem_x509_certificate(authority.client("gateway", "g", 5, Validity(NOW_S, NOW_S), public))
    assert names(it)[NameOID.ORGANIZATION_NAME] == "Span gateway"
    (alternative,) = extension(it, x509.SubjectAlternativeName).value
    assert alternative.value == "urn:span:gateway:g"


def test_what_the_server_shows(authority, intermediate):
    told = ["localhost", "127.0.0.1", "::1", "localhost"]
    certificates, key = authority.server_identity(told, NOW_NS)
    it, behind = x509.load_pem_x509_certificates(certificates)
    assert behind == intermediate, "one public client trusts only the root"
    it.verify_directly_issued_by(intermediate)
    assert names(it) == {NameOID.COMMON_NAME: "localhost"}
    assert list(extension(it, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert list(extension(it, x509.SubjectAlternativeName).value) == [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    assert it.not_valid_before_utc <= NOW <= it.not_valid_after_utc <= intermediate.not_valid_after_utc
    assert load_pem_private_key(key, None).public_key() == it.public_key()


def test_a_server_does_not_outlive_its_authority(authority, intermediate):
    last_day = int(intermediate.not_valid_after_utc.timestamp()) - 86_400
    certificates, _ = authority.server_identity(["a" * 100], last_day * 10**9)
    it = x509.load_pem_x509_certificates(certificates)[0]
    assert it.not_valid_after_utc == intermediate.not_valid_after_utc
    with pytest.raises(LocalError, match="root has expired"):
        authority.server_identity(["a"], (last_day + 90_000) * 10**9)


@pytest.mark.parametrize("told", [[], [""], ["a b"], ["bücher.example"], ["a" * 254], ["fine", "127.0.0.1:80"]])
def test_what_is_no_name_of_a_server(authority, told):
    with pytest.raises(LocalError) as caught:
        authority.server_identity(told, NOW_NS)
    assert "\n" not in str(caught.value)


def test_two_authorities_issue_no_number_twice(root):
    other = Authority.create(NOW_NS)
    assert x509.load_pem_x509_certificate(other.root_pem).serial_number != root.serial_number


@pytest.mark.parametrize(
    ("s", "problems"),
    [
        (NOW_S - 86_401, ["root is not valid yet", "intermediate is not valid yet"]),
        (NOW_S - 86_400, []),
        (NOW_S + 3650 * 86_400, []),
        (NOW_S + 3650 * 86_400 + 1, ["root has expired", "intermediate has expired"]),
    ],
)
def test_when_it_may_issue(authority, s, problems):
    assert authority.problems(s * 10**9) == problems


# --- parts that do not belong together --------------------------------------------------------------------------------


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def parts(authority):
    root_key, intermediate_key = authority.private()
    return {
        "root": authority.root_pem,
        "root_key": root_key,
        "intermediate": authority.intermediate_pem,
        "intermediate_key": intermediate_key,
    }


def test_it_is_the_same_again(authority):
    again = Authority.from_pem(**parts(authority))
    assert again.chain_pem == authority.chain_pem
    public, _ = new_key()
    certificate = again.client("device", "a", 7, Validity(NOW_S, NOW_S), public)
    assert authority.read(certificate) == (7, (NOW_S, NOW_S))


@pytest.mark.parametrize("what", ["root", "root_key", "intermediate", "intermediate_key"])
@pytest.mark.parametrize(
    "change",
    [
        lambda mine, other, what: b"",
        lambda mine, other, what: b"\xff\x00 nothing",
        lambda mine, other, what: mine[what][:-40],
        lambda mine, other, what: mine[what].replace(b"MI", b"Mi", 1),
        lambda mine, other, what: other[what],
        lambda mine, other, what: mine["root_key" if what != "root_key" else "root"],
        lambda mine, other, what: pem(ec.generate_private_key(ec.SECP384R1())),
        lambda mine, other, what: pem(ed25519.Ed25519PrivateKey.generate()),
        lambda mine, other, what: pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"x")),
    ],
    ids=["empty", "bytes", "cut", "changed", "another's", "mixed up", "P-384", "Ed25519", "encrypted"],
)
def test_parts_that_are_not_one_authority(authority, what, change):
    mine = parts(authority)
    changed = mine | {what: change(mine, parts(Authority.create(NOW_NS)), what)}
    with pytest.raises(LocalError) as caught:
        Authority.from_pem(**changed)
    error = caught.value
    assert "\n" not in str(error)
    assert "BEGIN" not in str(error)
    assert len(str(error)) < 120
    assert error.__suppress_context__ or error.__context__ is None


def test_a_leaf_is_no_authority(authority):
    certificates, key = authority.server_identity(["a"], NOW_NS)
    with pytest.raises(LocalError, match="intermediate certificate"):
        Authority.from_pem(**parts(authority) | {"intermediate": certificates, "intermediate_key": key})


def test_an_intermediate_of_another_root(authority):
    other = parts(Authority.create(NOW_NS))
    with pytest.raises(LocalError, match="intermediate certificate was not issued by the root"):
        Authority.from_pem(**parts(authority) | {"root": other["root"], "root_key": other["root_key"]})


@pytest.mark.parametrize(
    ("extensions", "words"),
    [
        ([], "root certificate was not issued by the root, or is not an authority's"),
        ([x509.BasicConstraints(ca=False, path_length=None)], "root certificate is not an authority's"),
    ],
)
def test_a_root_that_is_no_authority(authority, root, extensions, words):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(root.subject, root.subject, key.public_key(), 5, NOW, NOW)
    for each in (*extensions, x509.SubjectKeyIdentifier.from_public_key(key.public_key())):
        builder = builder.add_extension(each, critical=False)
    own = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    with pytest.raises(LocalError, match=words):
        Authority.from_pem(**parts(authority) | {"root": own, "root_key": pem(key)})


def test_keys_are_not_shown(authority):
    assert "PRIVATE" not in repr(authority) + str(vars(authority).keys())
    for key in authority.private():
        assert key not in b"".join(each for each in vars(authority).values() if isinstance(each, bytes))
