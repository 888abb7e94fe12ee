"""What an act came to, in a word and in a line."""

from __future__ import annotations

import pickle

import pytest

from simulator.devices.outcome import Outcome
from simulator.load.came import REASON_MOST, ActFailed, Came, reason_of


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome("timeout", "no answer to 5 transmissions"), "timeout"),
        (Outcome("coap 4.13", "too large"), "coap 4.13"),
        (Outcome("rejected", "IMSI unknown"), "IMSI unknown"),
        (Outcome("failed", "the device is off"), "the device is off"),
        (Outcome("failed"), "failed"),
        (Outcome("failed", "x" * 500), "x" * REASON_MOST),
    ],
)
def test_devices_that_fail_alike_have_one_reason(outcome, reason):
    assert reason_of(outcome) == reason


def test_ok_is_the_short_question():
    assert (Came("ok").ok, Came("timeout").ok) == (True, False)


def test_a_failure_survives_a_process_border():
    error = pickle.loads(pickle.dumps(ActFailed("upload of m.0: timeout", Outcome("timeout"))))
    assert (str(error), error.outcome) == ("upload of m.0: timeout", Outcome("timeout"))
