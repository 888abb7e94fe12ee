"""An invariant that looks at one event at a time and says at once what it breaks."""

from __future__ import annotations

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.events.records import EventRecord


class Rule(Machine):
    """What such invariants have in common."""

    __slots__ = ("_check", "_docket", "_world")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world

    def _fail(self, event: EventRecord, why: str) -> None:
        docket, check = self._docket, self._check
        details = (f"seen: {texts.sighting(event)}; {why}",) if docket.explains(check) else ()
        what = f"breaks {check.name.removeprefix('invariant.')}: {texts.event(event)}"
        docket.fail(check, event.subject or "", event.rx_s, details, what)
