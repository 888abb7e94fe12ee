"""The memory network: what is sent arrives, in order, once, and never from within the sending."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import VirtualClock
from simulator.errors import LocalError
from simulator.wire import memory
from simulator.wire.address import ANY, LOOPBACK, address, host_text, ipv4, port_of
from simulator.wire.calendar import Calendar
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.link import Links
from simulator.wire.memory import MemoryNetwork
from simulator.wire.presets import Direction, LinkProfile

DEVICE = ipv4("127.64.0.5")


class World:
    """A network with its clock and calendar, turned by hand."""

    def __init__(self):
        self.clock = VirtualClock()
        self.timers = Calendar()
        self.network = MemoryNetwork(self.timers, self.clock)

    def open(self, host, port, receiver=lambda *_: None):
        return asyncio.run(self.network.open(host, port, receiver))

    def settle(self):
        while self.timers.play(self.clock, ()):
            pass


@pytest.fixture
def world():
    return World()


def noted(log):
    return lambda data, peer, local_ip, now: log.append((data, peer, local_ip, now))


def test_a_datagram_arrives_with_its_source_destination_and_time(world):
    log = []
    server = world.open("127.0.0.1", 5683, noted(log))
    fleet = world.open("0.0.0.0", 0)
    world.clock.time_s = 12.5
    fleet.send(b"hello", server.address, DEVICE)
    assert log == []
    world.settle()
    assert log == [(b"hello", address(DEVICE, port_of(fleet.address)), LOOPBACK, 12.5)]
    assert (fleet.counts.sent, fleet.counts.sent_bytes) == (1, 5)
    assert (server.counts.received, server.counts.received_bytes) == (1, 5)


@pytest.mark.parametrize(
    ("bound", "local_ip", "source"),
    [("127.0.0.9", 0, "127.0.0.9"), ("0.0.0.0", 0, "127.0.0.1"), ("0.0.0.0", DEVICE, "127.64.0.5")],
    ids=["the bound address", "the network's choice", "the one that is asked for"],
)
def test_the_source_is(world, bound, local_ip, source):
    log = []
    server = world.open("127.0.0.1", 1, noted(log))
    world.open(bound, 2).send(b"", server.address, local_ip)
    world.settle()
    assert host_text(log[0][1]) == source


def test_a_port_for_every_address_is_told_which_one_was_meant(world):
    log = []
    fleet = world.open("0.0.0.0", 7000, noted(log))
    server = world.open("127.0.0.1", 5683)
    for ip in (DEVICE, DEVICE + 1):
        server.send(b"x", address(ip, 7000))
    world.settle()
    assert [local_ip for _, _, local_ip, _ in log] == [DEVICE, DEVICE + 1]
    assert fleet.address == address(ANY, 7000)


def test_an_answer_finds_its_way_back(world):
    log = []

    def echo(data, peer, local_ip, now):
        assert now == 0.0
        server.send(data[::-1], peer, local_ip)

    server = world.open("127.0.0.1", 5683, echo)
    fleet = world.open("0.0.0.0", 0, noted(log))
    fleet.send(b"abc", server.address, DEVICE)
    world.settle()
    assert [(data, local_ip) for data, _, local_ip, _ in log] == [(b"cba", DEVICE)]


def test_nobody_is_called_from_within_a_sending(world):
    depth, log = 0, []

    def bounce(data, peer, _local_ip, _now):
        nonlocal depth
        depth += 1
        log.append(depth)
        if len(log) < 50:
            (b if peer == a.address else a).send(data, peer)
        depth -= 1

    a, b = world.open("127.0.0.1", 1, bounce), world.open("127.0.0.1", 2, bounce)
    a.send(b"", b.address)
    world.settle()
    assert log == [1] * 50


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=60))
def test_everything_arrives_once_and_in_the_order_of_sending(sends):
    world, log = World(), []
    ports = [world.open("127.0.0.1", n + 1, lambda data, *_: log.append(data)) for n in range(3)]
    for n, (source, target) in enumerate(sends):
        ports[source].send(b"%d" % n, ports[target].address)
    world.settle()
    assert log == [b"%d" % n for n in range(len(sends))]


# --- opening and closing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "0.0.0.0")],
)
def test_a_port_in_use_is_refused_and_free_again_when_closed(world, first, second):
    port = world.open(first, 5683)
    with pytest.raises(LocalError, match=r":5683 is in use on the memory network; choose another port"):
        world.open(second, 5683)
    port.close()
    port.close()
    world.open(second, 5683)


def test_two_addresses_may_have_the_same_port(world):
    log = []
    a, b = (world.open(host, 5683, noted(log)) for host in ("127.0.0.1", "127.0.0.2"))
    a.send(b"to b", b.address)
    world.settle()
    assert [local_ip for _, _, local_ip, _ in log] == [ipv4("127.0.0.2")]
    a.close()
    with pytest.raises(LocalError):
        world.open("0.0.0.0", 5683)


def test_port_0_is_the_next_free_one_and_the_same_in_each_run(world):
    numbers = [port_of(world.open("0.0.0.0", 0).address) for _ in range(3)]
    world.open("127.0.0.1", numbers[-1] + 1)
    numbers.append(port_of(world.open("127.0.0.1", 0).address))
    assert numbers == [49152, 49153, 49154, 49156]


def test_when_no_port_is_free_it_says_so(world, monkeypatch):
    monkeypatch.setattr(memory, "FIRST_FREE_PORT", 65_534)
    world.network._next_free = 65_534
    first = world.open("127.0.0.1", 0)
    world.open("127.0.0.1", 0)
    with pytest.raises(LocalError, match="no port is free"):
        world.open("127.0.0.1", 0)
    first.close()
    assert port_of(world.open("127.0.0.1", 0).address) == 65_534


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 65_536), ("127.0.0.1", -1), ("nowhere", 1)])
def test_what_is_no_address_is_refused(world, host, port):
    with pytest.raises(LocalError):
        world.open(host, port)


# --- what does not arrive ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "arrives"), [(0, True), (65_507, True), (65_508, False)])
def test_the_longest_datagram_is_that_of_udp(world, size, arrives):
    log = []
    server, client = world.open("127.0.0.1", 1, noted(log)), world.open("127.0.0.1", 2)
    client.send(bytes(size), server.address)
    world.settle()
    assert len(log) == arrives
    assert (client.counts.send_errors, world.network.counts.too_long) == (not arrives, not arrives)
    assert client.counts.sent == arrives


def test_what_nobody_receives_is_counted(world):
    port, gone = world.open("127.0.0.1", 1), world.open("127.0.0.1", 2)
    port.send(b"", address("127.0.0.1", 99))
    port.send(b"", gone.address)
    gone.close()
    world.settle()
    assert world.network.counts.to_nobody == 2
    assert gone.counts.received == 0


@pytest.mark.parametrize("when", ["closed before it is sent", "closed while it is under way"])
@pytest.mark.parametrize("again", [True, False])
def test_what_is_under_way_is_for_whoever_has_the_port_when_it_arrives(world, when, again):
    """A platform that is restarted gets what arrives when it is up, as from a real network."""
    log, links = [], Links(0)
    links.set(DEVICE, LinkProfile(up=Direction(delay_s=2.0)))
    fleet = asyncio.run(world.network.open("0.0.0.0", 0, lambda *_: None, links))
    server = world.open("127.0.0.1", 5683)

    def send():
        fleet.send(b"hello", address("127.0.0.1", 5683), DEVICE)

    if when == "closed while it is under way":
        send()
    server.close()
    if when == "closed before it is sent":
        send()
    assert world.network.counts.to_nobody == 0
    if again:
        world.timers.at(1.0, lambda *_: world.open("127.0.0.1", 5683, noted(log)), None)
    world.settle()
    assert [(data, now) for data, _, _, now in log] == ([(b"hello", 2.0)] if again else [])
    assert world.network.counts.to_nobody == (not again)


def test_a_closed_port_sends_nothing(world):
    log = []
    server, client = world.open("127.0.0.1", 1, noted(log)), world.open("127.0.0.1", 2)
    client.close()
    client.send(b"", server.address)
    world.settle()
    assert (log, client.counts.send_errors) == ([], 1)


def test_what_waits_for_a_port_is_bounded(world, monkeypatch):
    monkeypatch.setattr(memory, "MOST_WAITING", 10)
    server, client = world.open("127.0.0.1", 1), world.open("127.0.0.1", 2)
    for _ in range(15):
        client.send(b"", server.address)
    world.settle()
    assert (server.counts.received, server.counts.overflowed) == (10, 5)
    client.send(b"", server.address)
    world.settle()
    assert server.counts.received == 11


def test_a_receiver_that_raises_loses_nothing_but_its_own():
    async def main(loop):
        seen, log = [], []
        loop.set_exception_handler(lambda _, context: seen.append(type(context["exception"])))
        network = MemoryNetwork(loop.timers, loop.clock)

        def receive(data, *_):
            log.append(data)
            if data == b"1":
                raise KeyError

        server = await network.open("127.0.0.1", 0, receive)
        client = await network.open("127.0.0.1", 0, lambda *_: None)
        for n in range(3):
            client.send(b"%d" % n, server.address)
        await asyncio.sleep(1)
        return seen, log

    assert run_virtual(main) == ([KeyError], [b"0", b"1", b"2"])
