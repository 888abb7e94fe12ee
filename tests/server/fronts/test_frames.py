"""Many messages in one piece: each is a frame of its own, whole, in order, with the shortest header that there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from simulator.server.fronts.frames import PIECE_BYTES, header, pieces


def parsed(data: bytes) -> list[bytes]:
    """The messages in whole, final, unmasked frames of text (RFC 6455 §5.2), by somebody else's reading of it."""
    found = []
    while data:
        assert data[0] == 0x81
        size, begin = data[1], 2
        if size == 126:
            size, begin = int.from_bytes(data[2:4], "big"), 4
            assert size > 125
        elif size == 127:
            size, begin = int.from_bytes(data[2:10], "big"), 10
            assert size > 0xFFFF
        else:
            assert size < 126  # with the highest bit it would be masked
        assert len(data) >= begin + size
        found.append(data[begin : begin + size])
        data = data[begin + size :]
    return found


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "8100"),
        (125, "817d"),
        (126, "817e007e"),
        (65_535, "817effff"),
        (65_536, "817f0000000000010000"),
        (1 << 33, "817f0000000200000000"),
    ],
)
def test_headers(size, expected):
    assert header(size).hex() == expected


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_message_of_any_length_is_one_frame(size):
    assert parsed(b"".join(pieces([bytes(size)]))) == [bytes(size)]


def test_no_messages_are_no_pieces():
    assert list(pieces([])) == []


def test_a_turn_of_a_busy_platform_is_one_piece():
    messages = [b"%0160d\n" % number for number in range(500)]
    (piece,) = pieces(messages)
    assert parsed(piece) == messages
    assert len(piece) < PIECE_BYTES


@given(some.lists(some.integers(0, 300).map(lambda size: size.to_bytes(2, "big") * size), max_size=60))
def test_pieces_are_whole_frames_in_order_and_as_long_as_they_have_to_be(messages):
    most = 500
    cut = [(piece, parsed(piece)) for piece in pieces(messages, most)]
    assert [message for _, each in cut for message in each] == messages
    for number, (piece, each) in enumerate(cut):
        content = sum(map(len, each))
        assert content - len(each[-1]) < most  # the last frame is the one that reached the bound
        assert content >= most or number == len(cut) - 1
        assert len(piece) <= content + 10 * len(each)
