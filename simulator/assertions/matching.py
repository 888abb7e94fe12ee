"""Whether an event is the one that was meant: the matchers of a scenario, compiled.

The platform speaks in its own ids, a scenario in names. A value counts as equal when it, or the name that the
platform's id stands for, is the one that was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulator.events.records import EventRecord
from simulator.scenario.model import Condition, EventMatcher

Test = Callable[[str], bool]


class Matcher:
    """One compiled event matcher."""

    __slots__ = ("_tests", "name", "source")

    def __init__(self, source: EventMatcher, aliases: Mapping[str, str]) -> None:
        self.source, self.name = source, source.name
        self._tests = tuple((key, test_of(condition, aliases)) for key, condition in source.conditions)

    def accepts(self, event: EventRecord) -> bool:
        """Whether the data is as asked for; the name must have been compared before."""
        for key, test in self._tests:
            value = value_of(event, key)
            if value is None or not test(value):
                return False
        return True

    def closeness(self, event: EventRecord) -> int:
        """How many of the conditions the event meets; -1 if it has another name."""
        if event.name != self.name:
            return -1
        found = ((value_of(event, key), test) for key, test in self._tests)
        return sum(value is not None and test(value) for value, test in found)

    def unmet(self, event: EventRecord) -> list[tuple[str, Condition, str | None]]:
        """What differs: key, what was asked, and what is there (None: nothing)."""
        wrong = []
        for (key, condition), (_, test) in zip(self.source.conditions, self._tests, strict=True):
            value = value_of(event, key)
            if value is None or not test(value):
                wrong.append((key, condition, value))
        return wrong


def value_of(event: EventRecord, key: str) -> str | None:
    """The value that a condition is about; None if the event has none of that name."""
    value = event.data.get(key)
    return event.reason if value is None and key == "reason" else value


def meets(condition: Condition, number: float) -> bool:
    """Whether a number of ours, such as a latency in seconds, is as asked for."""
    match condition.op:
        case "below":
            return number < condition.number
        case "above":
            return number > condition.number
        case "at_least":
            return number >= condition.number
        case "at_most":
            return number <= condition.number
        case "equals":
            return number == condition.number
        case "any":
            return True
    raise ValueError(f"a number cannot be held against {condition.op}")


def test_of(condition: Condition, aliases: Mapping[str, str]) -> Test:
    """Whether a value is as asked for. Aliases grow while the run goes on: they are looked up when it is there."""
    match condition.op:
        case "any":
            return lambda _: True
        case "equals":
            wanted = condition.value
            return lambda value: value == wanted or aliases.get(value) == wanted
        case "not":
            unwanted = condition.value
            return lambda value: value != unwanted and aliases.get(value) != unwanted
        case "one_of":
            choices = frozenset(condition.values)
            return lambda value: value in choices or aliases.get(value) in choices
        case "matches":
            pattern = condition.pattern
            assert pattern is not None, "the loader compiles every pattern"
            return lambda value: (
                pattern.search(value) is not None or (value in aliases and pattern.search(aliases[value]) is not None)
            )
    return lambda value: _numeric(condition, value)


def _numeric(condition: Condition, value: str) -> bool:
    try:
        return meets(condition, float(value))
    except ValueError:
        return False
