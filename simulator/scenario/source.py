"""A scenario file's text → a tree of values, each with its place, or the errors that make it unreadable.

YAML 1.2 without its surprises: scalars stay the text they were written as (the key decides the type later), and tags,
anchors, aliases, merge keys, duplicate keys, directives and second documents are refused. Size is checked before the
text is touched, depth while events stream by, and the tree is built without recursion: no file can make this slow.
What a parser of YAML costs to import is paid here, when the first file is read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import Place, ScenarioErrors
from simulator.scenario.nodes import MAX_DEPTH, Builder, Tree, refused, too_deep
from simulator.scenario.show import plain, shown

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

MAX_BYTES = 64 * 1024
"""scenarios §2."""

NO_CHARACTER = re.compile(r"\\U(?!0010|000)[0-9A-Fa-f]{8}")
"""An escape beyond the last character there is."""

BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read(path: Path) -> Tree:
    """The tree of a file. Raises: ScenarioErrors if it cannot be read, is too large, or is not YAML at all."""
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a file, at most `MAX_BYTES`. Raises: ScenarioErrors."""
    return decoded(read_bytes(path, MAX_BYTES, Place(str(path)), "a scenario"), str(path))


def read_bytes(path: Path, most: int, at: Place, what: str, called: str = "") -> bytes:
    """The bytes of a regular file, at most `most` of them.

    `what` says what the file should be, `called` what it is called where somebody asked for it (default: its path).
    Raises: ScenarioErrors at `at`.
    """
    name = shown(called or path)
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise refused(f"{name} is a folder", at, f"name the file that holds {what}")
        # A pipe or a device could block for ever, or never end.
        if not stat.S_ISREG(status.st_mode):
            raise refused(f"{name} is not a regular file", at, f"{what} is read from a plain file")
        if status.st_size > most:
            raise _too_large(name, most, at, what)
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise refused(f"there is no file {name}", at, "check the name and the folder") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise refused(f"{name} cannot be read: {reason}", at) from error
    if len(content) > most:
        raise _too_large(name, most, at, what)
    return content


def parse(text: str, file: str) -> Tree:
    """The tree of a text; `file` is what places are called. Raises: ScenarioErrors."""
    _check_lines(text, file)
    builder = Builder(file)
    for event in _events(text, file):
        builder.take(event)
    return builder.result()


def _too_large(name: str, most: int, at: Place, what: str) -> ScenarioErrors:
    return refused(f"{name} is too large", at, f"{what} has at most {most // 1024} KiB")


def decoded(content: bytes, file: str) -> str:
    """The text of a file's bytes; `file` is what places are called. Raises: ScenarioErrors: not UTF-8."""
    if content.startswith(BYTE_ORDER_MARKS):
        raise refused("the file is UTF-16", Place(file, 1, 1), "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        place = Place(file, before.count(b"\n") + 1, column)
        raise refused(f"byte 0x{content[error.start]:02x} is not UTF-8", place, "save the file as UTF-8") from None


def _check_lines(text: str, file: str) -> None:
    """Brackets that pile up within a line are counted here: the scanner looks a whole line ahead, and slowly.

    Those inside of a text count too; more than 32 of them open on one line is no prose.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count("[") + line.count("{") <= MAX_DEPTH:
            continue
        depth = 0
        for column, character in enumerate(line, 1):
            if character in "[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise too_deep(Place(file, number, column))
            elif character in "]}" and depth:
                depth -= 1


def _events(text: str, file: str) -> Iterator[Event]:
    # Imported late: it costs tens of milliseconds, and only reading a scenario needs it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="base", pure=True).parse(text)
    except ReaderError as error:
        line, column = _position(text, int(error.position))
        raise refused("a control character", Place(file, line, column), "remove it") from None
    except MarkedYAMLError as error:
        raise _syntax(error, text, file) from None
    except (YAMLError, ValueError, OverflowError, LookupError, AssertionError, TypeError, AttributeError) as error:
        # What the parser raises by accident, such as an OverflowError for "\UFFFFFFFF".
        wrong = NO_CHARACTER.search(text)
        place = Place(file, *_position(text, wrong.start())) if wrong else Place(file)
        hint = "characters end at \\U0010FFFF" if wrong else "check quotes, brackets and indentation"
        raise refused(f"not YAML: {plain(str(error), 120)}", place, hint) from error


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[: max(index, 0)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _syntax(error: object, text: str, file: str) -> ScenarioErrors:
    """The parser's complaint in fewer words, with what probably caused it."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    problem = " ".join(str(getattr(error, "problem", None) or getattr(error, "context", None) or error).split())
    lines = text.split("\n")
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    at = line[place.column - 1 : place.column]
    if "\t" in (at, line[: len(line) - len(line.lstrip())]) or "'\\t'" in problem or "tab" in problem.lower():
        return refused("a tab where YAML takes only spaces", place, "indent with spaces")
    hint = ""
    if "mapping values are not allowed" in problem:
        hint = 'quote text that contains ": "'
    elif at in ("%", "@", "`"):
        hint = f"quote text that begins with {at}"
    elif at == "[" and problem.startswith("expected ','"):
        hint = 'quote text that contains [: "steps[1].outcome"'
    elif "undefined alias" in problem or "alias" in problem:
        return refused("an alias", place, "aliases are not used; write the value again")
    elif "found unexpected end of stream" in problem:
        context = getattr(error, "context_mark", None)
        place = Place(file, context.line + 1, context.column + 1) if context else place
        hint = "a quote is not closed"
    elif "did not find expected" in problem or problem.startswith("expected"):
        hint = "check brackets, commas and indentation"
    return refused(f"not YAML: {plain(problem, 120)}", place, hint)
