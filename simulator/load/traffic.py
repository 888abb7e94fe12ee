"""What the devices of a group do under load, again and again: deeds and their timetables."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.scenario.model import HOME, Arrivals, Group, Operator, Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that every device of a group does, and when.

    `every_s` and no `arrivals`: each device once in each period, all of them evenly spread over it. With `arrivals` of
    a window (`uniform-60`, `beta-10`, `periodic`): each device once in each period, at its drawn moment. With a rate
    (`poisson`, `mmpp2`, `diurnal`): one series over all devices of the group's share in this shard, without a period;
    the k-th arrival is the k-th device's, round and round.
    """

    act: str
    """Name of a file in `deeds/`: `upload`, `reconnect`."""
    every_s: float | None = None
    """None: once, or as the rate of `arrivals` says."""
    arrivals: Arrivals | None = None
    payload: Payload | None = None
    """Of an upload; None: the group's."""
    path: str = "data"
    confirmable: bool = True
    begin_s: float = 0.0
    """Seconds after the shard is in, before the first of it."""
    times: int | None = None
    """How often each device does it; None: until the test ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A group and what it does."""

    group: Group
    deeds: tuple[Deed, ...]
    most: int | None = None
    """How many devices the group has in the whole test; None: as many as there are users for."""
    join_over_s: float = 0.0
    """The devices attach or connect spread over this time; 0: as fast as the platform lets them in."""
    join_arrivals: Arrivals | None = None
    ignored: tuple[str, ...] = ()
    """What the scenario has besides, and load does not drive, in words with places."""
    operators: tuple[Operator, ...] = (HOME,)
    """Of the scenario; the group's is among them."""
    expects: tuple[str, ...] = ()
    """Thresholds that the scenario names, in the words of `--expect`."""
