"""`expect` and `never`, of a step and of the whole run → what the judge holds against the events (scenarios §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.scenario.forms import EXAMPLES, read_form
from simulator.scenario.matchers import matcher, named, never_list
from simulator.scenario.model import EventMatcher, SeenInOrder, WholeRun
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import subject
from simulator.words import EVENTS, MODIFIERS, STEP_FORMS, WHOLE_RUN_FORMS, nearest

LEADERS = ("sequence", "exactly", "after")
"""Forms that tell what an entry is, although another key of it (`each`, `never`) is a form of its own."""

COUNTED = ("times", "at_least", "at_most", "by", "sees")
"""Keys that belong to a form, and say that one was meant."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a step asks of its events."""

    ordered: tuple[SeenInOrder, ...] = ()
    forms: tuple[WholeRun, ...] = ()
    never: tuple[EventMatcher, ...] = ()


# --- of a step --------------------------------------------------------------------------------------------------------


def awaited(reading: Reading, fields: Fields, *, has_subjects: bool) -> Awaited:
    """`expect` and `never` of a step. `has_subjects`: False where only `of` can say whom an entry is about.

    An empty list asks for nothing, as if it were not there: cases of one story may differ in that.
    """
    expect, never = fields.get("expect"), fields.get("never")
    ordered: list[SeenInOrder] = []
    forms: list[WholeRun] = []
    entries = () if expect is None else reading.problems.items(expect, "expect", "[ciotConnect]")
    for entry in entries:
        if isinstance(entry, Mapping) and (form := _form_of(entry)) is not None:
            found = _step_form(reading, entry, form)
            forms += () if found is None else (found,)
        else:
            seen = _seen(reading, entry, has_subjects)
            ordered += () if seen is None else (seen,)
    return Awaited(tuple(ordered), tuple(forms), () if never is None else never_list(reading, never))


def _step_form(reading: Reading, entry: Mapping, form: Text) -> WholeRun | None:
    if form.value not in STEP_FORMS:
        hint = f"put it into the top-level expect: {EXAMPLES[form.value]}"
        reading.problems.add(f"{form.value} is about the whole run", form.place, hint)
        return None
    return _one_form(reading, entry, form)


def _seen(reading: Reading, node: Node, has_subjects: bool) -> SeenInOrder | None:
    problems = reading.problems
    if not isinstance(node, Mapping):
        found, of_node = matcher(reading, node), None
    else:
        rest = [(key, value) for key, value in node.entries if key.value != "of"]
        of_node = next((value for key, value in node.entries if key.value == "of"), None)
        if len(rest) == 1:
            found = named(reading, *rest[0])
        else:
            found = None
            problems.add("an entry of expect is one event with its data", node.place, _instead(rest))
    if of_node is not None:
        of = subject(reading, of_node, "of")
        return None if found is None or of is None else SeenInOrder(matcher=found, of=of)
    if not has_subjects and found is not None:
        problems.add(f"nobody is said to see {found.name}", node.place, f"write {{{found.name}: {{}}, of: meters}}")
    return None if found is None else SeenInOrder(matcher=found, of=None)


def _instead(entries: Sequence[tuple[Text, Node]]) -> str:
    """What an entry with several keys was probably meant to be."""
    strange = [key.value for key, _ in entries if key.value not in EVENTS]
    hint = "write {upstreamMessage: {…}, of: meters}"
    event = next((key.value for key, _ in entries if key.value in EVENTS), None)
    beside = next((word for word in strange if word in MODIFIERS and word not in COUNTED), None)
    if beside is not None:
        return f"{beside} belongs beside the verb: {{upload: meters, {beside}: …, expect: […]}}"
    if event is not None and strange and all(word in EVENTS[event].data for word in strange):
        return (
            f"what {event} must contain stands below it: indent {strange[0]}, or write {{{event}: {{{strange[0]}: …}}}}"
        )
    near = next((near for word in strange if (near := nearest(word, WHOLE_RUN_FORMS)) is not None), None)
    if near is not None:
        return f"did you mean '{near}'? or {hint}"
    if any(word in COUNTED for word in strange):
        return "write {each: meters, sees: upstreamMessage, times: 3}, with by: OBSERVER if another listens"
    return hint


# --- of the whole run -------------------------------------------------------------------------------------------------


def whole_run(reading: Reading, node: Node | None) -> tuple[WholeRun, ...]:
    """The top-level `expect` list."""
    if node is None:
        return ()
    entries = reading.problems.items(node, "expect", f"- {EXAMPLES['rate']}")
    return tuple(found for entry in entries if (found := _whole(reading, entry)) is not None)


def _whole(reading: Reading, node: Node) -> WholeRun | None:
    problems = reading.problems
    if isinstance(node, Text) and node.value in EVENTS:
        problems.add(
            f"{node.value} alone says not who sees it", node.place, f"write {{each: meters, sees: {node.value}}}"
        )
        return None
    mapping = problems.mapping(node, "an expectation", EXAMPLES["each"])
    if mapping is None:
        return None
    form = _form_of(mapping)
    if form is None:
        _formless(reading, mapping)
        return None
    return _one_form(reading, mapping, form)


def _formless(reading: Reading, mapping: Mapping) -> None:
    keys = mapping.words()
    if any(key in EVENTS for key in keys):
        reading.problems.add("nobody is said to see this", mapping.place, f"write {EXAMPLES['each']}")
    elif keys:
        first = mapping.entries[0][0]
        reading.problems.add(f"no expectation {shown(first.value)}", first.place, meant(first.value, WHOLE_RUN_FORMS))
    else:
        reading.problems.add("an empty expectation", mapping.place, f"write {EXAMPLES['each']}")


# --- both -------------------------------------------------------------------------------------------------------------


def _form_of(mapping: Mapping) -> Text | None:
    """The key that says which form an entry has, or None if it is none."""
    forms = [key for key, _ in mapping.entries if key.value in WHOLE_RUN_FORMS]
    return next((key for key in forms if key.value in LEADERS), forms[0] if forms else None)


def _one_form(reading: Reading, mapping: Mapping, form: Text) -> WholeRun | None:
    other = next((key for key in _others(mapping, form) if key.value in WHOLE_RUN_FORMS), None)
    if other is not None:
        if form.value in ("sequence", "exactly") and other.value in ("some", "none"):
            hint = f"it is held of each member: {EXAMPLES[form.value]}"
            reading.problems.add(f"{form.value} with {other.value}", other.place, hint)
        else:
            first, second = (form, other) if form.place < other.place else (other, form)
            reading.problems.add(f"both {first.value} and {second.value}", second.place, "write two expectations")
        return None
    return read_form(reading, mapping, form.value)


def _others(mapping: Mapping, form: Text) -> Sequence[Text]:
    """The other keys, without the `each` that says who sees a sequence."""
    beside = "each" if form.value in ("sequence", "exactly") else ""
    return [key for key, _ in mapping.entries if key is not form and key.value != beside]
