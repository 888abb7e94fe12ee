"""The engine on gevent's hub: ports, timers, and coroutines without a loop."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import gevent
import pytest
from gevent.event import Event
from gevent.monkey import is_module_patched

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.wire import batch, single
from simulator.wire.calendar import MOST_PER_CALL
from simulator.wire.drivers.green import (
    MOMENT_S,
    GreenLoop,
    GreenTimers,
    GreenWork,
    immediately,
    open_green_wire,
    wait_for,
)
from simulator.wire.drivers.one_timer import RESOLUTION_S

pytestmark = pytest.mark.real

PATIENCE_S = 5.0


class Bench:
    """A clock, a loop and timers, and what went wrong on them."""

    def __init__(self):
        self.errors = []
        self.clock = WallClock()
        self.loop = GreenLoop(self.errors.append)
        self.timers = GreenTimers(self.clock, self.loop)

    @property
    def failures(self):
        return [type(context["exception"]) for context in self.errors]


@pytest.fixture
def bench():
    it = Bench()
    with gevent.Timeout(PATIENCE_S):
        yield it
    it.timers.close()
    it.loop.close()


def turn():
    """Everybody who is ready has had a turn."""
    for _ in range(3):
        gevent.sleep(0)


# --- timers -----------------------------------------------------------------------------------------------------------


def test_calls_come_in_the_order_of_their_times_and_never_early(bench):
    calls, done = [], Event()

    def note(due, now):
        calls.append((due, now))
        if len(calls) == 4:
            done.set()

    start = bench.clock.now()
    for wait in (0.03, 0.01, 0.02, -5.0):
        bench.timers.at(start + wait, note, start + wait)
    assert (len(bench.timers), calls) == (4, [])
    done.wait()
    assert [due for due, _ in calls] == sorted(due for due, _ in calls)
    assert all(now >= due for due, now in calls)
    assert len(bench.timers) == 0


def test_only_an_earlier_deadline_moves_the_timer(bench, monkeypatch):
    armed = []
    monkeypatch.setattr(bench.loop, "call_later", lambda wait_s, callback: armed.append(wait_s))
    bench.timers._disarm = lambda: None
    start = bench.clock.now() + 10
    for when in (start, start + 1, start - RESOLUTION_S / 2, start - 1):
        bench.timers.at(when, print)
    assert len(armed) == 2


def test_who_asks_for_now_again_and_again_leaves_their_turn_to_others(bench):
    calls = []
    done = Event()

    def again(_, now):
        calls.append(now)
        if not done.is_set():
            bench.timers.at(now, again)

    bench.timers.at(0, again)
    gevent.spawn(done.set)
    read, write = socket.socketpair()
    with read, write:
        bench.loop.add_reader(read.fileno(), done.set)
        done.clear()
        write.send(b"x")
        done.wait()
        bench.loop.remove_reader(read.fileno())
    assert len(calls) < 10 * MOST_PER_CALL
    assert not bench.errors


def test_what_a_timer_raises_is_told_and_the_others_are_called(bench):
    done = Event()
    bench.timers.at(0, lambda *_: 1 / 0)
    bench.timers.at(0, lambda *_: done.set())
    done.wait()
    assert bench.failures == [ZeroDivisionError]


@pytest.mark.parametrize("when", [0.0, 0.005])
def test_closed_timers_call_nobody(bench, when):
    calls = []
    bench.timers.at(bench.clock.now() + when, lambda *_: calls.append(1))
    bench.timers.close()
    bench.timers.at(0, lambda *_: calls.append(2))
    gevent.sleep(2 * when)
    turn()
    assert calls == []


def test_timers_may_be_closed_by_a_timer(bench):
    calls = []
    bench.timers.at(0, lambda *_: bench.timers.close())
    bench.timers.at(bench.clock.now() + 0.002, lambda *_: calls.append(1))
    gevent.sleep(0.01)
    assert (calls, bench.errors) == ([], [])


# --- the loop ---------------------------------------------------------------------------------------------------------


def test_readers_and_writers_are_called_until_they_are_removed(bench):
    read, write = socket.socketpair()
    with read, write:
        got, wrote = [], []
        done = Event()

        def take(sock):
            got.append(sock.recv(1))
            if len(got) == 2:
                bench.loop.remove_reader(sock.fileno())
                done.set()

        bench.loop.add_reader(read.fileno(), take, read)
        bench.loop.add_writer(write.fileno(), lambda: (wrote.append(1), bench.loop.remove_writer(write.fileno())))
        write.send(b"abc")
        done.wait()
        turn()
        assert (got, wrote) == ([b"a", b"b"], [1])
        assert (bench.loop.remove_reader(read.fileno()), bench.loop.remove_writer(write.fileno())) == (False, False)


@pytest.mark.parametrize("how", ["soon", "reader"])
def test_what_a_callback_raises_is_told_and_the_hub_goes_on(bench, how):
    read, write = socket.socketpair()
    with read, write:
        if how == "soon":
            bench.loop.call_soon(int, "x")
        else:

            def fail():
                read.recv(1)
                raise ValueError

            bench.loop.add_reader(read.fileno(), fail)
            write.send(b"x")
        while not bench.errors:
            gevent.sleep(0)
        turn()
        assert bench.failures == [ValueError]
        assert bench.loop.remove_reader(read.fileno()) is (how == "reader")


def test_a_closed_loop_calls_nobody(bench):
    read, write = socket.socketpair()
    with read, write:
        calls = []
        bench.loop.add_reader(read.fileno(), calls.append, "reader")
        bench.loop.call_soon(calls.append, "soon")
        write.send(b"x")
        bench.loop.close()
        bench.loop.close()
        bench.loop.add_reader(read.fileno(), calls.append, "late")
        bench.loop.call_soon(calls.append, "late")
        turn()
        assert calls == []


# --- the wire ---------------------------------------------------------------------------------------------------------


def test_a_busy_socket_is_left_alone_for_a_moment_and_all_is_read(bench):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    here.setblocking(False)
    read, calls, done = 0, 0, Event()

    def drain():
        nonlocal read, calls
        calls += 1
        came = 0
        with suppress(BlockingIOError):
            while here.recv(16):
                came += 1
        read += came
        if read >= 100:
            done.set()
        return came

    with here, there:
        bench.loop.add_reader(here.fileno(), drain)
        for _ in range(100):
            there.send(b"one")
            gevent.sleep(0)
        assert done.wait(PATIENCE_S)
        assert (read, calls < 100) == (100, True)  # and not a call for each of them
        bench.loop.remove_reader(here.fileno())


def test_a_reader_may_be_removed_while_its_socket_is_left_alone(bench):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    calls = []

    def one():
        calls.append(here.recv(16))
        return 1

    with here, there:
        bench.loop.add_reader(here.fileno(), one)
        for text in (b"1", b"2", b"3"):
            there.send(text)
        while len(calls) < 2:  # the second comes right after the first
            gevent.sleep(0)
        bench.loop.remove_reader(here.fileno())
        before = len(calls)
        gevent.sleep(3 * MOMENT_S)
        assert len(calls) == before


@pytest.mark.parametrize("kind", ["auto", "batch", "single", "mapped"])
def test_datagrams_come_and_go(bench, kind):
    wire = open_green_wire(bench.clock, bench.loop, kind)
    got, done = [], Event()

    def take(data, peer, local_ip, now):
        got.append((data, peer == port.address, now))
        if len(got) == 200:
            done.set()

    port = immediately(wire.open("127.0.0.1", 0, take))
    for number in range(200):
        port.send(b"%d" % number, port.address)
    assert got == []
    assert port.local_address(0) == port.address
    done.wait()
    assert [data for data, _, _ in got] == [b"%d" % number for number in range(200)]
    assert all(back for _, back, _ in got)
    assert wire.name == ("batch" if kind == "auto" else kind)
    immediately(wire.close())
    port.send(b"x", port.address)
    assert (port.counts.send_errors, bench.errors) == (1, [])


def test_a_receiver_that_fails_is_told(bench):
    wire = open_green_wire(bench.clock, bench.loop)
    port = immediately(wire.open("127.0.0.1", 0, lambda *_: 1 / 0))
    port.send(b"x", port.address)
    while not bench.errors:
        gevent.sleep(0)
    assert bench.failures == [ZeroDivisionError]
    immediately(wire.close())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dgram", "no wire 'dgram' under load"),
        ("nothing", "known: auto, batch, single, mapped"),
        ("batch", "batch wire does not work here: no recvmmsg"),
        ("single", "single wire does not work here: no pktinfo"),
    ],
)
def test_a_system_that_cannot_is_told_so(bench, monkeypatch, kind, words):
    monkeypatch.setattr(batch, "available", lambda: "no recvmmsg")
    monkeypatch.setattr(single, "available", lambda: "no pktinfo")
    with pytest.raises(LocalError, match=words):
        open_green_wire(bench.clock, bench.loop, kind)


def test_without_batches_single_datagrams_are_used(bench, monkeypatch):
    monkeypatch.setattr(batch, "available", lambda: "no recvmmsg")
    wire = open_green_wire(bench.clock, bench.loop)
    assert (wire.name, wire.why) == ("single", "no batches: no recvmmsg")
    monkeypatch.setattr(single, "available", lambda: "no pktinfo")
    wire = open_green_wire(bench.clock, bench.loop)
    assert (wire.name, wire.why) == ("mapped", "no batches: no recvmmsg; no shared socket: no pktinfo")


# --- coroutines -------------------------------------------------------------------------------------------------------


async def answer(value, ends):
    try:
        return value
    finally:
        ends.append("ended")


async def patient(ends):
    try:
        await asyncio.sleep(0)
    finally:
        ends.append("ended")


async def failing(ends):
    ends.append("ended")
    raise ZeroDivisionError


def test_a_coroutine_that_never_waits_runs_at_once():
    ends = []
    assert immediately(answer(7, ends)) == 7
    with pytest.raises(ZeroDivisionError):
        immediately(failing(ends))
    with pytest.raises(LocalError, match="patient waits for an event loop"):
        immediately(patient(ends))
    assert ends == ["ended"] * 3


def test_work_is_carried_out_in_a_greenlet_of_its_own(bench):
    work, ends = GreenWork(bench.loop), []
    go = Event()

    async def blocked():
        go.wait()
        ends.append("blocked")

    work.start(blocked(), "waits")
    work.start(answer(1, ends), "does not")
    assert (len(work), ends) == (2, [])
    turn()
    assert (len(work), ends) == (1, ["ended"])
    go.set()
    turn()
    assert (len(work), ends, bench.errors) == (0, ["ended", "blocked"], [])


@pytest.mark.parametrize(("defect", "error"), [(failing, ZeroDivisionError), (patient, LocalError)])
def test_work_that_raises_is_told(bench, defect, error):
    work = GreenWork(bench.loop)
    work.start(defect([]), "defect")
    turn()
    assert (bench.failures, len(work)) == ([error], 0)


def test_closing_ends_what_is_under_way_and_begins_nothing(bench):
    work, ends = GreenWork(bench.loop), []

    async def blocked():
        try:
            Event().wait()
        finally:
            ends.append("ended")

    work.start(blocked(), "waits")
    turn()
    work.start(answer(1, ends), "has not begun")  # a coroutine that nobody closes is a warning, and so an error here
    work.close()
    work.start(answer(2, ends), "too late")
    turn()
    assert (ends, bench.errors, len(work)) == (["ended"], [], 0)


# --- wait_for ---------------------------------------------------------------------------------------------------------


def test_the_result_may_come_from_within_or_later(bench):
    assert wait_for(lambda done, argument: done(argument, "now", 0.0)) == "now"
    assert wait_for(lambda done, argument: bench.timers.at(0, lambda *_: done(argument, "later", 0.0))) == "later"

    def twice(done, argument):
        done(argument, None, 0.0)
        done(argument, "again", 0.0)

    assert wait_for(twice) is None


def test_nobody_waits_longer_than_that():
    kept = []
    with pytest.raises(TimeoutError, match=r"no result within 0\.001 s"):
        wait_for(lambda *told: kept.append(told), 0.001)
    (done, argument), *_ = kept
    done(argument, "late", 0.0)
    turn()
    assert wait_for(lambda done, argument: done(argument, "mine", 0.0), 0.001) == "mine"


def test_whoever_waits_may_be_killed_or_timed_out_by_others():
    kept, ends = [], []

    def wait():
        try:
            wait_for(lambda *told: kept.append(told), 60.0)
        except gevent.GreenletExit:
            ends.append("killed")

    greenlet = gevent.spawn(wait)
    turn()
    greenlet.kill()
    kept[0][0](kept[0][1], "late", 0.0)
    turn()
    assert ends == ["killed"]
    mine = gevent.Timeout(0.001)
    with pytest.raises(gevent.Timeout) as caught, mine:
        wait_for(lambda *_: None, 60.0)
    assert caught.value is mine


def test_the_driver_patches_nothing():
    assert not is_module_patched("socket")
