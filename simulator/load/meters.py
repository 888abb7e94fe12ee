"""What the acts of a process took: appended to a list where it happens, and worked up in bulk once a second.

At twenty thousand uploads a second, a call into Locust's statistics for each of them costs more than the upload. So the
hot path appends a number, and `flush` brings a second's worth of them into the histograms and to Locust at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.load.histograms import Histogram

SCHEDULE_ERROR: Final = "schedule error"
"""Hidden meter: how much later than due an act was begun. It belongs to no group."""
REQUESTS: Final = "requests "
"""`requests upload meters`: counter of all uploads of the meters that came to an end, failed ones too."""
FAILED: Final = "failed "
"""`failed upload meters`: those of them that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one meter got since the last flush."""

    took: list[float]
    """Seconds; failed ones that took a known time are among them."""
    untimed: int
    """Further requests, without a response time."""
    bytes: int
    failures: Mapping[str, int]
    """Reason → how often. Failed requests are among `took` and `untimed`."""

    @property
    def requests(self) -> int:
        """All of them, failed ones too, as Locust counts."""
        return len(self.took) + self.untimed


class Sink(Protocol):
    """Where a second's worth of requests goes to: Locust's statistics."""

    def merge(self, kind: str, name: str, batch: Batch, now_s: float) -> None:
        """Count a batch. `kind`: Locust's column Type (`CoAP`); `name`: `upload meters`; `now_s`: Unix seconds."""


class Meter:
    """One kind of act of one group. `took` stays the same list for ever, so its `append` may be kept."""

    __slots__ = (
        "_failures",
        "_failures_before",
        "bytes",
        "histogram",
        "kind",
        "name",
        "requests_before",
        "took",
        "untimed",
        "weighted",
    )

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        self.took: list[float] = []
        """Seconds of each request since the last flush; append to it."""
        self.weighted: list[tuple[float, int]] = []
        """Seconds, and how many acts took so long; for the histogram only, so for hidden meters."""
        self.bytes = 0
        """Of the answers since the last flush; add to it."""
        self.untimed = 0
        self.histogram = Histogram()
        """Everything up to the last flush."""
        self.requests_before = 0
        self._failures: dict[str, int] = {}
        self._failures_before: dict[str, int] = {}

    def fail(self, reason: str, took_s: float | None = None) -> None:
        """Count a request that failed. Call nothing else for it.

        Args:
            took_s: seconds until it was known, which count as those of any other, lest a platform that answers nobody
                looks fast; None: it took no time, because nothing was sent.
        """
        self._failures[reason] = self._failures.get(reason, 0) + 1
        if took_s is None:
            self.untimed += 1
        else:
            self.took.append(took_s)

    def count_only(self, n: int = 1) -> None:
        """Count requests that have no response time, such as datagrams nobody answers."""
        self.untimed += n

    @property
    def requests(self) -> int:
        """All since the last reset, failed ones too."""
        return self.requests_before + len(self.took) + self.untimed

    @property
    def failed(self) -> int:
        """Those of the requests that failed."""
        return sum(self._failures_before.values()) + sum(self._failures.values())

    @property
    def failures(self) -> dict[str, int]:
        """Reason → how often, since the last reset."""
        found = dict(self._failures_before)
        for reason, number in self._failures.items():
            found[reason] = found.get(reason, 0) + number
        return found

    def drain(self) -> Batch | None:
        """Take out what came since the last time, into the histogram too; None: nothing did."""
        if self.weighted:
            self.histogram.record_weighted(self.weighted)
            self.weighted.clear()
        if not (self.took or self.untimed or self._failures or self.bytes):
            return None
        batch = Batch(took=self.took[:], untimed=self.untimed, bytes=self.bytes, failures=self._failures)
        self._failures_before = self.failures
        self.requests_before += batch.requests
        self._forget()
        self.histogram.record_many(batch.took)
        return batch

    def reset(self) -> None:
        """Forget everything; whoever holds the meter goes on with it."""
        self._forget()
        self._failures_before = {}
        self.requests_before = 0
        self.histogram = Histogram()

    def _forget(self) -> None:
        self.took.clear()
        self.weighted.clear()
        self.bytes = self.untimed = 0
        self._failures = {}


class Meters:
    """All meters of a process."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, str], Meter] = {}
        self._hidden: dict[str, Meter] = {}

    def meter(self, kind: str, act: str, group: str) -> Meter:
        """The meter of an act, always the same one. It appears in Locust's tables as `act group` of type `kind`."""
        name = f"{act} {group}" if group else act
        key = kind, name
        if key not in self._meters:
            self._meters[key] = Meter(kind, name)
        return self._meters[key]

    def hidden(self, name: str) -> Meter:
        """A meter that has a histogram and is in no table of Locust's, always the same one.

        One that belongs to a group ends with its name: `upstreamMessage meters`.
        """
        if name not in self._hidden:
            self._hidden[name] = Meter("", name)
        return self._hidden[name]

    def flush(self, sink: Sink, now_s: float) -> None:
        """Work up what came since the last time; once a second. `now_s`: Unix seconds."""
        for meter in self._hidden.values():
            meter.drain()
        for meter in tuple(self._meters.values()):
            batch = meter.drain()
            if batch is not None:
                sink.merge(meter.kind, meter.name, batch, now_s)

    def histograms(self) -> dict[str, bytes]:
        """Everything up to the last flush, by name, encoded; names without values are left out."""
        found: dict[str, Histogram] = {}
        for meter in self:
            if not meter.histogram.count:
                continue
            if meter.name in found:  # one act over two networks: the histogram is of both
                both = Histogram()
                both.add(found[meter.name])
                both.add(meter.histogram)
                found[meter.name] = both
            else:
                found[meter.name] = meter.histogram
        return {name: histogram.encode() for name, histogram in found.items()}

    def counters(self) -> dict[str, int]:
        """`requests upload meters` and `failed upload meters` of everything in the tables, since the last reset."""
        found: dict[str, int] = {}
        for meter in self._meters.values():
            for prefix, number in ((REQUESTS, meter.requests), (FAILED, meter.failed)):
                found[prefix + meter.name] = found.get(prefix + meter.name, 0) + number
        return found

    def reset(self) -> None:
        """Begin anew; the meters stay those they are."""
        for meter in self:
            meter.reset()

    def __iter__(self) -> Iterator[Meter]:
        yield from tuple(self._meters.values())
        yield from tuple(self._hidden.values())
