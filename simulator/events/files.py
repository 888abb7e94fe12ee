"""Edge: a journal in a file, and files that others have recorded."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from simulator.errors import LocalError
from simulator.events.journal import MAX_LINE_BYTES, Journal, decode_lines
from simulator.events.records import Record

_READ_BYTES: Final = 1 << 20


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """A new journal in that file; flushed and closed when the block ends, however it ends.

    Unbuffered below the journal: what was flushed survives the end of the process.
    Raises: LocalError: the file cannot be made, exists already, or cannot be written (disk full).
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
    except OSError as error:
        raise LocalError(f"{path}: cannot write a journal there: {error.strerror}") from error

    def sink(lines: bytes) -> None:
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError as error:
            raise LocalError(f"{path}: cannot write the journal: {error.strerror}") from error

    journal = Journal(sink)
    try:
        try:
            yield journal
        finally:
            journal.flush()
    finally:
        os.close(descriptor)


def read_journal(path: Path) -> Iterator[Record]:
    """The records of a journal file, one by one.

    Raises: LocalError: the file cannot be read. JournalError: a line is no record.
    """
    try:
        with path.open("rb") as file:
            yield from decode_lines(iter(lambda: file.read(_READ_BYTES), b""))
    except OSError as error:
        raise LocalError(f"{path}: cannot read the journal: {error.strerror}") from error


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, each with its number from 1, without their ends.

    What follows the last newline counts too: a file that was written by hand often ends without one.
    Raises: LocalError: the file cannot be read, or a line is longer than any record.
    """
    try:
        with path.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline(MAX_LINE_BYTES + 1)
                if not line:
                    return
                if len(line) > MAX_LINE_BYTES:
                    raise LocalError(f"{path}:{number}: longer than {MAX_LINE_BYTES} bytes: this is no recorded stream")
                if not line.isspace():
                    yield number, line
    except OSError as error:
        raise LocalError(f"{path}: cannot be read: {error.strerror}") from error
