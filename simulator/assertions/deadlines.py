"""The calendar of what time decides. Nobody is taken out of it: what was decided otherwise is skipped.

A window ends before its last moment: what happens exactly then comes too late. So it does not matter whether the
run's timer or a record of the same time is heard of first, and a journal is judged as the run was.
"""

from __future__ import annotations

import heapq
from typing import Final, Protocol

FOREVER: Final = float("inf")


class Expires(Protocol):
    """Something that time decides."""

    @property
    def open(self) -> bool:
        """Whether it still waits."""

    def expire(self, now: float) -> None:
        """Its time has come."""


class Deadlines:
    """Earliest first; equal times in the order of asking."""

    __slots__ = ("_count", "_heap", "soonest")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Expires]] = []
        self._count = 0
        self.soonest = FOREVER
        """A time before which nothing is decided by time; a plain attribute, because it is read for every record."""

    def at(self, when: float, what: Expires) -> None:
        """Call `what.expire` at run time `when`, if it is still open then."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, what))
        self.soonest = self._heap[0][0]

    @property
    def next(self) -> float | None:
        """When time next decides something; None: never."""
        heap = self._heap
        while heap and not heap[0][2].open:
            heapq.heappop(heap)
        self.soonest = heap[0][0] if heap else FOREVER
        return heap[0][0] if heap else None

    def expire(self, now: float) -> None:
        """Decide what time decides, up to and including `now`."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            when, _, what = heapq.heappop(heap)
            if what.open:
                what.expire(when)
        self.soonest = heap[0][0] if heap else FOREVER
