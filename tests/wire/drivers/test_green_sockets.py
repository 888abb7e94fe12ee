"""The wire with a socket for each device, on gevent's hub: what load tests reach other machines by."""

from __future__ import annotations

import _socket
import errno
import os
import socket

import gevent
import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.wire.address import LOOPBACK, address, ip_of, ipv4, port_of
from simulator.wire.drivers import green_sockets
from simulator.wire.drivers.green import GreenLoop, immediately, open_green_wire
from simulator.wire.drivers.green_sockets import DRAIN_LIMIT, WAITING_LIMIT, GreenSockets
from simulator.wire.nat import Nat, NatWire

pytestmark = pytest.mark.real

PATIENCE_S = 5.0
DEVICE = ipv4("127.64.0.1")


class Bench:
    """A wire, a platform that answers on another one, and what went wrong."""

    def __init__(self):
        self.errors, self.asked, self.heard = [], [], []
        self.clock = WallClock()
        self.loop = GreenLoop(self.errors.append)
        self.wires = [open_green_wire(self.clock, self.loop)]
        self.platform = immediately(self.wires[0].open("127.0.0.1", 0, self._answer))

    def _answer(self, data, peer, _local_ip, _now):
        self.asked.append((data, peer))
        self.platform.send(data + b"!", peer)

    def wire(self, **options):
        self.wires.append(GreenSockets(self.clock, self.loop, **options))
        return self.wires[-1]

    def fleet(self, wire=None, receive=None):
        receive = receive or (lambda data, peer, local_ip, _now: self.heard.append((data, peer, local_ip)))
        return immediately((wire or self.wire()).open("0.0.0.0", 0, receive))

    def hears(self, count):
        """What has come to devices, as soon as there is so much of it."""
        return holds(self.heard, count)

    def close(self):
        for wire in self.wires:
            immediately(wire.close())
        self.loop.close()


def holds(found, count):
    while len(found) < count:
        gevent.sleep(0.001)
    assert len(found) == count
    return found


@pytest.fixture
def bench():
    it = Bench()
    with gevent.Timeout(PATIENCE_S):
        yield it
    it.close()


def turn():
    """Everybody who is ready has had a turn."""
    for _ in range(3):
        gevent.sleep(0.001)


class Stubborn(_socket.socket):
    """A socket that says no now and then."""

    refusals: list[int] = []
    no_bind = 0

    def bind(self, where):
        if self.no_bind:
            raise OSError(self.no_bind, os.strerror(self.no_bind))
        super().bind(where)

    def sendto(self, data, where):
        if self.refusals:
            raise OSError(self.refusals.pop(0), "no")
        return super().sendto(data, where)


@pytest.fixture
def stubborn(monkeypatch):
    monkeypatch.setattr(green_sockets, "socket", Stubborn)
    monkeypatch.setattr(Stubborn, "refusals", [])
    return Stubborn


# --- who is who -------------------------------------------------------------------------------------------------------


def test_each_device_has_a_port_of_its_own_and_is_told_by_its_own_address(bench):
    fleet = bench.fleet()
    for number in range(300):
        fleet.send(b"%d" % number, bench.platform.address, DEVICE + number)
        if number % 100 == 99:
            bench.hears(number + 1)
    assert sorted(bench.heard) == sorted(
        (b"%d!" % number, bench.platform.address, DEVICE + number) for number in range(300)
    )
    assert len({peer for _, peer in bench.asked}) == 300
    assert {ip_of(peer) for _, peer in bench.asked} == {LOOPBACK}
    counts = fleet.counts
    assert (counts.sent, counts.received, counts.send_errors, counts.overflowed) == (300, 300, 0, 0)
    assert (counts.sent_bytes, counts.received_bytes) == (790, 1090)
    assert bench.errors == []


def test_a_device_is_opened_when_it_is_asked_for_and_keeps_its_port(bench):
    wire = bench.wire()
    fleet = bench.fleet(wire)
    assert wire.device_sockets == 0
    seen = fleet.local_address(DEVICE)
    bench.platform.send(b"downstream", seen)
    assert bench.hears(1) == [(b"downstream", bench.platform.address, DEVICE)]
    for _ in range(2):
        fleet.send(b"x", bench.platform.address, DEVICE)
    bench.hears(3)
    assert [peer for _, peer in bench.asked] == [seen, seen]
    assert (wire.device_sockets, fleet.local_address(DEVICE)) == (1, seen)


def test_who_names_no_device_sends_from_the_port_itself(bench):
    fleet = bench.fleet()
    fleet.send(b"x", bench.platform.address)
    assert bench.hears(1) == [(b"x!", bench.platform.address, 0)]
    assert port_of(bench.asked[0][1]) == port_of(fleet.address) == port_of(fleet.local_address(0))


def test_a_port_on_one_address_has_that_address(bench):
    wire = bench.wire()
    port = immediately(wire.open("127.0.0.9", 0, lambda *datagram: bench.heard.append(datagram[:3])))
    port.send(b"x", bench.platform.address)
    assert bench.hears(1)[0][2] == ipv4("127.0.0.9")
    assert (bench.asked[0][1], wire.device_sockets) == (port.address, 0)
    port.send(b"y", bench.platform.address, DEVICE)
    assert bench.hears(2)[1][2] == DEVICE
    assert bench.asked[1][1] == port.local_address(DEVICE) != port.address
    assert ip_of(bench.asked[1][1]) == ipv4("127.0.0.9")


def test_a_port_in_use_is_said(bench):
    with pytest.raises(LocalError, match=rf"UDP port {port_of(bench.platform.address)} on 127\.0\.0\.1 is in use"):
        immediately(bench.wire().open("127.0.0.1", port_of(bench.platform.address), print))


# --- limits -----------------------------------------------------------------------------------------------------------


def test_devices_without_a_descriptor_are_counted_and_told_once(bench):
    fleet = bench.fleet(bench.wire(most_sockets=4))
    for number in range(10):
        fleet.send(b"%d" % number, bench.platform.address, DEVICE + number)
    assert {data for data, *_ in bench.hears(4)} == {b"0!", b"1!", b"2!", b"3!"}
    assert (fleet.counts.sent, fleet.counts.send_errors) == (4, 6)
    (told,) = bench.errors
    words = "no descriptors for more than 4 devices in this process: .*ulimit -n.*--processes.* fewer devices"
    with pytest.raises(LocalError, match=words) as caught:
        fleet.local_address(DEVICE + 4)
    assert str(told["exception"]) == str(caught.value)


def test_the_limit_is_that_of_the_system_less_some(bench, monkeypatch):
    monkeypatch.setattr(green_sockets, "descriptor_limit", lambda: 1024)
    assert bench.wire().most_sockets == 1024 - green_sockets.SPARE_DESCRIPTORS


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRINUSE, "no UDP ports for more than 1 devices in this process: .*ip_local_port_range"),
        (errno.EMFILE, "no descriptors for more than 1 devices in this process: .*ulimit -n"),
        (errno.EPERM, "a device gets no socket: Operation not permitted"),
    ],
)
def test_what_the_system_refuses_is_told_in_words(bench, stubborn, monkeypatch, number, words):
    wire = bench.wire()
    fleet = bench.fleet(wire)
    fleet.local_address(DEVICE)
    monkeypatch.setattr(stubborn, "no_bind", number)
    with pytest.raises(LocalError, match=words):
        fleet.local_address(DEVICE + 1)
    monkeypatch.undo()
    fleet.send(b"x", bench.platform.address, DEVICE + 1)  # there may be one again
    bench.hears(1)
    assert (wire.device_sockets, bench.errors) == (2, [])


# --- a system that takes nothing, or too much comes -------------------------------------------------------------------


def test_what_the_system_does_not_take_waits_in_order(bench, stubborn):
    fleet = bench.fleet()
    stubborn.refusals += [errno.EAGAIN, errno.EAGAIN]
    for number in range(5):
        fleet.send(b"%d" % number, bench.platform.address, DEVICE)
    assert fleet.counts.sent == 0
    assert [data for data, *_ in bench.hears(5)] == [b"%d!" % number for number in range(5)]
    assert (fleet.counts.sent, fleet.counts.send_errors, bench.errors) == (5, 0, [])
    turn()
    assert not bench.loop._writers


def test_only_so_much_waits_and_closing_counts_it(bench, stubborn):
    fleet = bench.fleet()
    stubborn.refusals.append(errno.EAGAIN)
    for _ in range(WAITING_LIMIT + 3):
        fleet.send(b"x", bench.platform.address, DEVICE)
    assert fleet.counts.send_errors == 3
    fleet.close()
    assert (fleet.counts.sent, fleet.counts.send_errors) == (0, WAITING_LIMIT + 3)
    assert not bench.loop._writers


@pytest.mark.parametrize(
    ("refusals", "sent"),
    [([errno.EINTR, errno.ECONNREFUSED], 1), ([errno.ECONNREFUSED] * 8, 0), ([errno.ENETUNREACH], 0)],
)
def test_refusals_are_passed_over_or_counted(bench, stubborn, refusals, sent):
    fleet = bench.fleet()
    stubborn.refusals += refusals
    fleet.send(b"x", bench.platform.address, DEVICE)
    assert (fleet.counts.sent, fleet.counts.send_errors) == (sent, 1 - sent)
    assert stubborn.refusals == []


def test_a_datagram_that_is_too_long_is_counted(bench):
    fleet = bench.fleet()
    fleet.send(bytes(65508), bench.platform.address, DEVICE)
    fleet.send(b"x", address(LOOPBACK, 0), DEVICE)
    assert (fleet.counts.sent, fleet.counts.send_errors) == (0, 2)


def test_a_device_that_is_flooded_leaves_their_turn_to_others(bench):
    order = []
    fleet = bench.fleet(receive=lambda _data, _peer, local_ip, _now: order.append(local_ip))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(2):  # whichever of them is the first
            for _ in range(2 * DRAIN_LIMIT):
                sock.sendto(b"x", ("127.0.0.1", port_of(fleet.local_address(DEVICE + number))))
    holds(order, 4 * DRAIN_LIMIT)
    assert order[:DRAIN_LIMIT] == [order[0]] * DRAIN_LIMIT
    assert order[DRAIN_LIMIT] != order[0]


def test_what_the_system_drops_is_counted(bench):
    fleet = bench.fleet()
    seen = fleet.local_address(DEVICE)
    fleet._outlets[DEVICE].sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(1000):
            sock.sendto(b"x", ("127.0.0.1", port_of(seen)))
    while fleet.counts.received + fleet.counts.overflowed < 1000:
        gevent.sleep(0.001)
    assert fleet.counts.overflowed > 0
    assert fleet.counts.received + fleet.counts.overflowed == 1000


def test_the_longest_datagram_is_whole(bench):
    fleet = bench.fleet()
    data = bytes(range(256)) * 255 + bytes(226)
    fleet.send(data, bench.platform.address, DEVICE)
    holds(bench.asked, 1)
    bench.platform.send(data + b"?", fleet.local_address(DEVICE))
    (found,) = [each for each, *_ in bench.hears(2) if each.endswith(b"?")]
    assert (len(found), found) == (65507, data + b"?")


# --- receivers and closing --------------------------------------------------------------------------------------------


def test_a_receiver_that_fails_is_told_and_the_next_one_comes(bench):
    heard = []

    def receive(data, *_):
        heard.append(data)
        if len(heard) == 1:
            raise ZeroDivisionError

    fleet = bench.fleet(receive=receive)
    for data in (b"1", b"2"):
        fleet.send(data, bench.platform.address, DEVICE)
    assert holds(heard, 2) == [b"1!", b"2!"]
    assert [type(each["exception"]) for each in bench.errors] == [ZeroDivisionError]


@pytest.mark.parametrize("how", ["close", "let_go"])
def test_a_receiver_may_close_what_it_hears_by(bench, how):
    heard = []

    def receive(data, _peer, local_ip, _now):
        heard.append(data)
        fleet.close() if how == "close" else fleet.let_go(local_ip)

    fleet = bench.fleet(receive=receive)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in (b"1", b"2"):
            sock.sendto(data, ("127.0.0.1", port_of(fleet.local_address(DEVICE))))
    holds(heard, 1)
    turn()
    assert (heard, bench.errors) == ([b"1"], [])


def test_closing_gives_back_all_descriptors(bench):
    before = len(os.listdir("/proc/self/fd"))
    wire = bench.wire()
    fleet = bench.fleet(wire)
    for number in range(20):
        fleet.send(b"x", bench.platform.address, DEVICE + number)
    assert len(os.listdir("/proc/self/fd")) == before + 21
    immediately(wire.close())
    fleet.close()
    assert (len(os.listdir("/proc/self/fd")), wire.device_sockets, fleet.counts.sent) == (before, 0, 20)
    fleet.send(b"x", bench.platform.address, DEVICE)
    assert (fleet.counts.send_errors, wire.device_sockets, bench.errors) == (1, 0, [])
    with pytest.raises(LocalError, match="closed"):
        fleet.local_address(DEVICE)


# --- behind NATs ------------------------------------------------------------------------------------------------------


def test_a_rebound_device_is_at_another_port_and_its_former_one_is_given_back(bench):
    wire = bench.wire()
    nat = Nat(bench.clock, lambda ip: ip == DEVICE)
    fleet = bench.fleet(NatWire(wire, nat))
    for number in range(4):
        fleet.send(b"%d" % number, bench.platform.address, DEVICE)
        assert bench.hears(number + 1)[-1] == (b"%d!" % number, bench.platform.address, DEVICE)
        assert fleet.local_address(DEVICE) == bench.asked[-1][1]
        assert wire.device_sockets == 1
        nat.rebind(DEVICE)
        assert wire.device_sockets == 0
    assert len({peer for _, peer in bench.asked}) > 1
    former = bench.asked[-1][1]
    fleet.local_address(DEVICE)
    if fleet.local_address(DEVICE) != former:
        bench.platform.send(b"late", former)
        turn()
    assert len(bench.heard) == 4


def test_the_address_of_who_is_left_alone_stays(bench):
    wire = bench.wire()
    nat = Nat(bench.clock, lambda ip: ip in (DEVICE, DEVICE + 1))
    fleet = bench.fleet(NatWire(wire, nat))
    fleet.local_address(DEVICE)
    nat.move(DEVICE, DEVICE + 1)  # the other one appears where the first one would
    nat.rebind(DEVICE)
    assert wire.device_sockets == 1
    nat.rebind(DEVICE + 1)
    assert wire.device_sockets == 0
