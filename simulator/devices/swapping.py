"""What is done with SIMs, as stories: put in, pulled, moved, exchanged, and profiles of an eSIM switched.

A card is mostly pulled without a word: the device is off the network at once, and the network finds out by itself. Who
holds which card changes before anybody is told, so whatever a device tries next, it tries with what is in it then.
"""

from __future__ import annotations

from simulator.acts import Cut, Detach, LeaveSilently, Sleep, Story
from simulator.devices.device import NO_SIM, PULLED, Device, Power
from simulator.devices.outcome import OK, Outcome, outcome_of
from simulator.devices.sim import FRESH_MOST, Sim, fresh_card

_OK = Outcome(OK)
_NO_PARTNER = Outcome("failed", "there is no other device for it")


def insert_sim(device: Device, card: str) -> Story[Outcome]:
    """Put in the device's `own` card, wherever that is, or a `fresh` one; what was in comes out."""
    slot = device.slot
    if card == "fresh":
        if slot.fresh == FRESH_MOST:
            return Outcome("failed", f"a device gets {FRESH_MOST} fresh cards at most")
        sim = fresh_card(device.member, slot.fresh)
        slot.fresh += 1
    else:
        sim = slot.own
    if slot.sim is sim:
        return Outcome(OK, "was in it")
    yield from _put(sim, device)
    return _OK


def remove_sim(device: Device, abruptly: bool) -> Story[Outcome]:
    """Take the card out; in order, the device detaches first."""
    if not device.has_sim:
        return Outcome("failed", NO_SIM)
    return (yield from _pull(device, abruptly))


def move_sim(device: Device, to: Device | None, abruptly: bool) -> Story[Outcome]:
    """The card goes into another device; what was in there comes out."""
    if to is None or to is device:
        return _NO_PARTNER
    sim = device.sim
    if sim is None:
        return Outcome("failed", NO_SIM)
    left = yield from _pull(device, abruptly)
    there = yield from _pull(to, abruptly)
    yield from _put(sim, to)
    return there if left.word == OK else left


def swap_sims(device: Device, other: Device | None, abruptly: bool) -> Story[Outcome]:
    """Two devices exchange their cards; one of them may have none."""
    if other is None or other is device:
        return _NO_PARTNER
    mine, theirs = device.sim, other.sim
    if mine is None and theirs is None:
        return Outcome("failed", NO_SIM)
    left = yield from _pull(device, abruptly)
    there = yield from _pull(other, abruptly)
    if mine is not None:
        yield from _put(mine, other)
    if theirs is not None:
        yield from _put(theirs, device)
    return there if left.word == OK else left


def switch_profile(device: Device, profile: int, rollback_s: float | None) -> Story[Outcome]:
    """Leave the network, enable another profile of the eUICC, and attach with it (mobile-network §2.4).

    Args:
        profile: counted from 1.
        rollback_s: the device hears of nobody who could repair a refusal, so after so long it enables the old one again
            and attaches with that; None: it stays with the new one.
    Returns: how the last attach ended.
    """
    sim = device.sim
    if device.dead:
        return Outcome("failed", device.dead)
    if sim is None:
        return Outcome("failed", NO_SIM)
    if sim.kind != "esim":
        return Outcome("failed", "no eSIM")
    if not 1 <= profile <= len(sim.profiles):
        return Outcome("failed", f"there is no profile {profile}: the eUICC has {len(sim.profiles)}")
    before = sim.enabled
    yield from device.detach()
    outcome = yield from _enable(device, sim, profile - 1)
    if outcome.word == OK or rollback_s is None:
        return outcome
    yield Sleep(rollback_s)
    refused = f"profile {profile}: {outcome.detail or outcome.word}; back to profile {before + 1}"
    outcome = yield from _enable(device, sim, before)
    detail = f"{refused}: {outcome.detail or outcome.word}" if outcome.word != OK else refused
    return Outcome(outcome.word, detail, None, outcome.transmissions)


def _enable(device: Device, sim: Sim, number: int) -> Story[Outcome]:
    if device.slot.sim is not sim:
        return Outcome("failed", PULLED)
    sim.enabled = number
    return (yield from device.attach())


def _pull(device: Device, abruptly: bool) -> Story[Outcome]:
    """Nothing is in the slot any more; not a word if nothing was.

    Returns: how the device left the network.
    """
    left = _OK
    if device.attached and not (abruptly or device.dead or device.sim is None):
        # Not `device.detach`: this may be the story of another device.
        device.happened("detached")
        try:
            left = outcome_of((yield Detach(device.name)))
        except Cut as cut:  # whoever pulls the card has hands that no power cut stops
            left = Outcome("failed", str(cut))
    sim = device.sim
    if sim is None:
        return left
    sim.holder = device.slot.sim = None
    if device.power is not Power.OFF:
        device.happened("lost")
        yield LeaveSilently(device.name, PULLED)
    return left if left.word == OK else Outcome("failed", f"{PULLED}, but could not detach: {left.detail}")


def _put(sim: Sim, device: Device) -> Story[None]:
    """It is in that device from now on. Whoever took it meanwhile, or put another one in there, loses that."""
    while device.has_sim or isinstance(sim.holder, Device):
        where = sim.holder if isinstance(sim.holder, Device) and not device.has_sim else device
        yield from _pull(where, abruptly=True)
    sim.holder, device.slot.sim = device, sim
