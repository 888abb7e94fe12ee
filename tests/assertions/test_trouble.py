"""Trouble fails a run that did not ask for it."""

from __future__ import annotations

import pytest

from simulator.assertions.trouble import TROUBLES
from simulator.words import TROUBLES as WORDS

PLAIN = """
scenario: quiet
devices: {m: {count: 2}, n: {}}
steps:
  - {attach: m, outcome: anyMORE}
WHOLE
"""


def scenario(more: str = "", whole: str = "") -> str:
    """With an addition to its step, and further top-level lines."""
    return PLAIN.replace("MORE", more).replace("WHOLE", whole)


def history(*events: str) -> list[str]:
    """Two devices attach, and these events are seen meanwhile."""
    begun = ["0 step 0", "1 > m.0 attach", "1 > m.1 attach"]
    return [*begun, *events, "2 < m.0 attach rejected", "2 < m.1 attach rejected", "2 acted 0"]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("1 m.0 imeiMismatch", "imeiMismatch"),
        ("1 m.0 imsiMismatch", "imsiMismatch"),
        ("1 - gatewayCommError error=broken", "gatewayCommError"),
        ("1 m.0 failed_connect sys=cc", "failed_connect"),
        ("1 m.0 disconnect sys=cc reason=network_error", "disconnect.network_error"),
        ("1 m.0 disconnect sys=cc", "disconnect.no reason"),
        ("1 m.0 disconnect sys=cc reason=client_disconnect", None),
        ("1 m.0 firmwareStateChange state=UpdateFailed", "firmwareStateChange.UpdateFailed"),
        ("1 m.0 firmwareStateChange state=TimedOut", "firmwareStateChange.TimedOut"),
        ("1 m.0 firmwareStateChange state=Reverted", "firmwareStateChange.Reverted"),
        ("1 m.0 firmwareStateChange state=Current", None),
        ("1 m.0 clientConnected", None),
    ],
)
def test_trouble_is_told_from_what_is_usual(judged, event, kind):
    assert judged(scenario(), history(event)).failed == ({f"trouble.{kind}"} if kind else set())


@pytest.mark.parametrize(
    ("more", "whole", "quiet"),
    [
        pytest.param("", "", False, id="not asked for"),
        pytest.param(", expect: [imeiMismatch]", "", True, id="expected of its subjects"),
        pytest.param(", expect: [{imeiMismatch: {imsi: any}}]", "", True, id="expected with its data"),
        pytest.param(', expect: [{imeiMismatch: {imsi: "1"}}]', "", False, id="expected with other data"),
        pytest.param(", expect: [{imeiMismatch: {}, of: n}]", "", False, id="expected of another"),
        pytest.param("", "expect: [{each: m, sees: imeiMismatch}]", True, id="counted"),
        pytest.param("", "expect: [{each: n, sees: imeiMismatch}]", False, id="counted of another"),
        pytest.param("", "allow: [imeiMismatch]", True, id="allowed"),
        pytest.param("", "allow: [imsiMismatch]", False, id="another is allowed"),
        pytest.param("", "expect: [{never: [imeiMismatch]}]", True, id="forbidden: told once, by the expectation"),
        pytest.param(", never: [imeiMismatch]", "", True, id="forbidden in the step"),
    ],
)
def test_what_the_scenario_speaks_of_is_no_trouble(judged, more, whole, quiet):
    found = judged(scenario(more, whole), history("1.5 m.0 imeiMismatch", "1.5 m.1 imeiMismatch"))
    assert ("trouble.imeiMismatch" not in found.failed) is quiet


@pytest.mark.parametrize("state", ["UpdateFailed", "TimedOut", "Reverted"])
def test_firmware_states_can_be_allowed_one_by_one(judged, state):
    text = scenario("", f"allow: [{state}]")
    assert judged(text, history(f"1 m.0 firmwareStateChange state={state}")).failed == set()
    other = "Reverted" if state != "Reverted" else "TimedOut"
    assert judged(text, history(f"1 m.0 firmwareStateChange state={other}")).failed != set()


def test_trouble_tells_what_was_seen_and_how_to_accept_it(judged):
    found = judged(scenario(), history("1.5 m.0 imeiMismatch imsi=1", "1.5 m.1 imeiMismatch"))
    text = found.text("trouble.imeiMismatch")
    assert text.startswith("m.0 had trouble: imeiMismatch(imsi=1, imei=350000000000006")
    assert "expect: [{imeiMismatch: {}, of: m.0}] beside this step, or allow: [imeiMismatch] at the top" in text
    assert "2 subjects (m.0, m.1); again with: simulator run x.yaml --seed 7" in text
    assert "--only" not in text, "whoever came must act again, and not whom it is told of"


def test_files_know_the_same_troubles(judged):
    del judged
    assert set(WORDS) == {*TROUBLES, "UpdateFailed", "TimedOut", "Reverted"} - {"firmwareStateChange"}


STEPS = """
scenario: refused once, and once more
devices: {m: {}, n: {}}
steps:
  - {attach: m, outcome: rejected, within: 10 s, expect: [imsiMismatch]}
  - {attach: m, outcome: any}
WHOLE
"""
REFUSED = ["0 step 0", "1 > m attach", "1.5 m imsiMismatch", "2 < m attach rejected", "2 acted 0", "2 ended 0"]
OF_STEP = "trouble.imsiMismatch"


@pytest.mark.parametrize(
    ("lines", "excused"),
    [
        pytest.param(["5 m imsiMismatch"], True, id="in its window"),
        pytest.param(["12 m imsiMismatch"], False, id="when the window is over"),
        pytest.param(["3 step 1", "3 > m attach", "3 m imsiMismatch"], False, id="of the next step"),
        pytest.param(["5 n imsiMismatch"], False, id="of another device"),
    ],
)
def test_what_a_step_asks_for_is_no_trouble_in_its_window_alone(judged, lines, excused):
    assert (OF_STEP in judged(STEPS.replace("WHOLE", ""), [*REFUSED, *lines]).failed) is not excused


def test_before_its_act_a_step_excuses_nothing(judged):
    text = STEPS.replace("WHOLE", "")
    assert OF_STEP in judged(text, ["0 step 0", "0.5 m imsiMismatch", *REFUSED[1:]]).failed


def test_what_the_whole_run_asks_for_is_never_trouble(judged):
    text = STEPS.replace("WHOLE", "expect: [{each: m, sees: imsiMismatch, at_least: 2}]")
    assert OF_STEP not in judged(text, [*REFUSED, "3 step 1", "3 > m attach", "3 m imsiMismatch"]).failed


def test_what_a_step_asks_of_others_is_no_trouble_until_its_window_is_over(judged):
    text = STEPS.replace("WHOLE", "").replace("[imsiMismatch]", "[{imsiMismatch: {}, of: n}]")
    begun = ["0 step 0", "1 > m attach", "1.5 n imsiMismatch", "2 < m attach rejected", "2 acted 0"]
    assert OF_STEP not in judged(text, [*begun, "11.9 n imsiMismatch"]).failed
    assert OF_STEP in judged(text, [*begun, "12 n imsiMismatch"]).failed
    assert OF_STEP in judged(text, [*begun, "5 m imsiMismatch"]).failed


SWAPPED = """
scenario: swapped
devices: {m: {}, n: {}}
steps:
  - {move_sim: m, to: n}
  - {attach: n, outcome: rejected, expect: [imeiMismatch]}
"""


def test_trouble_is_shown_at_the_step_during_which_it_came_with_who_acted_then(judged):
    lines = ["0 step 0", "1 > m move_sim", "1 < m move_sim ok", "1 acted 0", "1 over 0", "1 step 1"]
    lines += ["1 > n attach", "1.5 m imeiMismatch", "2 < n attach rejected", "2 acted 1", "12 over 1"]
    found = judged(SWAPPED, lines)
    (trouble,) = (check for check in found.verdicts.judgements if check.check == "trouble.imeiMismatch")
    assert trouble.place.line == 6
    text = found.text("trouble.imeiMismatch")
    assert "n: attach since 1.0 s" in text
    assert "the device itself" not in text, "m did nothing then"
    assert "{imeiMismatch: {}, of: m}" in text
    missed = found.text("steps[1].expect[0]")
    assert "it was seen of m at 1.5 s; write {imeiMismatch: {}, of: m}" in missed
    assert "nearest" not in missed
