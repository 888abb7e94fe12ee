"""A block at work: its devices come in, do their deeds by their timetables, and fall silent.

No device is an object here. What a device costs while it is idle is what the protocol engine keeps of it.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

import gevent

from simulator.load.deeds import Doer, open_deed
from simulator.load.joining import Joining
from simulator.load.meters import SCHEDULE_ERROR
from simulator.load.metronome import Metronome
from simulator.load.timetable import timetable_of
from simulator.load.ways import open_way
from simulator.wire.drivers.green import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulator.load.quarters import Quarters
    from simulator.load.station import Station
    from simulator.load.traffic import Traffic


_COLLECT: Final = (20_000, 20, 20)
"""For `gc.set_threshold`."""
_AT_A_TIME: Final = 2000
_PAUSE_S: Final = 0.0005
"""Not 0: the hub takes greenlets that sleep for no time before sockets and timers."""


class Shard:
    """One block of a FleetUser; a `crew.Unit`.

    Raises: UsageError: nobody drives this transport, or this deed. LocalError: a port is not to be had.
    """

    def __init__(self, station: Station, traffic: Traffic, quarters: Quarters) -> None:
        self.station, self.traffic, self.quarters = station, traffic, quarters
        self.block = quarters.block
        self.way = open_way(station, self.block, quarters.home)
        self.planned = self.block.count
        self.joined = 0
        self.failures = quarters.failures
        self.absent: set[int] = set()
        """Numbers of the devices that were not let in; they do nothing."""
        seed = station.options.seed
        errors = station.meters.hidden(SCHEDULE_ERROR)
        self.doers: list[Doer] = []
        self._metronomes: list[Metronome] = []
        for deed in traffic.deeds:
            doer = open_deed(self, deed)
            timetable = timetable_of(deed, self.block.first, self.block.count, seed)
            self.doers.append(doer)
            self._metronomes.append(Metronome(station, timetable, doer.begin_many, errors))
        self._joining: Joining | None = None
        self._stopped = False

    def join(self, numbers: Iterable[int] | None = None) -> None:
        """Have the platform know the devices, and let them in; blocks the greenlet until each is in or was refused.

        `numbers` None: all. Raises: TargetError: the platform does not take them.
        """
        wanted = self.block.numbers if numbers is None else tuple(numbers)
        self.quarters.create(wanted, self.way.issued)
        self.quarters.judge()
        if not self.way.entry:
            self.joined += len(wanted)
        elif not self._stopped:
            wait_for(lambda done, argument: self._begin_joining(wanted, done, argument))
        self._prepare(wanted)
        gc.freeze()
        # What comes and goes with every batch of answers is no garbage either.
        gc.set_threshold(*_COLLECT)

    def _prepare(self, numbers: Sequence[int]) -> None:
        """What the way keeps of each device is made now, some at a time, and not when the device first has its say."""
        prepare = getattr(self.way, "prepare", None)
        if prepare is not None:
            for at in range(0, len(numbers), _AT_A_TIME):
                prepare(numbers[at : at + _AT_A_TIME])
                # None of it is ever garbage, and the collector need not look at it; it would hold up everybody.
                gc.freeze()
                gevent.sleep(_PAUSE_S)

    def _begin_joining(self, numbers: Any, done: Any, argument: Any) -> None:
        now = self.station.clock.now()
        self._joining = Joining(self, numbers, lambda: done(argument, None, now))
        self._joining.start(now)

    def came_in(self, number: int) -> None:
        """A device is in."""
        self.joined += 1
        self.absent.discard(number)

    def stays_out(self, number: int, reason: str) -> None:
        """A device was refused twice."""
        self.absent.add(number)
        self.failures[reason] = self.failures.get(reason, 0) + 1

    def start(self) -> None:
        """The deeds begin; the timetables count from now."""
        now = self.station.clock.now()
        if not self._stopped:
            for metronome in self._metronomes:
                metronome.start(now)

    def stop(self, now: float) -> None:
        """Begin nothing any more; what is under way comes to its end."""
        del now
        self._stopped = True
        for metronome in self._metronomes:
            metronome.stop()
        if self._joining is not None:
            self._joining.stop()

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        joining = self._joining.under_way if self._joining is not None else 0
        return not joining and not any(doer.under_way for doer in self.doers)

    def close(self, now: float) -> None:
        """The devices fall silent."""
        self.stop(now)
        self.way.close(now)
