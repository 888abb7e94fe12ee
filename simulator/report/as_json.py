"""Verdicts as JSON, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from simulator.report.ran import Ran

VERSION: Final = 1
"""Grows when a field changes its meaning or goes away; new fields do not count."""


def encode(rans: Sequence[Ran]) -> bytes:
    """One object: `version`, the worst `verdict` of all, and `runs` as in `Ran`; with indentation and a newline.

    A run that ended early is not told as passed, and where nothing was run nothing has passed.
    """
    found = {ran.verdict for ran in rans}
    worst = "fail" if "fail" in found else "pass" if found == {"pass"} else "inconclusive"
    whole = {"version": VERSION, "verdict": worst, "runs": [_as_it_counts(ran) for ran in rans]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _as_it_counts(ran: Ran) -> Ran:
    if ran.verdict == ran.verdicts.verdict:
        return ran
    return msgspec.structs.replace(ran, verdicts=msgspec.structs.replace(ran.verdicts, verdict=ran.verdict))
