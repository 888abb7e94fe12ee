"""What all machines of a judge share: the checks with what was found against them, what was seen lately, the calendar.

A check fails in one of two ways. Something was there that must not be: nothing can excuse that. Or something was
absent: that proves nothing where the observer may have been blind, and a gap may become known long after the absence
was noticed (a platform counts what it dropped afterwards). So absences are kept with their window, and weighed again
at the end against all gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from simulator.assertions import texts
from simulator.assertions.checks import EXPLAINED, Case, Check
from simulator.assertions.deadlines import FOREVER, Deadlines
from simulator.assertions.gaps import gap_words
from simulator.assertions.sights import RECENT_KEPT, Sight
from simulator.assertions.verdicts import NAMED, Finding, Gap, Judgement, Kind, Verdict
from simulator.errors import Place
from simulator.events.records import ActRecord, EventRecord

__all__ = ["RECENT_KEPT", "WHOLE_RUN", "Case", "Check", "Docket"]

WHOLE_RUN: Final = (0.0, FOREVER)
"""The window of what is only known when the run has ended as planned."""


class Docket:
    """Shared by the machines of one judge.

    Args:
        rerun: command line that runs the scenario again with the same seed.
        alone: whether ` --only SUBJECT` may be put behind it.
    """

    def __init__(self, rerun: str, alone: bool = True) -> None:
        self.rerun, self._alone = rerun, alone
        self.checks: list[Check] = []
        self.news: list[Finding] = []
        self.sights = {"": Sight()}
        """By name of the observer; "": the run's own."""
        self.recent = self.sights[""].recent
        """Latest events of each subject, as the run's own observer saw them."""
        self.acts: dict[str, ActRecord] = {}
        """Latest act of each subject, begun or ended."""
        self.under_way: dict[str, list[ActRecord]] = {}
        """Beginnings of further acts of a subject that are not over: steps may overlap."""
        self.convicted: EventRecord | None = None
        """The latest event that an expectation forbade: no trouble is made of it a second time."""
        self.now_s = 0.0
        """Run time up to which everything is known."""
        self.cut: str | None = None
        """Why the run ended before the scenario did, at `now_s`; None: it did not."""
        self.unfinished: dict[str, list[tuple[Case, str]]] = {}
        """Cases of each subject that tell of an act as being under way, with the line that says so."""
        self.gaps = self.sights[""].gaps
        self.deadlines = Deadlines()
        self.rewire: Callable[[], None] = lambda: None
        """To be called by a machine that wants other records from now on."""

    def check(self, name: str, kind: Kind, place: Place, words: str, noun: str = "", population: int = 0) -> Check:
        """A new check; it appears in the report in the order of asking."""
        check = Check(name, kind, place, words, noun, population)
        self.checks.append(check)
        return check

    # --- findings -----------------------------------------------------------------------------------------------------

    def explains(self, check: Check) -> bool:
        """Whether the next case of a check gets its details; making them costs more than judging."""
        return len(check.failed) < EXPLAINED

    def fail(self, check: Check, subject: str, now: float, details: tuple[str, ...] = (), what: str = "") -> Case:
        """Something was there that must not be, or our own act did not come to what it must."""
        case = Case(subject=subject, from_s=now, to_s=now, decided_s=now, absent=False, details=details, what=what)
        check.failed.append(case)
        self._note_unfinished(case)
        self._tell(check, case, "fail", now, details)
        return case

    def absent(
        self,
        check: Check,
        subject: str,
        window: tuple[float, float],
        now: float,
        details: tuple[str, ...] = (),
        what: str = "",
    ) -> Case:
        """Something was not seen in a window of time."""
        from_s, to_s = window
        case = Case(subject=subject, from_s=from_s, to_s=to_s, decided_s=now, absent=True, details=details, what=what)
        check.failed.append(case)
        self._note_unfinished(case)
        gap = self.blind(*window, check.by)
        if gap is None:
            self._tell(check, case, "fail", now, details)
        else:
            self._tell(check, case, "inconclusive", now, (*details, gap_words(gap)))
        return case

    def _tell(
        self,
        check: Check,
        case: Case,
        verdict: Literal["fail", "inconclusive"],
        now: float,
        details: tuple[str, ...],
    ) -> None:
        if check.found >= NAMED:
            return
        check.found += 1
        self.news.append(
            Finding(
                check=check.name,
                kind=check.kind,
                verdict=verdict,
                place=check.place,
                subject=case.subject,
                t_s=now,
                headline=_headline(check, case.subject, case.what),
                details=(*_indented(details), f"      again with: {self.again(check, case.subject)}"),
            )
        )

    def again(self, check: Check, subject: str) -> str:
        """The command that repeats it."""
        return f"{self.rerun} --only {subject}" if subject and check.alone and self._alone else self.rerun

    # --- acts ---------------------------------------------------------------------------------------------------------

    def act(self, act: ActRecord) -> None:
        """An act begins or has ended. It becomes what its subject did last; others may be under way beside it."""
        subject = act.subject
        before = self.acts.get(subject)
        self.acts[subject] = act
        if before is None or (before.phase == "ended" and not self.under_way):
            return
        if act.phase == "began":
            if before.phase == "began":
                self.under_way.setdefault(subject, []).append(before)
        elif before.phase == "ended" or not _same(before, act):
            others = self.under_way.get(subject, [])
            if before.phase == "began":
                others.append(before)
            left = [other for other in others if not _same(other, act)]
            if left:
                self.under_way[subject] = left
            elif others:
                self.under_way.pop(subject, None)

    def says(self, subject: str) -> str:
        """What the device itself thinks happened: its latest act, and what else it has under way."""
        line = texts.device_says(self.acts.get(subject))
        for act in self.under_way.get(subject, ()):
            line += f"; {act.verb} since {texts.moment(act.t_s)}, not over yet"
        return line

    def act_ended(self, act: ActRecord) -> None:
        """An act is over: what was found at that very moment need not call it under way."""
        told = self.unfinished.pop(act.subject, ())
        now_so = self.says(act.subject) if told else ""
        for case, line in told:
            if act.t_s <= case.decided_s:
                case.details = tuple(now_so if one == line else one for one in case.details)
                self._note_unfinished(case)

    def _note_unfinished(self, case: Case) -> None:
        subject = case.subject
        act = self.acts.get(subject) if case.details else None
        if act is not None and (act.phase == "began" or subject in self.under_way):
            line = self.says(subject)
            if line in case.details:
                self.unfinished.setdefault(subject, []).append((case, line))

    # --- sight --------------------------------------------------------------------------------------------------------

    def sight(self, observer: str) -> Sight:
        """What that observer can see."""
        sight = self.sights.get(observer)
        if sight is None:
            self.sights[observer] = sight = Sight(observer)
        return sight

    def blind(self, from_s: float, to_s: float, by: str = "", *, quiet: bool = False) -> Gap | None:
        """Why absence in a window proves nothing; None: it proves what it seems to. `quiet`: see `Sight.blind`."""
        gap = self.sight(by).blind(from_s, to_s, quiet=quiet)
        if gap is None and self.cut is not None and to_s > self.now_s:
            return Gap(from_s=self.now_s, to_s=None, why=self.cut)
        return gap

    # --- the end ------------------------------------------------------------------------------------------------------

    def judgement(self, check: Check) -> Judgement:
        """How a check came out, now that everything is known."""
        certain: list[Case] = []
        doubtful: list[tuple[Case, Gap]] = []
        for case in check.failed:
            gap = self.blind(case.from_s, case.to_s, check.by) if case.absent else None
            if gap is None:
                certain.append(case)
            else:
                doubtful.append((case, gap))
        if certain:
            return self._judgement(check, "fail", certain)
        if doubtful:
            return self._judgement(check, "inconclusive", [case for case, _ in doubtful], doubtful[0][1])
        if check.unknown:
            whom = [_not_known(subject) for subject, _ in check.unknown]
            whom[0].details = (check.unknown[0][1],)
            return self._judgement(check, "inconclusive", whom)
        if check.blocked:
            return self._judgement(check, "inconclusive", [], reached=False)
        for window in check.quiet:
            gap = self.blind(*window, check.by, quiet=True)
            if gap is not None:
                return self._judgement(check, "inconclusive", [_not_known("")], gap)
        return self._judgement(check, "pass", [])

    def _judgement(
        self, check: Check, verdict: Verdict, cases: list[Case], gap: Gap | None = None, *, reached: bool = True
    ) -> Judgement:
        whom = tuple(dict.fromkeys(case.subject for case in cases if case.subject))
        headline = ""
        details: list[str] = _indented((check.idle,)) if check.idle else []
        if cases:
            told = next((case for case in cases if case.details), cases[0])
            headline = _headline(check, told.subject, told.what)
            details += _indented(told.details)
            if gap is not None:
                details.append(f"      {gap_words(gap)}")
            details.append(f"      {_count(check, len(cases), whom)}again with: {self.again(check, told.subject)}")
        return Judgement(
            check=check.name,
            kind=check.kind,
            place=check.place,
            words=check.words,
            verdict=verdict,
            cases=check.cases,
            concerned=len(cases),
            whom=whom[:NAMED],
            headline=headline,
            details=tuple(details),
            reached=reached,
        )


def _same(began: ActRecord, ended: ActRecord) -> bool:
    return began.n == ended.n and began.step == ended.step and began.verb == ended.verb


def _not_known(subject: str) -> Case:
    return Case(subject=subject, from_s=0.0, to_s=0.0, decided_s=0.0, absent=True, details=())


def _headline(check: Check, subject: str, what: str) -> str:
    return f"{subject} {what or check.words}" if subject else what or check.words


def _indented(details: tuple[str, ...]) -> list[str]:
    return [f"      {line}" for line in details]


def _count(check: Check, cases: int, whom: tuple[str, ...]) -> str:
    """`3 of 50 trackers (trackers.1, trackers.4, trackers.9), 7 times; `; empty for nobody in particular, and for one
    who is named already."""
    often = f"{texts.times(cases)}; " if cases > 1 else ""
    if not whom or (len(whom) == 1 and not check.population):
        return often
    if check.population:
        text = f"{len(whom)} of {check.population} {check.noun or 'of them'}"
    else:
        text = f"{len(whom)} subjects"
    if len(whom) > 1:
        text += f" ({', '.join(whom[:NAMED])}{', …' if len(whom) > NAMED else ''})"
    if cases > len(whom):
        text += f", {texts.times(cases)}"
    return text + "; "
