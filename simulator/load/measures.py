"""What a threshold can be about: a name in words, and where its value stands in what the workers have told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from simulator.errors import UsageError
from simulator.load.histograms import Histogram
from simulator.load.meters import FAILED, REQUESTS, SCHEDULE_ERROR
from simulator.load.tally import LedgerCounts
from simulator.load.totals import Merged
from simulator.words import VERBS, nearest

EVENT: Final = "upstreamMessage"
"""The event whose latency is measured, from the moment its upload was due."""
ACTS: Final = tuple(verb.name for verb in VERBS if verb.by == "device" and verb.now)
COUNTS: Final = LedgerCounts.__struct_fields__
"""Of uploads: `sent`, `lost` …"""
OTHERS: Final = ("failed", "requests", "joined", "planned", "troubles", "gaps", "drops", "send_errors")
_SEEN: Final = ("delivered", "missing")
"""What suffers where a stream was blind. Lost is only what should have come while somebody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A count."""

    value: float
    whole: float = 0.0
    """What a share of it is a share of; 0: there is nothing yet."""
    unsure: bool = False
    """Whether it might be better if every event had been seen."""


Count = Callable[[Merged], Measured | str]
"""The value, or why there is none."""
Durations = Callable[[Merged], Histogram | str]


def durations(name: str, groups: Collection[str] | None) -> Durations:
    """Those of an act (`upload`), of an act of a group (`upload meters`), or of `upstreamMessage` or `schedule error`.

    Args:
        groups: all there are; None: not known yet, any name may be one.
    Raises: UsageError: there is no such thing.
    """
    timed = (*ACTS, EVENT, SCHEDULE_ERROR)
    if name != SCHEDULE_ERROR:
        act, _, group = name.partition(" ")
        _known(act, timed, "nothing called {} takes a time", groups)
        _group(group, groups)

    def read(merged: Merged) -> Histogram | str:
        found = merged.histograms.get(name) or merged.acts.get(name)
        return found if found is not None and found.count else f"no {name} was timed"

    return read


def count(name: str, groups: Collection[str] | None) -> Count:
    """A count of uploads (`lost`), of acts (`failed upload`), of devices (`joined`) or of a protocol
    (`coap.retransmissions`), most of them of one group too (`lost meters`).

    Raises: UsageError: there is no such thing.
    """
    first, _, rest = name.partition(" ")
    if first in ("failed", "requests"):
        act, _, group = rest.partition(" ")
        if act:
            _known(act, ACTS, "no act is called {}", groups)
        _group(group, groups)
        return lambda merged: _acts(merged, first, act, group)
    if "." in name or first in ("drops", "send_errors"):
        return lambda merged: _counter(merged, name)
    if first in ("troubles", "gaps"):
        if rest:
            raise UsageError(f"{first} are those of the whole test, not of {rest}")
        return lambda merged: Measured(value=sum(merged.troubles.values()) if first == "troubles" else len(merged.gaps))
    if first in ACTS:
        raise UsageError(f"what of {name}? (write failed {name}, requests {name}, or {name} p99)")
    _known(first, (*COUNTS, *OTHERS), "nothing called {} is counted", groups)
    _group(rest, groups)
    if first in ("joined", "planned"):
        return lambda merged: _devices(merged, first, rest)
    return lambda merged: _uploads(merged, first, rest)


def sent(merged: Merged, group: str = "") -> int:
    """Uploads that were sent, or, where nobody keeps a ledger (bare), that came to an end."""
    counts = [each.uploads.sent for name, each in merged.groups.items() if group in ("", name)]
    return sum(counts) or requests(merged, "upload", group)


def requests(merged: Merged, act: str = "", group: str = "", prefix: str = REQUESTS) -> int:
    """Acts that came to an end, failed ones too. `prefix` FAILED: those that failed."""
    wanted = f"{act} {group}" if group else act
    return sum(
        number
        for name, number in merged.counters.items()
        if name.startswith(prefix) and _covers(wanted, name[len(prefix) :])
    )


def _covers(wanted: str, name: str) -> bool:
    return not wanted or name == wanted or name.startswith(wanted + " ")


def _acts(merged: Merged, first: str, act: str, group: str) -> Measured | str:
    whole = requests(merged, act, group)
    if not whole and (first == "failed" or not requests(merged)):
        return f"no {' '.join(each for each in (act, group) if each) or 'act'} came to an end"
    return Measured(value=requests(merged, act, group, FAILED) if first == "failed" else whole, whole=whole)


def _counter(merged: Merged, name: str) -> Measured | str:
    if name not in merged.counters:
        near = nearest(name, merged.counters)
        return f"nobody counts {name}" + (f", but {near}" if near else "")
    return Measured(value=merged.counters[name], whole=sent(merged))


def _devices(merged: Merged, which: str, group: str) -> Measured | str:
    if group and group not in merged.groups:
        return f"no group {group} was driven"
    groups = [merged.groups[group]] if group else merged.groups.values()
    whole = sum(each.planned for each in groups)
    return Measured(value=sum(each.joined for each in groups) if which == "joined" else whole, whole=whole)


def _uploads(merged: Merged, which: str, group: str) -> Measured | str:
    whole = sent(merged, group)
    if which == "sent":
        return Measured(value=whole, whole=whole)
    counts = merged.groups[group].uploads if group in merged.groups else merged.uploads if not group else LedgerCounts()
    if not counts.sent:
        return "no upload was observed" if whole else "nothing was sent"
    return Measured(value=getattr(counts, which), whole=whole, unsure=which in _SEEN and merged.blind)


def _known(word: str, known: Iterable[str], problem: str, groups: Collection[str] | None) -> None:
    names = tuple(known)
    if word in names:
        return
    near = nearest(word, names)
    hint = f"did you mean '{near}'?" if near else f"known: {', '.join(names)}"
    if groups and word in groups:
        hint = f"the group comes last, as in: upload {word}"
    raise UsageError(f"{problem.format(repr(word))} ({hint})")


def _group(group: str, groups: Collection[str] | None) -> None:
    if group and groups is not None and group not in groups:
        near = nearest(group, groups)
        hint = f"did you mean '{near}'?" if near else f"known: {', '.join(groups)}"
        raise UsageError(f"no group '{group}' ({hint})")
    if " " in group:
        raise UsageError(f"'{group}' is no name of a group")


def shown(seconds: float) -> str:
    """A duration with three digits and the unit that suits it.

    >>> shown(0.000085), shown(0.01234), shown(1.5), shown(93.04)
    ('85 µs', '12.3 ms', '1.50 s', '93.0 s')
    """
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{_three(seconds * 1e3)} ms"
    return f"{_three(seconds)} s"


def thousands(number: int) -> str:
    """In groups of three.

    >>> thousands(144512)
    '144 512'
    """
    return f"{number:,}".replace(",", " ")


def _three(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"
