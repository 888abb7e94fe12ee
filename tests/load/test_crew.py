"""How what is at work in a process comes to its end, whatever it was doing."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest

from simulator.clock import WallClock
from simulator.errors import Place
from simulator.load.blocks import Block
from simulator.load.crew import Crew
from simulator.load.ledger import Ledger
from simulator.load.options import LoadOptions
from simulator.load.quarters import Quarters
from simulator.load.tally import Generator, LedgerCounts
from simulator.scenario.model import Group

PATIENCE_S = 5.0


class Home:
    def __init__(self, *, stuck=False):
        self.collection, self.stuck, self.budgets = "17abc", stuck, []

    def remove(self, budget_s):
        self.budgets.append(budget_s)
        if self.stuck and budget_s > 0:
            gevent.sleep(60.0)
        return ["1 device"] if self.stuck else []

    def tell_gap(self):
        pass

    def close(self):
        pass


class Unit:
    planned = joined = 10
    quiet = True

    def __init__(self, collection="", home=None):
        block = Block(group=Group(name="meters", place=Place(""), count=10), first=0, count=10, collection=collection)
        self.ledger = Ledger(LedgerCounts(), 0, 10, acknowledged=True, owed=True)
        self.quarters = Quarters(block, home, self.ledger, None)
        self.failures = {}

    def stop(self, now):
        pass

    def close(self, now):
        pass


def crew():
    station = SimpleNamespace(
        clock=WallClock(),
        counters=dict,
        meters=SimpleNamespace(histograms=dict),
        options=LoadOptions(),
        platform=SimpleNamespace(has_api=True, alive=lambda: ""),
    )
    return Crew(station, "w0", 0, SimpleNamespace(generator=Generator()))


def bring_in(crew, came):
    with crew.coming():
        came.append("began")
        gevent.sleep(60.0)
        came.append("in")


def test_whoever_is_bringing_devices_in_gives_that_up_when_the_test_ends():
    here, came = crew(), []
    user = gevent.spawn(bring_in, here, came)
    gevent.sleep(0)
    with gevent.Timeout(PATIENCE_S):
        here.stop()
    assert (user.dead, came) == (True, ["began"])


def test_nobody_comes_after_the_end():
    here, came = crew(), []
    here.stop()
    user = gevent.spawn(bring_in, here, came)
    user.join(timeout=PATIENCE_S)
    assert (user.dead, came) == (True, [])


def test_devices_that_are_handed_over_are_no_longer_planned_here_and_what_they_did_is():
    here, unit = crew(), Unit()
    here.join(unit)
    unit.ledger.sent(1, 24, 0.0, 0.0)
    unit.ledger.answered(1)
    unit.ledger.seen(1, 24, 0.1)
    assert here.tally().groups["meters"].planned == 10
    here.stop()
    here.settle(lambda: False)
    here.hand_over()
    told = here.tally(final=True).groups["meters"]
    assert (told.planned, told.joined, told.uploads.sent, told.uploads.delivered) == (0, 0, 1, 1)


@pytest.mark.parametrize(("keep", "asked"), [(False, 1), (True, 0)])
def test_what_was_created_is_removed_unless_it_is_kept(keep, asked):
    here, home = crew(), Home()
    here.join(Unit(home=home))
    assert here.close(keep=keep, budget_s=9.0) == []
    assert len(home.budgets) == asked


def test_who_is_in_a_hurry_leaves_behind_what_takes_too_long_and_says_so(monkeypatch):
    monkeypatch.setattr("simulator.load.crew.HURRY_S", 0.1)
    here, homes = crew(), [Home(stuck=True), Home(stuck=True)]
    for home in homes:
        here.join(Unit(home=home))
    with gevent.Timeout(PATIENCE_S):
        assert here.close(keep=False, budget_s=100.0, hurried=lambda: True) == ["1 device", "1 device"]
    assert homes[1].budgets == [0.0]


@pytest.mark.parametrize(("collection", "duplicated", "inherited"), [("", 1, {}), ("1a", 0, {"events.inherited": 1})])
def test_events_of_a_dead_workers_last_uploads_are_no_fault_of_the_platform(collection, duplicated, inherited):
    unit = Unit(collection)
    unit.ledger.seen(3, 24, 0.5)  # nobody here has sent it
    assert unit.quarters.counts.duplicated == duplicated
    assert unit.quarters.counters() == inherited
