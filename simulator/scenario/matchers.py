"""`{upstreamMessage: {transport: coap, bytes: below 64}}` → an event matcher with its conditions (scenarios §4)."""

from __future__ import annotations

import re
import warnings
from typing import Literal, cast

from simulator.scenario.model import Condition, EventMatcher
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import NOT_YET, Problems, kind
from simulator.scenario.quantities import NotAQuantity, parse
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.values import as_size, check_value
from simulator.words import COMPARISONS, CONDITION_KEYS, EVENTS, FACTS, MODIFIERS, WHOLE_RUN_FORMS, nearest

Comparison = Literal["below", "above", "at_least", "at_most"]

EXAMPLE = "upstreamMessage or {upstreamMessage: {transport: coap}}"
COMPARED = re.compile(rf"({'|'.join(COMPARISONS)})(?:\s+(.*))?", re.DOTALL)
NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")

MAX_PATTERN = 200


def matcher(reading: Reading, node: Node) -> EventMatcher | None:
    """An event's name, or a mapping of its name to what its data must contain. None (and noted) if it is neither."""
    problems = reading.problems
    if isinstance(node, Mapping):
        if len(node.entries) == 1:
            (key, data) = node.entries[0]
            return named(reading, key, data)
        if "of" in node:
            problems.add("of does not belong here", node.place, "write {never: [ciotConnect], of: meters} in an expect")
        else:
            problems.add("an event is one name with its data", node.place, f"write {EXAMPLE}")
        return None
    text = problems.word(node, "an event")
    return None if text is None else named(reading, text, None)


def never_list(reading: Reading, node: Node) -> tuple[EventMatcher, ...]:
    """A `never` list, of a step or of the whole run. An empty one forbids nothing: some cases of a story may."""
    entries = reading.problems.items(node, "never", "[ciotConnect]")
    return tuple(found for entry in entries if (found := matcher(reading, entry)) is not None)


def named(reading: Reading, name: Text, data: Node | None) -> EventMatcher | None:
    """The matcher of an event's name; `data`: None or nothing for any data."""
    problems = reading.problems
    event = EVENTS.get(name.value)
    if event is None:
        if name.value in WHOLE_RUN_FORMS:
            problems.add(f"{shown(name.value)} does not belong here", name.place, "it is an entry of an expect")
        else:
            hint = "put it beside the verb" if name.value in MODIFIERS else meant(name.value, EVENTS)
            problems.add(f"no event {shown(name.value)}", name.place, hint)
        return None
    if not event.now:
        problems.add(f"event {shown(name.value)} is {NOT_YET}", name.place, event.help)
        return None
    if data is None or (isinstance(data, Text) and data.missing):
        return EventMatcher(name=event.name, place=name.place)
    mapping = problems.mapping(data, f"data of {event.name}", "{transport: coap}")
    conditions: list[tuple[str, Condition]] = []
    for key, value in mapping.entries if mapping else ():
        _check_key(problems, key, event.data)
        found = condition(problems, value, key.value)
        if found is not None:
            check_value(reading, key.value, value, found)
            conditions.append((key.value, found))
    return EventMatcher(name=event.name, place=name.place, conditions=tuple(conditions))


def _check_key(problems: Problems, key: Text, known: tuple[str, ...]) -> None:
    """A slip of the pen is refused; a key that resembles none may be one that a real platform adds."""
    if key.value in known:
        return
    if key.value in FACTS:
        hint = "name whom it is about instead: of: meters, or each: meters"
        problems.add(f"{key.value} stands beside the event's data, not in it", key.place, hint)
        return
    if key.value in MODIFIERS:
        hint = f"put it beside the verb: {{upload: meters, {key.value}: …, expect: […]}}"
        problems.add(f"{key.value} is no data of an event", key.place, hint)
        return
    near = nearest(key.value, known)
    if near is not None or not key.value.strip():
        problems.add(f"unknown key {shown(key.value)} in the event's data", key.place, meant(key.value, known))


def condition(problems: Problems, node: Node, what: str) -> Condition | None:
    """What one value must be. A quoted value is text and nothing else; `any` and `below 5` are words unquoted."""
    if isinstance(node, Mapping):
        return _mapped(problems, node, what)
    if isinstance(node, Items):
        problems.add(f"{what} must be a value, not a list", node.place, "write {one_of: [a, b]}")
        return None
    if node.missing:
        problems.add(f"{what} has no value", node.place, 'write any if it only has to be there, or ""')
        return None
    if node.quoted:
        return Condition(op="equals", value=node.value)
    if node.value == "any":
        return Condition(op="any")
    compared = COMPARED.fullmatch(node.value)
    if compared is not None:
        return _compared(problems, node, compared[1], compared[2] or "")
    return Condition(op="equals", value=node.value)


def below_or_above(problems: Problems, node: Node, what: str) -> Condition | None:
    """`below 2 s` and the like; the number is in seconds."""
    text = problems.word(node, what)
    if text is None:
        return None
    compared = COMPARED.fullmatch(text.value)
    if compared is None:
        problems.add(f"{what}: {shown(text.value)} is no bound", text.place, "write it as below 2 s")
        return None
    try:
        seconds = parse(compared[2] or "", "duration")
    except NotAQuantity as error:
        problems.add(f"{what}: {error.problem}", text.place, error.hint)
        return None
    return Condition(op=cast(Comparison, compared[1]), value=compared[2], number=seconds)


def _compared(problems: Problems, node: Text, op: str, words: str) -> Condition | None:
    if NUMBER.fullmatch(words) is None:
        size = as_size(words)
        hint = f"write it as {op} 5, or quote it if it is text" if size is None else f"write it as {op} {size}"
        problems.add(f"{shown(node.value)} compares with no number", node.place, hint)
        return None
    return Condition(op=cast(Comparison, op), value=words, number=float(words))


def _mapped(problems: Problems, node: Mapping, what: str) -> Condition | None:
    if len(node.entries) != 1:
        problems.add(f"{what} takes one condition, not {len(node.entries)}", node.place, "write {one_of: [a, b]}")
        return None
    (key, value) = node.entries[0]
    if key.value not in CONDITION_KEYS:
        problems.add(f"no condition {shown(key.value)}", key.place, meant(key.value, CONDITION_KEYS))
        return None
    if key.value == "one_of":
        values = problems.items(value, "one_of", "[a, b]")
        if isinstance(value, Items) and not values:
            problems.add("one_of is empty", value.place, "write {one_of: [a, b]}")
        texts = [item.value for item in values if isinstance(item, Text)]
        for item in values:
            if not isinstance(item, Text):
                problems.add(f"one_of has a {kind(item)} in it", item.place, "it takes plain values")
        return Condition(op="one_of", values=tuple(texts)) if texts else None
    if not isinstance(value, Text):
        problems.add(f"{key.value} takes a plain value, not a {kind(value)}", value.place)
        return None
    if value.missing:
        problems.add(f"{key.value} has no value", key.place)
        return None
    if key.value == "matches":
        return _pattern(problems, value)
    if key.value == "not":
        return Condition(op="not", value=value.value)
    return _compared(problems, value, key.value, value.value)


def _pattern(problems: Problems, text: Text) -> Condition | None:
    """A regular expression, searched for in the value (so `^` and `$` mean something)."""
    if len(text.value) > MAX_PATTERN:
        problems.add("the pattern is too long", text.place, f"at most {MAX_PATTERN} characters")
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pattern = re.compile(text.value)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        problems.add(
            f"{shown(text.value)} is no regular expression: {error}", text.place, "escape special characters by \\"
        )
        return None
    if _explodes(text.value):
        problems.add(
            f"{shown(text.value)} repeats what repeats, which can take for ever",
            text.place,
            "do not put *, + or | inside a group that is repeated",
        )
        return None
    return Condition(op="matches", value=text.value, pattern=pattern)


REGEX_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^)(:]*:?|[()|]|[*+]|\{[0-9]*,?[0-9]*\}|.", re.DOTALL)


def _explodes(pattern: str) -> bool:
    """Whether a repeated group repeats or chooses inside: such a search can take exponential time."""
    wild = [False]  # for each open group, and the pattern itself: something in it repeats or chooses
    closed = False  # the token before closed a group that did
    for token in REGEX_TOKEN.findall(pattern):
        repeats = token in ("*", "+") or (token[0] == "{" and len(token) > 1)
        if repeats and closed:
            return True
        closed = False
        if token[0] == "(":
            wild.append(False)
        elif token == ")" and len(wild) > 1:
            closed = wild.pop()
            wild[-1] = wild[-1] or closed
        elif repeats or token == "|":
            wild[-1] = True
    return False
