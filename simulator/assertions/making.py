"""From the forms of a file (scenarios §4) to the machines that judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulator.assertions.after import After
from simulator.assertions.counted import Counts
from simulator.assertions.docket import Docket
from simulator.assertions.dropped import Dropped
from simulator.assertions.exactly import ExactlyThese
from simulator.assertions.forms import Form, Frame
from simulator.assertions.latency import Latency
from simulator.assertions.never import NeverSeenForm
from simulator.assertions.rate import Rate
from simulator.assertions.sequence import Sequenced
from simulator.assertions.state import States
from simulator.assertions.statistics import Statistics
from simulator.assertions.world import World
from simulator.scenario.model import (
    AfterAct,
    Counted,
    DroppedFor,
    EventMatcher,
    Exactly,
    InSequence,
    LatencyOf,
    NeverSeen,
    RateOf,
    StateOf,
    StatisticsOf,
    Subject,
    WholeRun,
)

SubjectsOf = Callable[[Subject], tuple[str, ...]]


def make_form(docket: Docket, frame: Frame, what: WholeRun, world: World, subjects_of: SubjectsOf) -> Form:
    """The machine of one entry."""
    match what:
        case Counted():
            return Counts(docket, frame, what, subjects_of(what.subject), world)
        case InSequence():
            return Sequenced(docket, frame, what, subjects_of(what.subject), world)
        case Exactly():
            return ExactlyThese(docket, frame, what, subjects_of(what.subject), world)
        case NeverSeen():
            whom = None if what.of is None else subjects_of(what.of)
            return NeverSeenForm(docket, frame, what, whom, world.aliases)
        case AfterAct():
            return After(docket, frame, what, world, subjects_of)
        case StateOf():
            return States(docket, frame, what, subjects_of(what.subject), world)
        case StatisticsOf():
            return Statistics(docket, frame, what)
        case DroppedFor():
            return Dropped(docket, frame, what)
        case RateOf():
            return Rate(docket, frame, what, world)
        case LatencyOf():
            return Latency(docket, frame, what, world)


def asked_for(
    what: WholeRun, world: World, subjects_of: SubjectsOf
) -> Iterator[tuple[EventMatcher, tuple[str, ...] | None]]:
    """Which events an entry speaks of, and whose (None: anybody's). What a file speaks of is no trouble in itself."""
    match what:
        case Counted():
            yield what.matcher, subjects_of(what.subject)
        case InSequence() | Exactly():
            for matcher in what.matchers:
                yield matcher, subjects_of(what.subject)
        case LatencyOf():
            yield what.matcher, None
        case AfterAct():
            if what.of is not None:
                yield what.matcher, subjects_of(what.of)
            else:
                named = [step for step in world.scenario.steps if step.name == what.act]
                subjects = [subject for step in named for subject in step.subjects]
                yield what.matcher, tuple(dict.fromkeys(name for one in subjects for name in subjects_of(one)))
        case _:
            pass
