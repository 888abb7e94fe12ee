"""`24 B`, `{text: …}`, `{hex: …}`, `{file: …}`, `{template: …}`, `{sensor: …}` → what is sent (scenarios §2)."""

from __future__ import annotations

import re

from simulator.errors import ScenarioErrors
from simulator.scenario.model import Payload
from simulator.scenario.nodes import Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.source import read_bytes
from simulator.words import PAYLOAD_KEYS, SENSORS, TEMPLATE_FIELDS

MAX_PAYLOAD_BYTES = 1 << 20
"""Sixteen times what the platform takes by default, so that a refusal can be rehearsed too."""

FORMS = '24 B, {text: "…"}, {hex: 0a0b}, {file: PATH}, {template: "…"} or {sensor: temperature}'
PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
EMPTY = 'the platform makes no message of it; write {hex: ""} if that is meant'
"""A payload is never empty by accident (scenarios §2), so there is one way to say it, and it looks like nothing else.
The platform takes an empty upload for none, or for a poll (span §4.2, §4.3)."""


def payload(reading: Reading, node: Node, most: int = MAX_PAYLOAD_BYTES) -> Payload | None:
    """The payload that a node describes, at most `most` bytes of it; or None (and noted)."""
    problems = reading.problems
    if isinstance(node, Text):
        if node.quoted or not node.value[:1].isdigit():
            problems.add(f"payload {shown(node.value)} is no size", node.place, f"write {FORMS}")
            return None
        size = quantity(problems, node, "payload", "size", most=most)
        return _random(reading, node, size) if size is not None else None
    mapping = problems.mapping(node, "payload", FORMS)
    if mapping is None:
        return None
    before = problems.count
    fields = Fields(mapping, problems, "payload", PAYLOAD_KEYS)
    given = [key for key in PAYLOAD_KEYS if key in fields]
    if len(given) != 1:
        if len(given) > 1:
            problems.add(f"payload has both {given[0]} and {given[1]}", fields.at(given[1]), "keep one of them")
        elif problems.count == before:
            problems.add("payload is an empty mapping", mapping.place, f"write {FORMS}")
        return None
    value = fields.get(given[0])
    if not isinstance(value, Text):
        problems.add(f"{given[0]} must be text", fields.at(given[0]), f"write {FORMS}")
        return None
    if not value.value:
        if given[0] == "hex":
            return Payload(kind="bytes")
        problems.add(f"{given[0]} is empty", value.place, EMPTY)
        return None
    return _file(reading, value, most) if given[0] == "file" else _READERS[given[0]](reading, value)


def _random(reading: Reading, node: Text, size: float) -> Payload | None:
    if size != int(size):
        reading.problems.add(f"payload {shown(node.value)} is not a whole number of bytes", node.place)
        return None
    if not size:
        reading.problems.add("a payload of 0 B is empty", node.place, EMPTY)
        return None
    return Payload(kind="random", size_bytes=int(size))


def _text(_reading: Reading, value: Text) -> Payload | None:
    return Payload(kind="bytes", content=value.value.encode())


def _hex(reading: Reading, value: Text) -> Payload | None:
    try:
        content = bytes.fromhex(value.value)
    except ValueError:
        reading.problems.add(f"{shown(value.value)} is not hex", value.place, "write two digits a byte: 0a0b")
        return None
    if not content:
        reading.problems.add("hex is empty", value.place, EMPTY)
        return None
    return Payload(kind="bytes", content=content)


def _template(reading: Reading, value: Text) -> Payload | None:
    """The template with its fields in one form, `{{ device }}`, so that filling it in is two replacements."""
    flawed = False

    def field(match: re.Match[str]) -> str:
        nonlocal flawed
        name = match[1].strip()
        if name not in TEMPLATE_FIELDS:
            flawed = True
            reading.problems.add(f"no field {shown(name)} in a template", value.place, meant(name, TEMPLATE_FIELDS))
        return f"{{{{ {name} }}}}"

    template = PLACEHOLDER.sub(field, value.value)
    rest = PLACEHOLDER.sub("", template)
    if "{{" in rest or "}}" in rest:
        reading.problems.add("a {{ or }} without its partner", value.place, "fields are written {{ device }}, {{ n }}")
        return None
    return None if flawed else Payload(kind="template", template=template)


def _sensor(reading: Reading, value: Text) -> Payload | None:
    sensor = reading.problems.one_of(value, "sensor", SENSORS)
    return None if sensor is None else Payload(kind="sensor", sensor=sensor)


def _file(reading: Reading, value: Text, most: int) -> Payload | None:
    """The file must lie in the scenario's folder or below, so that a scenario is whole wherever it is copied to."""
    problems, folder = reading.problems, reading.folder
    if folder is None:
        problems.add("a payload from a file needs a scenario in a folder", value.place)
        return None
    try:
        home = folder.resolve()
        path = (home / value.value).resolve()
        inside = path.is_relative_to(home)
    except (OSError, ValueError, RuntimeError):
        problems.add(f"{shown(value.value)} is no file name", value.place)
        return None
    if not inside:
        problems.add(
            f"{shown(value.value)} is outside of the scenario's folder", value.place, "put the file beside the scenario"
        )
        return None
    try:
        content = reading.files.contents.get(path, b"")
        # What a blob may carry may be too much for a message.
        if not 0 < len(content) <= most:
            content = read_bytes(path, most, value.place, "a payload", called=value.value)
    except ScenarioErrors as errors:
        for error in errors.errors:
            problems.add(error.problem, error.at, error.hint)
        return None
    if not content:
        problems.add(f"{shown(value.value)} is empty", value.place, EMPTY)
        return None
    reading.files.contents[path] = content
    return Payload(kind="bytes", content=content)


_READERS = {"text": _text, "hex": _hex, "template": _template, "sensor": _sensor}
