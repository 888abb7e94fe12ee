"""The two ports on one shared socket, turned by hand: what their loop is asked for, and what the system may answer."""

from __future__ import annotations

import ctypes
import errno
import select
import socket

import pytest

from simulator.clock import VirtualClock
from simulator.wire import socket_port
from simulator.wire.address import address, ipv4
from simulator.wire.batch import BatchPort
from simulator.wire.single import SinglePort
from simulator.wire.socket_port import BATCH
from simulator.wire.sockets import bind_udp, grant_receive_buffer

pytestmark = pytest.mark.real

PATIENCE_S = 5.0
DEVICE = ipv4("127.64.0.1")


class HandLoop:
    """A loop that does nothing by itself; the test calls what was asked for."""

    def __init__(self):
        self.readers, self.writers, self.soon, self.errors = {}, {}, [], []

    def add_reader(self, fd, callback, *_):
        self.readers[fd] = callback

    def remove_reader(self, fd):
        del self.readers[fd]

    def add_writer(self, fd, callback, *_):
        self.writers[fd] = callback

    def remove_writer(self, fd):
        del self.writers[fd]

    def call_soon(self, callback, *_):
        self.soon.append(callback)

    def call_exception_handler(self, context):
        self.errors.append(context["exception"])

    def turn(self):
        """Call what was asked for, once."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


class Bench:
    """Ports of one kind on one HandLoop."""

    def __init__(self, kind):
        self.kind = kind
        self.loop = HandLoop()
        self.clock = VirtualClock()
        self.ports = []

    def open(self, receiver=lambda *_: None, sock=None, **options):
        port = self.kind(sock or bind_udp("127.0.0.1", 0), receiver, self.clock, self.loop, **options)
        self.ports.append(port)
        return port

    def refuse(self, port, number, times):
        """Let the system refuse the next `times` calls for sending; loopback itself never has a full buffer."""
        if self.kind is BatchPort:
            real = port._sendmmsg

            def sendmmsg(*arguments):
                nonlocal times
                if times > 0:
                    times -= 1
                    ctypes.set_errno(number)
                    return -1
                return real(*arguments)

            port._sendmmsg = sendmmsg
        else:

            class Refusing:
                def __getattr__(self, name):
                    return getattr(sock, name)

                def sendmsg(self, *arguments):
                    nonlocal times
                    if times > 0:
                        times -= 1
                        raise OSError(number, "refused by the test")
                    return sock.sendmsg(*arguments)

            sock, port._sock = port._sock, Refusing()


@pytest.fixture(params=[BatchPort, SinglePort], ids=["batch", "single"])
def bench(request):
    made = Bench(request.param)
    yield made
    for port in made.ports:
        port.close()
    assert not made.loop.readers
    assert not made.loop.writers


def await_readable(port):
    readable, _, _ = select.select([port], [], [], PATIENCE_S)
    assert readable


def test_many_sends_in_a_turn_ask_for_one_flush(bench):
    seen = []
    server, client = bench.open(lambda data, *_: seen.append(data)), bench.open()
    for number in range(10):
        client.send(b"%d" % number, server.address)
    assert (len(bench.loop.soon), client.counts.sent) == (1, 0)
    bench.loop.turn()
    assert client.counts.sent == 10
    client.send(b"next turn", server.address)
    assert len(bench.loop.soon) == 1
    client.flush()
    server.drain()
    assert seen[-1] == b"next turn"


def test_a_full_batch_does_not_wait_for_the_end_of_the_turn(bench):
    server, client = bench.open(), bench.open()
    for _ in range(3 * BATCH + 1):
        client.send(b"x", server.address)
    assert client.counts.sent == 3 * BATCH
    bench.loop.turn()
    assert client.counts.sent == 3 * BATCH + 1


def test_answers_leave_at_the_end_of_a_drain_without_the_loop(bench):
    server = bench.open(lambda data, peer, *_: server.send(data, peer))
    client = bench.open()
    client.send(b"question", server.address)
    client.flush()
    bench.loop.soon.clear()
    server.drain()
    assert (server.counts.sent, bench.loop.soon) == (1, [])
    server.send(b"later", client.address)
    assert len(bench.loop.soon) == 1


def test_a_drain_is_bounded(bench):
    server, client = bench.open(), bench.open()
    for _ in range(5 * BATCH):
        client.send(b"x", server.address)
    client.flush()
    assert server.drain(limit=2 * BATCH) == 2 * BATCH
    assert server.drain(limit=1) == BATCH
    assert server.drain(limit=100 * BATCH) == 2 * BATCH
    assert server.drain() == 0


def test_what_is_longer_than_a_slot_is_counted_and_the_others_are_whole(bench):
    seen = []
    server = bench.open(lambda data, peer, local_ip, _now: seen.append((data, peer, local_ip)), slot_bytes=1000)
    client = bench.open(sock=bind_udp("0.0.0.0", 0))
    sizes = [10, 1000, 1001, 20, 5000, 0, 30]
    for number, size in enumerate(sizes):
        client.send(bytes([number]) * size, server.address, DEVICE + number)
    client.flush()
    server.drain()
    assert seen == [
        (bytes([number]) * size, client.local_address(DEVICE + number), ipv4("127.0.0.1"))
        for number, size in enumerate(sizes)
        if size <= 1000
    ]
    assert (server.counts.received, server.counts.truncated) == (5, 2)
    client.send(b"next batch", server.address)
    client.flush()
    server.drain()
    assert seen[-1][0] == b"next batch"


def test_a_full_send_buffer_keeps_what_is_queued_until_the_socket_is_writable(bench):
    seen = []
    server, client = bench.open(lambda data, *_: seen.append(data)), bench.open()
    bench.refuse(client, errno.EAGAIN, 2)
    for number in range(100):
        client.send(b"%d" % number, server.address)
    client.flush()
    assert (client.counts.sent if bench.kind is SinglePort else len(seen)) == 0
    [writable] = bench.loop.writers.values()
    writable()  # refused for the second time
    client.send(b"100", server.address)
    assert bench.loop.writers
    writable()
    assert not bench.loop.writers
    while server.drain():
        pass
    assert seen == [b"%d" % number for number in range(101)]
    assert (client.counts.sent, client.counts.send_errors) == (101, 0)


def test_while_nothing_can_be_sent_the_queue_is_bounded(bench, monkeypatch):
    monkeypatch.setattr(socket_port, "QUEUE_LIMIT", 300)
    server, client = bench.open(), bench.open()
    bench.refuse(client, errno.EAGAIN, 1)
    for _ in range(1000):
        client.send(b"x", server.address)
    held = 1000 - client.counts.send_errors
    assert 300 <= held <= 300 + BATCH
    [writable] = bench.loop.writers.values()
    writable()
    assert client.counts.sent == held


def test_closing_while_nothing_can_be_sent_counts_what_is_lost(bench):
    server, client = bench.open(), bench.open()
    bench.refuse(client, errno.EAGAIN, 1000)
    for _ in range(100):
        client.send(b"x", server.address)
    bench.loop.turn()
    client.close()
    assert (client.counts.sent, client.counts.sent_bytes, client.counts.send_errors) == (0, 0, 100)


@pytest.mark.parametrize(
    ("number", "lost"),
    [
        pytest.param(errno.EINTR, 0, id="interrupted"),
        pytest.param(errno.ECONNREFUSED, 0, id="ICMP answer to an earlier datagram"),
        pytest.param(errno.ENETUNREACH, 1, id="no route"),
        pytest.param(errno.EHOSTUNREACH, 1, id="no host"),
        pytest.param(errno.EMSGSIZE, 1, id="too long"),
        pytest.param(errno.EPERM, 1, id="firewall"),
        pytest.param(errno.ENOBUFS, 1, id="device queue full"),
    ],
)
def test_an_error_costs_at_most_the_datagram_that_it_belongs_to(bench, number, lost):
    seen = []
    server, client = bench.open(lambda data, *_: seen.append(data)), bench.open()
    bench.refuse(client, number, 1)
    for position in range(50):
        client.send(b"%d" % position, server.address)
    client.flush()
    server.drain()
    assert seen == [b"%d" % position for position in range(lost, 50)]
    assert (client.counts.sent, client.counts.send_errors) == (50 - lost, lost)
    assert client.counts.sent_bytes == sum(map(len, seen))


def test_an_error_that_stays_ends_in_counting(bench):
    server, client = bench.open(), bench.open()
    bench.refuse(client, errno.ECONNREFUSED, 10**9)
    for _ in range(20):
        client.send(b"x", server.address)
    client.flush()
    assert (client.counts.sent, client.counts.send_errors) == (0, 20)


def test_a_refused_connection_costs_neither_what_is_sent_nor_what_is_received_later(bench):
    seen = []
    nobody = bind_udp("127.0.0.1", 0)
    sock = bind_udp("127.0.0.1", 0)
    sock.connect(nobody.getsockname())  # Linux reports ICMP errors to connected sockets only
    port = bench.open(lambda data, *_: seen.append(data), sock=sock)
    server = bench.open(lambda data, *_: seen.append(data))
    closed = address(*nobody.getsockname())
    nobody.close()
    port.send(b"to nobody", closed)
    port.flush()
    port.send(b"to somebody", server.address)
    port.flush()
    server.drain()
    port.send(b"to nobody", closed)
    port.flush()
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with back:
        back.bind(("127.0.0.1", closed >> 32))
        back.sendto(b"from somebody", ("127.0.0.1", port.address >> 32))
    await_readable(port)
    port.drain()
    assert seen == [b"to somebody", b"from somebody"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(("text", 0), id="text instead of bytes"),
        pytest.param((None, 0), id="nothing instead of bytes"),
        pytest.param((b"x", -1), id="negative local address"),
        pytest.param((b"x", 1 << 32), id="local address too large"),
    ],
)
def test_a_wrong_call_costs_no_other_datagram(wrong):
    bench = Bench(BatchPort)
    seen = []
    server, client = bench.open(lambda data, *_: seen.append(data)), bench.open()
    data, local_ip = wrong
    client.send(b"before", server.address)
    client.send(data, server.address, local_ip)
    client.send(b"after", server.address)
    client.flush()
    server.drain()
    for port in bench.ports:
        port.close()
    assert seen == [b"before", b"after"]
    assert client.counts.send_errors == 1
    assert len(bench.loop.errors) == 1


def test_a_receiver_may_send_more_than_fits_a_batch(bench):
    seen = []

    def amplify(_data, peer, *_):
        for number in range(5 * BATCH):
            server.send(b"%d" % number, peer)

    server = bench.open(amplify)
    client = bench.open(lambda data, *_: seen.append(data))
    client.send(b"go", server.address)
    client.flush()
    server.drain()
    while client.drain():
        pass
    assert seen == [b"%d" % number for number in range(5 * BATCH)]


def test_a_small_receive_buffer_is_told_as_it_is():
    with bind_udp("127.0.0.1", 0) as sock:
        assert grant_receive_buffer(sock, 20_000) == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 20_000


def test_many_at_once_go_as_one_by_one(bench):
    server, client = bench.open(), bench.open()
    client.send_many([part for number in range(200) for part in (b"%d" % number, server.address, 0)])
    bench.loop.turn()
    assert (client.counts.sent, client.counts.send_errors) == (200, 0)


def test_many_at_once_do_not_outgrow_the_queue(bench, monkeypatch):
    monkeypatch.setattr(socket_port, "QUEUE_LIMIT", 300)
    server, client = bench.open(), bench.open()
    bench.refuse(client, errno.EAGAIN, 1)
    for _ in range(10):
        client.send_many([b"x", server.address, 0] * 100)
    held = 1000 - client.counts.send_errors
    assert 300 <= held <= 300 + BATCH + 100
    [writable] = bench.loop.writers.values()
    writable()
    assert client.counts.sent == held
