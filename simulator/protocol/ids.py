"""Ids as the platform prints them: 64 bits in base 24, made of data centre, worker and counter (span §1.1).

    id = dc << 60 | worker << 46 | counter

A generator is a counter and nothing else, so a run hands out the same ids every time. Each type of resource has its
own, hence a device and a collection may carry the same id: never key a map by the bare id across types.
"""

from __future__ import annotations

from simulator.errors import LocalError, RemoteError

ALPHABET = "0123456789abcdefghijklmn"
BASE = len(ALPHABET)

DC_BITS = 4
WORKER_BITS = 14
COUNTER_BITS = 46
MAX_ID = 2**64 - 1

DC_LIMIT = 1 << DC_BITS
WORKER_LIMIT = 1 << WORKER_BITS
COUNTER_LIMIT = 1 << COUNTER_BITS

_MAX_LENGTH = 14
"""Of the largest id in base 24; longer text is refused before it is read."""


class IdError(RemoteError):
    """Text that is no id: a letter outside the alphabet, nothing at all, or more than 64 bits."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 40 else f"{self.text[:40]}…"
        return f"{shown!r} is no id; ids are 1 to {_MAX_LENGTH} characters out of {ALPHABET}, at most 64 bits"


def encode_int(number: int) -> str:
    """An id as text, without padding; 0 is "0".

    Raises: LocalError: `number` does not fit 64 bits.

    >>> encode_int(3)
    '3'
    """
    if not 0 <= number <= MAX_ID:
        raise LocalError(f"id {number} is out of range; ids have 64 bits")
    letters = []
    while number >= BASE:
        number, digit = divmod(number, BASE)
        letters.append(ALPHABET[digit])
    letters.append(ALPHABET[number])
    return "".join(reversed(letters))


def encode(dc: int, worker: int, counter: int) -> str:
    """The id of data centre (4 bits), worker (14 bits) and counter (46 bits).

    Raises: LocalError: one of them is out of range.

    >>> encode(1, 3, 50)
    '17dj5j4ce8bkci'
    """
    return encode_int(_joined(dc, worker, counter))


def decode(text: str) -> int:
    """The number of an id. Upper case is not accepted: the platform never prints it.

    Leading zeros are: they change no number. Raises: IdError: `text` is no id.

    >>> decode("17dj5j4ce8bkci") >> 60
    1
    """
    # Python's own digits are the same, but it takes signs, capitals, spaces and digits of other scripts as well.
    if not (0 < len(text) <= _MAX_LENGTH and text.isascii() and text.isalnum() and text == text.lower()):
        raise IdError(text)
    try:
        number = int(text, BASE)
    except ValueError:
        raise IdError(text) from None
    if number > MAX_ID:
        raise IdError(text)
    return number


def split(number: int) -> tuple[int, int, int]:
    """Data centre, worker and counter of an id's number."""
    return number >> WORKER_BITS + COUNTER_BITS, number >> COUNTER_BITS & WORKER_LIMIT - 1, number & COUNTER_LIMIT - 1


class IdGenerator:
    """Hands out the ids of one type of resource, in order; while dc is 1 the order of the texts is the same (§1.1)."""

    __slots__ = ("_end", "_next")

    def __init__(self, dc: int, worker: int, first: int = 0) -> None:
        """`first` is the counter of the first id. Raises: LocalError: an argument is out of range."""
        self._next = _joined(dc, worker, first)
        self._end = _joined(dc, worker, COUNTER_LIMIT - 1)

    def next(self) -> str:
        """The next id. Raises: LocalError: the 2**46 ids of this worker are used up."""
        number = self._next
        if number > self._end:
            raise LocalError("the ids of this worker are used up; start a generator with another worker number")
        self._next = number + 1
        return encode_int(number)


def _joined(dc: int, worker: int, counter: int) -> int:
    for name, value, limit in (
        ("dc", dc, DC_LIMIT),
        ("worker", worker, WORKER_LIMIT),
        ("counter", counter, COUNTER_LIMIT),
    ):
        if not 0 <= value < limit:
            raise LocalError(f"{name} {value} is out of range; it goes from 0 to {limit - 1}")
    return dc << WORKER_BITS + COUNTER_BITS | worker << COUNTER_BITS | counter
