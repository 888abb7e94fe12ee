"""SIGINT and SIGTERM outside of a rehearsal: while files are read, while a run is planned, between two scenarios.

A rehearsal has its own way of stopping in order, and gives the signals back when it is over; so whoever starts one
says afterwards what a signal means from then on.

An exception that is raised wherever the program happens to be may be turned into another there: an import that fails
inside of the interpreter becomes a SyntaxError of what needed it. So it is remembered that a signal came, and what is
raised after that is a consequence of it.
"""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Somebody ended the program. No Exception, so that nobody on the way takes it for a defect."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.exit_code = 128 + number

    def __str__(self) -> str:
        return "interrupted" if self.number == signal.SIGINT else "terminated"


_raised: list[Stopped] = []


def came() -> Stopped | None:
    """The first signal that has ended the program, whatever has become of its exception; None: there was none."""
    return _raised[0] if _raised else None


def end_at_once() -> None:
    """From now on a signal raises `Stopped` wherever the program is."""
    for number in SIGNALS:
        signal.signal(number, _raise)


def ignore() -> None:
    """All is done but for the interpreter's own tidying: being told to stop now would only spoil the exit code."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class Later:
    """From now on a signal waits in `stopped`, because what goes on is short and must be whole; a second one raises."""

    def __init__(self) -> None:
        self.stopped: Stopped | None = None

    def begin(self) -> None:
        """Also after a rehearsal, which leaves the signals as Python had them."""
        for number in SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped is not None:
            raise self.stopped
        self.stopped = Stopped(number)


def _raise(number: int, _frame: FrameType | None) -> None:
    stopped = Stopped(number)
    _raised.append(stopped)
    raise stopped
