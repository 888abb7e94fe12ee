"""All that watches one step: its list, its forms, what must not be seen meanwhile, and what its acts come to."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions.docket import Check, Docket
from simulator.assertions.forms import Frame
from simulator.assertions.machine import Machine
from simulator.assertions.making import SubjectsOf, asked_for, make_form
from simulator.assertions.never import NeverInStep
from simulator.assertions.ordered import Ordered
from simulator.assertions.rate import Outcomes
from simulator.assertions.state import States
from simulator.assertions.switchboard import Note, overrides
from simulator.assertions.trouble import Excuse
from simulator.assertions.world import World
from simulator.scenario.model import Step


class StepMachines:
    """The machines of one step, and whether they are done.

    Args:
        number: index of the step.
        own: names of its subjects.
    """

    __slots__ = (
        "_acted",
        "_began",
        "_forms",
        "_never",
        "_ordered",
        "_outcomes",
        "began",
        "checks",
        "ended",
        "excuse",
        "listeners",
        "number",
        "states",
        "verb",
    )

    def __init__(
        self,
        docket: Docket,
        number: int,
        step: Step,
        own: Sequence[str],
        subjects_of: SubjectsOf,
        world: World,
    ) -> None:
        aliases, first = world.aliases, len(docket.checks)
        self.number, self.verb = number, step.verb
        self._began = self._acted = False
        acting = len(own) if step.subjects else len(step.doers)
        self._outcomes = Outcomes(docket, number, step, acting) if step.subjects or step.doers else None
        self._ordered = (
            Ordered(docket, number, step, own, subjects_of, aliases, world.scenario.all_in_order)
            if step.expect
            else None
        )
        self._never = NeverInStep(docket, number, step, own, aliases) if step.never else None
        frames = [Frame(f"steps[{number}].form[{k}]", number, step.verb, step.within_s) for k in range(len(step.forms))]
        self._forms = [
            make_form(docket, frame, what, world, subjects_of) for frame, what in zip(frames, step.forms, strict=True)
        ]
        self.checks: tuple[Check, ...] = tuple(docket.checks[first:])
        """All of this step, in their order."""
        self.states = tuple(form for form in self._forms if isinstance(form, States))
        """Those that want to know what the platform's API says, when all the rest is decided."""
        self.listeners: tuple[Machine, ...] = tuple(
            machine for machine in (self._ordered, self._never, *self._forms) if machine is not None
        )
        """Those that want events, while the step is on."""
        acting_machines = [machine for machine in (self._outcomes, self._ordered) if machine is not None]
        self.began: Note = tuple(machine.began for machine in acting_machines if overrides(machine, "began"))
        """Whom to tell that a subject begins."""
        self.ended: Note = tuple(machine.ended for machine in acting_machines)
        """Whom to tell that a subject is done."""
        everybody = tuple(world.group_of)
        asked = [
            (matcher, everybody if whom is None else whom)
            for what in step.forms
            for matcher, whom in asked_for(what, world, subjects_of)
        ]
        excuse = Excuse(step, own, subjects_of, aliases, asked)
        self.excuse = excuse if excuse.needed else None
        """What the step's list asks for, and would be trouble otherwise; None: nothing is."""
        if self.excuse is not None:
            self.began = (*self.began, self.excuse.act_began)
            self.ended = (*self.ended, self.excuse.act_ended)

    @property
    def open(self) -> bool:
        """Whether something is undecided, or the step is not even over."""
        if not self._acted or (self._never is not None and self._never.open):
            return True
        if self._ordered is not None and self._ordered.waiting > 0:
            return True
        return any(form.open for form in self._forms)

    @property
    def retired(self) -> bool:
        """Whether no further event means anything here: decided, and nothing is looked out for that came too late."""
        return not self.open and (self._ordered is None or not self._ordered.looks_out)

    def begin(self, now: float) -> None:
        """The step began."""
        self._began, self._acted = True, False
        if self.excuse is not None:
            self.excuse.begin()
        if self._ordered is not None:
            self._ordered.begin(now)
        if self._never is not None:
            self._never.began_s = now
        for form in self._forms:
            form.begin(now)

    def acted(self, now: float) -> None:
        """All subjects are done."""
        self._acted = True
        if self.excuse is not None:
            self.excuse.acted(now)
        if self._ordered is not None:
            self._ordered.acted(now)
        if self._never is not None:
            self._never.acted(now)
        for form in self._forms:
            form.acted(now)

    def over(self, now: float) -> None:
        """The run took the step for decided. A history from which something was taken may leave it undecided."""
        if self.excuse is not None:
            self.excuse.over()
        if self._ordered is not None:
            self._ordered.over(now)
        for form in self._forms:
            form.stop(now)

    def count(self) -> None:
        """All acts there are have ended. Harmless when it is said again."""
        if self._outcomes is not None:
            self._outcomes.finish()

    def finish(self) -> None:
        """The run is over."""
        self.count()
        if self._ordered is not None:
            self._ordered.finish()
            if not self._began:
                self._ordered.not_begun()
        if self._never is not None:
            self._never.finish()
        for form in self._forms:
            form.finish()
