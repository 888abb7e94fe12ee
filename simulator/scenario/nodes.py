"""The tree that a scenario file is read into: text, lists and mappings, each with its place; and who builds it.

The builder takes the events of a YAML parser one by one, without recursion, and refuses what scenarios do without:
tags, anchors, aliases, merge keys, duplicate keys, second documents, more than 32 levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.errors import Place, ScenarioError, ScenarioErrors
from simulator.scenario.show import shown

MAX_DEPTH = 32
"""scenarios §2."""

MAX_NODES = 6_000
"""Words, lists and mappings. A large file has fewer unless it is junk; the parser takes up to 100 µs for each."""


MAX_ERRORS = 100
"""More than that is another kind of file, not a scenario with mistakes."""


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as written. `quoted`: by ' or " or as a block, so it is text and nothing else, even if it is empty."""

    value: str
    place: Place
    quoted: bool = False

    @property
    def missing(self) -> bool:
        """Nothing was written: `key:` and the end of the line."""
        return not self.value and not self.quoted


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; keys are different from one another, in the order of the file."""

    entries: tuple[tuple[Text, Node], ...]
    place: Place

    def words(self) -> tuple[str, ...]:
        """The keys as text."""
        return tuple(key.value for key, _ in self.entries)

    def __contains__(self, word: str) -> bool:
        return any(key.value == word for key, _ in self.entries)


Node = Text | Items | Mapping


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file holds, and what is wrong with it as YAML that does not hide the rest (anchors, duplicate keys …)."""

    root: Node
    errors: tuple[ScenarioError, ...]


def refused(problem: str, at: Place, hint: str = "") -> ScenarioErrors:
    """One mistake that ends the reading."""
    return ScenarioErrors([ScenarioError(problem, at, hint)])


def too_deep(at: Place) -> ScenarioErrors:
    """The mistake of a level too many."""
    return refused(f"more than {MAX_DEPTH} levels deep", at, f"a scenario has at most {MAX_DEPTH} levels")


def too_many(file: str) -> ScenarioError:
    """What stands above the first hundred."""
    return ScenarioError(f"{MAX_ERRORS} mistakes or more; the rest is not shown", Place(file))


class _Open:
    """A collection that has begun and not ended."""

    __slots__ = ("entries", "is_mapping", "key", "place", "seen")

    def __init__(self, place: Place, is_mapping: bool) -> None:
        self.place, self.is_mapping = place, is_mapping
        self.entries: list[tuple[Text, Node]] = []
        self.key: Text | None = None
        self.seen: dict[str, Place] = {}


_NO_KEY = Text("", Place(""))


class Builder:
    """Parser events in, a tree out. Faults that do not hide others are collected; the rest end the reading at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._errors: list[ScenarioError] = []
        self._nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """The next event of the stream. Raises: ScenarioErrors: reading on would be of no use."""
        place = self._place(event)
        match type(event).__name__:
            case "ScalarEvent":
                self._check_node(event, place)
                self._add(Text(self._encodable(event.value, place), place, event.style is not None))
            case "MappingStartEvent" | "SequenceStartEvent" as name:
                self._check_node(event, place)
                if len(self._open) >= MAX_DEPTH:
                    raise too_deep(place)
                self._open.append(_Open(place, name == "MappingStartEvent"))
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close()
            case "AliasEvent":
                self._report("an alias", place, "aliases are not used; write the value again")
                self._add(Text("", place, True))
            case "DocumentStartEvent":
                self._start_document(event, place)

    def _close(self) -> None:
        closed = self._open.pop()
        if closed.is_mapping:
            self._add(Mapping(tuple(closed.entries), closed.place))
        else:
            self._add(Items(tuple(node for _, node in closed.entries), closed.place))

    def result(self) -> Tree:
        """The tree. Raises: ScenarioErrors: the file is empty."""
        if self._root is None or (isinstance(self._root, Text) and self._root.missing):
            raise refused("the file is empty", Place(self._file), "begin with `scenario:` and a sentence")
        return Tree(self._root, tuple(self._errors))

    def _start_document(self, event: Any, place: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            raise refused("a second document", place, "one file holds one scenario; remove the line with ---")
        version = event.version
        if version is not None and tuple(version) != (1, 2):
            self._report("scenarios are YAML 1.2", place, "remove the %YAML line")
        if event.tags:
            self._report("a %TAG line", place, "tags are not used in scenarios; remove it")

    def _check_node(self, event: Any, place: Place) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise refused(f"more than {MAX_NODES} values", place, "use groups with count, or several files")
        if event.anchor is not None:
            self._report(
                f"an anchor {shown(f'&{event.anchor}')}",
                place,
                "anchors are not used; write the value where it is needed",
            )
        tag = event.tag
        if tag is not None:
            written = str(tag).replace("tag:yaml.org,2002:", "!!", 1)
            self._report(f"a tag {shown(written)}", place, "tags are not used; the key decides the type")

    def _encodable(self, value: str, place: Place) -> str:
        """Half a surrogate pair, written as an escape, could be neither sent nor printed."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self._report("a character that UTF-8 cannot carry", place, "write bytes as {hex: …}")
            return ""
        return value

    def _add(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        inside = self._open[-1]
        if not inside.is_mapping:
            inside.entries.append((_NO_KEY, node))
        elif inside.key is None:
            inside.key = self._as_key(node, inside)
        else:
            inside.entries.append((inside.key, node))
            inside.key = None

    def _as_key(self, node: Node, inside: _Open) -> Text:
        if not isinstance(node, Text):
            self._report("a key that is a list or a mapping", node.place, "keys are words")
            return Text("", node.place, True)
        if node.value == "<<" and not node.quoted:
            self._report("a merge key <<", node.place, "merge keys are not used in scenarios; write the values out")
        before = inside.seen.get(node.value)
        if before is not None:
            self._report(
                f"key {shown(node.value)} appears twice", node.place, f"first at line {before.line}; remove one of them"
            )
        inside.seen.setdefault(node.value, node.place)
        return node

    def _report(self, problem: str, at: Place, hint: str = "") -> None:
        self._errors.append(ScenarioError(problem, at, hint))
        if len(self._errors) >= MAX_ERRORS:
            raise ScenarioErrors([*self._errors, too_many(self._file)])

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)
