"""Timers in real time: one asyncio timer for the whole calendar.

A turn is: the loop drains the sockets, this driver expires the calendar, and each port that has something queued
flushes once (it has asked the loop for that with its first `send`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from simulator.clock import Clock, TimerCallback
from simulator.wire.calendar import Calendar
from simulator.wire.socket_port import report

RESOLUTION_S = 0.001
"""A deadline that is less than this before the armed one waits for it: arming costs more than a millisecond is worth,
and epoll counts in milliseconds anyway."""

_NEVER = float("inf")


class RealTimers:
    """`Timers` on a running asyncio loop."""

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock, self._loop = clock, loop
        self._calendar = Calendar(self._failed)
        self._handle: asyncio.Handle | None = None
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
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._calendar)

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        wait_s = when - self._clock.now()
        self._earlier_than = when - RESOLUTION_S
        if wait_s > 0:
            self._handle = self._loop.call_later(wait_s, self._expire)
        else:
            self._handle = self._loop.call_soon(self._expire)

    def _expire(self) -> None:
        self._handle = None
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
        report(self._loop, "a timer's callback failed", error, {"callback": callback, "argument": argument})
