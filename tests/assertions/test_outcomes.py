"""What an act must come to, and for what reason."""

from __future__ import annotations

import pytest

SCENARIO = """
scenario: one is refused
devices: {m: {}}
steps:
  - {attach: m, outcome: OUTCOME}
"""


@pytest.mark.parametrize(
    ("outcome", "came", "text"),
    [
        pytest.param(
            "{rejected: IMEI mismatch}", "!rejected IMSI mismatch",
            ["m attach comes to rejected (IMEI mismatch)",
             "      asked for: rejected (IMEI mismatch); came: rejected (IMSI mismatch)",
             "      the device itself: rejected, IMSI mismatch at 1.0 s (attach)"],
            id="another reason",
        ),
        pytest.param(
            "{rejected: IMEI mismatch}", "!rejected",
            ["m attach comes to rejected (IMEI mismatch)",
             "      asked for: rejected (IMEI mismatch); came: rejected, and no reason"], id="no reason",
        ),
        pytest.param(
            "{rejected: IMEI mismatch}", "!timeout no answer to 4 transmissions",
            ["m attach comes to rejected (IMEI mismatch)",
             "      asked for: rejected (IMEI mismatch); came: timeout (no answer to 4 transmissions)"],
            id="another outcome",
        ),
        pytest.param(
            "rejected", "!ok", ["m attach comes to rejected", "      the device itself: ok at 1.0 s (attach)"],
            id="no reason was asked for",
        ),
        pytest.param("{rejected: IMEI mismatch}", "rejected IMEI mismatch", [""], id="as asked"),
    ],
)  # fmt: skip
def test_the_failure_says_which_reason_was_asked_for_and_which_came(judged, outcome, came, text):
    lines = ["0 run", "0 step 0", "0 > m attach", f"1 < m attach {came}", "1 acted 0", "20 ended 0", "20 end done"]
    found = judged(SCENARIO.replace("OUTCOME", outcome), lines)
    assert found.text("steps[0].outcome").splitlines()[: len(text)] == (text if text != [""] else [])
