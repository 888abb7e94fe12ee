"""What an act of a DeviceUser's device came to, and how that is told."""

from __future__ import annotations

from typing import Final

from simulator.devices.outcome import OK, Outcome
from simulator.errors import SimulatorError

REASON_MOST: Final = 120
"""Characters of a reason in Locust's table of failures."""


class Came(Outcome, frozen=True):
    """An outcome; `ok` is the short question."""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.word == OK


class ActFailed(SimulatorError):
    """An act of a device did not come to `ok`; only of users that want failures as exceptions."""

    def __init__(self, text: str, outcome: Outcome) -> None:
        super().__init__(text, outcome)
        self.text, self.outcome = text, outcome

    def __str__(self) -> str:
        return self.text


def reason_of(outcome: Outcome) -> str:
    """Why an act failed, as a line of Locust's table of failures: without what differs from one device to the next.

    >>> reason_of(Outcome("timeout", "no answer to 5 transmissions")), reason_of(Outcome("failed", "the device is off"))
    ('timeout', 'the device is off')
    """
    text = outcome.detail if outcome.word in ("rejected", "failed") and outcome.detail else outcome.word
    return text[:REASON_MOST]
