"""One device of a run: its name, its group, and identities that nobody else has."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from simulator.identity import numbers
from simulator.identity.fleet import Allocation
from simulator.scenario.model import Group


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

    @property
    def index(self) -> int:
        """Within the run; no two alike, and all identities come from it."""
        return self.first_index + self.number

    @property
    def imsi(self) -> str:
        """Of its SIM."""
        return numbers.imsi(self.index)

    @property
    def imei(self) -> str:
        """Of its hardware."""
        return numbers.imei(self.index)

    @property
    def collection(self) -> str:
        """Name of the collection it lives in at first; "" is the default one."""
        return self.group.collection


def all_members(groups: Sequence[Group]) -> tuple[tuple[Member, ...], ...]:
    """The members of each group, in the order of the file.

    Raises: LocalError: more groups or devices than there are identities for.
    """
    allocation = Allocation(group.count for group in groups)
    return tuple(_members(allocation, number, group) for number, group in enumerate(groups))


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
