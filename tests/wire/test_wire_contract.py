"""What every wire promises, whatever it is made of (simulator/wire/ports.py)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.wire.address import LOOPBACK, address, ip_of, ipv4, port_of
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork
from simulator.wire.real import open_wire
from simulator.wire.udp import DgramWire

pytestmark = pytest.mark.real

PATIENCE_S = 10.0
IN_FLIGHT = 200  # fit the buffer that a system grants to anybody
DEVICE = ipv4("127.64.0.1")


class Mailbox:
    """A receiver that keeps what comes; `holds` waits until so many have come."""

    def __init__(self):
        self.items = []
        self._wanted = 0
        self._enough = asyncio.Event()

    def __call__(self, data, peer, local_ip, now):
        self.items.append((data, peer, local_ip, now))
        if len(self.items) >= self._wanted:
            self._enough.set()

    async def holds(self, count):
        if len(self.items) < count:
            self._wanted = count
            self._enough.clear()
            await asyncio.wait_for(self._enough.wait(), PATIENCE_S)
        assert len(self.items) == count
        return self.items

    async def payloads(self, count):
        return [data for data, *_ in await self.holds(count)]


SOCKETS = ["batch", "single", "dgram"]


def on_wire(kind, scenario):
    """Run `scenario(wire, errors)` on a fresh wire; returns what the loop's handler was told."""
    errors = []

    async def in_memory(loop):
        loop.set_exception_handler(lambda _, context: errors.append(context))
        await scenario(MemoryNetwork(loop.timers, loop.clock), errors)

    async def on_sockets():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        wire = await open_wire(kind, WallClock(), loop)
        try:
            await scenario(wire, errors)
        finally:
            await wire.close()

    if kind == "memory":
        run_virtual(in_memory)
    else:
        asyncio.run(on_sockets())
    return errors


def runner(kind):
    def run_scenario(scenario, *, may_fail=False):
        told = on_wire(kind, scenario)
        assert may_fail or not told, told

    return run_scenario


@pytest.fixture(params=[*SOCKETS, "memory"])
def run(request):
    """Runs a scenario on every wire; what the loop is told must be part of the scenario's promise."""
    return runner(request.param)


@pytest.fixture(params=SOCKETS)
def run_on_sockets(request):
    """The same for what only the system can do."""
    return runner(request.param)


async def open_echo(wire, host="127.0.0.1"):
    """A port that answers every datagram with itself and a mark, from the address that it was sent to."""

    def answer(data, peer, local_ip, _now):
        port.send(data + b"!", peer, local_ip)

    port = await wire.open(host, 0, answer)
    return port, address(LOOPBACK, port_of(port.address))


def test_a_datagram_arrives_with_its_source_and_the_time(run):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        fleet = await wire.open("0.0.0.0", 0, Mailbox())
        fleet.send(b"hello", server.address, DEVICE)
        [(data, peer, local_ip, now)] = await mailbox.holds(1)
        assert (data, ip_of(peer), local_ip) == (b"hello", DEVICE, LOOPBACK)
        assert port_of(peer) == port_of(fleet.address)
        assert 0 <= now < PATIENCE_S
        assert (fleet.counts.sent, fleet.counts.sent_bytes) == (1, 5)
        assert (server.counts.received, server.counts.received_bytes) == (1, 5)

    run(scenario)


def test_a_thousand_devices_each_get_their_own_answer(run):
    async def scenario(wire, _errors):
        devices = min(1000, getattr(wire, "most_sockets", 1000))
        mailbox = Mailbox()
        _, target = await open_echo(wire)
        fleet = await wire.open("0.0.0.0", 0, mailbox)
        for number in range(devices):
            fleet.send(b"%d" % number, target, DEVICE + number)
            if number % IN_FLIGHT == 0:
                await mailbox.holds(number + 1)
        answers = await mailbox.holds(devices)
        assert sorted((data, peer, local_ip) for data, peer, local_ip, _ in answers) == sorted(
            (b"%d!" % number, target, DEVICE + number) for number in range(devices)
        )

    run(scenario)


def test_a_server_on_any_address_hears_and_answers(run):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        _, target = await open_echo(wire, "0.0.0.0")
        fleet = await wire.open("0.0.0.0", 0, mailbox)
        for number in range(100):
            fleet.send(b"%d" % number, target, DEVICE + number)
        answers = await mailbox.holds(100)
        assert Counter(local_ip for _, _, local_ip, _ in answers) == Counter(DEVICE + number for number in range(100))
        assert {peer for _, peer, _, _ in answers} == {target}

    run(scenario)


def test_what_one_source_sends_in_one_turn_arrives_complete_and_in_order(run):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        sent = [bytes([number % 251]) * (number % 100) for number in range(IN_FLIGHT)]
        for data in sent:
            client.send(data, server.address)
        assert await mailbox.payloads(IN_FLIGHT) == sent
        assert {peer for _, peer, _, _ in mailbox.items} == {client.address}

    run(scenario)


@pytest.mark.parametrize("size", [0, 1, 1472, 65507])
def test_every_size_passes(run, size):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        for fill in (b"a", b"b", b"c"):
            client.send(fill * size, server.address)
        assert await mailbox.payloads(3) == [b"a" * size, b"b" * size, b"c" * size]

    run(scenario)


@pytest.mark.parametrize("size", [65508, 65536, 10_000_000])
def test_what_is_too_long_is_counted_and_the_rest_goes(run, size):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        for data in (b"before", b"x" * size, b"after"):
            client.send(data, server.address)
        assert await mailbox.payloads(2) == [b"before", b"after"]
        assert (client.counts.sent, client.counts.send_errors) == (2, 1)
        assert client.counts.sent_bytes == len(b"beforeafter")

    run(scenario, may_fail=size > 1_000_000)


@pytest.mark.parametrize(
    ("target", "source"),
    [
        pytest.param(address("127.0.0.1", 0), 0, id="port 0"),
        pytest.param(address("255.255.255.255", 9), 0, id="broadcast"),
        pytest.param(address("127.0.0.1", 9), ipv4("192.0.2.1"), id="from an address that is not ours"),
    ],
)
def test_what_the_system_refuses_is_counted_and_the_rest_goes(run_on_sockets, target, source):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        fleet = await wire.open("0.0.0.0", 0, Mailbox())
        fleet.send(b"before", server.address, DEVICE)
        fleet.send(b"refused", target, source or DEVICE)
        fleet.send(b"after", server.address, DEVICE)
        assert await mailbox.payloads(2) == [b"before", b"after"]
        assert (fleet.counts.sent, fleet.counts.send_errors) == (2, 1)

    run_on_sockets(scenario, may_fail=True)


def test_a_closed_port_does_not_end_later_traffic(run):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        gone = await wire.open("127.0.0.1", 0, Mailbox())
        nobody = gone.address
        gone.close()
        client = await wire.open("127.0.0.1", 0, Mailbox())
        for number in range(200):
            client.send(b"to nobody", nobody)
            client.send(b"%d" % number, server.address)
        assert await mailbox.payloads(200) == [b"%d" % number for number in range(200)]
        client.send(b"one more", server.address)
        assert (await mailbox.payloads(201))[-1] == b"one more"

    run(scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_refused_in_words(run, host):
    async def scenario(wire, _errors):
        first = await wire.open(host, 0, Mailbox())
        with pytest.raises(LocalError, match=rf"{port_of(first.address)}.* is in use"):
            await wire.open(host, port_of(first.address), Mailbox())

    run(scenario)


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        pytest.param("192.0.2.1", 0, "192.0.2.1 is no address of this machine", id="foreign address"),
        pytest.param("127.0.0.1", 70000, "ports go from 0 to 65535", id="port out of range"),
        pytest.param("example.org", 0, "is no IPv4 address", id="a name"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_words(run_on_sockets, host, port, text):
    async def scenario(wire, _errors):
        with pytest.raises(LocalError, match=text):
            await wire.open(host, port, Mailbox())

    run_on_sockets(scenario)


def test_a_receiver_that_raises_is_reported_and_the_others_are_served(run):
    async def scenario(wire, errors):
        mailbox = Mailbox()

        def moody(data, peer, local_ip, now):
            if data in (b"3", b"4", b"99"):
                raise ValueError(data)
            mailbox(data, peer, local_ip, now)

        server = await wire.open("127.0.0.1", 0, moody)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        for number in range(100):
            client.send(b"%d" % number, server.address)
        client.send(b"end", server.address)
        assert (await mailbox.payloads(98))[-1] == b"end"
        assert [context["exception"].args[0] for context in errors] == [b"3", b"4", b"99"]
        assert server.counts.received == 101

    run(scenario, may_fail=True)


def test_a_receiver_may_close_its_port(run):
    async def scenario(wire, _errors):
        seen = []
        closed = asyncio.Event()

        def once(data, *_):
            seen.append(data)
            port.close()
            closed.set()

        port = await wire.open("127.0.0.1", 0, once)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        for number in range(100):
            client.send(b"%d" % number, port.address)
        await asyncio.wait_for(closed.wait(), PATIENCE_S)
        port.flush()
        assert seen == [b"0"]
        reopened = await wire.open("127.0.0.1", port_of(port.address), Mailbox())
        assert reopened.address == port.address

    run(scenario)


def test_after_closing_sends_are_counted_and_nothing_else_happens(run):
    async def scenario(wire, _errors):
        port = await wire.open("127.0.0.1", 0, Mailbox())
        target = (await wire.open("127.0.0.1", 0, Mailbox())).address
        port.close()
        port.close()
        port.send(b"late", target)
        port.flush()
        assert (port.counts.sent, port.counts.send_errors) == (0, 1)

    run(scenario)


def test_closing_sends_what_is_queued(run):
    async def scenario(wire, _errors):
        mailbox = Mailbox()
        server = await wire.open("127.0.0.1", 0, mailbox)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        client.send(b"farewell", server.address)
        client.close()
        assert await mailbox.payloads(1) == [b"farewell"]

    run(scenario)


def test_datagrams_that_the_system_drops_are_counted(run_on_sockets):
    async def scenario(wire, _errors):
        seen = {b"end": asyncio.Event(), b"last": asyncio.Event()}

        def note(data, *_):
            if data in seen:
                seen[data].set()

        server = await wire.open("127.0.0.1", 0, note)
        client = await wire.open("127.0.0.1", 0, Mailbox())
        # In one turn, while nobody reads: more than the server's buffer takes.
        for _ in range(server.granted_receive_bytes // 65507 + 64):
            client.send(b"x" * 65507, server.address)
        async with asyncio.timeout(PATIENCE_S):
            while not seen[b"end"].is_set():  # the first of them are dropped, too
                client.send(b"end", server.address)
                await asyncio.sleep(0)
            client.send(b"last", server.address)
            await seen[b"last"].wait()
        server.close()
        assert server.counts.overflowed > 0
        assert server.counts.received + server.counts.overflowed == client.counts.sent

    run_on_sockets(scenario)


def test_two_wires_of_different_kinds_understand_each_other():
    async def main():
        loop, clock = asyncio.get_running_loop(), WallClock()
        wires = [await open_wire(kind, clock, loop) for kind in ("batch", "single", "dgram")]
        for asking in wires:
            for answering in wires:
                mailbox = Mailbox()
                _, target = await open_echo(answering)
                fleet = await asking.open("0.0.0.0", 0, mailbox)
                for number in range(10):
                    fleet.send(b"%d" % number, target, DEVICE + number)
                answers = await mailbox.holds(10)
                assert {(data, local_ip) for data, _, local_ip, _ in answers} == {
                    (b"%d!" % number, DEVICE + number) for number in range(10)
                }
        for wire in wires:
            await wire.close()

    asyncio.run(main())


def test_a_mapped_wire_is_a_wire_too():
    async def main():
        loop, clock = asyncio.get_running_loop(), WallClock()
        wire = DgramWire(clock, loop, mapped=True)
        mailbox = Mailbox()
        _, target = await open_echo(wire)
        fleet = await wire.open("0.0.0.0", 0, mailbox)
        for number in range(100):
            fleet.send(b"%d" % number, target, DEVICE + number)
        answers = await mailbox.holds(100)
        assert {(data, local_ip) for data, _, local_ip, _ in answers} == {
            (b"%d!" % number, DEVICE + number) for number in range(100)
        }
        await wire.close()

    asyncio.run(main())
