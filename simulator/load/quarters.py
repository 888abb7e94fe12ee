"""A block with all that watches it: its home on the platform, the stream of its events, the ledger of its uploads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from simulator.load.blocks import Block
from simulator.load.foreign import refuse_mobile
from simulator.load.ledger import Ledger
from simulator.load.tally import BlockTally, LedgerCounts
from simulator.load.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.load.home import Home
    from simulator.load.station import Station
    from simulator.target.credentials import Credentials

GIVE_UP_S = 5.0
_UNACKNOWLEDGED = ("udp", "dtls")


class Quarters:
    """One block, from its opening until nobody of it is heard of any more.

    Without a platform (bare) there are no events, so there is no ledger: answers are all that is known.
    """

    def __init__(self, block: Block, home: Home | None, ledger: Ledger | None, witness: Witness | None) -> None:
        self.block, self.home, self.ledger, self.witness = block, home, ledger, witness
        self._counts = LedgerCounts()
        self.failures: dict[str, int] = {}
        """Reason → acts that failed."""

    @property
    def counts(self) -> LedgerCounts:
        """Of the ledger, as they are now; where there is none, of whoever drives the block."""
        if self.ledger is None:
            return self._counts
        counts = self.ledger.counts
        if not self.block.collection:
            return counts
        # Taken over: events may still come of what its former worker has sent, and no ledger knows that. They may also
        # take the place of our own. (As that worker died, the verdict is no pass anyway.)
        return msgspec.structs.replace(counts, duplicated=0, disordered=0, resized=0)

    def counters(self) -> dict[str, int]:
        """Events of a taken-over block that may be its former worker's."""
        if self.ledger is None or not self.block.collection:
            return {}
        counts = self.ledger.counts
        return {"events.inherited": counts.duplicated + counts.disordered + counts.resized}

    @classmethod
    def open(cls, station: Station, block: Block) -> Quarters:
        """Open the block's home, or take it over, and listen; blocks the greenlet.

        Raises: TargetError; UsageError: the platform could not know such devices.
        """
        platform = station.platform
        if not platform.has_api:
            return cls(block, None, None, None)
        refuse_mobile((block.group,), station.options)
        transport = block.group.transport
        perfect = block.group.link.preset == "perfect" and not block.group.link.changes
        ledger = Ledger(
            LedgerCounts(),
            block.first,
            block.count,
            acknowledged=transport not in _UNACKNOWLEDGED,
            # Over a perfect link on this machine a datagram has no excuse for getting lost.
            owed=perfect and station.options.loopback,
            group=block.group.name,
        )
        ids: dict[str, int] = {}
        # Not in Locust's tables: each upload would be counted twice there.
        meter = station.meters.hidden(f"upstreamMessage {block.group.name}")
        witness = Witness(ids, ledger, meter, transport, block.group.name)
        home = platform.open(block, witness)
        witness.ids = home.ids
        try:
            station.claims.lives(block, home.collection)
        except BaseException:  # nobody else knows of it
            home.remove(GIVE_UP_S)
            home.close()
            raise
        quarters = cls(block, home, ledger, witness)
        station.count(witness.counters)
        station.count(quarters.counters)
        return quarters

    def create(self, numbers: Iterable[int], issued: Callable[[str, str, Credentials], None] | None = None) -> None:
        """Have the platform know these devices. Raises: TargetError."""
        if self.home is not None:
            self.home.create(numbers, issued)

    def judge(self) -> None:
        """From now on what the platform says is held against what the devices do."""
        if self.witness is not None:
            self.witness.judged = True

    @property
    def open_uploads(self) -> int:
        """How many wait for their event."""
        return 0 if self.ledger is None else self.ledger.open

    def settle(self) -> None:
        """The end: what has not come by now is lost."""
        if self.home is not None:
            self.home.tell_gap()
        if self.witness is not None:
            self.witness.judged = False
        if self.ledger is not None:
            self.ledger.settle()

    def lost(self, most: int) -> list[str]:
        """Some of the uploads that were lost, a line each; none before it has settled."""
        return [] if self.ledger is None else self.ledger.lines(most)

    def tally(self) -> BlockTally:
        """For the master, which has to know where the block lives if this process dies."""
        collection = self.block.collection if self.home is None else self.home.collection
        return BlockTally(user=self.block.name, first=self.block.first, count=self.block.count, collection=collection)

    def close(self) -> None:
        """Stop listening."""
        if self.home is not None:
            self.home.close()
