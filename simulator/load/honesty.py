"""Whether the generator was the limit: then no figure says anything about the platform, and the run is invalid.

Each process is looked at once a second. A process that is busy is no proof by itself, so the seconds count in which
devices are at work and none is on its way in: creating ten thousand devices is to be done as fast as it goes. What
the platform does, such as to stall, must not count: an act that was due began in time all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from simulator.load.meters import REQUESTS, SCHEDULE_ERROR
from simulator.load.tally import Generator
from simulator.wire.sockets import RECEIVE_BUFFER_BYTES

if TYPE_CHECKING:
    from simulator.load.station import Station
    from simulator.load.totals import Merged, WorkerView

BUSY_SHARE: Final = 0.9
"""Of a core: a process that uses more has nothing to spare for what is due now."""
BUSY_SECONDS_SHARE: Final = 0.1
BUSY_SECONDS_LEAST: Final = 3.0
"""Seconds, and share of all seconds, in which a worker may be busy."""
SCHEDULE_ERROR_LIMIT_S: Final = 0.1
"""At p99: more than a person, or a platform's figures, would overlook."""
THROTTLED_SHARE: Final = 0.01
"""Of all acts: so many may have been put off by the rate cap, as chance heaps them up."""


class Watch:
    """Looks at the process that it is in.

    Args:
        cpu_s: CPU time of the process so far, in seconds.
        rss_bytes: memory of the process.
    """

    def __init__(
        self,
        station: Station,
        cpu_s: Callable[[], float] | None = None,
        rss_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._station = station
        self._cpu_s, self._rss_bytes = cpu_s or _cpu_s, rss_bytes or _rss_bytes
        self._looked_s, self._cpu_before_s = station.clock.now(), self._cpu_s()
        self._counted_before = station.counters()
        self._requests = self._joined_most = 0
        self.generator = Generator()
        """How the process did so far; its sums since the watch began."""

    def look(self) -> None:
        """Once a second; another pause does no harm."""
        station, generator = self._station, self.generator
        now, cpu_s = station.clock.now(), self._cpu_s()
        passed_s = now - self._looked_s
        if passed_s > 0:
            generator.cpu_share = (cpu_s - self._cpu_before_s) / passed_s
            self._looked_s, self._cpu_before_s = now, cpu_s
            if self._at_work():
                generator.seconds += passed_s
                if generator.cpu_share >= BUSY_SHARE:
                    generator.busy_s += passed_s
        counters, before = station.counters(), self._counted_before
        generator.drops = counters.get("drops", 0) - before.get("drops", 0)
        generator.send_errors = counters.get("send_errors", 0) - before.get("send_errors", 0)
        generator.throttled = counters.get("throttled", 0) - before.get("throttled", 0)
        generator.rss_bytes = self._rss_bytes()

    def _at_work(self) -> bool:
        """Whether requests have come to an end since the last look, and no device was let in that had not been in."""
        counted = self._station.meters.counters()
        requests = sum(number for name, number in counted.items() if name.startswith(REQUESTS))
        joined = self._station.crew.joined
        working = requests != self._requests and joined <= self._joined_most
        self._requests, self._joined_most = requests, max(joined, self._joined_most)
        return working


def reasons(merged: Merged) -> Iterator[str]:
    """Why the run is invalid, in words with what to do about it; none: the generator was not the limit."""
    for worker in merged.workers:
        yield from _of_worker(worker, "the process" if len(merged.workers) == 1 else f"worker {worker.index}")
    errors = merged.acts.get(SCHEDULE_ERROR)
    if errors is None or not errors.count:
        return
    late_s = errors.percentile(99)
    if late_s > SCHEDULE_ERROR_LIMIT_S:
        yield (
            f"acts began later than they were due: by {late_s * 1e3:.0f} ms at p99 "
            f"(limit {SCHEDULE_ERROR_LIMIT_S * 1e3:.0f} ms); use more workers, or fewer devices"
        )
    throttled = merged.generator.throttled
    if throttled > errors.count * THROTTLED_SHARE:
        yield f"the rate cap has put off {throttled} of {errors.count} acts; raise --most-per-s, or plan fewer acts"


def _of_worker(worker: WorkerView, who: str) -> Iterator[str]:
    seen = worker.generator
    if seen.busy_s >= BUSY_SECONDS_LEAST and seen.busy_s > seen.seconds * BUSY_SECONDS_SHARE:
        yield (
            f"{who} was busy in {seen.busy_s:.0f} of {seen.seconds:.0f} s (above {BUSY_SHARE:.0%} of a core); "
            "use more workers (--processes), or fewer devices"
        )
    if seen.drops:
        yield (
            f"{who} has lost {seen.drops} datagrams in its own receive buffer; "
            f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}, or use more workers"
        )
    if seen.send_errors:
        yield f"{who} could not send {seen.send_errors} datagrams: the system refused them"


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _rss_bytes() -> int:
    """0: unknown here."""
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
