"""One Locust user that is a shard of devices: they follow a traffic model, whatever the platform does.

Its schedule is open: what is due is sent when it is due, and a response time counts from that moment. A platform that
stalls therefore cannot slow the load down, and its stall is seen in full (no coordinated omission).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gevent import GreenletExit
from gevent.event import Event
from locust import User, task

from simulator.errors import SimulatorError
from simulator.load.groups import traffics_of
from simulator.load.quarters import Quarters
from simulator.load.shard import Shard
from simulator.load.traffic import Traffic
from simulator.load.users.attributes import Attributes

_log = logging.getLogger("simulator")

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.station import Station


class FleetUser(Attributes, User):
    """So many devices as `--devices-per-user` says, of one group. Subclass it and say what they are and do."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._shard: Shard | None = None
        self._over = Event()

    @classmethod
    def traffics(cls, options: Any) -> tuple[Traffic, ...]:
        """What the class drives. Raises: UsageError, ScenarioErrors."""
        return traffics_of(cls, options, options.devices_per_user)

    def on_start(self) -> None:
        """Claim a block, have the platform know its devices, let them in, and begin."""
        station: Station | None = self.environment.station
        if station is None:  # the platform could not be reached, which has been told
            raise GreenletExit
        # Whoever ends by GreenletExit ends without a word of Locust's.
        try:
            with station.crew.coming():
                traffics = self.traffics(station.options)
                block = station.claims.claim(type(self).__name__, traffics, station.options.devices_per_user)
                if block is None:  # every device of the scenario has a user already
                    raise GreenletExit
                self._work(station, traffics, block)
        except SimulatorError as error:
            station.failed(error)
            raise GreenletExit from None

    def _work(self, station: Station, traffics: tuple[Traffic, ...], block: Block) -> None:
        traffic = next(each for each in traffics if each.group.name == block.group.name)
        quarters = Quarters.open(station, block)
        shard = self._shard = Shard(station, _scaled(traffic, block), quarters)
        station.crew.enter(shard, shard.join)
        if block.collection:
            _log.info("took over %d %s in collection %s", block.count, block.group.name, block.collection)
        shard.start()

    @task
    def live(self) -> None:
        """The devices go on by themselves, driven by the station's calendar."""
        self._over.wait()

    def on_stop(self) -> None:
        """There are to be fewer users: the devices finish what they do, and leave the platform."""
        station: Station | None = self.environment.station
        shard, self._shard = self._shard, None
        if shard is not None and station is not None:
            station.crew.dismiss(shard)


def _scaled(traffic: Traffic, block: Block) -> Traffic:
    """Rates are of the whole group; a shard has its share of them."""
    share = block.count / traffic.group.count

    def scaled(deed: Any) -> Any:
        arrivals = deed.arrivals
        if arrivals is None or not arrivals.per_s:
            return deed
        return replace(deed, arrivals=replace(arrivals, per_s=arrivals.per_s * share))

    return replace(traffic, deeds=tuple(scaled(deed) for deed in traffic.deeds))
