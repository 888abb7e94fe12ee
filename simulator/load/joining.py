"""Lets the devices of a shard in: attaches or connects them, in time, and not too many at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from simulator.acts import Accepted, Connected, Done, Result
from simulator.devices.outcome import outcome_of
from simulator.load.metronome import MOST_PER_BEAT, TICK_S, drum_of
from simulator.load.timetable import Moment, timetable_of
from simulator.load.traffic import Deed

if TYPE_CHECKING:
    from simulator.load.shard import Shard

AT_ONCE: Final = 256
"""Devices of a shard that are on their way in at the same time."""
AGAIN_S: Final = 5.0
"""A device that was not let in tries once more, so much later."""

_KINDS: Final = {"attach": "RADIUS", "connect": "DTLS"}
_IN = (Accepted, Connected, Done)


class Joining:
    """The devices of a shard on their way in, once.

    Args:
        done: called when each is in, or has failed twice.
    """

    def __init__(self, shard: Shard, numbers: Sequence[int], done: Callable[[], None]) -> None:
        self._shard, self._numbers, self._done = shard, numbers, done
        self._timers = shard.station.timers
        self._drum = drum_of(shard.station)
        traffic, way = shard.traffic, shard.way
        self._meter = shard.station.meters.meter(_KINDS[way.entry], way.entry, shard.block.group.name)
        over = Deed(act="join", every_s=traffic.join_over_s or None, arrivals=traffic.join_arrivals, times=1)
        self._timetable = timetable_of(over, 0, len(numbers), shard.station.options.seed)
        self._again: deque[Moment] = deque()
        self._left = len(numbers)
        self._under_way = 0
        self._tried: set[int] = set()
        self._waits = self._stopped = False

    def start(self, now: float) -> None:
        """Begin."""
        self._timetable.origin_s = now
        if self._left:
            self._pump(None, now)
        else:
            self._done()

    def stop(self) -> None:
        """Who is not on the way in yet stays out."""
        if not self._stopped:
            self._stopped = True
            if self._left:
                self._left = 0
                self._done()

    @property
    def under_way(self) -> int:
        """How many are being let in."""
        return self._under_way

    def _pump(self, _argument: object, now: float) -> None:
        self._waits = False
        if self._stopped:
            return
        room = min(AT_ONCE - self._under_way, MOST_PER_BEAT)
        granted = self._drum.grant(room, now) if room > 0 else 0
        began = 0
        while self._again and self._again[0][0] <= now and began < granted:
            began += 1
            self._begin(self._again.popleft(), now)
        for due_s, place in self._timetable.take(now, granted - began):
            began += 1
            self._begin((due_s, self._numbers[place]), now)
        self._drum.give_back(granted - began)
        due_s = min(self._timetable.next_s, self._again[0][0] if self._again else float("inf"))
        if self._under_way < AT_ONCE and due_s != float("inf"):
            self._wait(max(due_s, now + TICK_S))

    def _wait(self, when: float) -> None:
        if not self._waits:
            self._waits = True
            self._timers.at(when, self._pump, None)

    def _begin(self, moment: Moment, now: float) -> None:
        self._under_way += 1
        self._shard.way.join(moment[1], self._told, moment, now)

    def _told(self, moment: Moment, result: Result, now: float) -> None:
        due_s, number = moment
        self._under_way -= 1
        if isinstance(result, _IN):
            self._meter.took.append(now - due_s)
            self._shard.came_in(number)
            self._one_less()
        else:
            outcome = outcome_of(result)
            reason = outcome.detail or outcome.word
            self._meter.fail(reason, now - due_s)
            if number in self._tried or self._stopped:
                self._shard.stays_out(number, f"{self._shard.way.entry}: {reason}")
                self._one_less()
            else:
                self._tried.add(number)
                self._again.append((now + AGAIN_S, number))
        if not self._stopped and self._left:
            self._wait(now)

    def _one_less(self) -> None:
        if self._stopped:
            return
        self._left -= 1
        if not self._left:
            self._done()
