"""Invariants about downstream messages: handed over once, only if queued, the oldest first, and not once taken back
(span §4.2, §4.4).

    send begun ──ok──► PENDING ──delivered──► gone
                          └──withdrawn──────► must not be delivered

An act does not know the platform's id of its message, so messages are told apart by their size. Whether a message was
still pending when it was taken back is only certain if its device has asked for nothing since it was queued.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import nextafter
from typing import Final

import msgspec

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.senders import FORGOTTEN_AFTER_S
from simulator.assertions.verbs import SENDS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Group, SendDown, Upload, Withdraw

LOSES: Final = ("remove", "create")
"""Verbs after which nobody knows what of an outbox is left. An Internet device may be created although it is there: it
is another one then, whose outbox is empty; one with a SIM is refused."""

AT_ONCE_S: Final = 1.0
"""In real time a datagram needs no longer where nothing delays it; in virtual time it arrives in the same instant."""

RECORD_BYTES: Final = 1200
"""A message that is longer is no use to a device that takes it in one DTLS record."""

_UNSPECIFIED: Final = "unspecified"


class _Queued(msgspec.Struct, eq=False):
    """One message in an outbox."""

    size: int
    """-1: not known."""
    step: int
    n: int
    began_s: float
    ended_s: float = FOREVER
    sure: bool = False
    """The platform has accepted it."""
    held: bool = True
    """Its device has asked for nothing since: it is still there."""
    doubtful: bool = False
    """It may have been taken back, or lost with its device."""


class _Box:
    """The outbox of one device, and who may be emptying it."""

    __slots__ = ("fetching", "queued", "until_s", "withdrawn")

    def __init__(self) -> None:
        self.queued: list[_Queued] = []
        self.withdrawn: list[tuple[_Queued, float]] = []
        self.fetching = 0
        self.until_s = -1.0
        """A datagram that was not answered may still arrive until then."""

    def held(self, now: float) -> None:
        """A datagram of its device may be on its way: whatever is queued may be delivered any time."""
        if self.fetching or now < self.until_s:
            for message in self.queued:
                message.held = False


class _Outboxes(Machine):
    """Follows the outboxes of all devices, as far as acts and events tell."""

    __slots__ = ("_boxes", "_check", "_docket", "_world", "verbs")

    names = ("downstreamMessage", "gatewayDownstreamMessage")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._boxes: dict[str, _Box] = {}
        # What devices ask for matters only where something is queued.
        queues = any(isinstance(step.act, SendDown) for step in world.scenario.steps)
        self.verbs: Iterable[str] | None = ("send", "withdraw", *LOSES, *(SENDS if queues else ()))

    def began(self, act: ActRecord) -> None:
        box = self._box(act.subject)
        if act.verb == "send":
            message = _Queued(act.size, act.step, act.n, act.t_s)
            message.held = not box.fetching and act.t_s >= box.until_s
            box.queued.append(message)
        elif act.verb in SENDS:
            for name in self._world.kin(act.subject):  # it gets what waits for whomever it is taken for
                one = self._box(name)
                one.fetching += 1
                one.held(act.t_s)
        elif act.verb != "create" or self._world.is_inet(act.subject):
            self._doubt(box)

    def _box(self, subject: str) -> _Box:
        box = self._boxes.get(subject)
        if box is None:
            self._boxes[subject] = box = _Box()
        return box

    def ended(self, act: ActRecord) -> None:
        box = self._boxes.get(act.subject)
        if box is None:
            return
        if act.verb == "send":
            self._sent(box, act)
        elif act.verb in SENDS:
            for name in self._world.kin(act.subject):
                one = self._box(name)
                one.fetching = max(0, one.fetching - 1)
                one.until_s = max(one.until_s, self._under_way_until(act))
        elif act.verb == "withdraw" and act.outcome == "ok":
            self._withdrawn(box, act)
        elif act.verb == "withdraw" and act.outcome == "rejected":
            self._settled(box)

    def _under_way_until(self, act: ActRecord) -> float:
        """Until when what was sent may be on its way although the act is over: nothing may tell that it arrived."""
        world = self._world
        group, what = world.group_of.get(act.subject), world.act(act.step)
        plain = isinstance(what, Upload) and not what.confirmable
        plain = plain or group is None or group.transport not in ("coap", "coaps")
        if act.outcome != "ok" or (plain and world.delays(act.subject)):
            return act.t_s + FORGOTTEN_AFTER_S
        if not plain:
            return act.t_s
        return nextafter(act.t_s, FOREVER) if world.virtual else act.t_s + AT_ONCE_S

    def _sent(self, box: _Box, act: ActRecord) -> None:
        message = next((m for m in box.queued if m.step == act.step and m.n == act.n and m.ended_s == FOREVER), None)
        if message is None:
            return
        message.ended_s, message.sure = act.t_s, act.outcome == "ok"
        if act.outcome == "rejected":
            box.queued.remove(message)

    def _doubt(self, box: _Box) -> None:
        """From here on, what is queued may be gone."""
        for message in box.queued:
            message.doubtful = True

    def _settled(self, box: _Box) -> None:
        """Nothing was taken back after all."""
        for message in box.queued:
            message.doubtful = False

    def _withdrawn(self, box: _Box, act: ActRecord) -> None:
        """The operator took messages back. What was certainly pending is gone; of the rest nobody knows."""
        what = self._world.act(act.step)
        box.held(act.t_s)
        queued = box.queued
        if not isinstance(what, Withdraw) or not queued:
            return
        if what.which == "all":
            gone = [message for message in queued if message.sure and message.held]
        elif all(message.sure and message.held for message in queued) and not _overlap(queued):
            gone = [queued[0 if what.which == "oldest" else -1]]
            self._settled(box)
        else:
            gone = []
        for message in gone:
            queued.remove(message)
            box.withdrawn.append((message, act.t_s))

    def _take(self, event: EventRecord) -> tuple[_Queued | None, list[_Queued]]:
        """Whose an event is, and what was queued before that one. The oldest of its size."""
        box = self._boxes.get(event.subject or "")
        size = event.data.get("bytes")
        for index, message in enumerate(box.queued if box is not None else ()):
            if size is None or message.size < 0 or str(message.size) == size:
                assert box is not None
                before = box.queued[:index]
                del box.queued[index]
                return message, before
        return None, []

    def _report(self, event: EventRecord, why: str) -> None:
        docket, check = self._docket, self._check
        subject = event.subject or ""
        details: tuple[str, ...] = ()
        if docket.explains(check):
            details = (f"seen: {texts.sighting(event)}; {why}", docket.says(subject))
        what = f"breaks {self._name}: {texts.event(event)}"
        docket.fail(check, subject, event.rx_s, details, what)

    @property
    def _name(self) -> str:
        return self._check.name.removeprefix("invariant.")


class Downstream(_Outboxes):
    """downstream-queued."""

    __slots__ = ("_ids",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._ids: set[str] = set()

    def see(self, event: EventRecord) -> None:
        subject, known = event.subject, self._world.known
        group = self._world.group_of.get(subject) if subject is not None else None
        if subject is None or (group is None and known.devices):
            return
        self._check.cases += 1
        message = event.data.get("messageId")
        if message is not None:
            if message in self._ids:
                self._report(event, "this message was handed over before")
                return
            self._ids.add(message)
        transport = event.data.get("transport", _UNSPECIFIED)
        if group is not None and transport not in (*self._transports(subject), _UNSPECIFIED):
            self._report(event, f"but its transport is {group.transport}")
        if not known.all_acts and subject not in self._boxes:
            return
        found, _ = self._take(event)
        if found is not None:
            if found.held and self._asks(subject, group):
                self._report(
                    event, f"it has asked for nothing since these were queued at {texts.moment(found.began_s)}"
                )
            return
        box = self._boxes.get(subject)
        size = event.data.get("bytes")
        back = next((t_s for m, t_s in box.withdrawn if m.size < 0 or str(m.size) == size), None) if box else None
        waiting = ", ".join(f"{m.size} bytes" for m in (box.queued if box else ())[:3]) or "nothing"
        why = f"what was queued and not handed over yet: {waiting}"
        if back is not None:
            why = f"such a message was withdrawn at {texts.moment(back)}; {why}"
        self._report(event, why)
        if box is not None and box.queued:
            del box.queued[0]

    def _transports(self, subject: str) -> Iterable[str]:
        """How whoever may be taken for a device gets what waits for it."""
        groups = self._world.group_of
        return [groups[name].transport for name in self._world.kin(subject) if name in groups]

    def _asks(self, subject: str, group: Group | None) -> bool:
        """Whether a message only shows when its device has asked: elsewhere it may when it is queued (span §3.4)."""
        if group is None or group.stack != "own" or not self._world.embedded:
            return False
        return self._world.known.all_acts and not self._world.wanders(subject)


class OldestFirst(_Outboxes):
    """downstream-oldest-first."""

    __slots__ = ()

    def see(self, event: EventRecord) -> None:
        if event.subject is None or event.subject not in self._boxes:
            return
        found, before = self._take(event)
        if found is None:
            return
        self._check.cases += 1
        sure = (m for m in before if m.sure and not m.doubtful and m.ended_s <= found.began_s)
        skipped = next((m for m in sure if not self._too_long(m, event.subject)), None)
        if skipped is None:
            return
        box = self._boxes[event.subject]
        box.queued.remove(skipped)  # told once; it may come now
        docket, check = self._docket, self._check
        details: tuple[str, ...] = ()
        if docket.explains(check):
            older = f"{skipped.size} bytes were queued at {texts.moment(skipped.ended_s)}, before these, and wait"
            details = (f"seen: {texts.sighting(event)}; {older}", docket.says(event.subject))
        what = f"breaks {self._name}: {texts.event(event)}"
        window = skipped.began_s, event.rx_s  # unless it was handed over, and nobody saw it
        docket.absent(check, event.subject, window, event.rx_s, details, what)

    def _too_long(self, message: _Queued, subject: str) -> bool:
        """Whether it may have been given up: it need not fit in one record."""
        group = self._world.group_of.get(subject)
        return group is not None and group.transport == "dtls" and message.size > RECORD_BYTES


def _overlap(queued: list[_Queued]) -> bool:
    """Whether two were sent at the same time, so that nobody knows which is older."""
    return any(b.began_s < a.ended_s for a, b in pairwise(queued))
