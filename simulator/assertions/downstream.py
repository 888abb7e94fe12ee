"""Invariant: a downstream message is handed over once, and only if it was queued (span §4.4)."""

from __future__ import annotations

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord


class Downstream(Machine):
    """downstream-queued. Counts by size: the id of a message is the platform's, and the act does not know it."""

    __slots__ = ("_check", "_docket", "_ids", "_queued", "_world")

    names = ("downstreamMessage", "gatewayDownstreamMessage")
    verbs = ("send",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._queued: dict[str, list[int]] = {}
        self._ids: set[str] = set()

    def began(self, act: ActRecord) -> None:
        self._queued.setdefault(act.subject, []).append(act.size)

    def ended(self, act: ActRecord) -> None:
        queued = self._queued.get(act.subject)
        if act.outcome == "rejected" and queued and act.size in queued:
            queued.remove(act.size)

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None or subject not in self._world.group_of:
            return
        self._check.cases += 1
        message = event.data.get("messageId")
        if message is not None:
            if message in self._ids:
                self._fail(event, subject, "this message was handed over before")
                return
            self._ids.add(message)
        queued = self._queued.get(subject, [])
        size = event.data.get("bytes")
        for index, queued_size in enumerate(queued):
            if size is None or queued_size < 0 or str(queued_size) == size:
                del queued[index]
                return
        waiting = ", ".join(f"{size} bytes" for size in queued[:3]) or "nothing"
        self._fail(event, subject, f"what was queued and not handed over yet: {waiting}")
        if queued:
            del queued[0]

    def _fail(self, event: EventRecord, subject: str, why: str) -> None:
        details = (f"seen: {texts.sighting(event)}; {why}",) if self._docket.explains(self._check) else ()
        what = f"breaks downstream-queued: {texts.event(event)}"
        self._docket.fail(self._check, subject, event.rx_s, details, what)
