"""How the program ends: with an exit code, and with a clear line if something went wrong."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import sys
from collections.abc import Callable
from typing import NoReturn

from simulator.cli.stopping import Stopped, came, end_at_once, ignore
from simulator.errors import ExitCode, ScenarioErrors, SimulatorError


def to_its_end(command: Callable[[], object]) -> None:
    """Run a command. Whatever goes wrong ends as one clear line and an exit code, never as a traceback."""
    try:
        end_at_once()
        _run(command)
    except Stopped as stopped:
        _leave(stopped)
    finally:
        ignore()
        gc.freeze()  # the interpreter looks through all that is there once more, which takes long after a large run


def _leave(stopped: Stopped) -> NoReturn:
    ignore()
    with contextlib.suppress(OSError, ValueError):
        print(f"simulator: {stopped}", file=sys.stderr)
    raise SystemExit(stopped.exit_code) from None


def _run(command: Callable[[], object]) -> None:
    _prepare_output()
    try:
        try:
            command()
        except Exception as error:
            if (stopped := came()) is not None:  # on its way out the signal was taken for something else
                raise stopped from error
            raise
    except SimulatorError as error:
        sys.stdout.flush()
        # Mistakes in files begin with their place, each in a line of its own.
        print(error if isinstance(error, ScenarioErrors) else f"simulator: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output went away: `simulator watch | head`
        _drop_output()
        raise SystemExit(ExitCode.PASSED) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise SystemExit(_defect(error)) from None
        _drop_output()  # whatever has a file name of its own has said so: this is the output
        print(f"simulator: cannot write the output: {error.strerror}", file=sys.stderr)
        raise SystemExit(ExitCode.BROKEN) from None
    except Exception as error:
        raise SystemExit(_defect(error)) from None


def _prepare_output() -> None:
    import os

    # Started without (`>&-`): the next file that is opened would become the standard output.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to stop


def _drop_output() -> None:
    """Nothing more can be written there, also not when the interpreter flushes at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _defect(error: Exception) -> int:
    """A defect of ours, told in a line; SIMULATOR_DEBUG shows where it was."""
    import os
    import traceback

    if os.environ.get("SIMULATOR_DEBUG"):
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    print(f"simulator: internal error: {what}; SIMULATOR_DEBUG=1 shows where", file=sys.stderr)
    return ExitCode.BROKEN
