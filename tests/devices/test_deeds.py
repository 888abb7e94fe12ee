"""A step for one subject, stepped through by hand: what is recorded when it goes well, and when the power is lost."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.acts import Cut
from simulator.devices.deeds import act_out, registration
from simulator.devices.device import Device, Power
from simulator.devices.swapping import move_sim
from simulator.errors import Place
from simulator.plan import make_plan
from simulator.plan.backoff import mobile_pause_s
from simulator.scenario import model

PLACE = Place("x.yaml", 1, 1)


class Book:
    """Writes down what is recorded."""

    def __init__(self):
        self.lines = []

    def began(self, step, verb, subject, n, size):
        self.lines.append(f"{verb} {n} began")

    def ended(self, step, verb, subject, n, size, outcome, expected):
        self.lines.append(f"{verb} {n} {outcome.word} {outcome.detail}".rstrip() + ("" if expected else " (not so)"))

    def received(self, subject, transport, payload):
        self.lines.append(f"received {payload!r}")


def a_device(power=Power.ATTACHED, **more):
    group = model.Group(name="m", place=PLACE, **more)
    device = Device(make_plan(model.Scenario(promise="p", place=PLACE, groups=(group,))).members[0])
    device.power = power
    return device


def a_step(act, verb, **more):
    return model.Step(place=PLACE, verb=verb, act=act, subjects=(), **more)


def told(device, step, *results):
    """The acts that the step asks for when these results (or a Cut) come, and what was recorded."""
    book, asked = Book(), []
    story = act_out(device, 0, step, 0.0, lambda payload, n: b"x", book)
    try:
        asked.append(next(story))
        for result in results:
            asked.append(story.throw(result) if isinstance(result, Cut) else story.send(result))
    except StopIteration:
        asked.append("end")
    return asked, book.lines


NO_ANSWER = acts.NoAnswer("timeout", 5)
CREATED = acts.Answer(0x41, b"")
POST = acts.Post("data", b"x", True)
DUE = acts.SleepUntil(0.0)


def test_what_was_cut_short_is_not_tried_again():
    step = a_step(model.Upload(), "upload", retries=3, retry_pause_s=7.0)
    asked, lines = told(a_device(), step, acts.Done(), NO_ANSWER, acts.Done(), Cut("the device froze"))
    assert asked == [DUE, POST, acts.Sleep(7.0), POST, "end"]
    assert lines == ["upload 0 began", "upload 0 failed the device froze (not so)"]


def test_a_pause_between_attempts_ends_as_well():
    step = a_step(model.Upload(), "upload", retries=3, retry_pause_s=7.0, outcome="failed")
    _, lines = told(a_device(), step, acts.Done(), NO_ANSWER, Cut("the device rebooted"))
    assert lines == ["upload 0 began", "upload 0 failed the device rebooted"]


def test_the_next_repetition_is_a_plan_of_its_own():
    step = a_step(model.Upload(), "upload", times=2, every_s=60.0, outcome="any")
    asked, lines = told(a_device(), step, acts.Done(), Cut("the device rebooted"), acts.Done(), CREATED)
    assert asked == [DUE, POST, acts.SleepUntil(60.0), POST, "end"]
    assert lines[2:] == ["upload 1 began", "upload 1 ok"]


@pytest.mark.parametrize(
    ("act", "verb", "order"),
    [
        (model.SendDown(payload=model.Payload(kind="random")), "send", acts.QueueDownstream(b"x")),
        (model.Withdraw(which="all"), "withdraw", acts.WithdrawDownstream("all")),
        (model.Remove(), "remove", acts.RemoveDevice()),
    ],
)
def test_an_order_is_shown_with_the_token_of_its_step(act, verb, order):
    asked, _ = told(a_device(), a_step(act, verb), acts.Done(), acts.Done())
    assert asked == [DUE, order, "end"]
    asked, lines = told(a_device(), a_step(act, verb, token="guest"), acts.Done(), acts.Rejected("403 Forbidden"))
    assert asked == [DUE, acts.AskAs(order, "guest"), "end"]
    assert lines[-1] == f"{verb} 0 rejected 403 Forbidden (not so)"


@pytest.mark.parametrize(
    ("act", "verb", "asked"),
    [
        (model.Freeze(), "freeze", acts.StandStill("the device froze", 90.0)),
        (model.Blackout(), "blackout", acts.DarkenRadio(90.0)),
        (model.ChangeLink(link=model.LinkSpec(preset="wifi")), "link", acts.ChangeRadio("wifi", (), 90.0)),
    ],
)
def test_how_long_it_lasts_goes_along(act, verb, asked):
    assert told(a_device(), a_step(act, verb, lasting_s=90.0), acts.Done(), acts.Done())[0] == [DUE, asked, "end"]


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ({}, ("own", "own")),
        ({"blank": frozenset({"imsi"})}, ("", "own")),
        ({"blank": frozenset({"imsi", "imei"})}, ("", "")),
        ({"registered_as": (("imsi", "001010000000042"),)}, ("001010000000042", "own")),
        ({"registered_as": (("imei", "490154203237518"),), "blank": frozenset({"imsi"})}, ("", "490154203237518")),
    ],
)
def test_the_platform_is_told_what_the_group_says(group, told):
    device = a_device(**group)
    own = {"imsi": device.member.imsi, "imei": device.member.imei}
    order = registration(device)
    assert [order.imsi, order.imei] == [
        own[name] if word == "own" else word for name, word in zip(own, told, strict=True)
    ]


@pytest.mark.parametrize(
    ("act", "imsi", "imei"),
    [
        (model.Update(imsi=""), "", None),
        (model.Update(imsi=model.HELD), "of the other", None),
        (model.Update(imei=model.HELD), None, "own"),
        (model.Update(imsi="1", imei="2"), "1", "2"),
    ],
)
def test_held_is_what_the_device_has_now(act, imsi, imei):
    device, other = a_device(), a_device(Power.OFF, sim=model.SimSpec(kind="esim", profiles=2))
    list(move_sim(other, device, True))
    words = {"of the other": other.member.imsi, "own": device.member.imei}
    asked, _ = told(device, a_step(act, "update"), acts.Done(), acts.Done())
    assert asked[1] == acts.UpdateDevice(words.get(imsi, imsi), words.get(imei, imei), ())


def test_without_a_card_there_is_no_imsi_to_be_told():
    device = a_device(Power.IDLE, sim=model.SimSpec(kind="none"))
    assert (registration(device).imsi, registration(device).imei) == ("", device.member.imei)


@pytest.mark.parametrize("token", ["", "guest"])
def test_without_a_card_the_platform_is_told_nothing_of_it(token):
    device = a_device(Power.IDLE, sim=model.SimSpec(kind="none"))
    step = a_step(model.Update(imsi=model.HELD, imei="2"), "update", token=token)
    assert told(device, step, acts.Done()) == ([DUE, "end"], ["update 0 began", "update 0 failed no SIM (not so)"])
    order = acts.UpdateDevice(None, device.member.imei, ())
    asked, _ = told(device, a_step(model.Update(imei=model.HELD), "update", token=token), acts.Done(), acts.Done())
    assert asked == [DUE, acts.AskAs(order, token) if token else order, "end"]


def test_a_refusal_for_another_reason_is_not_what_was_asked_for():
    step = a_step(model.Attach(), "attach", outcome="rejected", outcome_reason="IMEI mismatch")
    for reason, verdict in (("IMEI mismatch", ""), ("IMSI mismatch", " (not so)")):
        lines = told(a_device(), step, acts.Done(), acts.Rejected(reason))[1]
        assert lines[-1] == f"attach 0 rejected {reason}{verdict}"


def test_a_modem_pauses_longer_and_longer():
    step = a_step(model.Attach(), "attach", outcome="rejected", retries=8, retry_model="mobile")
    refused = [acts.Done()] + [acts.Rejected("no"), acts.Done()] * 8 + [acts.Rejected("no")]
    asked, _ = told(a_device(), step, *refused)
    pauses = [act.seconds for act in asked if isinstance(act, acts.Sleep)]
    assert pauses[:6] == [10.0] * 5 + [720.0]
    assert 0.0 <= pauses[6] <= 1440.0
    assert 0.0 <= pauses[7] <= 2880.0
    assert pauses[6:] == [mobile_pause_s(0, 0, 0, 0, failed) for failed in (7, 8)]
