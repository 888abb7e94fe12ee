"""Cards, profiles and modems of devices: who holds what after each verb, and what the network hears of it."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.devices.device import Device, Power
from simulator.devices.modem import dealt_cell
from simulator.devices.roaming import roam, update_modem
from simulator.devices.swapping import insert_sim, move_sim, remove_sim, swap_sims, switch_profile
from simulator.errors import Place
from simulator.identity import numbers
from simulator.identity.fleet import card
from simulator.plan import make_plan
from simulator.scenario.model import Group, ModemSpec, Scenario, SimSpec, Subject

PLACE = Place("x.yaml", 1, 1)
PULLED = "the SIM was pulled"


def devices(*specs, power=Power.ATTACHED):
    """A device for each SimSpec (or whole Group keywords), called a, b, …"""
    groups = tuple(
        Group(name="abcd"[n], place=PLACE, **(spec if isinstance(spec, dict) else {"sim": spec}))
        for n, spec in enumerate(specs)
    )
    plan = make_plan(Scenario(promise="p", place=PLACE, groups=groups))
    found = [Device(member) for member in plan.members]
    for device in found:
        if device.has_sim:
            device.power = power
    return found


CARD, NONE, ESIM, MULTI = (
    SimSpec(),
    SimSpec(kind="none"),
    SimSpec(kind="esim", profiles=3),
    SimSpec(kind="multi", profiles=3),
)


def play(story, *answers):
    """The acts of a story, and what it returns: `answers` are for attach, detach and cell changes, in order."""
    asked, left = [], list(answers)
    result = None
    try:
        while True:
            act = story.send(result)
            asked.append(act)
            ordinary = isinstance(act, acts.Sleep | acts.LeaveSilently)
            result = acts.Done() if ordinary else left.pop(0) if left else acts.Done()
    except StopIteration as end:
        assert not left
        return asked, end.value


def left(device, why=PULLED):
    return acts.LeaveSilently(device.name, why)


# --- putting in, pulling ----------------------------------------------------------------------------------------------


def test_a_pulled_card_is_gone_and_comes_back():
    (device,) = devices(CARD)
    imsi = device.imsi
    assert play(remove_sim(device, True))[0] == [left(device)]
    assert (device.imsi, device.has_sim, device.power) == ("", False, Power.IDLE)
    asked, outcome = play(device.attach())
    assert (asked, outcome.word, outcome.detail) == ([], "failed", "no SIM")
    assert play(remove_sim(device, True))[1].detail == "no SIM"
    assert play(insert_sim(device, "own"))[1].word == "ok"
    assert device.imsi == imsi
    assert play(insert_sim(device, "own"))[1].detail == "was in it"


@pytest.mark.parametrize(
    ("power", "abruptly", "asked", "after"),
    [
        (Power.ATTACHED, True, ["LeaveSilently"], Power.IDLE),
        (Power.ATTACHED, False, ["Detach", "LeaveSilently"], Power.IDLE),
        (Power.IDLE, False, ["LeaveSilently"], Power.IDLE),  # an attach may be under way
        (Power.FROZEN_ATTACHED, False, ["LeaveSilently"], Power.FROZEN),
        (Power.OFF, False, [], Power.OFF),
    ],
)
def test_how_a_device_leaves_whose_card_is_taken(power, abruptly, asked, after):
    (device,) = devices(CARD, power=power)
    came, outcome = play(remove_sim(device, abruptly))
    assert [type(act).__name__ for act in came] == asked
    assert (device.power, device.has_sim, outcome.word) == (after, False, "ok")


def test_a_card_is_pulled_also_from_a_device_that_could_not_detach():
    (device,) = devices(CARD)
    _, outcome = play(remove_sim(device, False), acts.NoAnswer("timeout", 4))
    assert (outcome.word, outcome.detail) == ("failed", f"{PULLED}, but could not detach: no answer to 4 transmissions")
    assert not device.has_sim


def test_fresh_cards_are_nobodys():
    one, two = devices(CARD, CARD)
    seen = {one.imsi, two.imsi}
    for device in (one, one, two):
        play(insert_sim(device, "fresh"))
        assert device.imsi not in seen
        assert device.credentials().ip == 0  # the platform chooses
        seen.add(device.imsi)
    assert one.slot.sim.profile.imsi == card(one.member.index, 51).imsi
    play(insert_sim(one, "own"))
    assert one.imsi == one.member.imsi
    assert one.credentials().ip == one.member.ip


def test_fresh_cards_come_to_an_end():
    (device,) = devices(CARD)
    came = [play(insert_sim(device, "fresh"))[1].word for _ in range(51)]
    assert came == ["ok"] * 50 + ["failed"]


# --- two devices ------------------------------------------------------------------------------------------------------


def test_a_moved_card_takes_its_address_along_and_what_was_there_comes_out():
    old, new = devices(CARD, CARD)
    asked, outcome = play(move_sim(old, new, True))
    assert (asked, outcome.word) == ([left(old), left(new)], "ok")
    assert (old.imsi, new.imsi) == ("", old.member.imsi)
    mine = new.credentials()
    assert (mine.imsi, mine.msisdn, mine.ip) == (old.member.imsi, numbers.msisdn(old.member.index), old.member.ip)
    assert mine.imeisv == numbers.imeisv(new.member.index)
    assert play(insert_sim(new, "own"))[1].word == "ok"
    assert new.imsi == new.member.imsi
    play(insert_sim(old, "own"))
    assert old.imsi == old.member.imsi


def test_whoever_wants_its_own_card_takes_it_from_where_it_is():
    old, new = devices(CARD, NONE)
    play(move_sim(old, new, True))
    new.power = Power.ATTACHED
    assert play(insert_sim(old, "own"))[0] == [left(new)]
    assert (old.imsi, new.imsi, new.power) == (old.member.imsi, "", Power.IDLE)


@pytest.mark.parametrize("kinds", [(CARD, CARD), (CARD, NONE), (NONE, CARD), (CARD, ESIM)])
@pytest.mark.parametrize("abruptly", [True, False])
def test_devices_exchange_what_they_have(kinds, abruptly):
    one, two = devices(*kinds)
    before = one.imsi, two.imsi
    asked, outcome = play(swap_sims(one, two, abruptly))
    assert (one.imsi, two.imsi) == before[::-1]
    assert outcome.word == "ok"
    assert [one.attached, two.attached] == [False, False]
    holders = [name for name, imsi in zip("ab", before, strict=True) if imsi]
    assert [act.device for act in asked if isinstance(act, acts.LeaveSilently)] == holders
    assert [act.device for act in asked if isinstance(act, acts.Detach)] == ([] if abruptly else holders)
    play(swap_sims(one, two, abruptly))
    assert (one.imsi, two.imsi) == before


def test_what_cannot_be_moved_stays():
    one, two = devices(NONE, NONE)
    assert play(move_sim(one, two, True))[1].detail == "no SIM"
    assert play(swap_sims(one, two, True))[1].detail == "no SIM"
    (alone,) = devices(CARD)
    for story in (move_sim(alone, None, True), move_sim(alone, alone, True), swap_sims(alone, None, True)):
        assert play(story)[1].word == "failed"
    assert alone.imsi == alone.member.imsi


# --- eSIM and several IMSIs -------------------------------------------------------------------------------------------

YES, NO = acts.Accepted(9), acts.Rejected("IMSI mismatch")


def test_another_profile_is_another_subscription_on_the_same_chip():
    (device,) = devices(ESIM)
    eid, member = device.sim.eid, device.member
    assert eid == numbers.eid(member.index)
    asked, outcome = play(switch_profile(device, 2, None), acts.Done(), YES)
    assert [type(act).__name__ for act in asked] == ["Detach", "Attach"]
    assert (asked[1].imsi, asked[1].ip) == (card(member.index, 1).imsi, 0)
    assert asked[1].imeisv == numbers.imeisv(member.index)
    assert (outcome.word, device.sim.eid, device.power) == ("ok", eid, Power.ATTACHED)
    assert device.credentials().ip == 9  # the SIM has an address now
    asked, _ = play(switch_profile(device, 1, None), acts.Done(), YES)
    assert (asked[1].imsi, asked[1].ip) == (member.imsi, member.ip)


@pytest.mark.parametrize("refusal", [NO, acts.NoAnswer("timeout", 4)])
def test_a_refused_profile_is_rolled_back(refusal):
    (device,) = devices(ESIM)
    own = device.imsi
    asked, outcome = play(switch_profile(device, 3, 60.0), acts.Done(), refusal, YES)
    assert [type(act).__name__ for act in asked] == ["Detach", "Attach", "Sleep", "Attach"]
    assert asked[2].seconds == 60.0
    assert (asked[3].imsi, device.imsi, outcome.word) == (own, own, "ok")
    assert outcome.detail.endswith("; back to profile 1")


def test_a_refused_profile_stays_enabled_without_rollback():
    (device,) = devices(ESIM)
    _, outcome = play(switch_profile(device, 2, None), acts.Done(), NO)
    assert (outcome.word, outcome.detail, device.sim.enabled) == ("rejected", "IMSI mismatch", 1)


@pytest.mark.parametrize(
    ("spec", "profile", "power", "why"),
    [
        (CARD, 2, Power.ATTACHED, "no eSIM"),
        (NONE, 2, Power.IDLE, "no SIM"),
        (ESIM, 4, Power.ATTACHED, "there is no profile 4: the eUICC has 3"),
        (ESIM, 2, Power.OFF, "the device is off"),
    ],
)
def test_what_cannot_be_switched(spec, profile, power, why):
    (device,) = devices(spec, power=power)
    asked, outcome = play(switch_profile(device, profile, None))
    assert (asked, outcome.word, outcome.detail) == ([], "failed", why)


@pytest.mark.parametrize(
    ("answers", "tried", "word"),
    [
        ([YES], [0], "ok"),
        ([NO, YES], [0, 1], "ok"),
        ([NO, NO, YES], [0, 1, 2], "ok"),
        ([NO, NO, NO], [0, 1, 2], "rejected"),
        ([NO, acts.NoAnswer("timeout", 4)], [0, 1], "timeout"),
    ],
)
def test_a_card_with_several_imsis_goes_on_through_them(answers, tried, word):
    (device,) = devices(MULTI, power=Power.IDLE)
    imsis = [device.member.imsi, *(card(device.member.index, k).imsi for k in (1, 2))]
    asked, outcome = play(device.attach(), *answers)
    assert [act.imsi for act in asked if isinstance(act, acts.Attach)] == [imsis[n] for n in tried]
    assert [act.seconds for act in asked if isinstance(act, acts.Sleep)] == [120.0] * (len(tried) - 1)
    assert outcome.word == word
    assert device.imsi == imsis[0 if answers == [NO] * 3 else tried[-1]]


def test_a_card_that_is_pulled_between_two_imsis_tries_no_other():
    (device,) = devices(MULTI, power=Power.IDLE)
    story = device.attach()
    next(story)
    assert isinstance(story.send(NO), acts.Sleep)
    play(remove_sim(device, True))
    with pytest.raises(StopIteration) as end:
        story.send(acts.Done())
    assert (end.value.value.word, end.value.value.detail) == ("failed", PULLED)


# --- clones, modem, place ---------------------------------------------------------------------------------------------


def the(name, first=0, last=None):
    return Subject(group=name, place=PLACE, text=name, first=first, last=last)


def test_a_copied_card_has_the_numbers_and_the_address_of_the_other():
    original, copy = devices({}, {"sim": SimSpec(kind="clone", of=the("a"))})
    theirs, mine = original.credentials(), copy.credentials()
    assert (mine.imsi, mine.msisdn, mine.ip) == (theirs.imsi, theirs.msisdn, theirs.ip)
    assert mine.imeisv != theirs.imeisv
    assert copy.slot.own.profile.iccid == original.slot.own.profile.iccid
    assert copy.slot.own is not original.slot.own
    assert copy.ip != original.ip
    play(insert_sim(original, "fresh"))
    play(insert_sim(copy, "fresh"))
    assert original.imsi != copy.imsi


def test_copies_are_dealt_to_the_members_of_a_group():
    found = devices({"count": 3}, {"count": 3, "sim": SimSpec(kind="clone", of=the("a", 1))})
    assert [device.imsi for device in found[3:]] == [found[n].imsi for n in (1, 2, 1)]


def test_a_claimed_imei_comes_with_the_claimants_own_software():
    original, claimant = devices({}, {"modem": ModemSpec(svn=7, clone_of=the("a"))})
    assert claimant.member.imei == original.member.imei
    assert claimant.credentials().imeisv == original.member.imei[:14] + "07"
    assert claimant.imsi != original.imsi


def test_new_modem_software_changes_the_last_two_digits_and_needs_a_new_attach():
    (device,) = devices(CARD)
    asked, outcome = play(update_modem(device, 42))
    assert (asked, outcome.word, device.power) == ([acts.Detach()], "ok", Power.IDLE)
    assert device.credentials().imeisv == device.member.imei[:14] + "42"
    device.power = Power.OFF
    assert play(update_modem(device, 43))[1].detail == "the device is off"


@pytest.mark.parametrize(
    ("power", "to", "asked", "after"),
    [
        (Power.ATTACHED, (None, "lte", 7), [acts.ChangeCell("lte", 7)], Power.ATTACHED),
        (Power.ATTACHED, (None, None, 7), [acts.ChangeCell("", 7)], Power.ATTACHED),
        (Power.ATTACHED, ("home", None, 7), [acts.ChangeCell("", 7)], Power.ATTACHED),
        (Power.IDLE, (None, "lte", 7), [], Power.IDLE),
        (Power.ATTACHED, ("abroad", None, None), ["left"], Power.IDLE),
        (Power.FROZEN_ATTACHED, ("abroad", None, None), ["left"], Power.FROZEN),
        (Power.OFF, ("abroad", "lte", 7), [], Power.OFF),
    ],
)
def test_somewhere_else(power, to, asked, after):
    (device,) = devices(CARD, power=power)
    came, outcome = play(roam(device, *to))
    silently = left(device, "the device has left the network for abroad")
    assert came == [silently if act == "left" else act for act in asked]
    assert (outcome.word, device.power) == ("ok", after)
    operator, rat, cell = to
    said = device.credentials()
    assert (said.operator, said.rat, said.cell) == (operator or "home", rat or "", cell or 0x1234501)


def test_cells_are_dealt_by_the_hundred_and_fit_into_28_bits():
    assert len({dealt_cell(index) for index in range(10_000)}) == 100
    assert max(dealt_cell(10**8 - 1), dealt_cell(99)) < 1 << 28
    (device,) = devices({"cell": 5, "rat": "lte-m", "operator": "abroad"})
    said = device.credentials()
    assert (said.cell, said.rat, said.operator) == (5, "lte-m", "abroad")


def test_nothing_is_made_for_who_is_not_touched():
    (device,) = devices(CARD, power=Power.IDLE)
    play(device.attach(), acts.Accepted(device.member.ip))
    play(device.detach(), acts.Done())
    assert device._slot is None
    assert device._modem is None
