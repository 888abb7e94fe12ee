"""What invariants must know of the scenario: who is in which group, what a step does, what kind of target it is."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.scenario.model import ChangeLink, Group, LinkSpec, Scenario, StepAct

DEFAULT_COLLECTION = "default"
"""How a record names the collection that a scenario need not name."""

PERFECT = "perfect"
"""The one preset whose links never duplicate (mobile-network §6.4)."""


class World:
    """Looked up while the run goes on; `embedded` and `virtual` are known once the run record was fed."""

    __slots__ = ("_copying", "aliases", "embedded", "group_of", "scenario", "virtual")

    def __init__(self, scenario: Scenario, members: Mapping[str, tuple[str, ...]], aliases: Mapping[str, str]) -> None:
        self.scenario, self.aliases = scenario, aliases
        groups = {group.name: group for group in scenario.groups}
        self.group_of: dict[str, Group] = {
            subject: groups[name] for name, subjects in members.items() if name in groups for subject in subjects
        }
        self.embedded = False
        self.virtual = False
        self._copying = any(isinstance(step.act, ChangeLink) and _may_copy(step.act.link) for step in scenario.steps)

    def act(self, step: int) -> StepAct | None:
        """What a step does; None: no step of the scenario."""
        return self.scenario.steps[step].act if 0 <= step < len(self.scenario.steps) else None

    def attempts(self, step: int) -> int:
        """How often a subject may try in one act of a step; 1 for what is no step of the scenario."""
        return 1 + self.scenario.steps[step].retries if self.act(step) else 1

    def may_copy(self, group: Group) -> bool:
        """Whether a datagram of that group can reach the platform twice by the network's doing."""
        return self._copying or _may_copy(group.link)


def collection_name(name: str | None) -> str | None:
    """The name of a collection as records use it; None stays None."""
    return DEFAULT_COLLECTION if name == "" else name


def _may_copy(link: LinkSpec) -> bool:
    return link.preset not in (PERFECT, "") or any(change.key.startswith("dup") for change in link.changes)
