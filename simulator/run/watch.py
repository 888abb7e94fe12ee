"""Who looks on while a rehearsal runs: the terminal, a file, nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simulator.assertions.verdicts import Finding, Judgement


class Watch(Protocol):
    """Whoever looks on. It is told in the order in which things happen, and should be quick about it."""

    def step(self, number: int, count: int, text: str, now: float) -> None:
        """A step begins."""

    def finding(self, finding: Finding) -> None:
        """Something was decided against the scenario."""

    def decided(self, step: int, judgements: Sequence[Judgement]) -> None:
        """All that a step promised is decided, its states are read; what was decided against it was told before."""

    def progress(self, now: float, acts: int, events: int) -> None:
        """Called often; `acts` have ended and `events` have arrived so far."""

    def stopping(self) -> None:
        """Somebody wants it to end: what it created is being removed, unless they say so again."""


class Nobody:
    """Looks on, and says nothing."""

    def step(self, number: int, count: int, text: str, now: float) -> None:
        """A step begins."""

    def finding(self, finding: Finding) -> None:
        """Something was decided against the scenario."""

    def decided(self, step: int, judgements: Sequence[Judgement]) -> None:
        """A step is decided."""

    def progress(self, now: float, acts: int, events: int) -> None:
        """The run goes on."""

    def stopping(self) -> None:
        """It was told to end."""
