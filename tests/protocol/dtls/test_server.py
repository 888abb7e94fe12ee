"""What a server does with hellos: cookies, bounds, and devices that come again."""

from __future__ import annotations

import pytest

from simulator.protocol.dtls import server
from simulator.protocol.dtls.agenda import NEVER, Agenda
from simulator.protocol.dtls.client import ClientSession, State
from simulator.protocol.dtls.library import CALLS
from simulator.protocol.dtls.settings import Settings
from simulator.wire.calendar import Calendar

from .virtual import DELAY_S, HERE, Net, identity


def hellos(net: Net, peer: int = 1) -> tuple[bytes, bytes]:
    """The two hellos of a client at that address, whose second one has not reached the server."""
    session = ClientSession(net.context, identity())
    session.start(net.now)
    (first,) = session.out()
    before = len(net.wire)
    net.server.receive(first, peer, HERE, net.now)
    question = net.wire[before][2]
    session.feed(question, net.now)
    (second,) = session.out()
    return first, second


def test_a_cookie_belongs_to_its_address() -> None:
    net = Net(lambda *_: [])
    _, second = hellos(net)
    for peer, local_ip in ((2, HERE), (1, HERE + 1)):
        net.server.receive(second, peer, local_ip, 0.0)
        assert (net.server.pending, len(net.calendar)) == (0, 0)
    assert net.server.counts.cookies == 3
    other = Net(lambda *_: [], seed=8)
    other.server.receive(second, 1, HERE, 0.0)
    assert (other.server.pending, other.server.counts.cookies) == (0, 1)
    net.server.receive(second, 1, HERE, 0.0)
    assert net.server.pending == 1


def test_hellos_from_everywhere_cost_no_state() -> None:
    net = Net(lambda *_: [])
    first, _ = hellos(net)
    for peer in range(10, 2010):
        net.server.receive(first, peer, HERE, 0.0)
    assert (net.server.pending, net.server.sessions, len(net.calendar)) == (0, 0, 0)
    assert net.server.counts.cookies == 2001
    answers = [len(data) for _, _, data in net.wire]
    assert max(answers) < len(first)  # and they amplify nothing


@pytest.mark.parametrize("size", [16_384, 16_385, 18_432, 40_000, 65_000])
def test_a_giant_hello_stands_in_nobodys_way(size: int) -> None:
    net = Net(lambda *_: [])
    first, _ = hellos(net)
    giant = first[:11] + size.to_bytes(2, "big") + (first * 300)[13 : 13 + size]
    net.server.receive(giant, 9, HERE, 0.0)
    net.forget_counts()
    net.server.receive(first, 2, HERE, 0.0)
    assert len(net.wire) == 1  # the question for a cookie


def test_giant_datagrams_leave_no_larger_buffers_behind() -> None:
    net = Net()
    net.connect()
    put: list[int] = []
    calls = CALLS._replace(put=lambda connection, data: (put.append(len(data)), CALLS.put(connection, data))[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "CALLS", calls)
        for size in (65_480, 18_433, 18_432):  # the last one is as long as a record can be (RFC 6347 §4.1)
            net.server.receive(
                b"\x17\xfe\xfd\0\1\0\0\0\0\0\5" + size.to_bytes(2, "big") + bytes(size), 1, HERE, net.now
            )
    assert put == [13 + 18_432]
    assert net.server.counts.garbage == 2


def test_a_pending_handshake_takes_no_more_than_a_handshake_needs() -> None:
    net = Net(lambda *_: [])
    net.server.receive(hellos(net)[1], 1, HERE, 0.0)
    for number in range(100):  # OpenSSL keeps what is of the next epoch for later
        record = b"\x17\xfe\xfd\0\1" + number.to_bytes(6, "big") + (16_000).to_bytes(2, "big") + bytes(16_000)
        net.server.receive(record, 1, HERE, 0.0)
    assert (net.server.pending, net.server.counts.garbage) == (1, 96)


def test_pending_handshakes_are_bounded() -> None:
    net = Net(lambda *_: [], settings=Settings(pending_most=3))
    for peer in range(3):
        net.server.receive(hellos(net, peer)[1], peer, HERE, 0.0)
    first, _ = hellos(Net(lambda *_: []))
    for _ in range(4):
        net.server.receive(first, 9, HERE, 0.0)
    assert (net.server.pending, net.server.counts.overflow) == (3, 4)
    net.run(31)
    assert (net.server.pending, net.server.counts.timeouts, len(net.calendar)) == (0, 3, 0)
    net.server.receive(hellos(net, 9)[1], 9, HERE, net.now)
    assert net.server.pending == 1


def test_sessions_are_bounded() -> None:
    net = Net(settings=Settings(sessions_most=2, deadline_s=3))
    net.connect(peer=1)
    net.connect(peer=2)
    third = net.client(peer=3)
    net.run(net.now + 4)
    assert third.end == "timeout"
    assert net.server.counts.overflow > 0
    net.connect(peer=1)  # takes its own place
    assert net.server.sessions == 2


def test_a_rebooted_device_replaces_its_session_when_it_has_finished() -> None:
    net = Net()
    net.connect()
    old = net.server.find(1)
    began = net.now
    net.client(identity("rebooted"))
    net.run(began + 4.5 * DELAY_S)
    assert (net.server.find(1), net.server.pending, net.kinds()) == (old, 1, ["connected"])
    net.run(began + 1)
    assert net.events[1:] == [("closed", 1, "replaced"), ("connected", 1, "rebooted")]
    assert net.server.find(1) is not old
    assert (net.server.counts.replaced, net.server.sessions) == (1, 1)
    net.say(b"new")
    net.run(net.now + 1)
    assert net.events[-1] == ("data", 1, b"new")


def test_a_session_goes_on_beside_a_handshake_that_comes_to_nothing() -> None:
    """Somebody says hello in the device's name; it may even see the answers."""
    net = Net()
    net.echo = True
    session = net.connect()
    _, second = hellos(net)
    net.server.receive(second, 1, HERE, net.now)
    assert net.server.pending == 1
    net.say(b"mine")
    net.run(net.now + 1)
    assert session.received() == [b"enim"]
    net.run(net.now + 40)
    assert (net.server.pending, net.server.counts.timeouts) == (0, 1)
    net.say(b"still")
    net.run(net.now + 1)
    assert session.received() == [b"llits"]
    session.close(net.now)
    net.flush()
    net.run(net.now + 1)
    assert net.events[-1] == ("closed", 1, "close-notify")


def test_a_close_beside_a_pending_handshake_is_the_sessions() -> None:
    net = Net()
    session = net.connect()
    net.server.receive(hellos(net)[1], 1, HERE, net.now)
    session.close(net.now)
    net.flush()
    net.run(net.now + 0.5)
    assert net.events[-1] == ("closed", 1, "close-notify")
    assert net.server.pending == 1


def test_a_device_that_begins_anew_in_the_middle_of_its_handshake() -> None:
    net = Net()
    net.client()
    net.run(3.5 * DELAY_S)
    net.clients.clear()  # while it is off, the server's flight arrives at nobody
    net.run(5 * DELAY_S)
    assert net.server.pending == 1
    second = net.client(identity("second"))
    net.run(5)
    assert second.state is State.CONNECTED
    assert [event for event in net.events if event[0] == "connected"] == [("connected", 1, "second")]
    assert net.server.pending == 0


def test_many_sessions_and_one_entry_in_the_calendar() -> None:
    net = Net()
    for peer in range(60):
        net.client(peer=peer)
    net.run(5)
    assert net.server.sessions == 60
    assert (len(net.calendar) <= 3, net.server.timers <= 3) == (True, True)


class Item:
    def __init__(self) -> None:
        self.when = NEVER


def test_the_agenda_calls_in_order_and_moves_to_earlier_only() -> None:
    calendar, called = Calendar(), []
    agenda = Agenda(calendar, lambda item, now: called.append((names[item], now)))
    a, b, c = Item(), Item(), Item()
    names = {a: "a", b: "b", c: "c"}
    agenda.at(a, 5.0)
    agenda.at(b, 3.0)
    agenda.at(a, 9.0)
    agenda.at(c, 4.0)
    agenda.at(c, 2.0)
    agenda.forget(b)
    for now in (1.0, 2.0, 3.0, 4.0, 5.0, 9.0):
        calendar.expire(now)
    assert called == [("c", 2.0), ("a", 5.0)]
    assert (len(agenda), agenda.timers, len(calendar)) == (0, 0, 0)


def test_the_agenda_lets_go_of_what_has_ended() -> None:
    agenda = Agenda(Calendar(), lambda item, now: None)
    items = [Item() for _ in range(500)]
    for item in items:
        agenda.at(item, 600.0)
    for item in items:
        agenda.forget(item)
    assert len(agenda) <= 128
