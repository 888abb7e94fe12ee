"""Option values: numbers, blocks, paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol.coap.numbers import LENGTHS, REPEATABLE, is_critical, is_repeatable, is_unsafe
from simulator.protocol.coap.options import (
    Block,
    CoapFormatError,
    decode_uint,
    encode_uint,
    option,
    path_options,
    path_segments,
    path_text,
)


@pytest.mark.parametrize(("number", "value"), [(0, ""), (1, "01"), (255, "ff"), (256, "0100"), (144564, "0234b4")])
def test_numbers_are_as_short_as_possible(number: int, value: str) -> None:
    assert encode_uint(number) == bytes.fromhex(value)
    assert decode_uint(bytes.fromhex(value)) == number


def test_leading_zeros_are_read() -> None:
    assert decode_uint(b"\0\0\1") == 1


@pytest.mark.parametrize(
    ("value", "block"),
    [
        ("", Block(0, False, 0)),
        ("04", Block(0, False, 4)),
        ("0c", Block(0, True, 4)),
        ("14", Block(1, False, 4)),
        ("2344", Block(564, False, 4)),  # the last block of 144 564 bytes (span A.2)
        ("4693", Block(1129, False, 3)),
        ("fffffe", Block((1 << 20) - 1, True, 6)),
    ],
)
def test_block_values(value: str, block: Block) -> None:
    assert Block.decode(bytes.fromhex(value)) == block
    assert block.encode() == bytes.fromhex(value)


def test_offsets_are_in_bytes() -> None:
    assert (Block(3, True, 2).size, Block(3, True, 2).offset) == (64, 192)


@pytest.mark.parametrize("value", ["07", "0f", "000007", "00000000"])
def test_reserved_block_values_are_refused(value: str) -> None:
    with pytest.raises(CoapFormatError):
        Block.decode(bytes.fromhex(value))


@pytest.mark.parametrize("block", [Block(1 << 20, False, 0), Block(-1, False, 0), Block(0, False, 7)])
def test_impossible_blocks_are_not_written(block: Block) -> None:
    with pytest.raises(ValueError, match="out of range"):
        block.encode()


@given(st.binary(max_size=5))
def test_any_block_value_is_read_or_refused(value: bytes) -> None:
    try:
        block = Block.decode(value)
    except CoapFormatError:
        return
    assert decode_uint(block.encode()) == decode_uint(value)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("", ()),
        ("/", ()),
        ("u", ((11, b"u"),)),
        ("data/on/server", ((11, b"data"), (11, b"on"), (11, b"server"))),
        ("/a//b/", ((11, b"a"), (11, b""), (11, b"b"), (11, b""))),
        ("/rd?ep=x&lt=60", ((11, b"rd"), (15, b"ep=x"), (15, b"lt=60"))),
        ("måler", ((11, "måler".encode()),)),
    ],
)
def test_paths_become_options(path: str, options: tuple[tuple[int, bytes], ...]) -> None:
    assert path_options(path) == options


def test_too_long_a_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="256 bytes"):
        path_options("a/" + "x" * 256)


def test_any_bytes_are_a_path() -> None:
    options = ((3, b"host"), (11, b"data\0\xff"), (11, b"x"), (12, b""))
    assert path_segments(options) == (b"data\0\xff", b"x")
    assert path_text(options) == "data\0�/x"


def test_options_are_found_by_number() -> None:
    assert option(((11, b"a"), (11, b"b")), 11) == b"a"
    assert option(((11, b"a"),), 12) is None


def test_option_numbers_tell_their_nature() -> None:
    """RFC 7252, table 4."""
    critical = {1, 3, 5, 7, 11, 15, 17, 23, 27, 35, 39}
    assert {number for number in LENGTHS if is_critical(number)} == critical
    assert {number for number in LENGTHS if is_unsafe(number)} == {3, 6, 7, 11, 14, 15, 23, 27, 35, 39}
    assert {number for number in LENGTHS if is_repeatable(number)} == REPEATABLE
