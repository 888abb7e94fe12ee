"""What invariants must know of the scenario: who is in which group, what a step does, what kind of target it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from simulator.scenario.model import ChangeLink, Group, LinkSpec, Scenario, Step, StepAct, Subject, Update, Upload

DEFAULT_COLLECTION = "default"
"""How a record names the collection that a scenario need not name."""

LOGINS = ("attach", "power_on", "reboot")
"""Verbs by which a device logs in to the mobile network; their outcome is the login's."""

OUTAGES = ("restart", "stop", "start")
"""Verbs that cut the platform's streams and make it forget CoAP exchanges; what it has accepted survives."""

SIM_VERBS = frozenset({"insert_sim", "remove_sim", "move_sim", "swap_sims", "switch_profile"})
"""With these in a scenario, a login may be another device's than the one that asked for it."""

RESERVED_PATHS = frozenset({"u", "fw"})
"""What is sent there is no upstream message (span §4.3); what is sent anywhere else is one, `rd` included."""

PERFECT = "perfect"
"""The one preset whose links never duplicate (mobile-network §6.4)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the records themselves. Of a run it is all; of a stream that was recorded, less."""

    acts: bool = True
    """What was done is recorded."""
    all_acts: bool = True
    """Nobody else does anything: what nobody did here, nobody did."""
    devices: bool = True
    """Whose the events may be, and in which groups those are."""


EVERYTHING = Known()


class World:
    """Looked up while the run goes on; `embedded` and `virtual` are known once the run record was fed."""

    __slots__ = (
        "_copying",
        "_partial",
        "_plain_uploads",
        "_subjects_of",
        "aliases",
        "embedded",
        "group_of",
        "identities_change",
        "identities_wander",
        "known",
        "outages",
        "scenario",
        "virtual",
    )

    def __init__(
        self,
        scenario: Scenario,
        members: Mapping[str, tuple[str, ...]],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        known: Known = EVERYTHING,
    ) -> None:
        self.known = known
        self.outages = any(step.verb in OUTAGES for step in scenario.steps)
        """Whether the platform goes down in the course of the run."""
        self.scenario, self.aliases, self._subjects_of = scenario, aliases, subjects_of
        self._partial = frozenset(g.name for g in scenario.groups if len(members.get(g.name, ())) < g.count)
        self._plain_uploads = any(isinstance(s.act, Upload) and not s.act.confirmable for s in scenario.steps)
        groups = {group.name: group for group in scenario.groups}
        self.group_of: dict[str, Group] = {
            subject: groups[name] for name, subjects in members.items() if name in groups for subject in subjects
        }
        self.identities_change = any(map(_wanders, scenario.steps))
        """Whether a device may come with other numbers than before, or be known by others."""
        self.identities_wander = self.identities_change or any(g.registered_as for g in scenario.groups)
        """Whether a device may log in as another one: its events are then of the one that the platform takes it for."""
        self.embedded = False
        self.virtual = False
        self._copying = any(isinstance(step.act, ChangeLink) and _may_copy(step.act.link) for step in scenario.steps)

    def act(self, step: int) -> StepAct | None:
        """What a step does; None: no step of the scenario."""
        return self.scenario.steps[step].act if 0 <= step < len(self.scenario.steps) else None

    def attempts(self, step: int) -> int:
        """How often a subject may try in one act of a step; 1 for what is no step of the scenario."""
        return 1 + self.scenario.steps[step].retries if self.act(step) else 1

    def partial(self, subject: Subject) -> bool:
        """Whether some of that group keep still, so that those who take part do not speak for all."""
        return subject.group in self._partial

    def nobody_acts(self, verbs: Collection[str] | None, name: str = "") -> bool:
        """Whether all whose acts of these verbs (None: any), or of the step of that name, count have been told to keep
        still. False if nobody was: then it is the scenario's own doing that nothing happens."""
        steps = [step for step in self.scenario.steps if (not name or step.name == name) and _is(step, verbs)]
        subjects = [subject for step in steps for subject in step.subjects]
        return any(map(self.partial, subjects)) and not any(map(self._subjects_of, subjects))

    def goes_elsewhere(self, subject: str, step: int) -> bool:
        """Whether what a subject uploads in a step is no upstream message."""
        what, group = self.act(step), self.group_of.get(subject)
        if not isinstance(what, Upload) or group is None or group.transport == "udp":
            return False
        return what.path.strip("/") in RESERVED_PATHS

    def delays(self, subject: str) -> bool:
        """Whether a datagram of a subject may be on its way for a while, or come a second time."""
        group = self.group_of.get(subject)
        links = [step.act.link for step in self.scenario.steps if isinstance(step.act, ChangeLink)]
        return group is None or any(link.preset not in (PERFECT, "") or link.changes for link in (group.link, *links))

    def copies_plainly(self, subject: str) -> bool:
        """Whether the platform may take one message of a subject for two."""
        group = self.group_of.get(subject)
        if group is None:
            return False
        if self.outages and group.transport == "coap":
            return True  # a retransmission that meets a platform which has forgotten the exchange
        return (group.transport == "udp" or self._plain_uploads) and self.may_copy(group)

    def may_copy(self, group: Group) -> bool:
        """Whether a datagram of that group can reach the platform twice by the network's doing."""
        return self._copying or _may_copy(group.link)


def _wanders(step: Step) -> bool:
    what = step.act
    return step.verb in SIM_VERBS or (isinstance(what, Update) and not (what.imsi is None and what.imei is None))


def _is(step: Step, verbs: Collection[str] | None) -> bool:
    return verbs is None or step.verb in verbs


def collection_name(name: str | None) -> str | None:
    """The name of a collection as records use it; None stays None."""
    return DEFAULT_COLLECTION if name == "" else name


def _may_copy(link: LinkSpec) -> bool:
    return link.preset not in (PERFECT, "") or any(change.key.startswith("dup") for change in link.changes)
