"""A block whose devices are handed out one by one: each DeviceUser of this process is one of them.

A block is claimed for a hundred users, so that the platform gets one collection and one event stream for them, and not
a hundred. A user that is stopped gives its device back, and the next one becomes that device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Final

from gevent.lock import RLock

from simulator.load.garrison import Garrison, garrison_of
from simulator.load.quarters import Quarters

if TYPE_CHECKING:
    from simulator.load.station import Station
    from simulator.load.traffic import Traffic

PORTION: Final = 100
"""Devices of a block. More would make a worker claim what other workers have users for …"""
PARTS: Final = 50
"""… and so would this many where the number of devices is limited: then a block is this part of them."""
ASK_EVERY_S: Final = 1.0
"""How often a process with free devices asks whether those of a dead worker want a user."""


class Squad:
    """A `crew.Unit`."""

    def __init__(self, station: Station, traffic: Traffic, quarters: Quarters) -> None:
        self.station, self.traffic, self.quarters = station, traffic, quarters
        self.planned = 0
        """Devices that have had a user."""
        self.joined = 0
        """Those of them that have a session, or had one when their users ended."""
        self.failures = quarters.failures
        self.under_way = 0
        """Acts that have begun and are not over."""
        self.over = False
        """Nobody begins anything any more."""
        self.closed = False
        """The devices have fallen silent."""
        self._free = deque(quarters.block.numbers)
        self._asked_for: set[int] = set()
        self._known: set[int] = set()
        self._in: set[int] = set()

    @property
    def garrison(self) -> Garrison:
        """Whom the devices belong to."""
        return garrison_of(self.station)

    @property
    def full(self) -> bool:
        """Whether every device has a user."""
        return not self._free

    def enlist(self) -> int:
        """Hand out a device. Returns: its number."""
        number = self._free.popleft()
        self._asked_for.add(number)
        self.planned = len(self._asked_for)
        return number

    def dismiss(self, number: int) -> None:
        """Its user has ended; somebody else may have it."""
        self._free.append(number)

    def provide(self, number: int) -> None:
        """See to it that the platform and the fleet know a device; blocks the greenlet.

        Raises: TargetError: the platform will not have it. LocalError: a port is not to be had.
        """
        if number in self._known:
            return
        member = self.quarters.block.member(number)
        self.garrison.add((member,))
        self.quarters.create((number,), self.garrison.keyring.issued)
        self._known.add(number)

    def is_in(self, number: int, attached: bool) -> None:
        """A device has a session now, or none any more. Not told of users that end: their devices were in."""
        if attached:
            self._in.add(number)
        else:
            self._in.discard(number)
        self.joined = len(self._in)

    def fail(self, reason: str) -> None:
        """Count an act that failed."""
        self.failures[reason] = self.failures.get(reason, 0) + 1

    # --- of a unit ----------------------------------------------------------------------------------------------------

    def stop(self, now: float) -> None:  # noqa: ARG002  a unit
        """Nobody begins anything any more; who wants to is ended."""
        self.over = True

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not self.under_way

    def close(self, now: float) -> None:
        """The devices fall silent."""
        self.over = self.closed = True
        garrison, block = self.garrison, self.quarters.block
        garrison.silence([block.member(number).name for number in self._known], now)


class Squads:
    """Those of one user class in this process."""

    def __init__(self, station: Station, user: str, traffics: Sequence[Traffic]) -> None:
        self._station, self._user, self._traffics = station, user, traffics
        limits = [each.most for each in traffics if each.most is not None]
        self._portion = min([PORTION, *(max(1, most // PARTS) for most in limits)])
        self._squads: list[Squad] = []
        self._inherited: list[Squad] = []
        self._asked_s = -inf
        self._claiming = RLock()

    def enlist(self) -> tuple[Squad, int] | None:
        """A device for a user; blocks the greenlet where a block has to be claimed first.

        Returns: its squad and number; None: all devices of all workers have a user.
        Raises: TargetError: the platform gives the block no home.
        """
        with self._claiming:  # a hundred users that begin together need one block
            squad = _open_one(self._inherited) or self._inherit() or _open_one(self._squads)
            squad = squad or self._claim(self._portion)
            return None if squad is None else (squad, squad.enlist())

    def _inherit(self) -> Squad | None:
        """A block whose worker has died, if there is one: who comes instead of its users shall be its devices."""
        now = self._station.clock.now()
        if not self._squads or now - self._asked_s < ASK_EVERY_S:
            return None
        squad = self._claim(0)
        if squad is None:
            self._asked_s = now
        else:
            self._inherited.append(squad)
        return squad

    def _claim(self, portion: int) -> Squad | None:
        """`portion` 0: only one that nobody has any more."""
        block = self._station.claims.claim(self._user, self._traffics, portion)
        if block is None:
            return None
        traffic = next(each for each in self._traffics if each.group.name == block.group.name)
        quarters = Quarters.open(self._station, block)
        quarters.judge()  # a device is known to the platform before it does anything
        squad = Squad(self._station, traffic, quarters)
        self._squads.append(squad)
        self._station.crew.join(squad)
        return squad


def _open_one(squads: Sequence[Squad]) -> Squad | None:
    return next((each for each in squads if not each.full), None)


def squads_of(station: Station, user: str, traffics: Callable[[], Sequence[Traffic]]) -> Squads:
    """Those of the user class with this name; made when they are first asked for, for reading what a class says takes
    some milliseconds."""
    return station.shared(f"squads of {user}", lambda: Squads(station, user, traffics()))
