"""All that watches one step: its list, what must not be seen meanwhile, and what its acts come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from simulator.assertions.docket import Docket
from simulator.assertions.machine import Machine
from simulator.assertions.never import NeverInStep
from simulator.assertions.ordered import Ordered
from simulator.assertions.rate import Outcomes
from simulator.assertions.switchboard import Note, overrides
from simulator.assertions.trouble import Excuse
from simulator.scenario.model import Scenario, Step, Subject


class StepMachines:
    """The machines of one step, and whether they are done.

    Args:
        number: index of the step.
        own: names of its subjects.
    """

    __slots__ = (
        "_acted",
        "_began",
        "_never",
        "_ordered",
        "_outcomes",
        "began",
        "ended",
        "excuse",
        "listeners",
        "number",
        "verb",
    )

    def __init__(
        self,
        docket: Docket,
        number: int,
        step: Step,
        own: Sequence[str],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        scenario: Scenario,
    ) -> None:
        self.number, self.verb = number, step.verb
        self._began = self._acted = False
        self._outcomes = Outcomes(docket, number, step, len(own)) if step.subjects else None
        self._ordered = (
            Ordered(docket, number, step, own, subjects_of, aliases, scenario.all_in_order) if step.expect else None
        )
        self._never = NeverInStep(docket, number, step, own, aliases) if step.never else None
        self.listeners: tuple[Machine, ...] = tuple(m for m in (self._ordered, self._never) if m is not None)
        """Those that want events, while the step is on."""
        acting = [machine for machine in (self._outcomes, self._ordered) if machine is not None]
        self.began: Note = tuple(machine.began for machine in acting if overrides(machine, "began"))
        """Whom to tell that a subject begins."""
        self.ended: Note = tuple(machine.ended for machine in acting)
        """Whom to tell that a subject is done."""
        excuse = Excuse(step, own, subjects_of, aliases)
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
        return self._ordered is not None and self._ordered.waiting > 0

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

    def acted(self, now: float) -> None:
        """All subjects are done."""
        self._acted = True
        if self.excuse is not None:
            self.excuse.acted(now)
        if self._ordered is not None:
            self._ordered.acted(now)
        if self._never is not None:
            self._never.acted(now)

    def over(self, now: float) -> None:
        """The run took the step for decided. A history from which something was taken may leave it undecided."""
        if self.excuse is not None:
            self.excuse.over()
        if self._ordered is not None:
            self._ordered.over(now)

    def finish(self) -> None:
        """The run is over."""
        if self._outcomes is not None:
            self._outcomes.finish()
        if self._ordered is not None:
            self._ordered.finish()
            if not self._began:
                self._ordered.not_begun()
        if self._never is not None:
            self._never.finish()
