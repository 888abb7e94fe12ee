"""Devices attach or connect anew, each at its moment: the storm after a base station or a platform has come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.acts import Accepted, Connected, Done, NoAnswer, Rejected
from simulator.devices.outcome import outcome_of
from simulator.errors import UsageError

if TYPE_CHECKING:
    from simulator.acts import Result
    from simulator.load.shard import Shard
    from simulator.load.timetable import Moment
    from simulator.load.traffic import Deed

_KINDS: Final = {"attach": "RADIUS", "connect": "DTLS"}
_IN = (Accepted, Connected, Done)


def open_deed(shard: Shard, deed: Deed) -> Reconnect:
    """Of `deeds`. Raises: UsageError: there is nothing that the devices could attach to."""
    del deed
    if not shard.way.entry:
        raise UsageError(
            f"group {shard.block.group.name} is to attach anew, and the platform does not say where it takes logins"
        )
    return Reconnect(shard)


class Reconnect:
    """Reconnections of one shard. Whoever has a session gives it up; one under way makes room for the next."""

    def __init__(self, shard: Shard) -> None:
        way = shard.way
        self._shard, self._join, self._entry = shard, way.join, way.entry
        self._meter = shard.station.meters.meter(_KINDS[way.entry], way.entry, shard.block.group.name)
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """Of `Doer`."""
        return self._under_way

    def begin_many(self, moments: list[Moment], now: float) -> None:
        """Of `Doer`."""
        self._under_way += len(moments)
        for moment in moments:
            self._join(moment[1], self._told, moment, now)

    def _told(self, moment: Moment, result: Result, now: float) -> None:
        self._under_way -= 1
        due_s, number = moment
        shard = self._shard
        if isinstance(result, _IN):
            self._meter.took.append(now - due_s)
            if number in shard.absent:
                shard.came_in(number)
            return
        outcome = outcome_of(result)
        reason = outcome.word if isinstance(result, NoAnswer) else outcome.detail
        self._meter.fail(reason, now - due_s)
        shard.failures[f"{self._entry}: {reason}"] = shard.failures.get(f"{self._entry}: {reason}", 0) + 1
        # The network says that it has no session. An Internet device makes one with its next upload.
        if isinstance(result, Rejected) and self._entry == "attach" and number not in shard.absent:
            shard.absent.add(number)
            shard.joined -= 1
