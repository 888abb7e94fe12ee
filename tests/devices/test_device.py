"""A device, stepped through by hand: what it asks for, and what it thinks happened."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.devices.device import Device, Power
from simulator.errors import Place
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
    assert asked == [acts.Attach(device.member.imsi, device.member.imei, device.member.ip)]
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
    assert asked == [acts.Detach(device.member.imsi, device.ip)]
    assert step_through(device.detach())[0] == []


def test_power_off_loses_the_session_and_power_on_does_not_bring_it_back():
    device = attached()
    device.happened("power_off")
    assert step_through(device.attach())[1].detail == "the device is off"
    device.happened("power_on")
    assert device.power is Power.IDLE
