"""The options of CoAP messages: as bytes, and the values that mean something (RFC 7252 §3.1, §3.2, RFC 7959 §2.2)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from simulator.errors import RemoteError
from simulator.protocol.coap.numbers import TYPE_NAMES, URI_PATH, URI_QUERY

Options = tuple[tuple[int, bytes], ...]
"""Number and value, in the order of the message, that is by number."""

MAX_OPTION_NUMBER = 65535
MAX_BLOCK_NUMBER = (1 << 20) - 1
MAX_SZX = 6


class CoapFormatError(RemoteError):
    """The datagram is no CoAP message.

    Attributes: `problem`; `mid` and `type` as in the header, so that a malformed confirmable message can be answered
    with a reset (RFC 7252 §4.2). Both are None where there is no answer: too short for a header, or another version,
    which §3 tells us to ignore in silence.
    """

    def __init__(self, problem: str, mid: int | None = None, type: int | None = None) -> None:
        super().__init__(problem, mid, type)
        self.problem, self.mid, self.type = problem, mid, type

    def __str__(self) -> str:
        where = "" if self.mid is None or self.type is None else f" ({TYPE_NAMES[self.type]} id 0x{self.mid:04x})"
        return f"not a CoAP message: {self.problem}{where}"


def parse_options(data: bytes, at: int) -> tuple[Options, int]:
    """Options from index `at`, and the index of the payload marker; -1: there is none.

    Raises: CoapFormatError, without id and type.
    """
    options: list[tuple[int, bytes]] = []
    number = 0
    size = len(data)
    while at < size:
        head = data[at]
        if head == 255:
            return tuple(options), at
        at += 1
        delta, at = _extended(head >> 4, data, at)
        length, at = _extended(head & 15, data, at)
        number += delta
        if number > MAX_OPTION_NUMBER:
            raise CoapFormatError(f"option number {number}; they end at {MAX_OPTION_NUMBER}")
        end = at + length
        if end > size:
            raise CoapFormatError(f"ends inside the value of option {number}")
        options.append((number, data[at:end]))
        at = end
    return tuple(options), -1


def _extended(nibble: int, data: bytes, at: int) -> tuple[int, int]:
    """The value of an option delta or length, and the index behind its extension (RFC 7252 §3.1)."""
    if nibble < 13:
        return nibble, at
    if nibble == 15:
        raise CoapFormatError("15 as option delta or length, which is reserved for the payload marker")
    end = at + nibble - 12
    if end > len(data):
        raise CoapFormatError("ends inside an option header")
    return int.from_bytes(data[at:end], "big") + (13 if nibble == 13 else 269), end


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """The option part of a message. Raises: ValueError: not sorted by number, or a number or length out of range."""
    out = bytearray()
    last = 0
    for number, value in options:
        if not last <= number <= MAX_OPTION_NUMBER:
            raise ValueError(f"option {number} after option {last}: sort them, and stay below 65536")
        if len(value) > 65535 + 269:
            raise ValueError(f"option {number} has {len(value)} bytes; 65804 is the most")
        delta_nibble, delta_rest = _extension(number - last)
        length_nibble, length_rest = _extension(len(value))
        out.append(delta_nibble << 4 | length_nibble)
        out += delta_rest
        out += length_rest
        out += value
        last = number
    return bytes(out)


def _extension(value: int) -> tuple[int, bytes]:
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes((value - 13,))
    return 14, (value - 269).to_bytes(2, "big")


def encode_uint(value: int) -> bytes:
    """An option value of format uint: as short as it can be, 0 is empty (RFC 7252 §3.2)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_uint(value: bytes) -> int:
    """The number; leading zeros are accepted, as RFC 7252 §3.2 demands."""
    return int.from_bytes(value, "big")


class Block(msgspec.Struct, frozen=True, gc=False):
    """The value of Block1 and Block2 (RFC 7959 §2.2)."""

    num: int
    more: bool
    szx: int

    @property
    def size(self) -> int:
        """Bytes in a full block: 16 (szx 0) to 1024 (szx 6)."""
        return 16 << self.szx

    @property
    def offset(self) -> int:
        """Where the block begins in the whole body, in bytes."""
        return self.num * self.size

    def encode(self) -> bytes:
        """The option value. Raises: ValueError: the number needs more than 20 bits, or szx is not 0 to 6."""
        if not (0 <= self.num <= MAX_BLOCK_NUMBER and 0 <= self.szx <= MAX_SZX):
            raise ValueError(f"block number {self.num} or szx {self.szx} out of range")
        return encode_uint(self.num << 4 | self.more << 3 | self.szx)

    @staticmethod
    def decode(value: bytes) -> Block:
        """Raises: CoapFormatError: longer than 3 bytes, or the reserved szx 7 (a 4.00 for a server, RFC 7959 §2.2)."""
        if len(value) > 3:
            raise CoapFormatError(f"a block option of {len(value)} bytes; 3 is the most")
        number = int.from_bytes(value, "big")
        if number & 7 == 7:
            raise CoapFormatError("a block option with the reserved size exponent 7")
        return Block(number >> 4, bool(number & 8), number & 7)


def option(options: Options, number: int) -> bytes | None:
    """The value of the first option of that number; None: there is none."""
    for found, value in options:
        if found == number:
            return value
    return None


def path_options(path: str) -> Options:
    """Uri-Path and Uri-Query options of a path such as `data/on/server` or `/rd?ep=x&lt=60` (RFC 7252 §6.4).

    Nothing is percent-decoded. Raises: ValueError: a segment of more than 255 bytes.
    """
    bare, _, query = path.partition("?")
    bare = bare.removeprefix("/")
    found = [(URI_PATH, segment.encode()) for segment in bare.split("/")] if bare else []
    if query:
        found += [(URI_QUERY, part.encode()) for part in query.split("&")]
    for _, value in found:
        if len(value) > 255:
            raise ValueError(f"a path segment of {len(value)} bytes in '{path}'; 255 is the most")
    return tuple(found)


def path_segments(options: Options) -> tuple[bytes, ...]:
    """The values of all Uri-Path options, in order."""
    return tuple(value for number, value in options if number == URI_PATH)


def path_text(options: Options) -> str:
    """The path without a leading slash; bytes that are no UTF-8 become U+FFFD, for any peer may send any bytes."""
    return "/".join(value.decode("utf-8", "replace") for number, value in options if number == URI_PATH)
