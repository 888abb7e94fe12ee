"""Identities are valid in form and differ, against the check values of mobile-network §2.3."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.identity import numbers

INDICES = st.integers(0, numbers.INDEX_LIMIT - 1)
FORMS: list[tuple[Callable[[int], str], int, int]] = [
    (numbers.imsi, 15, 10**10),
    (numbers.imei, 15, 10**8),
    (numbers.imeisv, 16, 10**8),
    (numbers.iccid, 20, 10**12),
    (numbers.msisdn, 15, 10**12),
    (numbers.eid, 32, 10**12),
]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (numbers.imei(0), "989999000000008"),
        (numbers.imei(1), "989999000000016"),
        (numbers.imei(2), "989999000000024"),
        (numbers.imei(999_999), "989999009999994"),
        (numbers.imeisv(0), "9899990000000001"),
        (numbers.imeisv(1, 98), "9899990000000198"),
        (numbers.imsi(0), "999991442695041"),
        (numbers.iccid(1), "89999010000000000013"),
        (numbers.iccid(2), "89999010000000000021"),
        (numbers.msisdn(7), "999000000000007"),
        (numbers.eid(1), "89999001000000000000000000000152"),
        (numbers.eid(2), "89999001000000000000000000000249"),
        (numbers.luhn("49015420323751"), "8"),
        (numbers.luhn("35732204180297"), "3"),
    ],
)
def test_check_values(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize(("make", "length", "limit"), FORMS)
def test_form_and_range(make: Callable[[int], str], length: int, limit: int) -> None:
    for index in (0, 1, limit - 1):
        text = make(index)
        assert len(text) == length
        assert text.isdigit()
        assert not text.startswith("0")
    for index in (-1, limit):
        with pytest.raises(LocalError, match=f"from 0 to {limit - 1}"):
            make(index)


@pytest.mark.parametrize("svn", [-1, 99])
def test_reserved_software_versions_are_refused(svn: int) -> None:
    with pytest.raises(LocalError, match="reserved"):
        numbers.imeisv(0, svn)


@pytest.mark.parametrize("digits", ["", "12a", "-1", "٣", "²", " "])
def test_a_check_digit_needs_digits(digits: str) -> None:
    with pytest.raises(LocalError, match="digits"):
        numbers.luhn(digits)


@given(INDICES)
def test_check_digits_hold(index: int) -> None:
    for text in (numbers.imei(index), numbers.iccid(index)):
        assert luhn_sum(text) % 10 == 0
    assert int(numbers.eid(index)) % 97 == 1


@pytest.mark.parametrize("make", [make for make, _, _ in FORMS])
@given(pair=st.lists(INDICES, min_size=2, max_size=2, unique=True))
def test_two_indices_never_share_an_identity(make: Callable[[int], str], pair: list[int]) -> None:
    assert make(pair[0]) != make(pair[1])


@pytest.mark.parametrize("sent", ["98999900000001", "989999000000010", "989999000000016", "9899990000000101"])
def test_what_a_gateway_sends_names_the_imei(sent: str) -> None:
    """14 digits, 15 with a spare one, 16 with a software version (mobile-network §1.3)."""
    assert numbers.imei_of(sent) == numbers.imei(1)


@given(INDICES, st.integers(0, 98))
def test_an_imei_survives_its_software_version(index: int, svn: int) -> None:
    assert numbers.imei_of(numbers.imeisv(index, svn)) == numbers.imei(index)


@pytest.mark.parametrize("sent", ["", "9899990000000", "98999900000001012", "98999900000001a", "98999900000001٣"])
def test_what_is_no_hardware_names_none(sent: str) -> None:
    with pytest.raises(LocalError, match="digits"):
        numbers.imei_of(sent)


def test_tacs_are_of_nobody() -> None:
    """98 is reserved but for 98000100…98007800, and we stay above (mobile-network §2.1)."""
    tacs = {numbers.imei(index)[:8] for index in range(0, numbers.INDEX_LIMIT, numbers.SNR_LIMIT)}
    assert tacs == {str(tac) for tac in range(98_999_900, 99_000_000)}


def test_scrambling_repeats_nothing() -> None:
    assert sorted(numbers.scramble(index, 4) for index in range(10**4)) == list(range(10**4))


def luhn_sum(digits: str) -> int:
    """The textbook sum over a whole number, written another way than in the product."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value // 10 + value % 10
    return total
