"""Invariants about Internet devices, and about blobs: planted damage is found, what nobody can help raises no alarm."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .damages.harmless import DIFFERENCES
from .damages.history import History, judge, run
from .damages.stories import INTERNET
from .test_invariants import added, at, changed, doubled, without

SCENARIO = """
scenario: an Internet device connects, sends, closes, comes back, falls silent, and a neighbour has a SIM
devices:
  m: {network: inet, transport: coaps}
  n: {network: inet, transport: dtls}
  s: {}
steps:
  - {connect: m, outcome: any}
  - {upload: [m, n], payload: 24 B, times: 9, outcome: any}
  - {disconnect: m, outcome: any}
  - {upload_blob: m, payload: 500 B, content_type: image/png, times: 9, outcome: any}
  - {attach: s, outcome: any}
  - {send: [m, n], payload: 2 B, times: 9, outcome: any}
"""

ID = "id=certificate"
UP = "upstreamMessage transport=coaps"
HEALTHY = [
    "0 run",
    "0 step 0",
    "0 statistics began accepted=7 handshakes=3",
    "0 > m connect",
    f"0.2 m clientConnected {ID}",
    "0.3 < m connect ok",
    "0.3 acted 0",
    "1 step 1",
    "1 > m upload 24 #0",
    f"1.1 m {UP}",
    "1.2 < m upload ok #0",
    "1.3 > n upload 24 #0",
    f"1.4 n clientConnected {ID}",
    "1.4 n upstreamMessage transport=dtls",
    "1.4 < n upload ok #0",
    "1.4 acted 1",
    "2 step 2",
    "2 > m disconnect",
    "2.1 < m disconnect ok",
    "2.2 m clientDisconnected",
    "2.2 acted 2",
    "3 step 3",
    "3 > m upload_blob 500 #0",
    "3.1 m blobUpload blobId=b1 bytes=500 contentType=image/png",
    "3.2 < m upload_blob ok #0",
    "3.2 acted 3",
    "4 step 4",
    "4 > s attach",
    "4 s ciotConnect",
    "4 < s attach ok",
    "4 acted 4",
    "4.1 step 5",
    "4.1 acted 5",
    "600 > m upload 24 @1 #7",
    f"600.1 m clientConnected {ID}",
    f"600.1 m {UP}",
    "600.3 < m upload ok @1 #7",
    "601.4 n clientDisconnected",
    "700 > m upload 24 @1 #8",
    f"700.1 m {UP}",
    "700.3 < m upload ok @1 #8",
    "720 statistics ended accepted=8 handshakes=6",
    "740 end done",
]


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        pytest.param(without("0.2 m"), "handshake-told", id="a connect that never shows"),
        pytest.param(doubled("0.2 m"), "handshake-told", id="a connect that shows twice"),
        pytest.param(changed("0.3 < m", "ok", "rejected"), "handshake-told", id="a refused connect shows"),
        pytest.param(at("0.2 m", "15"), "handshake-told", id="a connect that shows late"),
        pytest.param(added(f"300 m clientConnected {ID}"), "handshake-told", id="nobody connected"),
        pytest.param(added(f"0.25 n clientConnected {ID}"), "handshake-told", id="connected before it began"),
        pytest.param(changed("720 stat", "shakes=6", "shakes=7"), "handshake-told", id="one that was counted alone"),
        pytest.param(changed("720 stat", "shakes=6", "shakes=5"), "handshake-told", id="one that was not counted"),
        pytest.param(without("1.4 n clientC", "601.4 n"), "connected-first", id="a message before it connects"),
        pytest.param(without("600.1 m clientC"), "connected-first", id="a message after it has closed"),
        pytest.param(at("1.4 n upstream", "1.35"), "connected-first", id="the message first"),
        pytest.param(
            added("1.15 m clientDisconnected", "1.16 > m upload 24 @1 #4", f"1.17 m {UP}", "1.18 < m upload ok @1 #4"),
            "connected-first", id="a message after the end of its session",
        ),
        pytest.param(at("601.4 n", "61.4"), "session-kept", id="a minute of silence"),
        pytest.param(added("700.2 m clientDisconnected"), "session-kept", id="an end with a message"),
        pytest.param(added("705 m clientDisconnected"), "session-kept", id="an end soon after a message"),
        pytest.param(without("2.2 m"), "session-ended", id="closed, and it does not end"),
        pytest.param(at("2.2 m", "13"), "session-ended", id="closed, and it ends late"),
        pytest.param(without("601.4 n"), "session-ended", id="silent, and it does not end"),
        pytest.param(doubled("2.2 m"), "session-ends-once", id="an end twice"),
        pytest.param(added("3 m ciotConnect"), "fits-network", id="a SIM"),
        pytest.param(added("3 m imeiMismatch"), "fits-network", id="another IMEI"),
        pytest.param(added("3 m imsiMismatch imsi=999990000000001 imei=350000000000006 expectedImsi="), "fits-network",
                     id="another IMSI"),
        pytest.param(changed("0.2 m", ID, "id=ip"), "fits-network", id="known by its address"),
        pytest.param(changed("1.1 m", "=coaps", "=unspecified"), "fits-network", id="a transport that is not told"),
        pytest.param(added("5 s clientDisconnected"), "fits-network", id="a session of the mobile network ends"),
        pytest.param(changed("1.1 m", "=coaps", "=coap"), "upload-once", id="CoAP, and no DTLS"),
        pytest.param(without("1.1 m"), "upload-once", id="answered, and not shown"),
        pytest.param(doubled("1.1 m"), "upload-once", id="shown twice"),
        pytest.param(doubled("1.4 n up"), "upload-once", id="a record shown twice"),
        pytest.param(changed("2.2 m", "cted", "cted reason=idle"), "event-shape", id="an end with a reason"),
        pytest.param(changed("0.2 m", ID, "id=-"), "event-shape", id="connected by nothing"),
        pytest.param(without("3.1 m"), "blob-once", id="a blob that never shows"),
        pytest.param(doubled("3.1 m"), "blob-once", id="a blob twice"),
        pytest.param(changed("3.1 m", "bytes=500", "bytes=501"), "blob-once", id="a blob of another size"),
        pytest.param(changed("3.1 m", "image/png", "text/plain"), "blob-once", id="a blob of another type"),
        pytest.param(changed("3.1 m", "3.1 m", "3.1 n"), "blob-once", id="a blob of the other device"),
        pytest.param(changed("3.2 < m", "ok", "rejected"), "blob-once", id="a refused blob"),
        pytest.param(added("9 s blobUpload blobId=b2 bytes=5 contentType="), "blob-once", id="a blob of nobody"),
        pytest.param(changed("3.1 m", "blobId=b1", "blobId=-"), "event-shape", id="a blob without an id"),
        pytest.param(added("3.15 received m coaps 01020304"), "received-shown", id="received and never shown"),
        pytest.param(added("3.15 received n dtls 01020304"), "received-shown", id="the same without CoAP"),
    ],
)  # fmt: skip
def test_damage_is_found(judged, damage, broken):
    found = judged(SCENARIO, damage(HEALTHY))
    assert f"invariant.{broken}" in found.failed
    assert found.of(f"invariant.{broken}").headline


WIFI = SCENARIO.replace("transport: coaps}", "transport: coaps, link: wifi}")
MOVES = (
    SCENARIO.replace("steps:", "collections: {second: {x: y}}\nsteps:") + "  - {move: m, to: second, outcome: any}\n"
)


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        pytest.param(lambda lines: lines, SCENARIO, id="nothing"),
        pytest.param(without("720 stat"), SCENARIO, id="not counted"),
        pytest.param(at("2.2 m", "11.9"), SCENARIO, id="an end that shows late"),
        pytest.param(at("0.2 m", "0.9"), SCENARIO, id="a connect that shows after its act"),
        pytest.param(at("601.4 n", "611"), SCENARIO, id="idle, and the stream lags"),
        pytest.param(changed("1.4 < n", "ok", "timeout"), SCENARIO, id="connected, and it does not know"),
        pytest.param(without("1.4 n upstream"), SCENARIO, id="a record that got lost"),
        pytest.param(without("2.2 m"), WIFI, id="a close-notify that got lost"),
        pytest.param(
            lambda lines: without("0.2 m", "1.1 m", "2.2 m")(
                changed("0.3 < m", "ok", "ok resumed")(changed("1.2 < m", "ok", "timeout")(lines))),
            WIFI, id="a short handshake of which the last flight got lost",
        ),
        pytest.param(
            lambda lines: without("1.4 n", "601.4 n")(changed("1.4 < n", "ok", "timeout")(lines)), SCENARIO,
            id="no answer to a hello",
        ),
        pytest.param(
            added(
                "800 > n upload 24 @1 #8", f"800 n clientConnected {ID}", "800 n upstreamMessage transport=dtls",
                "800 < n upload ok @1 #8", "801 > n rebind_nat @9", "801 < n rebind_nat ok @9",
                "810 > n connect @0", f"810 n clientConnected {ID}", "810 < n connect ok @0",
                "1300 > n upload 24 @1 #9", "1300 n upstreamMessage transport=dtls", "1300 < n upload ok @1 #9",
                "1400 n clientDisconnected", "1401 > n upload 24 @1 #10", "1401 n upstreamMessage transport=dtls",
                "1401 < n upload ok @1 #10", "1300.2 m clientDisconnected",
            ),
            SCENARIO, id="an old session at an address that the NAT has forgotten",
        ),
        pytest.param(
            added(
                "710 > m vanish @9", "710 < m vanish ok @9", "711 > m upload 24 @1 #10", "711 m clientDisconnected",
                f"711 m clientConnected {ID}", f"711 m {UP}", "711 < m upload ok @1 #10",
                "712 > m vanish @9", "712 < m vanish ok @9", "713 > m upload 24 @1 #11",
                f"713 m clientConnected {ID}", "713 m clientDisconnected", f"713 m {UP}", "713 < m upload ok @1 #11",
            ),
            SCENARIO, id="a session takes the place of another, in either order",
        ),
        pytest.param(
            added(
                "710 > n vanish @9", "710 < n vanish ok @9", "711 > n upload 24 @1 #9", f"711 n clientConnected {ID}",
                "711 n upstreamMessage transport=dtls", "711 < n upload ok @1 #9", "712 > n vanish @9",
                "712 < n vanish ok @9", "713 > n upload 24 @1 #10", "713 < n upload ok @1 #10",
                "714 n clientDisconnected", f"714 n clientConnected {ID}", "714 n upstreamMessage transport=dtls",
            ),
            SCENARIO, id="it does so when the device has sent its record, and is done",
        ),
        pytest.param(
            added(
                "701 > platform restart @9", "701 m clientDisconnected", "703 < platform restart ok @9",
                "704 > m upload 24 @1 #10", f"704 m clientConnected {ID}", f"704 m {UP}", "704 < m upload ok @1 #10",
            ),
            SCENARIO, id="the platform restarts, and ends all sessions",
        ),
        pytest.param(
            added(
                "701 > platform restart @9", "703 < platform restart ok @9", "800 > m upload 24 @1 #10",
                f"800 m clientConnected {ID}", f"800 m {UP}", "800 < m upload ok @1 #10",
            ),
            SCENARIO, id="nobody hears that it ends them",
        ),
        pytest.param(
            added("705 > m remove @9", "705 m clientDisconnected", "705 m deviceRemoved", "705 < m remove ok @9"),
            SCENARIO, id="a device is removed in its session",
        ),
        pytest.param(
            added("701 > m poll @9", "701 < m poll ok @9", "900 > m poll @9", "900 < m poll ok @9",
                  "1500 m clientDisconnected"), SCENARIO, id="polls are not shown, and keep a session",
        ),
        pytest.param(
            added("701 > m freeze @9", "2000 < m freeze ok @9"), SCENARIO, id="an act that lasts hides what it does",
        ),
        pytest.param(changed("3.2 < m", "ok", "timeout"), SCENARIO, id="a blob that was taken, and not answered"),
        pytest.param(
            lambda lines: without("3.1 m")(changed("3.2 < m", "ok", "failed")(lines)), SCENARIO, id="one that was not"
        ),
        pytest.param(
            lambda lines: added("3.01 > n send 1300 @5 #1", "3.02 < n send ok @5 #1", "3.03 > n send 2 @5 #2",
                  "3.04 < n send ok @5 #2", "10 > n upload 24 @1 #3", "10 n upstreamMessage transport=dtls",
                  "10 n downstreamMessage bytes=2 transport=dtls messageId=d1", "10 < n upload ok @1 #3",
                  "610.1 n clientDisconnected")(without("601.4 n")(lines)), SCENARIO, id="a message that is too long",
        ),
        pytest.param(
            added("3.04 > m send 2", "3.06 < m send ok", "3.07 > m poll @9", f"3.08 m clientConnected {ID}",
                  "3.1 m downstreamMessage bytes=2 transport=coaps messageId=d1", "3.15 received m coaps 0102",
                  "3.15 < m poll ok @9", "8.2 m clientDisconnected"),
            SCENARIO.replace("coaps}", "coaps, connection: {close_after: 5 s}}"), id="it closes by itself",
        ),
        pytest.param(
            added("700.8 > m connect @0", "700.8 < m connect ok @0", "701 > m move @6",
                  "701 m deviceMoved from=id-default to=id-second on=second", "701 m clientDisconnected on=second",
                  "701 m clientDisconnected on=second", f"701 m clientConnected {ID}",
                  "701 m deviceMoved from=id-default to=id-second", "701 < m move ok @6"),
            MOVES, id="what two streams tell of a device that is moved",
        ),
        pytest.param(
            added("701 > m move @6", "701 m deviceMoved from=id-default to=id-second on=second",
                  "701 m deviceMoved from=id-default to=id-second", "701 < m move ok @6",
                  "702 > m create @7", "702 < m create failed @7", "703 > m move @6 #1", "703 < m move ok @6 #1"),
            MOVES.replace("any}\n  - {move: m,", "any}\n  - {move: m, times: 2,") + "  - {create: m, outcome: any}\n",
            id="a device that was not created anew is where it was",
        ),
    ],
)  # fmt: skip
def test_harmless_differences_raise_no_alarm(judged, difference, text):
    lines = difference(HEALTHY)
    if lines != HEALTHY:  # the counts and the end go with the undamaged history alone
        lines = without("0 stat", "720 stat", "740")(lines)
    found = judged(text, lines)
    assert not {name for name in found.failed if name.startswith("invariant.")}, [str(one) for one in found.findings]


THIEF = """
scenario: a copy of a certificate
devices:
  m: {network: inet, transport: coaps}
  thief: {network: inet, transport: dtls, certificate: {of: m}}
steps:
  - {connect: [m, thief], outcome: any}
  - {upload: [m, thief], payload: 24 B, times: 9, outcome: any}
  - {disconnect: thief}
"""


def test_a_copy_is_taken_for_its_owner(judged):
    lines = ["0 run", "0 step 0", "0 > m connect", f"0 m clientConnected {ID}", "0 < m connect ok"]
    lines += ["0 > thief connect", f"0 m clientConnected {ID}", "0 < thief connect ok", "0 acted 0", "1 step 1"]
    lines += ["1 > m upload 24", f"1 m {UP}", "1 < m upload ok"]
    lines += ["1 > thief upload 24", "1 m upstreamMessage transport=dtls", "1 < thief upload ok", "1 acted 1"]
    lines += ["2 step 2", "2 > thief disconnect", "2 m clientDisconnected", "2 < thief disconnect ok", "2 acted 2"]
    lines += ["3 > m upload 30 @1 #4", f"3 m {UP} bytes=30", "3 < m upload ok @1 #4"]
    assert judged(THIEF, lines).failed == set()
    assert "invariant.handshake-told" in judged(THIEF, [x for x in lines if x != lines[3]]).failed
    assert "invariant.upload-once" in judged(THIEF, [*lines, f"4 m {UP} bytes=31"]).failed


def test_a_certificate_that_is_none_opens_nothing(judged):
    text = "scenario: x\ndevices: {m: {network: inet, transport: dtls, certificate: expired}}\nsteps:\n"
    text += "  - {connect: m, times: 9, outcome: any}\n  - {renew_certificate: m}\n"
    lines = ["0 run", "0 step 0", "0 > m connect", f"0 m clientConnected {ID}", "0 < m connect ok"]
    assert "invariant.handshake-told" in judged(text, lines).failed
    renewed = ["0 > m renew_certificate @1", "0 < m renew_certificate ok @1"]
    assert judged(text, [*lines[:2], *renewed, *lines[2:]]).failed == set()


def test_transports_are_told_as_the_platform_was_asked_to(judged):
    text = (
        "scenario: compat\nplatform: {transport_compat: unspecified}\n" + SCENARIO.partition("\n")[2].partition("\n")[2]
    )
    lines = [line.replace("=coaps", "=unspecified").replace("=dtls", "=unspecified") for line in HEALTHY]
    assert judged(text, lines).failed == set()
    assert judged(text, HEALTHY).failed == {"invariant.fits-network"}


def test_another_platform_may_do_otherwise(judged):
    damages = [at("601.4 n", "61.4"), without("2.2 m"), changed("2.2 m", "cted", "cted reason=idle"),
               changed("1.1 m", "=coaps", "=unspecified"), changed("3.1 m", "image/png", "text/plain")]  # fmt: skip
    for damage in damages:
        assert judged(SCENARIO, ["0 run elsewhere", *damage(HEALTHY)[1:]]).failed == set()


# --- the history of a real run ----------------------------------------------------------------------------------------

SEARCH = settings(phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck), max_examples=4)


@pytest.fixture(scope="module")
def history() -> History:
    """One run."""
    return run("internet", INTERNET)


@pytest.mark.parametrize("difference", [one for one in DIFFERENCES if not one.stories], ids=lambda one: one.name)
@SEARCH
@given(data=st.data())
def test_differences_that_are_nobodys_fault_raise_no_alarm(history, difference, data):
    found = judge(*difference.change(history, data.draw))
    assert not found.failed, found
    assert not difference.settles or found.verdicts.verdict == "pass", found


@SEARCH
@given(data=st.data())
def test_any_event_that_is_lost_or_doubled_is_found(history, data):
    """But for raw messages, which may get lost."""
    names = ("clientConnected", "clientDisconnected", "upstreamMessage", "downstreamMessage", "blobUpload")
    index = data.draw(st.sampled_from(history.of(*names)))
    message = history.message(index)
    assert judge(history, [*history.items[: index + 1], message, *history.items[index + 1 :]]).failed, message
    raw = history.groups[history.subject(index)].transport == "dtls"
    if not (raw and message.name == "upstreamMessage"):
        assert judge(history, [*history.items[:index], *history.items[index + 1 :]]).failed, message
