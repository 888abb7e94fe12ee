"""Whose fault it is: the tree of errors that reach a user as one clear line.

The class says who is to blame, the attributes say what, the text says where and what to do next. Arguments are
passed on positionally, so that an error survives a process border. Foreign exceptions are translated at the edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class ExitCode:
    """What the command line returns (scenarios §9)."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    BROKEN = 4
    GENERATOR = 5
    INTERRUPTED = 130
    TERMINATED = 143


class SimulatorError(Exception):
    """Anything that this program reports instead of a traceback."""

    exit_code = ExitCode.BROKEN


class LocalError(SimulatorError):
    """Our own call cannot be carried out: a port in use, a missing descriptor, an argument out of range."""


class RemoteError(SimulatorError):
    """The peer's bytes are wrong, or the peer refused."""


class TargetError(SimulatorError):
    """The platform under test cannot be reached, or does not do what the run needs of it."""


class UsageError(SimulatorError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1, 0 means unknown (the whole file)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ScenarioError(SimulatorError):
    """A scenario file asks for something that cannot be planned."""

    exit_code = ExitCode.USAGE

    def __init__(self, problem: str, at: Place, hint: str = "") -> None:
        super().__init__(problem, at, hint)
        self.problem, self.at, self.hint = problem, at, hint

    def __str__(self) -> str:
        return f"{self.at}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


class ScenarioErrors(SimulatorError):
    """All that is wrong with the files that were read, in the order of file and line."""

    exit_code = ExitCode.USAGE

    def __init__(self, errors: Iterable[ScenarioError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.at))
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)
