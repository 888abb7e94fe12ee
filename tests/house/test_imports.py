"""Who may import whom: every import line of the package, held against one table.

The table is the drawing of the program: data flows from `scenario` to `report`, what knows bytes does not know
sockets, and devices, server and assertions meet only in `run`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "simulator"

ANYBODY = frozenset({"errors", "words", "acts", "clock"})

# Folder or module below simulator/ → what it may import besides itself and ANYBODY.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "words": frozenset(),
    "acts": frozenset(),
    "clock": frozenset(),
    "identity": frozenset(),
    "protocol": frozenset(),
    "events": frozenset(),
    "scenario": frozenset({"identity"}),
    "plan": frozenset({"scenario", "identity"}),
    "wire": frozenset({"protocol"}),
    "devices": frozenset({"plan", "scenario", "protocol", "events", "identity"}),
    "server": frozenset({"protocol", "wire", "identity"}),
    "target": frozenset({"server", "wire", "events"}),
    "assertions": frozenset({"scenario", "events"}),
    "report": frozenset({"assertions", "events"}),
    "fleet": frozenset({"plan", "scenario", "devices", "wire", "target", "protocol", "identity"}),
    "doctor": frozenset({"server", "wire"}),
    "load": frozenset(
        {
            "doctor",
            "plan",
            "scenario",
            "identity",
            "devices",
            "fleet",
            "protocol",
            "wire",
            "target",
            "server",
            "events",
            "assertions",
        }
    ),
}
WIRING = frozenset(MAY_IMPORT)
MAY_IMPORT |= {
    "run": WIRING - {"load"},
    "cli": WIRING | {"run"},
    "pytest_plugin": WIRING | {"run"},
    "__init__": frozenset(),
    "__main__": frozenset({"cli"}),
}

# Each takes a tenth of a second or more to import, so the command that needs it imports it.
HEAVY = (
    "aiocoap", "aiohttp", "asyncio_dgram", "faker", "rich", "ruamel.yaml", "locust", "gevent", "websockets", "hdrh",
    "hypothesis",
)  # fmt: skip


def imported(source: str, where: str) -> list[tuple[int, str]]:
    """Line and full name of everything of ours that the source imports; relative imports count as written out.

    `where` is the module's full name.
    """
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(where.split(".")[: -node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [(node.lineno, name) for name in names if name.split(".")[0] == "simulator"]
    return found


def trespasses(source: str, where: str) -> list[str]:
    """Import lines that the table does not allow to the module `where`."""
    room = where.split(".")[1]
    allowed = MAY_IMPORT.get(room)
    if allowed is None:
        return [f"{where}: '{room}' is not in the table; give it a row that says what it may import"]
    wrong = []
    for line, name in imported(source, where):
        parts = name.split(".")
        target = parts[1] if len(parts) > 1 else ""
        # `from simulator import __version__` and the like reach no room.
        if not target or (len(parts) == 2 and not _is_room(target)):
            continue
        if target != room and target not in allowed | ANYBODY:
            wrong.append(f"{where}:{line}: {room} must not import {name}")
    return wrong


def _is_room(name: str) -> bool:
    return name in MAY_IMPORT or (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts), path)
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def test_every_import_line_is_in_the_table() -> None:
    wrong = [line for where, path in modules() for line in trespasses(path.read_text(encoding="utf-8"), where)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("where", "line", "refused"),
    [
        ("simulator.devices.device", "from simulator.server.span import core", True),
        ("simulator.devices.device", "import simulator.server.app", True),
        ("simulator.devices.device", "from simulator import server", True),
        ("simulator.devices.device", "from ..assertions import verdict", True),
        ("simulator.devices.device", "def late():\n    from simulator.wire import batch", True),
        ("simulator.server.app", "from simulator.events.records import Emitted", True),
        ("simulator.protocol.ids", "from simulator.wire.address import text", True),
        ("simulator.attic.old", "import os", True),
        ("simulator.devices.device", "from simulator.plan import timetable", False),
        ("simulator.devices.device", "from .story import upload", False),
        ("simulator.report.text", "from simulator import __version__", False),
        ("simulator.protocol.ids", "from simulator.errors import RemoteError", False),
    ],
)
def test_the_search_sees_each_form_of_import(where: str, line: str, refused: bool) -> None:
    assert bool(trespasses(line, where)) is refused


@pytest.mark.parametrize("one", ["devices", "server", "assertions"])
def test_devices_server_and_assertions_are_strangers(one: str) -> None:
    assert not MAY_IMPORT[one] & ({"devices", "server", "assertions"} - {one})


def test_the_table_has_no_way_back() -> None:
    """Whoever imports a room cannot be reached from it."""

    def reachable(room: str) -> set[str]:
        seen: set[str] = set()
        todo = list(MAY_IMPORT[room])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo.extend(MAY_IMPORT[other])
        return seen

    assert [room for room in MAY_IMPORT if room in reachable(room)] == []


def test_help_does_not_wait_for_heavy_packages() -> None:
    code = f"import sys, simulator.cli; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "import these in the command that needs them"
