"""Into Locust's own tables, charts, CSV and HTML: a second's worth of requests at once.

Locust counts one request at a time: a call into each of two entries, a clock, a rounding. What ends up in an entry are
sums by rounded response time and by second, and these can be added up before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import inf
from typing import Any, Final

import locust.stats
from locust.stats import RequestStats, StatsEntry, StatsError

from simulator.load.meters import Batch

_ROUNDING: Final = locust.stats.bucket_response_time
_WHOLE_BELOW_MS: Final = 100
"""Below, Locust rounds to whole milliseconds, which needs no call of a Python function for each value."""


class LocustSink:
    """Feeds the statistics of a Locust environment; works in standalone processes and in workers alike."""

    def __init__(self, stats: RequestStats) -> None:
        self._stats = stats

    def merge(self, kind: str, name: str, batch: Batch, now_s: float) -> None:
        """Count a batch of requests as if each had been reported to Locust at `now_s` (Unix seconds)."""
        stats = self._stats
        sums = _Sums(batch)
        # Anew at each batch: a reset in the web page may have replaced them.
        for entry in (stats.total, stats.entries[(name, kind)]):
            _count(entry, batch, sums, now_s)
        for reason, number in batch.failures.items():
            _fail(stats, kind, name, reason, number, now_s)


class _Sums:
    """Of a batch, worked out once for all entries; in milliseconds, as Locust has them."""

    __slots__ = ("buckets", "failures", "least", "most", "took")

    def __init__(self, batch: Batch) -> None:
        took_ms = [each * 1e3 for each in batch.took]
        self.took = sum(took_ms)
        self.least = min(took_ms, default=0.0)
        self.most = max(took_ms, default=0.0)
        self.buckets = _buckets(took_ms, self.most)
        self.failures = sum(batch.failures.values())


def _count(entry: StatsEntry, batch: Batch, sums: _Sums, now_s: float) -> None:
    second, before_s, requests = int(now_s), entry.last_request_timestamp, batch.requests
    if requests and entry.use_response_times_cache and before_s and second > int(before_s):
        # What was there until the second before: charts take the last ten seconds as a difference of two of these.
        entry._cache_response_times(second - 1)
    if requests:
        entry.num_requests += requests
        entry.num_none_requests += batch.untimed
        entry.num_reqs_per_sec[second] += requests
        entry.last_request_timestamp = now_s
    if batch.took:
        # Locust declares integers, and its own users hand it fractions, too.
        figures: Any = entry
        figures.total_response_time += sums.took
        least = entry.min_response_time
        figures.min_response_time = sums.least if least is None else min(least, sums.least)
        figures.max_response_time = max(entry.max_response_time, sums.most)
        for bucket, number in sums.buckets.items():
            entry.response_times[bucket] += number
    entry.total_content_length += batch.bytes
    if sums.failures:
        entry.num_failures += sums.failures
        entry.num_fail_per_sec[second] += sums.failures


def _fail(stats: RequestStats, kind: str, name: str, reason: str, number: int, now_s: float) -> None:
    key = StatsError.create_key(kind, name, reason)
    error = stats.errors.get(key)
    if error is None:
        error = stats.errors[key] = StatsError(kind, name, reason)
    error.occurrences += number
    if error.first_seen is None:
        error.first_seen = now_s
    error.last_seen = now_s


_COARSE: Final = ((10, _WHOLE_BELOW_MS, 1000), (100, 1000, 10_000), (1000, 10_000, inf))
"""Unit of a bucket, in milliseconds, and the times that it is for."""


def _buckets(took_ms: list[float], most_ms: float) -> Mapping[int, int]:
    """Rounded exactly as Locust does it, and counted."""
    rounding = locust.stats.bucket_response_time  # looked up anew: people may have put a function of their own there
    if rounding is not _ROUNDING:
        return Counter(map(rounding, took_ms))
    if most_ms < _WHOLE_BELOW_MS:
        return Counter(map(round, took_ms))
    found = Counter([round(each) for each in took_ms if each < _WHOLE_BELOW_MS])
    for unit, least, less in _COARSE:
        # A quotient is a tie only where the value is one: `round(each, -1)` says the same, twenty times as slowly.
        found.update([round(each / unit) * unit for each in took_ms if least <= each < less])
    return found
