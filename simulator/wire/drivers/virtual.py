"""Virtual time: an asyncio loop whose clock jumps to whatever comes next.

It never waits. Inside its select step it turns the calendar of datagrams and device timers in one tight loop and goes
back to asyncio only when a task can run, so an exchange in memory costs no asyncio iteration. At equal times:

    1. what is ready in asyncio    2. entries of the calendar    3. timers of asyncio (in the order of asking)

Time passes only when nothing is ready. The outside world is shut out (`sealed`). The loop ends in an error, not in
silence, when nobody will ever wake again (`Deadlock`) and when time no longer passes (`TimeStandsStill`).
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

from simulator.clock import TimerCallback, VirtualClock
from simulator.errors import LocalError
from simulator.wire.calendar import NEVER, Calendar
from simulator.wire.drivers.sealed import SealedLoop
from simulator.wire.drivers.waiting import who_waits

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Reporter = Callable[[], Iterable[str]]

MOST_TURNS_AT_ONE_TIME: Final = 1_000_000
MOST_ENTRIES_AT_ONE_TIME: Final = 10_000_000
"""How much may happen at one instant. A hundred thousand devices that start together need some ten turns and a
million entries; what goes on beyond that waits for a time that will not come."""


class Deadlock(LocalError):
    """Nothing is ready and nothing is timed: nobody in this run will ever wake again. The text says who waits."""


class TimeStandsStill(LocalError):
    """Something keeps itself busy without ever letting time pass."""


class _Timer(asyncio.TimerHandle):
    """A timer that keeps the order of asking among equal times; asyncio's own does not."""

    __slots__ = ("_asked",)

    _asked: int

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        if self._when != other._when:
            return self._when < other._when
        return self._asked < other._asked

    _when: float
    _scheduled: bool


class VirtualLoop(SealedLoop):
    """The loop of a virtual run. `clock` and `timers` are what the run's engine, links and stories are given.

    An exception in a calendar callback goes to the loop's exception handler, and the run goes on.
    """

    # What asyncio's base class keeps and its type stubs do not show.
    _scheduled: list[_Timer]
    _stopping: bool
    _thread_id: int | None
    _timer_cancelled_count: int
    _clock_resolution: float

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.timers = Calendar(self._calendar_failed)
        self._selector = self  # the base class only asks it to select()
        self._asked = 0
        self._reporters: list[Reporter] = []
        self._instant = 0.0
        self._turns = 0
        self._entries = 0
        self._clock_resolution = math.ulp(0.0)

    # --- time ---------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Run time in seconds, virtual."""
        return self.clock.time_s

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, but equal times are called in the order of asking."""
        self._check_closed()
        timer = _Timer(when, callback, args, self, context)
        timer._asked = self._asked = self._asked + 1
        heappush(self._scheduled, timer)
        timer._scheduled = True
        if when < self.timers.limit:
            self.timers.limit = when  # the calendar is perhaps being turned: not past this
        return timer

    def stop(self) -> None:
        """As asyncio's; also ends the turning of the calendar behind the present entry."""
        super().stop()
        self.timers.limit = -NEVER

    def select(self, _timeout: float | None) -> Sequence[object]:
        """Let time pass until a task can run. The base class calls it once per turn; there is nothing to hand back."""
        clock, ready = self.clock, self._ready
        self._count_turn()
        while not ready and not self._stopping:
            next_s = self._next_timer()
            self.timers.limit = next_s
            calls = self.timers.play(clock, ready)
            if calls:
                self._count_entries(calls)
            elif next_s == NEVER:
                raise Deadlock(self._deadlock_text())
            else:
                clock.time_s = max(clock.time_s, next_s)
                break
        # The base class calls timers before time() + resolution. One unit in the last place makes that "up to now",
        # exactly and at any age of the run: a fixed resolution would fire early at first and spin after some months.
        # With 0 it is "before now": the calendar has more to do at this time, and comes first.
        self._clock_resolution = 0.0 if self._calendar_first(clock.time_s) else math.ulp(clock.time_s)
        return ()

    def _calendar_first(self, now: float) -> bool:
        """Whether a timer of asyncio is due, and an entry of the calendar as well."""
        scheduled = self._scheduled
        if not scheduled or scheduled[0].when() > now:
            return False
        due = self.timers.next()
        return due is not None and due <= now

    def _next_timer(self) -> float:
        """When asyncio wants to be woken; drops cancelled timers on the way."""
        scheduled = self._scheduled
        while scheduled:
            if not scheduled[0].cancelled():
                return scheduled[0].when()
            self._timer_cancelled_count -= 1
            heappop(scheduled)._scheduled = False
        return NEVER

    def _count_turn(self) -> None:
        if self.clock.time_s != self._instant:
            self._instant = self.clock.time_s
            self._turns = self._entries = 0
        self._turns += 1
        if self._turns > MOST_TURNS_AT_ONE_TIME:
            self._turns = 0  # the run can still be tidied up
            raise TimeStandsStill(self._still_text(f"{MOST_TURNS_AT_ONE_TIME} turns of the loop"))

    def _count_entries(self, calls: int) -> None:
        if self.clock.time_s != self._instant:
            self._instant = self.clock.time_s
            self._turns = self._entries = 0
        self._entries += calls
        if self._entries > MOST_ENTRIES_AT_ONE_TIME:
            self._entries = 0
            raise TimeStandsStill(self._still_text(f"{MOST_ENTRIES_AT_ONE_TIME} timers"))

    # --- what it says -------------------------------------------------------------------------------------------------

    def add_reporter(self, reporter: Reporter) -> None:
        """Have a part of the run say, in lines, what it waits for, when nobody will wake again."""
        self._reporters.append(reporter)

    def waiting(self) -> list[str]:
        """Who waits for what, in lines."""
        return who_waits(self, self._reporters)

    def _deadlock_text(self) -> str:
        lines = self.waiting() or ["no task is left; something was to end this run and never did"]
        return "\n  ".join([f"nobody will ever wake again, at {self.clock.time_s:.3f} s of run time:", *lines])

    def _still_text(self, what: str) -> str:
        first = f"time stands still at {self.clock.time_s:.3f} s of run time: {what} without a step forward"
        return "\n  ".join([first, *self.waiting()])

    def _calendar_failed(self, failure: Exception, callback: TimerCallback, _argument: Any) -> None:
        self.call_exception_handler({
            "message": f"exception in {getattr(callback, '__qualname__', callback)} at {self.clock.time_s:.3f} s",
            "exception": failure,
        })  # fmt: skip

    # --- what the base class wants ------------------------------------------------------------------------------------

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`, from the loop's own thread or before it runs. Raises: LocalError: from another thread."""
        if self._thread_id is not None and self._thread_id != threading.get_ident():
            raise LocalError("another thread called into virtual time; its order would be the host's")
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: Sequence[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""


def run_virtual(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main(loop)` from its first to its last moment in virtual time, cancel what is left, close the loop.

    Ctrl-C cancels `main`, which may tidy up, and comes out as KeyboardInterrupt.

    Returns: what `main` returns. Raises: what it raises; Deadlock, TimeStandsStill.
    """
    loop = VirtualLoop()
    runner = asyncio.Runner(loop_factory=lambda: loop)
    try:
        runner.get_loop()
        result = runner.run(main(loop))
    except BaseException:
        with suppress(Deadlock, TimeStandsStill):  # tasks that do not end when cancelled; the first error says more
            runner.close()
        raise
    runner.close()
    return result
