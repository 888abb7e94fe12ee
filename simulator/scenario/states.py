"""`{state: meters, where: {firmware.state: Current}}` → what the platform must say of a device (scenarios §4)."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from fnmatch import fnmatchcase

from simulator.errors import Place
from simulator.scenario.matchers import condition
from simulator.scenario.model import Condition, StateOf, Subject
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown
from simulator.scenario.values import check_value
from simulator.words import DEVICE_FIELDS, nearest

PATH = re.compile(r"[^\s.]{1,64}(?:\.[^\s.]{1,64}){0,7}")
CLOSED = ("metadata.ciot.", "metadata.inet.")
"""Where the platform says what it has seen of a login or a handshake, in fields that are all known."""
EXAMPLE = "{firmware.state: Current}"

UNFORESEEN: MappingOf[str, str] = {
    "deviceId": "the platform chooses it",
    "collectionId": "the platform chooses it; {each: meters, sees: deviceMoved} tells who moved",
}


def state_of(reading: Reading, place: Place, whom: Subject | None, node: Node | None) -> StateOf | None:
    """The expectation; `whom` and `node` are None where they were refused already."""
    where: list[tuple[str, Condition]] = []
    mapping = None if node is None else reading.problems.mapping(node, "where", EXAMPLE)
    if mapping is not None and not mapping.entries:
        reading.problems.add("where is empty", mapping.place, f"name a field of the device: {EXAMPLE}")
    for key, value in mapping.entries if mapping else ():
        if (found := _field(reading, key, value)) is not None:
            where.append((key.value, found))
    if whom is not None:
        reading.states_of.append((whom.group, whom.place))
    return None if whom is None or not where else StateOf(place=place, subject=whom, where=tuple(where))


def kind_of(path: str) -> str | None:
    """The key of event data that holds what is at this path of a Device, "" for none; None: the path is not known."""
    return next((kind for known, kind in DEVICE_FIELDS.items() if path == known or fnmatchcase(path, known)), None)


def _field(reading: Reading, key: Text, value: Node) -> Condition | None:
    problems, path = reading.problems, key.value
    if isinstance(value, Mapping) and any(known.startswith(f"{path}.") for known in DEVICE_FIELDS):
        inner = next(iter(value.words()), "name")
        problems.add(f"{shown(path)} has fields of its own", key.place, f"write them with dots: {path}.{inner}")
        return None
    found = condition(problems, value, path)
    if found is None:
        return None
    kind = kind_of(path)
    if not PATH.fullmatch(path):
        problems.add(f"{shown(path)} is no field of a device", key.place, f"write it with dots: {EXAMPLE}")
    elif path in UNFORESEEN and found.op != "any":
        problems.add(f"{path} is not known beforehand", key.place, f"{UNFORESEEN[path]}; write any if it must be there")
    elif kind is None:
        _check_unknown(reading, key)
    elif kind:
        check_value(reading, kind, value, found)
    return found


def _check_unknown(reading: Reading, key: Text) -> None:
    """A slip of the pen is refused; a field that resembles none may be one that a real platform adds."""
    inside = [known for known in DEVICE_FIELDS if known.startswith(f"{key.value}.")]
    if inside:
        hint = f"write {inside[0].replace('*', 'name')}"
        reading.problems.add(f"{shown(key.value)} is no single value", key.place, hint)
        return
    if (near := _near(key.value)) is not None:
        reading.problems.add(f"no field {shown(key.value)} of a device", key.place, f"did you mean '{near}'?")
    elif (begin := next((begin for begin in CLOSED if key.value.startswith(begin)), None)) is not None:
        known = ", ".join(field.removeprefix(begin) for field in DEVICE_FIELDS if field.startswith(begin))
        reading.problems.add(f"no field {shown(key.value)} of a device", key.place, f"{begin}* has: {known}")


def _near(path: str) -> str | None:
    """The field that was probably meant: one beside it, one of that name elsewhere, or one that is written alike."""
    inside, _, name = path.rpartition(".")
    beside = {known.rpartition(".")[2]: known for known in DEVICE_FIELDS if known.rpartition(".")[0] == inside}
    if beside and inside:
        near = nearest(name, beside)
        return None if near is None else beside[near]
    elsewhere = next((known for known in DEVICE_FIELDS if known.rpartition(".")[2] == name), None)
    return elsewhere or nearest(path, [known for known in DEVICE_FIELDS if "*" not in known])
