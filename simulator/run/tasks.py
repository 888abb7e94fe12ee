"""Coroutines beside the main one, as tasks of the running loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """The `fleet.work.Work` of a rehearsal."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Begin in the loop's next turn; see `Work`."""
        if self._closed:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Whoever is under way is cancelled."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
