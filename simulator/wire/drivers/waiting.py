"""Who waits for what: the tasks of a loop and where each of them stands, in lines for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

MOST_LINES: Final = 20
MOST_NAMES: Final = 3

_ASYNCIO: Final = str(Path(asyncio.__file__).parent)


def who_waits(loop: asyncio.AbstractEventLoop, reporters: Iterable[Callable[[], Iterable[str]]] = ()) -> list[str]:
    """One line per place where tasks wait, in the order of the tasks' names, then what the reporters have to say."""
    places: dict[str, list[str]] = {}
    tasks = sorted(((task.get_name(), task) for task in asyncio.all_tasks(loop)), key=lambda one: _natural(one[0]))
    for name, task in tasks:
        places.setdefault(_place(task.get_coro()), []).append(name)
    lines = [f"{_some(names)} in {place}" for place, names in places.items()]
    for reporter in reporters:
        lines.extend(reporter())
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
    return lines


def _natural(name: str) -> tuple[str, int, str]:
    """Task-9 before Task-10."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0), name


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _place(coroutine: Any) -> str:
    """The innermost frame of our own, and what of asyncio it waits in: `read (app.py:120), Queue.get`."""
    ours: FrameType | None = None
    theirs = ""
    while coroutine is not None:
        frame = next((f for a in _FRAMES if (f := getattr(coroutine, a, None)) is not None), None)
        if isinstance(frame, FrameType):
            if frame.f_code.co_filename.startswith(_ASYNCIO):
                theirs = theirs or frame.f_code.co_qualname
            else:
                ours, theirs = frame, ""
        coroutine = next((c for a in _AWAITED if (c := getattr(coroutine, a, None)) is not None), None)
    if ours is None:
        return theirs or "a place that cannot be seen"
    file = "/".join(Path(ours.f_code.co_filename).parts[-2:])
    return f"{ours.f_code.co_qualname} ({file}:{ours.f_lineno})" + (f", {theirs}" if theirs else "")


_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
