"""A device, stepped through by hand: what it asks for, and what it thinks happened."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.devices.device import NEXT, Device, Power
from simulator.errors import Place
from simulator.identity import numbers
from simulator.plan import make_plan
from simulator.scenario.model import Group, Scenario


def a_device(transport="coap"):
    place = Place("x.yaml", 1, 1)
    group = Group(name="m", place=place, transport=transport)
    return Device(make_plan(Scenario(promise="p", place=place, groups=(group,))).members[0])


def step_through(story, *results):
    """The acts that a story yields when it is sent these results, and what it returns."""
    asked = []
    try:
        asked.append(next(story))
        for result in results:
            asked.append(story.send(result))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError(f"the story still wants {asked[-1]}")


def attached(transport="coap"):
    device = a_device(transport)
    step_through(device.attach(), acts.Accepted(device.ip))
    return device


def test_attach_asks_with_sim_and_hardware_and_is_attached_when_accepted():
    device = a_device()
    asked, outcome = step_through(device.attach(), acts.Accepted(device.ip))
    assert asked == [
        acts.Attach(
            imsi=device.member.imsi,
            msisdn=numbers.msisdn(0),
            imeisv=numbers.imeisv(0),
            ip=device.member.ip,
            operator="home",
            rat="",
            cell=0x1234501,
        )
    ]
    assert outcome.word == "ok"
    assert device.power is Power.ATTACHED


def test_a_refused_device_stays_off_the_network():
    device = attached()
    _, outcome = step_through(device.attach(), acts.Rejected("no"))
    assert (outcome.word, outcome.detail, device.power) == ("rejected", "no", Power.IDLE)


@pytest.mark.parametrize("act", ["upload", "poll"])
def test_without_a_session_nothing_can_be_sent(act):
    device = a_device()
    story = device.upload(b"x") if act == "upload" else device.poll()
    asked, outcome = step_through(story)
    assert asked == []
    assert outcome.word == "failed"
    assert "not attached" in outcome.detail


@pytest.mark.parametrize(
    ("transport", "asked"),
    [("coap", acts.Post("data", b"22.5", True)), ("udp", acts.Datagram(b"22.5"))],
)
def test_upload_speaks_the_transport_of_its_group(transport, asked):
    result = acts.Answer(0x41, b"") if transport == "coap" else acts.Sent()
    assert step_through(attached(transport).upload(b"22.5"), result)[0] == [asked]


def test_a_message_in_the_reply_is_heard():
    device = attached()
    _, outcome = step_through(device.upload(b"x", "p", False), acts.Answer(0x45, b"ping"))
    assert outcome.payload == b"ping"
    assert list(device.received) == [b"ping"]


def test_detach_ends_the_session_once():
    device = attached()
    asked, _ = step_through(device.detach(), acts.Done())
    assert asked == [acts.Detach()]
    assert step_through(device.detach())[0] == []


def test_power_off_loses_the_session_and_power_on_does_not_bring_it_back():
    device = attached()
    device.happened("power_off")
    assert step_through(device.attach())[1].detail == "the device is off"
    device.happened("power_on")
    assert device.power is Power.IDLE


# --- power ------------------------------------------------------------------------------------------------------------

POWER = [
    # from, story, results, kinds of acts, outcome, to
    pytest.param(Power.OFF, "power_on", ["up", "in"], ["SwitchOn", "Attach"], "ok", Power.ATTACHED, id="on"),
    pytest.param(Power.OFF, "power_on", ["up", "no"], ["SwitchOn", "Attach"], "rejected", Power.IDLE, id="on, refused"),
    pytest.param(Power.IDLE, "power_on", ["in"], ["Attach"], "ok", Power.ATTACHED, id="on when on"),
    pytest.param(Power.ATTACHED, "power_on", ["in"], ["Attach"], "ok", Power.ATTACHED, id="on when attached: anew"),
    pytest.param(
        Power.FROZEN_ATTACHED, "power_on", ["off", "up", "in"], ["SwitchOff", "SwitchOn", "Attach"], "ok",
        Power.ATTACHED, id="on when frozen: begins anew",
    ),
    pytest.param(Power.ATTACHED, "power_off", ["out", "off"], ["Detach", "SwitchOff"], "ok", Power.OFF, id="off"),
    pytest.param(Power.IDLE, "power_off", ["off"], ["SwitchOff"], "ok", Power.OFF, id="off without a session"),
    pytest.param(Power.OFF, "power_off", [], [], "ok", Power.OFF, id="off when off"),
    pytest.param(Power.FROZEN_ATTACHED, "power_off", ["off"], ["SwitchOff"], "ok", Power.OFF, id="off when frozen"),
    pytest.param(
        Power.ATTACHED, "power_off", ["down", "off"], ["Detach", "SwitchOff"], "failed", Power.OFF,
        id="off, and nobody to tell",
    ),
    pytest.param(
        Power.ATTACHED, "reboot", ["out", "off", "up", "in"], ["Detach", "SwitchOff", "SwitchOn", "Attach"], "ok",
        Power.ATTACHED, id="reboot",
    ),
    pytest.param(Power.OFF, "reboot", ["up", "in"], ["SwitchOn", "Attach"], "ok", Power.ATTACHED, id="reboot when off"),
    pytest.param(
        Power.FROZEN, "reboot", ["off", "up", "in"], ["SwitchOff", "SwitchOn", "Attach"], "ok", Power.ATTACHED,
        id="reboot when frozen",
    ),
    pytest.param(Power.ATTACHED, "freeze", ["off"], ["StandStill"], "ok", Power.FROZEN_ATTACHED, id="freeze"),
    pytest.param(Power.IDLE, "freeze", ["off"], ["StandStill"], "ok", Power.FROZEN, id="freeze without a session"),
    pytest.param(Power.FROZEN, "freeze", ["off"], ["StandStill"], "ok", Power.FROZEN, id="freeze when frozen"),
    pytest.param(Power.OFF, "freeze", [], [], "failed", Power.OFF, id="freeze when off"),
]  # fmt: skip
RESULTS = {
    "up": acts.Done(),
    "off": acts.Done(),
    "out": acts.Done(),
    "in": acts.Accepted(7),
    "no": acts.Rejected("no"),
    "down": acts.Broken("nobody answers"),
}


@pytest.mark.parametrize(("before", "verb", "results", "asked", "word", "after"), POWER)
def test_the_power_of_a_device(before, verb, results, asked, word, after):
    device = a_device()
    device.power = before
    acts_asked, outcome = step_through(getattr(device, verb)(), *(RESULTS[name] for name in results))
    assert [type(act).__name__ for act in acts_asked] == asked
    assert (outcome.word, device.power) == (word, after)


@pytest.mark.parametrize("verb", ["power_off", "reboot"])
def test_abruptly_means_without_a_word(verb):
    device = attached()
    asked = next(getattr(device, verb)(abruptly=True))
    assert type(asked) is acts.SwitchOff
    assert device.power is Power.OFF


@pytest.mark.parametrize("before", [Power.IDLE, Power.ATTACHED])
def test_who_thaws_is_as_before(before):
    device = a_device()
    device.power = before
    device.happened("freeze")
    assert not device.hears
    device.happened("thaw")
    assert (device.power, device.hears) == (before, True)


@pytest.mark.parametrize(
    ("power", "why"),
    [
        (Power.OFF, "the device is off"),
        (Power.FROZEN, "the device is frozen"),
        (Power.FROZEN_ATTACHED, "the device is frozen"),
    ],
)
@pytest.mark.parametrize("verb", ["attach", "detach", "upload", "poll"])
def test_off_or_frozen_it_does_nothing(power, why, verb):
    device = a_device()
    device.power = power
    asked, outcome = step_through(getattr(device, verb)(*((b"x",) if verb == "upload" else ())))
    assert asked == []
    assert (outcome.word, outcome.detail, device.power) == ("failed", why, power)


@pytest.mark.parametrize(
    ("before", "after"),
    [(Power.ATTACHED, Power.IDLE), (Power.FROZEN_ATTACHED, Power.FROZEN), (Power.IDLE, Power.IDLE)],
)
def test_the_network_may_end_a_session(before, after):
    device = a_device()
    device.power = before
    device.happened("lost")
    assert (device.power, device.attached) == (after, False)


def test_without_power_the_table_leads_nowhere_but_on():
    assert {what for power, what in NEXT if power is Power.OFF} == {"power_on"}
    assert {power for power, what in NEXT if what == "power_off"} == set(Power) - {Power.OFF}
