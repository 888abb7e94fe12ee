"""Invariant: no session over the Internet ends without a cause (span §3.4, §8.3).

A session is closed in order by its device, given up for a new one from the same address, ended with its device or with
the platform, or was silent for too long.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.inet_sessions import Open, Sessions
from simulator.assertions.senders import FORGOTTEN_AFTER_S
from simulator.assertions.sessions import STRAGGLES_S
from simulator.assertions.verbs import CLOSES, GOES_DOWN
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

AT_ONCE_S: Final = 1.0
"""What the platform tells of one handshake, the session that it begins and the one that it replaces, lies so close."""

CLOCKS_S: Final = 2.0
"""By so much two times of the platform may be nearer than what they are of."""


class _Alarm:
    """A session has ended, and only a new one from the same address could be why."""

    __slots__ = ("event", "machine", "open", "since_s")

    def __init__(self, machine: SessionKept, event: EventRecord, since_s: float) -> None:
        self.machine, self.event, self.since_s, self.open = machine, event, since_s, True

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


class SessionKept(Sessions):
    """session-kept."""

    __slots__ = ("_acting", "_alarms", "_new", "_until_s")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self.verbs = (*CLOSES, *GOES_DOWN, "move") if world.internet else ()
        self._acting: dict[str, int] = {}
        """How many acts of a family are under way that may end a session."""
        self._until_s: dict[str, float] = {}
        """Until when what such an act did may show; "": of all."""
        self._alarms: dict[str, list[_Alarm]] = {}
        self._new: dict[str, float] = {}
        """When a session of a device began that has not been seen to replace another."""

    def began(self, act: ActRecord) -> None:
        if self._moves(act):
            for alarm in self._alarms.pop(act.subject, ()):
                alarm.open = False
            return
        self._count(act, 1)
        if act.verb in GOES_DOWN:
            self._open.clear()

    def ended(self, act: ActRecord) -> None:
        if act.verb == "move":
            return
        self._count(act, -1)
        key = self._key(act)
        late_s = FORGOTTEN_AFTER_S if key and self._world.delays(act.subject) else STRAGGLES_S
        self._until_s[key] = max(self._until_s.get(key, 0.0), act.t_s + late_s)

    def _key(self, act: ActRecord) -> str:
        return "" if act.verb in GOES_DOWN else self._world.family(act.subject)

    def _count(self, act: ActRecord, by: int) -> None:
        key = self._key(act)
        self._acting[key] = max(0, self._acting.get(key, 0) + by)

    def see(self, event: EventRecord) -> None:
        if not self._counts(event):
            return
        subject = event.subject or ""
        if event.name == "clientConnected":
            alarms = self._alarms.get(subject)
            if alarms:  # it has taken the place of that one
                alarms.pop(0).open = False
            else:
                self._new[subject] = event.rx_s
        elif event.name == "clientDisconnected":
            self._ends(subject, event)
        self._enter(event)

    def _ends(self, subject: str, event: EventRecord) -> None:
        sessions, now = self._open.get(subject), event.rx_s
        if not sessions:
            return  # session-ends-once speaks of those
        self._check.cases += 1
        oldest = min(sessions, key=lambda one: one.rx_s)
        replaced = len(sessions) > 1 and now <= self._new.pop(subject, -FOREVER) + AT_ONCE_S
        if replaced or self._told_to(subject, now) or self._was_silent(subject, oldest, event):
            return
        alarm = _Alarm(self, event, oldest.rx_s)
        self._alarms.setdefault(subject, []).append(alarm)
        self._docket.deadlines.at(now + AT_ONCE_S, alarm)

    def _told_to(self, subject: str, now: float) -> bool:
        """Whether something was done that ends sessions."""
        keys = (self._world.family(subject), "")
        return any(self._acting.get(key) or now <= self._until_s.get(key, -FOREVER) for key in keys)

    def _was_silent(self, subject: str, one: Open, event: EventRecord) -> bool:
        """Whether nobody knows of anything that came in lately. Arrivals lag, and clocks are coarse."""
        idle_s = self._idle_s(subject) - CLOCKS_S
        if idle_s < self._world.scenario.platform.inet_idle_s - CLOCKS_S and self._world.delays(subject):
            idle_s -= FORGOTTEN_AFTER_S  # the device counts from what it sent, whenever that came in
        by_platform = event.unix_s - one.unix_s if min(event.unix_s, one.unix_s) >= 0 else -1
        return max(event.rx_s - one.rx_s, by_platform) >= idle_s

    def _idle_s(self, subject: str) -> float:
        """After how long a silence a session ends, by the platform's doing or the device's."""
        group = self._world.group_of[subject]
        closes_s = group.connection.close_after_s
        return min(self._world.scenario.platform.inet_idle_s, FOREVER if closes_s is None else closes_s)

    def missed(self, alarm: _Alarm, now: float) -> None:
        """No new session took its place."""
        alarm.open = False
        self._alarms[alarm.event.subject or ""].remove(alarm)
        self._tell(alarm.event, alarm.since_s, now)

    def _tell(self, event: EventRecord, since_s: float, now: float) -> None:
        subject, docket = event.subject or "", self._docket
        why = f"its session had something to do at {texts.moment(since_s)}, and nothing has ended it since"
        details = (f"seen: {texts.sighting(event)}; {why}", docket.says(subject))
        what = f"breaks session-kept: {texts.event(event)}"
        docket.absent(self._check, subject, (since_s, now), now, details, what)
