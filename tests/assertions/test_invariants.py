"""Planted damage: what a platform must not do is found, what it may do raises no alarm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.assertions.invariants import INVARIANTS

SCENARIO = """
scenario: two meters report twice
collections: {second: {}}
devices:
  m: {count: 2, transport: coap, link: LINK}
steps:
  - {attach: m, outcome: any}
  - {upload: m, payload: 24 B, times: 2, outcome: any}
  - {send: m, payload: 4 B, outcome: any}
  - {poll: m, outcome: any}
  - {move: m.0, to: second, outcome: any}
  - {remove: m.1, outcome: any}
""".replace("LINK", "perfect")

HEALTHY = [
    "0 run",
    "0 step 0",
    "0 > m.0 attach",
    "0 m.0 ciotConnect",
    "0 < m.0 attach ok",
    "0 > m.1 attach",
    "0 m.1 ciotConnect",
    "0 < m.1 attach ok",
    "0 statistics began accepted=7",
    "0 acted 0",
    "1 step 1",
    "1 > m.0 upload 24",
    "1.1 m.0 clientConnected",
    "1.2 m.0 upstreamMessage",
    "1.3 > m.1 upload 30",
    "1.3 m.1 clientConnected",
    "1.3 m.1 upstreamMessage bytes=30",
    "1.4 < m.0 upload ok #0",
    "1.5 < m.1 upload ok #0",
    "2 > m.0 upload 24 #1",
    "2.1 < m.0 upload ok #1",
    "2.2 m.0 upstreamMessage",
    "2.3 > m.1 upload 24 #1",
    "2.4 m.1 upstreamMessage",
    "2.5 < m.1 upload ok #1",
    "2.5 acted 1",
    "3 step 2",
    "3 > m.0 send 4",
    "3.1 < m.0 send ok",
    "3.1 > m.1 send 4",
    "3.2 < m.1 send ok",
    "3.2 acted 2",
    "4 step 3",
    "4 > m.0 poll",
    "4.1 m.0 downstreamMessage messageId=d0",
    "4.2 < m.0 poll ok",
    "4.2 > m.1 poll",
    "4.3 m.1 downstreamMessage messageId=d1",
    "4.4 < m.1 poll ok",
    "4.4 acted 3",
    "5 step 4",
    "5 > m.0 move",
    "5.1 m.0 deviceMoved from=id-default to=id-second",
    "5.1 m.0 deviceMoved from=id-default to=id-second on=second",
    "5.2 < m.0 move ok",
    "5.2 acted 4",
    "6 step 5",
    "6 > m.1 remove",
    "6.1 m.1 deviceRemoved",
    "6.2 < m.1 remove ok",
    "6.2 acted 5",
    "30 m.0 firmwareCheck on=second",
    "35 statistics ended accepted=9 sessions=1",
    "40 end done",
]

LEFT = ["7 > m.0 detach @9", "7.1 < m.0 detach ok @9"]
STRAY = ["9 > m.0 upload 24 @1 #7", "9.1 m.0 upstreamMessage on=second", "9.2 < m.0 upload ok @1 #7"]
"""The one device that is still there leaves the network, and sends something."""

ALIASES = {"id-default": "default", "id-second": "second"}

Damage = Callable[[list[str]], list[str]]


def line_of(lines: list[str], start: str) -> int:
    """Index of the one line that begins like this."""
    (index,) = (index for index, line in enumerate(lines) if line.startswith(start))
    return index


def without(*starts: str) -> Damage:
    """Lines left out."""
    return lambda lines: [line for line in lines if not line.startswith(starts)]


def doubled(start: str) -> Damage:
    """A line twice."""

    def do(lines: list[str]) -> list[str]:
        index = line_of(lines, start)
        return [*lines[: index + 1], lines[index], *lines[index + 1 :]]

    return do


def changed(start: str, old: str, new: str) -> Damage:
    """Words of a line replaced."""

    def do(lines: list[str]) -> list[str]:
        index = line_of(lines, start)
        assert old in lines[index]
        return [*lines[:index], lines[index].replace(old, new), *lines[index + 1 :]]

    return do


def added(*more: str) -> Damage:
    """Lines put in, each after what is not later."""
    return lambda lines: sorted([*lines, *more], key=lambda line: float(line.split()[0]))


def at(start: str, t_s: str) -> Damage:
    """A line comes at another time."""

    def do(lines: list[str]) -> list[str]:
        line = lines[line_of(lines, start)]
        return added(f"{t_s} {line.split(' ', 1)[1]}")(without(start)(lines))

    return do


def elsewhere(damage: Damage) -> Damage:
    """On a platform that is not the embedded one."""
    return lambda lines: ["0 run elsewhere", *damage(lines)[1:]]


def swapped(start: str, other: str) -> Damage:
    """Two lines change places, and keep the times that stand there."""

    def do(lines: list[str]) -> list[str]:
        a, b = line_of(lines, start), line_of(lines, other)
        (time_a, rest_a), (time_b, rest_b) = lines[a].split(" ", 1), lines[b].split(" ", 1)
        swapped = list(lines)
        swapped[a], swapped[b] = f"{time_a} {rest_b}", f"{time_b} {rest_a}"
        return swapped

    return do


def polled(lines: list[str]) -> list[str]:
    """Its first contact is a poll, and it never connects."""
    return [
        line for line in lines if "m.0 upload" not in line and not line.startswith(("1.1 m.0", "1.2 m.0", "2.2 m.0"))
    ]


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        pytest.param(without("1.2 m.0"), "upload-once", id="an upload is not shown"),
        pytest.param(without("2.2 m.0"), "upload-once", id="the last upload is not shown"),
        pytest.param(changed("2.2 m.0", "2.2", "12.2"), "upload-once", id="an upload is shown too late"),
        pytest.param(doubled("1.2 m.0"), "upload-once", id="an upload is shown twice"),
        pytest.param(doubled("2.4 m.1"), "upload-once", id="the last upload is shown twice"),
        pytest.param(added("35 m.0 upstreamMessage on=second"), "upload-once", id="an upload that nobody sent"),
        pytest.param(changed("1.2 m.0", "Message", "Message bytes=25"), "upload-once", id="a wrong size"),
        pytest.param(changed("1.2 m.0", "Message", "Message transport=udp"), "upload-once", id="a wrong transport"),
        pytest.param(changed("1.3 m.1 upstream", "m.1", "m.0"), "upload-once", id="an upload of the other device"),
        pytest.param(swapped("1.2 m.0", "1.3 m.1 upstream"), "connected-first", id="two uploads swapped"),
        pytest.param(changed("1.1 m.0", "1.1", "0.5"), None, id="connected early is still before"),
        pytest.param(without("1.1 m.0"), "connected-first", id="not connected before the first upload"),
        pytest.param(swapped("1.1 m.0", "1.2 m.0"), "connected-first", id="connected after the first upload"),
        pytest.param(doubled("1.1 m.0"), "connected-once", id="connected twice"),
        pytest.param(added("2.05 m.0 clientConnected"), "connected-once", id="connected before the second upload too"),
        pytest.param(
            lambda lines: [*lines[:2], "0 m.0 clientConnected", *lines[2:]], "in-session", id="connected, not logged in"
        ),
        pytest.param(swapped("0 m.0 ciot", "0 > m.0"), "act-once", id="shown before it was asked for"),
        pytest.param(
            lambda lines: [*lines[:3], "0 m.0 clientConnected", *lines[3:]], "in-session", id="before its login shows"
        ),
        pytest.param(added(*LEFT, "19 m.0 clientConnected on=second"), "in-session", id="connected after it left"),
        pytest.param(
            added(*LEFT[:2], "8.2 m.0 clientConnected on=second"), "in-session", id="connected anew, and gone"
        ),
        pytest.param(added(*LEFT, *STRAY), "upload-once", id="a message of one that has left"),
        pytest.param(
            added(*LEFT, "8 > m.0 attach @9", "8.5 < m.0 attach rejected @9", *STRAY), "upload-once",
            id="a message of one that was not let in again",
        ),
        pytest.param(added("3 m.0 clientDisconnected"), "fits-network", id="a session of the mobile network ends"),
        pytest.param(added("3 m.0 gatewayUpstreamMessage bytes=24"), "fits-network", id="behind no gateway"),
        pytest.param(added("3 m.0 gatewayDownstreamMessage bytes=24"), "fits-network", id="down, behind no gateway"),
        pytest.param(changed("1.1 m.0", "Connected", "Connected id=certificate"), "fits-network", id="a certificate"),
        pytest.param(changed("0 m.1 ciot", "ect", "ect ip=10.64.0.1"), "own-address", id="the other's address"),
        pytest.param(changed("0 m.1 ciot", "ect", "ect imsi=999990000000001"), "own-address", id="the other's IMSI"),
        pytest.param(changed("0 m.1 ciot", "ect", "ect imei=350000000000006"), "own-address", id="the other's IMEI"),
        pytest.param(changed("1.1 m.0", "m.0", "m.1"), "connected-first", id="connected as the other"),
        pytest.param(polled, "connected-first", id="not connected before the first answer to a poll"),
        pytest.param(at("4.1 m.0", "3.15"), "downstream-queued", id="shown when it was queued"),
        pytest.param(at("4.1 m.0", "3.05"), "downstream-queued", id="shown while it is queued"),
        pytest.param(
            changed("5.1 m.0 deviceMoved from=id-default to=id-second on", "id-default to=id-second",
                    "id-second to=id-default"),
            "moved-between", id="moved the other way",
        ),
        pytest.param(
            changed("5.1 m.0 deviceMoved from=id-default to=id-second on", "id-default", "zz"),
            "moved-between", id="moved from where it never was",
        ),
        pytest.param(added("1 - imeiMismatch +deviceId=x"), "mismatch-once", id="a mismatch and all logins accepted"),
        pytest.param(without("0 m.0 ciot"), "act-once", id="a login is not shown"),
        pytest.param(doubled("0 m.0 ciot"), "act-once", id="a login is shown twice"),
        pytest.param(changed("0 m.0 ciot", "m.0", "m.1"), "act-once", id="a login of the other device"),
        pytest.param(changed("0 < m.0 att", "ok", "rejected"), "act-once", id="a refused login is shown"),
        pytest.param(changed("35 stat", "accepted=9", "accepted=10"), "login-told", id="a login that never showed"),
        pytest.param(changed("35 stat", "accepted=9", "accepted=8"), "login-told", id="a login that was not counted"),
        pytest.param(
            changed("35 stat", "sess", "rejected=1 rejected.IMEI_mismatch=1 sess"), "login-told",
            id="more logins than devices can have made",
        ),
        pytest.param(changed("35 stat", "sess", "takeovers=2 sess"), "login-told", id="taken over by nobody"),
        pytest.param(changed("35 stat", "sess", "rejected=1 sess"), "login-told", id="refused for no reason"),
        pytest.param(changed("35 stat", "accepted=9", "accepted=2"), None, id="counted anew: nothing is known"),
        pytest.param(without("35 stat"), None, id="not counted"),
        pytest.param(without("6.1 m.1"), "act-once", id="a removal is not shown"),
        pytest.param(without("5.1 m.0 deviceMoved from=id-default to=id-second on"), "act-once", id="half a move"),
        pytest.param(
            doubled("5.1 m.0 deviceMoved from=id-default to=id-second on"), "act-once", id="half a move twice"
        ),
        pytest.param(added("2 m.0 deviceUpdated"), "act-once", id="a change that nobody made"),
        pytest.param(added("2 m.0 deviceCreated"), "act-once", id="a creation that nobody asked for"),
        pytest.param(without("3 > m.0"), "downstream-queued", id="a downstream message that nobody queued"),
        pytest.param(doubled("4.1 m.0"), "downstream-queued", id="a downstream message twice"),
        pytest.param(
            added("4.15 m.0 downstreamMessage messageId=d9"), "downstream-queued", id="twice under different ids"
        ),
        pytest.param(changed("4.1 m.0", "messageId", "bytes=5 messageId"), "downstream-queued", id="of another size"),
        pytest.param(changed("4.3 m.1", "d1", "d0"), "downstream-queued", id="the message of the other device"),
        pytest.param(changed("4.3 m.1", "m.1", "m.0"), "downstream-queued", id="handed to the other device"),
        pytest.param(changed("3.1 < m.0", "ok", "rejected"), "downstream-queued", id="one that was refused"),
        pytest.param(
            added("3.01 > m.0 send 9 #1", "3.02 < m.0 send ok #1", "4.05 m.0 downstreamMessage bytes=9 messageId=d2"),
            None, id="in the order of two that were sent at the same time",
        ),
        pytest.param(
            added("3.15 > m.0 send 9 #1", "3.16 < m.0 send ok #1", "4.05 m.0 downstreamMessage bytes=9 messageId=d2"),
            "downstream-oldest-first", id="the newer message first",
        ),
        pytest.param(changed("4.1 m.0", "messageId", "transport=udp messageId"), "downstream-queued", id="another way"),
        pytest.param(added("4.15 received m.0 coap 0102030405"), "received-shown", id="received and never shown"),
        pytest.param(
            added("4.15 received m.0 coap 01020304", "4.16 received m.0 coap 01020304"), "received-shown",
            id="received twice and shown once",
        ),
        pytest.param(
            changed("5.1 m.0 deviceMoved from=id-default to=id-second on", "from=id-default", "from=id-second"),
            "moved-between", id="moved to where it was",
        ),
        pytest.param(
            changed("5.1 m.0 deviceMoved from=id-default to=id-second on", "id-default to=id-second", "a to=b"),
            "moved-between", id="moved between others",
        ),
        pytest.param(added("2 m.0 deviceCreated"), "created-first", id="created after it was seen"),
        pytest.param(
            added("1 m.0 imeiMismatch expectedImei=350000000000006"), "mismatch-real", id="a mismatch that is none"
        ),
        pytest.param(added("0.5 m.0 clientDisconnected"), "session-ends-once", id="a session ends that never began"),
        pytest.param(
            added("3 m.1 firmwareStateChange state=B previous=A", "3.2 m.1 firmwareStateChange state=D previous=C"),
            "firmware-chain", id="a firmware state from nowhere",
        ),
        pytest.param(added("3 m.1 firmwareStateChange state=B previous=B"), "firmware-chain", id="no change of state"),
        pytest.param(changed("2.2 m.0", "Message", "Message time=1767225599"), "time-forward", id="time goes back"),
        pytest.param(changed("1.1 m.0", "m.0", "?"), "known-owner", id="a device that is none of this run"),
        pytest.param(added("6.3 m.1 firmwareCheck"), "silent-after-removal", id="an event after removal"),
        pytest.param(doubled("6.1 m.1"), "silent-after-removal", id="removed twice"),
        pytest.param(changed("30 m.0", " on=second", ""), "gone-after-move", id="in the collection that it left"),
        pytest.param(changed("30 m.0", "second", "third"), "right-collection", id="in a collection of others"),
        pytest.param(changed("30 m.0", "second", "?"), "right-collection", id="in a collection that nobody made"),
        pytest.param(changed("1.1 m.0", "Connected", "Connected on=second"), "right-collection", id="before the move"),
        pytest.param(changed("1.1 m.0", "Connected", "Connected id=x"), "event-shape", id="connected by what"),
        pytest.param(changed("0 m.0 ciot", "Connect", "Connect ip=-"), "event-shape", id="a key is missing"),
        pytest.param(changed("0 m.0 ciot", "Connect", "Connect imsi=12"), "event-shape", id="an IMSI is none"),
        pytest.param(
            changed("0 m.0 ciot", "Connect", "Connect ip=10.64.0.256"), "event-shape", id="an address is none"
        ),
        pytest.param(changed("1.1 m.0", "Connected", "Connected time=-1"), "event-shape", id="no time"),
        pytest.param(changed("30 m.0", "Check", "Check time=1767226000"), "event-shape", id="from the future"),
        pytest.param(added("7 garbled data.bytes is a string, here: 4"), "event-shape", id="no event at all"),
    ],
)  # fmt: skip
def test_damage_is_found(judged, damage, broken):
    found = judged(SCENARIO, damage(HEALTHY), aliases=dict(ALIASES))
    wanted = f"invariant.{broken}"
    assert (wanted in found.failed) if broken else not found.failed
    if broken:
        assert found.text(wanted)
        assert any(finding.check == wanted for finding in found.findings)


@pytest.mark.parametrize(
    "difference",
    [
        pytest.param(lambda lines: lines, id="nothing"),
        pytest.param(added("1.05 m.1 firmwareCheck", "1.25 m.0 firmwareCheck"), id="other events between"),
        pytest.param(changed("1.2 m.0", "Message", "Message colour=red"), id="a key that is new"),
        pytest.param(added("2 m.0 somethingNew a=b"), id="an event that is new"),
        pytest.param(changed("0 m.0 ciot", "Connect", "Connect +later=yes"), id="a field that is new"),
        pytest.param(
            lambda lines: [f"{int(float(x.split()[0]))} {x.split(' ', 1)[1]}" for x in lines], id="equal times"
        ),
        pytest.param(changed("2.2 m.0", "Message", "Message time=1767225601"), id="a second of its own time back"),
        pytest.param(
            changed("2.2 m.0", "2.2 m.0 upstreamMessage", "12.05 m.0 upstreamMessage time=1767225602"),
            id="shown just in time",
        ),
        pytest.param(added("4.15 received m.0 coap 01020304"), id="received what was shown"),
        pytest.param(added("4.05 received m.0 coap 01020304"), id="received just before it is shown"),
        pytest.param(
            lambda lines: ["0 run real", *added("4.15 received m.0 coap 01020304")(lines[1:])],
            id="received in real time",
        ),
        pytest.param(elsewhere(added("3.15 m.0 clientDisconnected")), id="a session ends"),
        pytest.param(elsewhere(added("3 m.0 gatewayUpstreamMessage bytes=24")), id="another idea of gateways"),
        pytest.param(elsewhere(changed("1.1 m.0", "ted", "ted id=certificate")), id="another idea of certificates"),
        pytest.param(elsewhere(at("4.1 m.0", "3.15")), id="another idea of when it is handed over"),
        pytest.param(elsewhere(changed("0 m.1 ciot", "ect", "ect ip=10.64.0.1")), id="another idea of addresses"),
        pytest.param(elsewhere(lambda lines: [*lines[:2], "0 m.0 clientConnected", *lines[2:]]), id="an older session"),
        pytest.param(
            added(
                *LEFT,
                "8 > m.0 attach @9",
                "8.5 m.0 ciotConnect on=second",
                "8.6 < m.0 attach ok @9",
                "9.05 m.0 clientConnected on=second",
                *STRAY,
            ),
            id="left and came back",
        ),
        pytest.param(
            added("6.9 > m.0 upload 24 @1 #7", *LEFT, "7.2 m.0 upstreamMessage on=second", "9.2 < m.0 upload ok @1 #7"),
            id="left, and the stream lags",
        ),
        pytest.param(
            added(
                *LEFT,
                "7.5 > m.0 upload 24 @1 #7",
                "8 > m.0 attach @9",
                "8.5 m.0 ciotConnect on=second",
                "8.6 < m.0 attach ok @9",
                "9 m.0 clientConnected on=second",
                "9 m.0 upstreamMessage on=second",
                "9.2 < m.0 upload ok @1 #7",
            ),
            id="sent as a stranger, and again in session",
        ),
        pytest.param(
            added("6.5 > m.0 freeze @9", "6.6 < m.0 freeze ok @9", *LEFT, *STRAY), id="frozen, it cannot say good-bye"
        ),
        pytest.param(
            added("6.5 > m.0 attach @9", "6.6 < m.0 attach failed @9", *LEFT, *STRAY), id="nobody knows if it is in"
        ),
        pytest.param(
            added(
                "6.9 > m.0 attach @9 #3",
                *LEFT,
                "7.2 m.0 ciotConnect on=second",
                "7.3 < m.0 attach ok @9 #3",
                "9.05 m.0 clientConnected on=second",
                *STRAY,
            ),
            id="it leaves and comes at once",
        ),
        pytest.param(
            lambda lines: added(
                "6.9 > m.1 remove @5",
                "7 > m.0 detach @9",
                "7.1 < m.0 detach ok @9",
                "8 > m.1 attach @9",
                "8.5 m.1 ciotConnect ip=10.64.0.1 imsi=999990000000099 device=id-new",
                "8.6 < m.1 attach ok @9",
            )(lines),
            id="an address that was given up",
        ),
        pytest.param(
            added(
                "3 m.1 firmwareStateChange state=B previous=A message=x",
                "3.2 m.1 firmwareStateChange state=A previous=B message=x",
            ),
            id="a firmware state comes from the last one",
        ),
        pytest.param(changed("1.2 m.0", "Message", "Message transport=unspecified"), id="a transport not told"),
        pytest.param(changed("3.1 < m.0", "ok", "timeout"), id="queued, and the operator does not know"),
        pytest.param(without("4.1 m.0"), id="a downstream message that stays queued"),
        pytest.param(added("6.15 m.1 firmwareCheck device=id-new"), id="created anew under another id"),
        pytest.param(changed("30 m.0", "Check", "Check time=1767225629"), id="a second late"),
        pytest.param(changed("0 < m.0 att", "ok", "timeout"), id="a login that nobody knows was accepted"),
        pytest.param(added("7 - gatewayConnected id=- remoteAddress=1.2.3.4:5"), id="a gateway"),
    ],
)
def test_harmless_differences_raise_no_alarm(judged, difference):
    # What the server has counted goes with the logins of the undamaged history alone.
    lines = difference(without("0 stat", "35 stat")(HEALTHY))
    found = judged(SCENARIO, lines, aliases=dict(ALIASES))
    assert found.verdicts.verdict == "pass", [str(finding) for finding in found.findings]


ELSEWHERE = ("same-for-all", "stream-complete", "handshake-told", "session-kept", "session-ended", "blob-once")


@pytest.mark.parametrize("name", [invariant.name for invariant in INVARIANTS])
def test_every_invariant_is_put_to_the_test_by_the_damage(name):
    marks = next(mark for mark in test_damage_is_found.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    # Those about several readers need some, those of the Internet such devices: test_streams.py, test_internet.py.
    assert name in ELSEWHERE or any(p.values[1] == name for p in marks.args[1])


# --- uploads: what must, may and must not be shown --------------------------------------------------------------------

UPLOADS = """
scenario: uploads
devices: {m: {transport: TRANSPORT, link: LINK}}
steps:
  - {attach: m, outcome: any}
  - {upload: m, payload: 24 B, times: 9, outcome: anyMORE}
  - {detach: m, outcome: any}
"""
LOGIN = [
    "0 run", "0 step 0", "0 > m attach", "0 m ciotConnect", "0 < m attach ok",
    "0 > m poll", "0 m clientConnected", "0 < m poll ok", "0 acted 0",
]  # fmt: skip


def uploads(transport: str = "coap", link: str = "perfect", more: str = "") -> str:
    """The scenario with that transport and link."""
    return UPLOADS.replace("TRANSPORT", transport).replace("LINK", link).replace("MORE", more)


UP = "m upstreamMessage transport="


@pytest.mark.parametrize(
    ("transport", "link", "more", "lines", "alarm"),
    [
        pytest.param("coap", "perfect", "", ["1 > m upload 24 #0", "9 < m upload timeout #0"], False, id="lost"),
        pytest.param(
            "coap", "perfect", "", ["1 > m upload 24 #0", "2 UP", "9 < m upload timeout #0"], False, id="answer lost"
        ),
        pytest.param(
            "coap", "perfect", "", ["1 > m upload 24 #0", "9 < m upload timeout #0", "20 UP"], False, id="shown after"
        ),
        pytest.param(
            "coap", "perfect", "", ["1 > m upload 24 #0", "2 UP", "9 < m upload timeout #0", "20 UP"], True, id="twice"
        ),
        pytest.param(
            "coap", "perfect", "", ["1 > m upload 24 #0", "9 < m upload timeout #0", "400 UP"], True, id="far too late"
        ),
        pytest.param("udp", "perfect", "", ["1 > m upload 24 #0", "1 < m upload ok #0"], False, id="udp may be lost"),
        pytest.param(
            "udp", "perfect", "", ["1 > m upload 24 #0", "1 < m upload ok #0", "2 UP", "2 UP"], True, id="udp twice"
        ),
        pytest.param(
            "udp", "wifi", "", ["1 > m upload 24 #0", "1 < m upload ok #0", "2 UP", "2 UP"], False, id="udp copied"
        ),
        pytest.param(
            "udp", "wifi", "", ["1 > m upload 24 #0", "1 < m upload ok #0", "2 UP", "2 UP", "2 UP"], True, id="3 copies"
        ),
        pytest.param(
            "coap", "wifi", "", ["1 > m upload 24 #0", "2 UP", "2 UP", "3 < m upload ok #0"], True, id="coap copied"
        ),
        pytest.param(
            "coap", "perfect", ", retry: 2", ["1 > m upload 24 #0", "2 UP", "3 UP", "4 < m upload ok #0"], False,
            id="a retry is a new message",
        ),
        pytest.param(
            "coap", "perfect", ", retry: 1", ["1 > m upload 24 #0", "2 UP", "3 UP", "3 UP", "4 < m upload ok #0"], True,
            id="more than the retries",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "1 > m upload 24 #1", "2 UP", "3 < m upload ok #1", "9 < m upload timeout #0"],
            False, id="two of a size under way: the answered one was shown",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "1 > m upload 24 #1", "2 UP", "3 < m upload timeout #0", "4 < m upload ok #1"],
            False, id="the same, answered last",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "1 > m upload 24 #1", "2 < m upload ok #1", "3 UP", "60 < m upload timeout #0"],
            False, id="the same, shown after the answer",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "1 > m upload 24 #1", "2 UP", "3 < m upload ok #0", "4 < m upload ok #1"],
            True, id="two answered, one shown",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "2 < m upload timeout #0", "3 > m upload 24 #1", "4 UP", "5 < m upload ok #1",
             "6 UP"], False, id="the lost one comes after all",
        ),
        pytest.param(
            "coap", "perfect", "",
            ["1 > m upload 24 #0", "1.5 > m detach @2", "1.6 < m detach ok @2", "2 < m upload ok #0"],
            False, id="answered after the session ended",
        ),
        pytest.param(
            "coap", "perfect", ", path: u", ["1 > m upload 24 #0", "2 < m upload ok #0"], False, id="a reserved path"
        ),
        pytest.param(
            "coap", "perfect", ", path: rd", ["1 > m upload 24 #0", "2 < m upload ok #0"], True,
            id="a path that is not reserved",
        ),
        pytest.param(
            "coap", "perfect", ", path: rd", ["1 > m upload 24 #0", "2 UP", "3 < m upload ok #0"], False,
            id="a path that is not reserved, shown",
        ),
    ],
)  # fmt: skip
def test_uploads_are_shown_as_often_as_they_can_be(judged, transport, link, more, lines, alarm):
    begun = [*LOGIN, "0 step 1"]
    found = judged(uploads(transport, link, more), [*begun, *(line.replace("UP", UP + transport) for line in lines)])
    assert found.failed == ({"invariant.upload-once"} if alarm else set())


def test_a_wrong_size_is_one_fault_and_not_a_missing_upload_as_well(judged):
    found = judged(SCENARIO, changed("1.2 m.0", "Message", "Message bytes=25")(HEALTHY))
    assert found.of("invariant.upload-once").concerned == 1
    assert "but 24 bytes were sent at 1.0 s" in found.text("invariant.upload-once")


def test_the_stream_of_the_old_collection_may_lag_behind(judged):
    text = """
scenario: moved and removed
collections: {second: {}}
devices: {m: {}}
steps:
  - {move: m, to: second}
  - {remove: m}
"""
    lines = ["0 run", "0 step 0", "0 > m move", "0.1 m deviceMoved from=id-default to=id-second on=second"]
    lines += ["1 < m move ok", "1 acted 0", "1 step 1", "1 > m remove", "1 m deviceRemoved on=second"]
    lines += ["1 < m remove ok", "1 acted 1", "2 m firmwareCheck", "2 m deviceMoved from=id-default to=id-second"]
    assert judged(text, lines).failed == set()
    assert judged(text, [*lines, "3 m firmwareCheck"]).failed == {"invariant.gone-after-move"}
    assert judged(text, [*lines, "3 m firmwareCheck on=second"]).failed == {"invariant.silent-after-removal"}


def test_every_attempt_of_a_login_may_be_refused_with_its_mismatch(judged):
    text = uploads().replace("{attach: m, outcome: any}", "{attach: m, outcome: any, retry: 2}")
    text += "allow: [imeiMismatch]\n"
    begun = ["0 run", "0 step 0", "0 > m attach"]
    ended = ["5 < m attach rejected", "5 acted 0"]
    assert judged(text, [*begun, *["1 m imeiMismatch"] * 3, *ended]).failed == set()
    assert judged(text, [*begun, *["1 m imeiMismatch"] * 4, *ended]).failed == {"invariant.mismatch-once"}


def test_a_mismatch_is_counted_for_the_login_that_it_is_of(judged):
    text = """
scenario: two are refused
devices:
  w: {identity: {imsi: "999991111111111"}}
  e: {identity: {imei: "350000000000999"}}
steps: [{attach: w, outcome: any, times: 2}, {attach: e, outcome: any}]
allow: [imeiMismatch, imsiMismatch]
"""
    refused = "imsiMismatch imsi=999990000000001 expectedImsi=999991111111111"
    mine, others = f"0 w {refused} imei=350000000000006", f"0 e {refused} imei=350000000000999"
    lines = ["0 run", "0 step 0", "0 > w attach", "0 < w attach rejected", mine]
    lines += ["0 > w attach #1", "0 < w attach rejected #1", mine, "0 acted 0", "0 step 1", "0 > e attach #0"]
    lines += ["0 < e attach rejected #0", "0 e imeiMismatch imsi=999990000000002 expectedImei=350000000000999"]
    assert judged(text, lines).failed == set()
    again = judged(text, [*lines, lines[-1]])
    assert again.failed == {"invariant.mismatch-once"}
    assert "number 2 of e for 1 such login" in again.text("invariant.mismatch-once")
    # What it is known by may be another one's number: then nobody knows who came.
    assert judged(text, [*lines, others]).failed == set()


def test_a_connection_stands_for_its_session_wherever_the_device_is_moved(judged):
    text = """
scenario: there and back
collections: {second: {}}
devices: {m: {}}
steps: [{attach: m}, {move: m, to: second}, {upload: m}, {move: m, to: default}, {upload: m}]
"""
    there = ["deviceMoved from=id-default to=id-second", "deviceMoved from=id-default to=id-second on=second"]
    back = ["deviceMoved from=id-second to=id-default on=second", "deviceMoved from=id-second to=id-default"]
    lines = ["0 run", "0 step 0", "0 > m attach", "0 m ciotConnect", "0 < m attach ok", "0 acted 0"]
    lines += ["1 step 1", "1 > m move", *(f"1 m {what}" for what in there), "1 < m move ok", "1 acted 1"]
    lines += ["2 step 2", "2 > m upload 24", "2 m clientConnected on=second", "2 m upstreamMessage on=second"]
    lines += ["2 < m upload ok", "2 acted 2", "3 step 3", "3 > m move", *(f"3 m {what}" for what in back)]
    lines += ["3 < m move ok", "3 acted 3", "4 step 4", "4 > m upload 24", "4 m upstreamMessage", "4 < m upload ok"]
    lines += ["4 acted 4", "20 end done"]
    assert judged(text, lines).failed == set()
    assert "invariant.connected-first" in judged(text, [x for x in lines if "Connected on" not in x]).failed


def test_without_a_session_nothing_is_said_about_uploads(judged):
    lines = ["0 run", "0 step 1", "1 > m upload 24 #0", "2 < m upload ok #0"]
    assert judged(uploads(), lines).failed == set()


def test_a_missing_upload_is_told_with_its_story(judged):
    found = judged(uploads(), [*LOGIN, "0 step 1", "1 > m upload 24 #0", "2 < m upload ok #0"])
    text = found.text("invariant.upload-once")
    assert text.startswith("m breaks upload-once: an answered upload never shows\n")
    assert "upload of 24 bytes, from 1.0 s, was answered at 2.0 s; no upstreamMessage in 10.0 s" in text
    assert "latest seen: 0.0 s clientConnected(id=ip)" in text


@given(st.data())
def test_any_mixture_of_losses_of_one_device_raises_no_alarm(judged, data):
    """Uploads of a few sizes one after the other; each may be lost, or lose its answer, or be shown late."""
    lines, t = [*LOGIN, "0 step 1"], 1.0
    for n in range(data.draw(st.integers(1, 8))):
        size = data.draw(st.sampled_from([8, 24]))
        fate = data.draw(st.sampled_from(["ok", "ok late", "lost", "answer lost", "answer lost, late"]))
        end = t + 2
        outcome = "ok" if fate.startswith("ok") else "timeout"
        lines += [f"{t} > m upload {size} #{n}", f"{end} < m upload {outcome} #{n}"]
        if fate != "lost":
            lines.append(f"{end + 5 if fate.endswith('late') else t + 1} m upstreamMessage bytes={size}")
        t += data.draw(st.sampled_from([2.0, 3.0, 30.0]))
    ordered = sorted(lines[len(LOGIN) + 1 :], key=lambda line: float(line.split()[0]))
    assert judged(uploads(), [*LOGIN, "0 step 1", *ordered]).failed == set()


@pytest.mark.parametrize("name", [invariant.name for invariant in INVARIANTS])
def test_a_scenario_can_allow_what_an_invariant_forbids(judged, name):
    marks = next(mark for mark in test_damage_is_found.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    for parameter in marks.args[1]:
        damage, broken = parameter.values
        if broken == name:
            found = judged(f"{SCENARIO}allow: [{name}]\n", damage(HEALTHY))
            assert not [finding for finding in found.findings if finding.check == f"invariant.{name}"]
            assert f"invariant.{name}" not in {judgement.check for judgement in found.verdicts.judgements}


def test_a_move_to_where_the_device_is_may_show_as_an_update_once(judged):
    text = "scenario: stays\ndevices: {m: {}}\nsteps: [{move: m, to: default}]\n"
    lines = ["0 run", "0 step 0", "1 > m move", "1.5 m deviceUpdated", "2 < m move ok", "2 acted 0"]
    assert judged(text, lines).failed == set()
    assert judged(text, [*lines, "3 m deviceUpdated"]).failed == {"invariant.act-once"}
    assert judged(text, ["0 run", "0.5 m deviceUpdated", *lines[1:]]).failed == {"invariant.act-once"}


def test_a_device_that_is_created_anew_is_where_its_group_begins(judged):
    text = "scenario: again\ncollections: {second: {}}\ndevices: {m: {registered: no}}\nsteps:\n"
    text += "  - {create: m}\n  - {move: m, to: second}\n  - {remove: m}\n  - {create: m}\n  - {move: m, to: default}\n"
    there = "deviceMoved from=id-default to=id-second"
    lines = ["0 run", "0 > m create @0", "0 m deviceCreated", "0 < m create ok @0", "1 > m move @1", f"1 m {there}"]
    lines += [f"1 m {there} on=second", "1 < m move ok @1", "2 > m remove @2", "2 m deviceRemoved on=second"]
    lines += ["2 < m remove ok @2", "3 > m create @3", "3 m deviceCreated device=id-new", "3 < m create ok @3"]
    lines += ["4 > m move @4", "4 m deviceUpdated device=id-new", "4 < m move ok @4"]
    assert judged(text, lines).failed == set()
