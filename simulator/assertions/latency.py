"""`{latency: E, p99: below 2 s}`: from the beginning of the act that caused an event to its arrival (scenarios §4)."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from math import ceil
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import WHOLE_RUN, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher, meets
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import LatencyOf

CAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "ciotConnect": ("attach",),
    "imeiMismatch": ("attach",),
    "imsiMismatch": ("attach",),
    "clientConnected": ("upload", "poll", "connect"),
    "clientDisconnected": ("disconnect", "detach", "vanish"),
    "upstreamMessage": ("upload",),
    "gatewayUpstreamMessage": ("upload",),
    "downstreamMessage": ("upload", "poll"),
    "gatewayDownstreamMessage": ("send",),
    "blobUpload": ("upload_blob",),
    "deviceCreated": ("create",),
    "deviceUpdated": ("update",),
    "deviceRemoved": ("remove",),
    "deviceMoved": ("move",),
}
"""Which acts an event comes from; an event that is not here comes from whatever its subject did last."""

UNUSED_KEPT: Final = 32
"""Acts of one subject that may wait for their event; older ones are taken for lost."""


class Latency(Machine):
    """Pairs each event with the latest act of its subject that began before it and has no event yet."""

    __slots__ = ("_began", "_bounds", "_check", "_docket", "_matcher", "_seconds", "_slowest", "names", "verbs")

    def __init__(self, docket: Docket, number: int, what: LatencyOf, aliases: Mapping[str, str]) -> None:
        self._docket, self._bounds = docket, what.bounds
        self._matcher = Matcher(what.matcher, aliases)
        self.names = (what.matcher.name,)
        self.verbs = CAUSES.get(what.matcher.name)
        self._began: dict[str, list[float]] = {}
        self._seconds = array("d")
        self._slowest = (-1.0, "", 0.0)
        bounds = ", ".join(texts.bound(percentile, condition) for percentile, condition in what.bounds)
        words = f"latency of {texts.matcher(what.matcher)}: {bounds}"
        self._check = docket.check(f"expect[{number}]", "expectation", what.place, words)

    def began(self, act: ActRecord) -> None:
        waiting = self._began.get(act.subject)
        if waiting is None:
            self._began[act.subject] = [act.t_s]
            return
        waiting.append(act.t_s)
        if len(waiting) > UNUSED_KEPT:
            del waiting[0]

    def see(self, event: EventRecord) -> None:
        waiting = self._began.get(event.subject)  # type: ignore[arg-type]  # None is nobody's name
        if not waiting or not self._matcher.accepts(event):
            return
        began_s = waiting.pop()
        seconds = event.rx_s - began_s
        self._seconds.append(seconds)
        if seconds > self._slowest[0]:
            self._slowest = seconds, event.subject or "", began_s

    def finish(self) -> None:
        ordered = sorted(self._seconds)
        self._check.cases = len(ordered)
        if self._docket.cut is not None:
            self._check.unknown.append(("", f"of the whole run; {self._docket.cut}"))
            return
        if not ordered:
            self._docket.absent(
                self._check, "", WHOLE_RUN, self._docket.now_s, ("none was seen that an act had caused",)
            )
            return
        broken = [
            f"{'max' if percentile == 100 else f'p{percentile:g}'} is {texts.moment(value)}"
            for percentile, condition in self._bounds
            if not meets(condition, value := percentile_of(ordered, percentile))
        ]
        if broken:
            seconds, subject, began_s = self._slowest
            slowest = f"the slowest took {texts.moment(seconds)}: {subject}, from {texts.moment(began_s)}"
            details = (f"{', '.join(broken)} (of {len(ordered)}); {slowest}",)
            self._docket.fail(self._check, "", self._docket.now_s, details)


def percentile_of(ordered: list[float], percentile: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed; exact, by nearest rank.

    >>> percentile_of([1.0, 2.0, 3.0, 4.0], 50), percentile_of([1.0, 2.0, 3.0, 4.0], 99)
    (2.0, 4.0)
    """
    rank = ceil(round(percentile * len(ordered) / 100, 9))
    return ordered[min(max(rank, 1), len(ordered)) - 1]
