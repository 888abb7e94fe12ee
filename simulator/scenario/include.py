"""`include:` → groups and collections of other files, never their steps (scenarios §2).

An included file is a fragment (`devices`, `collections`, `include`), or a whole scenario of which only these are read.
Each file is read once, whoever includes it, and its mistakes are told with the place in it. All files must lie near
the scenario, so that what is written in a file cannot make the program look around on the machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from simulator.errors import Place, ScenarioErrors
from simulator.scenario.cases import CASES
from simulator.scenario.nodes import Items, Mapping, Node, Text, Tree, refused
from simulator.scenario.problems import Fields
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.source import MAX_BYTES, decoded, parse, read_bytes
from simulator.words import TOP_KEYS

MAX_DEPTH = 8
"""How far from the scenario a file may be, counted in includes."""

MAX_FILES = 32
MAX_ALL_BYTES = MAX_BYTES
"""Of all included files: a parser of YAML is slow, and no set of files shall keep it busy for seconds."""

SHARED = ("devices", "collections", "include")
"""What is read of an included file."""
PROSE = ("about", "tags")
"""What a fragment may hold besides."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one file of a scenario declares, and the folder that its own file names start from."""

    folder: Path | None
    collections: Node | None
    devices: Node | None


def sources(reading: Reading, fields: Fields, file: str) -> list[Source]:
    """The files of a scenario, the included ones first, in the order in which they are included."""
    own = Source(reading.folder, fields.get("collections"), fields.get("devices"))
    node = fields.get("include")
    if node is None:
        return [own]
    if reading.folder is None:
        reading.problems.add("an include needs a scenario in a folder", fields.at("include"))
        _names_unknown(reading)
        return [own]
    walk = _Walk(reading, _around(reading.folder))
    walk.include(node, reading.folder, (_real(reading.folder / Path(file).name),))
    return [*walk.found, own]


@dataclass(slots=True)
class _Walk:
    """Goes through what includes what."""

    reading: Reading
    around: Path
    """All files must lie in it or below."""
    found: list[Source] = field(default_factory=list)
    known: dict[Path, None] = field(default_factory=dict)
    size_bytes: int = 0

    def include(self, node: Node, folder: Path, way: tuple[Path, ...]) -> None:
        """`way`: the files that led here, the scenario first."""
        problems = self.reading.problems
        if isinstance(node, Items) and not node.items:
            problems.add("include is empty", node.place, "name a file, or leave include out")
        seen: set[Path] = set()
        for item in node.items if isinstance(node, Items) else (node,):
            text = problems.word(item, "include")
            path = None if text is None else self._place(text, folder, way)
            if text is None or path is None:
                _names_unknown(self.reading)
                continue
            if path in seen:
                problems.add(f"{shown(text.value)} is included twice", text.place, "remove one of them")
            seen.add(path)
            if path not in self.known:
                self.known[path] = None
                self._read(text, folder, path, way)

    def _place(self, text: Text, folder: Path, way: tuple[Path, ...]) -> Path | None:
        """The file that is meant, with links followed; None (and noted) if it may not be included."""
        problems = self.reading.problems
        try:
            path = (folder / text.value).resolve()
            near = path.is_relative_to(self.around)
        except (OSError, ValueError, RuntimeError):
            problems.add(f"{shown(text.value)} is no file name", text.place)
            return None
        if not near:
            hint = "an included file lies in the scenario's folder, in the one around it, or below"
            problems.add(f"{shown(text.value)} is too far away", text.place, hint)
        elif path in way:
            what = "itself" if path == way[-1] else f"{shown(text.value)}, which includes it"
            problems.add(
                f"the file includes {what}", text.place, "groups are declared in one place; remove this include"
            )
        elif len(way) > MAX_DEPTH:
            problems.add(f"more than {MAX_DEPTH} includes deep", text.place, "include the file directly")
        elif path not in self.known and len(self.known) >= MAX_FILES:
            problems.add(f"more than {MAX_FILES} included files", text.place, "put groups together into fewer files")
        else:
            return path
        return None

    def _read(self, text: Text, folder: Path, path: Path, way: tuple[Path, ...]) -> None:
        reading, file = self.reading, os.path.normpath(folder / text.value)
        try:
            content = read_bytes(path, MAX_BYTES, text.place, "an included file", called=text.value)
            self.size_bytes += len(content)
            if self.size_bytes > MAX_ALL_BYTES:
                hint = f"all included files have at most {MAX_ALL_BYTES // 1024} KiB together"
                raise refused(f"{shown(text.value)} is one file too many", text.place, hint)
            tree = self._tree(path, content, file)
        except ScenarioErrors as errors:
            for error in errors.errors:
                reading.problems.add(error.problem, error.at, error.hint)
            _names_unknown(reading)
            return
        for error in tree.errors:
            reading.problems.add(error.problem, error.at, error.hint)
        mapping = reading.problems.mapping(tree.root, "an included file", "devices: {meters: {count: 10}}")
        if mapping is None:
            _names_unknown(reading)
            return
        _check_keys(reading, mapping, file)
        shared = Mapping(tuple((key, node) for key, node in mapping.entries if key.value in SHARED), mapping.place)
        fields = Fields(shared, reading.problems, "an included file", TOP_KEYS)
        here = Path(file).parent
        further = fields.get("include")
        if further is not None:
            self.include(further, here, (*way, path))
        self.found.append(Source(here, fields.get("collections"), fields.get("devices")))

    def _tree(self, path: Path, content: bytes, file: str) -> Tree:
        """Parsed once, however many cases include it. Raises: ScenarioErrors."""
        known = self.reading.files.trees.get((path, file))
        if known is None:
            try:
                known = parse(decoded(content, file), file)
            except ScenarioErrors as errors:
                known = errors
            self.reading.files.trees[path, file] = known
        if isinstance(known, ScenarioErrors):
            raise known
        return known


def _check_keys(reading: Reading, mapping: Mapping, file: str) -> None:
    """A whole scenario keeps its other keys to itself; in a fragment they would be lost."""
    words = mapping.words()
    whole = "scenario" in words and "steps" in words
    for key, _ in mapping.entries:
        if key.value == CASES:
            hint = "put the groups that both need into a file of their own"
            reading.problems.add("a file with cases cannot be included", key.place, hint)
        elif key.value not in TOP_KEYS:
            known = TOP_KEYS if whole else (*SHARED, *PROSE)
            reading.problems.add(
                f"unknown key {shown(key.value)} in an included file", key.place, meant(key.value, known)
            )
        elif not whole and key.value not in (*SHARED, *PROSE):
            hint = "of an included file only devices, collections and include are read"
            reading.problems.add(f"{shown(key.value)} does not belong into an included file", key.place, hint)
    if not any(word in SHARED for word in words):
        hint = "it needs devices, collections or include"
        reading.problems.add("nothing in this file can be included", Place(file), hint)


def _names_unknown(reading: Reading) -> None:
    """A file that could not be read may have declared anything."""
    reading.groups_unread = reading.collections_unread = True


def _around(folder: Path) -> Path:
    """The folder around the scenario's own, unless that is the whole machine."""
    home = _real(folder)
    return home if home.parent == home.parent.parent else home.parent


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
