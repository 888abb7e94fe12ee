"""Datagrams that get lost, come twice or in another order; retransmission is ours (RFC 6347 §4.2.4)."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.protocol.dtls.client import ClientSession, State
from simulator.protocol.dtls.records import HANDSHAKE, is_plain, number_of, split
from simulator.protocol.dtls.settings import Settings

from .virtual import DELAY_S, Fate, Net, identity, rough, straight


def dropping(direction: str, indices: set[int]) -> Fate:
    """These datagrams of that direction are lost."""

    def fate(whose: str, count: int, data: bytes) -> list[float]:
        return [] if whose == direction and count in indices else straight(whose, count, data)

    return fate


def plain_numbers(net: Net, direction: str) -> list[int]:
    """Record numbers of epoch 0 that one end has sent, without the answers to hellos (their number is the hello's)."""
    records = [record for _, whose, data in net.wire if whose == direction for record in split(data)]
    return [number_of(r) for r in records if is_plain(r) and not (r[0] == HANDSHAKE and r[13] == 3)]


# Which datagram of a handshake is lost → when both ends have finished, in steps of DELAY_S behind the timeouts.
FULL = [("C", 0), ("S", 0), ("C", 1), ("S", 1), ("C", 2), ("S", 2)]
RESUMED = [("C", 0), ("S", 0), ("C", 1), ("S", 1), ("C", 2)]
SMALL = [("C", n) for n in range(5)] + [("S", n) for n in range(6)]  # at an MTU of 400


@pytest.mark.parametrize(
    ("kind", "direction", "index"),
    [("full", *case) for case in FULL]
    + [("resumed", *case) for case in RESUMED]
    + [("small", *case) for case in SMALL],
)
@pytest.mark.parametrize("times", [1, 2])
def test_each_datagram_lost(kind: str, direction: str, index: int, times: int) -> None:
    net = Net(settings=Settings(mtu=400) if kind == "small" else None)
    resumption = net.connect().resumption if kind == "resumed" else None
    net.forget_counts()
    began = net.now
    # Lost as often as asked for: the same flight again. With small datagrams this loses the next one, too.
    net.fate = dropping(direction, set(range(index, index + times)))
    session = net.client(resume=resumption, peer=2)
    net.echo = True
    last_of_client = kind == "resumed" and (direction, index) == ("C", 2)
    net.run(began + (0.9 if last_of_client else 3.9))
    if last_of_client:  # the client does not know; the server does
        assert (session.state, net.server.pending) == (State.CONNECTED, 1)
        net.run(began + 3.9)
    assert (session.state, session.end, session.resumed) == (State.CONNECTED, "", kind == "resumed")
    assert net.server.find(2) is not None
    numbers = plain_numbers(net, direction)
    assert numbers == sorted(set(numbers))
    assert len([data for _, whose, data in net.wire if whose == direction]) > index + times
    net.fate = straight
    net.say(b"abc", peer=2)
    net.run(net.now + 1)
    assert session.received() == [b"cba"]
    # Nothing goes on by itself.
    net.forget_counts()
    net.run(net.now + 100)
    assert net.wire == []
    assert net.server.counts.timeouts == 0


def test_the_whole_last_flight_is_lost_again_and_again() -> None:
    lost = 4

    def fate(direction: str, count: int, data: bytes) -> list[float]:
        return [] if direction == "S" and 2 <= count < 2 + lost else [DELAY_S]

    net = Net(fate)
    session = net.client()
    net.run(29)
    assert session.state is State.CONNECTED
    assert session.transmissions == 3 + lost
    assert net.server.counts.retransmissions == lost


def test_flights_are_repeated_after_1_2_4_seconds_until_the_deadline() -> None:
    net = Net(lambda *_: [])
    session = net.client()
    net.run(100)
    assert [when for when, _, _ in net.wire] == [0, 1, 3, 7, 15]
    assert (session.state, session.end, session.transmissions, session.deadline) == (State.CLOSED, "timeout", 5, None)
    assert plain_numbers(net, "C") == [0, 1, 2, 3, 4]


def test_the_timeouts_are_settings() -> None:
    settings = Settings(first_timeout_s=9.0, timeout_most_s=20.0, deadline_s=100.0)
    net = Net(lambda *_: [], settings=settings)
    session = net.client()
    net.run(99)
    assert [when for when, _, _ in net.wire] == [0, 9, 27, 47, 67, 87]
    net.run(100)
    assert session.end == "timeout"
    quick = Net(lambda *_: [])
    quick.client(first_timeout_s=0.5)
    quick.run(2)
    assert [when for when, _, _ in quick.wire] == [0, 0.5, 1.5]


def test_the_server_repeats_its_flight_and_gives_up() -> None:
    net = Net(dropping("S", set(range(1, 100))))
    net.client()
    net.run(2.5 * DELAY_S)
    net.clients.clear()  # gone, right behind its second hello
    net.run(100)
    began = 3 * DELAY_S
    sent = [when for when, direction, _ in net.wire if direction == "S"][1:]
    assert sent == pytest.approx([began, began + 1, began + 3, began + 7, began + 15])
    assert net.events == [("failed", 1, "timeout")]
    assert (net.server.counts.timeouts, net.server.pending, len(net.calendar)) == (1, 0, 0)


def test_a_repeated_hello_gets_the_flight_again_and_starts_nothing_new() -> None:
    net = Net()
    net.client()
    net.run(2.5 * DELAY_S)
    first, second = (data for _, direction, data in net.wire if direction == "C")
    net.fate = lambda *_: []
    net.run(0.1)
    net.clients.clear()
    net.forget_counts()
    for data in (second, second, first, second):  # all at once: one answer
        net.server.receive(data, 1, 1, 0.4)
    assert (len(net.wire), net.server.pending, net.server.counts.cookies) == (1, 1, 1)
    net.server.receive(first, 1, 1, 0.8)  # older than the cookie: it came late
    assert len(net.wire) == 1


def test_expire_before_its_time_does_nothing() -> None:
    net = Net(lambda *_: [])
    session = net.client()
    session.expire(0.9)
    assert (session.out(), session.deadline) == ([], 1.0)


def test_hellos_of_a_finished_session_that_come_late_change_nothing() -> None:
    net = Net()
    session = net.connect()
    hellos = [data for _, direction, data in net.wire if direction == "C"][:2]
    association = net.server.find(1)
    net.forget_counts()
    for hello in hellos:
        net.server.receive(hello, 1, 1, net.now)
    assert (net.wire, net.server.pending, net.server.find(1)) == ([], 0, association)
    assert session.state is State.CONNECTED


def test_a_last_flight_is_no_amplifier() -> None:
    """Whoever pretends to be a peer with a session makes us repeat a small flight, at most four times a second."""
    net = Net()
    net.connect()
    forged = bytes((22, 0xFE, 0xFD)) + bytes(7) + b"\x63" + b"\x00\x14" + b"\x10" + bytes(19)
    net.forget_counts()
    for number in range(1000):
        net.server.receive(forged, 1, 1, net.now + number / 1000)
    assert len(net.wire) <= 5
    assert sum(len(data) for _, _, data in net.wire) < 500
    net.run(net.now + 1)
    net.say(b"data")  # who has sent data has it all
    net.run(net.now + 1)
    net.forget_counts()
    net.server.receive(forged, 1, 1, net.now)
    assert net.wire == []


@pytest.mark.parametrize("times", [1, 3])
def test_an_alert_that_gets_lost_comes_again(times: int) -> None:
    net = Net(dropping("S", set(range(2, 2 + times))), accept=lambda _peer: "certificate is revoked")
    session = net.client()
    net.run(20)
    assert session.end == "alert: certificate revoked"
    assert net.events == [("failed", 1, "certificate is revoked")]
    assert net.server.counts.refused == 1
    again = net.client()
    net.run(21)
    assert again.end == "alert: certificate revoked"
    net.run(60)
    assert (len(net.calendar), net.server._ended) == (0, {})


def test_alerts_that_are_kept_are_bounded() -> None:
    net = Net(settings=Settings(pending_most=3), accept=lambda _peer: "device is disabled")
    for peer in range(9):
        net.client(peer=peer)
        net.run(net.now + 0.5)
    assert list(net.server._ended) == [6, 7, 8]


def test_everything_twice_and_in_any_order() -> None:
    for seed in range(40):
        net = Net(rough(seed, 0.0, twice=0.5, spread_s=0.3), settings=Settings(mtu=400 if seed % 2 else 1280))
        session = net.client()
        net.run(25)
        assert session.state is State.CONNECTED, (seed, session.end)
        again = net.client(resume=session.resumption, peer=2)
        net.run(50)
        assert (again.state, again.resumed) == (State.CONNECTED, True), (seed, again.end)
        assert net.server.sessions == 2


def come_up(net: Net, count: int, until: float, *, resume: dict[int, Any] | None = None) -> tuple[int, int]:
    """That many devices, each of which tries again when its handshake has ended badly; (connected, attempts)."""
    attempts = 0
    sessions: dict[int, ClientSession] = {}
    while net.now < until:
        for peer in range(count):
            session = sessions.get(peer)
            if session is None or session.state is State.CLOSED:
                attempts += 1
                sessions[peer] = net.client(identity(), (resume or {}).get(peer), peer=peer)
        if all(session.state is State.CONNECTED for session in sessions.values()):
            break
        net.run(net.now + 1)
    return sum(session.state is State.CONNECTED for session in sessions.values()), attempts


@pytest.mark.parametrize(("loss", "least"), [(0.1, 100), (0.3, 96)])
def test_a_fleet_comes_up_in_spite_of_loss(loss: float, least: int) -> None:
    net = Net(rough(3, loss, twice=0.02, spread_s=0.05))
    connected, attempts = come_up(net, 100, 120)
    assert connected >= least
    assert attempts < 110
    net.fate = straight
    net.run(net.now + 31)
    for peer in range(100):
        if net.clients[peer].state is State.CONNECTED:
            net.say(b"x", peer)
    net.run(net.now + 1)
    assert sum(what == "data" for what in net.kinds()) >= least
    assert (net.server.pending, net.server.counts.overflow) == (0, 0)
