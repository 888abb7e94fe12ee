"""Ctrl-C at Locust alone, or at the master: once ends the test in order, once more waits for nothing that is late.

Python would raise KeyboardInterrupt in whichever greenlet has its turn, in the midst of a request or of the clean-up.
Here it reaches only the one that waits for Locust's end, and only once.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any, Protocol

import gevent

from simulator.errors import ExitCode

_log = logging.getLogger("simulator")


class Boss(Protocol):
    """Who ends the test."""

    begun: bool
    leaving: bool

    def hurry(self) -> None:
        """Wait for nothing that is late."""

    def quit(self) -> None:
        """The session ends."""


class Interrupts:
    """Made in the greenlet that waits for Locust's end: the main one.

    Args:
        waits: there is no test before workers have come, and Locust has no way to end while it waits for them.
        quit_runner: tells workers to go home.
    """

    def __init__(self, boss: Boss, *, waits: bool, quit_runner: Callable[[], None]) -> None:
        self._boss, self._waits, self._quit_runner = boss, waits, quit_runner
        self._main: Any = gevent.getcurrent()
        self._pressed = False

    def listen(self) -> None:
        """From now on."""
        gevent.signal_handler(signal.SIGINT, self.press)

    def press(self) -> None:
        """Somebody has pressed Ctrl-C."""
        boss = self._boss
        boss.hurry()  # if it is ending already
        if self._pressed or boss.leaving:
            return
        self._pressed = True
        if self._waits and not boss.begun:
            gevent.spawn(self._give_up)
        else:
            self._raise(KeyboardInterrupt())

    def _give_up(self) -> None:
        _log.info("no test has begun")
        self._boss.quit()
        self._quit_runner()
        self._raise(SystemExit(int(ExitCode.BROKEN)))

    def _raise(self, error: BaseException) -> None:
        gevent.get_hub().loop.run_callback(self._main.throw, error)
