"""`expect`, of a step and of the whole run, and `never` → what the judge holds against the events (scenarios §4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, cast

from simulator.scenario.matchers import below_or_above, matcher, named
from simulator.scenario.model import (
    Condition,
    Counted,
    EventMatcher,
    LatencyOf,
    NeverSeen,
    RateOf,
    SeenInOrder,
    Subject,
    WholeRun,
)
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import NOT_YET, Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import subject
from simulator.words import EVENTS, VERB, WHOLE_RUN_FORMS, Word

PERCENTILE = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,3})?)")
MAX_COUNT = 10**9

EXAMPLES = {
    "each": "{each: meters, sees: upstreamMessage, times: 3}",
    "some": "{some: meters, sees: upstreamMessage}",
    "none": "{none: meters, sees: deviceRemoved}",
    "rate": "{rate: upload, at_least: 99 %}",
    "latency": "{latency: upstreamMessage, p99: below 2 s}",
    "never": "{never: [imeiMismatch]}",
}

AT_LEAST = Word("at_least", "no fewer than that")
AT_MOST = Word("at_most", "no more than that")
OF = Word("of", "whom it is about")


# --- of a step --------------------------------------------------------------------------------------------------------


def step_expect(reading: Reading, node: Node, *, has_subjects: bool) -> tuple[SeenInOrder, ...]:
    """The `expect` list of a step. `has_subjects`: False where only `of` can say whom an entry is about."""
    entries = reading.problems.items(node, "expect", "[ciotConnect]")
    if isinstance(node, Items) and not entries:
        reading.problems.add("expect is empty", node.place, "name an event, or leave expect out")
    return tuple(found for entry in entries if (found := _seen(reading, entry, has_subjects)) is not None)


def never_list(reading: Reading, node: Node) -> tuple[EventMatcher, ...]:
    """A `never` list, of a step or of the whole run."""
    entries = reading.problems.items(node, "never", "[ciotConnect]")
    if isinstance(node, Items) and not entries:
        reading.problems.add("never is empty", node.place, "name an event, or leave never out")
    return tuple(found for entry in entries if (found := matcher(reading, entry)) is not None)


def _seen(reading: Reading, node: Node, has_subjects: bool) -> SeenInOrder | None:
    problems = reading.problems
    of: Subject | None = None
    of_node: Node | None = None
    if not isinstance(node, Mapping):
        found = matcher(reading, node)
    else:
        rest = [(key, value) for key, value in node.entries if key.value != "of"]
        of_node = next((value for key, value in node.entries if key.value == "of"), None)
        events = [(key, value) for key, value in rest if key.value in EVENTS or key.value in WHOLE_RUN_FORMS]
        if len(rest) == 1:
            found = named(reading, *rest[0])
        elif events and any(key.value in WHOLE_RUN_FORMS for key, _ in events):
            # One clear sentence about the form instead of one for each of its keys.
            form = next(key for key, _ in events if key.value in WHOLE_RUN_FORMS)
            found = named(reading, form, None)
        else:
            problems.add(
                "an entry of expect is one event with its data", node.place, "write {upstreamMessage: {…}, of: meters}"
            )
            found = None
    if of_node is not None:
        of = subject(reading, of_node, "of")
    elif not has_subjects and found is not None:
        problems.add(f"nobody is said to see {found.name}", node.place, f"write {{{found.name}: {{}}, of: meters}}")
    return None if found is None else SeenInOrder(matcher=found, of=of)


# --- of the whole run -------------------------------------------------------------------------------------------------


def whole_run(reading: Reading, node: Node | None) -> tuple[WholeRun, ...]:
    """The top-level `expect` list."""
    if node is None:
        return ()
    entries = reading.problems.items(node, "expect", f"- {EXAMPLES['rate']}")
    return tuple(found for entry in entries if (found := _form(reading, entry)) is not None)


def _form(reading: Reading, node: Node) -> WholeRun | None:
    problems = reading.problems
    if isinstance(node, Text) and node.value in EVENTS:
        problems.add(
            f"{node.value} alone says not who sees it", node.place, f"write {{each: meters, sees: {node.value}}}"
        )
        return None
    mapping = problems.mapping(node, "an expectation", EXAMPLES["each"])
    if mapping is None:
        return None
    forms = [key for key, _ in mapping.entries if key.value in WHOLE_RUN_FORMS]
    # `{sequence: […], each: G}` and `{after: NAME, sees: E}` are told by their first word, whatever else they hold.
    later = next((key for key in forms if not WHOLE_RUN_FORMS[key.value].now), None)
    if later is not None:
        problems.add(f"{shown(later.value)} is {NOT_YET}", later.place, WHOLE_RUN_FORMS[later.value].help)
        return None
    if not forms:
        _formless(reading, mapping)
        return None
    if len(forms) > 1:
        problems.add(f"both {forms[0].value} and {forms[1].value}", forms[1].place, "write two expectations")
        return None
    return _FORMS[forms[0].value](reading, mapping, forms[0].value)


def _formless(reading: Reading, mapping: Mapping) -> None:
    keys = mapping.words()
    if any(key in EVENTS for key in keys):
        reading.problems.add("nobody is said to see this", mapping.place, f"write {EXAMPLES['each']}")
    elif keys:
        first = mapping.entries[0][0]
        reading.problems.add(f"no expectation {shown(first.value)}", first.place, meant(first.value, WHOLE_RUN_FORMS))
    else:
        reading.problems.add("an empty expectation", mapping.place, f"write {EXAMPLES['each']}")


def _fields(reading: Reading, mapping: Mapping, form: str, *words: Word) -> Fields:
    known = {form: WHOLE_RUN_FORMS[form], **{word.name: word for word in words}}
    return Fields(mapping, reading.problems, f"{form}", known)


def _counted(reading: Reading, mapping: Mapping, form: str) -> Counted | None:
    problems = reading.problems
    times = Word("times", "exactly that often")
    fields = _fields(reading, mapping, form, Word("sees", "an event"), times, AT_LEAST, AT_MOST)
    who, what = fields.get(form), fields.get("sees")
    whom = None if who is None else subject(reading, who, form)
    if what is None:
        if not fields.names("sees"):
            problems.add(f"{form} without sees", mapping.place, f"write {EXAMPLES[form]}")
        seen = None
    else:
        seen = matcher(reading, what)
    exact, least, most = (
        None if (value := fields.get(key)) is None else problems.integer(value, key, 0, MAX_COUNT)
        for key in ("times", "at_least", "at_most")
    )
    if "times" in fields and ("at_least" in fields or "at_most" in fields):
        problems.add("times excludes at_least and at_most", fields.at("times"), "keep one of them")
    if least is not None and most is not None and least > most:
        problems.add(f"at_least {least} is more than at_most {most}", fields.at("at_least"))
    if exact is not None:
        least = most = exact
    elif least is None and most is None:
        least = 1
    if whom is None or seen is None:
        return None
    quantifier = cast(Literal["each", "some", "none"], form)
    return Counted(place=mapping.place, quantifier=quantifier, subject=whom, matcher=seen, at_least=least, at_most=most)


def _rate(reading: Reading, mapping: Mapping, form: str) -> RateOf | None:
    problems = reading.problems
    fields = _fields(reading, mapping, form, AT_LEAST, AT_MOST)
    node = fields.get(form)
    verb = None if node is None else problems.word(node, "rate")
    if verb is not None:
        _check_rated(reading, verb)
    least, most = (
        None if (value := fields.get(key)) is None else quantity(problems, value, key, "share")
        for key in ("at_least", "at_most")
    )
    if not fields.names("at_least") and not fields.names("at_most"):
        problems.add("rate without a bound", mapping.place, f"write {EXAMPLES[form]}")
    if least is not None and most is not None and least > most:
        problems.add("at_least is more than at_most", fields.at("at_least"))
    if verb is None:
        return None
    return RateOf(place=mapping.place, verb=verb.value, at_least=least, at_most=most)


def _check_rated(reading: Reading, verb: Text) -> None:
    """A share of acts that no step does would be a share of nothing."""
    if verb.value in reading.verbs_used or verb.value in reading.step_names:
        return
    known = VERB.get(verb.value)
    if known is None:
        names = [*reading.verbs_used, *reading.step_names]
        reading.problems.add(f"no verb or step {shown(verb.value)}", verb.place, meant(verb.value, sorted(names)))
    elif not known.now:
        reading.problems.add(f"verb {shown(verb.value)} is {NOT_YET}", verb.place)
    else:
        reading.problems.add(f"no step does {shown(verb.value)}", verb.place, "its rate would be a share of nothing")


def _latency(reading: Reading, mapping: Mapping, form: str) -> LatencyOf | None:
    problems = reading.problems
    seen: EventMatcher | None = None
    bounds: list[tuple[float, Condition]] = []
    for key, value in mapping.entries:
        if key.value == form:
            seen = matcher(reading, value)
            continue
        percentile = PERCENTILE.fullmatch(key.value)
        rank = 100.0 if key.value == "max" else float(percentile[1]) if percentile else 0.0
        if rank == 0:
            problems.add(f"no percentile {shown(key.value)}", key.place, "write p50, p99, p99.9 or max")
            continue
        bound = below_or_above(problems, value, key.value)
        if bound is not None:
            bounds.append((rank, bound))
    if len(mapping.entries) == 1:
        problems.add("latency without a bound", mapping.place, f"write {EXAMPLES[form]}")
    return None if seen is None else LatencyOf(place=mapping.place, matcher=seen, bounds=tuple(bounds))


def _never(reading: Reading, mapping: Mapping, form: str) -> NeverSeen | None:
    fields = _fields(reading, mapping, form, OF)
    node, of = fields.get(form), fields.get("of")
    whom = None if of is None else subject(reading, of, "of")
    matchers = () if node is None else never_list(reading, node)
    return NeverSeen(place=mapping.place, matchers=matchers, of=whom) if matchers else None


_FORMS: dict[str, Callable[[Reading, Mapping, str], WholeRun | None]] = {
    "each": _counted,
    "some": _counted,
    "none": _counted,
    "rate": _rate,
    "latency": _latency,
    "never": _never,
}
