"""The JSON Schema of a scenario file (2020-12), built from the tables that the loader reads.

It is as strict as the loader about keys, words and units, so that an editor completes and refuses what the loader
does. What hangs on other parts of a file (is there such a group?) or on quotes, only the loader knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator import words
from simulator.scenario.groups import MAX_CELL, MAX_DEVICES
from simulator.scenario.inet_verbs import CONTENT_TYPE, MAX_CONTENT_TYPE
from simulator.scenario.loader import MAX_SEED
from simulator.scenario.model import HELD
from simulator.scenario.modifiers import REASONED
from simulator.scenario.repetition import MAX_RETRIES, MAX_TIMES, MOBILE
from simulator.scenario.schema_cases import cases, with_cases
from simulator.scenario.schema_cases import definitions as with_parameters
from simulator.scenario.schema_values import (
    COMPARED,
    MISSING,
    NAME,
    TEXT,
    Schema,
    amount,
    any_of,
    certificate,
    clock,
    closed,
    condition,
    connection,
    counted,
    described,
    identity,
    integer,
    items,
    link,
    matching,
    modem,
    named,
    now,
    one_of,
    operator,
    payload,
    platform,
    quantity,
    radio,
    radio_rules,
    rat,
    ref,
    sim,
    statistics,
    subject,
    tags,
    yes_or_no,
)
from simulator.scenario.sim_verbs import CARDS, ROAMING
from simulator.scenario.sims import MAX_PROFILES, MAX_SVN
from simulator.words import VERB, EventWord, Verb, Word, modifiers_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_COUNT = 10**9

_KNOWN_DATA = (*words.DATA_WORDS, *words.DATA_NUMBERS, *words.DATA_DIGITS)
"""Keys of event data of which it is known what they can hold."""

_CHANGES = {"update": ("imsi", "imei", "tags"), "link": ("preset", *words.LINK_KEYS), "roam": ROAMING}
"""Verbs that change nothing without one of these arguments."""


def schema() -> Schema:
    """The whole schema."""
    properties, definitions = _keys(words.TOP_KEYS, _top()), _definitions()
    keys = {name: {"description": word.help} for name, word in words.TOP_KEYS.items() if word.now}
    return {
        "$schema": DIALECT,
        "title": "scenario",
        "description": "A scenario: who takes part, what they do, and what the platform must then emit.",
        **closed(keys, "scenario", "steps"),
        "if": {"required": ["cases"]},
        "then": with_cases(properties, "scenario", "steps"),
        "else": closed(properties, "scenario", "steps"),
        "$defs": {**definitions, **with_parameters(definitions)},
    }


def _top() -> Mapping[str, Schema]:
    text = ref("text")
    return {
        "scenario": text,
        "about": text,
        "tags": items(matching(r"[\w.:-]{1,64}") | {"type": ["string", "number", "boolean"]}, 0)
        | {"uniqueItems": True},
        "seed": integer(0, MAX_SEED),
        "devices": named(ref("group")),
        "collections": named(any_of(MISSING, ref("tags"))),
        "tokens": named(any_of(MISSING, closed(_keys(words.TOKEN_KEYS, _access())))),
        "observers": named(any_of(MISSING, closed(_keys(words.OBSERVER_KEYS, _access())))),
        "steps": items(ref("step")),
        "expect": items(ref("form"), 0),
        "allow": items({"enum": [*words.TROUBLES, *words.INVARIANTS]}, 0) | {"uniqueItems": True},
        "order": {"const": "all"},
        "include": any_of(text, items(text)),
        "needs": items(one_of(words.CAPABILITIES), 0) | {"uniqueItems": True},
        "mutants": ref("mutants"),
        "cases": cases(),
        "operators": named(any_of(MISSING, ref("operator"))),
        "platform": platform(),
    }


def _access() -> Mapping[str, Schema]:
    name = ref("name")
    return {
        "collection": name,
        "token": name,
        "write": yes_or_no(),
        "known": yes_or_no(),
        "reads": ref("frequency"),
    }


def _definitions() -> Mapping[str, Schema]:
    return {
        **{kind: quantity(kind) for kind in words.UNITS},
        "text": TEXT,
        "name": matching(NAME),
        "tags": tags(),
        "subject": subject(),
        "subjects": any_of(ref("subject"), items(ref("subject"))),
        "payload": payload(),
        "link": link(),
        "operator": operator(),
        "statistics": statistics(),
        "number": counted(),
        "checks": any_of(ref("text"), items(ref("text"))),
        "fault": one_of(words.MUTANTS),
        "mutants": _mutants(),
        "group": any_of(MISSING, closed(_keys(words.GROUP_KEYS, _group()))),
        "event": any_of(_event_names(), closed(_events(), minProperties=1, maxProperties=1)),
        "seen": closed(
            {**_events(), "of": described(ref("subject"), "whom it is about")}, "of", minProperties=2, maxProperties=2
        ),
        "events": items(ref("event")),
        **{f"data of {event.name}": _data(event) for event in words.EVENTS.values() if event.now},
        **{_condition_name(key): condition(key) for key in ("", *_KNOWN_DATA)},
        **{_outcome_name(verb): _outcome(verb) for verb in VERB.values() if verb.now and verb.outcomes},
        "step": _step(),
        "form": any_of(*(_form(name) for name, word in words.WHOLE_RUN_FORMS.items() if word.now)),
        "stepForm": any_of(*(_form(name) for name in words.STEP_FORMS if words.WHOLE_RUN_FORMS[name].now)),
    }


def _mutants() -> Schema:
    return closed({word.name: described(ref("checks"), word.help) for word in now(words.MUTANTS)})


def _keys(table: Mapping[str, Word], values: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """A property for each word that this version has; one that nothing is known of may hold anything."""
    return {word.name: described(values.get(word.name, {}), word.help) for word in now(table)}


def _group() -> Mapping[str, Schema]:
    return {
        "count": integer(1, MAX_DEVICES),
        "network": one_of(words.NETWORKS),
        "transport": one_of(words.TRANSPORTS),
        "link": ref("link"),
        "registered": yes_or_no(),
        "identity": identity(),
        "payload": ref("payload"),
        "tags": ref("tags"),
        "collection": ref("name"),
        "stack": one_of(words.STACKS),
        "sim": sim(),
        "modem": modem(),
        "operator": ref("name"),
        "rat": rat(),
        "cell": integer(0, MAX_CELL),
        "certificate": certificate(),
        "connection": connection(),
        "clock": clock(),
    }


# --- events -----------------------------------------------------------------------------------------------------------


def _event_names() -> Schema:
    return any_of(
        *({"const": event.name, "description": event.help} for event in words.EVENTS.values() if event.now)
    )  # fmt: skip


def _events() -> Mapping[str, Schema]:
    """Each event with what its data must contain."""
    return {
        event.name: described(ref(f"data of {event.name}"), event.help)
        for event in words.EVENTS.values()
        if event.now
    }  # fmt: skip


def _data(event: EventWord) -> Schema:
    """What the data of an event must contain. Keys that no platform is known to send are possible."""
    data = {
        "type": "object",
        "properties": {key: _condition(key) for key in event.data},
        "propertyNames": {"not": {"enum": list(words.FACTS)}, "pattern": r"\S"},
        "additionalProperties": _condition(""),
    }
    return any_of(MISSING, data)


def _condition(key: str) -> Schema:
    return ref(_condition_name(key if key in _KNOWN_DATA else ""))


def _condition_name(key: str) -> str:
    return f"condition of {key}" if key else "condition"


# --- steps ------------------------------------------------------------------------------------------------------------


def _step() -> Schema:
    """One mapping for all verbs, so that an editor can offer them; what fits which is told by conditions."""
    verbs = [verb for verb in VERB.values() if verb.now]
    properties = {
        **_keys(words.ARGUMENTS, _arguments()),
        **_keys(words.MODIFIERS, _modifiers()),
        **{verb.name: described(_whom(verb), verb.help) for verb in verbs},
    }
    return closed(
        properties,
        oneOf=[{"required": [verb.name]} for verb in verbs],
        allOf=[_fits(verb) for verb in verbs],
        dependentRequired={"for": ["every"]},
        dependentSchemas={
            "every": any_of({"required": ["for"]}, {"required": ["times"]}),
            "within": any_of({"required": ["expect"]}, {"required": ["never"]}),
            "times": {"not": {"required": ["for"]}},
        },
    )


def _fits(verb: Verb) -> Schema:
    """What may, and what must, stand beside a verb."""
    then: Schema = {"propertyNames": {"enum": [verb.name, *verb.arguments, *modifiers_of(verb)]}}
    if verb.required:
        then["required"] = list(verb.required)
    properties = {"outcome": ref(_outcome_name(verb))} if verb.outcomes else {}
    if verb.name == "move":
        properties["to"] = ref("name")
    if verb.name in words.RETRIED and verb.name != "attach":
        properties["retry"] = {"properties": {"pause": {"not": {"const": MOBILE}}}}
    if properties:
        then["properties"] = properties
    if verb.name in _CHANGES:
        then |= any_of(*({"required": [argument]} for argument in _CHANGES[verb.name]))
    if verb.name == "link":
        then["allOf"] = [radio_rules()]
    if verb.name == "set_clock":
        then["not"] = {"required": list(words.CLOCK_KEYS)}
    return {"if": {"required": [verb.name]}, "then": then}


def _outcome_name(verb: Verb) -> str:
    return "outcome: " + ", ".join(verb.outcomes)


def _outcome(verb: Verb) -> Schema:
    known = [words.OUTCOMES[word] for word in verb.outcomes if word in words.OUTCOMES]
    schemas = [{"const": word.name, "description": word.help} for word in known]
    if "coap" in verb.outcomes:
        schemas.append(described(matching("coap [245]\\.[0-3][0-9]"), "this CoAP code: coap 4.04"))
    reasons = {word: TEXT for word in REASONED if word in verb.outcomes}
    return any_of(*schemas, *([closed(reasons, minProperties=1, maxProperties=1)] if reasons else ()))


def _whom(verb: Verb) -> Schema:
    match verb.name:
        case "wait":
            return ref("duration")
        case "together":
            return items(ref("step"))
        case "repeat":
            return closed({"times": integer(1, MAX_TIMES), "steps": items(ref("step"))}, "times", "steps")
    match verb.whom:
        case "platform":
            return {"const": words.PLATFORM}
        case "fault":
            return ref("fault")
        case "tokens" | "observers":
            return any_of(ref("name"), items(ref("name")))
    return ref("subjects")


def _arguments() -> Mapping[str, Schema]:
    digits = any_of({"type": "integer", "minimum": 0}, matching(f"blank|{HELD}|[0-9]{{0,15}}"))
    return {
        "payload": ref("payload"),
        "path": TEXT,
        "confirmable": yes_or_no(),
        "imsi": digits,
        "imei": digits,
        "tags": ref("tags"),
        "to": ref("subject"),
        "with": ref("subject"),
        "card": one_of(CARDS),
        "profile": integer(1, MAX_PROFILES),
        "rollback": ref("duration"),
        "svn": integer(0, MAX_SVN),
        "operator": ref("name"),
        "rat": rat(),
        "cell": integer(0, MAX_CELL),
        "abruptly": yes_or_no(),
        "which": one_of(words.QUEUED),
        "token": ref("name"),
        "content_type": matching(CONTENT_TYPE.pattern) | {"maxLength": MAX_CONTENT_TYPE},
        "resume": yes_or_no(),
        **dict.fromkeys(words.CLOCK_KEYS, ref("duration")),
        **radio(),
    }


def _modifiers() -> Mapping[str, Schema]:
    duration = ref("duration")
    times, pause = integer(1, MAX_RETRIES), any_of(duration, {"const": MOBILE})
    seen = any_of(ref("event"), ref("seen"), ref("stepForm"))
    return {
        "over": any_of(duration, *_arrivals()),
        "every": duration,
        "for": duration,
        "times": integer(1, MAX_TIMES),
        "at": duration,
        "as": matching(NAME),
        "outcome": any_of(TEXT, {"type": "object"}),
        "retry": any_of(times, closed({"times": times, "pause": pause}, "times")),
        "within": duration,
        "expect": items(seen, 0),
        "never": items(ref("event"), 0),
        "lasting": duration,
    }


def _arrivals() -> list[Schema]:
    tail = rf"(?:-{'[0-9.]+'}|\s+{amount('frequency')})?"
    return [described(matching(word.name + tail), word.help) for word in now(words.ARRIVALS)]


# --- expectations -----------------------------------------------------------------------------------------------------


def _form(name: str) -> Schema:
    """A form of an expectation, told by its key."""
    count = integer(0, MAX_COUNT)
    who, event, events, by = ref("subject"), ref("event"), ref("events"), ref("name")
    counted = {"sees": event, "times": count, "at_least": count, "at_most": count, "by": by}
    share = {"at_least": ref("share"), "at_most": ref("share")}
    bound = any_of({"required": ["at_least"]}, {"required": ["at_most"]})
    alone = {"dependentSchemas": {"times": {"propertyNames": {"not": {"enum": ["at_least", "at_most"]}}}}}
    listed = {"each": who, "by": by}
    forms: Mapping[str, tuple[Schema, Mapping[str, Schema], tuple[str, ...], Mapping[str, Any]]] = {
        "each": (who, counted, ("sees",), alone),
        "some": (who, counted, ("sees",), alone),
        "none": (who, counted, ("sees",), alone),
        "never": (items(event, 0), {"of": who, "by": by}, (), {}),
        "sequence": (events, listed, ("each",), {}),
        "exactly": (items(event, 0), listed, ("each",), {}),
        "after": (
            ref("name"),
            {"sees": event, "within": ref("duration"), "not_before": ref("duration"), "of": who},
            ("sees",),
            {},
        ),
        "state": (who, {"where": _where()}, ("where",), {}),
        "rate": (ref("name"), share, (), bound),
        "dropped": (ref("name"), {"at_least": count, "at_most": count}, (), {}),
        "latency": (event, {}, (), _percentiles()),
        "statistics": (ref("statistics"), {}, (), {}),
    }
    help_ = words.WHOLE_RUN_FORMS[name].help
    if name not in forms:
        return {"type": "object", "required": [name], "description": help_}
    value, others, required, rules = forms[name]
    return described(closed({name: described(value, help_), **others}, name, *required, **rules), help_)


def _percentiles() -> Mapping[str, Any]:
    bound = matching(rf"{COMPARED}{amount('duration')}")
    return {"patternProperties": {r"^(?:p[0-9]{1,2}(?:\.[0-9]{1,3})?|max)$": bound}, "minProperties": 2}


def _where() -> Schema:
    """Fields of a device; those of its tags and gateways have names that nobody knows beforehand."""
    known = {path: _condition(kind) for path, kind in words.DEVICE_FIELDS.items() if "*" not in path}
    return {
        "type": "object",
        "properties": known,
        "propertyNames": {"pattern": r"^[^\s.]{1,64}(?:\.[^\s.]{1,64}){0,7}$"},
        "additionalProperties": _condition(""),
        "minProperties": 1,
    }
