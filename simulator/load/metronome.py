"""Has deeds begun when they are due, whatever became of the earlier ones: an open loop.

All metronomes of a process share one drum, which has one entry in the calendar. A beat begins what is due by then, and
no more than some hundreds at once: then sockets have their turn, and what is overdue follows. A deed counts from the
moment when it was due, so a worker or platform that is late shows in the figures (no coordinated omission).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.clock import Clock, Timers

if TYPE_CHECKING:
    from simulator.load.meters import Meter
    from simulator.load.station import Station
    from simulator.load.timetable import Moment, Timetable

TICK_S: Final = 0.001
"""Beats are at least so far apart, if nothing is overdue: what is due in between goes together, in one batch."""
MOST_PER_BEAT: Final = 256
"""Deeds that are begun before the sockets have their turn: some 1 ms."""

Begin = Callable[[list["Moment"], float], None]
"""Begins all of these, now; the second one is the run time."""


class Metronome:
    """Begins the deeds of one timetable.

    Args:
        begin: is given what is due, some at a time.
        meter: of the schedule error: how much later than due something was begun.
    """

    def __init__(self, station: Station, timetable: Timetable, begin: Begin, meter: Meter) -> None:
        self._timetable, self._begin = timetable, begin
        self._meter, self._clock = meter, station.clock
        self._drum = drum_of(station)
        self.running = False

    @property
    def next_s(self) -> float:
        """Run time of what is due next; infinite: nothing."""
        return self._timetable.next_s if self.running else inf

    def start(self, now: float) -> None:
        """Begin; the timetable counts from here."""
        self._timetable.origin_s = now
        self.running = True
        self._drum.join(self)

    def stop(self) -> None:
        """Begin nothing any more, not even what is overdue."""
        self.running = False

    def beat(self, now: float, most: int) -> list[Moment]:
        """Begin what is due, and no more than so many. Returns: what was begun."""
        moments = self._timetable.take(now, most)
        self._begin(moments, now)
        if moments:
            self._account(moments)
        return moments

    def _account(self, moments: list[Moment]) -> None:
        after = self._clock.now()  # the last one left no later
        first_s = moments[0][0]
        if moments[-1][0] - first_s <= TICK_S:
            self._meter.weighted.append((after - first_s, len(moments)))  # all as the worst of them
        else:
            self._meter.took.extend([after - due for due, _ in moments])


class Drum:
    """Beats for all metronomes of a process.

    Args:
        most_per_s: the rate cap: deeds, and logins, that may begin in a second; 0: as many as are due.
    """

    def __init__(self, clock: Clock, timers: Timers, most_per_s: float = 0.0) -> None:
        self._clock, self._at, self._most_per_s = clock, timers.at, most_per_s
        self._heap: list[tuple[float, int, Metronome]] = []
        self._joined = 0
        self._beats_at = inf
        # A token for each; what some ticks may begin is saved up while nothing is due, and no more than that. Two at
        # least, or what a late tick has missed would be lost, and the rate never reached.
        self._most_saved = max(2.0, most_per_s * 5 * TICK_S)
        self._saved, self._saved_at = self._most_saved, -inf
        self._held_s = -inf
        self.throttled = 0
        """Deeds that the rate cap has put off."""

    def join(self, metronome: Metronome) -> None:
        """One more."""
        due_s = metronome.next_s
        if due_s != inf:
            self._joined += 1
            heappush(self._heap, (due_s, self._joined, metronome))
            self._arm(due_s)

    def grant(self, wanted: int, now: float) -> int:
        """How many of these may begin now; they count as begun."""
        if not self._most_per_s:
            return wanted
        saved = self._saved + (now - max(self._saved_at, now - 1.0)) * self._most_per_s
        self._saved, self._saved_at = min(saved, self._most_saved), now
        granted = min(wanted, int(self._saved))
        self._saved -= granted
        return granted

    def give_back(self, number: int) -> None:
        """So many of what was granted did not begin."""
        self._saved += number

    def _arm(self, when: float) -> None:
        if when < self._beats_at:
            self._beats_at = when
            self._at(when, self._beat, None)

    def _beat(self, _argument: object, now: float) -> None:
        if now < self._beats_at:
            return  # an older entry of the calendar
        self._beats_at = inf
        heap = self._heap
        granted = room = self.grant(MOST_PER_BEAT, now)
        held_s = self._held_s
        while heap and heap[0][0] <= now and room:
            _, order, metronome = heap[0]
            if metronome.running:
                moments = metronome.beat(now, room)
                room -= len(moments)
                if held_s > -inf:
                    self.throttled += sum(due <= held_s for due, _ in moments)
            due_s = metronome.next_s
            if due_s == inf:
                heappop(heap)
            else:
                heapreplace(heap, (due_s, order, metronome))
        self.give_back(room)
        if not heap:
            return
        if heap[0][0] > now:
            self._held_s = -inf
            self._arm(max(heap[0][0], now + TICK_S))
        elif granted < MOST_PER_BEAT:
            self._held_s = now
            self._arm(now + max(TICK_S, 1.0 / self._most_per_s))
        else:
            # Overdue. Later than this turn of the calendar, so that the sockets come first; and that is at once.
            self._arm(max(self._clock.now(), now + 1e-6))


def drum_of(station: Station) -> Drum:
    """The drum of this process."""

    def make() -> Drum:
        drum = Drum(station.clock, station.timers, station.options.most_per_s)
        station.count(lambda: {"throttled": drum.throttled})
        return drum

    return station.shared("drum", make)
