"""What all workers have told, as one: the latest word of each, added up.

Tallies are sums since the test began, so that none is counted twice, a lost one does no harm, and what a worker told
before it died stays in the totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from simulator.load.histograms import Histogram, decode, merge_all
from simulator.load.meters import SCHEDULE_ERROR
from simulator.load.tally import BlockTally, Generator, GroupTally, LedgerCounts, Tally

_OVER_ALL: frozenset[str] = frozenset({SCHEDULE_ERROR})
"""Names that belong to no group, whatever the groups are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One worker, as far as it has told."""

    worker: str
    index: int
    at_s: float
    """Seconds since its test began, at its latest tally."""
    final: bool
    """It has settled; what it told is the end of it."""
    died: bool
    """It went away before that."""
    generator: Generator
    sent: int
    open: int
    """Uploads that wait for their event or answer."""
    joined: int
    planned: int
    gaps: tuple[str, ...]
    """When its streams were blind."""
    blocks: tuple[BlockTally, ...]

    @property
    def blind(self) -> bool:
        """Whether events may have come that it did not see, or could not tell of any more."""
        return bool(self.gaps) or (self.died and self.sent > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """All workers together."""

    groups: Mapping[str, GroupTally] = field(default_factory=dict)
    uploads: LedgerCounts = field(default_factory=LedgerCounts)
    """Over all groups."""
    counters: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    """`upload meters` → durations."""
    acts: Mapping[str, Histogram] = field(default_factory=dict)
    """`upload` → durations, over all groups; also those that belong to no group, such as `schedule error`."""
    troubles: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    """What tasks of users have raised → how often."""
    lost: tuple[str, ...] = ()
    """Some of the lost uploads, a line each."""
    gaps: tuple[str, ...] = ()
    """Of all workers; where there are several, each says whose it is."""
    workers: tuple[WorkerView, ...] = ()
    """By their index."""
    generator: Generator = field(default_factory=Generator)
    """Sums; but the CPU share is that of the busiest worker."""
    at_s: float = 0.0
    """The latest moment that anybody has told of."""

    @property
    def joined(self) -> int:
        """Devices that have attached or connected."""
        return sum(each.joined for each in self.groups.values())

    @property
    def planned(self) -> int:
        """Devices that the workers are to drive."""
        return sum(each.planned for each in self.groups.values())

    @property
    def blind(self) -> bool:
        """Whether events may have come that nobody saw."""
        return bool(self.gaps) or any(each.blind for each in self.workers)

    @property
    def settled(self) -> bool:
        """Whether everybody has told all there is to tell, or cannot any more."""
        return all(each.final or each.died for each in self.workers)


class Totals:
    """Feed it tallies as they come in, in any order; ask it as often as you like."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}
        self._died: set[str] = set()
        self._decoded: dict[tuple[str, str], tuple[bytes, Histogram]] = {}

    def take(self, tally: Tally) -> None:
        """Let a worker's tally replace its former one.

        Raises: RemoteError: a histogram of it is none; the former tally stays.
        """
        before = self._tallies.get(tally.worker)
        if before is not None and (before.number > tally.number or before.final):
            return
        new = {}
        for name, encoded in tally.histograms.items():
            known = self._decoded.get((tally.worker, name))
            if known is None or known[0] != encoded:
                new[tally.worker, name] = encoded, decode(encoded)
        self._decoded |= new
        self._tallies[tally.worker] = tally

    def died(self, worker: str) -> None:
        """A worker is gone. What it told stays; where it had settled before, that changes nothing."""
        self._died.add(worker)

    def merged(self) -> Merged:
        """Everything there is, added up anew."""
        tallies = [self._present(tally) for tally in self._tallies.values()]
        tallies += [Tally(worker=worker) for worker in self._died - self._tallies.keys()]
        tallies.sort(key=lambda tally: (tally.index, tally.worker))
        groups: dict[str, GroupTally] = {}
        for tally in tallies:
            for name, group in tally.groups.items():
                groups[name] = add_groups(groups[name], group) if name in groups else group
        histograms = self._histograms(tallies)
        return Merged(
            groups=groups,
            uploads=add_counts(group.uploads for group in groups.values()),
            counters=add_numbers(tally.counters for tally in tallies),
            histograms=histograms,
            acts=_by_act(histograms, groups),
            troubles=add_numbers(tally.troubles for tally in tallies),
            errors=add_numbers(tally.errors for tally in tallies),
            lost=tuple(line for tally in tallies for line in tally.lost),
            gaps=tuple(_gaps(tallies)),
            workers=tuple(self._view(tally) for tally in tallies),
            generator=add_generators(tally.generator for tally in tallies),
            at_s=max((tally.at_s for tally in tallies), default=0.0),
        )

    def _present(self, tally: Tally) -> Tally:
        """Of a dead worker, what it did remains; its devices are other workers' now, and it needs no processor."""
        if tally.final or tally.worker not in self._died:
            return tally
        groups = {
            name: GroupTally(uploads=group.uploads, failures=group.failures) for name, group in tally.groups.items()
        }
        generator = msgspec.structs.replace(tally.generator, cpu_share=0.0, rss_bytes=0)
        return msgspec.structs.replace(tally, groups=groups, generator=generator)

    def _histograms(self, tallies: Iterable[Tally]) -> dict[str, Histogram]:
        parts: dict[str, list[Histogram]] = {}
        for tally in tallies:
            for name in tally.histograms:
                parts.setdefault(name, []).append(self._decoded[tally.worker, name][1])
        return {name: _one(each) for name, each in parts.items()}

    def _view(self, tally: Tally) -> WorkerView:
        uploads = add_counts(group.uploads for group in tally.groups.values())
        return WorkerView(
            worker=tally.worker,
            index=tally.index,
            at_s=tally.at_s,
            final=tally.final,
            died=tally.worker in self._died and not tally.final,
            generator=tally.generator,
            sent=uploads.sent,
            open=uploads.open,
            joined=sum(group.joined for group in tally.groups.values()),
            planned=sum(group.planned for group in tally.groups.values()),
            gaps=tuple(tally.gaps),
            blocks=tuple(tally.blocks),
        )


def add_numbers(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by name."""
    found: dict[str, int] = {}
    for each in many:
        for name, number in each.items():
            found[name] = found.get(name, 0) + number
    return found


def add_counts(many: Iterable[LedgerCounts]) -> LedgerCounts:
    """Sums, in a new object."""
    each = tuple(many)
    return LedgerCounts(**{name: sum(getattr(counts, name) for counts in each) for name in _COUNTS})


def add_groups(one: GroupTally, other: GroupTally) -> GroupTally:
    """Sums, in a new object."""
    return GroupTally(
        planned=one.planned + other.planned,
        joined=one.joined + other.joined,
        uploads=add_counts((one.uploads, other.uploads)),
        failures=add_numbers((one.failures, other.failures)),
    )


def add_generators(many: Iterable[Generator]) -> Generator:
    """Sums, in a new object; of the CPU share, the largest: the busiest worker is the one that spoils the run."""
    each = tuple(many)
    found = Generator(**{name: sum(getattr(one, name) for one in each) for name in _GENERATOR})
    found.cpu_share = max((one.cpu_share for one in each), default=0.0)
    return found


def split(name: str, groups: Iterable[str]) -> tuple[str, str]:
    """A histogram's name as act and group; the group is "" where it belongs to none.

    >>> split("upload meters", ["meters"]), split("schedule error", ["error"])
    (('upload', 'meters'), ('schedule error', ''))
    """
    if name not in _OVER_ALL:
        act, _, group = name.rpartition(" ")
        if act and group in groups:
            return act, group
    return name, ""


_COUNTS = LedgerCounts.__struct_fields__
_GENERATOR = Generator.__struct_fields__


def _by_act(histograms: Mapping[str, Histogram], groups: Mapping[str, GroupTally]) -> dict[str, Histogram]:
    parts: dict[str, list[Histogram]] = {}
    for name, histogram in histograms.items():
        parts.setdefault(split(name, groups)[0], []).append(histogram)
    return {act: _one(each) for act, each in parts.items()}


def _one(parts: list[Histogram]) -> Histogram:
    """All of them together. One alone is taken as it is: nobody changes what was told, and it knows its percentiles."""
    return parts[0] if len(parts) == 1 else merge_all(parts)


def _gaps(tallies: list[Tally]) -> Iterable[str]:
    for tally in tallies:
        whose = f"worker {tally.worker}: " if len(tallies) > 1 else ""
        for gap in tally.gaps:
            yield whose + gap
