"""No two devices of a run are alike, whatever its groups are."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.identity.fleet import BLOCK, POOL_MEMBERS, Allocation, Identity, identity


def test_groups_get_whole_blocks_in_file_order() -> None:
    allocation = Allocation([3, 0, BLOCK + 1, 1])
    assert [allocation.index(group, 0) for group in (0, 2, 3)] == [0, BLOCK, 3 * BLOCK]
    assert allocation.index(2, BLOCK) == 2 * BLOCK


def test_addresses_are_dense_and_begin_at_the_third() -> None:
    allocation = Allocation([2, 3])
    addresses = [allocation.ip(0, 0), allocation.ip(0, 1), allocation.ip(1, 0), allocation.ip(1, 2)]
    assert addresses == [0x7F400002, 0x7F400003, 0x7F400004, 0x7F400006]


def test_the_last_address_is_the_last_of_the_pool() -> None:
    assert Allocation([POOL_MEMBERS]).ip(0, POOL_MEMBERS - 1) == 0x7F7FFFFF


def test_a_member_keeps_its_identity_while_another_group_grows() -> None:
    assert Allocation([5, 10]).identity(1, 7) == Allocation([900, 10]).identity(1, 7)


def test_an_identity_is_made_of_its_index() -> None:
    assert identity(1) == Identity(1, "999997806831264", "989999000000016", "89999010000000000013", "999000000000001")


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=6).filter(lambda counts: sum(counts) <= POOL_MEMBERS), st.data())
def test_no_two_members_are_alike(counts: list[int], data: st.DataObject) -> None:
    allocation = Allocation(counts)
    members = [(group, member) for group, count in enumerate(counts) for member in {0, count // 2, count - 1} if count]
    if any(counts):
        group = data.draw(st.sampled_from([group for group, count in enumerate(counts) if count]))
        members.append((group, data.draw(st.integers(0, counts[group] - 1))))
    chosen = sorted(set(members))
    facts = [(allocation.ip(group, member), *astuple(allocation.identity(group, member))) for group, member in chosen]
    for column in zip(*facts, strict=True):
        assert len(set(column)) == len(chosen)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        pytest.param([POOL_MEMBERS + 1], "4194303 devices are more than the 4194302 addresses", id="addresses"),
        pytest.param([1] * 101, "101 groups need 101 blocks of identities, and there are 100", id="identities"),
        pytest.param([-1], "-1 members", id="negative"),
    ],
)
def test_too_many_is_said_with_what_to_do(counts: list[int], says: str) -> None:
    with pytest.raises(LocalError, match=says):
        Allocation(counts)


@pytest.mark.parametrize(("group", "member"), [(0, 2), (0, -1), (1, 0), (-1, 0)])
def test_a_member_that_does_not_exist_has_no_number(group: int, member: int) -> None:
    allocation = Allocation([2])
    for ask in (allocation.index, allocation.ip, allocation.identity):
        with pytest.raises(LocalError, match=f"no member {member} of group {group}"):
            ask(group, member)
