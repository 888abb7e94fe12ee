"""Everything that is at work in one process, and how it comes to an end in order."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import gevent
import msgspec

from simulator.load.tally import GroupTally, Tally
from simulator.load.totals import add_groups, add_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from simulator.load.honesty import Watch
    from simulator.load.quarters import Quarters
    from simulator.load.station import Station

EVENTS_LIMIT_S: Final = 10.0
"""How long events may take to come, counted from the last one that came."""
COMING_LIMIT_S: Final = 10.0
"""How long a user that was bringing devices in may take to give that up."""
DISMISSAL_S: Final = 60.0
"""How long it may take to remove a block whose user was stopped."""
HURRY_S: Final = 5.0
"""How long clean-up goes on when somebody is in a hurry."""
LOOK_EVERY_S: Final = 0.05
SILENT_S: Final = 1.5
"""Who waits longer than this is told what for …"""
ASK_EVERY_S: Final = 15.0
"""… and now and then, and the platform is asked whether it is still there."""
TROUBLES_MOST: Final = 50
LOST_TOLD: Final = 10
_log = logging.getLogger("simulator")


class Unit(Protocol):
    """A block at work."""

    quarters: Quarters
    planned: int
    joined: int
    failures: dict[str, int]

    def stop(self, now: float) -> None:
        """Begin nothing any more."""

    @property
    def quiet(self) -> bool:
        """Whether nothing of it is under way."""

    def close(self, now: float) -> None:
        """The devices fall silent."""


class Crew:
    """The units of a process and the sums of those that have left.

    Args:
        worker, index: Locust's id and number of this process.
        watch: looks at the process itself.
    """

    def __init__(self, station: Station, worker: str, index: int, watch: Watch) -> None:
        self._station, self._worker, self._index, self._watch = station, worker, index, watch
        self._units: list[Unit] = []
        self._entering: set[Unit] = set()
        self._coming: list[Any] = []
        """Greenlets that bring devices in."""
        self._left = _Sums()
        self._began_s = station.clock.now()
        self._number = 0
        self._counted_before = station.counters()
        self._handed_over = False
        self.errors: dict[str, int] = {}
        """What tasks of users have raised → how often."""
        self.over = False
        """Whether the end has begun: nobody joins or leaves any more."""

    # --- who is at work -----------------------------------------------------------------------------------------------

    def join(self, unit: Unit) -> None:
        """A block is at work from now on."""
        self._units.append(unit)

    @property
    def joined(self) -> int:
        """Devices that are in."""
        return sum(unit.joined for unit in self._units)

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Around all that a user does until its devices are in: the end of the test ends it there, so that nothing is
        created on the platform while it is being cleaned up. Raises: GreenletExit: the end has begun."""
        if self.over:
            raise gevent.GreenletExit
        me = gevent.getcurrent()
        self._coming.append(me)
        try:
            yield
        finally:
            self._coming.remove(me)

    def enter(self, unit: Unit, join: Callable[[], None]) -> None:
        """A block comes to work: `join` lets its devices in. Blocks the greenlet, also until those have come in who are
        doing the same: their logins would spoil the times of what the first ones upload meanwhile."""
        self.join(unit)
        self._entering.add(unit)
        try:
            join()
        finally:
            self._entering.discard(unit)
        others = set(self._entering)  # not those who come later: with a slow ramp nobody would ever begin
        while others & self._entering and not self.over:
            gevent.sleep(LOOK_EVERY_S)

    def dismiss(self, unit: Unit) -> None:
        """Its user is stopped before the test ends: it finishes, what it has done stays in the sums, and its block may
        be begun anew by somebody else. Blocks the greenlet. After the end: nothing, for that was the same."""
        if self.over or unit not in self._units:
            return
        station = self._station
        unit.stop(station.clock.now())
        self._wait_for((unit,), lambda: self.over)
        if self.over or unit not in self._units:
            return
        self._units.remove(unit)
        unit.quarters.settle()
        self._left.add(unit, gone=True)
        self._release(unit, keep=False, until_s=station.clock.now() + DISMISSAL_S)
        station.claims.give_back(unit.quarters.block)

    # --- what they have done ------------------------------------------------------------------------------------------

    def tally(self, *, final: bool = False) -> Tally:
        """All of it, since the test began."""
        self._number += 1
        sums = self._sums()
        if self._handed_over:
            for group in sums.groups.values():
                group.planned = group.joined = 0
        station = self._station
        before = self._counted_before
        counters = {name: number - before.get(name, 0) for name, number in station.counters().items()}
        return Tally(
            worker=self._worker,
            index=self._index,
            number=self._number,
            at_s=station.clock.now() - self._began_s,
            final=final,
            groups=sums.groups,
            counters=counters,
            histograms=station.meters.histograms(),
            generator=self._watch.generator,
            troubles=dict(list(sums.troubles.items())[:TROUBLES_MOST]),
            errors=dict(self.errors),
            lost=self._lost() if self.over else [],
            gaps=sums.gaps[:TROUBLES_MOST],
            blocks=[unit.quarters.tally() for unit in self._units],
        )

    def _sums(self) -> _Sums:
        found = _Sums(dict(self._left.groups), self._left.troubles, list(self._left.gaps))
        for unit in self._units:
            found.add(unit)
        return found

    def _lost(self) -> list[str]:
        found: list[str] = []
        for unit in self._units:
            found += unit.quarters.lost(LOST_TOLD - len(found))
        return found

    # --- the end ------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Nobody begins anything any more, and nobody comes in."""
        self.over = True
        now = self._station.clock.now()
        for unit in self._units:
            unit.stop(now)
        for each in tuple(self._coming):
            each.kill(block=False)
        until_s = now + COMING_LIMIT_S
        while self._coming and self._station.clock.now() < until_s:
            gevent.sleep(LOOK_EVERY_S)

    def hand_over(self) -> None:
        """Others will have the devices: what they have done here stays in the sums, and they themselves do not."""
        self._handed_over = True

    def settle(self, hurried: Callable[[], bool]) -> None:
        """Wait for answers and events that are under way, then close the ledgers. Blocks the greenlet.

        `hurried`: whether somebody wants it to end at once.
        """
        units = tuple(self._units)
        self._wait_for(units, hurried)
        for unit in units:
            unit.quarters.settle()

    def _wait_for(self, units: Sequence[Unit], hurried: Callable[[], bool]) -> None:
        clock = self._station.clock
        until_s, ask_s = clock.now() + self._station.options.wait_at_end_s, clock.now() + SILENT_S
        while not hurried() and clock.now() < until_s and not all(unit.quiet for unit in units):
            if clock.now() > ask_s:
                if self._is_pointless():
                    break
                _log.info("waiting for late answers, %.0f s more at most; Ctrl-C: do not wait", until_s - clock.now())
                ask_s = clock.now() + ASK_EVERY_S
            gevent.sleep(LOOK_EVERY_S)
        for unit in units:
            if not unit.quiet:
                unit.close(clock.now())  # what it waits for has failed, and is counted so
        gevent.sleep(LOOK_EVERY_S)
        waiting, since_s = _waiting(units), clock.now()
        while not hurried() and waiting and clock.now() - since_s < EVENTS_LIMIT_S:
            gevent.sleep(LOOK_EVERY_S)
            left = _waiting(units)
            if left != waiting:
                waiting, since_s = left, clock.now()

    def _is_pointless(self) -> bool:
        """Whether nobody is there who could answer."""
        station = self._station
        if station.platform.has_api:
            return bool(station.platform.alive())
        return not any(each.uploads.answered for each in self._sums().groups.values())

    def close(self, *, keep: bool, budget_s: float, hurried: Callable[[], bool] = lambda: False) -> list[str]:
        """The devices fall silent and leave the platform. Returns: what could not be removed there, in words.

        `hurried`: from when on it may only take a few seconds more.
        """
        now = self._station.clock.now()
        left: list[str] = []
        for unit in self._units:
            unit.close(now)
        removing = gevent.spawn(self._remove, left, keep=keep, until_s=now + budget_s)
        hurry_s = HURRY_S
        while not removing.ready() and hurry_s > 0:
            removing.join(timeout=LOOK_EVERY_S)
            if hurried():
                hurry_s -= LOOK_EVERY_S
        gevent.kill(removing)
        for unit in self._units:  # where there was no time
            left += self._release(unit, keep=keep, until_s=now)
        self._units.clear()
        return left

    def _remove(self, left: list[str], *, keep: bool, until_s: float) -> None:
        while self._units:
            left += self._release(self._units[0], keep=keep, until_s=until_s)
            self._units.pop(0)

    def _release(self, unit: Unit, *, keep: bool, until_s: float) -> list[str]:
        home = unit.quarters.home
        left = []
        if home is not None and not keep:
            left = home.remove(max(0.0, until_s - self._station.clock.now()))
        unit.quarters.close()
        return left


@dataclass(slots=True)
class _Sums:
    """Of units."""

    groups: dict[str, GroupTally] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def add(self, unit: Unit, *, gone: bool = False) -> None:
        """One more. `gone`: its devices are nobody's here any more, and what they have done stays."""
        name, mine = unit.quarters.block.group.name, _of(unit)
        if gone:
            mine.planned = mine.joined = 0
        self.groups[name] = add_groups(self.groups.get(name, GroupTally()), mine)
        witness = unit.quarters.witness
        if witness is not None:
            self.troubles = add_numbers((self.troubles, witness.troubles))
            self.gaps += witness.gaps


def _waiting(units: Sequence[Unit]) -> int:
    return sum(unit.quarters.open_uploads for unit in units)


def _of(unit: Unit) -> GroupTally:
    counts = msgspec.structs.replace(unit.quarters.counts)
    return GroupTally(planned=unit.planned, joined=unit.joined, uploads=counts, failures=dict(unit.failures))
