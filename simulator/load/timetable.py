"""When each device of a shard does its deed, found out lazily: what is not due yet costs next to nothing.

Nobody keeps an entry per device. Evenly spread moments are computed; drawn ones lie sorted in an array, which serves
each period anew; models with a memory are a series that goes on (mobile-network §5). Draws hang on the seed, the deed
and the number of the shard's first device, so a shard does the same wherever it runs.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush
from math import floor, inf
from typing import Final, Protocol

from simulator.load.traffic import Deed
from simulator.plan.arrivals import SERIES, Draws, period_s, starts
from simulator.scenario.model import Arrivals

JITTER: Final = 0.01
"""mobile-network §5.4: a device with a clock of its own keeps its period to ± this share of it."""

Moment = tuple[float, int]
"""When something is due, in seconds of run time, and the number of the device."""


class Timetable(Protocol):
    """Of one deed in one shard."""

    origin_s: float
    """Run time at which the shard is in; everything is counted from there."""

    @property
    def next_s(self) -> float:
        """Run time of the earliest moment that was not taken yet; infinite: nothing more comes."""

    def take(self, until_s: float, most: int) -> list[Moment]:
        """What is due by then, in order, and no more than so many; each is taken once."""


def timetable_of(deed: Deed, first: int, count: int, seed: int) -> Timetable:
    """The timetable of devices `first` to `first + count - 1`. Its origin is 0 as long as nobody sets it."""
    name = f"load {seed} {deed.act} {deed.path} {first}"
    arrivals = deed.arrivals
    if arrivals is None:
        return _Even(deed, first, count, next(Draws(name).stream()))
    if arrivals.model in SERIES:
        return _Series(deed, first, count, starts(arrivals, name, begin_s=deed.begin_s))
    if arrivals.model == "periodic":
        return _Jittered(deed, arrivals, first, count, name)
    return _Drawn(deed, first, count, _first_of(starts(arrivals, name), count))


def _first_of(source: Iterator[float], count: int) -> array[float]:
    return array("d", [offset for offset, _ in zip(source, range(count), strict=False)])


class _Even:
    """All devices in turn, at equal distances; shards of one group do not beat in step."""

    def __init__(self, deed: Deed, first: int, count: int, phase: float) -> None:
        self.origin_s = 0.0
        times = 1 if deed.every_s is None else deed.times
        self._begin_s, self._first, self._count = deed.begin_s, first, count
        self._gap_s = (deed.every_s or 0.0) / count if count else 0.0
        self._begin_s += phase * self._gap_s
        self._at = 0
        self._end: float = inf if times is None and self._gap_s else (times or 1) * count

    @property
    def next_s(self) -> float:
        return self.origin_s + self._begin_s + self._at * self._gap_s if self._at < self._end else inf

    def take(self, until_s: float, most: int) -> list[Moment]:
        at = self._at
        if self.next_s > until_s:
            return []
        begin_s, gap_s, first, count = self.origin_s + self._begin_s, self._gap_s, self._first, self._count
        end = int(min(self._end, at + most))
        if gap_s:
            # At least one is due; the division may be off by a bit in the last place.
            end = min(end, max(at + 1, floor((until_s - begin_s) / gap_s) + 1))
        self._at = end
        dues = [begin_s + place * gap_s for place in range(at, end)]
        turn, place = divmod(at, count)
        if end <= (turn + 1) * count:  # within one round, as nearly always
            return list(zip(dues, range(first + place, first + place + end - at), strict=True))
        return [(due, first + place % count) for due, place in zip(dues, range(at, end), strict=True)]


class _Drawn:
    """Each device at its own moment of the window, in every period.

    A window may be longer than the period: who was drawn for a later one begins that much later.
    """

    def __init__(self, deed: Deed, first: int, count: int, offsets: array[float]) -> None:
        self.origin_s = 0.0
        every_s = deed.every_s
        self._begin_s, self._every_s = deed.begin_s, every_s or 0.0
        self._times: float = 1 if every_s is None else inf if deed.times is None else deed.times
        late = array("I", bytes(4 * count))
        if every_s is not None:
            late = array("I", [int(offset // every_s) for offset in offsets])
            offsets = array("d", [offset % every_s for offset in offsets])
        order = sorted(range(count), key=offsets.__getitem__)
        self._offsets = array("d", [offsets[place] for place in order])
        self._numbers = array("I", [first + place for place in order])
        self._late = array("I", [late[place] for place in order]) if any(late) else None
        self._latest = max(late, default=0)
        self._period = self._at = 0
        self._skip()

    @property
    def next_s(self) -> float:
        if self._at == len(self._offsets):
            return inf
        return self.origin_s + self._begin_s + self._period * self._every_s + self._offsets[self._at]

    def take(self, until_s: float, most: int) -> list[Moment]:
        taken: list[Moment] = []
        while len(taken) < most and self.next_s <= until_s:
            begin_s = self.origin_s + self._begin_s + self._period * self._every_s
            at, offsets = self._at, self._offsets
            if self._late is not None:
                taken.append((begin_s + offsets[at], self._numbers[at]))
                self._at += 1
            else:
                end = min(bisect_right(offsets, until_s - begin_s, at + 1), at + most - len(taken))
                pairs = zip(offsets[at:end], self._numbers[at:end], strict=True)
                taken += [(begin_s + offset, number) for offset, number in pairs]
                self._at = end
            self._skip()
        return taken

    def _skip(self) -> None:
        """Go on to the next one who is due in this period, or to the next period."""
        while True:
            if self._at == len(self._offsets):
                if self._period + 1 >= self._times + self._latest or not self._offsets:
                    return
                self._period, self._at = self._period + 1, 0
            if self._late is None or 0 <= self._period - self._late[self._at] < self._times:
                return
            self._at += 1


class _Jittered:
    """Each device by its own clock, which never was set and is not exact (mobile-network §5.4).

    Moments of neighbours may change places; those near enough to do so wait in a heap.
    """

    def __init__(self, deed: Deed, arrivals: Arrivals, first: int, count: int, name: str) -> None:
        self._every_s = period_s(arrivals, deed.every_s)
        self._reach_s = JITTER * self._every_s
        # (see `_look`) All are later by the half of its width, so that none is due before the beginning.
        self._phases = _Drawn(
            _forever(deed, self._every_s), first, count, _first_of(starts(arrivals, name, every_s=self._every_s), count)
        )
        self._chance = Draws(f"{name} jitter").stream()
        self._near: list[Moment] = []
        self.origin_s = 0.0
        self._look()

    @property
    def next_s(self) -> float:
        return self.origin_s + self._near[0][0] if self._near else inf

    def take(self, until_s: float, most: int) -> list[Moment]:
        taken: list[Moment] = []
        origin_s, near = self.origin_s, self._near
        while near and near[0][0] + origin_s <= until_s and len(taken) < most:
            due_s, number = heappop(near)
            taken.append((due_s + origin_s, number))
            self._look()
        return taken

    def _look(self) -> None:
        """Everything that may be due before the first of the heap has to be in the heap, too."""
        phases, near, reach_s = self._phases, self._near, self._reach_s
        while phases.next_s != inf and (not near or phases.next_s <= near[0][0]):
            for phase_s, number in phases.take(phases.next_s, 1):
                heappush(near, (phase_s + 2 * reach_s * next(self._chance), number))


def _forever(deed: Deed, every_s: float) -> Deed:
    return Deed(act=deed.act, every_s=every_s, begin_s=deed.begin_s, times=deed.times)


class _Series:
    """One process over all devices; its k-th arrival is the k-th device's, round and round."""

    def __init__(self, deed: Deed, first: int, count: int, source: Iterator[float]) -> None:
        self.origin_s = 0.0
        self._begin_s, self._first, self._count = deed.begin_s, first, count
        self._source = source
        self._at = 0
        self._end: float = inf if deed.times is None else deed.times * count
        self._next_s = next(source) if count and self._end else inf

    @property
    def next_s(self) -> float:
        return self.origin_s + self._begin_s + self._next_s

    def take(self, until_s: float, most: int) -> list[Moment]:
        taken: list[Moment] = []
        begin_s = self.origin_s + self._begin_s
        while begin_s + self._next_s <= until_s and len(taken) < most:
            taken.append((begin_s + self._next_s, self._first + self._at % self._count))
            self._at += 1
            self._next_s = next(self._source) if self._at < self._end else inf
        return taken
