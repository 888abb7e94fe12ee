"""`{dropped: OBSERVER, at_least: 1}`: how many events the platform said that it dropped for a reader (span §3.2)."""

from __future__ import annotations

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.events.records import GapRecord
from simulator.scenario.model import DroppedFor


class Dropped(Form):
    """Adds up what the platform says. With neither bound given, at least one is meant."""

    __slots__ = ("_at_least", "_at_most", "_convicted", "_count", "_observer", "_unheard")

    def __init__(self, docket: Docket, frame: Frame, what: DroppedFor) -> None:
        super().__init__(docket, frame)
        self._observer, self._at_most = what.observer, what.at_most
        self._at_least = (1 if what.at_most is None else 0) if what.at_least is None else what.at_least
        self._count = 0
        self._convicted = False
        self._unheard = ""
        """Why the platform may have said more than was heard; "": it cannot."""
        bounds = _bounds(self._at_least, self._at_most)
        self._check = self._promise(what.place, f"{what.observer} is told of {bounds} dropped")
        self._check.alone = False

    def lost(self, record: GapRecord) -> None:
        if record.observer != self._observer or self._over or not self._begun:
            return
        if not record.dropped:
            span = f"from {texts.moment(record.from_s)} to {texts.moment(record.to_s)}"
            self._unheard = f"it may have missed some {span}: {texts.shown(record.why)}"
            return
        self._count += record.dropped
        if self._at_most is not None and self._count > self._at_most and not self._convicted:
            self._convicted = True
            self._docket.fail(
                self._check, "", record.to_s, (f"{self._told} by {texts.moment(record.to_s)}", self._stream)
            )
        if self._at_most is None and self._count >= self._at_least:
            self._settle()

    def _decide(self, now: float) -> None:
        check, docket = self._check, self._docket
        check.cases += 1
        if self._count < self._at_least:
            if self._unheard or (docket.cut is not None and self._frame.whole_run):
                check.unknown.append(("", f"{self._told}; {self._unheard or docket.cut}"))
            else:
                docket.fail(check, "", now, (f"{self._told} {self._waited}", self._stream))
        elif self._at_most is not None and not self._convicted:
            if self._unheard:
                check.unknown.append(("", f"{self._told}; {self._unheard}"))
            elif self._frame.whole_run and docket.cut is not None:
                check.unknown.append(("", f"{self._told}; {docket.cut}"))

    @property
    def _told(self) -> str:
        return f"it was told of {texts.counted(self._count, 'event', 'events')}"

    @property
    def _stream(self) -> str:
        return self._docket.sight(self._observer).says()


def _bounds(at_least: int, at_most: int | None) -> str:
    if at_most is None:
        return f"at least {texts.counted(at_least, 'event', 'events')}"
    if at_least == at_most:
        return f"exactly {texts.counted(at_most, 'event', 'events')}" if at_most else "no event"
    most = texts.counted(at_most, "event", "events")
    return f"at most {most}" if not at_least else f"{at_least} to {most}"
