"""Who has which devices: no two workers the same, and an heir exactly those of the dead."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.identity.fleet import POOL_MEMBERS
from simulator.load.claims import Dealer, Want

METERS = [Want("meters", 0)]


def numbers(grant):
    return range(grant.first, grant.first + grant.count)


def test_blocks_follow_each_other_without_gaps():
    dealer = Dealer()
    grants = [dealer.deal(f"w{n % 2}", "Fleet", METERS, 1000) for n in range(4)]
    assert [(each.first, each.count) for each in grants] == [(0, 1000), (1000, 1000), (2000, 1000), (3000, 1000)]
    assert dealer.devices == 4000


def test_a_scenario_is_dealt_out_group_by_group_and_no_device_more():
    dealer, wants = Dealer(), [Want("meters", 1500), Want("valves", 20)]
    grants = list(itertools.takewhile(bool, (dealer.deal("w", "Fleet", wants, 1000) for _ in range(9))))
    assert [(each.group, each.count) for each in grants] == [("meters", 1000), ("meters", 500), ("valves", 20)]


def test_two_user_classes_of_one_group_name_have_their_own():
    dealer = Dealer()
    one, other = (dealer.deal("w", user, [Want("meters", 10)], 10) for user in ("A", "B"))
    assert not set(numbers(one)) & set(numbers(other))


def test_the_blocks_of_a_dead_worker_go_to_whoever_asks_next_with_the_place_where_they_live():
    dealer = Dealer()
    first = dealer.deal("w0", "Fleet", METERS, 10)
    second = dealer.deal("w1", "Fleet", METERS, 10)
    dealer.lives(first.first, "17abc")
    assert [each.first for each in dealer.died("w0")] == [first.first]
    heir = dealer.deal("w1", "Fleet", METERS, 10)
    assert (heir.first, heir.count, heir.collection) == (first.first, first.count, "17abc")
    assert dealer.orphans == ()
    # And when the heir dies as well, both of its blocks are free.
    assert {each.first for each in dealer.died("w1")} == {first.first, second.first}


def test_an_orphan_is_not_given_to_another_class():
    dealer = Dealer()
    dealer.deal("w0", "Fleet", METERS, 10)
    dealer.died("w0")
    assert dealer.deal("w1", "Others", METERS, 10).first == 10
    assert [each.user for each in dealer.orphans] == ["Fleet"]


def test_what_is_given_back_begins_anew_elsewhere():
    dealer = Dealer()
    grant = dealer.deal("w0", "Fleet", METERS, 10)
    dealer.lives(grant.first, "17abc")
    dealer.gives_back(grant.first)
    again = dealer.deal("w1", "Fleet", METERS, 10)
    assert (again.first, again.collection) == (grant.first, "")


def test_what_nobody_has_cannot_live_anywhere_nor_be_given_back():
    dealer = Dealer()
    dealer.lives(0, "17abc")
    dealer.gives_back(0)
    assert dealer.orphans == ()


def test_there_are_no_more_devices_than_addresses():
    dealer = Dealer()
    assert dealer.deal("w", "Fleet", METERS, POOL_MEMBERS + 5).count == POOL_MEMBERS
    assert dealer.deal("w", "Fleet", METERS, 1) is None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("deal"), st.integers(0, 3), st.integers(1, 30)),
            st.tuples(st.just("die"), st.integers(0, 3), st.just(0)),
            st.tuples(st.just("back"), st.integers(0, 3), st.integers(0, 9)),
        ),
        max_size=60,
    )
)
def test_no_device_ever_has_two_masters(deeds):
    dealer = Dealer()
    held: dict[int, dict[int, range]] = {worker: {} for worker in range(4)}
    for deed, worker, number in deeds:
        if deed == "deal":
            grant = dealer.deal(str(worker), "Fleet", METERS, number)
            held[worker][grant.first] = numbers(grant)
        elif deed == "die":
            assert {each.first for each in dealer.died(str(worker))} == set(held[worker])
            held[worker].clear()
        elif held[worker]:
            first = sorted(held[worker])[number % len(held[worker])]
            dealer.gives_back(first)
            del held[worker][first]
        owned = [each for blocks in held.values() for block in blocks.values() for each in block]
        assert len(owned) == len(set(owned))


@pytest.mark.parametrize("count", [1, 7])
def test_a_grant_becomes_the_block_of_its_group(count):
    from simulator.errors import Place
    from simulator.load.traffic import Traffic
    from simulator.scenario.model import Group

    traffics = [
        Traffic(group=Group(name=name, place=Place("x"), count=count), deeds=()) for name in ("meters", "valves")
    ]
    block = Dealer().deal("w", "Fleet", [Want("valves", 0)], count).block(traffics)
    assert block.group is traffics[1].group
    assert [block.member(number).name for number in block.numbers] == [f"valves.{n}" for n in range(count)]
    assert len({block.ip(number) for number in block.numbers}) == count
