"""Invariants about upstream messages: what was sent and what the platform shows of it.

    begun ──ok over CoAP, in session──► must be seen, within a time of grace
      ├────ok over UDP, DTLS────────────► may be seen (the network may lose it)
      └────not answered─────────────────► may be seen (the answer was lost, or the request)

An event belongs to a begun upload of the same size: first to one that must be seen, then to one under way, then to one
that may. What no upload accounts for was doubled, belongs to somebody else, or has a wrong size.

A platform that goes down forgets its CoAP exchanges: a copy of a request that meets it afterwards is stored once more.
So whatever may have a copy on its way then may be seen once more for each outage. It forgets DTLS sessions as well, and
what was sent in one of them is no use to anybody then; nor is any record taken twice.

A device that has kin is shown under the name of whomever its login was taken for. Where nobody knows who that was, its
uploads and the events of its whole family are counted against each other.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.logins import Login
from simulator.assertions.machine import Machine
from simulator.assertions.senders import FORGOTTEN_AFTER_S, Sender, Sent
from simulator.assertions.sessions import Attendance, abruptly, is_certain, outcome_of
from simulator.assertions.shared import Shared
from simulator.assertions.upload_acts import budget_of, touches_sessions, was_not_sent
from simulator.assertions.verbs import LEAVES, LOGINS, OWN_SESSION, PULLS, SILENCES
from simulator.assertions.world import RESERVED_PATHS, World
from simulator.events.records import ActRecord, EventRecord

GRACE_S: Final = 10.0
"""How long after its answer an upload's event may take to arrive; a longer `within` of its step counts instead."""

_GOES_DOWN: Final = frozenset({"restart", "stop"})
_ANSWERING: Final = frozenset({"coap", "coaps"})
_ATTENDED: Final = frozenset({*LOGINS, *LEAVES, *PULLS, *SILENCES})
_UNSPECIFIED: Final = "unspecified"  # what the real platform says of some transports (span §3.3)
_TRANSPORTS: Final = frozenset({"udp", "coap", "dtls", "coaps"})


class Uploads(Machine):
    """upload-once."""

    __slots__ = ("_check", "_docket", "_forgets", "_senders", "_shared", "_stirring", "_tells", "_world")

    names = ("upstreamMessage",)
    verbs = None  # any verb may end a session

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._senders: dict[str, Sender] = {}
        self._stirring = 0
        """Acts under way of which nobody knows whose session they change."""
        self._tells = False
        """Acts say themselves whether they were answered."""
        self._forgets = world.outages or not world.known.devices
        self._shared = Shared(world)

    # --- what was done ------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        if act.verb in _GOES_DOWN:
            self._goes_down(act)
            return
        sender = self._senders.get(act.subject)
        if sender is None:
            sender = self._new_sender(act.subject)
            if sender is None:
                return
        if act.verb == "upload":
            step = act.step
            if step != sender.step:
                sender.step, sender.budget = step, budget_of(self._world, sender, act)
            if act.size > 0 and sender.budget:
                size = str(act.size)
                sent = Sent(self, act.subject, step, act.n, size, act.t_s, sender.epoch, sender.budget)
                sent.login = self._login(act.subject)
                if sender.attendance is not None and sender.attendance.gone:
                    sent.barred, sent.budget = sent.budget, 0  # what a stranger sends is not stored (span §4.3)
                sender.pending.append(sent)
            return
        if act.verb in LOGINS:  # what is on its way may come in by the old session or by the new one
            for sent in (*sender.pending, *sender.optional):
                sent.login = None
        if sender.attendance is not None and act.verb in _ATTENDED:
            sender.attendance.began(act.verb)
            if not sender.attendance.gone:
                sender.welcome()
        if touches_sessions(self._world, act):
            self._session_changes(sender, act.verb, 1)

    def ended(self, act: ActRecord) -> None:
        if act.verb in _GOES_DOWN:
            self._goes_down(act)
            return
        sender = self._senders.get(act.subject)
        if sender is None:
            return
        if act.verb == "upload":
            for sent in sender.pending:
                if sent.n == act.n and sent.step == act.step and sent.ended_s == FOREVER:
                    self._over(sender, sent, act)
                    return
            return
        if sender.attendance is not None and act.verb in _ATTENDED:
            sender.attendance.ended(act.verb, outcome_of(self._world, act), abruptly=abruptly(self._world, act))
        if touches_sessions(self._world, act):
            self._session_changes(sender, act.verb, -1)
            sender.attached = act.verb in LOGINS and act.outcome == "ok"

    def _login(self, subject: str) -> Login | None:
        """By which login what a device sends now is sent, if that is to be asked, and known."""
        login = self._world.logins.of(subject)
        return login if login is not None and login.ended_s < FOREVER else None

    def _new_sender(self, subject: str) -> Sender | None:
        group = self._world.group_of.get(subject)
        if group is None and self._world.known.devices:
            return None
        if group is not None and group.transport not in _TRANSPORTS:
            return None
        self._senders[subject] = sender = Sender(group, group is None or self._world.may_copy(group))
        if is_certain(self._world, subject):
            sender.attendance = Attendance()
        return sender

    def _over(self, sender: Sender, sent: Sent, act: ActRecord) -> None:
        sent.ended_s = act.t_s
        sent.transmissions = act.transmissions
        if sender.group is None:  # each transmission may have been an attempt of its own
            answering = bool(act.answered) or sender.transport in _ANSWERING
            sent.budget = max(1, act.transmissions) * (1 if answering else 2)
            if sent.seen > sent.budget:
                self._too_often(sent, act)
        answered = act.outcome == "ok" and self._confirmed(sender, act)
        if answered:
            self._check.cases += 1
        settled = sent.epoch == sender.epoch and not sender.changing and not self._stirring
        if not answered and was_not_sent(self._world, sender, act):
            self._was_not_sent(sender, sent, act)
            return
        known = sender.attached or sender.secure
        sent.must = must = answered and known and settled and self._shared.stands(sent)
        if must and not sent.seen and (len(sender.pending) > 1 or sender.optional):
            sender.reclaim(sent)
        if must and not sent.seen:
            step = self._world.scenario.steps[sent.step] if self._world.act(sent.step) else None
            self._docket.deadlines.at(act.t_s + max(GRACE_S, step.within_s if step else 0.0), sent)
            return
        sender.pending.remove(sent)
        if sent.seen < sent.budget or sent.barred or sender.pending:
            sender.may_come(sent)
        elif self._forgets:
            sender.done.append(sent)

    def _was_not_sent(self, sender: Sender, sent: Sent, act: ActRecord) -> None:
        """It must not show; what did is another's, if it can be."""
        sender.pending.remove(sent)
        for _ in range(sent.seen):
            other = next((s for s in (*sender.pending, *sender.optional) if s.size == sent.size and s.seen < s.budget),
                         None)  # fmt: skip
            if other is None:
                docket = self._docket
                details = (f"upload of {sent.size} bytes was shown", texts.device_says(act))
                what = "breaks upload-once: what was not sent is shown"
                docket.fail(self._check, sent.subject, act.t_s, details, what)
                break
            other.seen += 1

    def _confirmed(self, sender: Sender, act: ActRecord) -> bool:
        """Whether what was ok was so in the platform's own words."""
        if sender.group is not None:
            return sender.transport in _ANSWERING
        if act.answered:
            self._tells = True
            return act.answered.strip("/") not in RESERVED_PATHS
        return sender.transport in _ANSWERING and not self._tells

    def _too_often(self, sent: Sent, act: ActRecord) -> None:
        """How often it was tried is known now: it was shown more often than that."""
        docket, check = self._docket, self._check
        tried = texts.times(max(1, act.transmissions))
        details = (
            f"upload of {sent.size} bytes, sent {tried}, was shown {texts.times(sent.seen)}",
            docket.says(sent.subject),
        )
        docket.fail(check, sent.subject, act.t_s, details, "breaks upload-once: an upload is shown too often")
        sent.seen = sent.budget

    def _session_changes(self, sender: Sender, verb: str, begins: int) -> None:
        """A login, a logout, or something that this machine knows nothing about: then for everybody.

        Args:
            begins: 1 at the beginning of such an act, -1 at its end; in between nobody knows how it stands.
        """
        if verb in OWN_SESSION:
            sender.changing = max(0, sender.changing + begins)
            sender.epoch += 1
            sender.attached = False
            return
        self._stirring = max(0, self._stirring + begins)
        for other in self._senders.values():
            other.epoch += 1
            other.attached = False

    def _goes_down(self, act: ActRecord) -> None:
        for sender in self._senders.values():
            if sender.transport in ("coap", ""):  # over DTLS a copy meets nobody who could read it
                sender.outage((act.step, act.n), act.t_s)

    # --- what is shown ------------------------------------------------------------------------------------------------

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None:
            return  # known-owner speaks of those
        if self._world.muddled:
            return
        if self._world.wanders(subject):
            self._see_kin(subject, event)
            return
        sender = self._senders.get(subject)
        if sender is None:
            if subject in self._world.group_of or (self._world.known.all_acts and not self._world.known.devices):
                self._fail(event, "but it has not sent anything")
            return
        data = event.data
        transport = data.get("transport")
        if transport != sender.transport and transport != _UNSPECIFIED:
            if sender.transport:
                self._fail(event, f"but its transport is {sender.transport}")
            elif transport in _TRANSPORTS:
                sender.transport = transport
        size = data.get("bytes")
        taker = None
        for sent in sender.pending:
            if sent.size == size and sent.seen < sent.budget and (taker is None or sent.open):
                taker = sent
                if sent.must and not sent.seen:
                    break
        if taker is not None:
            taker.seen += 1
            if len(sender.pending) > 1:
                since_s = min(taker.began_s, taker.since_s)
                for sent in sender.pending:
                    if sent.size == size and sent.since_s > since_s:
                        sent.since_s = since_s
            if taker.must:
                self._seen(sender, taker)
            return
        for sent in sender.optional:
            if sent.seen < sent.budget and sent.size == size and sent.ended_s >= event.rx_s - FORGOTTEN_AFTER_S:
                sent.seen += 1
                if sent.seen >= sent.budget and not sender.pending:
                    sender.optional.remove(sent)
                return
        self._unaccounted(sender, event)

    def _see_kin(self, subject: str, event: EventRecord) -> None:
        """It may be of anybody who can have been taken for that device."""
        data = event.data
        family = [sender for name in self._world.kin(subject) if (sender := self._senders.get(name)) is not None]
        if not family:
            self._fail(event, "but nobody who can be taken for it has sent anything")
            return
        transport = data.get("transport")
        fit = [sender for sender in family if transport in (sender.transport, _UNSPECIFIED)]
        if not fit:
            self._fail(event, f"but its transport is {family[0].transport}")
            fit = family
        found = self._shared.taker(fit, subject, event)
        if found is None:
            self._fail(event, self._shared.why_none(fit, subject, event))
            return
        sender, sent = found
        sent.seen += 1
        if sent in sender.pending:
            if sent.must:
                self._seen(sender, sent)
        elif sent.seen >= sent.budget and not sender.pending:
            sender.optional.remove(sent)

    def missed(self, sent: Sent, now: float) -> None:
        """An answered upload was not shown in time."""
        docket, check = self._docket, self._check
        if self._world.muddled:
            return
        details: tuple[str, ...] = ()
        if docket.explains(check):
            which = f"upload number {sent.n + 1}" if sent.n else "upload"
            recent = docket.recent.get(sent.subject)
            latest = texts.sighting(recent[-1]) if recent else "nothing"
            waited = texts.moment(now - sent.ended_s)
            details = (
                f"{which} of {sent.size} bytes, from {texts.moment(sent.began_s)}, was answered at "
                f"{texts.moment(sent.ended_s)}; no upstreamMessage in {waited}; latest seen: {latest}",
                docket.says(sent.subject),
            )
        docket.absent(
            check,
            sent.subject,
            (min(sent.began_s, sent.since_s), now),
            now,
            details,
            "breaks upload-once: an answered upload never shows",
        )
        sent.must = False
        sender = self._senders[sent.subject]
        sender.pending.remove(sent)
        sender.may_come(sent)

    def _seen(self, sender: Sender, sent: Sent) -> None:
        sender.pending.remove(sent)
        if sent.seen < sent.budget:
            sender.may_come(sent)
        elif self._forgets:
            sender.done.append(sent)

    def _unaccounted(self, sender: Sender, event: EventRecord) -> None:
        candidates = (*sender.pending, *sender.optional)
        if any(sent.barred and sent.size == event.data.get("bytes") for sent in candidates):
            self._fail(event, "but it was not in session when it sent that, and what a stranger sends is not stored")
            return
        unseen = next((sent for sent in candidates if not sent.seen and not sent.barred), None)
        if unseen is None:
            self._fail(event, "but every upload that it can be has been shown already")
            return
        self._fail(event, f"but {unseen.size} bytes were sent at {texts.moment(unseen.began_s)}")
        unseen.seen += 1  # this is what became of it: not missing as well
        if unseen.must:
            self._seen(sender, unseen)

    def _fail(self, event: EventRecord, why: str) -> None:
        docket, check = self._docket, self._check
        assert event.subject is not None
        said = docket.says(event.subject)
        details = (f"seen: {texts.sighting(event)}, {why}", said) if docket.explains(check) else ()
        docket.fail(check, event.subject, event.rx_s, details, f"breaks upload-once: {texts.event(event)}")
