"""What a test is told when something did not hold: errors of `assert`, with the failure text of scenarios §4."""

from __future__ import annotations

from simulator.devices.outcome import Outcome
from simulator.errors import Place


class ActFailed(AssertionError):
    """An act did not come to what was asked of it."""

    def __init__(self, text: str, outcomes: tuple[Outcome, ...]) -> None:
        super().__init__(text, outcomes)
        self.text = text
        self.outcomes = outcomes
        """What it came to, for each subject and repetition."""

    def __str__(self) -> str:
        return self.text


class NotHeld(AssertionError):
    """An expectation, or what is checked without being asked, did not hold or is not known to."""


def told(word: str, place: Place, headline: str, *details: str) -> str:
    """The lines of scenarios §4."""
    return "\n".join((f"{word}  {place}  {headline}", *(f"      {line}" for line in details if line)))
