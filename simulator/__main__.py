"""`python -m simulator`, and the `simulator` command: nothing but a door, so that it opens at once."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line. Being stopped while the program is still read from disk is one line and a code, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        from simulator.cli import main as command_line
    except Exception:
        if _code is not None:  # what broke is an import that the signal fell into
            raise SystemExit(_code) from None
        raise
    if _code is not None:
        raise SystemExit(_code)
    command_line()


_code: int | None = None
"""What to leave with, once a signal has come: not every import lets an exception pass as what it is."""


def _leave(number: int, _frame: object) -> None:
    global _code
    if _code is None:
        _code = 128 + number
        sys.stderr.write(f"simulator: {'interrupted' if number == signal.SIGINT else 'terminated'}\n")
    raise SystemExit(_code)


if __name__ == "__main__":
    main()
