"""What the reference server counts about logins and handshakes between the beginning of a story and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.events.records import StatisticsRecord

PRESENT: Final = ("sessions", "sessions.inet")
"""Counters that tell how many there are now, and not how many there have been."""


class Counts:
    """The two looks that a run takes, and what lies between them."""

    __slots__ = ("_began", "_ended")

    def __init__(self) -> None:
        self._began: StatisticsRecord | None = None
        self._ended: StatisticsRecord | None = None

    def take(self, record: StatisticsRecord) -> None:
        """One look."""
        if record.phase == "began":
            self._began = record
        else:
            self._ended = record

    @property
    def t_s(self) -> float:
        """When the second look was taken; 0 if it was not."""
        return self._ended.t_s if self._ended is not None else 0.0

    @property
    def why_not(self) -> str:
        """Why nothing is known; "": it is."""
        for record, when in ((self._began, "when the story began"), (self._ended, "when it was over")):
            if record is None:
                return f"what the server counts was not read {when}"
            if record.error:
                return f"what the server counts could not be read {when}: {record.error}"
        assert self._began is not None
        assert self._ended is not None
        lost = [name for name, before in self._began.found.items() if self._ended.found.get(name, 0) < before]
        lost = [name for name in lost if name not in PRESENT]
        return f"the server has begun to count anew: {lost[0]} went back" if lost else ""

    def found(self) -> Mapping[str, int]:
        """Name → how many between the two looks, or at the second one; what is 0 is left out. {} if it is not known."""
        if self.why_not or self._began is None or self._ended is None:
            return {}
        before = self._began.found
        counted = {
            name: count if name in PRESENT else count - before.get(name, 0)
            for name, count in self._ended.found.items()
        }  # fmt: skip
        return {name: count for name, count in sorted(counted.items()) if count}
