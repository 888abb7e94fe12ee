"""`python -m simulator`, and the `simulator` command: nothing but a door, so that it opens at once."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line. Being stopped while the program is still read from disk is one line and a code, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from simulator.cli import main as command_line

    command_line()


def _leave(number: int, _frame: object) -> None:
    sys.stderr.write(f"simulator: {'interrupted' if number == signal.SIGINT else 'terminated'}\n")
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
