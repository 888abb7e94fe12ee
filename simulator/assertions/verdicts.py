"""What the judge says: findings while the run goes on, judgements and one verdict when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from simulator.errors import Place

Verdict = Literal["pass", "fail", "inconclusive"]
Kind = Literal["expectation", "outcome", "trouble", "invariant"]

NAMED: Final = 3
"""So many of those concerned are named; the others are counted (scenarios §4)."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Between these run times the observer may have been blind. `to_s` None: the run ended there, and too early."""

    from_s: float
    to_s: float | None
    why: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something was decided against the scenario, told the moment it is decided.

    Only the first few per check are told; the judgement at the end counts them all. A finding may be softened by a
    gap that becomes known later, never the other way round.
    """

    check: str
    """Name of the check, as in `Judgement`."""
    kind: Kind
    verdict: Literal["fail", "inconclusive"]
    place: Place
    subject: str
    """Whom it concerns; "" is nobody in particular."""
    t_s: float
    """Run time at which it was decided."""
    headline: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((f"{self.verdict.upper()}  {self.place}  {self.headline}", *self.details))


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How one thing that was promised, or is checked without being asked, came out."""

    check: str
    """`steps[2].expect[0]`, `expect[1]`, `trouble.imeiMismatch`, `invariant.upload-once`: stable between runs."""
    kind: Kind
    place: Place
    words: str
    """What should have been, in words, without whom."""
    verdict: Verdict
    cases: int = 0
    """How often it was put to the test."""
    concerned: int = 0
    """In how many cases it did not hold, or is not known to."""
    whom: tuple[str, ...] = ()
    """The first few subjects of those cases."""
    headline: str = ""
    """Whom and what, when it did not pass."""
    details: tuple[str, ...] = ()
    """Further lines of the failure text."""
    reached: bool = True
    """False: what stands before it in its list failed, and that is reported there."""


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run. `verdict` is the worst of the judgements, a failure being worse than not knowing."""

    verdict: Verdict
    judgements: tuple[Judgement, ...]
    gaps: tuple[Gap, ...] = ()
    cut: str = ""
    """Why the run ended before the scenario did; "": it did not."""
    acts: int = 0
    """Acts that ended."""
    events: int = 0
    """Events that were judged."""
    until_s: float = 0.0
    """Run time at which it was over."""
    statistics: Mapping[str, int] = {}
    """What the reference server has counted about its mobile network meanwhile, names as in `words.STATISTICS`, in
    their order; `sessions` are those that were open at the end. {}: nothing, or it is not known."""

    def count(self, verdict: Verdict, kind: Kind | None = None) -> int:
        """How many judgements came out like this; `kind` None: of all kinds."""
        return sum(j.verdict == verdict and (kind is None or j.kind == kind) for j in self.judgements)


def worst(judgements: Iterable[Judgement]) -> Verdict:
    """Of all of them; a failure is worse than not knowing."""
    found = {judgement.verdict for judgement in judgements}
    return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"
