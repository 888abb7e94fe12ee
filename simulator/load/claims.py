"""Who has which devices: the master deals them out in blocks, and deals a dead worker's blocks out again.

Numbers are dealt from 0 and without gaps, in the order of asking; so no two workers ever have a device in common, and a
million devices need a million addresses. What an heir gets is the same numbers, and the place where they live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from simulator.identity.fleet import POOL_MEMBERS
from simulator.load.blocks import Block
from simulator.load.traffic import Traffic


class Want(msgspec.Struct, frozen=True):
    """A group that a user class drives; `most`: devices of it in the whole test, 0: no limit."""

    group: str
    most: int


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A block as the master knows it."""

    user: str
    group: str
    first: int
    count: int
    collection: str = ""
    """Where it lives already; "": nowhere yet."""

    def block(self, traffics: Sequence[Traffic]) -> Block:
        """The same for whoever drives it."""
        group = next(each.group for each in traffics if each.group.name == self.group)
        return Block(group=group, first=self.first, count=self.count, collection=self.collection, name=self.user)


class Dealer:
    """The master's book of blocks; pure."""

    def __init__(self) -> None:
        self._next = 0
        self._dealt: dict[tuple[str, str], int] = {}
        """(user, group) → devices of it that were dealt out."""
        self._held: dict[int, tuple[str, Grant]] = {}
        """First number → worker and block."""
        self._orphans: dict[int, Grant] = {}

    def deal(self, worker: str, user: str, wants: Sequence[Want], portion: int) -> Grant | None:
        """A block of at most `portion` devices for a user of this class: one without a master first.

        Returns: None: all devices of its groups are dealt out, or all addresses.
        """
        orphan = next((each for each in self._orphans.values() if each.user == user), None)
        if orphan is not None:
            del self._orphans[orphan.first]
            self._held[orphan.first] = worker, orphan
            return orphan
        for want in wants:
            dealt = self._dealt.get((user, want.group), 0)
            left = want.most - dealt if want.most else portion
            count = min(portion, left, POOL_MEMBERS - self._next)
            if count > 0:
                grant = Grant(user=user, group=want.group, first=self._next, count=count)
                self._next += count
                self._dealt[user, want.group] = dealt + count
                self._held[grant.first] = worker, grant
                return grant
        return None

    def lives(self, first: int, collection: str) -> None:
        """The block has a place on the platform."""
        held = self._held.get(first)
        if held is not None:
            worker, grant = held
            self._held[first] = worker, msgspec.structs.replace(grant, collection=collection)

    def gives_back(self, first: int) -> None:
        """Whoever had the block has ended, and cleaned up: somebody else may begin it anew."""
        held = self._held.pop(first, None)
        if held is not None:
            self._orphans[first] = msgspec.structs.replace(held[1], collection="")

    def died(self, worker: str) -> tuple[Grant, ...]:
        """The worker is gone: its blocks wait for an heir. Returns: them."""
        left = tuple(grant for who, grant in self._held.values() if who == worker)
        for grant in left:
            del self._held[grant.first]
            self._orphans[grant.first] = grant
        return left

    @property
    def orphans(self) -> tuple[Grant, ...]:
        """Blocks that nobody has."""
        return tuple(self._orphans.values())

    @property
    def devices(self) -> int:
        """How many devices were dealt out in all."""
        return self._next


class Claims(Protocol):
    """How a process gets its blocks."""

    def claim(self, user: str, traffics: Sequence[Traffic], portion: int) -> Block | None:
        """A block for a user of this class; blocks the greenlet. None: all are dealt out."""

    def lives(self, block: Block, collection: str) -> None:
        """Tell where it lives."""

    def give_back(self, block: Block) -> None:
        """Its user has ended, and nothing of it is left on the platform."""


def wants_of(traffics: Sequence[Traffic]) -> list[Want]:
    """What the master has to know of them."""
    return [Want(each.group.name, each.most or 0) for each in traffics]


class OwnClaims:
    """`Claims` of a process that is alone."""

    def __init__(self, dealer: Dealer, worker: str) -> None:
        self._dealer, self._worker = dealer, worker

    def claim(self, user: str, traffics: Sequence[Traffic], portion: int) -> Block | None:
        """See `Claims`."""
        grant = self._dealer.deal(self._worker, user, wants_of(traffics), portion)
        return None if grant is None else grant.block(traffics)

    def lives(self, block: Block, collection: str) -> None:
        """See `Claims`."""
        self._dealer.lives(block.first, collection)

    def give_back(self, block: Block) -> None:
        """See `Claims`."""
        self._dealer.gives_back(block.first)


class Ask(msgspec.Struct, kw_only=True):
    """A worker's claim on its way to the master."""

    ticket: int
    user: str
    wants: list[Want]
    portion: int


class Reply(msgspec.Struct, kw_only=True):
    """The master's answer; None: nothing is left."""

    ticket: int
    grant: Grant | None


def pack(message: Any) -> bytes:
    """For Locust's messages, which carry plain values."""
    return msgspec.msgpack.encode(message)
