"""How fast it went, from the beginning to now, in a bounded number of points: what the page draws as lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from simulator.load.totals import Merged

MOST: Final = 240
"""Points that are kept: as many as a small drawing has pixels."""

_RATES: Final = ("sent", "answered", "delivered", "failed")


@dataclass(slots=True)
class Series:
    """Sums at moments. When there are too many of them, every other one goes: an hour costs what a minute does."""

    _points: list[tuple[float, tuple[int, ...], int]] = field(default_factory=list)
    """Seconds, sums in the order of `_RATES`, uploads that were open."""
    _apart_s: float = 0.0

    def take(self, at_s: float, merged: Merged) -> None:
        """How it stands `at_s` seconds after the start; a time before the last one begins a new test."""
        counts = merged.uploads
        sums = counts.sent, counts.answered, counts.delivered, counts.refused + counts.unanswered
        point = at_s, sums, counts.open
        points = self._points
        if points and at_s <= points[-1][0]:
            points.clear()
            self._apart_s = 0.0
        # The last point is always the present; it gives way to the next one as long as it is too close to its fellow.
        if len(points) > 1 and at_s - points[-2][0] <= self._apart_s:
            points[-1] = point
            return
        points.append(point)
        if len(points) > MOST:
            del points[1:-1:2]
            self._apart_s = 1.25 * (at_s - points[0][0]) / (len(points) - 1)

    def rates(self) -> dict[str, Any]:
        """`at`: seconds at the end of each piece; for each name as many numbers per second; `open`: how many were."""
        points = self._points
        found: dict[str, Any] = {"at": [round(at_s, 3) for at_s, _, _ in points[1:]]}
        for index, name in enumerate(_RATES):
            found[name] = [
                round(max(0, now[1][index] - before[1][index]) / (now[0] - before[0]), 1)
                for before, now in pairwise(points)
            ]
        found["open"] = [waiting for _, _, waiting in points[1:]]
        return found
