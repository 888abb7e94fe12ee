"""The one shape of everything that watches a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.events.records import ActRecord, EventRecord

NOTHING: Final[frozenset[str]] = frozenset()


class Machine:
    """Fed with records, it tells the docket what it finds.

    Which records it gets is declared, so that a record costs only the machines that want it.
    """

    __slots__ = ()

    names: Iterable[str] | None = ()
    """Events it sees; None: all. Who changes its mind calls `Docket.rewire`."""
    strays_only = False
    """Whether it sees only those of them that have no subject."""
    verbs: Iterable[str] | None = ()
    """Acts whose beginning and end it sees; None: all."""

    def see(self, event: EventRecord) -> None:
        """An event of the platform arrived."""

    def began(self, act: ActRecord) -> None:
        """An act began."""

    def ended(self, act: ActRecord) -> None:
        """An act ended."""

    def finish(self) -> None:
        """The run is over; tell what only its end decides."""
