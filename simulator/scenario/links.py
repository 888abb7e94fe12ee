"""`link:` of a group and the `link` verb → a preset and what is changed in it (mobile-network §6.1, §6.4)."""

from __future__ import annotations

from simulator.scenario.model import LinkChange, LinkSpec
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields, Problems
from simulator.scenario.quantities import number, quantity
from simulator.words import LINK_KEYS, LINK_PRESETS, LinkKey, Word

EXAMPLE = "{preset: nb-iot-good, loss: 5 %}"
FIELDS = {
    "preset": Word("preset", "the radio as a whole"),
    **{k.name: Word(k.name, k.help) for k in LINK_KEYS.values()},
}
WAYS = {"up": Word("up", "from the device to the platform"), "down": Word("down", "from the platform to the device")}

BURSTS = ("loss_p", "loss_r", "loss_b", "loss_g")

MAX_DELAY_S = 86_400.0
MAX_SPREAD = 10.0
MAX_QUEUE = 100_000
MAX_MTU_BYTES = 65_507


def link_spec(problems: Problems, node: Node) -> LinkSpec | None:
    """The link of a group: a preset's name, or a mapping. None (and noted) if it cannot be read."""
    if isinstance(node, Text):
        preset = problems.one_of(node, "link preset", LINK_PRESETS)
        return LinkSpec(preset=preset) if preset else None
    mapping = problems.mapping(node, "link", EXAMPLE)
    if mapping is None:
        return None
    return changed_link(problems, Fields(mapping, problems, "link", FIELDS), "perfect")


def changed_link(problems: Problems, fields: Fields, preset: str) -> LinkSpec:
    """The preset (`preset` if none is named) and the changes among the fields of a mapping."""
    if (node := fields.get("preset")) is not None:
        preset = problems.one_of(node, "link preset", LINK_PRESETS) or preset
    changes = tuple(
        change
        for key in LINK_KEYS.values()
        if (value := fields.get(key.name)) is not None and (change := _change(problems, key, value)) is not None
    )
    bursts = [key for key in BURSTS if key in fields]
    if "loss" in fields and bursts:
        problems.add(f"loss and {bursts[0]} exclude each other", fields.at(bursts[0]), "loss replaces the bursts")
    return LinkSpec(preset=preset, changes=changes)


def _change(problems: Problems, key: LinkKey, node: Node) -> LinkChange | None:
    if not isinstance(node, Mapping):
        value = _value(problems, key, node)
        return None if value is None else LinkChange(key=key.name, up=value, down=value)
    if not key.both_ways:
        problems.add(f"{key.name} is the same both ways", node.place, "write one value")
        return None
    fields = Fields(node, problems, key.name, WAYS)
    up, down = (None if (way := fields.get(name)) is None else _value(problems, key, way) for name in ("up", "down"))
    if not node.entries:
        problems.add(f"{key.name} has neither up nor down", node.place, "write {up: 5 %} or one value for both")
    return None if up is None and down is None else LinkChange(key=key.name, up=up, down=down)


def _value(problems: Problems, key: LinkKey, node: Node) -> float | None:
    match key.kind:
        case "flag":
            answer = problems.yes_or_no(node, key.name)
            return None if answer is None else float(answer)
        case "number":
            return number(problems, node, key.name, most=1.0 if key.name == "corrupt" else MAX_SPREAD)
        case "count":
            count = problems.integer(node, key.name, 1, MAX_QUEUE)
            return None if count is None else float(count)
        case "duration":
            return quantity(problems, node, key.name, "duration", most=MAX_DELAY_S)
        case "rate":
            return quantity(problems, node, key.name, "rate", zero=False)
        case "size":
            return quantity(problems, node, key.name, "size", zero=False, most=MAX_MTU_BYTES)
        case "share":
            return quantity(problems, node, key.name, "share")
