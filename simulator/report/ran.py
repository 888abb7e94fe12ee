"""One rehearsal that is over, as every report reads it."""

from __future__ import annotations

import msgspec

from simulator.assertions.verdicts import Verdicts


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, how long it took, and what came out. Times come from whoever ran it."""

    promise: str
    """The sentence of `scenario:`."""
    file: str
    seed: int
    time: str
    """`virtual` or `real`."""
    target: str
    verdicts: Verdicts
    wall_s: float
    """How long it took."""
    journal: str = ""
    """Where the journal lies; "" if it was not kept."""
    notes: tuple[str, ...] = ()
    """Further lines for the reader: what could not be cleaned up, what limited the run."""
