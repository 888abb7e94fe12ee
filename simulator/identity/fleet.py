"""Who is who in a run: identities and addresses computed from group and member number, no two alike.

Each group gets whole blocks of 10**6 indices, as many as its members need, in the order of the file. So the index of a
member tells its group, a member keeps its IMSI while its own group grows within its blocks, and nothing is stored.
Addresses are dense instead, because 127.64.0.0/10 has only four million of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.errors import LocalError
from simulator.identity import numbers

BLOCK = 10**6
"""Indices are given to groups in blocks of this size: the serial numbers of one TAC (mobile-network §2.3)."""

CARDS = 10**numbers.MSIN_DIGITS // numbers.INDEX_LIMIT
"""Cards of each device: there are a hundred times as many IMSIs as IMEIs."""

POOL_FIRST_IP = 0x7F40_0000
POOL_SIZE = 1 << 22
"""127.64.0.0/10, the loopback image of 10.64.0.0/10 (mobile-network §1.10)."""
RESERVED_IPS = 2
"""The pool's .0.0 is its own number and .0.1 the network's gateway; the first device is 127.64.0.2."""
POOL_MEMBERS = POOL_SIZE - RESERVED_IPS


@dataclass(frozen=True, slots=True)
class Identity:
    """What one device and its SIM are known by; digits only."""

    index: int
    imsi: str
    imei: str
    iccid: str
    msisdn: str

    @property
    def imeisv(self) -> str:
        """The hardware as a packet gateway names it, with software version 1."""
        return numbers.imeisv(self.index)

    @property
    def eid(self) -> str:
        """Of the eUICC, if the SIM is one."""
        return numbers.eid(self.index)


@dataclass(frozen=True, slots=True)
class Card:
    """What a SIM, or a profile on an eUICC, is known by; digits only."""

    imsi: str
    iccid: str
    msisdn: str


def card(index: int, number: int) -> Card:
    """A card of the device with this index; no card of any device is like another.

    Args:
        number: 0 is the device's own SIM; 1 to 99 are further ones: profiles of its eUICC, fresh cards.
    Raises: LocalError: `index` is not below 10**8, or `number` not from 0 to 99.
    """
    at = card_index(index, number)
    return Card(numbers.imsi(at), numbers.iccid(at), numbers.msisdn(at))


def card_index(index: int, number: int) -> int:
    """The number from which IMSI, ICCID and MSISDN of a card come; there is no IMEI with it. See `card`."""
    if not 0 <= index < numbers.INDEX_LIMIT:
        raise LocalError(f"there is no device {index}: they are numbered from 0 to {numbers.INDEX_LIMIT - 1}")
    if not 0 <= number < CARDS:
        raise LocalError(f"there is no card {number} of a device: they are numbered from 0 to {CARDS - 1}")
    return index + numbers.INDEX_LIMIT * number


def identity(index: int) -> Identity:
    """The identities with this number. Raises: LocalError: `index` is not below 10**8."""
    return Identity(index, numbers.imsi(index), numbers.imei(index), numbers.iccid(index), numbers.msisdn(index))


class Allocation:
    """Indices and addresses of the members of all groups of a run; groups and members count from 0."""

    __slots__ = ("_counts", "_first_index", "_first_ip")

    def __init__(self, counts: Iterable[int]) -> None:
        """`counts`: how many members each group has, in the order of the file.

        Raises: LocalError: a count is negative, or all together are more than there are identities or addresses.
        """
        self._counts = tuple(counts)
        self._first_index: list[int] = []
        self._first_ip: list[int] = []
        index, ip = 0, POOL_FIRST_IP + RESERVED_IPS
        for count in self._counts:
            if count < 0:
                raise LocalError(f"a group cannot have {count} members")
            self._first_index.append(index)
            self._first_ip.append(ip)
            index += -(-count // BLOCK) * BLOCK
            ip += count
        members = sum(self._counts)
        if members > POOL_MEMBERS:
            raise LocalError(
                f"{members} devices are more than the {POOL_MEMBERS} addresses of 127.64.0.0/10; "
                "make the groups smaller, or split the run"
            )
        if index > numbers.INDEX_LIMIT:
            raise LocalError(
                f"{len(self._counts)} groups need {index // BLOCK} blocks of identities, and there are "
                f"{numbers.INDEX_LIMIT // BLOCK}; join groups, or split the run"
            )

    def index(self, group: int, member: int) -> int:
        """The number from which the member's identities come. Raises: LocalError: there is no such member."""
        self._check(group, member)
        return self._first_index[group] + member

    def identity(self, group: int, member: int) -> Identity:
        """The member's identities. Raises: LocalError: there is no such member."""
        return identity(self.index(group, member))

    def ip(self, group: int, member: int) -> int:
        """The member's IPv4 address, as a number. Raises: LocalError: there is no such member."""
        self._check(group, member)
        return self._first_ip[group] + member

    def _check(self, group: int, member: int) -> None:
        if not (0 <= group < len(self._counts) and 0 <= member < self._counts[group]):
            raise LocalError(f"there is no member {member} of group {group}; this run has groups of {self._counts}")
