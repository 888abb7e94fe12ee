"""Invariants about clientConnected: first of all that a device shows, once for each session, and only in one."""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.verbs import OUTAGES
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

CONNECTED_AGAIN_S: Final = 60.0
"""A second clientConnected within this time needs a new login; the idle period of any platform is longer."""


class ConnectedFirst(Machine):
    """connected-first. What was told in any collection since the login stands for it wherever its device is moved."""

    __slots__ = ("_check", "_docket", "_waiting", "_world")

    names = ("ciotConnect", "clientConnected", "upstreamMessage", "downstreamMessage")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        # By collection first: two collections have two streams, and nothing orders one after the other.
        self._waiting: dict[str | None, dict[str, float]] = {}

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None:
            return
        if event.name == "ciotConnect":
            self._waiting.setdefault(event.collection, {})[subject] = event.rx_s
            return
        if event.name == "clientConnected":
            waited = [waiting.pop(subject, None) for waiting in self._waiting.values()]
            self._check.cases += any(since is not None for since in waited)
            return
        waiting = self._waiting.get(event.collection)
        if not waiting:
            return
        if event.name == "downstreamMessage" and not self._world.embedded:
            return  # elsewhere it may be shown when it is queued (span §3.4)
        since = waiting.pop(subject, None)
        if since is None:
            return
        self._check.cases += 1
        details = (f"ciotConnect at {texts.moment(since)}, then {texts.sighting(event)}",)
        what = f"breaks connected-first: no clientConnected before its first {event.name}"
        self._docket.absent(self._check, subject, (since, event.rx_s), event.rx_s, details, what)


class ConnectedOnce(Machine):
    """connected-once. By collection, because two collections have two streams that nothing orders."""

    __slots__ = ("_check", "_docket", "_latest", "_world")

    names = ("ciotConnect", "clientConnected")
    verbs = OUTAGES

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._latest: dict[tuple[str, str | None], float] = {}

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None or not self._is_ciot(subject, event):
            return
        key = subject, event.collection
        if event.name == "ciotConnect":
            self._latest.pop(key, None)
            return
        self._check.cases += 1
        before = self._latest.get(key)
        self._latest[key] = event.rx_s
        # Elsewhere a new port of the device is a new connection too (span §3.4); our own server goes by the login.
        if before is not None and event.rx_s < before + CONNECTED_AGAIN_S and self._world.embedded:
            what = "breaks connected-once: a second clientConnected without a ciotConnect between"
            details = (f"seen: {texts.moment(before)}, and again {texts.sighting(event)}",)
            self._docket.absent(self._check, subject, (before, event.rx_s), event.rx_s, details, what)

    def _is_ciot(self, subject: str, event: EventRecord) -> bool:
        group = self._world.group_of.get(subject)
        if group is None and not self._world.known.devices:
            return event.name == "ciotConnect" or event.data.get("id") == "ip"
        return group is not None and group.network == "ciot"

    def began(self, act: ActRecord) -> None:
        del act
        self._latest.clear()  # a platform that comes up again may greet everybody anew

    def ended(self, act: ActRecord) -> None:
        del act
        self._latest.clear()
