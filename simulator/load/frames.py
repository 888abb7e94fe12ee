"""The frames of an event stream, as far as nearly all of them go: one short message each (RFC 6455 §5.2).

At twenty thousand events a second a general parser is a tenth of a core. What is found here is what such a stream
consists of; every other frame is left to the library, byte by byte as it came.
"""

from __future__ import annotations

from typing import Final

_WHOLE_TEXT, _WHOLE_BINARY = 0x81, 0x82
"""First byte of a message in one frame, without extensions."""
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Length codes for lengths that follow the second byte; a mask, which no server sends, makes them larger."""
_MASK: Final = 0x80


def take_messages(data: bytes, at: int, messages: list[bytes]) -> int:
    """Append the messages that begin at `at`, as long as they are whole, in one frame, and shorter than 64 KiB.

    Returns: where something else begins, or a frame that is not all there, or the end.
    """
    end = len(data) - 1  # the last place where no second byte can be any more
    append = messages.append
    while at < end:
        if data[at] != _WHOLE_TEXT and data[at] != _WHOLE_BINARY:
            return at
        size, body = data[at + 1], at + 2
        if size >= _TWO_BYTES:
            if size != _TWO_BYTES or end - at < 3:
                return at
            size, body = data[at + 2] << 8 | data[at + 3], at + 4
        if body + size > end + 1:
            return at
        at = body + size
        append(data[body:at])
    return at


def frame_end(data: bytes, at: int, most: int) -> int:
    """Where the frame at `at` ends, of whatever kind it is; 0: it is not all there.

    Of a frame with more than `most` bytes it is the end of the header, for the rest need not be waited for.
    """
    if len(data) - at < 2:
        return 0
    code = data[at + 1] & ~_MASK
    extra = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(code, 0)
    header = at + 2 + extra
    if len(data) < header:
        return 0
    size = int.from_bytes(data[at + 2 : header], "big") if extra else code
    body = header + 4 if data[at + 1] & _MASK else header
    if size > most:
        return header
    return body + size if body + size <= len(data) else 0
