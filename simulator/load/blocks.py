"""Devices are numbered through the whole test, and dealt out in blocks: who has a block has its devices alone."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.identity.fleet import POOL_FIRST_IP, RESERVED_IPS
from simulator.plan import Member
from simulator.scenario.model import Group
from simulator.wire.address import Ipv4


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Devices `first` to `first + count - 1` of the test; all are of one group."""

    group: Group
    first: int
    count: int
    collection: str = ""
    """Where they live on the platform; "": nowhere yet, whoever got the block creates the collection."""
    name: str = ""
    """Of the user class that drives it."""

    @property
    def numbers(self) -> range:
        """Of its devices."""
        return range(self.first, self.first + self.count)

    def ip(self, number: int) -> Ipv4:
        """Where a device's datagrams come from."""
        return POOL_FIRST_IP + RESERVED_IPS + number

    def member(self, number: int) -> Member:
        """A device as the plan knows it; made anew at each call, for a million of them need not be kept."""
        return Member(
            name=f"{self.group.name}.{number}", group=self.group, number=number, first_index=0, ip=self.ip(number)
        )
