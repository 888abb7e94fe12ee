"""The mobile network of a process: one for all that drives devices with a SIM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simulator.fleet.mobile import Mobile
from simulator.wire.drivers.green import GreenWork

if TYPE_CHECKING:
    from simulator.load.station import Station
    from simulator.scenario.model import Operator

Lost = Callable[[str, str], None]
"""Told of a device whose session the network has ended, and why."""


class MobileNetwork:
    """The network, and whom it tells of sessions that it has ended."""

    def __init__(self, station: Station) -> None:
        access = station.platform.radius
        assert access is not None
        self.lost: list[Lost] = []
        """Who is told of sessions that the network has ended."""
        self._losses = 0
        work = GreenWork(station.loop)
        operators: Sequence[Operator] = station.shared("operators", tuple)
        self.mobile = Mobile(
            operators,
            station.options.seed,
            wire=station.wire,
            clock=station.clock,
            timers=station.timers,
            radius=access,
            lost=self._tell,
            broke=station.failed,
            work=work,
        )
        station.at_end(self.mobile.close)
        station.at_end(work.close)
        station.count(lambda: {"mobile.sessions_lost": self._losses})

    def _tell(self, device: str, why: str) -> None:
        self._losses += 1
        for each in self.lost:
            each(device, why)


def mobile_of(station: Station) -> MobileNetwork | None:
    """The network of this process; None: the platform does not say where it takes logins, as real operators' do not.

    Its operators are those of `station.shared("operators", …)`, which who reads a scenario sets before.
    """
    if station.platform.radius is None:
        return None
    return station.shared("mobile", lambda: MobileNetwork(station))
