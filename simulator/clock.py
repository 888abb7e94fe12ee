"""Run time: what `now` means, and the calendar of everything that waits for it.

`now` is always seconds since the run began, as a float. Below the edge nobody asks for it: it comes in as an argument.
This is the only file that reads the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

EPOCH_UNIX_S = 1_767_225_600
"""Virtual runs begin at 2026-01-01T00:00:00Z (scenarios §6)."""

_EPOCH_UNIX_NS = EPOCH_UNIX_S * 1_000_000_000

TimerCallback = Callable[[Any, float], None]
"""Called with the argument that was given to `Timers.at`, and with the run time."""


class Clock(Protocol):
    """Two views of the same moment."""

    def now(self) -> float:
        """Run time in seconds."""

    def unix_ns(self) -> int:
        """The platform's wall clock: nanoseconds since 1970, UTC."""


class Timers(Protocol):
    """The calendar that a driver turns: everything that waits in the engine, the links and the stories is in it."""

    def at(self, when: float, callback: TimerCallback, argument: Any = None) -> None:
        """Call `callback(argument, now)` at run time `when`, or in the next turn if that has passed.

        There is no cancelling: whoever no longer cares ignores the call. Equal times are called in the order of asking.
        """

    def __len__(self) -> int:
        """How many calls wait."""


class VirtualClock:
    """Stands still until its loop sets it; two runs read the same times.

    `time_s` is the run time. Only the loop that owns the clock (and a test that plays the loop) writes it, and never
    backwards; it is a plain attribute because the loop does so once per datagram.
    """

    __slots__ = ("time_s",)

    def __init__(self, time_s: float = 0.0) -> None:
        self.time_s = time_s

    def now(self) -> float:
        """Run time in seconds."""
        return self.time_s

    def unix_ns(self) -> int:
        """Nanoseconds since 1970, counted from the fixed epoch of virtual runs."""
        return _EPOCH_UNIX_NS + round(self.time_s * 1e9)


class WallClock:
    """Real time. Run time counts from the clock's creation.

    The calendar time is read once and carried on by the monotonic clock: when the host's time is set during a run,
    neither view jumps, and `unix_ns` never goes back.
    """

    __slots__ = ("_began_ns", "_began_unix_ns")

    def __init__(self) -> None:
        self._began_ns = time.monotonic_ns()
        self._began_unix_ns = time.time_ns()

    def now(self) -> float:
        """Run time in seconds."""
        return (time.monotonic_ns() - self._began_ns) * 1e-9

    def unix_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return self._began_unix_ns + time.monotonic_ns() - self._began_ns
