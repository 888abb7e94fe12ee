"""One rehearsal that is over, as every report reads it."""

from __future__ import annotations

import msgspec

from simulator.assertions.verdicts import Verdict, Verdicts


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, how long it took, and what came out. Times come from whoever ran it."""

    promise: str
    """The sentence of `scenario:`."""
    file: str
    seed: int
    time: str
    """`virtual`, `real`, or `recorded`: judged without a run."""
    target: str
    verdicts: Verdicts
    wall_s: float
    """How long it took."""
    journal: str = ""
    """Where the journal lies; "" if it was not kept."""
    notes: tuple[str, ...] = ()
    """Further lines for the reader: what could not be cleaned up, what limited the run."""
    skipped: str = ""
    """Why it was not run at all, because the target cannot do what it needs; "": it was."""

    @property
    def verdict(self) -> Verdict:
        """What counts: a run that ended before its scenario did has proven nothing, however it stood by then.

        What had failed until then has failed. What was skipped has proven nothing either.
        """
        verdict = self.verdicts.verdict
        return "inconclusive" if (self.verdicts.cut or self.skipped) and verdict == "pass" else verdict

    @property
    def without_verdict(self) -> bool:
        """Whether it ended early, and nothing had been decided against the scenario by then."""
        return bool(self.verdicts.cut) and self.verdicts.verdict != "fail" and not self.skipped
