"""Ids in base 24, against the vectors of span §1.1."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.protocol.ids import ALPHABET, MAX_ID, IdError, IdGenerator, decode, encode, encode_int, split

VECTORS = [
    (1, 1, 50, "17dh0cf43jfgna"),
    (1, 3, 50, "17dj5j4ce8bkci"),
    (1, 156, 34, "17kl14hm46h4c2"),
    (1, 198, 0, "17mjfma79c872g"),
    (1, 1, 0, "17dh0cf43jfgl8"),
    (15, 16383, 2**46 - 1, "l12ee5fn0ji1if"),
    (0, 0, 3, "3"),
    (0, 0, 0, "0"),
]


@pytest.mark.parametrize(("dc", "worker", "counter", "text"), VECTORS)
def test_parts_and_text_are_the_same_id(dc: int, worker: int, counter: int, text: str) -> None:
    assert encode(dc, worker, counter) == text
    assert split(decode(text)) == (dc, worker, counter)


@given(st.integers(0, MAX_ID))
def test_every_64_bit_number_comes_back(number: int) -> None:
    assert decode(encode_int(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("17DJ5J4CE8BKCI", id="upper case"),
        pytest.param("17dj5j4ce8bkco", id="letter beyond n"),
        pytest.param("-1", id="sign"),
        pytest.param(" 3", id="space"),
        pytest.param("٣", id="digit of another script"),
        pytest.param("l12ee5fn0ji1ig", id="one more than 64 bits"),
        pytest.param("1" * 100_000, id="very long"),
    ],
)
def test_text_that_is_no_id_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(IdError) as caught:
        decode(text)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@given(st.text() | st.text(ALPHABET))
@example("nnnnnnnnnnnnnn")
def test_any_text_is_an_id_or_an_id_error(text: str) -> None:
    try:
        number = decode(text)
    except IdError:
        return
    assert encode_int(number) == (text.lstrip("0") or "0")


@pytest.mark.parametrize("parts", [(16, 0, 0), (0, 1 << 14, 0), (0, 0, 1 << 46), (-1, 0, 0)])
def test_parts_out_of_range_are_our_own_mistake(parts: tuple[int, int, int]) -> None:
    with pytest.raises(LocalError, match="out of range"):
        encode(*parts)


@pytest.mark.parametrize("number", [-1, MAX_ID + 1])
def test_numbers_beyond_64_bits_are_our_own_mistake(number: int) -> None:
    with pytest.raises(LocalError, match="64 bits"):
        encode_int(number)


def test_a_generator_counts_and_its_texts_are_in_order() -> None:
    ids = IdGenerator(1, 3, first=50)
    handed_out = [ids.next() for _ in range(1000)]
    assert handed_out[0] == "17dj5j4ce8bkci"
    assert [split(decode(text))[2] for text in handed_out] == list(range(50, 1050))
    assert handed_out == sorted(handed_out)


def test_a_generator_ends_instead_of_taking_another_workers_ids() -> None:
    ids = IdGenerator(1, 3, first=2**46 - 1)
    assert split(decode(ids.next())) == (1, 3, 2**46 - 1)
    with pytest.raises(LocalError, match="used up"):
        ids.next()
