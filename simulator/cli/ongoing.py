"""What is decided is written down at once: a run that is killed leaves the verdicts so far (`verdicts.jsonl`)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.assertions.verdicts import Finding, Judgement
from simulator.errors import LocalError
from simulator.report import as_json
from simulator.report.ran import Ran
from simulator.run.recorder import Watch


class Ongoing:
    """Looks on at one rehearsal (`run.recorder.Watch`), writes what is decided, and hands all of it on.

    One line per finding, per step that begins, and per step that is decided, each in the file before the run goes on;
    at the end one line with everything.
    Raises, when made: LocalError: the file cannot be made. Writing raises LocalError too: disk full and the like.
    """

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path, self._watch = path, watch
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise LocalError(f"{path}: cannot write verdicts there: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def step(self, number: int, count: int, text: str, now: float) -> None:
        """A step begins."""
        self._write(as_json.step_line(number, text, now))
        self._watch.step(number, count, text, now)

    def finding(self, finding: Finding) -> None:
        """Something was decided against the scenario."""
        self._write(as_json.finding_line(finding))
        self._watch.finding(finding)

    def decided(self, step: int, judgements: Sequence[Judgement]) -> None:
        """A step is decided."""
        self._write(as_json.decided_line(step, judgements))
        self._watch.decided(step, judgements)

    def progress(self, now: float, acts: int, events: int) -> None:
        """The run goes on."""
        self._watch.progress(now, acts, events)

    def stopping(self) -> None:
        """The run was told to end."""
        self._watch.stopping()

    def end(self, ran: Ran) -> None:
        """It is over."""
        self._write(as_json.end_line(ran))

    def close(self) -> None:
        """The rehearsal is over; whoever looks on may take away what is drawn."""
        close = getattr(self._watch, "close", None)
        if close is not None:
            close()

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise LocalError(f"{self._path}: cannot write the verdicts: {error.strerror}") from error
