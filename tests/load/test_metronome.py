"""Deeds begin when they are due, in an open loop; the sockets have their turn in between, and the rate cap holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulator.clock import VirtualClock
from simulator.load.metronome import MOST_PER_BEAT, TICK_S, Metronome, drum_of
from simulator.load.timetable import Moment, timetable_of
from simulator.load.traffic import Deed
from simulator.wire.calendar import Calendar


class Meter:
    def __init__(self) -> None:
        self.took: list[float] = []
        self.weighted: list[tuple[float, int]] = []

    @property
    def errors(self) -> list[float]:
        return [*self.took, *(value for value, number in self.weighted for _ in range(number))]


class Stand:
    """A station in virtual time, with what metronomes need of it."""

    def __init__(self, most_per_s: float = 0.0) -> None:
        self.clock, self.timers = VirtualClock(), Calendar()
        self.options = SimpleNamespace(most_per_s=most_per_s)
        self.counters: list[Any] = []
        self._shared: dict[str, Any] = {}
        self.meter = Meter()
        self.begun: list[tuple[float, Moment]] = []
        self.batches: list[int] = []

    def shared(self, key: str, make: Any) -> Any:
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def count(self, counters: Any) -> None:
        self.counters.append(counters)

    def metronome(self, count: int, every_s: float | None, first: int = 0) -> Metronome:
        timetable = timetable_of(Deed(act="upload", every_s=every_s), first, count, 1)

        def begin(moments: list[Moment], now: float) -> None:
            self.batches.append(len(moments))
            self.begun += [(now, moment) for moment in moments]

        return Metronome(self, timetable, begin, self.meter)  # type: ignore[arg-type]

    def turn(self, until_s: float, step_s: float = 0.0005) -> None:
        """Turn time as a loop does: one look at the calendar in each step."""
        while self.clock.time_s < until_s:
            self.clock.time_s += step_s
            self.timers.expire(self.clock.time_s)


def test_each_begins_within_a_tick_of_its_moment() -> None:
    stand = Stand()
    stand.metronome(100, 0.2).start(0.0)
    stand.metronome(50, 0.1, first=100).start(0.0)
    stand.turn(1.0)
    assert 980 <= len(stand.begun) <= 1000
    assert all(0 <= now - due <= TICK_S + 0.0006 for now, (due, _) in stand.begun)
    assert len(stand.meter.errors) == len(stand.begun)


def test_what_is_due_in_one_tick_goes_together() -> None:
    stand = Stand()
    stand.metronome(20_000, 1.0).start(0.0)
    stand.turn(0.5)
    assert len(stand.batches) <= 0.5 / TICK_S + 1
    assert sum(stand.batches) == pytest.approx(10_000, abs=40)


def test_after_a_pause_everything_is_begun_some_at_a_time() -> None:
    """One turn of the calendar begins no more than a batch: then the sockets come."""
    stand = Stand()
    stand.metronome(1000, 1.0).start(0.0)
    stand.turn(0.1)
    before = len(stand.begun)
    stand.clock.time_s += 2.0  # the process was stopped
    most = 0
    while len(stand.begun) < before + 1900:
        had = len(stand.begun)
        stand.clock.time_s += 0.0001
        stand.timers.expire(stand.clock.time_s)
        most = max(most, len(stand.begun) - had)
    assert most == MOST_PER_BEAT
    numbers = [number for _, (_, number) in stand.begun]
    assert numbers == [place % 1000 for place in range(len(numbers))]  # nothing skipped
    assert max(stand.meter.errors) == pytest.approx(2.0, abs=0.1)


def test_the_rate_cap_holds_and_shows() -> None:
    stand = Stand(most_per_s=200.0)
    stand.metronome(500, 1.0).start(0.0)
    stand.turn(2.0)
    assert len(stand.begun) == pytest.approx(400, abs=10)
    assert max(stand.meter.errors) > 1.0
    (counters,) = stand.counters
    assert counters()["throttled"] == pytest.approx(400, abs=20)


def test_a_cap_that_is_not_reached_puts_nothing_off() -> None:
    stand = Stand(most_per_s=1000.0)
    stand.metronome(100, 1.0).start(0.0)
    stand.turn(2.0)
    assert len(stand.begun) == pytest.approx(200, abs=2)
    assert stand.counters[0]()["throttled"] == 0
    assert max(stand.meter.errors) < 0.01


def test_stopped_means_nothing_more() -> None:
    stand = Stand()
    metronome = stand.metronome(100, 0.1)
    metronome.start(0.0)
    stand.turn(0.05)
    metronome.stop()
    begun = len(stand.begun)
    stand.turn(1.0)
    assert len(stand.begun) == begun
    assert not len(stand.timers)


def test_all_share_one_entry_of_the_calendar() -> None:
    stand = Stand()
    for first in range(0, 1000, 10):
        stand.metronome(10, 10.0, first).start(0.0)
    stand.turn(1.0)
    # One that matters, and some that have been overtaken by an earlier moment while the metronomes were started.
    assert len(stand.timers) <= 10


def test_a_grant_is_never_more_than_was_saved() -> None:
    drum = drum_of(Stand(most_per_s=100.0))  # type: ignore[arg-type]
    assert drum.grant(256, 10.0) == 2
    assert drum.grant(256, 10.0) == 0
    drum.give_back(1)
    assert drum.grant(256, 10.0) == 1
    assert drum.grant(256, 10.0101) == 1
    assert drum.grant(256, 20.0) == 2
