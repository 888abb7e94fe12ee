"""Devices that hold or show what is another's: who may be taken for whom, and what is made of that."""

from __future__ import annotations

import pytest

from simulator.assertions.kinship import families
from simulator.plan import make_plan
from simulator.scenario import loads


def kin(devices: str, steps: str = "[{wait: 1 s}]", only: str | None = None) -> set[tuple[str, ...]]:
    """The families of a scenario."""
    scenario = loads(f"scenario: x\ndevices: {devices}\nsteps: {steps}\n", "x.yaml")
    plan = make_plan(scenario, only=only)
    return set(families(scenario, plan.names_by_group(), plan.names, plan.numbers()).values())


REAL_IMSI = "999991442695041"  # of the first device of any scenario
TWO = "{a: {count: 2}, b: {count: 2, sim: none}}"


@pytest.mark.parametrize(
    ("devices", "steps", "found"),
    [
        pytest.param("{a: {count: 2}}", "[{attach: a}]", set(), id="nobody"),
        pytest.param(TWO, "[{move_sim: a, to: b}]", {("a.0", "b.0"), ("a.1", "b.1")}, id="moved, side by side"),
        pytest.param("{a: {}, b: {}, c: {}}", "[{swap_sims: a, with: b}, {swap_sims: b, with: c}]", {("a", "b", "c")},
                     id="exchanged twice"),
        pytest.param("{a: {}, b: {registered: no, sim: {clone_of: a}}}", "[{attach: b}]", {("a", "b")},
                     id="a copy of a card"),
        pytest.param("{a: {}, b: {registered: no, modem: {clone_of: a}}}", "[{attach: b}]", {("a", "b")},
                     id="a copy of a modem"),
        pytest.param("{a: {}}", "[{insert_sim: a, card: fresh}]", set(), id="a new card is nobody's"),
        pytest.param("{a: {sim: {profiles: 2}}}", "[{switch_profile: a, profile: 2}]", set(), id="nor is a profile"),
        pytest.param("{a: {}, b: {}}", f"[{{update: b, imsi: '{REAL_IMSI}'}}]", {("a", "b")}, id="another's number"),
        pytest.param("{a: {}, b: {}}", "[{update: b, imsi: '123456789012345'}]", set(), id="nobody's number"),
        pytest.param("{a: {}, b: {}}", "[{update: b, imsi: held}]", set(), id="the number that it holds"),
        pytest.param(f"{{a: {{}}, b: {{identity: {{imsi: '{REAL_IMSI}'}}}}}}", "[{attach: b}]", {("a", "b")},
                     id="registered with another's"),
    ],
)  # fmt: skip
def test_who_may_be_taken_for_whom(devices, steps, found):
    assert kin(devices, steps) == found


def test_a_copy_of_who_keeps_still_is_taken_for_somebody():
    assert kin("{a: {}, b: {registered: no, sim: {clone_of: a}}}", "[{attach: b}]", only="b") == {("", "b")}


SCENARIO = """
scenario: a SIM moves from a to b, which is taken for a
devices:
  a: {transport: coap, identity: {imei: blank}}
  b: {transport: coap}
  c: {transport: coap}
steps:
  - {attach: [a, b, c], outcome: any}
  - {upload: [a, b, c], outcome: any}
  - {swap_sims: a, with: b, outcome: any}
  - {attach: [a, b], outcome: any}
  - {upload: [a, b], outcome: any, times: 2}
"""
IMEI_A, IMEI_B = "989999000000008", "989999010000006"

HEALTHY = [
    "0 run", "0 step 0",
    "0 > a attach", f"0 a ciotConnect imei={IMEI_A}", "0 < a attach ok",
    "0 > b attach", f"0 b ciotConnect imei={IMEI_B}", "0 < b attach ok", "0 acted 0",
    "1 step 1", "1 > a upload 24", "1 a clientConnected", "1 a upstreamMessage", "1.1 < a upload ok",
    "1.2 > b upload 24", "1.2 b clientConnected", "1.2 b upstreamMessage", "1.3 < b upload ok", "1.3 acted 1",
    "2 step 2", "2 > a swap_sims", "2.1 < a swap_sims ok", "2.1 acted 2",
    "3 step 3", "3 > b attach", f"3 a ciotConnect imei={IMEI_B}", "3.1 < b attach ok", "3.1 acted 3",
    "14 step 4", "14 > b upload 30", "14.1 a clientConnected", "14.2 a upstreamMessage bytes=30", "14.3 < b upload ok",
    "15 > a upload 31", "15.1 < a upload !failed not attached: the device has no address on the mobile network",
    "15.1 acted 4", "40 end done",
]  # fmt: skip


def judge(judged, lines: list[str]) -> set[str]:
    """The invariants that fail."""
    ordered = sorted(lines, key=lambda line: float(line.split()[0]))
    return {check.removeprefix("invariant.") for check in judged(SCENARIO, ordered).failed if "invariant" in check}


def without(*starts: str) -> list[str]:
    return [line for line in HEALTHY if not line.startswith(starts)]


def with_(*more: str) -> list[str]:
    return [*HEALTHY, *more]


def changed(old: str, new: str) -> list[str]:
    assert any(old in line for line in HEALTHY)
    return [line.replace(old, new) for line in HEALTHY]


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        pytest.param(HEALTHY, set(), id="healthy"),
        pytest.param(without("3 a ciot"), {"act-once", "connected-once"}, id="its login is not shown"),
        pytest.param(with_(f"3.05 a ciotConnect imei={IMEI_B}"), {"act-once"}, id="its login is shown twice"),
        pytest.param(changed("3.1 < b attach ok", "3.1 < b attach rejected"), {"act-once"}, id="it was refused"),
        pytest.param(
            changed("3.1 < b attach ok", "3.1 < b attach timeout"), set(), id="it does not know that it was let in"
        ),
        pytest.param(without("14.2"), {"upload-once"}, id="its upload is not shown"),
        pytest.param(with_("14.25 a upstreamMessage bytes=30"), {"upload-once"}, id="its upload is shown twice"),
        pytest.param(changed("14.2 a", "14.2 b"), {"upload-once"}, id="its upload is shown under its own name"),
        pytest.param(changed("bytes=30", "bytes=29"), {"upload-once"}, id="its upload is shown with another size"),
        pytest.param(with_("15.2 a upstreamMessage bytes=31"), {"upload-once"}, id="what was not sent is shown"),
        pytest.param(with_("15.05 a upstreamMessage bytes=31"), {"upload-once"}, id="and while it says so"),
        pytest.param(with_("16 c upstreamMessage"), {"upload-once"}, id="of one that has nothing to do with it"),
        pytest.param(with_("16 c clientConnected"), {"in-session"}, id="nor has a session"),
        pytest.param(
            with_("16 b clientConnected"), {"in-session", "connected-once"}, id="of one that nobody passes for any more"
        ),
        pytest.param(
            with_("1.5 c imsiMismatch imsi=999990000000001 imei=989999000000008 expectedImsi=999990000000009"),
            {"mismatch-once"}, id="a mismatch of one that logged in for itself",
        ),
        pytest.param(without("14.1"), {"connected-first"}, id="not connected before its first upload"),
        pytest.param(changed("14.1 a clientConnected", "14.1 a clientConnected id=x"), {"event-shape"}, id="a form"),
    ],
)  # fmt: skip
def test_what_a_swap_may_show(judged, lines, broken):
    assert judge(judged, lines) == broken


LATE = """
scenario: a copy of a login meets a platform that has forgotten it
operators: {home: {link: {LINK}}}
devices: {a: {}}
steps:
  - {attach: a, outcome: any}
  - {restart: platform}
"""


@pytest.mark.parametrize(
    ("link", "outcome", "alarm"),
    [
        pytest.param("delay: 4 s", "ok", set(), id="let in once more"),
        pytest.param("delay: 4 s", "rejected", set(), id="let in although it was refused before"),
        pytest.param("preset: perfect", "ok", {"act-once"}, id="nothing is late in a perfect core"),
        pytest.param("preset: perfect", "rejected", {"act-once"}, id="nor what was refused"),
    ],
)
def test_a_late_copy_of_a_login_may_be_decided_once_more(judged, link, outcome, alarm):
    shown = ["0 a ciotConnect"] if outcome == "ok" else []
    lines = ["0 run", "0 step 0", "0 > a attach", *shown, f"0 < a attach {outcome}", "0 acted 0", "1 step 1"]
    lines += ["1 > platform restart", "1 < platform restart ok", "1 acted 1", "4 a ciotConnect", "5 end done"]
    found = judged(LATE.replace("LINK", link), lines)
    assert found.failed == {f"invariant.{name}" for name in alarm}


def test_nor_is_its_mismatch_one_too_many(judged):
    lines = ["0 run", "0 step 0", "0 > a attach", "0 a imeiMismatch", "0 < a attach rejected", "0 acted 0", "1 step 1"]
    lines += ["1 > platform restart", "1 < platform restart ok", "1 acted 1", "4 a imeiMismatch", "5 end done"]
    late, perfect = (
        LATE.replace("LINK", link) + "allow: [imeiMismatch]\n" for link in ("delay: 4 s", "preset: perfect")
    )
    assert judged(late, lines).failed == set()
    assert judged(perfect, lines).failed == {"invariant.mismatch-once"}
