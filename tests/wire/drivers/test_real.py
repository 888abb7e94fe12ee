"""Timers in real time, and the turn in which what they send leaves."""

from __future__ import annotations

import asyncio

import pytest

from simulator.clock import WallClock
from simulator.wire.batch import BatchWire
from simulator.wire.drivers.one_timer import RESOLUTION_S
from simulator.wire.drivers.real import RealTimers

pytestmark = pytest.mark.real

PATIENCE_S = 5.0


class CountingLoop:
    """The running loop, but for counting how often a timer is set."""

    def __init__(self, loop):
        self._loop, self.armed = loop, 0

    def call_later(self, *arguments):
        self.armed += 1
        return self._loop.call_later(*arguments)

    def __getattr__(self, name):
        return getattr(self._loop, name)


def with_timers(scenario):
    """Run `scenario(timers, clock, loop, errors)`."""

    async def main():
        loop = CountingLoop(asyncio.get_running_loop())
        errors = []
        loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
        clock = WallClock()
        timers = RealTimers(clock, loop)
        try:
            await asyncio.wait_for(scenario(timers, clock, loop, errors), PATIENCE_S)
        finally:
            timers.close()

    asyncio.run(main())


def test_calls_come_in_the_order_of_their_times_and_never_early():
    async def scenario(timers, clock, loop, _errors):
        calls, done = [], loop.create_future()

        def note(due, now):
            calls.append((due, now))
            if len(calls) == 4:
                done.set_result(None)

        start = clock.now()
        for wait in (0.03, 0.01, 0.02, -5.0):
            timers.at(start + wait, note, start + wait)
        await done
        assert [due for due, _ in calls] == sorted(due for due, _ in calls)
        assert all(now >= due for due, now in calls)

    with_timers(scenario)


def test_what_has_passed_is_called_in_the_next_turn_and_not_at_once():
    async def scenario(timers, clock, _loop, _errors):
        calls = []
        timers.at(clock.now() - 1, lambda argument, _: calls.append(argument), "late")
        assert calls == []
        await asyncio.sleep(0)
        assert calls == ["late"]

    with_timers(scenario)


def test_only_an_earlier_deadline_moves_the_timer():
    async def scenario(timers, clock, loop, _errors):
        now = clock.now()
        for wait in range(100, 1100):
            timers.at(now + wait, lambda *_: None)
        assert loop.armed == 1
        timers.at(now + 100 - RESOLUTION_S / 2, lambda *_: None)
        assert loop.armed == 1
        timers.at(now + 50, lambda *_: None)
        assert loop.armed == 2
        assert len(timers) == 1002

    with_timers(scenario)


def test_a_callback_may_ask_for_more_and_arms_nothing_by_that():
    async def scenario(timers, clock, loop, _errors):
        done = loop.create_future()

        def again(left, now):
            if left:
                timers.at(now, again, left - 1)
                timers.at(now + 1000, again, 0)
            else:
                done.set_result(None)

        timers.at(clock.now() + 0.001, again, 50)
        await done
        assert loop.armed <= 3
        assert len(timers) == 50

    with_timers(scenario)


def test_a_callback_that_raises_is_reported_and_the_others_are_called():
    async def scenario(timers, clock, loop, errors):
        done = loop.create_future()
        timers.at(clock.now() - 2, lambda argument, _: {}[argument], "defect")
        timers.at(clock.now() - 1, lambda *_: done.set_result(None))
        await done
        assert [type(error) for error in errors] == [KeyError]

    with_timers(scenario)


def test_after_closing_nothing_is_called():
    async def scenario(timers, clock, _loop, _errors):
        calls = []
        timers.at(clock.now(), lambda *_: (calls.append(1), timers.close()))
        timers.at(clock.now() + 0.001, lambda *_: calls.append(2))
        await asyncio.sleep(0)
        timers.at(clock.now() - 1, lambda *_: calls.append(3))
        for _ in range(3):
            await asyncio.sleep(0.002)
        assert calls == [1]

    with_timers(scenario)


def test_what_all_timers_of_a_turn_send_leaves_in_one_flush():
    async def scenario(timers, clock, loop, _errors):
        wire = BatchWire(clock, loop)
        done = loop.create_future()
        seen = []

        def receive(data, *_):
            seen.append(data)
            if len(seen) == 20:
                done.set_result(None)

        server = await wire.open("127.0.0.1", 0, receive)
        client = await wire.open("0.0.0.0", 0, lambda *_: None)
        calls = []
        real = client._sendmmsg
        client._sendmmsg = lambda *arguments: (calls.append(arguments), real(*arguments))[1]
        for number in range(20):
            timers.at(0.0, lambda number, _: client.send(b"%d" % number, server.address), number)
        await done
        assert len(calls) == 1
        assert seen == [b"%d" % number for number in range(20)]
        await wire.close()

    with_timers(scenario)
