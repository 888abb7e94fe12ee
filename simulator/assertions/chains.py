"""Invariants about what an event says beside those that came before it, on the same stream and of the same device.

What the platform's own documents leave open (keys of data marked [C]) is only held against what is there.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

RESOLUTION_S: Final = 1
"""Of an event's own time (span §1.3)."""


def _device(event: EventRecord) -> str:
    value = event.raw.get("deviceId")
    return value if isinstance(value, str) else ""


def _stream(event: EventRecord) -> str:
    value = event.raw.get("collectionId")
    return value if isinstance(value, str) else ""


class _Chain(Machine):
    """What they have in common."""

    __slots__ = ("_check", "_docket", "_world")

    names: tuple[str, ...] | None = None

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world

    def _story(self, event: EventRecord, why: str) -> tuple[tuple[str, ...], str]:
        details = (f"seen: {texts.sighting(event)}; {why}",) if self._docket.explains(self._check) else ()
        return details, f"breaks {self._check.name.removeprefix('invariant.')}: {texts.event(event)}"

    def _fail(self, event: EventRecord, why: str) -> None:
        details, what = self._story(event, why)
        self._docket.fail(self._check, event.subject or "", event.rx_s, details, what)

    def _absent(self, event: EventRecord, since_s: float, why: str) -> None:
        details, what = self._story(event, why)
        self._docket.absent(self._check, event.subject or "", (since_s, event.rx_s), event.rx_s, details, what)


class TimeForward(_Chain):
    """time-forward. The embedded server has one clock for a stream; elsewhere each device's events are in order."""

    __slots__ = ("_latest",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._latest: dict[tuple[str, str], int] = {}

    def see(self, event: EventRecord) -> None:
        unix_s = event.unix_s
        if unix_s < 0:
            return  # event-shape speaks of those
        raw = event.raw
        stream = raw.get("collectionId")
        owner = "" if self._world.embedded else raw.get("deviceId", raw.get("gatewayId", ""))
        if type(stream) is not str or type(owner) is not str:
            return
        key = stream, owner
        latest = self._latest.get(key, unix_s)
        if unix_s >= latest:
            self._latest[key] = unix_s
        elif unix_s < latest - RESOLUTION_S:
            self._check.cases += 1
            self._fail(event, f"its time is {latest - unix_s} s before that of an event that came earlier")


class CreatedFirst(_Chain):
    """created-first. By the platform's id, which is never given twice."""

    __slots__ = ("_seen",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._seen: set[tuple[str, str]] = set()

    def see(self, event: EventRecord) -> None:
        raw = event.raw
        device, stream = raw.get("deviceId"), raw.get("collectionId")
        if type(device) is not str or type(stream) is not str:
            return
        key = stream, device
        if event.name == "deviceCreated":
            self._check.cases += 1
            if key in self._seen:
                self._fail(event, "events of this device came before it was created")
        self._seen.add(key)


class SessionEnds(_Chain):
    """session-ends-once. Of devices that are as old as the run: any other may have had a session before. And of those
    that nobody moves: else their events come in two streams, and nothing orders one after the other."""

    __slots__ = ("_moved", "_open")

    names = ("clientConnected", "clientDisconnected")
    verbs = ("move",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._open: dict[str, int] = {}
        self._moved: set[str] = set()

    def began(self, act: ActRecord) -> None:
        self._moved.add(act.subject)

    def see(self, event: EventRecord) -> None:
        if event.subject in self._moved:
            return
        device = _device(event)
        count = self._open.get(device, 0)
        if event.name == "clientConnected":
            self._open[device] = count + 1
        elif count:
            self._check.cases += 1
            self._open[device] = count - 1
        else:
            self._absent(event, 0.0, "no session of this device was begun and not yet ended")


class FirmwareChain(_Chain):
    """firmware-chain."""

    __slots__ = ("_latest",)

    names = ("firmwareStateChange",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._latest: dict[tuple[str, str], tuple[str, float]] = {}

    def see(self, event: EventRecord) -> None:
        state, previous = event.data.get("state"), event.data.get("previous")
        if state is None:
            return
        key = _stream(event), _device(event)
        before = self._latest.get(key)
        self._latest[key] = state, event.rx_s
        if previous is None:
            return
        self._check.cases += 1
        if state == previous:
            self._fail(event, "nothing changed")
        elif before is not None and before[0] != previous:
            was = f"it was {texts.shown(before[0])} at {texts.moment(before[1])}"
            self._absent(event, before[1], f"it cannot have been {texts.shown(previous)}: {was}")
