"""No two devices of a run are alike, whatever its groups are."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.identity import lint, numbers
from simulator.identity.fleet import BLOCK, CARDS, POOL_MEMBERS, Allocation, Card, Identity, card, card_index, identity


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


# --- cards ------------------------------------------------------------------------------------------------------------

LAST = numbers.INDEX_LIMIT - 1
INDICES = st.integers(0, LAST)
CARD_NUMBERS = st.integers(0, CARDS - 1)


def test_there_are_a_hundred_cards_for_each_device() -> None:
    assert CARDS == 100


@given(INDICES)
def test_the_first_card_is_the_own_one_of_the_device(index: int) -> None:
    own = identity(index)
    assert card(index, 0) == Card(own.imsi, own.iccid, own.msisdn)


@given(INDICES, CARD_NUMBERS)
def test_cards_are_valid_in_form(index: int, number: int) -> None:
    it = card(index, number)
    assert not lint.imsi_remark(it.imsi)
    assert not lint.iccid_remark(it.iccid)
    assert it.imsi.startswith("99999")
    assert len(it.msisdn) == 15


@given(st.lists(st.tuples(INDICES, CARD_NUMBERS), min_size=2, max_size=30, unique=True))
def test_no_two_cards_are_alike(which: list[tuple[int, int]]) -> None:
    cards = [card(*each) for each in which]
    for column in zip(*map(astuple, cards), strict=True):
        assert len(set(column)) == len(which)


def test_no_card_of_neighbours_is_like_another() -> None:
    """All hundred of devices at the edges of blocks: where an overflow would show."""
    devices = [0, 1, 2, 99, 100, BLOCK - 1, BLOCK, BLOCK + 1, LAST - BLOCK, LAST - 1, LAST]
    cards = [card(index, number) for index in devices for number in range(CARDS)]
    for column in zip(*map(astuple, cards), strict=True):
        assert len(set(column)) == len(devices) * CARDS


def test_the_last_card_of_the_last_device_has_the_last_imsi() -> None:
    assert card_index(LAST, CARDS - 1) == 10**numbers.MSIN_DIGITS - 1


@pytest.mark.parametrize(
    ("index", "number", "says"),
    [(-1, 0, "device -1"), (LAST + 1, 0, "device 100000000"), (0, -1, "card -1"), (0, 100, "card 100")],
)
def test_a_card_that_does_not_exist_is_said_so(index: int, number: int, says: str) -> None:
    with pytest.raises(LocalError, match=says):
        card(index, number)


@given(INDICES)
def test_an_identity_knows_its_modem_and_its_euicc(index: int) -> None:
    it = identity(index)
    assert numbers.imei_of(it.imeisv) == it.imei
    assert it.eid == numbers.eid(index)
