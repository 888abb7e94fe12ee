"""What devices do under load: one file for each act, found by its name; each has `open_deed(shard, deed) -> Doer`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from simulator.errors import UsageError

if TYPE_CHECKING:
    from simulator.load.shard import Shard
    from simulator.load.timetable import Moment
    from simulator.load.traffic import Deed

_FILES: Final = {"upload": "upload", "reconnect": "reconnect"}
"""Act → file of this folder."""


class Doer(Protocol):
    """Does one deed for all devices of a shard. Nothing here waits."""

    def begin_many(self, moments: list[Moment], now: float) -> None:
        """Have each of these devices begin; a response time counts from the moment that was due."""

    @property
    def under_way(self) -> int:
        """How many have begun and did not end yet."""


def open_deed(shard: Shard, deed: Deed) -> Doer:
    """Who does this. Raises: UsageError: nobody can."""
    file = _FILES.get(deed.act)
    if file is None:
        raise UsageError(f"no deed '{deed.act}' under load (known: {', '.join(_FILES)})")
    doer: Doer = import_module(f"{__name__}.{file}").open_deed(shard, deed)
    return doer
