"""The arguments of the verbs that move SIMs, profiles and modems about → their acts (scenarios §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from simulator.scenario.groups import cell, operator_named
from simulator.scenario.inet_verbs import check_network
from simulator.scenario.model import (
    DeviceAct,
    InsertSim,
    MoveSim,
    RemoveSim,
    Roam,
    Subject,
    SwapSims,
    SwitchProfile,
    UpdateModem,
)
from simulator.scenario.nodes import Items
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import ProfileNamed, Reading
from simulator.scenario.show import shown
from simulator.scenario.sims import MAX_PROFILES, MAX_SVN
from simulator.scenario.subjects import overlap, size_of, subject
from simulator.words import RATS, Word

CARDS = {
    "own": Word("own", "the device's own card"),
    "fresh": Word("fresh", "one that nobody has seen before"),
}
ROAMING = ("operator", "rat", "cell")


def insert_sim(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{insert_sim: meters, card: fresh}`."""
    node = fields.get("card")
    card = None if node is None else reading.problems.one_of(node, "card", CARDS)
    return InsertSim(card=cast(Literal["own", "fresh"], card or "own"))


def remove_sim(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{remove_sim: meters, abruptly: no}`."""
    return RemoveSim(abruptly=pulled(reading, fields))


def move_sim(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    """`{move_sim: old, to: new}`."""
    to = _partners(reading, "move_sim", subjects, fields, "to")
    abruptly = pulled(reading, fields)
    return None if to is None else MoveSim(to=to, abruptly=abruptly)


def swap_sims(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    """`{swap_sims: left, with: right}`."""
    other = _partners(reading, "swap_sims", subjects, fields, "with")
    abruptly = pulled(reading, fields)
    return None if other is None else SwapSims(other=other, abruptly=abruptly)


def pulled(reading: Reading, fields: Fields) -> bool:
    """`abruptly` of a SIM: it is pulled, unless the file says otherwise."""
    node = fields.get("abruptly")
    return node is None or reading.problems.yes_or_no(node, "abruptly") is not False


def switch_profile(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    """`{switch_profile: meters, profile: 2, rollback: 2 min}`."""
    problems = reading.problems
    node, back = fields.get("profile"), fields.get("rollback")
    rollback_s = None if back is None else quantity(problems, back, "rollback", "duration")
    profile = None if node is None else problems.integer(node, "profile", 1, MAX_PROFILES)
    named = 1 if profile is None else profile
    reading.profiles += [
        ProfileNamed(one.group, one.place, named, one.place if node is None else node.place) for one in subjects
    ]
    return None if profile is None else SwitchProfile(profile=profile, rollback_s=rollback_s)


def update_modem(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    """`{update_modem: meters, svn: 2}`."""
    node = fields.get("svn")
    svn = None if node is None else reading.problems.integer(node, "svn", 0, MAX_SVN)
    return None if svn is None else UpdateModem(svn=svn)


def roam(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{roam: tracker, operator: abroad, cell: 4711}`."""
    if not any(fields.names(key) for key in ROAMING):
        hint = "add operator: abroad, rat: lte-m or cell: 4711"
        reading.problems.add("roam changes nothing", fields.place, hint)
    operator, rat = fields.get("operator"), fields.get("rat")
    return Roam(
        operator=None if operator is None else operator_named(reading, operator),
        rat=None if rat is None else reading.problems.named(rat, "rat", RATS),
        cell=cell(reading, fields),
    )


def _partners(reading: Reading, verb: str, subjects: Sequence[Subject], fields: Fields, key: str) -> Subject | None:
    """The devices at the other end, as many as the subjects, each of them another one."""
    problems, node = reading.problems, fields.get(key)
    if isinstance(node, Items):
        hint = f"write two steps, or a range: {key}: meters.0-4"
        problems.add(f"{key} takes one subject, not a list", node.place, hint)
        return None
    found = None if node is None else subject(reading, node, key)
    if found is None:
        return None
    check_network(reading, verb, (found,))
    drawn = next((one for one in (*subjects, found) if one.share is not None), None)
    if drawn is not None:
        hint = f"{verb} is between devices that the file names: meters.0-4"
        problems.add(f"{shown(drawn.text)} is drawn by the seed", drawn.place, hint)
        return None
    again = next((one for one in subjects if overlap(one, found)), None)
    here = sum(size_of(one, reading.groups[one.group]) for one in subjects)
    there = size_of(found, reading.groups[found.group])
    if again is not None:
        hint = "each device stands on one side, and once"
        problems.add(f"{shown(found.text)} is on both sides of {verb}", found.place, hint)
        return None
    if subjects and here != there:
        devices = f"{here} device" + ("s" if here != 1 else "")
        hint = f"{shown(found.text)} is {there}; name as many on both sides"
        problems.add(f"{verb} of {devices}, and {there} on the other side", found.place, hint)
        return None
    return found
