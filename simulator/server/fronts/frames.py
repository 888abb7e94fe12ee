"""Messages of a stream as WebSocket frames, many in one piece of bytes (RFC 6455 §5.2).

aiohttp sends each frame with a call of the system of its own, which is most of what a busy stream costs. Its control
frames may come between two pieces: a piece ends where a frame ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from struct import pack

PIECE_BYTES = 128 << 10
"""A piece is sent as soon as it has so many: what waits in the connection stays bounded, whatever the messages are."""

_FINAL_TEXT = 0x81
_SHORT_MOST, _MEDIUM_MOST = 125, 0xFFFF
_MEDIUM, _LONG = 126, 127


@lru_cache(maxsize=1024)
def header(size: int) -> bytes:
    """What stands before a text message of so many bytes, unfragmented; servers do not mask (RFC 6455 §5.1)."""
    if size <= _SHORT_MOST:
        return pack("!BB", _FINAL_TEXT, size)
    if size <= _MEDIUM_MOST:
        return pack("!BBH", _FINAL_TEXT, _MEDIUM, size)
    return pack("!BBQ", _FINAL_TEXT, _LONG, size)


def pieces(messages: Iterable[bytes], most: int = PIECE_BYTES) -> Iterator[bytes]:
    """All messages as frames of text, in pieces of whole frames that end with the frame that reaches `most` bytes."""
    parts: list[bytes] = []
    room = most
    for message in messages:
        size = len(message)
        parts += (header(size), message)
        room -= size
        if room <= 0:
            yield b"".join(parts)
            parts.clear()
            room = most
    if parts:
        yield b"".join(parts)
