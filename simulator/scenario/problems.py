"""Collects everything that is wrong with a file, and reads the small things: words, lists, mappings with known keys.

A reading function never raises for a mistake of the file: it notes the problem and returns None (or what it could
read), so that one run shows all mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from simulator.errors import Place, ScenarioError, ScenarioErrors
from simulator.scenario.nodes import MAX_ERRORS, Items, Node, Text, too_many
from simulator.scenario.nodes import Mapping as MappingNode
from simulator.scenario.show import meant, shown
from simulator.words import YES_OR_NO, Word

MAX_INTEGER_DIGITS = 18

NOT_YET = "not in this version"

T = TypeVar("T")


class Problems:
    """What was found so far."""

    def __init__(self, already: Iterable[ScenarioError] = ()) -> None:
        self._errors = list(already)
        # A value that YAML rules already refused is not refused a second time for what it says.
        self._refused = {error.at for error in self._errors}

    def add(self, problem: str, at: Place, hint: str = "") -> None:
        """Note one mistake. Raises: ScenarioErrors when there are too many to be of use."""
        if at in self._refused:
            return
        self._errors.append(ScenarioError(problem, at, hint))
        if len(self._errors) >= MAX_ERRORS:
            self._errors.append(too_many(at.file))
            self.raise_if_any()

    @property
    def count(self) -> int:
        """How many so far."""
        return len(self._errors)

    @property
    def errors(self) -> tuple[ScenarioError, ...]:
        """All of them."""
        return tuple(self._errors)

    def raise_if_any(self) -> None:
        """Raises: ScenarioErrors with everything that was noted."""
        if self._errors:
            raise ScenarioErrors(self._errors)

    # --- small things ---------------------------------------------------------------------------------------------

    def word(self, node: Node, what: str) -> Text | None:
        """A scalar with something in it."""
        if not isinstance(node, Text):
            self.add(f"{what} must be a word, not a {kind(node)}", node.place)
            return None
        if not node.value.strip():
            self.add(f"{what} has no value", node.place)
            return None
        return node

    def one_of(self, node: Node, what: str, words: Mapping[str, Word]) -> str | None:
        """A scalar that is one of the words of a table."""
        text = self.word(node, what)
        if text is None:
            return None
        if (known := words.get(text.value)) is not None:
            if known.now:
                return text.value
            self.add(f"{what} {shown(text.value)} is {NOT_YET}", text.place, has_now(words))
            return None
        self.add(f"no {what} {shown(text.value)}", text.place, meant(text.value, words))
        return None

    def named(self, node: Node, what: str, names: Iterable[str]) -> str | None:
        """A scalar that is one of these names."""
        text = self.word(node, what)
        if text is None:
            return None
        known = tuple(names)
        if text.value in known:
            return text.value
        self.add(f"no {what} {shown(text.value)}", text.place, meant(text.value, known))
        return None

    def yes_or_no(self, node: Node, what: str) -> bool | None:
        """`yes` or `no`."""
        text = self.word(node, what)
        if text is None:
            return None
        answer = YES_OR_NO.get(text.value.lower())
        if answer is None:
            self.add(f"{what} is yes or no, not {shown(text.value)}", text.place)
        return answer

    def integer(self, node: Node, what: str, least: int, most: int) -> int | None:
        """A whole number without a unit."""
        text = self.word(node, what)
        if text is None:
            return None
        digits = text.value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            self.add(f"{what} is a whole number, not {shown(text.value)}", text.place, "write it as 3")
            return None
        number = int(text.value) if len(digits) <= MAX_INTEGER_DIGITS else most + 1
        if not least <= number <= most:
            self.add(f"{what} must be from {least} to {most}, not {shown(text.value)}", text.place)
            return None
        return number

    def items(self, node: Node, what: str, example: str) -> tuple[Node, ...]:
        """The entries of a list; empty (and noted) if it is none."""
        if not isinstance(node, Items):
            self.add(f"{what} must be a list", node.place, f"write it as {example}")
            return ()
        return node.items

    def mapping(self, node: Node, what: str, example: str) -> MappingNode | None:
        """A mapping, or None (and noted)."""
        if not isinstance(node, MappingNode):
            self.add(f"{what} must be a mapping, not a {kind(node)}", node.place, f"write it as {example}")
            return None
        return node

    def pairs(self, node: Node, what: str) -> tuple[tuple[str, str], ...]:
        """Tags: name → value, both text."""
        mapping = self.mapping(node, what, "{name: value}")
        found: list[tuple[str, str]] = []
        for key, value in mapping.entries if mapping else ():
            if not key.value.strip():
                self.add(f"a name in {what} is empty", key.place)
            elif not isinstance(value, Text):
                self.add(f"{shown(key.value)} in {what} must be text, not a {kind(value)}", value.place)
            elif value.missing:
                self.add(f"{shown(key.value)} in {what} has no value", value.place, 'write "" for an empty text')
            else:
                found.append((key.value, value.value))
        return tuple(found)


def kind(node: Node) -> str:
    """What a node is, in a word."""
    return "word" if isinstance(node, Text) else "list" if isinstance(node, Items) else "mapping"


def has_now(words: Mapping[str, Word]) -> str:
    """A hint: what this version has."""
    return "it has: " + ", ".join(name for name, word in words.items() if word.now)


class Fields:
    """A mapping whose keys are known beforehand; unknown keys are noted when it is made."""

    def __init__(self, node: MappingNode, problems: Problems, what: str, words: Mapping[str, Word]) -> None:
        self.place = node.place
        self._values: dict[str, Node] = {}
        self._places: dict[str, Place] = {}
        for key, value in node.entries:
            word = words.get(key.value)
            if word is None:
                problems.add(f"unknown key {shown(key.value)} in {what}", key.place, meant(key.value, words))
            elif not word.now:
                problems.add(f"{shown(key.value)} in {what} is {NOT_YET}", key.place, word.help)
            elif isinstance(value, Text) and value.missing:
                problems.add(f"{shown(key.value)} has no value", key.place, word.help)
            elif key.value not in self._values:
                self._values[key.value] = value
            self._places.setdefault(key.value, key.place)

    def get(self, key: str) -> Node | None:
        """The value of a key; None if it is absent or was refused."""
        return self._values.get(key)

    def at(self, key: str) -> Place:
        """Where the key stands; the mapping's place if it is absent."""
        return self._places.get(key, self.place)

    def names(self, key: str) -> bool:
        """Whether the key is there at all, also if its value was refused."""
        return key in self._places

    def __contains__(self, key: str) -> bool:
        return key in self._values
