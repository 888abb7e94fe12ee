"""A scenario file as a template: where its parameters stand, and what it becomes with the values of a case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from simulator.errors import Place
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import Problems, kind
from simulator.scenario.show import meant, shown
from simulator.words import nearest

CASE = "case"
"""The parameter that every case has."""
SENTENCE = "scenario"

PARAMETER = re.compile(r"[^\W\d]\w{0,63}")
ALONE = re.compile(rf"\$({PARAMETER.pattern})")
BEGINS = re.compile(r"\$[^\W\d]")
IN_SENTENCE = re.compile(rf"\$(\$|{PARAMETER.pattern})")


@dataclass(slots=True)
class Values:
    """A case as it is written: its parameters, each with its key."""

    name: str
    place: Place
    values: dict[str, tuple[Text, Node]] = field(default_factory=dict)
    flawed: bool = False


def unescaped(text: Text) -> Text:
    """A word, with one dollar where it begins with two."""
    return Text(text.value[1:], text.place, text.quoted) if text.value.startswith("$$") else text


def measure(node: Node) -> tuple[int, int]:
    """How many values a node has, and how many levels."""
    if isinstance(node, Text):
        return 1, 0
    inner = list(map(measure, node.items if isinstance(node, Items) else (value for _, value in node.entries)))
    keys = 0 if isinstance(node, Items) else len(node.entries)
    return 1 + keys + sum(count for count, _ in inner), 1 + max((height for _, height in inner), default=0)


@dataclass(frozen=True, slots=True)
class _Use:
    """A parameter that stands alone, or in the sentence. `depth`: how many lists and mappings are around it."""

    text: Text
    depth: int


class Template:
    """The file without its cases. Trees are at most 32 levels deep, so recursion is no danger."""

    def __init__(self, root: Mapping) -> None:
        self._root = root
        self._errors: list[tuple[str, Place, str]] = []
        self._live: set[tuple[str, Place]] = set()
        """Nodes in which something is filled in, by kind and place; all others are the same in every case."""
        self.uses: dict[str, list[_Use]] = {}
        self.in_sentence: list[str] = []
        self.size, _ = measure(root)
        self._sentence = next((v for k, v in root.entries if k.value == SENTENCE and isinstance(v, Text)), None)
        self._look(root, 0)

    def errors_into(self, problems: Problems, declared: Iterable[Values]) -> None:
        """Note what is wrong whatever the values are: parameters that no case has, and those in the wrong place."""
        for error in self._errors:
            problems.add(*error)
        if any(case.flawed and not case.values for case in declared):
            return  # what it would have had is not known
        known = tuple(dict.fromkeys((*(name for case in declared for name in case.values), CASE)))
        for name, uses in self.uses.items():
            near = nearest(name, known)
            hint = f"did you mean '${near}'?" if near else meant("", [f"${there}" for there in known])
            for use in () if name in known else uses:
                problems.add(f"no parameter {shown(f'${name}')}", use.text.place, f"{hint}; $$ is a dollar")

    def filled(self, case: Values) -> Node:
        """The tree of a case, which has all parameters."""
        return self._filled(self._root, case.name, {name: value for name, (_, value) in case.values.items()})

    def _look(self, node: Node, depth: int) -> bool:
        """Whether something is filled in here, or below."""
        live = False
        if isinstance(node, Text):
            live = self._sentence_word(node) if node is self._sentence else self._word(node, depth)
        elif isinstance(node, Items):
            for item in node.items:
                live |= self._look(item, depth + 1)
        else:
            for key, value in node.entries:
                live |= self._key(key)
                live |= self._look(value, depth + 1)
        if live:
            self._live.add((kind(node), node.place))
        return live

    def _key(self, key: Text) -> bool:
        if BEGINS.match(key.value):
            hint = "a whole mapping may be one; write $$ for a dollar"
            self._errors.append((f"a key cannot be a parameter: {shown(key.value)}", key.place, hint))
        return key.value.startswith("$$")

    def _word(self, text: Text, depth: int) -> bool:
        alone = ALONE.fullmatch(text.value)
        if alone is not None:
            self.uses.setdefault(alone[1], []).append(_Use(text, depth))
            return True
        if BEGINS.match(text.value):
            hint = "a parameter is the whole value, but for the sentence of scenario:; write $$ for a dollar"
            self._errors.append((f"{shown(text.value)} is more than a parameter", text.place, hint))
        return text.value.startswith("$$")

    def _sentence_word(self, text: Text) -> bool:
        for name in IN_SENTENCE.findall(text.value):
            if name != "$":
                self.uses.setdefault(name, []).append(_Use(text, 0))
                self.in_sentence.append(name)
        return "$" in text.value

    def _filled(self, node: Node, case: str, values: MappingOf[str, Node]) -> Node:
        if (kind(node), node.place) not in self._live:
            return node
        if isinstance(node, Items):
            return Items(tuple(self._filled(item, case, values) for item in node.items), node.place)
        if isinstance(node, Mapping):
            return Mapping(tuple(self._entries(node, case, values)), node.place)
        if node is self._sentence:
            return Text(IN_SENTENCE.sub(lambda m: _in_words(m, case, values), node.value), node.place, node.quoted)
        alone = ALONE.fullmatch(node.value)
        if alone is None:
            return unescaped(node)
        return Text(case, node.place, True) if alone[1] == CASE else values.get(alone[1], node)

    def _entries(self, node: Mapping, case: str, values: MappingOf[str, Node]) -> Iterator[tuple[Text, Node]]:
        for key, value in node.entries:
            yield unescaped(key), self._filled(value, case, values)


def _in_words(match: re.Match[str], case: str, values: MappingOf[str, Node]) -> str:
    if match[1] in ("$", CASE):
        return "$" if match[1] == "$" else case
    value = values.get(match[1])
    return value.value if isinstance(value, Text) else match[0]
