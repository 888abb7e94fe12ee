"""Invariants about clientConnected: first of all that a device shows, once for each session, and only in one."""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.verbs import GOES_DOWN, OUTAGES
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

CONNECTED_AGAIN_S: Final = 60.0
"""A second clientConnected within this time needs a new login; the idle period of any platform is longer."""


class ConnectedFirst(Machine):
    """connected-first. What was told in any collection since the login stands for it wherever its device is moved."""

    __slots__ = ("_check", "_docket", "_internet", "_waiting", "_world", "names", "verbs")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._internet = InternetConnected(docket, check, world)
        self.names: tuple[str, ...] = ("ciotConnect", "clientConnected", "upstreamMessage", "downstreamMessage")
        self.verbs: tuple[str, ...] = ()
        if world.internet:
            self.names, self.verbs = (*self.names, "clientDisconnected"), (*OUTAGES, "move")
        # By collection first: two collections have two streams, and nothing orders one after the other.
        self._waiting: dict[str | None, dict[str, float]] = {}

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None:
            return
        if self._world.internet and self._world.is_inet(subject):
            self._internet.see(event)
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

    def began(self, act: ActRecord) -> None:
        self._internet.began(act)

    def ended(self, act: ActRecord) -> None:
        self._internet.ended(act)


class InternetConnected(Machine):
    """The same of the Internet: a message comes in by a session, and every session is told of. None survives the
    platform; of one that goes down nobody knows what it still tells."""

    __slots__ = ("_check", "_connected", "_docket", "_down", "_moved", "_open", "_since_s", "_under_way", "_world")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._open: dict[str, int] = {}
        self._since_s: dict[str, float] = {}
        """When the last session of a device ended; "": of all devices."""
        self._connected: set[str] = set()
        self._moved: set[str] = set()
        """Whose events come in more than one stream, which nothing orders."""
        self._down = False
        self._under_way = 0
        """Acts by which the platform goes down or comes up."""

    def began(self, act: ActRecord) -> None:
        if act.verb == "move":
            self._moved.add(act.subject)
            return
        self._under_way += 1
        if act.verb in GOES_DOWN:
            self._down = True
            self._open.clear()
            self._since_s = {"": act.t_s}

    def ended(self, act: ActRecord) -> None:
        if act.verb == "move":
            return
        self._under_way -= 1
        if act.verb != "stop":
            self._down = False

    def see(self, event: EventRecord) -> None:
        subject, embedded = event.subject or "", self._world.embedded
        count = self._open.get(subject, 0)
        if event.name == "clientConnected":
            self._open[subject] = count + 1
            self._connected.add(subject)
            return
        if event.name == "clientDisconnected":
            self._open[subject] = max(0, count - 1)
            self._since_s[subject] = event.rx_s
            return
        if not self._world.known.all_acts or self._down or self._under_way or subject in self._moved:
            return
        if not embedded and (event.name == "downstreamMessage" or subject in self._connected):
            return  # elsewhere it may be shown when it is queued, and sessions may be told of otherwise (span §3.4)
        self._check.cases += 1
        if count:
            return
        since_s = self._since_s.get(subject, self._since_s.get("", 0.0))
        why = f"no session of it was open: none since {texts.moment(since_s)}" if since_s else "it has not connected"
        details = (f"seen: {texts.sighting(event)}; {why}", self._docket.says(subject))
        what = f"breaks connected-first: no clientConnected before its {event.name}"
        self._docket.absent(self._check, subject, (since_s, event.rx_s), event.rx_s, details, what)
        self._open[subject] = 1  # told once


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
