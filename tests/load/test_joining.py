"""Devices come in by their timetable, not too many at once; who is refused tries once more and then stays out."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import acts
from simulator.load import joining
from simulator.load.joining import AGAIN_S, AT_ONCE, Joining
from simulator.load.traffic import Traffic
from simulator.scenario.model import Arrivals
from tests.load.stand import Stand, block_of


class Way:
    """Lets in whom `judge` accepts, after `takes_s`."""

    entry = "attach"

    def __init__(self, stand: Stand, takes_s: float, judge: Callable[[int], acts.Result]) -> None:
        self._stand, self._takes_s, self._judge = stand, takes_s, judge
        self.tried: list[tuple[float, int]] = []
        self.inside = self.most = 0

    def join(self, number: int, told: Any, argument: Any, now: float) -> None:
        self.tried.append((now, number))
        self.inside += 1
        self.most = max(self.most, self.inside)
        if not self._takes_s:
            self.inside -= 1
            told(argument, self._judge(number), now)
            return

        def end(_: object, then: float) -> None:
            self.inside -= 1
            told(argument, self._judge(number), then)

        self._stand.timers.at(now + self._takes_s * (1 + number % 7), end)


class Bench:
    """A joining with everything around it in reach."""

    def __init__(
        self, count: int, *, takes_s: float = 0.01, judge: Any = None, most_per_s: float = 0.0, **traffic: Any
    ) -> None:
        self.stand = Stand(most_per_s=most_per_s)
        block = block_of(count)
        self.way = Way(self.stand, takes_s, judge or (lambda _: acts.Accepted(1)))
        self.came: list[int] = []
        self.out: dict[int, str] = {}
        self.ended: list[float] = []
        shard = SimpleNamespace(
            station=self.stand,
            way=self.way,
            block=block,
            traffic=Traffic(group=block.group, deeds=(), **traffic),
            came_in=self.came.append,
            stays_out=self.out.__setitem__,
        )
        numbers = range(1000, 1000 + count)
        self.joining = Joining(shard, numbers, lambda: self.ended.append(self.stand.clock.now()))  # type: ignore[arg-type]
        self.joining.start(0.0)

    @property
    def meter(self) -> Any:
        return self.stand.meters.meter("RADIUS", "attach", "meters")


@pytest.mark.parametrize("takes_s", [0.0, 0.01])
def test_as_fast_as_they_are_let_in_and_not_too_many_at_once(takes_s: float) -> None:
    bench = Bench(1000, takes_s=takes_s)
    bench.stand.turn(5.0)
    assert sorted(bench.came) == list(range(1000, 2000))
    assert bench.way.most <= AT_ONCE
    assert len(bench.ended) == 1
    assert bench.ended[0] < 0.5
    assert len(bench.meter.took) == 1000
    assert bench.joining.under_way == 0


@pytest.mark.parametrize(
    "arrivals", [None, Arrivals(model="beta", window_s=10.0), Arrivals(model="uniform", window_s=10.0)]
)
def test_spread_over_a_time(arrivals: Arrivals | None) -> None:
    bench = Bench(200, join_over_s=10.0, join_arrivals=arrivals)
    bench.stand.turn(5.0)
    assert 60 < len(bench.came) < 160
    bench.stand.turn(20.0)
    assert sorted(bench.came) == list(range(1000, 1200))
    assert max(bench.meter.took) < 0.1


def test_who_is_refused_tries_once_more() -> None:
    fates = {1003: [acts.Rejected("no such SIM"), acts.Accepted(1)], 1007: [acts.Rejected("no such SIM")] * 2}
    bench = Bench(10, judge=lambda number: fates[number].pop(0) if number in fates else acts.Accepted(1))
    bench.stand.turn(AGAIN_S - 0.1)
    assert not bench.ended
    bench.stand.turn(AGAIN_S + 1)
    assert [round(when) for when, number in bench.way.tried if number == 1007] == [0, round(AGAIN_S)]
    assert len(bench.came) == 9
    assert bench.out == {1007: "attach: no such SIM"}
    assert len(bench.ended) == 1
    assert bench.meter.failures == {"no such SIM": 3}


def test_the_rate_cap_is_for_logins_too() -> None:
    bench = Bench(100, most_per_s=50.0)
    bench.stand.turn(1.0)
    assert len(bench.way.tried) == pytest.approx(50, abs=5)
    bench.stand.turn(3.0)
    assert len(bench.came) == 100


def test_stopped_in_the_middle() -> None:
    bench = Bench(1000, join_over_s=10.0)
    bench.stand.turn(3.0)
    bench.joining.stop()
    assert len(bench.ended) == 1
    before = len(bench.way.tried)
    bench.stand.turn(20.0)
    assert len(bench.way.tried) == before
    assert len(bench.ended) == 1
    assert bench.joining.under_way == 0


def test_nobody_to_let_in() -> None:
    assert Bench(0).ended == [0.0]


def test_every_entry_has_a_name_in_the_tables() -> None:
    assert set(joining._KINDS) == {"attach", "connect"}
