"""Keys from memory into contexts: they work, they leave nothing behind, and what is wrong with them is said."""

from __future__ import annotations

import os
import ssl
import tempfile

import pytest

from simulator.errors import LocalError
from simulator.server.span.authority import Authority
from simulator.wire import tls
from simulator.wire.tls import load_pair

NOW_NS = 1_714_076_616 * 10**9


@pytest.fixture(scope="module")
def pairs():
    authority = Authority.create(NOW_NS)
    return [authority.server_identity(["localhost"], NOW_NS) for _ in range(2)]


@pytest.fixture(params=["no name", "a file"])
def either_way(request, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if request.param == "a file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    return tmp_path


def test_it_is_loaded_and_nothing_stays(either_way, pairs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, *pairs[0])
    assert list(either_way.iterdir()) == []


@pytest.mark.parametrize("which", ["key of another", "no key", "no certificate", "nothing", "binary"])
def test_what_is_wrong_is_said_in_one_line_without_the_key(either_way, pairs, which):
    (certificate, key), (_, other) = pairs
    given = {
        "key of another": (certificate, other),
        "no key": (certificate, b""),
        "no certificate": (b"", key),
        "nothing": (b"", b""),
        "binary": (bytes(range(256)), key),
    }[which]
    with pytest.raises(LocalError, match=r"cannot be used: [a-z]") as caught:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *given)
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert list(either_way.iterdir()) == []


def test_a_file_is_for_its_owner_only(pairs, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with tls._file(b"x") as path:
        assert os.stat(path).st_mode & 0o777 == 0o600
