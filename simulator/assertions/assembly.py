"""All machines of a judge, made from a scenario in the order in which the report names their checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulator.assertions import invariants
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Frame
from simulator.assertions.machine import Machine
from simulator.assertions.making import SubjectsOf, asked_for, make_form
from simulator.assertions.state import States
from simulator.assertions.steps import StepMachines
from simulator.assertions.switchboard import overrides
from simulator.assertions.trouble import Excuse, Trouble
from simulator.assertions.world import World
from simulator.scenario.model import Scenario, Subject


@dataclass(frozen=True, slots=True)
class Assembly:
    """Who judges a run."""

    steps: list[StepMachines]
    always: list[Machine]
    """Those that listen from the first record to the last."""
    excuses: list[Excuse]
    """What the steps' own lists make of trouble; they listen before all others."""
    states: Mapping[int, tuple[States, ...]]
    """Step (-1: the run) → what wants to know what the platform's API says."""
    counting: Sequence[Machine]
    """Those that want to know what the server has counted, whether their step is over or not."""


def assemble(
    docket: Docket, scenario: Scenario, world: World, subjects_of: SubjectsOf, without: Sequence[str]
) -> Assembly:
    """Make all of them. `without`: names of invariants that are switched off, besides those that are allowed."""
    steps = [
        StepMachines(docket, number, step, _all(step.subjects, subjects_of), subjects_of, world)
        for number, step in enumerate(scenario.steps)
    ]
    whole_run = [
        make_form(docket, Frame(f"expect[{number}]"), what, world, subjects_of)
        for number, what in enumerate(scenario.expect)
    ]
    states = {
        -1: tuple(form for form in whole_run if isinstance(form, States)),
        **{machines.number: machines.states for machines in steps if machines.states},
    }
    watching = invariants.machines(docket, world, (*without, *scenario.allow))
    trouble = Trouble(docket, scenario.allow, scenario.place, [step.place for step in scenario.steps])
    for what in scenario.expect:  # what the scenario as a whole speaks of is no trouble; for its steps, see `Excuse`
        for matcher, whom in asked_for(what, world, subjects_of):
            trouble.asked_for(matcher, whom, world.aliases)
    trouble.excuses += [machines.excuse for machines in steps if machines.excuse is not None]
    # Trouble comes last: what an expectation has forbidden is not reported twice.
    everything = (*(form for machines in steps for form in machines.listeners), *whole_run, *watching)
    counting = [machine for machine in everything if overrides(machine, "counted")]
    return Assembly(steps, [*whole_run, *watching, trouble], trouble.excuses, states, counting)


def _all(subjects: Sequence[Subject], subjects_of: Callable[[Subject], tuple[str, ...]]) -> tuple[str, ...]:
    """Names of all of them, each once, in order."""
    return tuple(dict.fromkeys(name for subject in subjects for name in subjects_of(subject)))
