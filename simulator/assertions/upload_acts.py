"""What acts mean to uploads: how often one may be seen, whether it was tried at all, and whether sessions may end."""

from __future__ import annotations

from typing import Final

from simulator.assertions.senders import Sender
from simulator.assertions.verbs import UNTOUCHING
from simulator.assertions.world import World
from simulator.events.records import ActRecord
from simulator.scenario.model import Roam, Update, Upload

UNKNOWN_BUDGET: Final = 1 << 30
"""While an upload of a device of which nothing is known is under way, nobody knows how often it will be tried."""

_NOT_SENT: Final = ("not attached", "the device is off", "the device is frozen", "no session")
"""How a device says that it did not even try."""


def budget_of(world: World, sender: Sender, act: ActRecord) -> int:
    """How often one upload of its step may be seen; 0: it goes where it is no upstream message."""
    step, what = act.step, world.act(act.step)
    if world.goes_elsewhere(act.subject, step):
        return 0
    if sender.group is None:
        return UNKNOWN_BUDGET
    budget = world.attempts(step)
    confirmable = not isinstance(what, Upload) or what.confirmable
    if sender.may_copy and (sender.transport == "udp" or not confirmable) and not sender.secure:
        budget *= 2  # nothing in a plain datagram tells a copy from a second message; a record is taken once
    return budget


def was_not_sent(world: World, sender: Sender, act: ActRecord) -> bool:
    """Whether the device says that it did not even try."""
    tried_once = sender.group is not None and world.attempts(act.step) == 1
    return tried_once and act.outcome == "failed" and act.detail.startswith(_NOT_SENT)


def touches_sessions(world: World, act: ActRecord) -> bool:
    """Whether an act may begin or end sessions in the mobile network."""
    if act.verb == "update":
        what = world.act(act.step)
        if isinstance(what, Update) and what.imsi is None and what.imei is None:
            return False
        # Of ours it is known that a session outlives what it would not survive (mobile-network §3.4).
        return what is None or not world.embedded or world.scenario.platform.disconnect_on_update
    if act.verb == "roam":  # within one operator the session goes on
        what = world.act(act.step)
        return not (isinstance(what, Roam) and what.operator is None)
    return act.verb not in UNTOUCHING
