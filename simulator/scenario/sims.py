"""`sim:` and `modem:` of a group → what is in its SIM slot, and which hardware it is (mobile-network §2.4, §3).

Clones name devices, which may be declared further down or in another file, so they are looked at last.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.scenario.model import Group, ModemSpec, SimSpec, Subject
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields, kind
from simulator.scenario.reading import Copied, Reading
from simulator.scenario.show import shown
from simulator.scenario.subjects import size_of, subject
from simulator.words import MODEM_KEYS, SIM_KEYS

LEAST_PROFILES, MAX_PROFILES = 2, 8
"""Words say so: SIM_KEYS."""
MAX_SVN = 98
"""TS 23.003 §6.2.2: 99 is reserved."""

SIM_FORMS = "none, {profiles: 2}, {imsis: 3} or {clone_of: meter}"
NUMBERS = {"sim": "imsi", "modem": "imei"}


def sim(reading: Reading, node: Node, group: str) -> SimSpec:
    """What is in the slot of a group. `{}` is one SIM of its own, as if nothing were said."""
    problems = reading.problems
    if isinstance(node, Text):
        if node.value != "none":
            problems.add(f"no sim {shown(node.value)}", node.place, f"write {SIM_FORMS}")
        return SimSpec(kind="none" if node.value == "none" else "card")
    if not isinstance(node, Mapping):
        problems.add(f"sim must be a word or a mapping, not a {kind(node)}", node.place, f"write {SIM_FORMS}")
        return SimSpec()
    fields = Fields(node, problems, "sim", SIM_KEYS)
    given = [key for key in SIM_KEYS if key in fields]
    if len(given) > 1:
        problems.add(f"sim has both {given[0]} and {given[1]}", fields.at(given[1]), "keep one of them")
    for key in given[:1]:
        value = fields.get(key)
        assert value is not None
        if key == "clone_of":
            return SimSpec() if not _copies(reading, group, "sim", value) else SimSpec(kind="clone")
        number = problems.integer(value, key, LEAST_PROFILES, MAX_PROFILES) or LEAST_PROFILES
        return SimSpec(kind="esim" if key == "profiles" else "multi", profiles=number)
    return SimSpec()


def modem(reading: Reading, node: Node, group: str) -> ModemSpec:
    """The hardware of a group."""
    mapping = reading.problems.mapping(node, "modem", "{svn: 2}")
    if mapping is None:
        return ModemSpec()
    fields = Fields(mapping, reading.problems, "modem", MODEM_KEYS)
    version, of = fields.get("svn"), fields.get("clone_of")
    if of is not None:
        _copies(reading, group, "modem", of)
    svn = None if version is None else reading.problems.integer(version, "svn", 0, MAX_SVN)
    return ModemSpec() if svn is None else ModemSpec(svn=svn)


def _copies(reading: Reading, group: str, what: str, node: Node) -> bool:
    text = reading.problems.word(node, "clone_of")
    if text is not None:
        reading.clones.append(Copied(group, what, text))
    return text is not None


# --- when all groups are known ----------------------------------------------------------------------------------------


def resolve_clones(reading: Reading) -> None:
    """Enter into the groups whose card or IMEI theirs is a copy of; note what cannot be."""
    copies = {(copy.group, copy.what) for copy in reading.clones}
    for copy in reading.clones:
        before = reading.problems.count
        group, of = reading.groups.get(copy.group), subject(reading, copy.of, "clone_of")
        if group is not None and of is not None:
            _check_original(reading, copy, group, of, copies)
            if reading.problems.count == before:
                reading.groups[group.name] = _with(group, copy.what, of)
                _check_registered(reading, copy, group, of)
        if reading.problems.count > before:
            reading.flawed[copy.group] = None


def _with(group: Group, what: str, of: Subject) -> Group:
    if what == "sim":
        return replace(group, sim=SimSpec(kind="clone", of=of))
    return replace(group, modem=replace(group.modem, clone_of=of))


def _check_original(reading: Reading, copy: Copied, group: Group, of: Subject, copies: set[tuple[str, str]]) -> None:
    original = reading.groups[of.group]
    count = size_of(of, original)
    problem, hint = "", ""
    if of.share is not None:
        problem, hint = f"clone_of: {shown(of.text)} is drawn by the seed", f"name a device or a group: {original.name}"
    elif original.name == group.name:
        problem, hint = f"{group.name} is a clone of itself", "name another group"
    elif (original.name, copy.what) in copies:
        problem, hint = f"{original.name} is a clone itself", "name the device that it is a clone of"
    elif original.network == "inet":
        problem, hint = f"{original.name} is on the Internet, and has no {copy.what}", "name a device that has one"
    elif copy.what == "sim" and original.sim.kind == "none":
        problem, hint = f"{original.name} has no SIM that could be copied", "it has sim: none"
    elif group.count not in (1, count):
        devices = "one device" if count == 1 else f"{count} devices"
        problem = f"{group.count} clones of {devices}"
        hint = f"{group.name} needs count: {count}, or 1" if count > 1 else f"{group.name} must be one device"
    if problem:
        reading.problems.add(problem, copy.of.place, hint)


def _check_registered(reading: Reading, copy: Copied, group: Group, of: Subject) -> None:
    """The platform takes each IMSI and IMEI once (span §2.4), so both cannot be registered with it."""
    number, original = NUMBERS[copy.what], reading.groups[of.group]
    if not all(_is_told(one, number) for one in (group, original)):
        return
    hint = f"write registered: no, or identity: {{{number}: blank}}"
    problem = f"{group.name} would be registered with the {number.upper()} of {of.text}, which the platform takes once"
    reading.problems.add(problem, copy.of.place, hint)


def _is_told(group: Group, number: str) -> bool:
    """Whether the platform is told the number that the device really has."""
    return group.registered and number not in group.blank and number not in dict(group.registered_as)
