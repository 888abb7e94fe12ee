"""Whether a device has a session in the mobile network, as far as its acts tell.

           login begun            login ok
    GONE ───────────► nobody knows ───────► there ──detach, power_off in order, SIM pulled: ok──► GONE
      ▲                  │ rejected: as before
      └──────────────────┘

A session outlives its device: one that lost its power, or that froze, leaves without a word. Acts of one device that
overlap have no order, so nobody knows what they come to. Of a device that has kin, all count who may be taken for it:
who logs in, logs in for whomever the platform takes it.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.kinship import SOMEBODY
from simulator.assertions.machine import Machine
from simulator.assertions.verbs import LEAVES, LOGINS, PULLS, SENDS, SILENCES
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import PowerOff

STRAGGLES_S: Final = 10.0
"""What was emitted before a session ended may arrive so long after it."""


class Attendance:
    """One device. `gone`: it certainly has no session."""

    __slots__ = ("_attached", "_gone_before", "_mixed", "_under_way", "gone")

    def __init__(self) -> None:
        self.gone = True
        self._attached = self._gone_before = self._mixed = False
        self._under_way = 0

    def began(self, verb: str) -> None:
        """A login, a leave or a silence begins."""
        self._under_way += 1
        if self._under_way > 1:
            self._mixed = True
        else:
            self._gone_before = self.gone
        if verb in LOGINS:
            self.gone = False
        elif verb in SILENCES:
            self._attached = False

    def ended(self, verb: str, outcome: str, *, abruptly: bool) -> None:
        """It is over."""
        self._under_way = max(0, self._under_way - 1)
        if self._mixed:
            self._mixed = self._under_way > 0
            self._attached = self.gone = False
        elif verb in LOGINS:
            self._attached = outcome == "ok"
            self.gone = self._gone_before and outcome == "rejected"
        elif verb in PULLS:
            self.gone, self._attached = self.gone or outcome == "ok", False
        elif verb in LEAVES:
            if self._attached and outcome == "ok" and not abruptly:
                self.gone = True
            self._attached = False


def abruptly(world: World, act: ActRecord) -> bool:
    """Whether a device is switched off without a word."""
    what = world.act(act.step)
    return isinstance(what, PowerOff) and what.abruptly


def outcome_of(world: World, act: ActRecord) -> str:
    """What an act came to, as far as it tells of the session."""
    return act.outcome if act.outcome != "rejected" or world.refused(act) else "unknown"


def is_certain(world: World, subject: str) -> bool:
    """Whether the acts of a device tell all about the sessions that it has come to: nobody else acts."""
    group = world.group_of.get(subject)
    return group is not None and group.network == "ciot" and world.known.all_acts and world.embedded


class InSession(Machine):
    """in-session: of clientConnected. That no message of a stranger is stored is for `upload-once` to say."""

    __slots__ = (
        "_attendance",
        "_began_s",
        "_check",
        "_connected_s",
        "_docket",
        "_early",
        "_left_s",
        "_login_s",
        "_moved",
        "_sending",
        "_sent_s",
        "_world",
    )

    names = ("ciotConnect", "clientConnected")
    verbs = (*LOGINS, *LEAVES, *PULLS, *SILENCES, *SENDS, "move")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._attendance: dict[str, Attendance] = {}
        self._login_s: dict[str, float] = {}
        """When a login began that nothing has shown of, of a device that had no session."""
        self._left_s: dict[str, float] = {}
        self._connected_s: dict[str, float] = {}
        """Since the latest login."""
        self._early: dict[str, EventRecord] = {}
        """clientConnected before anything showed of the login."""
        self._moved: set[str] = set()
        """Whose events come in more than one stream."""
        self._began_s: dict[str, float] = {}
        """When the latest login began."""
        self._sending: dict[str, int] = {}
        """How many acts are under way that send something; 0: none, and there was one."""
        self._sent_s: dict[str, float] = {}
        """When the latest such act was over."""

    def began(self, act: ActRecord) -> None:
        subject = act.subject
        if act.verb in SENDS:
            self._sending[subject] = self._sending.get(subject, 0) + 1
            return
        if act.verb == "move":
            self._moved.add(subject)
            return
        one = self._attendance.get(subject)
        if one is None:
            self._attendance[subject] = one = Attendance()
        if act.verb in LOGINS:
            if one.gone:
                self._login_s[subject] = act.t_s
            self._began_s[subject] = act.t_s
            self._connected_s.pop(subject, None)
            self._early.pop(subject, None)
        one.began(act.verb)

    def ended(self, act: ActRecord) -> None:
        subject = act.subject
        if act.verb in SENDS:
            self._sending[subject] = max(0, self._sending.get(subject, 0) - 1)
            self._sent_s[subject] = act.t_s
            return
        one = self._attendance.get(subject)
        if one is None or act.verb == "move":
            return
        was_gone = one.gone
        one.ended(act.verb, outcome_of(self._world, act), abruptly=abruptly(self._world, act))
        if not one.gone:
            self._left_s.pop(subject, None)
        else:
            self._login_s.pop(subject, None)
            if act.verb in LEAVES or (act.verb in PULLS and not was_gone):
                self._left_s.setdefault(subject, act.t_s)

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None:
            return
        if event.name == "ciotConnect":
            self._shown(subject, event)
            return
        if not is_certain(self._world, subject):
            return
        self._check.cases += 1
        if self._world.wanders(subject):
            self._see_kin(subject, event)
            return
        one, now = self._attendance.get(subject), event.rx_s
        if one is None or one.gone:
            left_s = self._left_s.get(subject)
            if left_s is None:
                self._fail(event, "but it has not logged in")
            elif now > left_s + STRAGGLES_S or subject in self._connected_s:
                self._fail(event, f"but it left the network at {texts.moment(left_s)}")
        elif subject in self._login_s and subject not in self._moved:
            self._early[subject] = event
        elif self._silent(subject):
            self._fail(event, "but it has not sent anything since it logged in")
        self._connected_s[subject] = now

    def _silent(self, subject: str) -> bool:
        """Whether nothing that it has sent can have come in by its latest login."""
        sending = self._sending.get(subject)
        if sending is None:
            return True
        before = self._sent_s.get(subject, 0.0) < self._began_s.get(subject, 0.0)
        # What was sent in an earlier session may be late.
        return not sending and before and self._world.virtual and not self._world.delays(subject)

    def _see_kin(self, subject: str, event: EventRecord) -> None:
        """Nobody is in session who can be taken for it."""
        now, left_s = event.rx_s, -1.0
        kin = self._world.kin(subject)
        if not any(name in self._sending for name in kin) and SOMEBODY not in kin:
            self._fail(event, "but nobody has sent anything who can be taken for it")
            return
        for name in kin:
            one, login = self._attendance.get(name), self._world.logins.of(name)
            if one is None:
                continue
            if not one.gone:
                if login is None or login.may_pass_for(subject) or now <= login.shown_s + STRAGGLES_S:
                    return
            elif name in self._left_s:
                left_s = max(left_s, self._left_s[name])
        if left_s < 0:
            self._fail(event, "but nobody has logged in who can be taken for it")
        elif now > left_s + STRAGGLES_S:
            self._fail(event, f"but whoever could be taken for it left the network by {texts.moment(left_s)}")

    def _shown(self, subject: str, login: EventRecord) -> None:
        """A login shows. In the same stream it does so first, so what showed before it was out of turn."""
        since, early = self._login_s.pop(subject, 0.0), self._early.pop(subject, None)
        if early is not None:
            story = self._story(early, f"but its login only shows after it: {texts.sighting(login)}")
            self._docket.absent(self._check, subject, (since, login.rx_s), login.rx_s, *story)

    def _story(self, event: EventRecord, why: str) -> tuple[tuple[str, ...], str]:
        docket = self._docket
        said = docket.says(event.subject or "")
        details = (f"seen: {texts.sighting(event)}, {why}", said) if docket.explains(self._check) else ()
        return details, f"breaks in-session: {texts.event(event)}"

    def _fail(self, event: EventRecord, why: str) -> None:
        self._docket.fail(self._check, event.subject or "", event.rx_s, *self._story(event, why))
