"""The schema once more for files with `cases:`, where a parameter may stand for any value.

Everything that describes a value takes `$name` as well; what describes keys, and what must stand beside what, stays as
it is. Parts without values inside are not written down twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.scenario.cases import MAX_CASES
from simulator.scenario.schema_values import LETTERS, Schema, any_of, closed, described, matching, ref

PARAMETER = "parameter"
OR_PARAMETER = ", or a parameter"

_VALUES = ("properties", "patternProperties")
"""Of these the values are values of the file."""
_RULES = ("dependentSchemas",)
"""Of these the values are rules about what stands beside what."""
_LISTS = ("anyOf", "allOf", "oneOf")
_SAME = ("if", "then", "else", "not")


def cases() -> Schema:
    """The section itself. What its values may hold is known where they are used."""
    name = f"[{LETTERS}][{LETTERS}0-9]{{0,63}}"
    parameters = {"type": "object", "propertyNames": {"pattern": f"^(?!case$){name}$"}}
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^[{LETTERS}][{LETTERS}0-9.-]{{0,63}}$"},
        "additionalProperties": any_of({"enum": [None, ""]}, parameters),
        "minProperties": 1,
        "maxProperties": MAX_CASES,
    }


def definitions(strict: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """For each part of a schema the one that takes parameters, named after it."""
    parameter = described(matching(rf"\$[{LETTERS}][{LETTERS}0-9]{{0,63}}"), "a parameter of the cases: $name")
    found: dict[str, Schema] = {PARAMETER: parameter}
    for name, schema in strict.items():
        open_ = _inside(schema)
        found[name + OR_PARAMETER] = any_of(ref(PARAMETER), ref(name) if open_ == schema else open_)
    return found


def with_cases(properties: Mapping[str, Schema], *required: str) -> Schema:
    """A whole file with cases."""
    return closed({k: v if k == "cases" else _value(v) for k, v in properties.items()}, *required)


def _value(schema: Schema) -> Schema:
    """A value, or a parameter in its place."""
    if "$ref" in schema:
        return _inside(schema)
    return any_of(ref(PARAMETER), _inside(schema))


def _inside(schema: Schema) -> Schema:
    """The same, with parameters for the values inside of it."""
    return {key: _changed(key, value) for key, value in schema.items()}


def _changed(key: str, value: Any) -> Any:
    if key == "$ref":
        return value + OR_PARAMETER
    if key in _VALUES:
        return {name: _value(schema) for name, schema in value.items()}
    if key in _RULES:
        return {name: _inside(schema) for name, schema in value.items()}
    if key in ("items", "additionalProperties") and isinstance(value, dict):
        return _value(value)
    if key in _LISTS:
        return [_inside(schema) for schema in value]
    return _inside(value) if key in _SAME else value
