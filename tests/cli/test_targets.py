"""Which platform is meant, where it is, and whether the user really means it."""

from __future__ import annotations

import socket

import pytest

from simulator.cli.targets import PORTS, needs_target, remote_settings
from simulator.errors import UsageError
from simulator.target import naming
from simulator.wire.address import address

URL = "http://127.0.0.1:10080"


def settings(url=URL, *, token="t", yes_really=None, **said):
    return remote_settings(url, token, dict.fromkeys(PORTS) | said, yes_really)


def test_what_is_not_said_is_asked():
    found = settings()
    assert (found.url, found.token, found.https_name) == (URL, "t", "")
    assert {getattr(found, name) for name in PORTS} == {None}


@pytest.mark.parametrize("option", PORTS)
def test_every_endpoint_can_be_said(option):
    found = settings(**{option: "127.0.0.2:99"})
    assert getattr(found, option) == address("127.0.0.2", 99)
    assert [name for name in PORTS if getattr(found, name) is not None] == [option]
    assert found.https_name == ("127.0.0.2" if option == "https" else "")


@pytest.mark.parametrize("option", PORTS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.1.1.1:99", "add --yes-really 10.1.1.1"),
        ("127.0.0.1", "write it as HOST:PORT, 127.0.0.1:{port}"),
        (":99", "write it as HOST:PORT"),
        ("127.0.0.1:", "write it as HOST:PORT"),
        ("127.0.0.1:٣", "write it as HOST:PORT"),
        ("127.0.0.1:65536", "port 65536 is out of range"),
        ("127.0.0.1:" + "9" * 5000, "is out of range"),
    ],
)
def test_what_is_no_endpoint_is_said_with_its_option(option, given, words):
    with pytest.raises(UsageError) as caught:
        settings(**{option: given})
    assert words.format(port=PORTS[option]) in str(caught.value)
    assert option in str(caught.value) or "yes-really" in words


@pytest.mark.parametrize("option", PORTS)
def test_another_machine_has_to_be_meant(option):
    found = settings(yes_really="10.1.1.1", **{option: "10.1.1.1:99"})
    assert getattr(found, option) == address("10.1.1.1", 99)


def test_a_platform_elsewhere_has_to_be_meant_too():
    with pytest.raises(UsageError, match=r"add --yes-really api\.example"):
        settings("https://api.example")
    # Where devices send to is then not to be guessed.
    with pytest.raises(UsageError, match=r"--coap api\.example:15683: 'api\.example' is no IPv4 address"):
        settings("https://api.example", yes_really="api.example")


def test_the_https_endpoint_may_have_a_name_for_its_certificate_does(monkeypatch):
    monkeypatch.setattr(naming, "_resolved", lambda name: {"data.example": "127.0.0.9"}[name])
    found = settings(https="data.example:443", yes_really="data.example")
    assert (found.https, found.https_name) == (address("127.0.0.9", 443), "data.example")


def test_a_name_that_nobody_knows_is_said(monkeypatch):
    def unknown(_name):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    with pytest.raises(UsageError, match=r"--https data\.example:1: no host of the name data\.example is known"):
        settings(https="data.example:1", yes_really="data.example")


def test_other_endpoints_have_addresses():
    with pytest.raises(UsageError, match="--dtls here:1: 'here' is no IPv4 address"):
        settings(dtls="here:1", yes_really="here")


def test_all_of_them_need_a_target():
    needs_target({f"--{name}": None for name in PORTS})
    for name in PORTS:
        with pytest.raises(UsageError, match=f"--{name} speaks of a platform that runs already"):
            needs_target({f"--{name}": "127.0.0.1:1"})
