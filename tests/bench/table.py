"""Samples of interleaved rounds → the Markdown table of the README."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Row:
    """One program: its samples in microseconds of CPU time per exchange, one per round."""

    label: str
    samples: list[float] = field(default_factory=list)
    target: float | None = None
    """How many times the C limit it may cost (architecture's aim, not asserted)."""
    note: str = ""


def ratios(row: Row, limit: Row | None) -> list[float]:
    """Round by round, because only samples of one moment can be compared."""
    if limit is None:
        return []
    return [sample / base for sample, base in zip(row.samples, limit.samples, strict=False) if base]


def side(title: str, rows: Iterable[Row], limit: Row | None) -> list[str]:
    """One table: every row with its ratio to the C limit of the same round; medians."""
    lines = [
        f"| {title} | µs of CPU per exchange | × C | aim |",
        "|---|---:|---:|---:|",
    ]
    for row in rows:
        if not row.samples:
            lines.append(f"| {row.label} | – | – | {row.note or 'not measured'} |")
            continue
        against = ratios(row, limit)
        times = f"{median(against):.1f}" if against else "–"
        aim = f"≤ {row.target}" if row.target is not None else ""
        lines.append(f"| {row.label} | {median(row.samples):.1f} | {times} | {aim} |")
    return lines


def figures(values: Mapping[str, tuple[float | None, str, str]]) -> list[str]:
    """A table of single figures: what → value, unit, aim. None: not measured."""
    lines = ["| | measured | aim |", "|---|---:|---:|"]
    for what, (value, unit, aim) in values.items():
        lines.append(f"| {what} | {'–' if value is None else f'{value:.1f} {unit}'} | {aim} |")
    return lines
