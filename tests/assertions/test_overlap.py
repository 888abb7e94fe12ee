"""Acts that overlap, and the verbs of power and platform: every invariant stays right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.errors import Place
from simulator.scenario import loads
from simulator.scenario.model import Attach, Freeze, PowerOff, PowerOn, Reboot, Restart, SendDown, Step, Stop, Withdraw

HERE = Place("x.yaml", 3, 3)
BASE = loads(
    """
scenario: overlapping
devices: {m: {}}
steps:
  - {upload: m, payload: 24 B, times: 9, outcome: any}
""",
    "x.yaml",
)
M = BASE.steps[0].subjects


def scenario(*acts: object):
    """Step 0 uploads; the others do what is given."""
    verbs = {Attach: "attach", PowerOn: "power_on", PowerOff: "power_off", Reboot: "reboot", Freeze: "freeze"}
    verbs |= {Restart: "restart", Stop: "stop", SendDown: "send", Withdraw: "withdraw"}
    steps = []
    for act in acts:
        platform = isinstance(act, Restart | Stop)
        whom = {"doers": ("platform",), "subjects": ()} if platform else {"subjects": M}
        steps.append(Step(place=HERE, verb=verbs[type(act)], act=act, outcome="any", times=9, **whom))  # type: ignore[arg-type]
    return replace(BASE, steps=(BASE.steps[0], *steps))


IN = [
    "0 run",
    "0 step 0",
    "0 step 1",
    "0 > m VERB @1 #0",
    "0 m ciotConnect",
    "0.5 < m VERB ok @1 #0",
    "0.6 > m poll @0 #9",
    "0.6 m clientConnected",
    "0.6 < m poll ok @0 #9",
]
UP = ["1 > m upload 24 @0 #0", "1.5 m upstreamMessage", "2 < m upload ok @0 #0"]


@pytest.mark.parametrize(
    ("acts", "lines", "broken"),
    [
        pytest.param((PowerOn(),), [*IN, *UP], None, id="switched on is logged in"),
        pytest.param((Reboot(),), [*IN, *UP], None, id="rebooted is logged in"),
        pytest.param((PowerOn(),), [*IN, UP[0], UP[2]], "upload-once", id="switched on, and an upload is lost"),
        pytest.param((Reboot(),), [*IN, *UP, "3 m ciotConnect"], "act-once", id="a login that nobody asked for"),
        pytest.param((PowerOn(),), [x for x in IN if "ciot" not in x], "act-once", id="a login that does not show"),
        pytest.param(
            (PowerOn(),), [x.replace(" ok", " rejected") for x in IN[:6]], "act-once", id="a refused login that shows"
        ),
        pytest.param(
            (PowerOn(),),
            [*IN[:4], "0.1 m imeiMismatch", "0.5 < m VERB rejected @1 #0"],
            None,
            id="refused with a mismatch",
        ),
        pytest.param(
            (PowerOn(),), [*IN, "1 m imeiMismatch"], "mismatch-once", id="a mismatch, and the only login was accepted"
        ),
        pytest.param(
            (Attach(), PowerOn()),
            [
                *IN[:4],
                "0 > m power_on @2 #0",
                "0.1 m ciotConnect",
                "0.5 < m VERB rejected @1 #0",
                "0.6 < m power_on ok @2 #0",
            ],
            None,
            id="of two logins at once one is refused",
        ),
        pytest.param(
            (Attach(), PowerOn()),
            [
                *IN[:4],
                "0 > m power_on @2 #0",
                "0.1 m ciotConnect",
                "0.5 < m VERB ok @1 #0",
                "0.6 < m power_on ok @2 #0",
            ],
            "act-once",
            id="of two accepted logins one does not show",
        ),
        pytest.param(
            (Attach(), PowerOff()),
            [*IN, "1 > m power_off @2 #0", *UP[::2], "3 < m power_off ok @2 #0"],
            None,
            id="answered while it is switched off",
        ),
        pytest.param(
            (Attach(), Freeze()),
            [*IN, UP[0], "1.2 > m freeze @2 #0", "1.2 < m freeze ok @2 #0", "1.2 < m upload failed @0 #0"],
            None,
            id="frozen, and not arrived",
        ),
        pytest.param(
            (Attach(), Freeze()),
            [
                *IN,
                UP[0],
                "1.2 > m freeze @2 #0",
                "1.2 < m freeze ok @2 #0",
                "1.2 < m upload failed @0 #0",
                "1.4 m upstreamMessage",
            ],
            None,
            id="frozen, and arrived",
        ),
        pytest.param(
            (Attach(), Freeze()),
            [*IN, "1 > m freeze @2", "1 < m freeze ok @2", *UP[::2]],
            "upload-once",
            id="a session outlives a freeze",
        ),
        pytest.param(
            (Attach(), Restart()),
            [
                *IN,
                UP[0],
                "1.1 > platform restart @2 #0",
                "1.2 m upstreamMessage",
                "1.3 < platform restart ok @2 #0",
                "1.5 m upstreamMessage",
                UP[2],
            ],
            None,
            id="stored again after a restart",
        ),
        pytest.param(
            (Attach(), Restart()),
            [
                *IN,
                UP[0],
                "1.1 > platform restart @2 #0",
                "1.2 m upstreamMessage",
                "1.3 < platform restart ok @2 #0",
                "1.5 m upstreamMessage",
                "1.6 m upstreamMessage",
                UP[2],
            ],
            "upload-once",
            id="stored thrice with one restart",
        ),
        pytest.param(
            (Attach(), Restart()),
            [*IN, "0.7 > platform restart @2 #0", "0.8 < platform restart ok @2 #0", "1 m clientConnected", *UP[::2]],
            "upload-once",
            id="a session outlives a restart",
        ),
        pytest.param((Attach(),), [*IN, *UP, "2.5 m upstreamMessage"], "upload-once", id="without a restart, no copy"),
    ],
)
def test_power_and_platform(judged, acts, lines, broken):
    given = scenario(*acts)
    lines = [line.replace("VERB", given.steps[1].verb) for line in lines]
    found = judged(replace(given, allow=("imeiMismatch",)), lines)
    assert found.failed == ({f"invariant.{broken}"} if broken else set())


SENT = [
    "0 run",
    "0 step 1",
    "1 > m send 4 @1 #0",
    "1.1 < m send ok @1 #0",
    "1.2 > m send 9 @1 #1",
    "1.3 < m send ok @1 #1",
]
BACK = ["2 > m withdraw @2 #0", "2.1 < m withdraw ok @2 #0"]
FOUR, NINE = "4 m downstreamMessage bytes=4 messageId=a", "5 m downstreamMessage bytes=9 messageId=b"
FETCH = ["1.4 > m upload 24 @0 #0", "1.5 < m upload timeout @0 #0"]


@pytest.mark.parametrize(
    ("which", "lines", "broken"),
    [
        pytest.param("newest", [*SENT, *BACK, FOUR], set(), id="the older is left"),
        pytest.param("newest", [*SENT, *BACK, FOUR, NINE], {"downstream-queued"}, id="the newest was taken back"),
        pytest.param("oldest", [*SENT, *BACK, NINE], set(), id="the newer is left"),
        pytest.param("oldest", [*SENT, *BACK, FOUR], {"downstream-queued"}, id="the oldest was taken back"),
        pytest.param("all", [*SENT, *BACK, FOUR], {"downstream-queued"}, id="all were taken back"),
        pytest.param(
            "all", [*SENT, BACK[0], "2.1 < m withdraw rejected @2 #0", FOUR, NINE], set(), id="it was refused"
        ),
        pytest.param("all", [*SENT, *FETCH, *BACK, FOUR], set(), id="its device may have asked before"),
        pytest.param("newest", [*SENT, FOUR, NINE], set(), id="nothing was taken back, the oldest first"),
        pytest.param(
            "newest", [*SENT, NINE.replace("5 m", "3 m"), FOUR], {"downstream-oldest-first"}, id="newest first"
        ),
        pytest.param(
            "newest", [*SENT, "3.5 gap 1.3 2 lost", NINE], {"inconclusive"}, id="perhaps the older was not seen"
        ),
    ],
)
def test_what_was_withdrawn_is_not_delivered(judged, which, lines, broken):
    given = replace(scenario(SendDown(payload=None), Withdraw(which=which)), allow=("upload-once",))  # type: ignore[arg-type]
    asks = next((k for k, line in enumerate(lines) if float(line.split()[0]) > 2.1), len(lines))
    found = judged(given, [*lines[:asks], "2.5 > m upload 24 @0 #5", *lines[asks:]])
    if broken == {"inconclusive"}:
        assert found.open >= {"invariant.downstream-oldest-first"}
        broken = set()
    assert found.failed == {f"invariant.{name}" for name in broken}
    if "downstream-queued" in broken:
        assert "such a message was withdrawn at 2.1 s" in found.text("invariant.downstream-queued")


@pytest.mark.parametrize("when", ["3.9", "4.1"])
def test_a_platform_need_not_say_how_long_a_downstream_message_is(judged, when):
    lines = [*SENT, "2 > m poll @0 #5", "4 m downstreamMessage bytes=- messageId=a", f"{when} received m coap 01020304"]
    lines.sort(key=lambda line: float(line.split()[0]))
    given = replace(scenario(SendDown(payload=None)), allow=("event-shape",))  # type: ignore[arg-type]
    assert judged(given, lines).failed == set()
    assert judged(given, [*lines, "5 received m coap 01020304"]).failed == {"invariant.received-shown"}


@pytest.mark.parametrize(
    ("sent_s", "broken"),
    [pytest.param(1.0, set(), id="in the same instant"), pytest.param(1.5, {"downstream-queued"}, id="later")],
)
def test_a_datagram_may_meet_a_message_that_was_queued_while_it_was_on_its_way(judged, sent_s, broken):
    text = "scenario: x\ndevices: {m: {transport: udp}}\nsteps: [{attach: m}, {upload: m}, {send: m, payload: 4 B}]\n"
    lines = ["0 run", "0 step 0", "0 > m attach", "0 m ciotConnect", "0 < m attach ok", "0 acted 0"]
    lines += ["1 step 1", "1 > m upload 24", "1 < m upload ok", "1 acted 1"]
    lines += [f"{sent_s} step 2", f"{sent_s} > m send 4", f"{sent_s} < m send ok", f"{sent_s} m clientConnected"]
    lines += [f"{sent_s} m upstreamMessage transport=udp", f"{sent_s} m downstreamMessage transport=udp messageId=1"]
    assert judged(text, lines).failed == {f"invariant.{name}" for name in broken}
