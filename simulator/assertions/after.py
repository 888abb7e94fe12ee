"""`{after: NAME, within: D, sees: E}`: timed from each act of a name (scenarios §4). Consumes nothing.

act began ──► WATCHING ──act ended──► TIMED ──E──► held
                 ├──E──► held            └──within is over──► absent
                 └──E, and `not_before` is given──► too early
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Matcher
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord, StepRecord
from simulator.scenario.model import AfterAct, Step, Subject


class _Case:
    """One act, or one repetition if others than its subject must see it."""

    __slots__ = ("began_s", "ended_s", "key", "left", "machine", "running")

    def __init__(
        self, machine: After, key: tuple[int, int, str], whom: Sequence[str], began_s: float, running: int
    ) -> None:
        self.machine, self.key, self.began_s, self.running = machine, key, began_s, running
        self.left = dict.fromkeys(whom)
        """Who has not seen it."""
        self.ended_s = FOREVER

    @property
    def open(self) -> bool:
        return bool(self.left)

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


class After(Form):
    """Acts of a name, each with its window. An event decides all windows of its subject that are open."""

    __slots__ = (
        "_acts",
        "_cases",
        "_matcher",
        "_named",
        "_not_before_s",
        "_of",
        "_open",
        "_pending",
        "_population",
        "_within_s",
        "names",
        "verbs",
    )

    def __init__(
        self,
        docket: Docket,
        frame: Frame,
        what: AfterAct,
        world: World,
        subjects_of: Callable[[Subject], tuple[str, ...]],
    ) -> None:
        super().__init__(docket, frame)
        self._matcher = Matcher(what.matcher, world.aliases)
        self._within_s, self._not_before_s = what.within_s, what.not_before_s
        self._of = None if what.of is None else subjects_of(what.of)
        self._named = {
            index: step for index, step in enumerate(world.scenario.steps) if step.name and step.name == what.act
        }
        self._population = {index: _doers(step, subjects_of) for index, step in self._named.items()}
        self._cases: dict[tuple[int, int, str], _Case | None] = {}  # step, repetition, and whose act it is; None: over
        self._open: dict[str, list[_Case]] = {}  # by who has not seen it
        self._pending = self._acts = 0
        self.names = (what.matcher.name,)
        self.verbs = tuple(dict.fromkeys(step.verb for step in self._named.values()))
        window = f"within {texts.span(what.within_s)}"
        if what.not_before_s:
            window = f"between {texts.span(what.not_before_s)} and {texts.span(what.within_s)}"
        words = f"sees {texts.matcher(what.matcher)} {window} after {what.act}"
        noun = (
            what.of.text
            if what.of
            else ", ".join(dict.fromkeys(subject.text for step in self._named.values() for subject in step.subjects))
        )
        whom = (
            self._of
            if self._of is not None
            else dict.fromkeys(
                name for step in self._named.values() for subject in step.subjects for name in subjects_of(subject)
            )
        )
        self._check = self._promise(what.place, words, noun, len(whom))
        self._check.alone = what.of is None
        if world.nobody_acts(None, what.act):
            self._check.idle = f"not judged: nobody takes part who would do {what.act}"

    # --- its time -----------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        return not self._over and (self.until_s == FOREVER or self._pending > 0)

    def acted(self, now: float) -> None:
        # Each act has its own window; this form is over when all of them are.
        self.until_s = now

    def _decide(self, now: float) -> None:
        for cases in list(self._open.values()):
            for case in list(cases):
                if case.open and (self._frame.whole_run or case.ended_s == FOREVER):
                    self._check.unknown += [(name, self._cut_short(now)) for name in case.left]
                    self._done(case)
                elif case.open:
                    self.missed(case, now)
        if not self._acts and not self._check.idle:
            self._check.unknown.append(("", "no such act has begun"))

    def _undecided(self, why: str) -> None:
        if self._begun and not self._acts:
            why = "no such act has begun"
        if (self._pending or not self._acts) and not self._check.idle:
            self._check.unknown.append(("", why))

    def _cut_short(self, now: float) -> str:
        return f"not decided when the run ended at {texts.moment(now)}"

    # --- acts ---------------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        if act.step not in self._named or self._over:
            return
        self._acts += 1
        if self._of is None:
            self._watch(_Case(self, (act.step, act.n, act.subject), (act.subject,), act.t_s, 1))
        elif (act.step, act.n, "") not in self._cases:
            self._watch(_Case(self, (act.step, act.n, ""), self._of, act.t_s, self._population[act.step]))

    def ended(self, act: ActRecord) -> None:
        case = self._cases.get((act.step, act.n, act.subject if self._of is None else ""))
        if case is not None and case.ended_s == FOREVER:
            case.running -= 1
            if case.running <= 0:
                self._time(case, act.t_s)

    def stepped(self, record: StepRecord) -> None:
        """What has no acts of anybody, such as `wait`, begins and ends with its step."""
        step = self._named.get(record.step)
        if step is None or self._over:
            return
        if not self._population[record.step] and self._of is not None and record.phase == "began":
            self._acts += 1
            self._watch(_Case(self, (record.step, 0, ""), self._of, record.t_s, 1))
        elif record.phase == "acted":
            for case in list(self._cases.values()):
                if case is not None and case.key[0] == record.step and case.ended_s == FOREVER:
                    self._time(case, record.t_s)

    def _watch(self, case: _Case) -> None:
        self._cases[case.key] = case
        for name in case.left:
            self._open.setdefault(name, []).append(case)
        if case.left:
            self._pending += 1

    def _time(self, case: _Case, now: float) -> None:
        case.ended_s = now
        if case.left:
            self._docket.deadlines.at(now + self._within_s, case)
        else:
            self._forget(case)

    # --- events -------------------------------------------------------------------------------------------------------

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        cases = self._open.get(subject) if subject is not None else None
        if not cases or not self._matcher.accepts(event):
            return
        assert subject is not None
        del self._open[subject]
        for case in cases:
            self._check.cases += 1
            del case.left[subject]
            if self._not_before_s and event.rx_s < case.ended_s + self._not_before_s:
                self._too_early(case, event)
            elif self._not_before_s:
                self._quiet(case.began_s, case.ended_s + self._not_before_s)
            if not case.left:
                self._pending -= 1
                if case.ended_s != FOREVER or self._of is None:
                    self._forget(case)

    def missed(self, case: _Case, now: float) -> None:
        """The time of an act is over."""
        docket, check = self._docket, self._check
        deadline_s = case.ended_s + self._within_s
        from_s = case.ended_s + self._not_before_s if self._not_before_s else case.began_s
        for subject in list(case.left):
            check.cases += 1
            details: tuple[str, ...] = ()
            if docket.explains(check):
                best = texts.nearest(self._matcher, self._seen(subject))
                near = texts.nearest_words(self._matcher, best, subject, f"before {self._what(case)} began")
                waited = f"waited {texts.moment(self._within_s)} from the end of {self._what(case)} at"
                details = (f"{waited} {texts.moment(case.ended_s)}; {near}", *self._says(subject))
            docket.absent(check, subject, (from_s, deadline_s), now, details)
        self._done(case)

    def _too_early(self, case: _Case, event: EventRecord) -> None:
        docket, check = self._docket, self._check
        subject = event.subject or ""
        details: tuple[str, ...] = ()
        if docket.explains(check):
            began = f"{self._what(case)} began at {texts.moment(case.began_s)}"
            if case.ended_s == FOREVER:
                when = f"{began} and was not over"
            else:
                when = f"only {texts.moment(event.rx_s - case.ended_s)} after the end of {self._what(case)}"
            details = (f"too early: {texts.sighting(event)}; {when}", *self._says(subject))
        docket.fail(check, subject, event.rx_s, details)
        docket.convicted = event

    def _what(self, case: _Case) -> str:
        step, n, _ = case.key
        return self._named[step].name + (f" number {n + 1}" if n else "")

    def _quiet(self, from_s: float, to_s: float) -> None:
        """Nothing may be seen there; windows that touch are kept as one."""
        quiet = self._check.quiet
        if quiet and quiet[-1][0] <= from_s <= quiet[-1][1]:
            quiet[-1] = quiet[-1][0], max(quiet[-1][1], to_s)
        else:
            quiet.append((from_s, to_s))

    def _done(self, case: _Case) -> None:
        for subject in case.left:
            cases = self._open[subject]
            cases.remove(case)
            if not cases:
                del self._open[subject]
        if case.left:
            self._pending -= 1
            case.left.clear()
        self._forget(case)

    def _forget(self, case: _Case) -> None:
        if self._cases.get(case.key) is case:
            if self._of is None:
                del self._cases[case.key]
            else:  # whoever is late in this repetition does not begin it anew
                self._cases[case.key] = None


def _doers(step: Step, subjects_of: Callable[[Subject], tuple[str, ...]]) -> int:
    """How many acts a repetition of a step has."""
    return len({name for subject in step.subjects for name in subjects_of(subject)}) + len(step.doers)
