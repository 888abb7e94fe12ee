"""Remarks tell of slips of the pen, and of nothing that is in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.identity import lint, numbers

INDICES = st.integers(0, numbers.INDEX_LIMIT - 1)


@given(INDICES)
def test_our_own_identities_get_no_remark(index: int) -> None:
    assert lint.imsi_remark(numbers.imsi(index)) == ""
    assert lint.imei_remark(numbers.imei(index)) == ""
    assert lint.imei_remark(numbers.imeisv(index)) == ""
    assert lint.iccid_remark(numbers.iccid(index)) == ""
    assert lint.eid_remark(numbers.eid(index)) == ""


@pytest.mark.parametrize(
    ("remark", "digits", "says"),
    [
        pytest.param(lint.imsi_remark, "2420100000001", "15 digits as a rule, and 2420100000001 has 13", id="short"),
        pytest.param(lint.imsi_remark, "001010000000001", "begins with 0", id="IMSI of a test network"),
        pytest.param(lint.imei_remark, "357322041802978", "would be 3", id="the platform's own sample"),
        pytest.param(lint.imei_remark, "490154203237518", "", id="the well-known example"),
        pytest.param(lint.imei_remark, "49015420323751", "has 14", id="IMEI without check digit"),
        pytest.param(lint.imei_remark, "4901542032375199", "version 99", id="reserved software version"),
        pytest.param(lint.iccid_remark, "8999901", "19 or 20 digits", id="short ICCID"),
        pytest.param(lint.iccid_remark, "99999010000000000013", "begins with 89", id="ICCID of something else"),
        pytest.param(lint.iccid_remark, "89999010000000000014", "would be 3", id="ICCID with a wrong check digit"),
        pytest.param(lint.eid_remark, "8999900100", "32 digits", id="short EID"),
        pytest.param(lint.eid_remark, "89999001000000000000000000000153", "2 modulo 97", id="EID, wrong"),
    ],
)  # fmt: skip
def test_remarks(remark: Callable[[str], str], digits: str, says: str) -> None:
    said = remark(digits)
    assert says in said
    assert bool(said) is bool(says)


@given(INDICES, st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(index: int, place: int, by: int) -> None:
    right = numbers.imei(index)
    wrong = f"{right[:place]}{(int(right[place]) + by) % 10}{right[place + 1 :]}"
    assert lint.imei_remark(wrong)
