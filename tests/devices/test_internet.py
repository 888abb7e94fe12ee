"""An Internet device, stepped through by hand: what it asks for, and what it thinks happened."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from simulator import acts
from simulator.clock import EPOCH_UNIX_S, VirtualClock
from simulator.devices.deeds import act_out, registration
from simulator.devices.device import Device
from simulator.devices.internet import GIVEN_UP, NEXT, VANISHED, InternetDevice, Power, device_of
from simulator.devices.outcome import Outcome
from simulator.errors import Place
from simulator.plan import make_plan
from simulator.scenario import model

PLACE = Place("x.yaml", 1, 1)
NEW, ANY_SESSION = acts.Connect(True), acts.Connect(True, inf)
CONNECTED, TIMEOUT, ALERT = acts.Connected(False, 2), acts.NoAnswer("timeout", 5), acts.Rejected("certificate expired")
POST, STORED, FRESH = acts.Post("data", b"22.5", True), acts.Answer(0x41, b""), acts.Done()
GIVE_UP, LEAVE, OFF, ON = acts.DropSession(GIVEN_UP), acts.Disconnect(), acts.SwitchOff, acts.SwitchOn()


def a_device(power=Power.CONNECTED, transport="coaps", network="inet", **group):
    made = model.Group(name="m", place=PLACE, network=network, transport=transport, **group)
    device = device_of(make_plan(model.Scenario(promise="p", place=PLACE, groups=(made,))).members[0])
    if network == "inet":
        device.power = power
    return device


def step_through(story, *results):
    """The acts that a story yields when it is sent these results, and what it returns."""
    asked = []
    try:
        asked.append(next(story))
        for result in results:
            asked.append(story.throw(result) if isinstance(result, acts.Cut) else story.send(result))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError(f"the story still wants {asked[-1]}")


def policy(**how):
    return {"connection": model.ConnectionSpec(**how)}


@pytest.mark.parametrize(
    ("power", "group", "tell", "dialogue", "word", "after"),
    [
        pytest.param(Power.IDLE, {}, "connect", [(NEW, CONNECTED)], "ok", Power.CONNECTED, id="connect"),
        pytest.param(Power.CONNECTED, {}, "connect", [(NEW, CONNECTED)], "ok", Power.CONNECTED, id="connect anew"),
        pytest.param(Power.CONNECTED, {}, "connect", [(NEW, ALERT)], "rejected", Power.IDLE, id="refused"),
        pytest.param(Power.CONNECTED, {}, "connect", [(NEW, TIMEOUT)], "timeout", Power.IDLE, id="no answer"),
        pytest.param(
            Power.IDLE, policy(resume=False), "connect", [(acts.Connect(False), CONNECTED)], "ok", Power.CONNECTED,
            id="connect in full",
        ),
        pytest.param(Power.OFF, {}, "connect", [], "failed", Power.OFF, id="connect without power"),
        pytest.param(Power.CONNECTED, {}, "disconnect", [(LEAVE, FRESH)], "ok", Power.IDLE, id="disconnect"),
        pytest.param(Power.IDLE, {}, "disconnect", [], "ok", Power.IDLE, id="nothing to disconnect"),
        pytest.param(
            Power.CONNECTED, {}, "vanish", [(acts.DropSession(VANISHED), FRESH)], "ok", Power.IDLE, id="vanish"
        ),
        pytest.param(Power.IDLE, {}, "vanish", [], "ok", Power.IDLE, id="vanished before"),
        pytest.param(Power.FROZEN_CONNECTED, {}, "vanish", [], "failed", Power.FROZEN_CONNECTED, id="frozen"),
        pytest.param(Power.OFF, {}, "rebind", [(acts.RebindNat(), FRESH)], "ok", Power.OFF, id="a NAT has power"),
        pytest.param(Power.CONNECTED, {}, "upload", [(POST, STORED)], "ok", Power.CONNECTED, id="upload"),
        pytest.param(
            Power.IDLE, {}, "upload", [(ANY_SESSION, CONNECTED), (POST, STORED)], "ok", Power.CONNECTED,
            id="upload connects first",
        ),
        pytest.param(
            Power.IDLE, {}, "upload", [(ANY_SESSION, ALERT)], "rejected", Power.IDLE, id="upload cannot connect"
        ),
        pytest.param(
            Power.IDLE, policy(on_demand=False), "upload", [], "failed", Power.IDLE, id="not on demand"
        ),
        pytest.param(
            Power.CONNECTED, policy(renew_after_s=60.0), "upload", [(acts.Connect(True, 60.0), FRESH), (POST, STORED)],
            "ok", Power.CONNECTED, id="no silence, no new session",
        ),
        pytest.param(
            Power.CONNECTED, policy(renew_after_s=60.0), "upload", [(acts.Connect(True, 60.0), TIMEOUT)],
            "timeout", Power.IDLE, id="renewal fails",
        ),
        pytest.param(
            Power.CONNECTED, {}, "upload", [(POST, TIMEOUT), (GIVE_UP, FRESH)], "timeout", Power.IDLE,
            id="no answer: the session is given up",
        ),
        pytest.param(
            Power.CONNECTED, {}, "upload", [(POST, acts.NoAnswer("reset"))], "failed", Power.CONNECTED,
            id="a reset is an answer",
        ),
        pytest.param(
            Power.CONNECTED, {}, "poll", [(acts.Get("data"), TIMEOUT), (GIVE_UP, FRESH)], "timeout", Power.IDLE,
            id="poll without answer",
        ),
        pytest.param(
            Power.CONNECTED, {"transport": "dtls"}, "upload", [(acts.Datagram(b"22.5"), acts.Sent())], "ok",
            Power.CONNECTED, id="raw",
        ),
        pytest.param(
            Power.IDLE, {}, "blob", [(acts.UploadBlob("b", b"22.5", "x/y"), acts.Stored(200))], "ok", Power.IDLE,
            id="a blob needs no session",
        ),
        pytest.param(Power.OFF, {}, "blob", [], "failed", Power.OFF, id="a blob needs power"),
        pytest.param(Power.OFF, {}, "on", [(ON, FRESH), (NEW, CONNECTED)], "ok", Power.CONNECTED, id="power on"),
        pytest.param(
            Power.CONNECTED, {}, "off", [(LEAVE, FRESH), (OFF("the device was switched off"), FRESH)], "ok", Power.OFF,
            id="power off",
        ),
        pytest.param(
            Power.CONNECTED, {}, "cut", [(OFF("the device was switched off"), FRESH)], "ok", Power.OFF, id="power cut"
        ),
        pytest.param(
            Power.CONNECTED, {}, "reboot",
            [(LEAVE, FRESH), (OFF("the device rebooted"), FRESH), (ON, FRESH), (NEW, CONNECTED)], "ok",
            Power.CONNECTED, id="reboot",
        ),
        pytest.param(
            Power.CONNECTED, {}, "freeze", [(acts.StandStill("the device froze", None), FRESH)], "ok",
            Power.FROZEN_CONNECTED, id="freeze",
        ),
    ],
)  # fmt: skip
def test_stories(power, group, tell, dialogue, word, after):
    device = a_device(power, **group)
    story = {
        "connect": device.connect,
        "disconnect": device.disconnect,
        "vanish": device.vanish,
        "rebind": device.rebind_nat,
        "upload": lambda: device.upload(b"22.5"),
        "poll": device.poll,
        "blob": lambda: device.upload_blob(b"22.5", "b", "x/y"),
        "on": device.power_on,
        "off": device.power_off,
        "cut": lambda: device.power_off(abruptly=True),
        "reboot": device.reboot,
        "freeze": device.freeze,
    }[tell]()
    asked, outcome = step_through(story, *(result for _, result in dialogue))
    assert (asked, outcome.word, device.power) == ([act for act, _ in dialogue], word, after)


def test_who_connects_anew_has_no_session_meanwhile():
    device = a_device(Power.CONNECTED)
    next(device.connect())
    assert device.power is Power.IDLE


def test_no_power_no_session_whoever_waits_for_it():
    device = a_device(Power.IDLE)
    story = device.connect()
    next(story)
    device.happened("power_off")
    with pytest.raises(acts.Cut):
        story.throw(acts.Cut("the device was switched off"))
    assert device.power is Power.OFF


def test_frozen_in_the_middle_of_a_handshake_it_has_no_session_when_it_thaws():
    device = a_device(Power.CONNECTED, **policy(renew_after_s=1.0))
    story = device.upload(b"1")
    next(story)
    device.happened("freeze")
    with pytest.raises(acts.Cut):
        story.throw(acts.Cut("the device froze"))
    device.happened("thaw")
    assert device.power is Power.IDLE


def test_the_table_leads_out_of_every_state_and_power_off_always_to_off():
    events = {event for _, event in NEXT}
    assert events == {"power_on", "power_off", "connected", "disconnected", "lost", "freeze", "thaw"}
    assert all(NEXT[power, "power_off"] is Power.OFF for power in Power if power is not Power.OFF)


@pytest.mark.parametrize(
    ("spec", "unix_s"),
    [
        pytest.param(model.DeviceClock(), None, id="right"),
        pytest.param(model.DeviceClock(kind="off", offset_s=-86_400.0), EPOCH_UNIX_S + 100 - 86_400, id="slow"),
        pytest.param(model.DeviceClock(kind="reset"), 60, id="reset"),
    ],
)
def test_what_it_takes_the_time_for(spec, unix_s):
    device = a_device(Power.OFF, clock=spec)
    device.switched_on(40.0)
    told = device.time_of(VirtualClock(100.0))
    assert (told and told() // 10**9) == unix_s


def test_a_clock_that_was_set_is_right_until_it_is_switched_on_again():
    device = a_device(Power.IDLE, clock=model.DeviceClock(kind="reset"))
    assert step_through(device.set_clock(model.DeviceClock())) == ([], Outcome("ok"))
    assert device.time_of(VirtualClock()) is None
    device.switched_on(1.0)
    assert device.time_of(VirtualClock(2.0))() == 10**9


def test_nobody_sets_the_clock_of_a_device_without_power():
    assert step_through(a_device(Power.OFF).set_clock(model.DeviceClock()))[1].word == "failed"


# --- what the operator is told, and steps -----------------------------------------------------------------------------


def test_it_is_registered_with_a_certificate_and_without_identities():
    device = a_device(certificate=model.CertificateSpec(kind="expired"), tags=(("site", "7"),))
    assert registration(device) == acts.CreateDevice("", "", (("name", "m"), ("site", "7")), "", "expired")


def test_a_device_with_a_sim_gets_no_certificate():
    assert registration(a_device(network="ciot", transport="coap")).certificate == ""


class Notes:
    def __init__(self):
        self.lines = []

    def began(self, step, verb, subject, n, size):
        self.lines.append((verb, "began", size))

    def ended(self, step, verb, subject, n, size, outcome, expected):
        self.lines.append((verb, outcome.word, size))

    def received(self, subject, transport, payload):
        self.lines.append(("received", transport, payload))


STEP = model.Step(place=PLACE, verb="upload", act=model.Upload(), subjects=())


@pytest.mark.parametrize(
    ("act", "dialogue", "lines"),
    [
        (model.Connect(resume=False), [(acts.Connect(False), CONNECTED)], [("x", "began", -1), ("x", "ok", -1)]),
        (model.Disconnect(), [(LEAVE, FRESH)], [("x", "began", -1), ("x", "ok", -1)]),
        (model.Vanish(), [(acts.DropSession(VANISHED), FRESH)], [("x", "began", -1), ("x", "ok", -1)]),
        (model.RebindNat(), [(acts.RebindNat(), FRESH)], [("x", "began", -1), ("x", "ok", -1)]),
        (model.RenewCertificate(), [(acts.RenewCertificate(), FRESH)], [("x", "began", -1), ("x", "ok", -1)]),
        (model.SetClock(), [], [("x", "began", -1), ("x", "ok", -1)]),
        (
            model.UploadBlob(path="p"),
            [(acts.UploadBlob("p", b"x" * 1024, "application/octet-stream"), acts.Stored(200))],
            [("x", "began", 1024), ("x", "ok", 1024)],
        ),
        (
            model.Poll(),
            [(acts.Get("data"), acts.Answer(0x45, b"down"))],
            [("x", "began", -1), ("received", "coaps", b"down"), ("x", "ok", -1)],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_steps(act, dialogue, lines):
    notes = Notes()
    story = act_out(
        a_device(), 0, replace(STEP, verb="x", act=act), 0.0, lambda payload, n: b"x" * payload.size_bytes, notes
    )
    asked, _ = step_through(story, FRESH, *(result for _, result in dialogue))
    assert asked[1:] == [wanted for wanted, _ in dialogue]
    assert notes.lines == lines


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (acts.Connected(True, 2), Outcome("ok", "resumed", None, 2)),
        (acts.Connected(False, 3), Outcome("ok", "", None, 3)),
        (acts.Rejected("bad certificate", 2), Outcome("rejected", "bad certificate", None, 2)),
    ],
)
def test_what_a_handshake_comes_to(result, outcome):
    assert step_through(a_device().connect(), result)[1] == outcome


# --- the mobile network has these verbs, too --------------------------------------------------------------------------


def attached():
    device = a_device(network="ciot", transport="coap")
    assert isinstance(device, Device)
    device.happened("attached")
    return device


def test_a_device_with_a_sim_vanishes_from_its_network():
    device = attached()
    assert step_through(device.vanish(), FRESH) == ([acts.LeaveSilently("m", VANISHED)], Outcome("ok"))
    assert not device.attached
    assert step_through(device.vanish()) == ([], Outcome("ok", "was not attached"))


def test_a_device_with_a_sim_needs_its_address_to_leave_a_blob():
    device = attached()
    asked, outcome = step_through(device.upload_blob(b"1", "p", "t"), acts.Stored(200))
    assert (asked, outcome.word) == ([acts.UploadBlob("p", b"1", "t")], "ok")
    device.happened("lost")
    assert step_through(device.upload_blob(b"1", "p", "t"))[1].detail.startswith("not attached")


def test_the_kind_of_a_device_is_that_of_its_network():
    assert isinstance(a_device(), InternetDevice)
