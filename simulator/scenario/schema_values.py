"""Parts of the JSON Schema that describe values: quantities, words of a table, subjects, payloads, radios, conditions.

A file's scalars are text to the loader, and numbers or booleans to an editor that reads YAML with types: both are
accepted wherever the loader takes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from simulator import words
from simulator.scenario.groups import IDENTITY_KEYS
from simulator.scenario.inet import CIPHERS, CLOCKS
from simulator.scenario.links import BURSTS, WAYS
from simulator.scenario.matchers import MAX_PATTERN
from simulator.scenario.operators import APN, COMPATIBLE, MAX_APN, MAX_GATEWAYS, PLMN, POLICIES
from simulator.scenario.sims import LEAST_PROFILES, MAX_PROFILES, MAX_SVN
from simulator.scenario.statistics import COUNTED, FREE
from simulator.words import LinkKey, Word

Schema = dict[str, Any]

SCALAR = ["string", "number", "boolean"]

# Names may have letters of any script; what a schema calls \w has none but those of ASCII.
LETTERS = "A-Za-z_\u0080-\uffff"
NAME = f"[{LETTERS}][{LETTERS}0-9-]{{0,63}}"
NUMBER = r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?"
AMOUNT = r"[0-9]+(?:\.[0-9]+)?"
COMPARED = rf"(?:{'|'.join(words.COMPARISONS)})\s+"

MISSING: Schema = {"enum": [None, ""]}
"""A key without a value."""
TEXT: Schema = {"type": SCALAR, "pattern": r"\S"}
ANY_TEXT: Schema = {"type": SCALAR}


def described(schema: Schema, help_: str) -> Schema:
    """The same, with words for the reader."""
    return {"description": help_, **schema}


def ref(name: str) -> Schema:
    """A part that stands in `$defs`."""
    return {"$ref": f"#/$defs/{name}"}


def any_of(*schemas: Schema) -> Schema:
    """One of several forms."""
    return {"anyOf": list(schemas)}


def closed(properties: Mapping[str, Schema], *required: str, **more: Any) -> Schema:
    """A mapping without any other keys."""
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {}) | more


def named(value: Schema) -> Schema:
    """A mapping of names that the file makes up."""
    return {"type": "object", "propertyNames": {"pattern": f"^{NAME}$"}, "additionalProperties": value}


def items(item: Schema, least: int = 1) -> Schema:
    """A list."""
    return {"type": "array", "items": item} | ({"minItems": least} if least else {})


def one_of(table: Mapping[str, Word]) -> Schema:
    """A word that this version has."""
    return any_of(*({"const": word.name, "description": word.help} for word in table.values() if word.now))


def integer(least: int, most: int) -> Schema:
    """A whole number."""
    digits = "[0-9]+" if least == 0 else "0*[1-9][0-9]*"
    if most <= 100:
        digits = f"0*(?:{'|'.join(map(str, range(least, most + 1)))})"
    return any_of({"type": "integer", "minimum": least, "maximum": most}, matching(digits))


def number() -> Schema:
    """A number without a unit."""
    return any_of({"type": "number", "minimum": 0}, matching(rf"{AMOUNT}(?:[eE][+-]?[0-9]{{1,3}})?"))


def yes_or_no() -> Schema:
    """Either, in any case of letters."""
    either = "|".join("".join(f"[{c.upper()}{c}]" for c in word) for word in words.YES_OR_NO)
    return any_of({"type": "boolean"}, {"enum": list(words.YES_OR_NO)}, matching(either))


def matching(pattern: str) -> Schema:
    """Text of a form."""
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def quantity(kind: str) -> Schema:
    """A number with its unit."""
    return described(matching(amount(kind)), f"a {kind}, such as {words.EXAMPLES[kind]}")


def amount(kind: str) -> str:
    """The pattern of a number with its unit."""
    units = "|".join(re.escape(unit).replace("/", r"/\s*") for unit in words.UNITS[kind])
    return rf"\s*{AMOUNT}\s*(?:{units})\s*"


def subject() -> Schema:
    """A group, a member, a range or a share."""
    share, member = r"[0-9][^%]{0,20}%\s+of\s+", r"\.[0-9]{1,9}(?:-[0-9]{1,9})?"
    help_ = "a group, a member, a range or a share: meters, meters.3, meters.0-9, 10 % of meters"
    return described(matching(rf"\s*(?:{share})?{NAME}(?:{member})?\s*"), help_)


def tags() -> Schema:
    """Name → value."""
    return {"type": "object", "additionalProperties": ANY_TEXT}


# --- payloads and radios ----------------------------------------------------------------------------------------------


def payload() -> Schema:
    """A size, or a mapping with one key."""
    values = {
        "hex": any_of({"type": "number"}, matching(r"(?:[0-9A-Fa-f]{2}|\s)*")),
        "sensor": one_of(words.SENSORS),
    }
    keys = {word.name: described(values.get(word.name, TEXT), word.help) for word in now(words.PAYLOAD_KEYS)}
    return any_of(quantity("size"), closed(keys, minProperties=1, maxProperties=1))


def link() -> Schema:
    """A preset, or a mapping."""
    return any_of(one_of(words.LINK_PRESETS), closed(radio(), **radio_rules()))


def radio() -> Mapping[str, Schema]:
    """What a mapping of a radio, and the verb `link`, may hold."""
    preset = described(one_of(words.LINK_PRESETS), "the radio as a whole")
    return {"preset": preset, **{key.name: described(_ways(key), key.help) for key in words.LINK_KEYS.values()}}


def radio_rules() -> Schema:
    """`loss` replaces bursts."""
    return {"if": {"required": ["loss"]}, "then": {"propertyNames": {"not": {"enum": list(BURSTS)}}}}


def _ways(key: LinkKey) -> Schema:
    values: Mapping[str, Schema] = {
        "flag": yes_or_no(),
        "number": number(),
        "count": integer(1, 100_000),
        "duration": ref("duration"),
        "rate": ref("rate"),
        "size": ref("size"),
        "share": ref("share"),
    }
    value = values[key.kind]
    ways = {name: described(value, way.help) for name, way in WAYS.items()}
    return any_of(value, closed(ways, minProperties=1)) if key.both_ways else value


def identity() -> Schema:
    """What the platform is told of a device."""
    digits = any_of({"const": "blank"}, {"type": "integer", "minimum": 0}, matching("[0-9]{1,15}"))
    return closed({word.name: described(digits, word.help) for word in IDENTITY_KEYS.values()})


# --- the mobile network -----------------------------------------------------------------------------------------------


def sim() -> Schema:
    """What is in the slot: nothing, or one kind of card."""
    number = integer(LEAST_PROFILES, MAX_PROFILES)
    values = {"profiles": number, "imsis": number, "clone_of": ref("subject")}
    keys = {word.name: described(values[word.name], word.help) for word in now(words.SIM_KEYS)}
    return any_of({"const": "none"}, closed(keys, maxProperties=1))


def modem() -> Schema:
    """The hardware."""
    values = {"svn": integer(0, MAX_SVN), "clone_of": ref("subject")}
    return closed({word.name: described(values[word.name], word.help) for word in now(words.MODEM_KEYS)})


def operator() -> Schema:
    """A mobile network."""
    values = {
        "plmn": any_of({"type": "integer", "minimum": 0, "maximum": 999_999}, matching(PLMN.pattern)),
        "gateways": integer(1, MAX_GATEWAYS),
        "apn": {"type": SCALAR, "pattern": f"^{APN.pattern}$", "maxLength": MAX_APN},
        "rat": rat(),
        "omits": items(one_of(words.OMITTED), 0) | {"uniqueItems": True},
        "retransmit": one_of(words.RETRANSMISSIONS),
        "link": ref("link"),
        "lost_after": ref("duration"),
    }
    return closed({word.name: described(values[word.name], word.help) for word in now(words.OPERATOR_KEYS)})


# --- Internet devices -------------------------------------------------------------------------------------------------


def certificate() -> Schema:
    """What they show of themselves."""
    values = {"of": ref("subject")}
    keys = {word.name: described(values[word.name], word.help) for word in now(words.CERTIFICATE_KEYS)}
    return any_of(one_of(words.CERTIFICATES), closed(keys, *keys))


def connection() -> Schema:
    """How they keep their sessions."""
    values = {
        "resume": yes_or_no(),
        "on_demand": yes_or_no(),
        "close_after": ref("duration"),
        "renew_after": ref("duration"),
        "timeout": ref("duration"),
        "cipher": one_of(CIPHERS),
    }
    return closed({word.name: described(values[word.name], word.help) for word in now(words.CONNECTION_KEYS)})


def clock() -> Schema:
    """What they take the time for."""
    keys = {word.name: described(ref("duration"), word.help) for word in now(words.CLOCK_KEYS)}
    return any_of(one_of(CLOCKS), closed(keys, minProperties=1, maxProperties=1))


def rat() -> Schema:
    """A radio by its name."""
    return {"enum": list(words.RATS)}


def platform() -> Schema:
    """Options of the embedded platform."""
    values = {
        "mismatch_policy": one_of(POLICIES),
        "disconnect_on_update": yes_or_no(),
        "interim": ref("duration"),
        "inet_idle": ref("duration"),
        "transport_compat": one_of(COMPATIBLE),
    }
    return closed({word.name: described(values[word.name], word.help) for word in now(words.PLATFORM_KEYS)})


def statistics() -> Schema:
    """What the server counts. Some names end in words of its own."""
    count = ref("number")
    return {
        "type": "object",
        "properties": dict.fromkeys(COUNTED, count),
        "patternProperties": {rf"^(?:{'|'.join(FREE)})\.(?!\*$)\S(?:.*\S)?$": count},
        "additionalProperties": False,
        "minProperties": 1,
    }


def counted() -> Schema:
    """A number, or what it must be."""
    value = any_of({"type": "integer", "minimum": 0}, matching("0|[1-9][0-9]{0,17}"))
    return any_of(value, matching(rf"{COMPARED}{NUMBER}"), _mapped(value, matches=False))


# --- conditions -------------------------------------------------------------------------------------------------------


def condition(key: str = "") -> Schema:
    """What one value must be; `key`: of an event's data, where it is known what that can hold."""
    if key in words.DATA_WORDS:
        known = words.DATA_WORDS[key]
        value: Schema = {"enum": [*known, *([True] if "true" in known else [])]}
        return any_of({"const": "any"}, value, _mapped(value, compares=False))
    if key in words.DATA_NUMBERS:
        value = any_of({"type": "integer", "minimum": 0}, matching("0|[1-9][0-9]{0,17}"))
        return any_of(value, matching(rf"any|{COMPARED}{NUMBER}"), _mapped(value))
    if key in words.DATA_DIGITS:
        value = any_of({"type": "integer", "minimum": 0}, matching("[0-9]{0,16}"))
        return any_of(value, matching(rf"any|{COMPARED}{NUMBER}"), _mapped(value))
    return any_of(ANY_TEXT, _mapped(ANY_TEXT))


def _mapped(value: Schema, *, compares: bool = True, matches: bool = True) -> Schema:
    bound = any_of({"type": "number"}, matching(NUMBER))
    pattern = {"type": SCALAR, "maxLength": MAX_PATTERN, "description": "a regular expression, searched for"}
    keys: dict[str, Schema] = {
        "one_of": items(value),
        **({"matches": pattern} if matches else {}),
        "not": value,
        **{comparison: bound for comparison in words.COMPARISONS if compares},
    }
    return closed({key: keys[key] for key in words.CONDITION_KEYS if key in keys}, minProperties=1, maxProperties=1)


def now(table: Mapping[str, Word]) -> Iterable[Word]:
    """The words that this version has."""
    return (word for word in table.values() if word.now)
