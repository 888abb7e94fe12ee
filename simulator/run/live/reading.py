"""Python values → what the readers of scenario files take, so that a test and a file are refused in the same words.

Text is read as a file would read it: `bytes="below 64"`, `link="nb-iot-good"`. A number of seconds is a duration, bytes
are a payload, and the place of everything is the line of the test.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from simulator.errors import Place, UsageError
from simulator.run.live.devices import LiveDevice
from simulator.scenario.groups import collections, groups
from simulator.scenario.inet import resolve_copies
from simulator.scenario.matchers import named
from simulator.scenario.model import Collection, EventMatcher, Group, PlatformOptions, Step, Subject
from simulator.scenario.nodes import Items, Node, Text
from simulator.scenario.nodes import Mapping as MappingNode
from simulator.scenario.possible import Able
from simulator.scenario.problems import Problems
from simulator.scenario.reading import Reading
from simulator.scenario.sims import resolve_clones
from simulator.scenario.step_keys import verb_key
from simulator.scenario.steps import step

SECONDS: Final = (
    "every", "for", "over", "at", "lasting", "rollback", "delay", "wake", "tail",
    "fast", "slow", "close_after", "renew_after", "timeout",
)  # fmt: skip
"""Keys whose value may be a bare number here: of seconds."""

OTHERWISE: Final = {
    "expect": "await rehearsal.expect(…) after it",
    "never": "await rehearsal.never(…) after it",
    "within": "rehearsal.expect(…, within_s=…)",
    "together": "rehearsal.spawn(…)",
    "repeat": "a loop",
    "wait": "await rehearsal.wait(seconds)",
}
"""What a file says beside a verb, or as one, and Python has its own way for."""

_OURS: Final = Path(__file__).resolve().parents[2]


def place_of_caller() -> Place:
    """The line of the test that is being carried out: the nearest one outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    path, here = Path(frame.f_code.co_filename), Path.cwd()
    where = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    column = -1 if where[2] is None else where[2]
    return Place(str(path.relative_to(here) if path.is_relative_to(here) else path), frame.f_lineno, column + 1)


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(_OURS)


class Words:
    """Reads what a test says; knows the groups and collections that it has named so far."""

    def __init__(self) -> None:
        self._reading = Reading(Problems(), None)

    @property
    def groups(self) -> tuple[Group, ...]:
        """All so far, in the order of naming."""
        return tuple(self._reading.groups.values())

    @property
    def collections(self) -> tuple[Collection, ...]:
        """All so far but the default one."""
        return tuple(self._reading.collections.values())

    def collection(self, name: str, tags: Mapping[str, object], place: Place) -> Collection:
        """A further collection. Raises: ScenarioErrors."""
        self._must_be_new(name, self._reading.collections, "collection", place)
        reading = self._begin()
        try:
            collections(reading, _mapping({name: dict(tags) or None}, place))
            reading.problems.raise_if_any()
        except Exception:
            reading.collections.pop(name, None)
            raise
        return reading.collections[name]

    def group(self, name: str, what: Mapping[str, object], place: Place) -> Group:
        """A further group. Raises: ScenarioErrors."""
        self._must_be_new(name, self._reading.groups, "group", place)
        reading = self._begin()
        try:
            groups(reading, _mapping({name: what}, place))
            resolve_clones(reading)
            resolve_copies(reading)
            reading.problems.raise_if_any()
        except Exception:
            reading.groups.pop(name, None)
            reading.flawed.pop(name, None)
            raise
        return reading.groups[name]

    def step(self, verb: str, whom: object, what: Mapping[str, object], place: Place) -> Step:
        """A step. Raises: ScenarioErrors, UsageError."""
        said = {key.rstrip("_"): value for key, value in what.items()}  # `for` is a word of Python
        for word in (verb, *said):
            if word in OTHERWISE:
                raise UsageError(f"{place}: {word} is said otherwise here: {OTHERWISE[word]}")
        reading = self._begin()
        mapping = _mapping({verb: whom, **said}, place)
        key = verb_key(reading, mapping)
        read = None if key is None else step(reading, mapping, key)
        reading.problems.raise_if_any()
        assert read is not None, "what could not be read was noted"
        return read

    def event(
        self,
        name: str,
        conditions: Mapping[str, object],
        place: Place,
        *,
        of: Subject,
        must: bool,
        steps: Sequence[Step],
    ) -> EventMatcher:
        """An event matcher.

        Args:
            of: whose event it would be.
            must: whether it has to come.
            steps: what was done so far, by which devices may be taken for others.
        Raises: ScenarioErrors: it cannot be read, or `of` can never show it.
        """
        reading = self._begin()
        matcher = named(reading, Text(name, place), _mapping(conditions, place) if conditions else None)
        reading.problems.raise_if_any()
        assert matcher is not None, "what could not be read was noted"
        problem = Able(reading.groups, steps, PlatformOptions()).problem(matcher, (of,), must=must)
        if problem is not None:
            reading.problems.add(problem[0], place, problem[1])
            reading.problems.raise_if_any()
        return matcher

    def _begin(self) -> Reading:
        """Mistakes of one line are not those of the next."""
        self._reading.problems = Problems()
        self._reading.clones.clear()
        self._reading.certificates.clear()
        return self._reading

    @staticmethod
    def _must_be_new(name: str, known: Mapping[str, object], what: str, place: Place) -> None:
        if name in known:
            raise UsageError(f"{place}: a second {what} '{name}' (choose another name)")


def _mapping(values: Mapping[str, object], place: Place) -> MappingNode:
    return MappingNode(
        tuple((Text(key, place), _node(value, place, key)) for key, value in values.items()), place
    )  # fmt: skip


def _node(value: object, place: Place, key: str = "") -> Node:
    match value:
        case None:
            return Text("", place)
        case bool():
            return Text("yes" if value else "no", place)
        case int() | float() if key in SECONDS:
            return Text(f"{_decimal(value)} s", place)
        case int() | float():
            return Text(_decimal(value), place)
        case str():
            return Text(value, place, quoted=not value)
        case LiveDevice():
            return Text(value.name, place)
        case bytes():
            return _mapping({"hex": value.hex()}, place)
        case Mapping():
            return _mapping(value, place)
        case list() | tuple():
            return Items(tuple(_node(item, place) for item in value), place)
    raise UsageError(f"{place}: {key}: a {type(value).__name__} means nothing here (write text, numbers or bytes)")


def _decimal(number: float) -> str:
    """Without an exponent, which quantities do not have."""
    return str(number) if isinstance(number, int) else f"{number:.9f}".rstrip("0").rstrip(".")
