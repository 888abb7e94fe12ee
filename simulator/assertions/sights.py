"""What one reader of the event stream could see: the run's own observer, or a further one of the scenario.

A further observer's stream may be shut on purpose: before it is opened, after `unsubscribe` or `revoke`, or because it
was refused. Then it does not see, and that is what `never … by` says: it holds. What must have been seen meanwhile is
not decided. A stream that was lost is a gap, and leaves both open.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from simulator.assertions.gaps import Gaps
from simulator.assertions.texts import moment, shown
from simulator.assertions.verdicts import Gap
from simulator.events.records import EventRecord, GapRecord

RECENT_KEPT: Final = 4
"""Events of each subject that are remembered for failure texts."""

_NOT_OPEN: Final = "its stream was not open"


class Sight:
    """One reader: when it was blind, and what it saw last of each subject."""

    __slots__ = (
        "_closed_s",
        "_let_go_s",
        "_opened_s",
        "_planned",
        "_why",
        "first_s",
        "gaps",
        "observer",
        "recent",
        "shut",
    )

    def __init__(self, observer: str = "") -> None:
        self.observer = observer
        self.gaps = Gaps()
        self.shut = Gaps()
        """When its stream was shut on purpose."""
        self.recent: dict[str, deque[EventRecord]] = {}
        self.first_s: float | None = None if observer else 0.0
        """When its stream was opened for the first time; None: never."""
        self._closed_s: float | None = 0.0 if observer else None
        self._opened_s = 0.0
        self._planned, self._why = True, _NOT_OPEN
        self._let_go_s: float | None = None

    def note(self, event: EventRecord, subject: str) -> None:
        """It saw an event of somebody."""
        recent = self.recent.get(subject)
        if recent is None:
            self.recent[subject] = deque((event,), RECENT_KEPT)
        else:
            recent.append(event)

    # --- its stream ---------------------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """The stream is open."""
        if self.first_s is None:
            self.first_s = now
        elif self._closed_s is not None:
            (self.shut if self._planned else self.gaps).add(self._closed_s, now, self._why)
        self._closed_s = self._let_go_s = None
        self._opened_s = now

    def closed(self, now: float, why: str) -> None:
        """The stream has ended; on purpose if somebody has let go of it since it was opened."""
        if self._closed_s is None:
            self._closed_s, self._planned = now, self._let_go_s is not None
            self._why = f"{_NOT_OPEN}{f': {shown(why)}' if why else ''}"

    def refused(self, now: float, why: str) -> None:
        """The platform did not open it."""
        self._let_go_s = now
        if self._closed_s is None:
            self._closed_s = now
        self._planned, self._why = True, f"its stream was refused{f': {shown(why)}' if why else ''}"

    def let_go(self, now: float) -> None:
        """The scenario itself is about to end it."""
        self._let_go_s = now

    def lost(self, record: GapRecord) -> None:
        """It may have missed events; what it missed because its stream was shut on purpose is none."""
        if self._let_go_s is not None and record.from_s >= self._let_go_s:
            return
        shut = self.shut.overlap(record.from_s, record.to_s)
        if shut is None or shut.from_s > record.from_s or (shut.to_s or 0.0) < record.to_s:
            self.gaps.add(record.from_s, record.to_s, record.why)

    # --- what it proves -----------------------------------------------------------------------------------------------

    def blind(self, from_s: float, to_s: float, *, quiet: bool) -> Gap | None:
        """Why absence in a window proves nothing; None: it proves what it seems to.

        Args:
            quiet: absence is what was promised. Else something that was promised is absent.
        """
        gap = self.gaps.overlap(from_s, to_s)
        if gap is not None or not self.observer:
            return gap
        if self._closed_s is not None and to_s > self._closed_s and not (quiet and self._planned):
            return Gap(from_s=self._closed_s, to_s=to_s if to_s < float("inf") else None, why=self._why)
        if quiet:
            return None
        # A window over the whole run begins, for an observer, when its stream was opened for the first time.
        if self.first_s is not None and 0.0 < from_s < self.first_s:
            return Gap(from_s=0.0, to_s=self.first_s, why=_NOT_OPEN)
        return self.shut.overlap(from_s, to_s)

    def says(self) -> str:
        """How its stream is, in words."""
        if self._closed_s is None:
            return f"the stream of {self.observer}: open since {moment(self._opened_s)}"
        return f"the stream of {self.observer}: {self._why.removeprefix('its stream was ')} at {moment(self._closed_s)}"
