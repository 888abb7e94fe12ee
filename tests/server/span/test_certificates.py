"""Certificates over REST: what is issued and to whom, what is refused, and what no longer counts (span §8)."""

from __future__ import annotations

import base64
import subprocess
import sys

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.server.span.authority import Authority
from simulator.server.span.settings import NS_PER_S

DAY_S = 86_400
READ = "r" * 64
DOOR = "/simulator/certificates"
UNKNOWN = "17dh0cf43jfgna"

# 1024 bits are enough to be refused, and an RSA key takes long to make.
RSA_CSR = b"""-----BEGIN CERTIFICATE REQUEST-----
MIIBSzCBtQIBADAMMQowCAYDVQQDDAF4MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB
iQKBgQDgZHm8UMQI7JvDFyc0PPGycb+rSbOqvh0Dl2XrQ9NaFi3QnxtFy9yfvXIX
wJ5EDS8Kfob2jCEWXIutSShM4L+qbvg6+r8Ks+TuT90wrsdVHJj5yUnblaxNWRzL
mfYB7IMxBlrhchHxk7emSSIQqfa9Ie3n2yqemHcMEPbU/XbFOQIDAQABoAAwDQYJ
KoZIhvcNAQELBQADgYEAuXgnLANnjcXyMu3RSEa1Kb39nVqsMNrJTuY/ciDd2was
Fm1Hxic6FJmAqOqEDl7eFys5nsmwjpsgte2+tPuApGkkYvCQobVY4UXgFyDovcoq
3WDh5Yh4rlfMoXvaGJ8LomDrnhOKPBd3Pi4IroneBPvHfJcPHS/h2P3t8Gu2rRk=
-----END CERTIFICATE REQUEST-----
"""


def b64(content):
    return base64.b64encode(content).decode()


def parsed(document):
    return x509.load_pem_x509_certificate(base64.b64decode(document["certificate"]))


def csr(key, algorithm=None):
    # As the public CLI makes it: the subject is of no use as an identity (span §8.2).
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody@example.com")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, algorithm)
    return request.public_bytes(Encoding.PEM)


def forged_csr():
    """Somebody else's key, in a request that is signed with another."""
    sha = hashes.SHA256()
    mine = x509.load_pem_x509_csr(csr(ec.generate_private_key(ec.SECP256R1()), sha)).public_bytes(Encoding.DER)
    other = x509.load_pem_x509_csr(csr(ec.generate_private_key(ec.SECP256R1()), sha)).public_bytes(Encoding.DER)
    at = mine.index(b"\x03\x42\x00\x04")
    forged = mine[:at] + other[at : at + 68] + mine[at + 68 :]
    return b"-----BEGIN CERTIFICATE REQUEST-----\n%b\n-----END CERTIFICATE REQUEST-----\n" % base64.b64encode(forged)


@pytest.fixture
def scene(platform):
    """A device and a gateway in one collection, another device beside them, and a second collection."""
    it = platform
    it.here, it.there = it.collection(), it.collection()
    it.path, it.certs = f"/span/collections/{it.here}", f"/span/collections/{it.here}/certificates"
    it.meter, it.spare = it.device(it.here), it.device(it.here)
    it.router = it.call("POST", f"{it.path}/gateways", {"type": "custom"})["gatewayId"]
    it.now_s = it.now_ns // NS_PER_S
    return it


def created(it, **owner):
    return it.call("POST", f"{it.certs}/create", owner or {"deviceId": it.meter})


def serial(document):
    return parsed(document).serial_number


def refusal(it, document, kind="device"):
    return it.core.certificates.refusal(serial(document), kind, it.now_ns)


def verified(it, document, **owner):
    body = (owner or {"deviceId": it.meter}) | {"certificate": document["certificate"]}
    answer = it.call("POST", f"{it.certs}/verify", body)
    assert answer["valid"] == (answer["errors"] == [])
    return answer["errors"]


# --- issuing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "owner", "organisation", "list_path"),
    [("deviceId", "meter", "Span device", "devices"), ("gatewayId", "router", "Span gateway", "gateways")],
)
def test_create(scene, field, owner, organisation, list_path):
    name = getattr(scene, owner)
    document = created(scene, **{field: name})
    assert set(document) == {"certificate", "privateKey", "chain"}
    it = parsed(document)
    assert [each.value for each in it.subject] == [name, organisation]
    chain = x509.load_pem_x509_certificates(base64.b64decode(document["chain"]))
    assert len(chain) == 2
    assert chain[-1].subject == chain[-1].issuer, "the root is the last one"
    it.verify_directly_issued_by(chain[0])
    assert load_pem_private_key(base64.b64decode(document["privateKey"]), None).public_key() == it.public_key()
    assert it.not_valid_after_utc.timestamp() == scene.now_s + 14 * DAY_S
    listed = scene.call("GET", f"{scene.path}/{list_path}/{name}/certs")
    expires = str((scene.now_s + 14 * DAY_S) * 1000)
    assert listed == {"certificates": [{"certificateSerial": str(it.serial_number), "expires": expires}]}


def test_fields_that_are_not_known_are_passed_over(scene):
    created(scene, deviceId=scene.meter, lifetime="1 year")


def test_a_request_is_signed_and_only_its_key_is_taken(scene):
    key = ec.generate_private_key(ec.SECP256R1())
    body = {"deviceId": scene.meter, "csr": b64(csr(key, hashes.SHA256()))}
    document = scene.call("POST", f"{scene.certs}/sign", body)
    assert set(document) == {"certificate", "chain"}
    it = parsed(document)
    assert it.public_key() == key.public_key()
    assert [each.value for each in it.subject] == [scene.meter, "Span device"]
    assert verified(scene, document) == []


def test_the_chain_is_the_same_for_all(scene):
    chain = scene.call("GET", f"{scene.certs}?deviceId={scene.meter}")
    assert chain == scene.call("GET", f"{scene.certs}?gatewayId={scene.router}")
    assert chain == {"chain": created(scene)["chain"]}


def test_serials_are_positive_fit_an_int64_and_come_once(scene):
    serials = [serial(created(scene)) for _ in range(20)]
    assert len(set(serials)) == 20
    assert all(0 < each < 2**63 for each in serials)
    listed = scene.call("GET", f"{scene.path}/devices/{scene.meter}/certs")["certificates"]
    assert [each["certificateSerial"] for each in listed] == [str(each) for each in serials], "oldest first"


def test_a_run_that_is_repeated_has_the_same_serials(make_platform):
    def run():
        it = make_platform()
        path = f"/span/collections/{it.collection()}"
        device = it.device(path.rpartition("/")[2])
        return [serial(it.call("POST", f"{path}/certificates/create", {"deviceId": device})) for _ in range(2)]

    assert run() == run()


def test_serials_do_not_come_again_after_a_new_start(scene, make_platform):
    """On the same authority, with the same ids: another second is enough."""
    first = serial(created(scene))
    again = make_platform()
    again.later(1)
    path = f"/span/collections/{again.collection()}"
    again.collection()
    device = again.device(path.rpartition("/")[2])
    assert device == scene.meter
    assert serial(again.call("POST", f"{path}/certificates/create", {"deviceId": device})) != first


# --- requests that are refused ----------------------------------------------------------------------------------------

OWNERS = [
    ({}, 400, "Either deviceId or gatewayId"),
    ({"deviceId": "", "gatewayId": ""}, 400, "Either"),
    ({"deviceId": "meter", "gatewayId": "router"}, 400, "Either"),
    ({"deviceId": "?"}, 400, "Invalid device ID"),
    ({"gatewayId": "?"}, 400, "Invalid gateway ID"),
    ({"deviceId": UNKNOWN}, 404, "Unknown device"),
    ({"gatewayId": UNKNOWN}, 404, "Unknown gateway"),
    ({"deviceId": "router"}, 404, "Unknown device"),
    ({"gatewayId": "meter"}, 404, "Unknown gateway"),
    ({"gatewayId": "1"}, 400, "Built-in"),
    ({"gatewayId": "2"}, 400, "Built-in"),
]


@pytest.mark.parametrize(("owner", "status", "words"), OWNERS)
@pytest.mark.parametrize("call", ["create", "sign", "verify", "chain"])
def test_whose_it_is_has_to_be_clear(scene, call, owner, status, words):
    owner = {key: getattr(scene, value, value) for key, value in owner.items()}
    if call == "chain":
        query = "&".join(f"{key}={value}" for key, value in owner.items())
        refused = scene.refused("GET", f"{scene.certs}?{query}")
    else:
        refused = scene.refused("POST", f"{scene.certs}/{call}", owner)
    assert refused[0] == status
    assert words in refused[1]


def test_owners_are_looked_for_in_their_collection(scene):
    elsewhere = f"/span/collections/{scene.there}/certificates/create"
    assert scene.refused("POST", elsewhere, {"deviceId": scene.meter})[0] == 404
    assert scene.refused("POST", elsewhere, {"gatewayId": scene.router})[0] == 404


def bad_requests():
    sha = hashes.SHA256()
    p256 = csr(ec.generate_private_key(ec.SECP256R1()), sha)
    yield pytest.param("", "csr is needed", id="none")
    yield pytest.param("ä", "csr is not base64", id="no base64")
    yield pytest.param(b64(b"hello"), "no certificate request", id="no PEM")
    yield pytest.param(b64(p256[:100] + p256[150:]), "no certificate request", id="cut")
    yield pytest.param(b64(p256.replace(b"REQUEST", b"REQUIEM")), "no certificate request", id="another label")
    yield pytest.param(b64(forged_csr()), "not signed with the key that it holds", id="another's key")
    yield pytest.param(b64(RSA_CSR), "P-256 (prime256v1) is needed", id="RSA")
    yield pytest.param(b64(csr(ec.generate_private_key(ec.SECP384R1()), sha)), "P-256", id="P-384")
    yield pytest.param(b64(csr(ed25519.Ed25519PrivateKey.generate())), "P-256", id="Ed25519")


@pytest.mark.parametrize(("request_text", "words"), [*bad_requests()])
def test_what_is_not_signed(scene, request_text, words):
    refused = scene.refused("POST", f"{scene.certs}/sign", {"deviceId": scene.meter, "csr": request_text})
    assert refused[0] == 400
    assert words in refused[1]
    assert scene.call("GET", f"{scene.path}/devices/{scene.meter}/certs") == {"certificates": []}


@pytest.mark.parametrize("call", ["create", "sign", "verify"])
def test_a_reading_token_does_not_issue(scene, call):
    assert scene.refused("POST", f"{scene.certs}/{call}", {"deviceId": scene.meter}, READ)[0] == 403
    assert scene.call("GET", f"{scene.certs}?deviceId={scene.meter}", token=READ)["chain"]


def test_a_disabled_collection_gets_no_new_ones(scene):
    old = created(scene)
    scene.call("PATCH", scene.path, {"enabled": False})
    for call in ("create", "sign"):
        assert scene.refused("POST", f"{scene.certs}/{call}", {"deviceId": scene.meter})[0] == 409
    assert verified(scene, old) == []
    assert refusal(scene, old) == "collection is disabled"


def test_there_is_an_end_to_certificates_until_some_expire(scene, monkeypatch):
    monkeypatch.setattr("simulator.server.span.certificates.MOST", 3)
    first = created(scene)
    scene.later(DAY_S)
    for _ in range(2):
        created(scene)
    status, title = scene.refused("POST", f"{scene.certs}/create", {"deviceId": scene.meter})
    assert (status, "3 of one device" in title) == (429, True)
    created(scene, deviceId=scene.spare)
    scene.later(13 * DAY_S + 1)
    created(scene)
    assert refusal(scene, first) == "unknown certificate"
    assert scene.refused("POST", f"{scene.certs}/create", {"deviceId": scene.meter})[0] == 429


@pytest.mark.parametrize(("method", "path"), [("GET", "?deviceId=M"), ("POST", "/create"), ("POST", "/verify")])
def test_without_an_authority(scene, method, path):
    def gone(now_ns):
        raise LocalError("the folder is not what it should be")

    scene.core.certificates.source = gone
    body = {"deviceId": scene.meter, "certificate": b64(b"x")} if method == "POST" else None
    status, title = scene.refused(method, scene.certs + path.replace("M", scene.meter), body)
    assert (status, "the folder is not" in title) == (503, True)


def test_an_authority_that_has_expired_issues_nothing(scene):
    old = created(scene)
    scene.later(3650 * DAY_S + 1)
    assert scene.refused("POST", f"{scene.certs}/create", {"deviceId": scene.meter})[0] == 503
    assert verified(scene, old) == ["root has expired", "intermediate has expired", "certificate has expired"]


def test_the_last_days_of_an_authority(scene):
    created(scene)
    scene.later(3649 * DAY_S)
    it = parsed(created(scene))
    assert it.not_valid_after_utc.timestamp() == scene.now_s + 3650 * DAY_S


def test_an_authority_from_elsewhere(scene):
    authority = Authority.create(scene.now_ns)
    scene.core.certificates.source = lambda now_ns: authority
    assert base64.b64decode(created(scene)["chain"]) == authority.chain_pem


# --- what counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        (-301, "certificate is not valid yet"),
        (-300, ""),
        (0, ""),
        (14 * DAY_S, ""),
        (14 * DAY_S + 1, "certificate has expired"),
    ],
)
def test_fourteen_days(scene, seconds, problem):
    document = created(scene)
    scene.later(seconds)
    assert refusal(scene, document) == problem
    assert verified(scene, document) == ([problem] if problem else [])


def test_unknown_serials(scene):
    assert scene.core.certificates.refusal(1, "device", scene.now_ns) == "unknown certificate"
    assert scene.core.certificates.owner(1) is None


@pytest.mark.parametrize(
    ("field", "owner", "kind", "other"),
    [("deviceId", "meter", "device", "gateway"), ("gatewayId", "router", "gateway", "device")],
)
def test_kinds_are_told_apart(scene, field, owner, kind, other):
    document = created(scene, **{field: getattr(scene, owner)})
    assert scene.core.certificates.owner(serial(document)).id == getattr(scene, owner)
    assert refusal(scene, document, kind) == ""
    assert refusal(scene, document, other) == f"certificate of a {kind}"


@pytest.mark.parametrize("kind", ["device", "gateway"])
def test_who_is_disabled_does_not_come_in(scene, kind):
    name = {"device": scene.meter, "gateway": scene.router}[kind]
    document = created(scene, **{f"{kind}Id": name})
    path = f"{scene.path}/{kind}s/{name}"
    scene.call("PATCH", path, {"enabled": False})
    assert refusal(scene, document, kind) == f"{kind} is disabled"
    assert verified(scene, document, **{f"{kind}Id": name}) == [], "the certificate itself is fine"
    scene.call("PATCH", path, {"enabled": True})
    assert refusal(scene, document, kind) == ""


@pytest.mark.parametrize("kind", ["device", "gateway"])
def test_a_move_keeps_them(scene, kind):
    name = {"device": scene.meter, "gateway": scene.router}[kind]
    document = created(scene, **{f"{kind}Id": name})
    scene.call("PATCH", f"{scene.path}/{kind}s/{name}", {"collectionId": scene.there})
    assert refusal(scene, document, kind) == ""
    listed = scene.call("GET", f"/span/collections/{scene.there}/{kind}s/{name}/certs")["certificates"]
    assert [each["certificateSerial"] for each in listed] == [str(serial(document))]


@pytest.mark.parametrize("kind", ["device", "gateway"])
def test_who_is_removed_takes_them_along(scene, kind):
    name = {"device": scene.meter, "gateway": scene.router}[kind]
    documents = [created(scene, **{f"{kind}Id": name}) for _ in range(2)]
    other = created(scene, deviceId=scene.spare)
    scene.call("DELETE", f"{scene.path}/{kind}s/{name}")
    for each in documents:
        assert refusal(scene, each, kind) == "certificate is revoked"
        assert scene.core.certificates.owner(serial(each)) is None
        assert verified(scene, each, deviceId=scene.spare) == ["certificate is revoked"]
    assert refusal(scene, other) == ""


def test_what_was_revoked_long_ago_is_unknown(scene, monkeypatch):
    monkeypatch.setattr("simulator.server.span.certificates.REVOKED_MOST", 1)
    old, new = created(scene), created(scene, deviceId=scene.spare)
    for device in (scene.meter, scene.spare):
        scene.call("DELETE", f"{scene.path}/devices/{device}")
    assert (refusal(scene, old), refusal(scene, new)) == ("unknown certificate", "certificate is revoked")


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verify_tells_whose_it_is(scene):
    document = created(scene)
    assert verified(scene, document, deviceId=scene.spare) == ["certificate of another device"]
    assert verified(scene, document, gatewayId=scene.router) == ["certificate of a device, not of a gateway"]


def test_verify_takes_the_whole_file_as_well(scene):
    """The CLI writes certificate and chain into one file; the first one counts."""
    document = created(scene)
    both = base64.b64decode(document["certificate"]) + base64.b64decode(document["chain"])
    assert verified(scene, {"certificate": b64(both)}) == []


def test_certificates_of_others_are_refused(scene, make_platform):
    other = make_platform()
    path = f"/span/collections/{other.collection()}"
    foreign = other.call("POST", f"{path}/certificates/create", {"deviceId": other.device(path.rpartition("/")[2])})
    created(scene)
    authority = scene.core.certificates.authority_at(scene.now_ns)
    server, _ = authority.server_identity(["localhost"], scene.now_ns)
    issuer = ["certificate was not issued by this platform"]
    assert verified(scene, foreign) == issuer
    for itself in (authority.root_pem, authority.intermediate_pem):
        words = ["this is the authority itself, and no device's certificate"]
        assert verified(scene, {"certificate": b64(itself)}) == words
    assert verified(scene, {"certificate": b64(server)}) == ["unknown certificate"]


@pytest.mark.parametrize(
    ("text", "status", "words"), [("", 400, "certificate is needed"), ("ä", 400, "certificate is not base64")]
)
def test_what_cannot_be_verified(scene, text, status, words):
    body = {"deviceId": scene.meter, "certificate": text}
    refused = scene.refused("POST", f"{scene.certs}/verify", body)
    assert (refused[0], words in refused[1]) == (status, True)


@pytest.fixture(scope="module")
def examples():
    """One platform for all examples, with a certificate of its only device."""
    from simulator.server.span.core import SpanCore

    core = SpanCore()
    device = core.registry.create_device(core.create_collection())
    return core.certificates, device, core.certificates.create(device, 0).certificate


@given(st.binary(max_size=300))
def test_any_bytes_are_looked_at(examples, content):
    certificates, device, _ = examples
    assert certificates.problems(device, content, 0) == ["this is no certificate in PEM"]
    wrapped = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(content) + b"\n-----END CERTIFICATE-----\n"
    assert certificates.problems(device, wrapped, 0)


@given(st.data())
def test_a_certificate_with_one_other_byte_does_not_count(examples, data):
    certificates, device, pem = examples
    der = bytearray(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    wrapped = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der) + b"\n-----END CERTIFICATE-----\n"
    assert certificates.problems(device, wrapped, 0)


CSR = csr(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


@given(st.data())
def test_any_request_is_signed_or_refused(examples, data):
    from simulator.server.span.errors import Refusal

    certificates, device, _ = examples
    der = bytearray(x509.load_pem_x509_csr(CSR).public_bytes(Encoding.DER))
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    wrapped = base64.b64encode(der if data.draw(st.booleans()) else data.draw(st.binary(max_size=100)))
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + wrapped + b"\n-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(Refusal) as caught:
        certificates.sign(device, data.draw(st.sampled_from([pem, wrapped])), 0)
    assert caught.value.status == 400


# --- the door ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "problem", "first", "last"),
    [
        ({}, "", -300, 14 * DAY_S),
        ({"notAfter": -10}, "certificate has expired", -10 - 14 * DAY_S, -10),
        ({"notBefore": 10}, "certificate is not valid yet", 10, 10 + 14 * DAY_S),
        ({"notBefore": -20, "notAfter": -10}, "certificate has expired", -20, -10),
        ({"notBefore": -20 * DAY_S}, "", -20 * DAY_S, 14 * DAY_S),
        ({"notAfter": 5}, "", 5 - 14 * DAY_S, 5),
        ({"notBefore": 0, "notAfter": 0}, "", 0, 0),
    ],
)
@pytest.mark.parametrize("form", [str, int])
def test_the_door_issues_for_any_time(scene, period, problem, first, last, form):
    body = {key: form(scene.now_s + seconds) for key, seconds in period.items()}
    document = scene.call("POST", DOOR, {"deviceId": scene.meter} | body)
    assert set(document) == {"certificate", "privateKey", "chain"}
    it = parsed(document)
    assert it.not_valid_before_utc.timestamp() == scene.now_s + first
    assert it.not_valid_after_utc.timestamp() == scene.now_s + last
    assert refusal(scene, document) == problem
    assert verified(scene, document) == ([problem] if problem else [])


def test_the_door_knows_gateways_of_all_collections(scene):
    assert refusal(scene, scene.call("POST", DOOR, {"gatewayId": scene.router}), "gateway") == ""


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "Either"),
        ({"deviceId": "1", "gatewayId": "1"}, 400, "Either"),
        ({"deviceId": UNKNOWN}, 404, "Unknown device"),
        ({"gatewayId": "1"}, 404, "Unknown gateway"),
        ({"deviceId": "?"}, 400, "Invalid device ID"),
        ({"notBefore": "soon"}, 400, "notBefore 'soon' is not a whole number"),
        ({"notAfter": "1" * 30}, 400, "is not a whole number"),
        ({"notAfter": 10**30}, 400, "64 bits"),
        ({"notAfter": "9" * 19}, 400, "64 bits"),
        ({"notAfter": 253_402_300_800}, 400, "9999"),
        ({"notBefore": "-631152001"}, 400, "1950"),
        ({"notBefore": 20, "notAfter": 10}, 400, "notAfter is before notBefore"),
        ({"notBefore": 1.5}, 400, "notBefore"),
    ],
)
def test_what_the_door_refuses(scene, body, status, words):
    body = body if {"deviceId", "gatewayId"} & body.keys() or not body else {"deviceId": scene.meter} | body
    refused = scene.refused("POST", DOOR, body)
    assert refused[0] == status
    assert words in refused[1]


@pytest.mark.parametrize(
    ("token", "rest", "status"),
    [
        ("w" * 64, {"remote": "192.0.2.1"}, 403),
        ("w" * 64, {"headers": {"origin": "http://evil.example"}}, 403),
        (READ, {}, 403),
        ("", {}, 401),
    ],
)
def test_who_may_not_use_the_door(scene, token, rest, status):
    assert scene.refused("POST", DOOR, {"deviceId": scene.meter}, token, **rest)[0] == status


# --- the library ------------------------------------------------------------------------------------------------------


def test_nothing_heavy_is_loaded_before_the_first_certificate_is_wanted():
    code = """
import sys
from simulator.clock import WallClock
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.durable import keep, revive
core = ReferenceServer(ServerSettings.on_free_ports(), WallClock()).core
core = revive(core.settings, keep(core))
device = core.registry.create_device(core.create_collection())
core.remove(device, 0)
assert core.certificates.refusal(5, "device", 0)
print(*[name for name in sys.modules if name.split(".")[0] in ("cryptography", "OpenSSL")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_keys_are_neither_kept_nor_shown(scene):
    document = created(scene)
    issued = scene.core.certificates.create(next(iter(scene.core.registry.devices.values())), scene.now_ns)
    assert "PRIVATE" not in repr(issued)
    kept = repr(scene.core.certificates._entries) + msgspec.json.encode(document["certificate"]).decode()
    assert "PRIVATE" not in kept
