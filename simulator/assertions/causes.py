"""Invariants about what events come from: an act that was accepted shows, once, and nothing shows without an act.

begun ──ok───────► must be seen, within a time of grace
  ├────rejected──► must not be seen
  └────else──────► may be seen (nobody knows how far it came)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.world import World, collection_name
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Move

SHOWS: Final[Mapping[str, str]] = {
    "attach": "ciotConnect",
    "create": "deviceCreated",
    "update": "deviceUpdated",
    "remove": "deviceRemoved",
    "move": "deviceMoved",
}
"""Verb → event (span §3.4)."""

_CAUSE: Final = {event: verb for verb, event in SHOWS.items()}

SIM_VERBS: Final = frozenset({"insert_sim", "remove_sim", "move_sim", "swap_sims", "switch_profile"})
"""With these in a scenario, a login may be another device's than the one that asked for it."""

UNDECIDED_KEPT: Final = 16
"""Acts of one subject and verb that may still show; beyond this the oldest is forgotten."""

CONNECTED_AGAIN_S: Final = 60.0
"""A second clientConnected within this time needs a new login; the idle period of any platform is longer."""


class _Done:
    """One act that may or must show."""

    __slots__ = ("act", "at_most", "machine", "missing", "over", "seen", "since_s", "updates")

    def __init__(self, machine: ActOnce, act: ActRecord, attempts: int) -> None:
        self.machine, self.act, self.since_s = machine, act, act.t_s
        # A move shows in both collections; platforms other than ours may have one of them alone (span §3.4).
        self.at_most = attempts * (2 if act.verb == "move" else 1)
        # A move to where the device is already moves nothing, and shows as a change of the device.
        self.updates = attempts if act.verb == "move" else 0
        self.over = False
        self.seen = self.missing = 0

    @property
    def open(self) -> bool:
        return self.seen < self.missing

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


class ActOnce(Machine):
    """act-once."""

    __slots__ = ("_check", "_docket", "_done", "_homes", "_world", "names", "verbs")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._done: dict[tuple[str, str], list[_Done]] = {}
        self._homes: dict[str, str | None] = {}
        sims_wander = any(step.verb in SIM_VERBS for step in world.scenario.steps)
        self.verbs = tuple(verb for verb in SHOWS if not (sims_wander and verb == "attach"))
        self.names = tuple(SHOWS[verb] for verb in self.verbs)

    def began(self, act: ActRecord) -> None:
        done = self._done.setdefault((act.verb, act.subject), [])
        done.append(_Done(self, act, self._world.attempts(act.step)))
        if len(done) > UNDECIDED_KEPT:
            del done[0]

    def ended(self, act: ActRecord) -> None:
        done = self._done.get((act.verb, act.subject), [])
        one = next((d for d in done if not d.over and d.act.n == act.n and d.act.step == act.step), None)
        if one is None:
            return
        one.over, one.act = True, act
        if act.outcome == "rejected":
            done.remove(one)
            if one.seen:
                self._fail(act.subject, act.t_s, f"{SHOWS[act.verb]} was seen, but {act.verb} was rejected")
        elif act.outcome == "ok":
            self._check.cases += 1
            one.missing = self._must(one)
            if one.open:
                within_s = self._world.scenario.steps[act.step].within_s if self._world.act(act.step) else 0.0
                self._docket.deadlines.at(act.t_s + max(GRACE_S, within_s), one)
            elif one.seen >= one.at_most:
                done.remove(one)

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None or subject not in self._world.group_of:
            return
        done = self._done.get((_CAUSE[event.name], subject), [])
        one = next((d for d in done if d.seen < d.at_most), None)
        if one is None and event.name == SHOWS["update"] and self._moved(subject):
            return
        if one is None:
            self._fail(subject, event.rx_s, f"no {_CAUSE[event.name]} of {subject} can have caused it", event)
            return
        one.seen += 1
        for other in done:  # it may have been theirs, if the event of this one was missed
            other.since_s = min(other.since_s, one.since_s)
        if one.over and one.seen >= one.at_most:
            done.remove(one)

    def _moved(self, subject: str) -> bool:
        """Whether a move that may show as an update has none yet."""
        one = next((d for d in self._done.get(("move", subject), ()) if d.updates), None)
        if one is not None:
            one.updates -= 1
        return one is not None

    def missed(self, one: _Done, now: float) -> None:
        """An accepted act did not show in time, or not as often as it must."""
        act, event = one.act, SHOWS[one.act.verb]
        details = (
            f"{act.verb} was ok at {texts.moment(act.t_s)}; {event} was seen {texts.times(one.seen)} "
            f"by {texts.moment(now)}, and must be {texts.times(one.missing)}",
        )
        what = f"breaks act-once: no {event} for its {act.verb}"
        self._docket.absent(self._check, act.subject, (one.since_s, now), now, details, what)
        one.missing = 0

    def _must(self, one: _Done) -> int:
        """How often an accepted act must show."""
        act = one.act
        if act.verb != "move":
            return 1
        what = self._world.act(act.step)
        if not isinstance(what, Move):
            return 0
        to = collection_name(what.to)
        home = self._homes.get(act.subject, collection_name(self._home_of(act.subject)))
        self._homes[act.subject] = to
        return 0 if to == home else 2 if self._world.embedded else 1

    def _home_of(self, subject: str) -> str | None:
        group = self._world.group_of.get(subject)
        return None if group is None else group.collection

    def _fail(self, subject: str, now: float, why: str, event: EventRecord | None = None) -> None:
        docket = self._docket
        seen = f"seen: {texts.sighting(event)}; {why}" if event is not None else why
        details = (seen, texts.device_says(docket.acts.get(subject))) if docket.explains(self._check) else ()
        what = f"breaks act-once: {texts.event(event)}" if event is not None else "breaks act-once"
        docket.fail(self._check, subject, now, details, what)


class ConnectedOnce(Machine):
    """connected-once. By collection, because two collections have two streams that nothing orders."""

    __slots__ = ("_check", "_docket", "_latest", "_world")

    names = ("ciotConnect", "clientConnected")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._latest: dict[tuple[str, str | None], float] = {}

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        group = None if subject is None else self._world.group_of.get(subject)
        if subject is None or group is None or group.network != "ciot":
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


class MismatchOnce(Machine):
    """mismatch-once. The event is of the device that is known, the act of whoever came: so all count alike."""

    __slots__ = ("_check", "_docket", "_logins", "_seen", "_world")

    names = ("imeiMismatch", "imsiMismatch")
    verbs = ("attach",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._logins = 0
        self._seen = dict.fromkeys(self.names, 0)

    def began(self, act: ActRecord) -> None:
        self._logins += self._world.attempts(act.step)

    def ended(self, act: ActRecord) -> None:
        self._logins -= act.outcome == "ok"  # of its attempts, the last one

    def see(self, event: EventRecord) -> None:
        self._check.cases += 1
        self._seen[event.name] = count = self._seen[event.name] + 1
        # Whether an accepted login may show one is a platform's policy; ours refuses (mobile-network §3.2).
        if count > self._logins and self._world.embedded:
            what = "breaks mismatch-once: more mismatches than logins that were not accepted"
            details = (f"seen: {texts.sighting(event)}, number {count} for {self._logins} such logins",)
            self._docket.fail(self._check, event.subject or "", event.rx_s, details, what)
