"""What is printed when a load test is over, and the same as JSON (`--report FILE`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from simulator.load.histograms import Histogram
from simulator.load.measures import shown, thousands
from simulator.load.meters import FAILED, REQUESTS, SCHEDULE_ERROR
from simulator.load.tally import LedgerCounts
from simulator.load.totals import Merged, WorkerView, split
from simulator.load.verdict import Facts, LoadVerdict, Word

VERSION: Final = 1
"""Of the JSON: grows when a field changes its meaning or goes away; new fields do not count."""
PERCENTILES: Final = (50.0, 95.0, 99.0, 99.9, 99.99)

_WORDS: Final[dict[Word, str]] = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
    "broken": "BROKEN",
    "invalid": "INVALID: the generator was the limit, the figures below say nothing about the platform",
}
_UPLOADS: Final = ("sent", "answered", "refused", "unanswered", "delivered")
_BY_EVENTS: Final = ("lost", "missing", "duplicated", "disordered", "resized", "open")
"""Told only where there are any; `lost` always, for it is what people look for."""
_WORKERS_TOLD: Final = 32
_FAILURES_TOLD: Final = 10


def text(merged: Merged, verdict: LoadVerdict, facts: Facts) -> str:
    """For people: the verdict first, then why, then the figures. Ends with a newline."""
    lines = [_head(verdict, facts)]
    lines += [f"      {_clean(each)}" for each in verdict.findings]
    lines += _expectations(verdict)
    for title, block in (
        ("", _counts(merged, facts)),
        ("failed", _failures(merged)),
        ("latencies", _latencies(merged)),
        ("counters", _counters(merged)),
        ("generator", _workers(merged)),
    ):
        if block:
            lines += ["", *([f"{title}:"] if title else []), *(f"  {_clean(each)}" for each in block)]
    lines += [f"note: {_clean(each)}" for each in facts.notes]
    return "\n".join(lines) + "\n"


def as_json(merged: Merged, verdict: LoadVerdict, facts: Facts) -> bytes:
    """For programs: seconds, bytes, counts; with indentation and a newline."""
    whole = {
        "version": VERSION,
        "verdict": verdict.word,
        "exit_code": verdict.exit_code,
        "test": facts.title,
        "target": facts.target,
        "seed": facts.seed,
        "about": facts.about,
        "elapsed_s": facts.elapsed_s,
        "over": facts.over,
        "bare": facts.bare,
        "findings": verdict.findings,
        "expectations": verdict.expectations,
        "notes": facts.notes,
        "devices": {"planned": merged.planned, "joined": merged.joined},
        "uploads": merged.uploads,
        "groups": merged.groups,
        "latencies": {name: figures(each) for name, each in sorted(_all(merged).items())},
        "counters": dict(sorted(merged.counters.items())),
        "troubles": merged.troubles,
        "errors": merged.errors,
        "lost": merged.lost,
        "gaps": merged.gaps,
        "generator": merged.generator,
        "workers": merged.workers,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def figures(histogram: Histogram) -> dict[str, float]:
    """`count`, and in seconds `mean`, `min`, `p50` … `p99.99`, `max`; only `count` if it is empty."""
    if not histogram.count:
        return {"count": 0}
    found: dict[str, float] = {"count": histogram.count, "mean": histogram.mean_s, "min": histogram.min_s}
    for percentile in PERCENTILES:
        found[f"p{percentile:g}"] = histogram.percentile(percentile)
    return found | {"max": histogram.max_s}


# --- parts ------------------------------------------------------------------------------------------------------------


def _head(verdict: LoadVerdict, facts: Facts) -> str:
    about = [_clean(facts.title)]
    about += [f"against {_clean(facts.target)}"] if facts.target else []
    about += [f"{facts.elapsed_s:.0f} s", f"seed {facts.seed}"]
    return f"{_WORDS[verdict.word]}\n      {', '.join(about)}"


def _expectations(verdict: LoadVerdict) -> list[str]:
    words = {True: "holds", False: "FAILS", None: "?"}
    rows = [(words[each.holds], _clean(each.text), _clean(each.found)) for each in verdict.expectations]
    return ["", "expectations:", *(f"  {line}" for line in _aligned(rows, left=3))] if rows else []


def _counts(merged: Merged, facts: Facts) -> list[str]:
    counts = merged.uploads
    lines = [f"devices: {thousands(merged.joined)} of {thousands(merged.planned)} joined"] if merged.planned else []
    if not counts.sent:
        return lines
    names = [each for each in _UPLOADS if not (facts.bare and each == "delivered")]
    names = [each for each in names if getattr(counts, each) or each in ("sent", "delivered")]
    if not facts.bare:
        names += [each for each in _BY_EVENTS if getattr(counts, each) or each == "lost"]
    lines.append("uploads: " + _told(counts, names))
    if len(merged.groups) > 1:
        rows = [(name, _told(each.uploads, names)) for name, each in sorted(merged.groups.items()) if each.uploads.sent]
        lines += [f"  {line}" for line in _aligned(rows, left=2)]
    return lines


def _told(counts: LedgerCounts, names: Iterable[str]) -> str:
    return ", ".join(f"{thousands(getattr(counts, each))} {each}" for each in names)


def _all(merged: Merged) -> dict[str, Histogram]:
    return {**merged.histograms, **merged.acts}


def _latencies(merged: Merged) -> list[str]:
    """A line for each act of each group, and for each act over all groups where there are several."""
    names = [name for name, each in _all(merged).items() if each.count and not _says_the_same(name, merged)]
    if not names:
        return []
    rows = [("", "count", *(f"p{each:g}" for each in PERCENTILES), "max")]
    for name in sorted(names, key=lambda name: (name == SCHEDULE_ERROR, split(name, merged.groups))):
        each = _all(merged)[name]
        values = [*map(shown, each.percentiles(PERCENTILES)), shown(each.max_s)]
        rows.append((name, thousands(each.count), *values))
    return _aligned(rows, left=1)


def _says_the_same(name: str, merged: Merged) -> bool:
    """Whether it is an act over all groups that only one group has done."""
    return (
        name not in merged.histograms and sum(split(each, merged.groups)[0] == name for each in merged.histograms) == 1
    )


def _failures(merged: Merged) -> list[str]:
    rows = []
    for group, each in sorted(merged.groups.items()):
        reasons = sorted(each.failures.items(), key=lambda item: -item[1])
        rows += [(thousands(number), group, reason) for reason, number in reasons[:_FAILURES_TOLD]]
        if len(reasons) > _FAILURES_TOLD:
            rows.append(("", group, f"and for {len(reasons) - _FAILURES_TOLD} more reasons"))
    return _aligned(rows, left=3, right=1)


def _counters(merged: Merged) -> list[str]:
    """Those of the protocols; requests are in Locust's table."""
    rows = [
        (name, thousands(number))
        for name, number in sorted(merged.counters.items())
        if number and not name.startswith((REQUESTS, FAILED))
    ]
    return _aligned(rows, left=1)


def _workers(merged: Merged) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ("worker", "devices", "uploads", "CPU", "busy", "memory", "drops", "send errors", "throttled", "")
    ]
    rows += [_worker(each) for each in merged.workers[:_WORKERS_TOLD]]
    lines = _aligned(rows, left=1) if merged.workers else []
    if len(merged.workers) > _WORKERS_TOLD:
        lines.append(f"and {len(merged.workers) - _WORKERS_TOLD} more workers")
    return lines


def _worker(worker: WorkerView) -> tuple[str, ...]:
    own = worker.generator
    state = "died" if worker.died else "" if worker.final else "did not settle"
    return (
        f"{worker.index}",
        thousands(worker.joined),
        thousands(worker.sent),
        f"{100 * own.cpu_share:.0f} %",
        f"{own.busy_s:.0f} of {own.seconds:.0f} s",
        f"{own.rss_bytes / 1e6:.0f} MB",
        thousands(own.drops),
        thousands(own.send_errors),
        thousands(own.throttled),
        state,
    )


def _aligned(rows: Sequence[Sequence[str]], *, left: int, right: int = 0) -> list[str]:
    """Columns side by side; the first `left` of them begin at the left, except the first `right`; others end right."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if right <= column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _clean(words: str) -> str:
    """What came from outside must not steer a terminal."""
    return "".join(each if each.isprintable() else "�" for each in words)
