"""Time, chance and threads come in from the edge: nothing else in the package asks the host for them.

A run repeats itself byte for byte only if this holds. Whoever needs the edge writes the file and the reason here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "simulator"

WALL = "wall clock"
CHANCE = "chance of the host"
THREADS = "threads"
LOOP = "loop and sockets"

# Full names; one that ends with a dot stands for everything below it.
HOST: dict[str, str] = {
    "datetime.datetime.now": WALL,
    "datetime.datetime.utcnow": WALL,
    "datetime.datetime.today": WALL,
    "datetime.date.today": WALL,
    "time.time": WALL,
    "time.time_ns": WALL,
    "time.monotonic": WALL,
    "time.monotonic_ns": WALL,
    "time.perf_counter": WALL,
    "time.perf_counter_ns": WALL,
    "time.process_time": WALL,
    "time.clock_gettime": WALL,
    "time.clock_gettime_ns": WALL,
    "time.localtime": WALL,
    "time.gmtime": WALL,
    "time.ctime": WALL,
    "time.strftime": WALL,
    "time.sleep": WALL,
    "random.": CHANCE,
    "os.urandom": CHANCE,
    "os.getrandom": CHANCE,
    "uuid.uuid1": CHANCE,
    "uuid.uuid4": CHANCE,
    "secrets.": CHANCE,
    "threading.": THREADS,
    "concurrent.futures.": THREADS,
    "multiprocessing.": THREADS,
    "asyncio.to_thread": THREADS,
    "asyncio.": LOOP,
    "socket.": LOOP,
    "selectors.": LOOP,
    "select.": LOOP,
}
# A generator with a seed of the run is no chance of the host.
SEEDED = frozenset({"random.Random"})

# The edge: file or folder below simulator/ → what it may use → why.
EDGE: dict[str, dict[str, str]] = {
    "clock.py": {WALL: "the wall clock itself"},
    "wire/": {LOOP: "moves the bytes"},
    "wire/drivers/virtual.py": {THREADS: "asks which thread it is in, in order to refuse others"},
    "target/": {LOOP: "talks to the platform; in virtual time the loop is the virtual one"},
    "server/fronts/": {LOOP: "listens; in virtual time the loop is the virtual one"},
    "server/serve.py": {LOOP: "starts and stops the fronts", CHANCE: "tokens that nobody can guess"},
    "fleet/speakers.py": {LOOP: "gives the second CoAP stack its loop"},
    "doctor/": {LOOP: "tries what sockets can do here"},
    "run/": {LOOP: "turns the loop"},
    "cli/": {LOOP: "starts the loop", WALL: "shows the minutes that a person waits, and names the folder of a run"},
}


@cache
def uses(source: str) -> list[tuple[int, str, str]]:
    """Line, kind and full name of everything in the source that asks the host."""
    nodes = list(ast.walk(ast.parse(source)))
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound, full = (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
                names[bound] = full
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    found = {
        (node.lineno, kind, full)
        for node in nodes
        if isinstance(node, ast.Attribute | ast.Name) and (full := _full_name(node, names)) and (kind := _kind(full))
    }
    # Names that are imported and handed on under another name are used, too.
    imported = {
        (node.lineno, kind, f"{node.module}.{alias.name}")
        for node in nodes
        if isinstance(node, ast.ImportFrom) and not node.level
        for alias in node.names
        if (kind := _kind(f"{node.module}.{alias.name}"))
    }
    return sorted(found | imported)


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])


def _kind(full: str) -> str:
    if full in SEEDED or any(full.startswith(f"{name}.") for name in SEEDED):
        return ""
    for name, kind in HOST.items():
        if full == name or (name.endswith(".") and full.startswith(name)):
            return kind
    return ""


def _within(short: str, place: str) -> bool:
    return short.startswith(place) if place.endswith("/") else short == place


def strays() -> list[str]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        short = str(path.relative_to(PACKAGE))
        found += [
            f"{short}:{line}: {full} ({kind})"
            for line, kind, full in uses(path.read_text(encoding="utf-8"))
            if not any(kind in kinds for place, kinds in EDGE.items() if _within(short, place))
        ]
    return found


def test_only_the_edge_asks_the_host() -> None:
    found = strays()
    assert not found, "take these as arguments, or name the file in EDGE with the reason:\n" + "\n".join(found)


def test_the_list_of_the_edge_is_no_longer_than_it_must_be() -> None:
    used = {
        (str(path.relative_to(PACKAGE)), kind)
        for path in PACKAGE.rglob("*.py")
        for _, kind, _ in uses(path.read_text(encoding="utf-8"))
    }
    unused = [
        f"{place}: {kind}"
        for place, kinds in EDGE.items()
        for kind in kinds
        if not any(_within(short, place) and kind == other for short, other in used)
    ]
    assert not unused, "remove from EDGE:\n" + "\n".join(unused)


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("import time\ntime.monotonic()", [WALL]),
        ("import time as t\nlater = t.sleep", [WALL]),
        ("from time import perf_counter_ns", [WALL]),
        ("from time import time as now\nnow()", [WALL, WALL]),
        ("import datetime\ndatetime.datetime.now()", [WALL]),
        ("from datetime import datetime\ndatetime.utcnow()", [WALL]),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(1)", [LOOP]),
        ("from socket import socket", [LOOP]),
        ("import random\nrandom.choice([1])", [CHANCE]),
        ("from random import random", [CHANCE]),
        ("import secrets\nsecrets.token_hex()", [CHANCE]),
        ("import os\nos.urandom(4)", [CHANCE]),
        ("import uuid\nuuid.uuid4()", [CHANCE]),
        ("import threading\nthreading.Lock()", [THREADS]),
        ("def late():\n    from threading import Lock", [THREADS]),
        ("import random\nrandom.Random(7).random()", []),
        ("from random import Random\nRandom(7)", []),
        ("from datetime import datetime, timezone\ndatetime.fromtimestamp(0, timezone.utc)", []),
        ("def f(time):\n    return time.time", []),
        ("import uuid\nuuid.uuid5(uuid.NAMESPACE_URL, 'x')", []),
    ],
)
def test_the_search_finds_what_it_looks_for(source: str, kinds: list[str]) -> None:
    assert [kind for _, kind, _ in uses(source)] == kinds
