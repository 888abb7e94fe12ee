"""Virtual time: what asyncio promises still holds, and a run that cannot go on says so."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from itertools import count

import pytest

from simulator.errors import LocalError
from simulator.wire.drivers import virtual
from simulator.wire.drivers.virtual import Deadlock, TimeStandsStill, VirtualLoop, run_virtual


def test_a_day_passes_at_once_and_exactly():
    async def main(loop):
        await asyncio.sleep(86_400)
        return loop.time(), loop.clock.now()

    assert run_virtual(main) == (86_400.0, 86_400.0)


def test_many_steps_do_not_drift_and_each_costs_one_turn(monkeypatch):
    turns = 0
    select = VirtualLoop.select

    def counted(self, timeout):
        nonlocal turns
        turns += 1
        return select(self, timeout)

    monkeypatch.setattr(VirtualLoop, "select", counted)

    async def main(loop):
        due = loop.time()
        for _ in range(10_000):
            due += 0.1
            await asyncio.sleep(due - loop.time())
            assert loop.time() == pytest.approx(due, abs=1e-9)

    run_virtual(main)
    assert turns < 25_000


@pytest.mark.parametrize("start", [0.0, 86_400.0, 3e7, 1e10, 1e15])
def test_timers_fire_at_any_age_of_the_run(start):
    async def main(loop):
        await asyncio.sleep(start)
        begun = loop.time()
        await asyncio.sleep(3.0)
        assert loop.time() == begun + 3.0
        loop.call_at(loop.time(), done := asyncio.Event().set)
        assert done

    run_virtual(main)


def test_timers_a_billionth_apart_are_not_taken_for_one():
    async def main(loop):
        times = []
        for delay in (1e-9, 2e-9, 2e-9, 5e-10):
            loop.call_later(delay, lambda: times.append(loop.time()))
        await asyncio.sleep(1)
        return times

    assert run_virtual(main) == [5e-10, 1e-9, 2e-9, 2e-9]


def test_timeouts_groups_queues_and_events_work():
    async def main(loop):
        queue, opened, log = asyncio.Queue(2), asyncio.Event(), []

        async def produce():
            for n in range(5):
                await asyncio.sleep(1)
                await queue.put(n)
            opened.set()

        async def consume():
            while True:
                log.append((await queue.get(), loop.time()))
                await asyncio.sleep(2)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            consumer = group.create_task(consume())
            await opened.wait()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await asyncio.Event().wait()
            consumer.cancel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        return log, loop.time()

    log, end = run_virtual(main)
    assert log == [(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.0), (4, 9.0)]
    assert end == 20.0


def test_equal_times_ready_first_then_the_calendar_then_asyncio_in_the_order_of_asking():
    async def main(loop):
        log = []
        for n in range(4):
            loop.call_at(1.0, log.append, f"asyncio {n}")
        for n in range(4):
            loop.timers.at(1.0, lambda n, _: log.append(f"calendar {n}"), n)
        loop.timers.at(1.0, lambda *_: loop.call_soon(log.append, "ready"))
        loop.timers.at(1.0, lambda *_: log.append("calendar, after ready"))
        await asyncio.sleep(2)
        return log

    assert run_virtual(main) == [
        *(f"calendar {n}" for n in range(4)),
        "ready",
        "calendar, after ready",
        *(f"asyncio {n}" for n in range(4)),
    ]


def test_a_timer_asked_for_from_the_calendar_is_not_passed_by():
    async def main(loop):
        log = []
        loop.timers.at(1.0, lambda *_: loop.call_later(0.5, lambda: log.append(("asyncio", loop.time()))))
        loop.timers.at(2.0, lambda _, now: log.append(("calendar", now)))
        await asyncio.sleep(3)
        return log

    assert run_virtual(main) == [("asyncio", 1.5), ("calendar", 2.0)]


def test_a_timer_cancelled_from_the_calendar_does_not_move_time():
    async def main(loop):
        handle = loop.call_later(5.0, print)
        woken = asyncio.Event()
        loop.timers.at(1.0, lambda *_: handle.cancel())
        loop.timers.at(7.0, lambda *_: woken.set())
        await woken.wait()
        return loop.time()

    assert run_virtual(main) == 7.0


def test_the_calendar_is_turned_without_turns_of_asyncio(monkeypatch):
    turns = 0
    select = VirtualLoop.select

    def counted(self, timeout):
        nonlocal turns
        turns += 1
        return select(self, timeout)

    monkeypatch.setattr(VirtualLoop, "select", counted)

    async def main(loop):
        woken = asyncio.Event()

        def tick(n, now):
            if n:
                loop.timers.at(now + 1.0, tick, n - 1)
            else:
                woken.set()

        tick(1000, loop.time())
        await woken.wait()
        return loop.time()

    assert run_virtual(main) == 1000.0
    assert turns < 20


def test_a_failing_timer_goes_to_the_loops_handler_and_the_run_goes_on():
    async def main(loop):
        seen = []
        loop.set_exception_handler(lambda _, context: seen.append(type(context["exception"])))
        loop.timers.at(1.0, lambda *_: 1 / 0)
        await asyncio.sleep(2)
        return seen

    assert run_virtual(main) == [ZeroDivisionError]


# --- runs that cannot go on -------------------------------------------------------------------------------------------


def test_a_deadlock_says_who_waits_for_what():
    async def collect(queue):
        await queue.get()

    async def main(loop):
        loop.add_reporter(lambda: ["meters.3: exchange 17 waits for its answer"])
        queue = asyncio.Queue()
        tasks = [asyncio.create_task(collect(queue), name=f"collector-{n}") for n in range(12)]
        await asyncio.sleep(5)
        await tasks[0]

    with pytest.raises(Deadlock) as caught:
        run_virtual(main)
    text = str(caught.value)
    assert text.startswith("nobody will ever wake again, at 5.000 s of run time:\n")
    assert "collector-0, collector-1, collector-2 and 9 more in " in text
    assert "collect (wire/test_virtual.py:" in text
    assert "Queue.get" in text
    assert text.endswith("meters.3: exchange 17 waits for its answer")


def test_a_deadlock_is_told_the_same_in_each_run():
    async def main(_loop):
        tasks = [asyncio.create_task(asyncio.Event().wait(), name=f"t{n}") for n in range(30)]
        await asyncio.gather(*tasks)

    texts = set()
    for _ in range(3):
        with pytest.raises(Deadlock) as caught:
            run_virtual(main)
        texts.add(str(caught.value).split("\n", 2)[2])
    assert len(texts) == 1


def test_tasks_that_will_not_end_do_not_hide_the_first_error():
    async def stubborn():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    async def main(_loop):
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(1)
        raise KeyError(task.get_name())

    with pytest.raises(KeyError):
        run_virtual(main)


@pytest.mark.parametrize("what", ["turns", "timers"])
def test_time_that_stands_still_is_an_error(monkeypatch, what):
    monkeypatch.setattr(virtual, "MOST_TURNS_AT_ONE_TIME", 1000)
    monkeypatch.setattr(virtual, "MOST_ENTRIES_AT_ONE_TIME", 20_000)

    async def main(loop):
        await asyncio.sleep(7)
        if what == "turns":
            for _ in count():
                await asyncio.sleep(0)

        def again(_, now):
            loop.timers.at(now, again)

        loop.timers.at(loop.time(), again)
        await asyncio.Event().wait()

    with pytest.raises(TimeStandsStill, match=f"stands still at 7.000 s of run time: .* {what}"):
        run_virtual(main)


# --- what is not there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda loop: loop.run_in_executor(None, print), "a thread"),
        (lambda loop: loop.add_reader(0, print), "a descriptor"),
        (lambda loop: loop.create_datagram_endpoint(asyncio.DatagramProtocol), "a socket"),
        (lambda loop: loop.create_server(asyncio.Protocol), "a socket"),
        (lambda loop: loop.getaddrinfo("localhost", 1), "a name"),
    ],
)
def test_the_outside_world_is_refused_with_the_reason(call, why):
    async def main(loop):
        call(loop)

    with pytest.raises(LocalError, match=f"{why}: not in virtual time"):
        run_virtual(main)


def test_calls_from_its_own_thread_are_taken_and_from_another_refused():
    async def main(loop):
        woken, problems = asyncio.Event(), []

        def intrude():
            try:
                loop.call_soon_threadsafe(print)
            except LocalError as problem:
                problems.append(str(problem))

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        loop.call_soon_threadsafe(woken.set)
        await woken.wait()
        return problems

    assert len(run_virtual(main)) == 1


# --- the end ----------------------------------------------------------------------------------------------------------


def test_what_is_left_is_cancelled_and_may_tidy_up():
    log = []

    async def linger():
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)
            log.append("tidied up")

    async def main(_loop):
        task = asyncio.create_task(linger())
        await asyncio.sleep(1)
        return task

    assert run_virtual(main).cancelled()
    assert log == ["tidied up"]


def busy(loop, each):
    """Keeps the calendar turning for good, without asyncio."""

    def tick(n, now):
        each(n)
        loop.timers.at(now + 1.0, tick, n + 1)

    tick(0, loop.time())


def test_a_signal_reaches_its_handler_in_the_middle_of_a_busy_run():
    async def main(loop):
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, ended.set)
        busy(loop, lambda n: n == 1000 and os.kill(os.getpid(), signal.SIGUSR1))
        await ended.wait()
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert not loop.remove_signal_handler(signal.SIGUSR1)
        return loop.time()

    before = signal.getsignal(signal.SIGUSR1)
    assert 999.0 <= run_virtual(main) < 1100.0
    assert signal.getsignal(signal.SIGUSR1) == before


def test_ctrl_c_cancels_a_busy_run_which_may_tidy_up():
    log = []

    async def main(loop):
        busy(loop, lambda n: n == 1000 and os.kill(os.getpid(), signal.SIGINT))
        try:
            await asyncio.Event().wait()
        finally:
            log.append("tidied up")

    with pytest.raises(KeyboardInterrupt):
        run_virtual(main)
    assert log == ["tidied up"]


def test_the_order_of_tasks_does_not_depend_on_the_hash_seed():
    code = (
        "import asyncio\n"
        "from simulator.wire.drivers.virtual import run_virtual\n"
        "async def main(loop):\n"
        "    log = []\n"
        "    async def one(n):\n"
        "        for k in range(3):\n"
        "            await asyncio.sleep(0.1 * (n % 3))\n"
        "            log.append((n, loop.time()))\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        for n in range(20):\n"
        "            group.create_task(one(n))\n"
        "    return log\n"
        "print(run_virtual(main))\n"
    )
    command = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len({command(env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("0", "1", "31337")}) == 1
