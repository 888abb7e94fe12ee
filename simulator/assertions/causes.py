"""Invariants about what events come from: an act that was accepted shows, once, and nothing shows without an act.

begun ──ok───────► must be seen, within a time of grace
  ├────rejected──► must not be seen
  └────else──────► may be seen (nobody knows how far it came)

Of devices that have kin, the logins of the whole family are counted against the events of the whole family: a device is
let in as whomever the platform takes it for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.logins import IMEI_DIGITS
from simulator.assertions.machine import Machine
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.verbs import LOGINS, MANY_ATTEMPTS, OUTAGES, SIM_VERBS
from simulator.assertions.world import World, collection_name
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

CONNECTS: Final = "ciotConnect"
"""What a login shows as."""

_CAUSE: Final = {event: verb for verb, event in reversed(tuple(SHOWS.items()))}
"""Event → the verb that a failure names for it."""

UNDECIDED_KEPT: Final = 16
"""Acts of one subject and verb that may still show; beyond this the oldest is forgotten."""


class _Done:
    """One act that may or must show."""

    __slots__ = ("act", "again", "at_most", "machine", "missing", "over", "raced", "seen", "since_s", "updates")

    def __init__(self, machine: ActOnce, act: ActRecord, attempts: int) -> None:
        self.machine, self.act, self.since_s = machine, act, act.t_s
        self.again = attempts
        """How often it may show once more after an outage, where copies of its requests may still be on their way."""
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

    @property
    def settled(self) -> bool:
        """Whether it takes no more, and has none that it could do without."""
        return self.over and self.at_most <= self.seen <= self.missing

    @property
    def rank(self) -> tuple[bool, bool]:
        """Which of those that may show does so rather: one under way, and one that has not yet."""
        return self.over, bool(self.seen)

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


_ANYWHERE: Final = "?"
"""Where a device is whose move, or creation, came to nobody knows what; no collection is called that."""


class ActOnce(Machine):
    """act-once."""

    __slots__ = ("_check", "_docket", "_done", "_homes", "_lingers", "_world", "names", "verbs")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._done: dict[tuple[str, str], list[_Done]] = {}  # by event and subject
        self._homes: dict[str, str | None] = {}
        self._lingers = world.logins_linger
        self.verbs = (*SHOWS, *(OUTAGES if world.known.devices else SIM_VERBS))
        self.names = tuple(dict.fromkeys(SHOWS.values()))

    def _key(self, event: str, subject: str) -> tuple[str, str]:
        """Under which an act is kept: its device, or the family where hardware does not tell who logs in."""
        world = self._world
        return event, subject if event != CONNECTS or world.known_by_imei(subject) else world.family(subject)

    def _key_of(self, event: EventRecord, subject: str) -> tuple[str, str]:
        """The same of an event: whoever has that hardware, if it says whose that is."""
        world = self._world
        if event.name != CONNECTS or not world.wanders(subject):
            return event.name, subject
        owner = world.hardware.get(event.data.get("imei", "")[:IMEI_DIGITS])
        if owner is None and world.known_by_imei(subject):  # it is of none of them, or its gateway does not tell
            keys = [(CONNECTS, name) for name in world.kin(subject)]
            return next((key for key in keys if self._taker(self._done.get(key, []))), keys[0])
        return self._key(CONNECTS, subject if owner is None else owner)

    def began(self, act: ActRecord) -> None:
        world = self._world
        if act.verb in SIM_VERBS:  # whoever logs in from now on may be anybody
            world.muddled = True
            return
        if act.verb in OUTAGES:
            self._outage()
            return
        if act.verb in LOGINS and world.is_inet(act.subject):
            return  # of those `handshake-told` speaks
        done = self._done.setdefault(self._key(SHOWS[act.verb], act.subject), [])
        attempts = world.logins_in(act) if act.verb in LOGINS else world.attempts(act.step)
        if not world.known.devices and act.verb in LOGINS:
            attempts = MANY_ATTEMPTS
        new = _Done(self, act, attempts)
        for other in done:
            if not other.over:
                other.raced = new.raced = True
        done.append(new)
        if len(done) > UNDECIDED_KEPT * len(world.kin(act.subject)):
            del done[0]

    def _outage(self) -> None:
        """A platform that comes up again does not know that it has decided a login whose answer was lost, or of whose
        requests a copy is late."""
        for (event, _), done in self._done.items():
            for one in done if event == CONNECTS else ():
                if self._lingers:
                    one.at_most = max(one.at_most, one.seen) + one.again
                else:
                    one.at_most += not one.over

    def ended(self, act: ActRecord) -> None:
        if act.verb in OUTAGES:
            self._outage()
            return
        done = self._done.get(self._key(SHOWS.get(act.verb, ""), act.subject), [])
        one = next((d for d in done if not d.over and _is_of(d.act, act)), None)
        if one is None:
            return
        one.over, one.act = True, act
        if act.verb == "create" and act.outcome == "ok":
            self._homes.pop(act.subject, None)  # it is where its group begins, wherever it was moved before
        elif act.verb in ("create", "move") and act.outcome not in ("ok", "rejected"):
            self._homes[act.subject] = _ANYWHERE
        if act.outcome == "rejected" and self._world.refused(act):
            self._refused(one, done)
            for _ in range(one.seen):
                other = next((d for d in done if d.seen < d.at_most), None)
                if other is None and self._muddles(act.verb):
                    return
                if other is None:
                    self._fail(act.subject, act.t_s, f"{SHOWS[act.verb]} was seen, but {act.verb} was rejected")
                    return
                other.seen += 1  # it was that one's, then
            one.seen = 0
        elif act.outcome == "ok":
            self._check.cases += 1
            one.missing = self._must(one)
            if one.open:
                within_s = self._world.scenario.steps[act.step].within_s if self._world.act(act.step) else 0.0
                self._docket.deadlines.at(act.t_s + max(GRACE_S, within_s), one)
            else:
                self._forget(one, done)

    def _refused(self, one: _Done, done: list[_Done]) -> None:
        """It must not show, unless a platform that has forgotten it decides anew."""
        one.at_most = 0
        if not (self._lingers and one.act.verb in LOGINS):
            done.remove(one)

    def _forget(self, one: _Done, done: list[_Done]) -> None:
        """Nothing more can come of it."""
        if one.settled and not (self._lingers and one.act.verb in LOGINS):
            done.remove(one)

    def see(self, event: EventRecord) -> None:
        subject, world = event.subject, self._world
        if subject is None or (world.known.devices and subject not in world.group_of):
            return
        done = self._done.get(self._key_of(event, subject), [])
        one = self._taker(done)
        if event.name == CONNECTS and (world.muddled or ((one is None or one.over) and self._others())):
            return
        if one is None and (not world.known.all_acts or (event.name == SHOWS["update"] and self._moved(subject))):
            return
        if one is None:
            self._fail(subject, event.rx_s, f"no {_CAUSE[event.name]} of {subject} can have caused it", event)
            return
        one.seen += 1
        for other in done:  # it may have been theirs, if the event of this one was missed
            other.since_s = min(other.since_s, one.since_s)
        self._forget(one, done)

    def _taker(self, done: list[_Done]) -> _Done | None:
        """Whose an event is: of acts that overlap rather of one that has none and must, then of one under way."""
        taker = None
        for one in done:
            if one.open:
                return one
            if one.seen < one.at_most and (taker is None or one.rank < taker.rank):
                taker = one
        return taker

    def _others(self) -> bool:
        """Without the scenario: whether somebody else has logged in, and may have been taken for that one."""
        if self._world.known.devices or not self._world.known.all_acts:
            return False
        logins = (one for (name, _), done in self._done.items() if name == CONNECTS for one in done)
        self._world.muddled = any(one.open or not one.over for one in logins)
        return self._world.muddled

    def _muddles(self, verb: str) -> bool:
        return self._world.muddled and verb in LOGINS

    def _moved(self, subject: str) -> bool:
        """Whether a move that may show as an update has none yet."""
        one = next((d for d in self._done.get((SHOWS["move"], subject), ()) if d.updates), None)
        if one is not None:
            one.updates -= 1
        return one is not None

    def missed(self, one: _Done, now: float) -> None:
        """An accepted act did not show in time, or not as often as it must."""
        if self._muddles(one.act.verb):
            return
        for other in self._done.get(self._key(SHOWS[one.act.verb], one.act.subject), ()):
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
        return 0 if home in (to, _ANYWHERE) else 2 if self._world.embedded else 1

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
