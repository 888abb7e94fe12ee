"""Certificates of the reference server, judged by OpenSSL's own verifier in its strictest mode."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from simulator.server.span.authority import Authority, new_key
from simulator.server.span.certificates import Validity

if shutil.which("openssl") is None:
    pytest.skip("no openssl here", allow_module_level=True)

pytestmark = pytest.mark.interop

NOW_S = 1_767_225_600
DAY_S = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Root and intermediate, and a certificate with its key for each kind of owner."""
    folder = tmp_path_factory.mktemp("openssl")
    authority = Authority.create(NOW_S * 10**9)
    (folder / "root.pem").write_bytes(authority.root_pem)
    (folder / "intermediate.pem").write_bytes(authority.intermediate_pem)
    (folder / "server.pem").write_bytes(authority.server_identity(["localhost", "127.0.0.1"], NOW_S * 10**9)[0])
    for kind in ("device", "gateway"):
        public, key = new_key()
        validity = Validity(NOW_S - 300, NOW_S + 14 * DAY_S)
        (folder / f"{kind}.pem").write_bytes(authority.client(kind, "17kl14hm46h4c2", 2**62 + 5, validity, public))
        (folder / f"{kind}-key.pem").write_bytes(key)
    return folder


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=30)
    return done.returncode == 0, done.stdout + done.stderr


def verify(folder, name, purpose, *more, at_s=NOW_S):
    files = "-CAfile", "root.pem", "-untrusted", "intermediate.pem"
    time = "-attime", str(at_s)
    return openssl(folder, "verify", "-x509_strict", "-purpose", purpose, *files, *time, *more, f"{name}.pem")


@pytest.mark.parametrize(
    ("name", "purpose", "more"),
    [
        ("device", "sslclient", ()),
        ("gateway", "sslclient", ()),
        ("server", "sslserver", ("-verify_hostname", "localhost")),
        ("server", "sslserver", ("-verify_ip", "127.0.0.1")),
        # Exactly one intermediate: nothing between it and the leaf.
        ("device", "sslclient", ("-verify_depth", "1")),
    ],
)
def test_it_is_taken(folder, name, purpose, more):
    fine, said = verify(folder, name, purpose, *more)
    assert fine, said


@pytest.mark.parametrize(
    ("name", "purpose", "more", "at_s", "words"),
    [
        ("device", "sslserver", (), NOW_S, "unsuitable certificate purpose"),
        ("server", "sslclient", (), NOW_S, "unsuitable certificate purpose"),
        ("server", "sslserver", ("-verify_hostname", "example.com"), NOW_S, "ostname mismatch"),
        ("device", "sslclient", (), NOW_S - 301, "certificate is not yet valid"),
        ("device", "sslclient", (), NOW_S + 14 * DAY_S + 1, "certificate has expired"),
        ("root", "sslclient", (), NOW_S - DAY_S - 1, "certificate is not yet valid"),
    ],
)
def test_it_is_refused(folder, name, purpose, more, at_s, words):
    fine, said = verify(folder, name, purpose, *more, at_s=at_s)
    assert not fine
    assert words in said


def test_the_key_belongs_to_it(folder):
    _, public = openssl(folder, "x509", "-in", "device.pem", "-noout", "-pubkey")
    assert openssl(folder, "pkey", "-in", "device-key.pem", "-pubout") == (True, public)
    assert "prime256v1" in openssl(folder, "x509", "-in", "device.pem", "-noout", "-text")[1]


def test_a_request_that_openssl_made_is_read(folder):
    from simulator.server.span.authority import requested_key

    curve = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"
    fine, said = openssl(folder, "req", "-new", *curve, "-nodes", "-keyout", "own.pem", "-subj", "/CN=x", "-out", "csr")
    assert fine, said
    requested_key((folder / "csr").read_bytes())
