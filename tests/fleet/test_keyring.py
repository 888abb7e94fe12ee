"""Who shows which certificate, and whom it trusts."""

from __future__ import annotations

from functools import cache

import pytest

from simulator.clock import VirtualClock
from simulator.devices.internet import device_of
from simulator.errors import LocalError, Place
from simulator.fleet.keyring import Keyring
from simulator.plan import make_plan
from simulator.scenario.model import CertificateSpec, Group, Scenario, Subject
from simulator.server.span.authority import Authority, new_key
from simulator.server.span.certificates import Validity
from simulator.target.credentials import Credentials

PLACE = Place("x.yaml", 1, 1)
NOW_NS = VirtualClock().unix_ns()
NOW_S = NOW_NS // 10**9


@cache
def authority():
    return Authority.create(NOW_NS)


def issued(name, serial=1):
    public, key = new_key()
    certificate = authority().client("device", name, serial, Validity(NOW_S - 60, NOW_S + 86_400), public)
    return Credentials(certificate=certificate, key=key, chain=authority().chain_pem)


def nothing():
    return Credentials(certificate=b"", key=b"", chain=authority().chain_pem)


def keyring(kind="own", of=None, count=1):
    """Of two meters that own theirs, and of others that have this kind."""
    first, last = (of.start, None) if isinstance(of, slice) else (of or 0, of)
    whom = None if of is None else Subject(group="own", place=PLACE, text="own", first=first, last=last)
    groups = (
        Group(name="own", place=PLACE, count=2, network="inet", transport="coaps"),
        Group(
            name="other", place=PLACE, count=count, network="inet", transport="dtls",
            certificate=CertificateSpec(kind=kind, of=whom),
        ),
    )  # fmt: skip
    members = make_plan(Scenario(promise="p", place=PLACE, groups=groups)).members
    made = Keyring({member.name: device_of(member) for member in members}, VirtualClock().unix_ns)
    made.id_of = {"other": "17abc"}.get
    for number in range(2):
        made.issued(f"own.{number}", "own", issued(f"id{number}", 10 + number))
    return made


def test_each_shows_what_was_issued_for_it_with_what_stands_behind_it():
    ring = keyring()
    first, second = ring.identity("own.0"), ring.identity("own.1")
    assert (first.common_name, second.common_name, len(first.chain)) == ("id0", "id1", 1)
    assert ring.identity("own.0") is first
    assert ring.credentials("own.0").certificate.startswith(b"-----BEGIN CERTIFICATE-----")
    assert ring.trust() == authority().root_pem


def test_a_renewed_certificate_takes_the_place_of_the_former_one():
    ring = keyring()
    before = ring.identity("own.0")
    ring.issued("own.0", "own", issued("id0", 99))
    assert (before.serial, ring.identity("own.0").serial) == (10, 99)


@pytest.mark.parametrize("kind", ["expired", "early", "gateway"])
def test_what_the_platform_issued_is_shown_whatever_it_is(kind):
    ring = keyring(kind)
    ring.issued("other", kind, issued("x", 5))
    assert ring.identity("other").serial == 5


def test_who_has_none_shows_none_and_trusts_the_platform_as_others_do():
    ring = keyring("none")
    ring.issued("other", "none", nothing())
    assert ring.identity("other") is None
    assert ring.credentials("other") == nothing()
    ring.issued("other", "own", issued("x", 5))  # the operator has given it one
    assert ring.identity("other").serial == 5


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("kind", "issuer"), [("foreign", "Another root"), ("self-signed", "17abc")])
def test_what_is_forged_names_the_device_and_is_signed_by_somebody_else(kind, issuer, known):
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    ring = keyring(kind)
    if known:
        ring.issued("other", kind, nothing())
    identity = ring.identity("other")
    certificate = x509.load_pem_x509_certificate(identity.pem)
    assert certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == issuer
    assert (identity.common_name, identity.chain, identity.serial > 0) == ("17abc", (), True)
    assert identity.not_before_s < NOW_S < identity.not_after_s
    assert ring.identity("other") is identity


def test_two_forgeries_of_one_authority_have_serials_of_their_own():
    ring = keyring("foreign", count=2)
    assert ring.identity("other.0").serial != ring.identity("other.1").serial


def test_a_copy_is_the_same_certificate_and_stays_so():
    ring = keyring("copy", of=1)
    assert ring.identity("other") is ring.identity("own.1")
    assert ring.credentials("other") == ring.credentials("own.1")
    ring.issued("own.1", "own", issued("id1", 77))
    assert ring.identity("other").serial == 77


def test_copies_go_round_the_devices_that_are_named():
    ring = keyring("copy", of=slice(0, None), count=3)
    assert [ring.identity(f"other.{number}").serial for number in range(3)] == [10, 11, 10]


def test_of_nobody_there_is_no_copy():
    with pytest.raises(LocalError, match="there is no device own"):
        keyring("copy", of=7).identity("other")


@pytest.mark.parametrize("kind", ["own", "expired"])
def test_who_was_never_registered_has_no_certificate(kind):
    with pytest.raises(LocalError, match="no certificate was issued for other: it is not registered"):
        keyring(kind).identity("other")


def test_without_any_device_on_the_platform_nobody_is_trusted():
    with pytest.raises(LocalError, match="none knows whom to trust"):
        Keyring({}, VirtualClock().unix_ns).context("any")


def test_a_context_is_shared_by_all_that_speak_alike():
    ring = keyring()
    assert ring.context("any") is ring.context("any")
    assert ring.context("ccm8").settings.ciphers == ("ccm8",)
    assert ring.context("any").settings.ciphers == ("gcm", "ccm8")


def test_keys_are_not_shown():
    ring = keyring()
    shown = repr(ring) + repr(ring.credentials("own.0")) + repr(ring.identity("own.0"))
    assert "PRIVATE" not in shown
