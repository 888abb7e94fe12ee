"""What dead workers have left on the platform, and nobody has taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulator.clock import WallClock
from simulator.errors import Place, SimulatorError
from simulator.load.blocks import Block
from simulator.load.claims import Grant
from simulator.load.home import Home
from simulator.load.options import LoadOptions
from simulator.load.platform import Platform
from simulator.scenario.model import Group

BUDGET_S: Final = 30.0
"""For each collection."""


def remove_orphans(options: LoadOptions, orphans: Sequence[Grant]) -> list[str]:
    """Remove their collections with all that is in them. Returns: what could not be removed, in words."""
    left = [each for each in orphans if each.collection]
    if not left or options.bare:
        return []
    try:
        platform = Platform.reach(options, WallClock())
    except SimulatorError as error:
        return [f"collections {', '.join(each.collection for each in left)}: {error}"]
    try:
        return [line for each in left for line in Home(platform, _block(each), _Nobody()).remove(BUDGET_S)]
    finally:
        platform.close()


def _block(grant: Grant) -> Block:
    group = Group(name=grant.group, place=Place(""), count=grant.count)
    return Block(group=group, first=grant.first, count=grant.count, collection=grant.collection, name=grant.user)


class _Nobody:
    """Listens to no stream."""

    def messages(self, messages: list[bytes], rx_s: float) -> None:
        """See `stream.Listener`."""

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Likewise."""

    def failed(self, error: BaseException) -> None:
        """Likewise."""
