"""Whether a value that a matcher asks for can be there at all.

`never: [{upstreamMessage: {transport: upd}}]` would hold for ever, and prove nothing. Where it is known what the data
of an event can hold, anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from simulator.scenario.model import Condition
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.quantities import NotAQuantity, parse
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.words import (
    COMPARISONS,
    DATA_COLLECTIONS,
    DATA_DIGITS,
    DATA_NUMBERS,
    DATA_WORDS,
    DEFAULT_COLLECTION,
    nearest,
)

COUNT = re.compile(r"0|[1-9][0-9]{0,17}")
LOOSE_COUNT = re.compile(r"\+?0*([0-9]{1,18})(?:\.0+)?")
IDENTITY = re.compile(r"[0-9]{0,16}")


def check_value(reading: Reading, key: str, node: Node, found: Condition) -> None:
    """Note what can never be. `node` is the value as written, `found` the condition that it was read as."""
    if found.op == "any":
        return
    if key in DATA_WORDS:
        _check_words(reading, key, node, found, DATA_WORDS[key])
    elif key in DATA_COLLECTIONS and not reading.collections_unread:
        _check_words(reading, "collection", node, found, (DEFAULT_COLLECTION, *reading.collections))
    elif key in DATA_NUMBERS:
        check_count(reading, key, node, found)
    elif key in DATA_DIGITS and found.op in ("equals", "not", "one_of"):
        for text in _written(node):
            if not IDENTITY.fullmatch(text.value):
                hint = "it has up to 16 digits; write any if it only has to be there"
                reading.problems.add(f"{key} is never {shown(text.value)}", text.place, hint)


def as_size(words: str) -> int | None:
    """The bytes of `64 KiB`; None if it is no size with a unit."""
    try:
        size = parse(words, "size")
    except NotAQuantity:
        return None
    return int(size) if size == int(size) else None


def _check_words(reading: Reading, what: str, node: Node, found: Condition, known: Iterable[str]) -> None:
    names = tuple(known)
    texts = _written(node)
    if found.op in COMPARISONS:
        reading.problems.add(f"{what} is a word, and no number is compared with it", node.place, _words(names))
    elif found.pattern is not None:
        # A collection's own id is not known before the run, so only its name can be held against the pattern.
        if what != "collection" and not any(found.pattern.search(name) for name in names):
            reading.problems.add(f"no {what} matches {shown(found.value)}", texts[0].place, _words(names))
    else:
        for text in texts:
            if text.value not in names:
                reading.problems.add(f"no {what} {shown(text.value)}", text.place, meant(text.value, names))


def check_count(reading: Reading, key: str, node: Node, found: Condition) -> None:
    """Note what no whole number can be."""
    texts = _written(node)
    if found.op in COMPARISONS:
        if (found.op == "below" and found.number <= 0) or (found.op == "at_most" and found.number < 0):
            reading.problems.add(f"{key} is never {found.op} {found.value}", texts[0].place, "it is at least 0")
    elif found.pattern is None:
        for text in texts:
            if not COUNT.fullmatch(text.value):
                hint = _count_hint(key if found.op == "equals" else "", text.value)
                reading.problems.add(f"{key} is a number without a unit, not {shown(text.value)}", text.place, hint)


def _count_hint(key: str, value: str) -> str:
    """`write bytes: "24"` for `24 B`, `024` or `24.0`; `key`: "" where the value stands alone."""
    loose = LOOSE_COUNT.fullmatch(value)
    number = int(loose[1]) if loose else as_size(value)
    first, _, rest = value.partition(" ")
    if number is None and (word := nearest(first, COMPARISONS)) is not None:
        return f"did you mean '{word} {rest or 5}'?"
    written = "24" if number is None else number
    return f'write {key}: "{written}"' if key else f'write "{written}"'


def _words(names: tuple[str, ...]) -> str:
    return "known: " + ", ".join(names)


def _written(node: Node) -> list[Text]:
    """The scalars of a condition: `coap`, those of `{one_of: [udp, coap]}`, that of `{not: coap}`."""
    if isinstance(node, Mapping):
        node = node.entries[0][1]
    if isinstance(node, Items):
        return [item for item in node.items if isinstance(item, Text)]
    return [node] if isinstance(node, Text) else []
