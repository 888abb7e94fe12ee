"""What is promised or watched for, with what was found against it."""

from __future__ import annotations

from typing import Final

import msgspec

from simulator.assertions.verdicts import Kind
from simulator.errors import Place

EXPLAINED: Final = 8
"""Cases of a check that keep their whole story; the others keep whom and when."""


class Case(msgspec.Struct, gc=False):
    """One time that a check did not hold, or is not known to."""

    subject: str
    from_s: float
    to_s: float
    """The window in which something was absent; meaningless if `absent` is False."""
    decided_s: float
    """When it was found."""
    absent: bool
    details: tuple[str, ...]
    what: str = ""
    """What to say of the subject instead of the check's own words."""


class Check:
    """One thing that is promised or watched for, with what was found against it."""

    __slots__ = (
        "alone",
        "blocked",
        "by",
        "cases",
        "failed",
        "found",
        "idle",
        "kind",
        "name",
        "noun",
        "place",
        "population",
        "quiet",
        "unknown",
        "words",
    )

    def __init__(self, name: str, kind: Kind, place: Place, words: str, noun: str = "", population: int = 0) -> None:
        self.name, self.kind, self.place, self.words = name, kind, place, words
        self.noun = noun
        """Whom it is about, as the file says it."""
        self.population = population
        """How many those are; 0: not a fixed number."""
        self.by = ""
        """The observer on whose sight it rests; "": the run's own."""
        self.cases = 0
        self.failed: list[Case] = []
        self.found = 0
        """Cases so far that a finding was told of."""
        self.unknown: list[tuple[str, str]] = []
        """Cases that were never decided: subject and why."""
        self.blocked = 0
        """Cases that could not be put to the test because something before them in their list failed."""
        self.quiet: list[tuple[float, float]] = []
        """Windows in which nothing may be seen: it holds by absence, so a gap in one leaves it open."""
        self.alone = True
        """Whether the subject of a case can be run again alone; False: it takes somebody else's act as well."""
        self.idle = ""
        """Why it is not judged in this run, because of who keeps still; "": it is."""
