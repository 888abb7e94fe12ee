"""A platform on another machine: what cannot be is refused before anything is created there."""

from __future__ import annotations

import socket
from argparse import ArgumentParser

import pytest

from simulator.clock import WallClock
from simulator.errors import Place, UsageError
from simulator.load import arguments, platform
from simulator.load.blocks import Block
from simulator.load.foreign import refuse_mobile
from simulator.load.options import LoadOptions
from simulator.load.quarters import Quarters
from simulator.scenario.model import Group
from simulator.target import naming
from simulator.wire.address import address

FAR = LoadOptions(target="https://span.example", foreign=True)
HERE = LoadOptions(target="http://127.0.0.1:10080")
GROUPS = {
    transport: Group(
        name="meters",
        place=Place("x"),
        count=6,
        network="inet" if transport in ("dtls", "coaps") else "ciot",
        transport=transport,
    )
    for transport in ("coap", "udp", "dtls", "coaps")
}


def at(options: LoadOptions, **where: str) -> LoadOptions:
    fields = {name: getattr(options, name) for name in ("target", "foreign", "bare")}
    return LoadOptions(**fields, **{way: address(host, 5683) for way, host in where.items()})


@pytest.mark.parametrize(
    ("transport", "options", "words"),
    [
        ("coap", FAR, r"group meters speaks coap: https://span\.example is not this machine.*have them speak coaps"),
        (
            "udp",
            FAR,
            r"group meters speaks udp: https://span\.example is not.*speak dtls, or take a platform",
        ),
        ("coap", at(FAR, coap="127.0.0.1"), r"span\.example"),
        ("coap", at(HERE, coap="10.0.0.5"), r"coap: 10\.0\.0\.5 is not this machine"),
        ("udp", at(HERE, udp="10.0.0.5"), r"udp: 10\.0\.0\.5 is not this machine"),
        ("dtls", FAR, ""),
        ("coaps", FAR, ""),
        ("coap", HERE, ""),
        ("coap", LoadOptions(), ""),
        ("coap", at(HERE, coap="127.0.0.9", dtls="10.0.0.5", udp="10.0.0.5"), ""),
        ("coap", LoadOptions(bare=True, coap=address("10.0.0.5", 5683)), ""),
        ("udp", LoadOptions(bare=True, udp=address("10.0.0.5", 5683)), ""),
    ],
)
def test_devices_that_a_platform_elsewhere_could_not_know_are_refused(transport, options, words):
    groups = [GROUPS["coaps"], GROUPS[transport]]
    if words:
        with pytest.raises(UsageError, match=words):
            refuse_mobile(groups, options)
    else:
        refuse_mobile(groups, options)


def test_a_block_of_them_is_refused_before_it_gets_a_home():
    class Platform:
        has_api = True

    class Station:
        options, platform = FAR, Platform()

    with pytest.raises(UsageError, match="group meters speaks coap"):
        Quarters.open(Station(), Block(group=GROUPS["coap"], first=0, count=6))


def read(*given: str) -> LoadOptions:
    parser = ArgumentParser()

    def add_argument(name, *, env_var=None, **more):
        del env_var
        return plain(name, **more)

    group = parser.add_argument_group("ours")
    plain, group.add_argument = group.add_argument, add_argument
    parser.add_argument_group = lambda _: group
    arguments.add(parser)
    return arguments.read(parser.parse_args(given))


def test_endpoints_of_a_platform_elsewhere_may_be_named(monkeypatch):
    monkeypatch.setattr(naming, "_resolved", {"span.example": "192.0.2.7"}.__getitem__)
    target = ("--target", "https://span.example", "--token", "t", "--yes-really", "span.example")
    found = read(*target, "--coaps", "span.example:5684")
    assert (found.coaps, found.foreign, found.loopback) == (address("192.0.2.7", 5684), True, False)
    with pytest.raises(UsageError, match=r"other\.example is not this machine"):
        read(*target, "--coaps", "other.example:5684")


@pytest.mark.parametrize(
    ("given", "loopback", "foreign", "bare"),
    [
        ((), True, False, False),
        (("--coap", "127.0.0.1:1"), True, False, True),
        (("--coap", "10.0.0.5:5683", "--yes-really", "10.0.0.5"), False, False, True),
        (("--target", "http://10.0.0.5", "--token", "t", "--yes-really", "10.0.0.5"), False, True, False),
        (("--target", "http://127.0.0.1:1", "--token", "t"), True, False, False),
    ],
)
def test_where_traffic_goes_is_read_from_the_command_line(given, loopback, foreign, bare):
    found = read(*given)
    assert (found.loopback, found.foreign, found.bare) == (loopback, foreign, bare)


def test_a_name_that_nobody_knows_is_said(monkeypatch):
    def unknown(_name):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    with pytest.raises(UsageError, match=r"--coap span\.example:1: no host of the name span\.example is known"):
        read("--coap", "span.example:1", "--yes-really", "span.example")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (FAR, (0, 0)),
        (at(FAR, coap="10.0.0.5"), (address("10.0.0.5", 5683), 0)),
        (HERE, (None, None)),
    ],
    ids=["elsewhere", "elsewhere, said", "here"],
)
def test_a_platform_elsewhere_is_not_asked_where_it_takes_what_nobody_sends(monkeypatch, options, asked):
    found = {}

    class Target:
        capabilities, radius, coap, udp, dtls, coaps = frozenset(), None, 1, 2, 3, 4

        def __init__(self, **given):
            found.update(given)

        async def start(self, _caller):
            """Nobody is there."""

    monkeypatch.setattr(platform, "RemoteTarget", Target)
    reached = platform.Platform.reach(options, WallClock())
    reached.close()
    assert (found["coap"], found["udp"]) == asked
    assert (found["dtls"], found["coaps"]) == (None, None)
    assert (reached.coap, reached.coaps) == (1, 4)
