"""One device of a run: its name, its group, and identities that nobody else has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from simulator.identity import numbers
from simulator.identity.fleet import POOL_FIRST_IP, RESERVED_IPS, Allocation
from simulator.scenario.model import Group, Subject


class Member(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """A device as the plan knows it. Compared by identity: a plan makes each once.

    A million of them must be cheap, so what follows from the number is not kept but computed when it is asked for.
    """

    name: str
    """As in the scenario: `meters.3`; in a group of one just `old`."""
    group: Group
    number: int
    """Within the group, from 0."""
    first_index: int
    """`index` of the group's first member."""
    ip: int
    """IPv4 address of the SIM as a number, in 127.64.0.0/10 (mobile-network §1.10)."""
    sim_of: Member | None = None
    """Whose card the device's own is a copy of; None: of nobody's."""
    imei_of: Member | None = None
    """Whose IMEI its modem claims; None: its own."""

    @property
    def index(self) -> int:
        """Within the run; no two alike, and all identities come from it."""
        return self.first_index + self.number

    @property
    def position(self) -> int:
        """Among all devices of the run, from 0 and without gaps, in the order of the file."""
        return self.ip - POOL_FIRST_IP - RESERVED_IPS

    @property
    def card_index(self) -> int:
        """What the identities of its own card come from: another's, where that card is a copy."""
        return (self.sim_of or self).index

    @property
    def modem_index(self) -> int:
        """What its IMEI comes from: another's, where that is claimed."""
        return (self.imei_of or self).index

    @property
    def imsi(self) -> str:
        """Of its own card; the first one, where that has several."""
        return numbers.imsi(self.card_index)

    @property
    def imei(self) -> str:
        """Of its hardware."""
        return numbers.imei(self.modem_index)

    @property
    def card_ip(self) -> int:
        """The address that is planned for its own card."""
        return (self.sim_of or self).ip

    @property
    def collection(self) -> str:
        """Name of the collection it lives in at first; "" is the default one."""
        return self.group.collection


def all_members(groups: Sequence[Group]) -> tuple[tuple[Member, ...], ...]:
    """The members of each group, in the order of the file.

    Raises: LocalError: more groups or devices than there are identities for.
    """
    allocation = Allocation(group.count for group in groups)
    everybody = [_members(allocation, number, group) for number, group in enumerate(groups)]
    by_group = {group.name: members for group, members in zip(groups, everybody, strict=True)}
    return tuple(
        _copies(group, members, by_group) if group.sim.of or group.modem.clone_of else members
        for group, members in zip(groups, everybody, strict=True)
    )


def _members(allocation: Allocation, group_number: int, group: Group) -> tuple[Member, ...]:
    members = []
    first_index = allocation.index(group_number, 0) if group.count else 0
    for number in range(group.count):
        members.append(
            Member(
                name=group.name if group.count == 1 else f"{group.name}.{number}",
                group=group,
                number=number,
                first_index=first_index,
                ip=allocation.ip(group_number, number),
            )
        )
    return tuple(members)


def _copies(group: Group, members: Sequence[Member], by_group: Mapping[str, tuple[Member, ...]]) -> tuple[Member, ...]:
    """The same members with cards or modems that are copies: the first of the first one named, and so round."""
    cards, modems = (_meant(subject, by_group) for subject in (group.sim.of, group.modem.clone_of))
    return tuple(
        msgspec.structs.replace(
            member,
            sim_of=cards[member.number % len(cards)] if cards else None,
            imei_of=modems[member.number % len(modems)] if modems else None,
        )
        for member in members
    )


def _meant(subject: Subject | None, by_group: Mapping[str, tuple[Member, ...]]) -> tuple[Member, ...]:
    if subject is None:
        return ()
    members = by_group[subject.group]
    return members[subject.first : len(members) if subject.last is None else subject.last + 1]
