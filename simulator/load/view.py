"""A load test at a glance: what the desk knows, as one dict that becomes JSON for the page and Locust's tables.

Nothing here is decided: the verdict comes as it is. Times are seconds, sizes bytes, shares 0 to 1; None is "not known".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from simulator.load.meters import FAILED, REQUESTS, SCHEDULE_ERROR
from simulator.load.series import Series
from simulator.load.tally import GroupTally, LedgerCounts
from simulator.load.totals import split

if TYPE_CHECKING:
    from simulator.load.histograms import Histogram
    from simulator.load.totals import Merged, WorkerView
    from simulator.load.verdict import Facts, LoadVerdict

PERCENTILES: Final = (("p50", 50.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9), ("p9999", 99.99))
"""Key of a latency → percentile. The keys have no dots: Locust's page makes names of them."""

_BY_EVENTS: Final = ("delivered", "lost", "missing", "duplicated", "disordered", "resized", "open")
_LINES: Final = 50
"""Troubles, gaps and reasons that are told; what is more is counted."""


def view_of(
    merged: Merged, verdict: LoadVerdict, facts: Facts, *, phase: str = "", series: Series | None = None
) -> dict[str, Any]:
    """Everything that the page shows; can be written as strict JSON (no NaN, no infinity).

    Args:
        phase: how far the test has come, in a word for people: `joining`, `running`, `settling`, `done`.
        series: how fast it went so far; None: no lines are drawn.
    """
    return {
        "test": facts.title,
        "target": facts.target,
        "phase": phase or ("done" if facts.over else "running"),
        "elapsed": _number(facts.elapsed_s),
        "seed": facts.seed,
        "bare": facts.bare,
        "verdict": _verdict(merged, verdict, facts),
        "fleet": {"planned": merged.planned, "joined": merged.joined},
        "uploads": _uploads(merged.uploads, facts.bare),
        "rates": (series or Series()).rates(),
        "groups": [_group(name, each, facts.bare) for name, each in sorted(merged.groups.items())],
        "latencies": _latencies(merged),
        "counters": _counters(merged.counters),
        "generator": _generator(merged),
        "workers": [_worker(each) for each in merged.workers],
        "failures": _failures(merged),
        "troubles": _counted(merged.troubles),
        "gaps": _told(merged.gaps),
        "notes": list(facts.notes),
    }


def _verdict(merged: Merged, verdict: LoadVerdict, facts: Facts) -> dict[str, Any]:
    # Before the first upload nothing has been held against anything.
    early = verdict.word == "pass" and not facts.over and not merged.uploads.sent
    return {
        "word": "waiting" if early else verdict.word,
        "final": facts.over,
        "findings": list(verdict.findings),
        "expectations": [
            {"text": each.text, "found": each.found, "holds": each.holds} for each in verdict.expectations
        ],
    }


def _uploads(counts: LedgerCounts, bare: bool) -> dict[str, int | None]:
    shown: dict[str, int | None] = {name: getattr(counts, name) for name in LedgerCounts.__struct_fields__}
    # Where nobody reads events, what became of the uploads is not known, which is not the same as nothing.
    return shown | dict.fromkeys(_BY_EVENTS, None) if bare else shown


def _group(name: str, group: GroupTally, bare: bool) -> dict[str, Any]:
    return {
        "name": name,
        "planned": group.planned,
        "joined": group.joined,
        **_uploads(group.uploads, bare),
        "failed": sum(group.failures.values()),
    }


def _latencies(merged: Merged) -> list[dict[str, Any]]:
    """A row for each act of each group, under one over all groups where there are several; beside them, the latency of
    events. The schedule error is the generator's."""
    rows = []
    for act, over_all in sorted(merged.acts.items()):
        if act == SCHEDULE_ERROR:
            continue
        parts = sorted(name for name in merged.histograms if split(name, merged.groups)[0] == act)
        if len(parts) > 1 and act not in merged.histograms:
            rows.append(_latency(act, over_all) | _requests(merged, parts, over_all.count) | {"all": True})
        for name in parts:
            histogram = merged.histograms[name]
            rows.append(_latency(name, histogram) | _requests(merged, [name], histogram.count) | {"all": False})
    return rows


def _requests(merged: Merged, names: Iterable[str], count: int) -> dict[str, int]:
    """Those without a response time are requests too; what is in no table of Locust's has its values only."""
    found = {"requests": 0, "failed": 0}
    for name in names:
        found["requests"] += merged.counters.get(REQUESTS + name, 0)
        found["failed"] += merged.counters.get(FAILED + name, 0)
    return {"requests": found["requests"] or count, "failed": found["failed"]}


def _latency(name: str, histogram: Histogram) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "label": name, "count": histogram.count}
    seen = histogram.count > 0
    row["mean"] = _number(histogram.mean_s) if seen else None
    for key, percentile in PERCENTILES:
        row[key] = _number(histogram.percentile(percentile)) if seen else None
    row["min"] = _number(histogram.min_s) if seen else None
    row["max"] = _number(histogram.max_s) if seen else None
    return row


def _counters(counters: Mapping[str, int]) -> list[dict[str, Any]]:
    """`coap.retransmissions` → in the group `coap`; the requests are with the latencies."""
    groups: dict[str, dict[str, int]] = {}
    for name, value in sorted(counters.items()):
        if name.startswith((REQUESTS, FAILED)):
            continue
        group, dot, rest = name.partition(".")
        groups.setdefault(group if dot else "", {})[rest if dot else name] = value
    return [{"group": group, "values": values} for group, values in groups.items()]


def _generator(merged: Merged) -> dict[str, Any]:
    """The workers together; of the CPU share the largest, for one worker at its limit spoils the test."""
    how = merged.generator
    schedule = merged.acts.get(SCHEDULE_ERROR)
    return {
        "cpu": _number(how.cpu_share),
        "drops": how.drops,
        "send_errors": how.send_errors,
        "throttled": how.throttled,
        "rss": how.rss_bytes,
        "schedule": _latency(SCHEDULE_ERROR, schedule) if schedule is not None else None,
    }


def _worker(worker: WorkerView) -> dict[str, Any]:
    how = worker.generator
    return {
        "name": worker.worker,
        "index": worker.index,
        "state": "died" if worker.died else "settled" if worker.final else "running",
        "at": _number(worker.at_s),
        "planned": worker.planned,
        "joined": worker.joined,
        "cpu": _number(how.cpu_share),
        "busy": _number(how.busy_s),
        "seconds": _number(how.seconds),
        "drops": how.drops,
        "send_errors": how.send_errors,
        "throttled": how.throttled,
        "rss": how.rss_bytes,
    }


def _failures(merged: Merged) -> list[dict[str, Any]]:
    reasons: dict[str, int] = {}
    for name, group in merged.groups.items():
        for reason, times in group.failures.items():
            reasons[f"{name}: {reason}"] = times
    return _counted(reasons)


def _counted(lines: Mapping[str, int]) -> list[dict[str, Any]]:
    """The most frequent ones first."""
    ranked = sorted(lines.items(), key=lambda item: (-item[1], item[0]))
    rows = [{"text": text, "times": times} for text, times in ranked[:_LINES]]
    rest = ranked[_LINES:]
    if rest:
        rows.append({"text": f"and {len(rest)} more kinds", "times": sum(times for _, times in rest)})
    return rows


def _told(lines: Sequence[str]) -> list[str]:
    told = list(lines)
    return [*told[:_LINES], f"and {len(told) - _LINES} more"] if len(told) > _LINES else told


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
