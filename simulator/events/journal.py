"""The journal: everything that happened in a run, one JSON object per line, only ever appended to.

A line is deterministic: keys in the order in which `records` declares them, the platform's own objects in the order
in which they came, numbers in their shortest form that reads back as the same number. What reaches the sink are whole
lines, so a run that is killed leaves a file that can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from simulator.errors import SimulatorError
from simulator.events.records import Record

FLUSH_BYTES: Final = 64 * 1024
"""So much is gathered before it is handed to the sink."""

_encoder = msgspec.json.Encoder()
_encode_into = _encoder.encode_into
_decode: Callable[[bytes], Any] = msgspec.json.Decoder(Record).decode
MAX_LINE_BYTES: Final = 4 << 20
"""No record is longer; a file whose lines are is no journal."""


class JournalError(SimulatorError):
    """A journal holds a line that is no record."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem, line)
        self.problem, self.line = problem, line

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}" if self.line else self.problem


def encode(record: Record) -> bytes:
    """One line, with its newline."""
    return _encoder.encode(record) + b"\n"


def decode_line(line: bytes, number: int = 0) -> Record:
    """The record of one line.

    Args:
        number: of the line in its file, from 1, for the error; 0: unknown.
    Raises: JournalError: not JSON, no known kind, or a field is missing or of the wrong type.
    """
    try:
        record: Record = _decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise JournalError(f"no record of a journal: {error}", number) from error
    return record


def decode_lines(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The records of a journal that is read in chunks of any size.

    Empty lines are skipped. What follows the last newline was being written when the run was killed; it is left out.
    Raises: JournalError: with the number of the line.
    """
    rest, number = b"", 0
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            if line and not line.isspace():
                yield decode_line(line, number)
        if len(rest) > MAX_LINE_BYTES:
            raise JournalError(f"longer than {MAX_LINE_BYTES} bytes: this is no journal", number + 1)


class Journal:
    """Gathers lines and hands them on in large pieces.

    Args:
        sink: takes whole lines; what it raises reaches whoever wrote or flushed, and the lines are not offered again.
    """

    __slots__ = ("_buffer", "_sink")

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._buffer = bytearray()

    def write(self, record: Record) -> None:
        """Append one record."""
        buffer = self._buffer
        _encode_into(record, buffer, -1)
        buffer += b"\n"
        if len(buffer) >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand on what was gathered; nothing if there is nothing."""
        if self._buffer:
            lines = bytes(self._buffer)
            self._buffer.clear()
            self._sink(lines)
