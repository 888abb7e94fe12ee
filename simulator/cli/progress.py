"""What a person sees while scenarios run: a live line on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TextIO

from simulator.assertions.verdicts import Finding, Judgement
from simulator.report.text import duration, thousands

REFRESH_S = 0.1


class Progress:
    """Looks on at one rehearsal (`run.recorder.Watch`).

    On a terminal one line is drawn over and over; elsewhere a finding is printed when it is made, and nothing else.
    """

    def __init__(self, title: str, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._title = title
        self._step = ""
        self._findings = 0
        self._last = ""
        self._drawn_at = 0.0
        self._width = 0
        self.started_at = time.monotonic()

    @property
    def wall_s(self) -> float:
        """Wall time since the beginning."""
        return time.monotonic() - self.started_at

    def step(self, number: int, count: int, text: str, now: float) -> None:
        """A step begins."""
        self._step = f"step {number + 1}/{count} {text}"
        self._draw(now, None, force=True)

    def finding(self, finding: Finding) -> None:
        """Something was decided against the scenario."""
        self._findings += 1
        self._last = f"{finding.place} {finding.headline}"

    def decided(self, step: int, judgements: Sequence[Judgement]) -> None:
        """A step is decided; what was decided against it has been told."""

    def progress(self, now: float, acts: int, events: int) -> None:
        """The run goes on."""
        self._draw(now, (acts, events), force=False)

    def stopping(self) -> None:
        """The run was told to end."""
        self.close()
        print("stopping; once more leaves behind what has not been removed yet", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the live line away."""
        if self._live and self._width:
            self._out.write("\r\x1b[2K")
            self._out.flush()

    def _draw(self, now: float, counts: tuple[int, int] | None, *, force: bool) -> None:
        if not self._live:
            return
        wall = time.monotonic()
        if not force and wall - self._drawn_at < REFRESH_S:
            return
        self._drawn_at = wall
        line = f"{self._title}  {duration(now)}  {self._step}"
        if counts is not None:
            line += f"  {thousands(counts[0])} acts  {thousands(counts[1])} events"
        if self._findings:
            line += f"  {self._findings} findings, last: {self._last}"
        self._width = min(len(line), _columns(self._out) - 1)
        self._out.write("\r\x1b[2K" + line[: self._width])
        self._out.flush()


def _columns(out: TextIO) -> int:
    import os

    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 80
