"""Who may talk RADIUS, and how unsigned requests are taken (mobile-network §1.7)."""

from __future__ import annotations

import pytest

from simulator.errors import LocalError
from simulator.server.fronts import radius_clients
from simulator.server.fronts.radius_clients import Clients, RadiusClient, RadiusSettings
from simulator.wire.address import ipv4

HERE = ipv4("127.0.0.1")


def made(*pairs, required="always"):
    return Clients([RadiusClient(network=network, secret=secret) for network, secret in pairs], required)


@pytest.mark.parametrize(
    ("ip", "secret"),
    [
        ("10.1.2.3", b"host"),
        ("10.1.2.4", b"small"),
        ("10.1.3.4", b"wide"),
        ("10.2.0.1", None),
        ("127.0.0.1", None),
        ("0.0.0.0", None),
        ("255.255.255.255", None),
    ],
)
def test_the_longest_prefix_wins(ip, secret):
    networks = [("10.1.0.0/16", "wide"), ("10.1.2.3", "host"), ("10.1.2.0/24", "small")]
    for order in (networks, networks[::-1]):
        client = made(*order).find(ipv4(ip))
        assert (client and client.secret) == secret


def test_everybody_may_be_let_in():
    assert made(("0.0.0.0/0", "s")).find(HERE).secret == b"s"


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ([("10.0.0.1/8", "s")], "host bits"),
        ([("moon", "s")], "10.1.0.0/16"),
        ([("::/0", "s")], "10.1.0.0/16"),
        ([("10.0.0.0/33", "s")], "10.1.0.0/16"),
        ([("10.0.0.0/8", "")], "no secret"),
        ([("10.0.0.0/8", "s"), ("10.0.0.0/8", "t")], "twice"),
    ],
)
def test_what_is_no_client(networks, words):
    with pytest.raises(LocalError, match=words):
        made(*networks)


def test_secrets_are_not_shown():
    settings = RadiusSettings(clients=(RadiusClient(secret="hush-hush"),))
    clients = Clients(settings.clients, "always")
    assert "hush" not in repr(settings) + repr(clients.find(HERE)) + repr(vars(clients))


@pytest.mark.parametrize(("required", "must"), [("always", [True, True, True]), ("never", [False, False, False]),
                                                ("auto", [False, False, True])])  # fmt: skip
def test_who_must_sign(required, must):
    clients = made(("0.0.0.0/0", "s"), required=required)
    found = [clients.must_sign(HERE)]
    clients.believed(HERE, signed=False)
    found.append(clients.must_sign(HERE))
    clients.believed(HERE, signed=True)
    found.append(clients.must_sign(HERE))
    assert found == must
    assert clients.must_sign(HERE + 1) is must[0]


def test_an_address_is_warned_of_once():
    clients = made(("0.0.0.0/0", "s"), required="auto")
    for _ in range(3):
        clients.believed(HERE, signed=False)
    clients.believed(HERE + 1, signed=True)
    assert len(clients.warnings) == 1
    assert "127.0.0.1 " in clients.warnings[0]


def test_memory_of_addresses_is_bounded(monkeypatch):
    monkeypatch.setattr(radius_clients, "ADDRESSES_MOST", 3)
    clients = made(("0.0.0.0/0", "s"), required="auto")
    for ip in range(10):
        clients.believed(ip, signed=False)
        clients.believed(ip, signed=True)
    assert (len(clients._signing), len(clients._warned), len(clients.warnings)) == (3, 3, 3)
