"""`{statistics: {accepted: 2, "rejected.IMEI mismatch": at_least 1}}` → what the server must have counted (§4)."""

from __future__ import annotations

import re

from simulator.scenario.matchers import condition
from simulator.scenario.model import Condition, StatisticsOf
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, plain, shown
from simulator.scenario.values import check_count
from simulator.words import DISCARDED, REJECTIONS, STATISTICS, STOPS, nearest

EXAMPLE = '{accepted: 2, "rejected.IMEI mismatch": at_least 1}'
COUNTED = tuple(name for name in STATISTICS if "*" not in name)
FREE = {"rejected": "IMEI mismatch", "discarded": "wrong authenticator", "stops": "Lost-Carrier"}
"""What the server counts by something of its own choice (`rejected.*`), each with an example."""
NAMES: dict[str, tuple[str, ...]] = {"rejected": tuple(REJECTIONS), "discarded": DISCARDED, "stops": STOPS}
"""What that may be; a cause of a stop without a name is a number."""
NUMBER = re.compile(r"-[0-9]{1,18}(\.[0-9]{1,18})?|[0-9]{1,18}\.[0-9]{0,17}[1-9]")
"""One that nothing can have been counted to."""
NUMBERS = "a number, at_least 1, or {one_of: [1, 2]}; what was not counted is 0"


def statistics_of(reading: Reading, mapping: Mapping, node: Node | None) -> StatisticsOf | None:
    """The expectation; `node` is None where it was refused already."""
    asked = None if node is None else reading.problems.mapping(node, "statistics", EXAMPLE)
    if asked is not None and not asked.entries:
        reading.problems.add("statistics is empty", asked.place, f"name what is counted: {EXAMPLE}")
    where: list[tuple[str, Condition]] = []
    for key, value in asked.entries if asked else ():
        known, found = _is_known(reading, key), _number(reading, key, value)
        if known and found is not None:
            where.append((key.value, found))
    return StatisticsOf(place=mapping.place, where=tuple(where)) if where else None


def _is_known(reading: Reading, key: Text) -> bool:
    name = key.value
    begin, _, end = name.partition(".")
    if name in COUNTED:
        return True
    if begin not in FREE or not end.strip() or end == "*":
        hint = f'write what is counted: "{begin}.{FREE[begin]}"' if begin in FREE else _meant(name, begin, end)
    elif end in NAMES[begin] or (begin == "stops" and end.isascii() and end.isdigit()):
        return True
    else:
        # Two letters exchanged are as near to IMSI as to IMEI: all of the few are shown.
        hint = f"known: {', '.join(REJECTIONS)}" if begin == "rejected" else meant(end, NAMES[begin])
    reading.problems.add(f"nothing called {shown(name)} is counted", key.place, hint)
    return False


def _meant(name: str, begin: str, end: str) -> str:
    near = None if name in FREE or nearest(name, COUNTED) or not end else nearest(begin, FREE)
    return meant(name, (*COUNTED, *STATISTICS)) if near is None else f"did you mean '{near}.{plain(end)}'?"


def _number(reading: Reading, key: Text, value: Node) -> Condition | None:
    problems, name = reading.problems, plain(key.value)
    if isinstance(value, Text) and value.missing:
        problems.add(f"{name} has no value", value.place, NUMBERS)
        return None
    found = condition(problems, value, name)
    if found is None:
        return None
    if found.op in ("any", "matches"):
        problems.add(f"{name} is a number, which {found.op} says nothing of", value.place, NUMBERS)
        return None
    before = problems.count
    if isinstance(value, Text) and found.op == "equals" and NUMBER.fullmatch(value.value):
        problems.add(f"{name} is a whole number from 0, not {shown(value.value)}", value.place, NUMBERS)
        return None
    check_count(reading, name, value, found)
    return found if problems.count == before else None
