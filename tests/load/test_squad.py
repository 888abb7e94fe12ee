"""Who is which device: one block for many users, and no device for two of them at a time."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest

from simulator.clock import VirtualClock
from simulator.errors import Place
from simulator.load import squad as module
from simulator.load.claims import Dealer, OwnClaims, wants_of
from simulator.load.squad import Squads, squads_of
from simulator.load.traffic import Traffic
from simulator.scenario.model import Group


def traffic(name="meters", most=None):
    return Traffic(group=Group(name=name, place=Place("x")), deeds=(), most=most)


@pytest.fixture
def station(monkeypatch):
    """A station without a platform, on which opening a block takes a while."""
    opened = []

    def open_quarters(_station, block):
        gevent.sleep(0)
        opened.append(block)
        return SimpleNamespace(block=block, failures={}, judge=lambda: None, home=None)

    monkeypatch.setattr(module, "Quarters", SimpleNamespace(open=open_quarters))
    units, shared = [], {}

    def once(key, make):
        if key not in shared:
            shared[key] = make()
        return shared[key]

    dealer, clock = Dealer(), VirtualClock()
    return SimpleNamespace(
        dealer=dealer,
        clock=clock,
        claims=OwnClaims(dealer, "local"),
        crew=SimpleNamespace(join=units.append),
        units=units,
        opened=opened,
        shared=once,
    )


def test_users_that_begin_together_share_a_block_and_no_device(station):
    squads = Squads(station, "Meters", [traffic()])
    users = [gevent.spawn(squads.enlist) for _ in range(150)]
    gevent.joinall(users, timeout=5, raise_error=True)
    assert sorted(number for _, number in (user.value for user in users)) == list(range(150))
    assert [(block.first, block.count) for block in station.opened] == [(0, 100), (100, 100)]
    assert [unit.planned for unit in station.units] == [100, 50]


def test_the_device_of_a_user_that_ends_is_free_again(station):
    squads = Squads(station, "Meters", [traffic()])
    users = [squads.enlist() for _ in range(100)]
    squad, number = users[17]
    squad.dismiss(number)
    assert squads.enlist() == (squad, number)
    assert (len(station.opened), squad.planned) == (1, 100)


@pytest.mark.parametrize(
    ("most", "portion"),
    [
        pytest.param(None, 100, id="as many as there are users"),
        pytest.param(3, 1, id="few"),
        pytest.param(1000, 20, id="a part of them"),
        pytest.param(100_000, 100, id="very many"),
    ],
)
def test_a_block_leaves_devices_for_other_workers(station, most, portion):
    Squads(station, "Meters", [traffic(most=most)]).enlist()
    (block,) = station.opened
    assert block.count == portion


def test_when_all_devices_have_a_user_there_is_none(station):
    squads = Squads(station, "Meters", [traffic(most=2), traffic("trackers", most=1)])
    found = [squads.enlist() for _ in range(4)]
    assert [each and each[0].quarters.block.group.name for each in found] == ["meters", "meters", "trackers", None]


def test_who_is_in_stays_in_the_sums_when_its_user_ends(station):
    squad, number = Squads(station, "Meters", [traffic()]).enlist()
    squad.is_in(number, True)
    squad.is_in(number, True)
    assert squad.joined == 1
    squad.dismiss(number)
    assert (squad.planned, squad.joined) == (1, 1)
    squad.is_in(number, False)
    assert squad.joined == 0


def test_a_squad_is_quiet_when_nothing_is_under_way_and_over_when_stopped(station):
    squad, _ = Squads(station, "Meters", [traffic()]).enlist()
    squad.under_way += 1
    assert not squad.quiet
    squad.stop(1.0)
    assert squad.over
    squad.under_way -= 1
    assert squad.quiet


def test_what_a_class_says_is_read_once(station):
    asked = []
    first, second = (squads_of(station, "Meters", lambda: asked.append(1) or [traffic()]) for _ in range(2))
    assert first is second
    assert asked == [1]


def test_users_that_come_for_those_of_a_dead_worker_are_its_devices(station):
    squads = Squads(station, "Meters", [traffic()])
    own, _ = squads.enlist()
    for _ in range(2):
        station.dealer.deal("other", "Meters", wants_of([traffic()]), 2)
    assert squads.enlist()[0] is own  # they have a user
    station.dealer.died("other")
    assert squads.enlist() == (own, 2)  # nobody asks for every user
    station.clock.time_s += module.ASK_EVERY_S
    assert [squads.enlist()[1] for _ in range(5)] == [100, 101, 102, 103, 3]
