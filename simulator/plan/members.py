"""One device of a run: its name, its group, and identities that nobody else has."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from simulator.identity import numbers
from simulator.identity.fleet import Allocation
from simulator.scenario.model import Group


class Member(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """A device as the plan knows it. Compared by identity: a plan makes each once. A million of them must be cheap."""

    name: str
    """As in the scenario: `meters.3`; in a group of one just `old`."""
    group: Group
    number: int
    """Within the group, from 0."""
    index: int
    """Within the run; no two alike, and all identities come from it."""
    imsi: str
    imei: str
    ip: int
    """IPv4 address of the SIM as a number, in 127.64.0.0/10 (mobile-network §1.10)."""
    collection: str
    """Name of the collection it lives in at first; "" is the default one."""


def all_members(groups: Sequence[Group]) -> tuple[tuple[Member, ...], ...]:
    """The members of each group, in the order of the file.

    Raises: LocalError: more groups or devices than there are identities for.
    """
    allocation = Allocation(group.count for group in groups)
    return tuple(_members(allocation, number, group) for number, group in enumerate(groups))


def _members(allocation: Allocation, group_number: int, group: Group) -> tuple[Member, ...]:
    members = []
    for number in range(group.count):
        index = allocation.index(group_number, number)
        members.append(
            Member(
                name=group.name if group.count == 1 else f"{group.name}.{number}",
                group=group,
                number=number,
                index=index,
                imsi=numbers.imsi(index),
                imei=numbers.imei(index),
                ip=allocation.ip(group_number, number),
                collection=group.collection,
            )
        )
    return tuple(members)
