"""Verdicts as JSON, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from simulator.report.ran import Ran

VERSION: Final = 1
"""Grows when a field changes its meaning or goes away; new fields do not count."""


def encode(rans: Sequence[Ran]) -> bytes:
    """One object: `version`, the worst `verdict` of all, and `runs` as in `Ran`; with indentation and a newline."""
    found = {ran.verdicts.verdict for ran in rans}
    worst = "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"
    whole = {"version": VERSION, "verdict": worst, "runs": list(rans)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"
