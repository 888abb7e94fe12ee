"""Acts of which each attempt may show as one event, and must if it was accepted: handshakes and blobs.

begun ──ok───────► must be seen, within a time of grace
  ├────rejected──► must not be seen
  └────else──────► may be seen (nobody knows how far it came), as long as something may be on its way

Devices that may be taken for one another are one account: their acts together are held against their events together.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.senders import FORGOTTEN_AFTER_S
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

OPEN_KEPT: Final = 64
"""Acts of one account that may still show; beyond this the oldest is forgotten."""


class Debt:
    """One act that may or must show."""

    __slots__ = ("act", "at_most", "ended_s", "machine", "must", "seen", "since_s")

    def __init__(self, machine: Owed, act: ActRecord, at_most: int) -> None:
        self.machine, self.act, self.at_most, self.since_s = machine, act, at_most, act.t_s
        self.ended_s = FOREVER
        self.must = False
        self.seen = 0

    @property
    def open(self) -> bool:
        return self.must and not self.seen

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """Which of those that may show does so rather: one that must, one under way, one that has not yet."""
        return not self.open, self.ended_s < FOREVER, bool(self.seen)

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


class Owed(Machine):
    """Holds such acts against their events."""

    __slots__ = ("_check", "_debts", "_docket", "_world")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._debts: dict[str, list[Debt]] = {}  # by account

    # --- what the one kind or the other says --------------------------------------------------------------------------

    def _concerns(self, subject: str) -> bool:
        """Whether that one's acts and events are counted."""
        return subject in self._world.group_of

    def _must(self, act: ActRecord) -> bool:
        """Whether an act that was accepted must show."""
        del act
        return True

    def _fits(self, debt: Debt, event: EventRecord) -> bool:
        """Whether an event can be that act's."""
        del debt, event
        return True

    # --- what happens -------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        if not self._concerns(act.subject):
            return
        debts = self._debts.setdefault(self._world.family(act.subject), [])
        if len(debts) >= OPEN_KEPT:
            debts[:] = [debt for debt in debts if debt.open or not self._over(debt, act.t_s)][-OPEN_KEPT:]
        debts.append(Debt(self, act, self._world.attempts(act.step)))

    def ended(self, act: ActRecord) -> None:
        debts = self._debts.get(self._world.family(act.subject), [])
        debt = next((d for d in debts if d.ended_s == FOREVER and _is_of(d.act, act)), None)
        if debt is None:
            return
        debt.act, debt.ended_s = act, act.t_s
        if act.outcome == "rejected":
            self._refused(debt, debts)
        elif act.outcome == "ok":
            self._check.cases += 1
            debt.must = self._must(act)
            if debt.open:
                step = self._world.scenario.steps[act.step] if self._world.act(act.step) else None
                self._docket.deadlines.at(act.t_s + max(GRACE_S, step.within_s if step else 0.0), debt)

    def _refused(self, debt: Debt, debts: list[Debt]) -> None:
        """The last attempt must not show; what did was an earlier one's, or another act's."""
        debt.at_most -= 1
        while debt.seen > debt.at_most:
            debt.seen -= 1
            other = next((d for d in debts if d is not debt and d.seen < d.at_most), None)
            if other is None:
                act = debt.act
                self._fail(act.subject, act.t_s, f"{self._event} was seen, but {act.verb} was rejected")
                return
            other.seen += 1

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None or not self._concerns(subject):
            return
        debts = self._debts.get(self._world.family(subject), [])
        able = [debt for debt in debts if debt.seen < debt.at_most and not self._over(debt, event.rx_s)]
        fit = [debt for debt in able if self._fits(debt, event)]
        if fit:
            taker = min(fit, key=lambda debt: debt.rank)
            taker.seen += 1
            for debt in fit:  # it may have been theirs, if the event of this one was missed
                debt.since_s = min(debt.since_s, taker.since_s)
            return
        if not self._world.known.all_acts:
            return
        self._fail(subject, event.rx_s, self._why_none(subject, able), event)
        if able:
            min(able, key=lambda debt: debt.rank).seen += 1  # this is what became of it: not missing as well

    def _over(self, debt: Debt, now: float) -> bool:
        """Whether nothing of an act can be on its way any more."""
        late_s = FORGOTTEN_AFTER_S if self._world.delays(debt.act.subject) else GRACE_S
        return now > debt.ended_s + late_s

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def missed(self, debt: Debt, now: float) -> None:
        """An accepted act did not show in time."""
        for other in self._debts.get(self._world.family(debt.act.subject), ()):
            if other is not debt and other.seen > other.must and debt.open:
                other.seen -= 1  # it can do without: nobody knows how far it came
                debt.seen += 1
        if not debt.open:
            return
        act = debt.act
        details = (
            f"{act.verb} was ok at {texts.moment(act.t_s)}; no {self._event} by {texts.moment(now)}",
            self._docket.says(act.subject),
        )
        what = f"breaks {self._name}: no {self._event} for its {act.verb}"
        self._docket.absent(self._check, act.subject, (debt.since_s, now), now, details, what)
        debt.must = False

    def _why_none(self, subject: str, able: list[Debt]) -> str:
        """Why no act can have caused an event."""
        del able
        return f"nothing that {subject} did can have caused it, or all of that has shown already"

    @property
    def _event(self) -> str:
        return next(iter(self.names or ()), "")

    @property
    def _name(self) -> str:
        return self._check.name.removeprefix("invariant.")

    def _fail(self, subject: str, now: float, why: str, event: EventRecord | None = None) -> None:
        docket = self._docket
        seen = f"seen: {texts.sighting(event)}; {why}" if event is not None else why
        details = (seen, docket.says(subject)) if docket.explains(self._check) else ()
        what = f"breaks {self._name}: {texts.event(event)}" if event is not None else f"breaks {self._name}"
        docket.fail(self._check, subject, now, details, what)


def _is_of(began: ActRecord, ended: ActRecord) -> bool:
    return (began.subject, began.n, began.step, began.verb) == (ended.subject, ended.n, ended.step, ended.verb)
