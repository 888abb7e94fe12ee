"""Tabs of Locust's own page: which tables they hold, and the rows of these.

Locust turns every key from `snake_case` into `camelCase`, so keys here are single words without dots.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_COLUMNS: Final[dict[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "fleet": (
        "Fleet",
        (
            ("name", "Group"),
            ("joined", "Devices in"),
            ("planned", "of"),
            ("sent", "Sent"),
            ("answered", "Answered"),
            ("failed", "Failed"),
            ("open", "Open"),
            ("delivered", "Delivered"),
            ("lost", "Lost"),
            ("duplicated", "Duplicated"),
            ("disordered", "Disordered"),
            ("resized", "Resized"),
        ),
    ),
    "latency": (
        "Latency to p99.99",
        (
            ("label", "What"),
            ("requests", "# Requests"),
            ("failed", "# Fails"),
            ("p50", "p50 (ms)"),
            ("p95", "p95 (ms)"),
            ("p99", "p99 (ms)"),
            ("p999", "p99.9 (ms)"),
            ("p9999", "p99.99 (ms)"),
            ("max", "Max (ms)"),
        ),
    ),
    "verdict": ("Verdict", (("what", "What"), ("found", "Found"), ("holds", "Holds"))),
}

TABS: Final = [{"title": title, "key": key} for key, (title, _) in _COLUMNS.items()]
"""Locust's `extended_tabs`."""
TABLES: Final = [
    {"key": key, "structure": [{"key": column, "title": title} for column, title in columns]}
    for key, (_, columns) in _COLUMNS.items()
]
"""Locust's `extended_tables`."""

_HOLDS: Final = {True: "yes", False: "NO", None: "no data yet"}


def rows_of(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Locust's `extended_stats`: the rows of each table, out of what `view.view_of` made."""
    rows = {"fleet": view["groups"], "latency": view["latencies"], "verdict": _verdict(view["verdict"])}
    return [
        {"key": key, "data": [{column: _cell(key, row[column]) for column, _ in columns} for row in rows[key]]}
        for key, (_, columns) in _COLUMNS.items()
    ]


def _verdict(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    word = verdict["word"] + (" so far" if verdict["word"] == "pass" and not verdict["final"] else "")
    return [
        {"what": "verdict", "found": word, "holds": ""},
        *(
            {"what": each["text"], "found": each["found"], "holds": _HOLDS[each["holds"]]}
            for each in verdict["expectations"]
        ),
        *({"what": "finding", "found": line, "holds": ""} for line in verdict["findings"]),
    ]


def _cell(table: str, value: Any) -> Any:
    if table == "latency" and isinstance(value, float):
        return round(value * 1000, 3)
    # An empty cell sorts; null would break Locust's sorting of a column of numbers and words.
    return "" if value is None else value
