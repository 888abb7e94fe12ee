"""The plan of one run: every member with its identities, and the answers to who, when and with what.

Nothing in it depends on the order of asking, so a run of one subject (`only`) repeats what that subject does in the
whole run: the same identities, start times and payloads.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.errors import Place, ScenarioErrors, UsageError
from simulator.plan import arrivals
from simulator.plan.draws import PayloadSource, share_of
from simulator.plan.estimate import duration_s
from simulator.plan.members import Member, all_members
from simulator.scenario.model import MoveSim, Scenario, Step, Subject, SwapSims
from simulator.scenario.subjects import subject_of


class Plan:
    """Who does what, when, and with what. Never changed once made; equal inputs give equal plans."""

    __slots__ = ("_asked", "_by_group", "_known", "duration_s", "members", "payload", "scenario", "seed")

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        groups = all_members(scenario.groups)
        self._by_group = {group.name: members for group, members in zip(scenario.groups, groups, strict=True)}
        self.members: tuple[Member, ...] = tuple(member for members in groups for member in members)
        """All of them, in the order of the file, also those that `only` leaves out."""
        self.payload = PayloadSource(seed).draw
        """`payload(step_index, member, n, payload) -> bytes`: what a member sends in repetition `n`, from 0."""
        self.duration_s = duration_s(scenario)
        """Estimated run time in seconds."""
        self._asked: frozenset[str] | None = None  # names of `only`; None: everybody
        self._known: dict[Subject, tuple[Member, ...]] = {}

    # --- who ----------------------------------------------------------------------------------------------------------

    def subjects(self, subject: Subject) -> tuple[Member, ...]:
        """The members that a subject means, in the order of their numbers; without those that `only` leaves out."""
        return self._asked_of(self._all_of(subject))

    def acting(self, step: Step) -> tuple[Member, ...]:
        """The subjects of a step, each once, in the order in which they are named. Empty for what no device does."""
        return self._asked_of(self._all_acting(step))

    def partners(self, step: Step) -> tuple[Member | None, ...]:
        """For each of `acting(step)`, who stands at the same place among those that the step's act is also about.

        None: nobody does. Whoever `only` leaves out may be somebody's partner all the same.
        """
        everyone = self._all_acting(step)
        act = step.act
        if isinstance(act, MoveSim | SwapSims):
            others = self._all_of(act.to if isinstance(act, MoveSim) else act.other)
            pairs = dict(zip(everyone, others, strict=False))
            return tuple(pairs.get(member) for member in self._asked_of(everyone))
        return (None,) * len(self._asked_of(everyone))

    def names(self, subject: Subject) -> tuple[str, ...]:
        """As `subjects`, but their names."""
        return tuple(member.name for member in self.subjects(subject))

    def names_by_group(self) -> Mapping[str, tuple[str, ...]]:
        """Group → names of its members; without those that `only` leaves out."""
        return {
            group: tuple(member.name for member in self._asked_of(members)) for group, members in self._by_group.items()
        }

    def numbers(self) -> Mapping[str, str]:
        """IMSI of a device's own card, or IMEI of its modem → its name. Of copies the first device in the file counts;
        those that `only` leaves out are there too."""
        found: dict[str, str] = {}
        for member in self.members:
            found.setdefault(member.imsi, member.name)
            found.setdefault(member.imei, member.name)
        return found

    # --- when ---------------------------------------------------------------------------------------------------------

    def start_offsets(self, step: Step, n: int | None = None) -> tuple[float, ...]:
        """When each of `acting(step)` starts, in seconds after the step.

        Evenly spread over `over_s`, the first at 0; or as the step's traffic model says, and for the one that knows the
        time of day the step begins at its `at_s`, or at midnight.
        `n`: how many offsets are expected, as a check; None: not checked. Raises: ValueError: there are not `n`.
        """
        everyone = self._all_acting(step)
        starts = self._starts(step, len(everyone))
        asked = self._asked
        pairs = zip(everyone, starts, strict=True)
        offsets = tuple(start for member, start in pairs if asked is None or member.name in asked)
        if n is not None and n != len(offsets):
            raise ValueError(f"{len(offsets)} subjects start in this step, not {n}")
        return offsets

    def _starts(self, step: Step, count: int) -> tuple[float, ...]:
        """Of everybody, also of those that `only` leaves out."""
        if step.arrivals is None:
            gap_s = step.over_s / count if count else 0.0
            return tuple(index * gap_s for index in range(count))
        number = self.scenario.steps.index(step)
        return arrivals.offsets(
            step.arrivals, count, seed=self.seed, step=number, every_s=step.every_s, begin_s=step.at_s or 0.0
        )

    # --- within -------------------------------------------------------------------------------------------------------

    def _all_of(self, subject: Subject) -> tuple[Member, ...]:
        found = self._known.get(subject)
        if found is None:
            members = self._by_group[subject.group]
            last = len(members) if subject.last is None else subject.last + 1
            found = members[subject.first : last]
            if subject.share is not None:
                found = share_of(found, subject.share, self.seed)
            self._known[subject] = found
        return found

    def _all_acting(self, step: Step) -> tuple[Member, ...]:
        if len(step.subjects) == 1:
            return self._all_of(step.subjects[0])
        return tuple(dict.fromkeys(member for subject in step.subjects for member in self._all_of(subject)))

    def _asked_of(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        asked = self._asked
        return members if asked is None else tuple(member for member in members if member.name in asked)

    def _restrict(self, only: str) -> None:
        try:
            whom = subject_of(only, self.scenario.groups, Place("--only"))
        except ScenarioErrors as errors:
            raise UsageError(str(errors)) from None
        self._asked = frozenset(member.name for member in self._all_of(whom))


def make_plan(scenario: Scenario, seed: int | None = None, only: str | None = None) -> Plan:
    """The plan of a run.

    Args:
        seed: instead of the scenario's own; None: that one.
        only: a subject as in a file (`meters.3`, `meters`, `meters.0-9`) that alone acts and is judged; None: all.
    Raises: UsageError: `only` names nobody. LocalError: more devices than there are identities.
    """
    plan = Plan(scenario, scenario.seed if seed is None else seed)
    if only is not None:
        plan._restrict(only)
    return plan
