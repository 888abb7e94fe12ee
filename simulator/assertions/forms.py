"""What all forms of §4 share: the stretch of time that they are judged over, and when they are decided.

    whole run:  OPEN ──end of the run──► decided
    in a step:  (not begun) ──step began──► OPEN ──acts ended──► TIMED ──within is over──► decided
                                              └───────it can only hold from now on─────────►┘

A form in a step reads what comes from the step's beginning until `within` after its last act, beside the step's list,
and consumes nothing (scenarios §4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import WHOLE_RUN, Check, Docket
from simulator.assertions.machine import Machine
from simulator.errors import Place
from simulator.events.records import EventRecord

NOBODY: Final = "not judged: nobody takes part whom it is about"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a form stands."""

    name: str
    """Of its check: `expect[0]`, `steps[2].form[1]`."""
    step: int = -1
    """Index of its step; -1: the whole run."""
    verb: str = ""
    within_s: float = 0.0

    @property
    def whole_run(self) -> bool:
        """Whether it is judged over the whole run."""
        return self.step < 0

    def words(self, words: str, by: str = "") -> str:
        """What should be, with the time and the stream that it is about."""
        window = "" if self.whole_run else f" until {texts.span(self.within_s)} after {self.verb}"
        return f"{words}{window}{f', in the stream of {by}' if by else ''}"


class Form(Machine):
    """One entry of an `expect`, over the whole run or over the time of a step."""

    __slots__ = ("_begun", "_check", "_docket", "_frame", "_over", "_sight", "began_s", "by", "until_s")

    _check: Check

    def __init__(self, docket: Docket, frame: Frame, by: str = "") -> None:
        self._docket, self._frame, self.by = docket, frame, by
        self._sight = docket.sight(by)
        self._begun = frame.whole_run
        self._over = False
        self.began_s, self.until_s = WHOLE_RUN

    def _promise(self, place: Place, words: str, noun: str = "", population: int = 0, suffix: str = "") -> Check:
        """The check of this form; `suffix` tells several of one form apart."""
        words = self._frame.words(words, self.by)
        check = self._docket.check(self._frame.name + suffix, "expectation", place, words, noun, population)
        check.by = self.by
        if noun and not population:
            check.idle = NOBODY
        return check

    # --- its time -----------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether it is undecided."""
        return not self._over

    def begin(self, now: float) -> None:
        """The step began."""
        self._begun, self.began_s = True, now

    def acted(self, now: float) -> None:
        """All acts of the step have ended."""
        if not self._over:
            self.until_s = now + self._frame.within_s
            self._docket.deadlines.at(self.until_s, self)

    def expire(self, now: float) -> None:
        """Its time is over."""
        self._end(now)

    def stop(self, now: float) -> None:
        """The run took the step for decided."""
        if not self._over:
            self.until_s = min(self.until_s, now)
            self._end(now)

    def finish(self) -> None:
        if self._over:
            return
        if self._frame.whole_run:
            self._end(self._docket.now_s)
            return
        self._over = True
        ended_s = texts.moment(self._docket.now_s)
        self._undecided(f"not decided when the run ended at {ended_s}" if self._begun else "its step did not begin")

    def _end(self, now: float) -> None:
        if not self._over:
            self._over = True
            self._decide(now)

    def _settle(self) -> None:
        """It holds, whatever comes: nobody need wait for it."""
        if not self._frame.whole_run and not self._over:
            self._over = True
            self._decide(self._docket.now_s)

    def _decide(self, now: float) -> None:
        """Nothing more comes that counts."""

    def _undecided(self, why: str) -> None:
        """The run ended before its time was over."""
        self._check.unknown.append(("", why))

    # --- words --------------------------------------------------------------------------------------------------------

    @property
    def _window(self) -> tuple[float, float]:
        return self.began_s, self.until_s

    @property
    def _waited(self) -> str:
        """From when to when, as a failure says it."""
        if self._frame.whole_run:
            return "over the whole run"
        until = "" if self.until_s == FOREVER else f" to {texts.moment(self.until_s)}"
        return f"from {self._frame.verb} at {texts.moment(self.began_s)}{until}"

    def _seen(self, subject: str) -> list[EventRecord]:
        """What was seen last of somebody."""
        return list(self._sight.recent.get(subject, ()))

    def _says(self, subject: str) -> tuple[str, ...]:
        """What the other sides think: the device, and the stream if it is not the run's own."""
        said = (self._docket.says(subject),) if subject else ()
        return (*said, self._sight.says()) if self.by else said
