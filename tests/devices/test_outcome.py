"""What results of acts mean in the words of scenarios."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.devices.outcome import Outcome, is_expected, outcome_of


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        pytest.param(acts.Answer(0x41, b"", 1), Outcome("ok", "", None, 1), id="2.01 Created"),
        pytest.param(acts.Answer(0x45, b"ping", 2), Outcome("ok", "", b"ping", 2), id="2.05 carries a message"),
        pytest.param(acts.Answer(0x43, b"", 1), Outcome("ok", "", None, 1), id="2.03 nothing waiting"),
        pytest.param(acts.Answer(0x84, b"no", 1), Outcome("coap 4.04", "no", None, 1), id="4.04"),
        pytest.param(acts.Answer(0xA0, b"", 1), Outcome("coap 5.00", "", None, 1), id="5.00"),
        pytest.param(
            acts.NoAnswer("timeout", 5), Outcome("timeout", "no answer to 5 transmissions", None, 5), id="timeout"
        ),
        pytest.param(acts.NoAnswer("reset", 1), Outcome("failed", "reset", None, 1), id="reset"),
        pytest.param(acts.NoAnswer("cancelled", 1), Outcome("cancelled", "cancelled", None, 1), id="cancelled"),
        pytest.param(acts.Sent(), Outcome("ok", "", None, 1), id="sent"),
        pytest.param(acts.Accepted(5, 3), Outcome("ok", "", None, 3), id="accepted"),
        pytest.param(acts.Rejected("Unknown IMSI"), Outcome("rejected", "Unknown IMSI"), id="rejected"),
        pytest.param(
            acts.Rejected("IMEI mismatch", 2), Outcome("rejected", "IMEI mismatch", None, 2), id="refused by a network"
        ),
        pytest.param(acts.Broken("gone"), Outcome("failed", "gone"), id="broken"),
        pytest.param(acts.Done(), Outcome("ok"), id="done"),
    ],
)
def test_outcome_of(result, outcome):
    assert outcome_of(result) == outcome


@pytest.mark.parametrize(
    ("outcome", "wanted", "expected"),
    [
        ("ok", "ok", True),
        ("timeout", "any", True),
        ("timeout", "ok", False),
        ("coap 4.04", "coap 4.04", True),
        ("coap 4.04", "coap 4.13", False),
        ("coap 4.04", "rejected", True),
        ("coap 5.00", "rejected", False),
        ("timeout", "rejected", False),
        ("rejected", "coap 4.04", False),
    ],
)
def test_is_expected(outcome, wanted, expected):
    assert is_expected(Outcome(outcome, "why"), wanted) is expected


@pytest.mark.parametrize(
    ("detail", "reason", "expected"),
    [
        ("IMEI mismatch", "IMEI mismatch", True),
        ("IMSI mismatch", "IMEI mismatch", False),
        ("", "IMEI mismatch", False),
        ("409 IMSI is in use", "IMSI is in use", True),
        ("anything", "", True),
    ],
)
def test_who_refuses_may_have_to_say_why(detail, reason, expected):
    assert is_expected(Outcome("rejected", detail), "rejected", reason) is expected
    assert is_expected(Outcome("ok", detail), "rejected", reason) is False
