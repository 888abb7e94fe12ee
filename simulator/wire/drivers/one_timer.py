"""Timers in real time: one timer of the loop for the whole calendar, set to the earliest deadline.

A turn is: the loop drains the sockets, the calendar expires, and each port that has something queued flushes once (it
has asked the loop for that with its first `send`).
"""

from __future__ import annotations

from typing import Any, Final

from simulator.clock import Clock, TimerCallback
from simulator.wire.calendar import Calendar
from simulator.wire.socket_port import Loop, report

RESOLUTION_S: Final = 0.001
"""A deadline that is less than this before the armed one waits for it: arming costs more than a millisecond is worth,
and epoll counts in milliseconds anyway."""

_NEVER: Final = float("inf")


class OneTimer:
    """`clock.Timers` of a loop; a subclass says how that sets a timer and takes it back."""

    def __init__(self, clock: Clock, loop: Loop) -> None:
        self._clock, self._reports_to = clock, loop
        self._calendar = Calendar(self._failed)
        self._handle: Any = None
        self._earlier_than = _NEVER  # a deadline before this one has to move the timer
        self._closed = False

    def at(self, when: float, callback: TimerCallback, argument: Any = None) -> None:
        """Call `callback(argument, now)` at run time `when`, or in the next turn if that has passed."""
        self._calendar.at(when, callback, argument)
        if when < self._earlier_than:
            self._arm(when)

    def close(self) -> None:
        """Stop: what waits is never called, and neither is what is asked for later."""
        self._closed = True
        self._earlier_than = -_NEVER
        self._disarm()

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._calendar)

    def _set(self, wait_s: float) -> Any:
        """Have `_expire` called in so many seconds; 0 or less: soon. Returns: what `_take_back` takes back."""
        raise NotImplementedError

    def _take_back(self, handle: Any) -> None:
        raise NotImplementedError

    def _arm(self, when: float) -> None:
        self._disarm()
        self._earlier_than = when - RESOLUTION_S
        self._handle = self._set(when - self._clock.now())

    def _disarm(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._take_back(handle)

    def _expire(self) -> None:
        self._disarm()
        self._earlier_than = -_NEVER  # nothing moves the timer while the calendar turns
        self._calendar.expire(self._clock.now())
        if self._closed:  # by a callback
            return
        when = self._calendar.next()
        if when is None:
            self._earlier_than = _NEVER
        else:
            self._arm(when)

    def _failed(self, error: Exception, callback: TimerCallback, argument: Any) -> None:
        report(self._reports_to, "a timer's callback failed", error, {"callback": callback, "argument": argument})
