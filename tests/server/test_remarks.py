"""What `simulator serve` tells besides events: one line for what is alike, and no line for ever."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from simulator.clock import VirtualClock
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.fronts.radius import Unreadable
from simulator.server.fronts.radius_clients import RadiusClient, RadiusSettings
from simulator.server.remarks import LINES_MOST, STRANGERS_MOST, Remarks, concerns, refusals, said, unreadable
from simulator.server.span.network import Refused
from simulator.server.span.recent import KEPT, Recent, Said
from simulator.wire.address import address, port_of

PEER = address("127.0.0.1", 4711)


def recent(*things):
    found = Recent()
    for thing in things:
        found.add(thing)
    return found


def test_many_refusals_are_counted():
    refused = deque(Refused("Device does not exist", str(number), "", "") for number in range(20))
    lines = refusals(refused, len(refused) + 100)
    assert len(lines) == LINES_MOST + 1
    assert lines[0] == "login refused: Device does not exist (imsi 0)"
    assert lines[-1] == "login refused: 115 more"
    assert not refused
    assert refusals(refused, 0) == []


def test_what_a_gateway_calls_itself_cannot_write_to_the_terminal():
    (line,) = refusals(deque([Refused("Device does not exist", "1", "", "\x1b[2J")]), 1)
    assert line.isprintable()
    (line,) = unreadable(recent(Unreadable("IMSI", "\x1b[2J\n", PEER, "\x1b")))
    assert line.isprintable()


def test_reports_of_gateways_are_told_and_many_are_counted():
    reports = recent(Said("Start", "1", "pgw-1"), *[Said("Stop, Lost-Carrier", "1", "")] * 2)
    assert said("accounting", reports) == [
        "accounting: Start (imsi 1, gateway pgw-1)",
        "accounting: Stop, Lost-Carrier (imsi 1), 2 times",
    ]
    assert said("accounting", reports) == []
    many = recent(*(Said("Start", str(number), "") for number in range(KEPT + 100)))
    lines = said("accounting", many)
    assert (len(lines), lines[-1]) == (LINES_MOST + 1, f"accounting: {KEPT + 100 - LINES_MOST} more")


def test_what_cannot_be_read_is_shown_as_it_came():
    lines = unreadable(recent(Unreadable("IMEISV", "12", PEER, "pgw-7"), Unreadable("IMSI", "x" * 99, PEER, "")))
    assert lines == [
        "RADIUS: unreadable IMEISV '12' from 127.0.0.1 (pgw-7): only the IMSI was checked",
        f"RADIUS: unreadable IMSI '{'x' * 32}' and more from 127.0.0.1: nobody gets in without",
    ]


@pytest.mark.parametrize(
    ("host", "client", "words"),
    [
        ("127.0.0.1", RadiusClient(secret="s" * 16), []),
        ("127.0.0.1", RadiusClient(), []),  # made up
        ("127.0.0.1", RadiusClient(secret="hush"), ["the RADIUS secret of 127.0.0.0/8 is short; 16 octets at least"]),
        (
            "127.0.0.1",
            RadiusClient(network="10.1.0.0/16", secret="s" * 16),
            ["nobody of 10.1.0.0/16 can reach 127.0.0.1; add --host"],
        ),
        ("0.0.0.0", RadiusClient(network="10.1.0.0/16", secret="s" * 16), ["HTTPS clients elsewhere"]),
        ("127.0.0.1", RadiusClient(network="0.0.0.0/0", secret="s" * 16), []),
    ],
)
def test_what_the_one_who_starts_it_should_know(host, client, words):
    found = list(concerns(ServerSettings(host=host, radius=RadiusSettings(clients=(client,)))))
    assert [line[: len(start)] for line, start in zip(found, words, strict=True)] == words
    assert "hush" not in "".join(found)


# --- the server's own -------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    return ReferenceServer(ServerSettings.on_free_ports(), VirtualClock())


def test_the_same_stranger_is_told_once_a_minute(server):
    remarks = Remarks(server)

    def writes(times=1, host="10.0.0.1", port=5):
        for _ in range(times):
            server.udp.receive(b"x", address(host, port), 0, 0.0)

    tail = "; nothing was stored (POST /simulator/login lets a device in)"
    writes(3)
    told = "UDP: {} from an address that is not logged in, last 10.0.0.1:{}" + tail
    assert remarks.lines(0.0) == [told.format(3, 5)]
    for now in range(1, 60):
        writes(port=now)
        assert remarks.lines(float(now)) == []
    writes(host="10.0.0.2")
    assert remarks.lines(59.5)[0].startswith("UDP: 1 from an address that is not logged in, last 10.0.0.2:5")
    assert remarks.lines(60.0) == [told.format(59, 59)]
    assert remarks.lines(120.0) == []


def test_of_very_many_strangers_some_are_told_and_nothing_grows(server):
    remarks = Remarks(server)
    for number in range(3 * STRANGERS_MOST):
        server.udp.receive(b"x", address(0x0A000000 + number, 5), 0, 0.0)
        if not number % 50:
            assert len(remarks.lines(0.0)) <= LINES_MOST
    strangers = remarks._strangers["UDP"]
    assert max(len(strangers._waiting), len(strangers._again_s)) <= STRANGERS_MOST + 1


def test_silence_goes_on_being_told_but_not_every_second(server):
    remarks = Remarks(server)
    server.radius.discard("unknown NAS", PEER)
    (line,) = remarks.lines(0.0)
    assert (
        line
        == "RADIUS: 1 not answered: unknown NAS, last from 127.0.0.1:4711 (--radius-client NETWORK=SECRET lets it in)"
    )
    for now in (1.0, 2.0, 9.0):
        server.radius.discard("unknown NAS", PEER)
        assert remarks.lines(now) == []
    server.radius.discard("too short", PEER)
    assert remarks.lines(9.5) == ["RADIUS: 1 not answered: too short, last from 127.0.0.1:4711"]
    assert remarks.lines(10.0)[0].startswith("RADIUS: 3 not answered: unknown NAS")
    assert remarks.lines(99.0) == []


def test_what_gateways_send_is_told(play, radius):
    async def story(it):
        remarks = Remarks(it.server)
        it.device("A", "999990000000001", "")
        await it.nas.raw(radius.access_request(radius.identity("999990000000001", "12"), 1, bytes(16)))
        await it.nas.raw(radius.access_request(radius.identity("9" * 17, ""), 2, bytes(16)))
        await it.nas.raw(radius.access_request(radius.identity("999990000000001", ""), 3, bytes(16)), accounting=True)
        lines = remarks.lines(0.0)
        port = port_of(it.server.radius_address)
        here = "from 127.0.0.10 (pgw-sim-1)"
        assert f"RADIUS: unreadable IMEISV '12' {here}: only the IMSI was checked" in lines
        assert f"RADIUS: unreadable IMSI '{'9' * 17}' {here}: nobody gets in without" in lines
        (line,) = [line for line in lines if "wrong port" in line]
        assert line.endswith(f" (Access-Requests belong on port {port})")
        await it.nas.login("999990000000001", "", "10.64.0.77")
        await it.nas.account(1, "S1", "999990000000001", "10.64.0.77")
        it.nas.answer_disconnects_with = 42
        assert it.call("POST", "/simulator/disconnect", {"imsi": "999990000000001"}) == {"sent": True}
        await asyncio.sleep(0.01)
        await it.nas.account(2, "S1", "999990000000001", "10.64.0.77")
        who = "(imsi 999990000000001, gateway pgw-sim-1)"
        lines = remarks.lines(1.0)
        assert [line.partition(who)[0] for line in lines] == [
            "accounting: Start ",
            "accounting: Stop, none ",
            "Disconnect-Request: sent ",
            "Disconnect-Request: refused ",
        ]
        assert remarks.lines(99.0) == []

    play(story)
