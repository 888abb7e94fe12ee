"""One rehearsal that is over, as every report reads it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from simulator.assertions.verdicts import Judgement, Verdict, Verdicts

RECORDED: Final = "recorded"
"""The `time` of what was not run, but recorded elsewhere."""

End = Literal["", "not run", "interrupted", "terminated", "ended early", "broken"]
_ENDS: Final[tuple[tuple[str, End], ...]] = (
    ("not run", "not run"),
    ("interrupted", "interrupted"),
    ("terminated", "terminated"),
    ("was over", "ended early"),
)
"""How the words for an early end end themselves, and what it is called; `broken` if it is none of these."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, how long it took, and what came out. Times come from whoever ran it."""

    promise: str
    """The sentence of `scenario:`, and the case in brackets where the file has some: `A promise [moved]`."""
    file: str
    seed: int
    time: str
    """`virtual`, `real`, or `recorded`: judged without a run."""
    target: str
    verdicts: Verdicts
    """What the judge says; without what it could not judge to its end, if the run ended early."""
    wall_s: float
    """How long it took."""
    journal: str = ""
    """Where the journal lies; "" if it was not kept."""
    notes: tuple[str, ...] = ()
    """Further lines for the reader: what could not be cleaned up, what limited the run."""
    case: str = ""
    """Which of the file's `cases:` this is; "": the file has none."""
    skipped: str = ""
    """Why it was not run at all, because the target cannot do what it needs; "": it was."""

    def __post_init__(self) -> None:
        """What holds of a whole run is not known to hold when there was no whole run."""
        if self.verdicts.cut:
            judgements = tuple(map(_not_to_its_end, self.verdicts.judgements))
            verdicts = msgspec.structs.replace(self.verdicts, judgements=judgements)
            msgspec.structs.force_setattr(self, "verdicts", verdicts)

    @property
    def end(self) -> End:
        """What its early end is called; "": it came to its end."""
        cut = self.verdicts.cut
        return next((end for words, end in _ENDS if cut.endswith(words)), "broken") if cut else ""

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

    @property
    def was_broken_off(self) -> bool:
        """The same, and it was a run of ours: a recording that ends early only leaves open what it would have shown."""
        return self.without_verdict and self.time != RECORDED


def _not_to_its_end(judgement: Judgement) -> Judgement:
    """An invariant is of the whole run, and what was never put to the test was not reached; a failure stays one."""
    if judgement.verdict != "pass" or (judgement.kind != "invariant" and judgement.cases):
        return judgement
    return msgspec.structs.replace(judgement, verdict="inconclusive", reached=False)
