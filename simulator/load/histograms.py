"""Response times to p99.99, small enough to be sent once a second and mergeable between workers (HdrHistogram).

The package records one value at a time, in some microseconds of Python each, and looks for a percentile in twenty
thousand steps. Here values are recorded and looked up in bulk, straight in its array; its own code encodes and merges.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from math import ceil, inf, isfinite
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from simulator.errors import RemoteError

HIGHEST_S: Final = 3600.0
"""Whatever is above counts as this in percentiles; count, sum and maximum remain right."""
_HIGHEST_US: Final = int(HIGHEST_S * 1e6)
_DIGITS: Final = 3
_UNIT_BITS: Final = 11
"""Values of at most so many bits have counters of their own; of longer ones, so many of the leading bits count."""
_DROPPED_BITS: Final = 42
"""Of the 52 bits of a double's mantissa."""
_MIDDLE: Final = 1 << (_DROPPED_BITS - 1)
_DOUBLE: Final = struct.Struct("=d")
_WORD: Final = struct.Struct("=q")
_MARGIN: Final = 1.001
"""The counter of a value may be the one above its own."""
_EXACT: Final = struct.Struct("!ddd")
"""Sum, minimum, maximum: what the encoded counters only know to three digits."""


class Histogram:
    """Of durations in seconds: from 1 µs to an hour, to three digits."""

    __slots__ = ("_encoded", "_hdr", "_sums", "count", "max_s", "min_s", "sum_s")

    def __init__(self) -> None:
        self.count = 0
        self.sum_s = 0.0
        self.min_s = inf
        self.max_s = 0.0
        self._hdr: Any = None  # 190 KB of counters; not before there is something to count
        self._sums: list[int] | None = None
        self._encoded = b""

    def __del__(self) -> None:
        # The package's histogram and its encoder hold each other. A few of 100 KB are made a second, and the collector,
        # which is told to come rarely under load, would leave half a megabyte a second lying about.
        hdr = getattr(self, "_hdr", None)
        if hdr is not None:
            hdr.encoder.histogram = None

    @property
    def mean_s(self) -> float:
        """0: there is nothing in it."""
        return self.sum_s / self.count if self.count else 0.0

    def record_many(self, seconds: list[float]) -> None:
        """Record some finite values; negative ones, which only clocks could bring about, as 0."""
        if not seconds:
            return
        hdr = self._changing()
        # Native words: the package's own array makes an object of each counter that is touched.
        counters = memoryview(hdr.counts).cast("B").cast("Q")
        for index, number in zip(*_counted(seconds), strict=True):
            counters[index] += number
        self._account(len(seconds), sum(seconds), max(0.0, min(seconds)), max(seconds))

    def record_weighted(self, values: list[tuple[float, int]]) -> None:
        """Record finite seconds, each so many times; negative ones as 0."""
        if not values:
            return
        counters = self._changing().counts
        total, sum_s, low_s, high_s = 0, 0.0, inf, 0.0
        for value, number in values:
            seconds = max(0.0, value)
            counters[_index(int(seconds * 1e6 + 0.5))] += number
            total += number
            sum_s += seconds * number
            low_s, high_s = min(low_s, seconds), max(high_s, seconds)
        self._account(total, sum_s, low_s, high_s)

    def add(self, other: Histogram) -> None:
        """Record all that another one has."""
        if other.count:
            hdr = self._changing()
            hdr.encoder.add(other._hdr.encoder)  # the counters alone, without the package's search for bounds
            self._account(other.count, other.sum_s, other.min_s, other.max_s)

    def merge(self, encoded: bytes) -> None:
        """Record all that an encoded one has.

        Raises: RemoteError: this is no histogram of this kind; nothing has been recorded.
        """
        self.add(decode(encoded))

    def encode(self) -> bytes:
        """Some hundred bytes to a few KB, for `merge`."""
        if not self._encoded:
            hdr = self._hdr if self._hdr is not None else _new()
            self._encoded = _EXACT.pack(self.sum_s, self.min_s, self.max_s) + hdr.encode()
        return self._encoded

    def percentile(self, q: float) -> float:
        """The value in seconds that at least `q` percent of all values do not exceed; 0: there is nothing in it.

        Raises: ValueError: `q` is not in 0 to 100.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"percentile {q} is not in 0 to 100")
        if not self.count:
            return 0.0
        if self._sums is None:
            self._sums = list(accumulate(self._hdr.counts[: _index(self._hdr.max_value) + 1]))
        # Less a hair, lest 99.9 % of 1000 become the 1000th for being 999.0000000000001.
        rank = max(1, ceil(q / 100 * self.count - 1e-6))
        found = _highest_of(bisect_left(self._sums, rank)) / 1e6
        return min(max(found, self.min_s), self.max_s)

    def percentiles(self, qs: Iterable[float]) -> list[float]:
        """Several at once."""
        return [self.percentile(q) for q in qs]

    def _changing(self) -> Any:
        self._sums, self._encoded = None, b""
        if self._hdr is None:
            self._hdr = _new()
        return self._hdr

    def _account(self, count: int, sum_s: float, min_s: float, max_s: float) -> None:
        self.count += count
        self.sum_s += sum_s
        self.min_s = min(self.min_s, min_s)
        self.max_s = max(self.max_s, max_s)
        # What its encoder needs to know: how far the counters go.
        self._hdr.total_count = self.count
        self._hdr.max_value = min(_HIGHEST_US, int(min(self.max_s, HIGHEST_S) * 1e6 * _MARGIN) + 1)


def decode(encoded: bytes) -> Histogram:
    """What `Histogram.encode` made.

    Raises: RemoteError: this is no histogram of this kind.
    """
    found = Histogram()
    try:
        sum_s, min_s, max_s = _EXACT.unpack_from(encoded)
        hdr = HdrHistogram.decode(encoded[_EXACT.size :], b64_wrap=False)
    except Exception as error:  # the package has a dozen kinds of them for a dozen kinds of wrong bytes
        raise RemoteError(f"this is no histogram: {error}") from error
    if (hdr.lowest_trackable_value, hdr.highest_trackable_value, hdr.significant_figures) != (1, _HIGHEST_US, _DIGITS):
        raise RemoteError("this is a histogram of another kind")
    if hdr.total_count:
        if not all(map(isfinite, (sum_s, min_s, max_s))):
            raise RemoteError("this is no histogram: it has no bounds")
        found._hdr = hdr
        found._account(hdr.total_count, sum_s, min_s, max_s)
    return found


def merge_all(histograms: Iterable[Histogram]) -> Histogram:
    """All of them in a new one."""
    found = Histogram()
    for each in histograms:
        found.add(each)
    return found


def _new() -> Any:
    return HdrHistogram(1, _HIGHEST_US, _DIGITS, b64_wrap=False)


def _counted(seconds: list[float]) -> tuple[Iterable[int], Iterable[int]]:
    """Counters, and how often each: without a float operation, or a call, for each value.

    The leading bits of a double are its exponent and the first digits of its mantissa: what they have in common is
    within 0.05 % of its middle, and of all that a fleet can bring about there are some ten thousand.
    """
    bits = array("q", array("d", seconds).tobytes())
    counted = Counter([each >> _DROPPED_BITS for each in bits])
    return map(_COUNTER.__getitem__, counted), counted.values()


class _Counters(dict[int, int]):
    """Leading bits → counter, worked out once."""

    def __missing__(self, leading: int) -> int:
        (middle,) = _DOUBLE.unpack(_WORD.pack((leading << _DROPPED_BITS) + _MIDDLE))
        found = self[leading] = _index(int(min(middle, HIGHEST_S) * 1e6 + 0.5))
        return found


_COUNTER: Final = _Counters()


def _index(micros: int) -> int:
    """Which counter a value belongs to; the package says the same, twenty times as slowly."""
    if micros < 1 << _UNIT_BITS:
        return max(0, micros)
    micros = min(micros, _HIGHEST_US)
    shift = micros.bit_length() - _UNIT_BITS
    return (shift << (_UNIT_BITS - 1)) + (micros >> shift)


def _highest_of(index: int) -> int:
    """The highest value in microseconds that belongs to a counter."""
    if index < 1 << _UNIT_BITS:
        return index
    shift = (index >> (_UNIT_BITS - 1)) - 1
    return ((index - (shift << (_UNIT_BITS - 1)) + 1) << shift) - 1
