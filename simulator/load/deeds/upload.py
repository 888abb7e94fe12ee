"""Devices report: one message each, at its moment. This and the engine are the hot path, so it is written out."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

from simulator.acts import Answer, Sent
from simulator.devices.outcome import outcome_of
from simulator.load.deeds.payloads import payloads_of
from simulator.load.ways import poster_of

if TYPE_CHECKING:
    from simulator.acts import Result
    from simulator.load.shard import Shard
    from simulator.load.timetable import Moment
    from simulator.load.traffic import Deed

_ABSENT = "not attached: the device has no address on the mobile network"


def open_deed(shard: Shard, deed: Deed) -> Upload:
    """Of `deeds`."""
    return Upload(shard, deed)


class Upload:
    """Uploads of one shard."""

    def __init__(self, shard: Shard, deed: Deed) -> None:
        block, way, quarters = shard.block, shard.way, shard.quarters
        self._meter = meter = shard.station.meters.meter(way.kind, "upload", block.group.name)
        self._payloads = payloads_of(block, deed.payload, shard.station.options.seed)
        self._post = poster_of(way, deed.path, deed.confirmable)
        # One on the Internet tries to connect whenever it has something to say.
        self._absent: Set[int] = shard.absent if way.entry == "attach" else frozenset()
        self._failures = shard.failures
        self._ledger = ledger = quarters.ledger
        self._counts = quarters.counts
        self._begun = 0
        self._others = self._well_before = 0
        well = 0
        took = meter.took.append
        answered = None if ledger is None else ledger.answered

        # Closures, because Python 3.11 is slow to find what an object holds.
        def told(moment: Moment, result: Result, now: float) -> None:
            """What nearly always happens."""
            nonlocal well
            if type(result) is Answer and 64 <= result.code < 96:
                well += 1
                took(now - moment[0])
                if result.payload:
                    meter.bytes += len(result.payload)
                if answered is not None:
                    answered(moment[1])
            else:
                self._told_other(moment, result, now)

        self._told = told
        self._well: Callable[[], int] = lambda: well

    @property
    def under_way(self) -> int:
        """Of `Doer`."""
        self._refresh()
        return self._begun - self._others - self._well()

    def _refresh(self) -> None:
        """Where there is no ledger, the sums are ours; several deeds may share them."""
        if self._ledger is None:
            well = self._well()
            self._counts.answered += well - self._well_before
            self._well_before = well

    def begin_many(self, moments: list[Moment], now: float) -> None:
        """Of `Doer`."""
        if self._absent:
            moments = self._without_absent(moments)
        payloads = self._payloads(moments)
        self._begun += len(moments)
        if self._ledger is None:
            self._counts.sent += len(moments)
            self._refresh()
        else:
            sent = self._ledger.sent  # first: an event may be here before the answer is
            for (due, number), payload in zip(moments, payloads, strict=True):
                sent(number, len(payload), due, now)
        self._post(moments, payloads, self._told, now)

    def _without_absent(self, moments: list[Moment]) -> list[Moment]:
        absent = self._absent
        left = [moment for moment in moments if moment[1] not in absent]
        for _ in range(len(moments) - len(left)):
            self._meter.fail(_ABSENT)
            self._failed(_ABSENT)
        return left

    def _told_other(self, moment: Moment, result: Any, now: float) -> None:
        self._others += 1
        due, number = moment
        ledger, counts = self._ledger, self._counts
        if type(result) is Sent:
            self._meter.untimed += 1
            if ledger is None:
                counts.answered += 1
            else:
                ledger.answered(number)
            return
        outcome = outcome_of(result)
        reason = outcome.word if outcome.word != "failed" else outcome.detail
        self._meter.fail(reason, now - due)
        self._failed(reason)
        if isinstance(result, Answer):
            if ledger is None:
                counts.refused += 1
            else:
                ledger.refused(number)
        elif ledger is None:
            counts.unanswered += 1
        else:
            ledger.unanswered(number)

    def _failed(self, reason: str) -> None:
        self._failures[reason] = self._failures.get(reason, 0) + 1
