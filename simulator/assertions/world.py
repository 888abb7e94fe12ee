"""What invariants must know of the scenario: who is in which group, what a step does, what kind of target it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from simulator.assertions.kinship import SOMEBODY, families
from simulator.assertions.logins import IMEI_DIGITS, Logins
from simulator.assertions.verbs import LOGINS, OUTAGES
from simulator.events.records import ActRecord
from simulator.scenario.model import (
    HELD,
    ChangeLink,
    Group,
    InsertSim,
    LinkSpec,
    MoveSim,
    Scenario,
    Step,
    StepAct,
    Subject,
    SwapSims,
    SwitchProfile,
    Update,
    Upload,
)

__all__ = ["EVERYTHING", "LOGINS", "OUTAGES", "RESERVED_PATHS", "Known", "Numbers", "World", "collection_name"]

Numbers = Callable[[], Mapping[str, str]]
"""IMSI or IMEI → the device whose card or modem was planned with it; asked only where devices may be confused."""

DEFAULT_COLLECTION = "default"
"""How a record names the collection that a scenario need not name."""

RESERVED_PATHS: Final = frozenset({"u", "fw"})
"""What is sent there is no upstream message (span §4.3); what is sent anywhere else is one, `rd` included."""

PERFECT: Final = "perfect"
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
        "_core_loses",
        "_imei_untold",
        "_imeis_known",
        "_numbers",
        "_partial",
        "_plain_uploads",
        "_planned",
        "_several",
        "_subjects_of",
        "addresses_stay",
        "aliases",
        "embedded",
        "families",
        "further_cards",
        "group_of",
        "hardware",
        "internet",
        "invented",
        "known",
        "logins",
        "logins_linger",
        "muddled",
        "outages",
        "scenario",
        "shared",
        "virtual",
    )

    def __init__(
        self,
        scenario: Scenario,
        members: Mapping[str, tuple[str, ...]],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        known: Known = EVERYTHING,
        numbers: Numbers = dict,
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
        self.internet = any(group.network == "inet" for group in scenario.groups)
        """Whether some of its devices are on the public Internet."""
        self._numbers = numbers
        self._planned: Mapping[str, str] | None = None
        planned = self.planned if _may_confuse(scenario) else {}
        self.families = families(scenario, members, subjects_of, planned)
        """Name of each device that has kin → its family, see `kinship`."""
        clones = [group for group in scenario.groups if group.modem.clone_of is not None]
        copied = [name for group in clones if group.modem.clone_of for name in subjects_of(group.modem.clone_of)]
        self.shared = frozenset((*(name for group in clones for name in members.get(group.name, ())), *copied))
        """Devices that show the same IMEI as others."""
        self.hardware = {number[:IMEI_DIGITS]: name for number, name in planned.items() if name in self.families}
        """First digits of an IMEI → whose it is; of devices that have kin."""
        self.further_cards = any(map(_gets_fresh, scenario.steps)) or any(
            group.sim.kind in ("esim", "multi") for group in scenario.groups
        )
        """Whether there are cards besides those that devices begin with, or more than one IMSI on one of them."""
        self.invented = any(group.registered_as for group in scenario.groups) or any(map(_renumbers, scenario.steps))
        """Whether devices are registered with numbers that the scenario makes up, or that are another's."""
        self.addresses_stay = not self.families and all("address" not in one.omits for one in scenario.operators)
        """Whether each card has one address for good: it is told to the platform, and nobody else's card is told."""
        self._imei_untold = any("imei" in operator.omits for operator in scenario.operators)
        self._imeis_known = frozenset(self.hardware.values())
        self.muddled = False
        """Without the scenario: records show that devices are taken for others, and nobody knows which."""
        perfect = all(operator.link.preset == PERFECT and not operator.link.changes for operator in scenario.operators)
        self.logins_linger = self.outages and not perfect
        """Whether a login whose answer is known may be decided once more: a copy of its request meets a platform that
        has forgotten it."""
        self._core_loses = self.outages or not perfect
        """Whether a gateway may never hear that a login was accepted."""
        self._several = {
            name: group.sim.profiles
            for group in scenario.groups
            if group.sim.kind == "multi"
            for name in members.get(group.name, ())
        }
        self.logins = Logins(self)
        """For whom devices are taken that have kin."""
        self.embedded = False
        self.virtual = False
        self._copying = any(isinstance(step.act, ChangeLink) and _may_copy(step.act.link) for step in scenario.steps)

    @property
    def planned(self) -> Mapping[str, str]:
        """IMSI or IMEI → the device whose card or modem was planned with it; {}: nobody knows."""
        if self._planned is None:
            self._planned = self._numbers()
        return self._planned

    def act(self, step: int) -> StepAct | None:
        """What a step does; None: no step of the scenario."""
        return self.scenario.steps[step].act if 0 <= step < len(self.scenario.steps) else None

    def attempts(self, step: int) -> int:
        """How often a subject may try in one act of a step; 1 for what is no step of the scenario."""
        return 1 + self.scenario.steps[step].retries if self.act(step) else 1

    def logins_in(self, act: ActRecord) -> int:
        """How often a device may try to log in in one such act: cards have several IMSIs, profiles are given up."""
        what = self.act(act.step)
        tries = 2 if isinstance(what, SwitchProfile) and what.rollback_s is not None else 1
        imsis = max((self._several.get(name, 1) for name in self.kin(act.subject)), default=1) if self._several else 1
        return self.attempts(act.step) * tries * imsis

    # --- who passes for whom ------------------------------------------------------------------------------------------

    def wanders(self, subject: str) -> bool:
        """Whether a device may be taken for another one, or another one for it."""
        return bool(self.families) and bool(self._family(subject))

    def kin(self, subject: str) -> tuple[str, ...]:
        """A device and all who may be taken for it."""
        return self._family(subject) or (subject,)

    def family(self, subject: str) -> str:
        """One name for all of them."""
        return self.kin(subject)[0] if self.families else subject

    def _family(self, subject: str) -> tuple[str, ...]:
        """() if it has no kin. Who keeps still in this run is somebody, if anybody may be taken for such a one."""
        known = subject in self.group_of or not self.known.devices
        return self.families.get(subject if known else SOMEBODY, ())

    def known_by_imei(self, subject: str) -> bool:
        """Whether an IMEI tells which of the family has logged in."""
        if not self.embedded or self._imei_untold:
            return False
        kin = self.kin(subject)
        return self._imeis_known.issuperset(kin) and self.shared.isdisjoint(kin)

    def refused(self, act: ActRecord) -> bool:
        """Whether an act that has ended was refused, and left no session: an attempt before the last one may have come
        to nothing for the device, and to a session on the platform."""
        if act.outcome != "rejected":
            return False
        alone = not self.scenario.flow and not self._core_loses  # nothing else breaks an attempt off
        return act.verb not in LOGINS or alone or self.logins_in(act) == 1

    # --- more ---------------------------------------------------------------------------------------------------------

    def is_inet(self, subject: str | None) -> bool:
        """Whether a device is on the public Internet."""
        group = self.group_of.get(subject or "") if self.internet else None
        return group is not None and group.network == "inet"

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
        if not isinstance(what, Upload) or group is None or group.transport in ("udp", "dtls"):
            return False
        return what.path.strip("/") in RESERVED_PATHS

    def delays(self, subject: str) -> bool:
        """Whether a datagram of a subject may be on its way for a while, or come a second time."""
        group = self.group_of.get(subject)
        links = [step.act.link for step in self.scenario.steps if isinstance(step.act, ChangeLink)]
        return group is None or any(link.preset not in (PERFECT, "") or link.changes for link in (group.link, *links))

    def copies_plainly(self, subject: str) -> bool:
        """Whether the platform may take one message of a subject for two. Of DTLS every record is taken once."""
        group = self.group_of.get(subject)
        if group is None or group.network == "inet":
            return False
        if self.outages and group.transport == "coap":
            return True  # a retransmission that meets a platform which has forgotten the exchange
        return (group.transport == "udp" or self._plain_uploads) and self.may_copy(group)

    def may_copy(self, group: Group) -> bool:
        """Whether a datagram of that group can reach the platform twice by the network's doing."""
        return self._copying or _may_copy(group.link)


def _may_confuse(scenario: Scenario) -> bool:
    """Whether a device of the scenario may come with numbers that are another's, or be known by such."""
    if any(group.registered_as or group.sim.of or group.modem.clone_of for group in scenario.groups):
        return True
    return any(map(_confuses, scenario.steps))


def _confuses(step: Step) -> bool:
    return isinstance(step.act, MoveSim | SwapSims) or _renumbers(step)


def _renumbers(step: Step) -> bool:
    what = step.act
    return isinstance(what, Update) and not {what.imsi, what.imei} <= {None, "", HELD}


def _gets_fresh(step: Step) -> bool:
    return isinstance(step.act, InsertSim) and step.act.card == "fresh"


def _is(step: Step, verbs: Collection[str] | None) -> bool:
    return verbs is None or step.verb in verbs


def collection_name(name: str | None) -> str | None:
    """The name of a collection as records use it; None stays None."""
    return DEFAULT_COLLECTION if name == "" else name


def _may_copy(link: LinkSpec) -> bool:
    return link.preset not in (PERFECT, "") or any(change.key.startswith("dup") for change in link.changes)
