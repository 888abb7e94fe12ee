"""The one shape of everything that watches a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.events.records import (
    ActRecord,
    EventRecord,
    GapRecord,
    ReceivedRecord,
    SeenRecord,
    StatisticsRecord,
    StepRecord,
    StreamRecord,
)

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

    by = ""
    """The observer whose events it sees; "": the run's own."""

    def see(self, event: EventRecord) -> None:
        """An event of the platform arrived."""

    def began(self, act: ActRecord) -> None:
        """An act began."""

    def ended(self, act: ActRecord) -> None:
        """An act ended."""

    def finish(self) -> None:
        """The run is over; tell what only its end decides."""

    # --- rare records: whoever has something of his own to do there gets all of them ----------------------------------

    def stepped(self, record: StepRecord) -> None:
        """A step began, acted or ended."""

    def seen(self, record: SeenRecord) -> None:
        """A further observer saw something."""

    def stream(self, record: StreamRecord) -> None:
        """A further observer's stream was opened, refused, or has ended."""

    def received(self, record: ReceivedRecord) -> None:
        """A device received a downstream payload."""

    def lost(self, record: GapRecord) -> None:
        """Somebody was blind, or the platform dropped something."""

    def counted(self, record: StatisticsRecord) -> None:
        """What the server has counted about its mobile network was read."""

    def provisioned(self, event: EventRecord) -> None:
        """An event from before the first step, which is not judged."""
