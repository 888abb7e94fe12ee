"""What is special about batches: many datagrams a call, one descriptor for all, and a layout that must be right."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys

import pytest

from simulator.clock import VirtualClock, WallClock
from simulator.wire import batch, batch_layout, selftest
from simulator.wire.address import LOOPBACK, address, ipv4, port_of
from simulator.wire.batch import BatchPort, BatchWire
from simulator.wire.batch_layout import Inbox, Outbox
from simulator.wire.ports import deliver_batches
from simulator.wire.socket_port import BATCH
from simulator.wire.sockets import bind_udp

pytestmark = pytest.mark.real

DEVICE = ipv4("127.64.0.1")


def test_batches_work_here():
    assert batch.available() is None


def test_the_self_test_notices_a_port_that_mixes_up_addresses():
    class WrongSource(BatchPort):
        def send(self, data, peer, local_ip=0):
            super().send(data, peer, local_ip ^ 2)

    assert "addresses or payloads differ" in selftest.exchange(WrongSource)


def test_the_self_test_notices_a_port_that_raises():
    class NoControl(BatchPort):
        def __init__(self, *_):
            raise OSError("no such option")

    assert "no such option" in selftest.exchange(NoControl)


def test_a_system_without_the_calls_is_told(monkeypatch):
    def lost():
        raise AttributeError("undefined symbol: recvmmsg")

    monkeypatch.setattr(batch, "system_calls", lost)
    assert batch.available.__wrapped__() == "the C library lacks a call: undefined symbol: recvmmsg"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert batch.available.__wrapped__() == "no recvmmsg and IP_PKTINFO on darwin"


def test_the_interpreter_lock_is_kept_during_a_call():
    for call in batch_layout.system_calls():
        assert call._flags_ & 0x4, "FUNCFLAG_PYTHONAPI: PyDLL, not CDLL"


@pytest.mark.parametrize("count", [1, 2, BATCH - 1, BATCH])
def test_a_batch_that_was_filled_reads_back_from_its_arrays(count):
    outbox = Outbox()
    datas = [bytes([number]) * (number * 7 % 50) for number in range(count)]
    peers = [address(f"127.1.2.{number}", 1000 + number) for number in range(count)]
    assert outbox.fill(datas, peers, [DEVICE + number for number in range(count)]) == sum(map(len, datas))
    for slot in range(count):
        header = batch_layout.Mmsghdr.from_buffer(outbox.headers, slot * batch_layout.HEADER_BYTES).hdr
        vector = batch_layout.Iovec.from_address(header.iov)
        assert ctypes.string_at(vector.base, vector.len) == datas[slot]
        name = ctypes.string_at(header.name, header.namelen)
        assert name[:2] == (2).to_bytes(2, sys.byteorder)
        assert int.from_bytes(name[2:8], "big") == peers[slot]
        control = ctypes.string_at(header.control, header.controllen)
        assert int.from_bytes(control[batch_layout.SOURCE_AT :][:4], "big") == DEVICE + slot


def test_the_headers_of_an_inbox_are_as_new_after_a_reset():
    inbox = Inbox()
    new = bytes(inbox.headers)
    inbox.headers[: 5 * batch_layout.HEADER_BYTES] = b"\xff" * (5 * batch_layout.HEADER_BYTES)
    inbox.reset(5)
    assert inbox.headers == new


def test_one_descriptor_carries_every_device():
    devices, in_flight = 20_000, 200  # so many small datagrams fit every buffer

    async def main():
        wire = BatchWire(WallClock(), asyncio.get_running_loop())
        done = asyncio.Event()
        answers = set()

        def note(data, peer, local_ip, _now):
            answers.add((data, peer, local_ip))
            if len(answers) % in_flight == 0:
                ask(len(answers))

        def ask(first):
            for number in range(first, min(first + in_flight, devices)):
                fleet.send(b"%d" % number, server.address, DEVICE + number)
            if first == devices:
                done.set()

        server = await wire.open("127.0.0.1", 0, lambda data, peer, *_: server.send(data, peer))
        before = len(os.listdir("/proc/self/fd"))
        fleet = await wire.open("0.0.0.0", 0, note)
        ask(0)
        await asyncio.wait_for(done.wait(), 10)
        assert len(os.listdir("/proc/self/fd")) == before + 1
        assert answers == {(b"%d" % number, server.address, DEVICE + number) for number in range(devices)}
        await wire.close()

    asyncio.run(main())


def test_full_batches_are_moved_with_one_call_each():
    class Loop:
        def add_reader(self, *_):
            """Turned by hand."""

        remove_reader = call_soon = add_writer = remove_writer = call_exception_handler = add_reader

    server = BatchPort(bind_udp("127.0.0.1", 0), lambda *_: None, VirtualClock(), Loop())
    client = BatchPort(bind_udp("127.0.0.1", 0), lambda *_: None, VirtualClock(), Loop())
    calls = []
    for port, name in ((client, "_sendmmsg"), (server, "_recvmmsg")):
        real = getattr(port, name)
        setattr(port, name, lambda *arguments, real=real, name=name: (calls.append(name), real(*arguments))[1])
    for _ in range(4 * BATCH):
        client.send(b"x" * 40, server.address)
    client.flush()
    assert server.drain() == 4 * BATCH
    client.close()
    server.close()
    assert calls == ["_sendmmsg"] * 4 + ["_recvmmsg"] * 4


def test_a_flood_does_not_keep_the_loop_from_its_timers():
    async def main():
        loop = asyncio.get_running_loop()
        wire = BatchWire(WallClock(), loop)
        ticks = []
        done = loop.create_future()

        def bounce(data, *_):  # as much comes back as is taken out: the socket is never empty
            if not done.done():
                port.send(data, port.address)

        port = await wire.open("127.0.0.1", 0, bounce)

        def tick():
            ticks.append(port.counts.received)
            if len(ticks) == 5:
                done.set_result(None)
            else:
                loop.call_later(0.001, tick)

        for _ in range(2000):
            port.send(b"x", port.address)
        loop.call_later(0.001, tick)
        await asyncio.wait_for(done, 5)
        await wire.close()
        assert ticks == sorted(set(ticks)), "datagrams and timers had their turns in between"

    asyncio.run(main())


def test_importing_opens_nothing_and_starts_nothing(root):
    code = (
        "import os, simulator.wire.batch as b; print(len(os.listdir('/proc/self/fd')), b.available.cache_info().misses)"
    )
    plain = "import os; print(len(os.listdir('/proc/self/fd')), 0)"
    said = [subprocess.check_output([sys.executable, "-c", text], cwd=root, text=True) for text in (code, plain)]
    assert said[0] == said[1]


def test_a_fleet_has_the_port_of_its_socket():
    async def main():
        wire = BatchWire(WallClock(), asyncio.get_running_loop())
        port = await wire.open("0.0.0.0", 0, lambda *_: None)
        assert port.local_address(DEVICE) == address(DEVICE, port_of(port.address))
        assert (await wire.open("127.0.0.1", 0, lambda *_: None)).local_address(0) & 0xFFFFFFFF == LOOPBACK
        await wire.close()

    asyncio.run(main())


class _HandLoop:
    """Turned by hand; keeps what is reported to it."""

    def __init__(self):
        self.errors = []

    def add_reader(self, *_):
        """Turned by hand."""

    remove_reader = call_soon = add_writer = remove_writer = add_reader

    def call_exception_handler(self, context):
        self.errors.append((str(context["exception"]), context["message"], context["peer"]))


@pytest.fixture
def pair():
    """A server whose receiver must not be called, a client, and their loop."""
    loop = _HandLoop()

    def single(*_):
        raise AssertionError("the batch receiver stands in for this one")

    ports = [BatchPort(bind_udp("127.0.0.1", 0), single, VirtualClock(7.0), loop) for _ in range(2)]
    yield (*ports, loop)
    for port in ports:
        port.close()


def _send(client, server, datas):
    for data in datas:
        client.send(data, server.address)
    client.flush()


@pytest.mark.parametrize(
    "datas",
    [
        pytest.param([b"alone"], id="one"),
        pytest.param([b"%08d" % number for number in range(BATCH)], id="all of one length"),
        pytest.param([bytes([number]) * (number * 37 % 1500) for number in range(BATCH)], id="of many lengths"),
        pytest.param([b""] * 5, id="empty"),
        pytest.param([b"x" * 8] * 9 + [b"x" * 9], id="all but one of one length"),
    ],
)
def test_a_batch_receiver_is_called_once_with_all_of_it(pair, datas):
    server, client, _ = pair
    batches = []
    server.deliver_batches(lambda datagrams, now: batches.append((list(datagrams), now)))
    for _ in range(2):  # the second batch looks like the first, and is read anew all the same
        _send(client, server, datas)
        assert server.drain() == len(datas)
    assert batches == [([(data, client.address, LOOPBACK) for data in datas], 7.0)] * 2
    assert server.counts.received_bytes == 2 * sum(map(len, datas))


def test_batches_from_other_senders_keep_their_addresses(pair):
    server, client, loop = pair
    other = BatchPort(bind_udp("127.0.0.1", 0), lambda *_: None, VirtualClock(), loop)
    peers = []
    server.deliver_batches(lambda datagrams, _now: peers.extend(peer for _, peer, _ in datagrams))
    for sender in (client, other, client, client, other):
        _send(sender, server, [b"a", b"b"])
        server.drain()
    assert peers == [port.address for port in (client, other, client, client, other) for _ in range(2)]
    other.close()


def test_a_batch_receiver_that_raises_is_given_the_rest(pair):
    server, client, loop = pair
    seen = []

    def receive_many(datagrams, _now):
        for data, _, _ in datagrams:
            seen.append(data)
            if data in (b"2", b"3", b"9"):
                raise RuntimeError(f"no {data.decode()}")

    server.deliver_batches(receive_many)
    _send(client, server, [b"%d" % number for number in range(10)])
    assert server.drain() == 10
    assert seen == [b"%d" % number for number in range(10)]
    told = "receiver failed on a datagram of 1 bytes"
    assert loop.errors == [(f"no {number}", told, client.address) for number in (2, 3, 9)]


@pytest.mark.parametrize("raises", [False, True])
def test_a_batch_receiver_that_closes_its_port_gets_no_more(pair, raises):
    server, client, loop = pair
    seen = []

    def receive_many(datagrams, _now):
        for data, _, _ in datagrams:
            seen.append(data)
            if data == b"4":
                server.close()
                if raises:
                    raise RuntimeError("closed, and worse")

    server.deliver_batches(receive_many)
    _send(client, server, [b"%d" % number for number in range(10)])
    server.drain()
    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    assert len(loop.errors) == raises


def test_a_port_without_batches_keeps_its_receiver():
    class Plain:
        """A port that moves one datagram at a time."""

    deliver_batches(Plain(), lambda *_: None)
