"""When the observer may have been blind: intervals of run time, kept sorted and apart."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from simulator.assertions.texts import moment
from simulator.assertions.verdicts import Gap

GAPS_KEPT: Final = 10_000
"""With more, a new one is joined to its neighbour: a platform that drops all the time must not fill the memory."""


class Gaps:
    """All gaps so far. What overlaps or touches becomes one, under the reason of the first."""

    __slots__ = ("_gaps", "_starts")

    def __init__(self) -> None:
        self._gaps: list[Gap] = []
        self._starts: list[float] = []

    def add(self, from_s: float, to_s: float, why: str) -> None:
        """The observer may have missed events between these times; an end before the start counts as the start."""
        gaps, starts = self._gaps, self._starts
        to_s = max(from_s, to_s)
        first = last = bisect_right(starts, from_s)
        if first and _end(gaps[first - 1]) >= from_s:
            first -= 1
        while last < len(gaps) and starts[last] <= to_s:
            last += 1
        if first == last and len(gaps) >= GAPS_KEPT:
            first = max(0, last - 1)
            last = first + 1
        touched = gaps[first:last]
        if touched:
            from_s = min(from_s, touched[0].from_s)
            to_s = max(to_s, *map(_end, touched))
            why = touched[0].why
        gaps[first:last] = [Gap(from_s=from_s, to_s=to_s, why=why)]
        starts[first:last] = [from_s]

    def overlap(self, from_s: float, to_s: float) -> Gap | None:
        """The first gap that overlaps a window, ends included; None: the observer saw all of it."""
        index = bisect_right(self._starts, from_s)
        if index and _end(self._gaps[index - 1]) >= from_s:
            return self._gaps[index - 1]
        if index < len(self._gaps) and self._starts[index] <= to_s:
            return self._gaps[index]
        return None

    def all(self) -> tuple[Gap, ...]:
        """All of them, in order of time."""
        return tuple(self._gaps)


def gap_words(gap: Gap) -> str:
    """Why absence proves nothing."""
    if gap.to_s is None:
        return f"absence proves nothing: {gap.why}"
    return f"absence proves nothing: blind from {moment(gap.from_s)} to {moment(gap.to_s)}: {gap.why}"


def _end(gap: Gap) -> float:
    assert gap.to_s is not None
    return gap.to_s
