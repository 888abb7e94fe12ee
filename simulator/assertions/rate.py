"""What acts come to: each step's `outcome`, and `{rate: upload, at_least: 99 %}` over the whole run."""

from __future__ import annotations

from collections import Counter

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.events.records import ActRecord
from simulator.scenario.model import RateOf, Step

OK = "ok"
CANCELLED = "cancelled"
"""Outcome of an act that the run itself broke off; it proves nothing."""

_ROUNDING = 1e-9  # 99.9 % is no binary fraction: a share that meets its bound exactly must not miss it
_FEW = 3


class Outcomes(Machine):
    """Whether each act of a step came to what the step asked for, and whether each was done at all."""

    __slots__ = ("_asked", "_check", "_docket", "_ended", "_planned", "_reasoned")

    def __init__(self, docket: Docket, number: int, step: Step, population: int) -> None:
        noun = ", ".join([subject.text for subject in step.subjects] or step.doers)
        self._asked = _asked(step)
        words = f"{step.verb} comes to {self._asked}" if step.outcome != "any" else f"{step.verb} is done"
        self._reasoned = bool(step.outcome_reason)
        self._docket, self._ended, self._planned = docket, 0, population * step.times
        self._check = docket.check(f"steps[{number}].outcome", "outcome", step.place, words, noun, population)
        self._check.alone = not step.doers  # only devices can be told to act alone

    def ended(self, act: ActRecord) -> None:
        if act.outcome == CANCELLED:
            self._check.unknown.append((act.subject, f"broken off at {texts.moment(act.t_s)}"))
            return
        self._ended += 1
        self._check.cases += 1
        if not act.expected:
            details = self._story(act) if self._docket.explains(self._check) else ()
            self._docket.fail(self._check, act.subject, act.t_s, details)

    def _story(self, act: ActRecord) -> tuple[str, ...]:
        said = texts.device_says(act)
        if not self._reasoned:
            return (said,)
        came = f"{act.outcome} ({texts.shown(act.detail, 120)})" if act.detail else f"{act.outcome}, and no reason"
        return f"asked for: {self._asked}; came: {came}", said

    def finish(self) -> None:
        if self._ended < self._planned and not self._check.unknown:
            self._check.unknown.append(
                ("", f"{self._ended} of {texts.counted(self._planned, 'act was', 'acts were')} done")
            )


def _asked(step: Step) -> str:
    """What an act must come to, with the reason if one is asked for: `rejected (IMEI mismatch)`."""
    return f"{step.outcome} ({texts.shown(step.outcome_reason)})" if step.outcome_reason else step.outcome


class Rate(Form):
    """Share of acts with outcome `ok` among those that ended. In a step that does such acts itself, of those alone."""

    __slots__ = ("_at_least", "_at_most", "_outcomes", "_sample", "_steps", "verbs")

    def __init__(self, docket: Docket, frame: Frame, what: RateOf, world: World) -> None:
        super().__init__(docket, frame)
        self._at_least, self._at_most = what.at_least, what.at_most
        steps = world.scenario.steps
        named = [index for index, step in enumerate(steps) if step.name and step.name == what.verb]
        self._steps = frozenset(named)
        """Whose acts count; empty: of any step."""
        self.verbs = tuple(dict.fromkeys(steps[index].verb for index in named)) or (what.verb,)
        if not named and not frame.whole_run and steps[frame.step].verb == what.verb:
            self._steps = frozenset((frame.step,))
        self._outcomes: Counter[str] = Counter()
        self._sample: list[ActRecord] = []
        bounds = [
            f"{word} {texts.percent(value)}"
            for word, value in (("at least", what.at_least), ("at most", what.at_most))
            if value is not None
        ]
        words = f"rate of {what.verb} that is ok: {' and '.join(bounds)}"
        self._check = self._promise(what.place, words)
        if world.nobody_acts(self.verbs, what.verb if named else ""):
            self._check.idle = f"not judged: nobody takes part who would {self.verbs[0]}"

    def ended(self, act: ActRecord) -> None:
        if self._over or (self._steps and act.step not in self._steps):
            return
        self._outcomes[act.outcome] += 1
        if act.outcome != OK and len(self._sample) < _FEW:
            self._sample.append(act)

    def _decide(self, now: float) -> None:
        broken_off = self._outcomes.pop(CANCELLED, 0)
        ended = sum(self._outcomes.values())
        self._check.cases = ended
        if self._check.idle:
            return
        if self._docket.cut is not None and self._frame.whole_run:
            self._check.unknown.append(("", f"of the whole run; {self._docket.cut}"))
            return
        if not ended:
            self._check.unknown.append(("", "no such act has ended"))
            return
        if broken_off:
            self._check.unknown.append(
                ("", f"{texts.counted(broken_off, 'such act was', 'such acts were')} broken off")
            )
        good = self._outcomes[OK]
        too_few = self._at_least is not None and good < (self._at_least - _ROUNDING) * ended
        too_many = self._at_most is not None and good > (self._at_most + _ROUNDING) * ended
        if too_few or too_many:
            self._docket.fail(self._check, "", now, self._story(good, ended))

    def _story(self, good: int, ended: int) -> tuple[str, ...]:
        others = ", ".join(f"{count} {word}" for word, count in sorted(self._outcomes.items()) if word != OK)
        lines = [f"it is {texts.percent(good / ended)}: {good} of {ended}{f'; {others}' if others else ''}"]
        lines += [f"{act.subject}: {texts.device_says(act)}" for act in self._sample]
        return tuple(lines)
