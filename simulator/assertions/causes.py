"""Invariants about what events come from: an act that was accepted shows, once, and nothing shows without an act.

begun ──ok───────► must be seen, within a time of grace
  ├────rejected──► must not be seen
  └────else──────► may be seen (nobody knows how far it came)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.world import LOGINS, SIM_VERBS, World, collection_name
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Move

SHOWS: Final[Mapping[str, str]] = {
    **dict.fromkeys(LOGINS, "ciotConnect"),
    "create": "deviceCreated",
    "update": "deviceUpdated",
    "remove": "deviceRemoved",
    "move": "deviceMoved",
}
"""Verb → event (span §3.4)."""

_CAUSE: Final = {event: verb for verb, event in reversed(tuple(SHOWS.items()))}
"""Event → the verb that a failure names for it."""

MANY_ATTEMPTS: Final = 64
"""How often a device of which nothing is known may try to log in in one act."""

UNDECIDED_KEPT: Final = 16
"""Acts of one subject and verb that may still show; beyond this the oldest is forgotten."""


class _Done:
    """One act that may or must show."""

    __slots__ = ("act", "at_most", "machine", "missing", "over", "raced", "seen", "since_s", "updates")

    def __init__(self, machine: ActOnce, act: ActRecord, attempts: int) -> None:
        self.machine, self.act, self.since_s = machine, act, act.t_s
        # A move shows in both collections; platforms other than ours may have one of them alone (span §3.4).
        self.at_most = attempts * (2 if act.verb == "move" else 1)
        # A move to where the device is already moves nothing, and shows as a change of the device.
        self.updates = attempts if act.verb == "move" else 0
        self.over = False
        self.raced = False
        """Another such act was under way meanwhile: nobody knows which was first."""
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
        self._done: dict[tuple[str, str], list[_Done]] = {}  # by event and subject
        self._homes: dict[str, str | None] = {}
        sims_wander = any(step.verb in SIM_VERBS for step in world.scenario.steps)
        self.verbs = tuple(verb for verb in SHOWS if not (sims_wander and verb in LOGINS))
        self.names = tuple(dict.fromkeys(SHOWS[verb] for verb in self.verbs))

    def began(self, act: ActRecord) -> None:
        world = self._world
        done = self._done.setdefault((SHOWS[act.verb], act.subject), [])
        attempts = world.attempts(act.step)
        if not world.known.devices and act.verb in LOGINS:
            attempts = MANY_ATTEMPTS
        new = _Done(self, act, attempts)
        for other in done:
            if not other.over:
                other.raced = new.raced = True
        done.append(new)
        if len(done) > UNDECIDED_KEPT:
            del done[0]

    def ended(self, act: ActRecord) -> None:
        done = self._done.get((SHOWS[act.verb], act.subject), [])
        one = next((d for d in done if not d.over and _is_of(d.act, act)), None)
        if one is None:
            return
        one.over, one.act = True, act
        if act.outcome == "rejected":
            done.remove(one)
            for _ in range(one.seen):
                other = next((d for d in done if d.seen < d.at_most), None)
                if other is None:
                    self._fail(act.subject, act.t_s, f"{SHOWS[act.verb]} was seen, but {act.verb} was rejected")
                    return
                other.seen += 1  # it was that one's, then
        elif act.outcome == "ok":
            self._check.cases += 1
            one.missing = self._must(one)
            if one.open:
                within_s = self._world.scenario.steps[act.step].within_s if self._world.act(act.step) else 0.0
                self._docket.deadlines.at(act.t_s + max(GRACE_S, within_s), one)
            elif one.seen >= one.at_most:
                done.remove(one)

    def see(self, event: EventRecord) -> None:
        subject, world = event.subject, self._world
        if subject is None or (world.known.devices and subject not in world.group_of):
            return
        done = self._done.get((event.name, subject), [])
        one = self._taker(done)
        if one is None and (not world.known.all_acts or (event.name == SHOWS["update"] and self._moved(subject))):
            return
        if one is None:
            self._fail(subject, event.rx_s, f"no {_CAUSE[event.name]} of {subject} can have caused it", event)
            return
        one.seen += 1
        for other in done:  # it may have been theirs, if the event of this one was missed
            other.since_s = min(other.since_s, one.since_s)
        if one.over and one.seen >= one.at_most:
            done.remove(one)

    def _taker(self, done: list[_Done]) -> _Done | None:
        """Whose an event is: of acts that overlap, rather of one that has none and must."""
        taker = None
        for one in done:
            if one.open:
                return one
            if taker is None and one.seen < one.at_most:
                taker = one
        return taker

    def _moved(self, subject: str) -> bool:
        """Whether a move that may show as an update has none yet."""
        one = next((d for d in self._done.get((SHOWS["move"], subject), ()) if d.updates), None)
        if one is not None:
            one.updates -= 1
        return one is not None

    def missed(self, one: _Done, now: float) -> None:
        """An accepted act did not show in time, or not as often as it must."""
        for other in self._done.get((SHOWS[one.act.verb], one.act.subject), ()):
            while other is not one and not other.open and other.seen > other.missing and one.open:
                other.seen -= 1  # it can do without: nobody knows how far it came
                one.seen += 1
        if not one.open:
            return
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
        if not isinstance(what, Move) or one.raced:
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
        details = (seen, docket.says(subject)) if docket.explains(self._check) else ()
        what = f"breaks act-once: {texts.event(event)}" if event is not None else "breaks act-once"
        docket.fail(self._check, subject, now, details, what)


def _is_of(began: ActRecord, ended: ActRecord) -> bool:
    return began.n == ended.n and began.step == ended.step and began.verb == ended.verb


class MismatchOnce(Machine):
    """mismatch-once. The event is of the device that is known, the act of whoever came.

    A device that is known by its own number came itself. Of any other number nobody knows whose it is: so all logins
    together bound all events together, and a device's own bound those that are certainly its own.
    """

    __slots__ = ("_check", "_docket", "_logins", "_logins_of", "_seen", "_seen_of", "_world")

    names = ("imeiMismatch", "imsiMismatch")
    verbs = LOGINS

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._logins = 0
        self._seen = dict.fromkeys(self.names, 0)
        self._logins_of: Counter[str] = Counter()
        self._seen_of: Counter[tuple[str, str]] = Counter()

    def began(self, act: ActRecord) -> None:
        self._count(act, self._world.attempts(act.step) if self._world.known.devices else MANY_ATTEMPTS)

    def ended(self, act: ActRecord) -> None:
        self._count(act, -(act.outcome == "ok"))  # of its attempts, the last one

    def _count(self, act: ActRecord, logins: int) -> None:
        self._logins += logins
        self._logins_of[act.subject] += logins

    def see(self, event: EventRecord) -> None:
        self._check.cases += 1
        self._seen[event.name] = count = self._seen[event.name] + 1
        logins, whose = self._logins, ""
        if count <= logins and (actor := self._actor(event)):
            self._seen_of[actor, event.name] = count = self._seen_of[actor, event.name] + 1
            logins, whose = self._logins_of[actor], f" of {actor}"
        # Whether an accepted login may show one is a platform's policy; ours refuses (mobile-network §3.2).
        if count > logins and self._world.embedded:
            what = "breaks mismatch-once: more mismatches than logins that were not accepted"
            such = texts.counted(logins, "such login", "such logins")
            details = (f"seen: {texts.sighting(event)}, number {count}{whose} for {such}",)
            self._docket.fail(self._check, event.subject or "", event.rx_s, details, what)

    def _actor(self, event: EventRecord) -> str:
        """Whose login was refused, if that is certain: the number that it was found by is its own; else ""."""
        subject = event.subject or ""
        group = self._world.group_of.get(subject)
        number = event.data.get("imsi" if event.name == "imeiMismatch" else "imei")
        if group is None or not number or self._world.identities_change:
            return ""
        return "" if any(number == told for _, told in group.registered_as) else subject
