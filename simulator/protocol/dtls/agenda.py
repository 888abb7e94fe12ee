"""When the sessions of one server are due, in one heap: the calendar sees one or two entries, whatever the number.

A session that has ended leaves its entry behind, which would hold it until it is due; when such entries are the
larger part, the heap is made anew.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from simulator.clock import Timers

NEVER = float("inf")
_FEW = 64


class Due(Protocol):
    """What the agenda keeps in its entries."""

    when: float
    """The agenda's own: run time of its entry, or NEVER."""


class Agenda:
    """Calls `expire(item, now)` for each item at its time; calling `at` again moves it to an earlier time only."""

    def __init__(self, timers: Timers, expire: Any) -> None:
        self._timers = timers
        self._expire = expire
        self._heap: list[tuple[float, int, Any]] = []
        self._number = 0
        self._stale = 0
        self._asked: list[float] = []
        """Our entries in the calendar; each was asked for to be earlier than all before it."""

    @property
    def timers(self) -> int:
        """Our entries in the calendar."""
        return len(self._asked)

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, item: Due, when: float) -> None:
        """Have it called at `when`, unless it is to be called before that anyway."""
        if when >= item.when or when == NEVER:
            return
        if item.when != NEVER:
            self._stale += 1
        item.when = when
        self._number += 1
        heappush(self._heap, (when, self._number, item))
        self._ask()

    def forget(self, item: Due) -> None:
        """It has ended."""
        if item.when == NEVER:
            return
        item.when = NEVER
        self._stale += 1
        if self._stale > _FEW and self._stale > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[2].when == entry[0]]
            heapify(self._heap)
            self._stale = 0

    def clear(self) -> None:
        """Nothing is due any more; what still stands in the calendar finds nothing."""
        for _, _, item in self._heap:
            item.when = NEVER
        self._heap = []
        self._stale = 0

    def _ask(self) -> None:
        if self._heap and (not self._asked or self._heap[0][0] < self._asked[-1]):
            self._asked.append(self._heap[0][0])
            self._timers.at(self._heap[0][0], self._turn)

    def _turn(self, _argument: Any, now: float) -> None:
        while self._asked and self._asked[-1] <= now:
            self._asked.pop()
        heap = self._heap
        try:
            while heap and heap[0][0] <= now:
                when, _, item = heappop(heap)
                if item.when != when:
                    self._stale -= 1
                    continue
                item.when = NEVER
                self._expire(item, now)
                heap = self._heap
        finally:
            self._ask()
