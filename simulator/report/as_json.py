"""Verdicts as JSON, for programs: whole files, and the lines that are written while a rehearsal goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from simulator.assertions.verdicts import Finding, Judgement
from simulator.report.network import network
from simulator.report.ran import RECORDED, Ran
from simulator.report.story import told

VERSION: Final = 1
"""Grows when a field changes its meaning or goes away; new fields do not count."""
_BROKEN_OFF: Final = ("terminated", "interrupted", "broken")
"""Ends of a run that have an exit code of their own, the one that counts most first."""


def encode(rans: Sequence[Ran]) -> bytes:
    """One object: `version`, the worst `verdict` of all, and `runs` as in `Ran`; with indentation and a newline.

    A run that ended early is not told as passed: its `verdict` is `broken`, `interrupted` or `terminated`, as the exit
    code says, unless something had failed until then. What was skipped does not count, but where nothing was run
    nothing has passed. A judgement that did not pass has `told` besides its fields: the parts of its failure text, by
    name.
    """
    whole = {"version": VERSION, "verdict": worst(rans), "runs": [as_it_counts(ran) for ran in rans]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def worst(rans: Sequence[Ran]) -> str:
    """The worst of all that were run, in the order of the exit code: what was interrupted or broke says more than a
    verdict, and a failure is worse than not knowing."""
    run = [ran for ran in rans if not ran.skipped]
    found = {ran.verdict for ran in run}
    ends = {ran.end for ran in run if ran.time != RECORDED}
    broken_off = next((end for end in _BROKEN_OFF if end in ends), "")
    return broken_off or ("fail" if "fail" in found else "pass" if found == {"pass"} else "inconclusive")


def told_verdict(ran: Ran) -> str:
    """The verdict that counts, or what its early end is called."""
    return ran.end if ran.was_broken_off and ran.end in _BROKEN_OFF else ran.verdict


def as_it_counts(ran: Ran) -> Mapping[str, Any]:
    """The fields of a run, as objects of JSON; its `verdict` is the one that counts. `network` is the line of the text
    report about the mobile network, where that has one; the numbers are in `verdicts.statistics`."""
    fields: dict[str, Any] = msgspec.to_builtins(ran)
    verdicts = fields["verdicts"]
    verdicts["verdict"] = told_verdict(ran)
    if told_of := network(ran.verdicts):
        fields["network"] = told_of
    for judgement, shown in zip(ran.verdicts.judgements, verdicts["judgements"], strict=True):
        _tell(shown, judgement)
    return fields


# --- lines ------------------------------------------------------------------------------------------------------------


def finding_line(finding: Finding) -> bytes:
    """What was decided against the scenario, the moment it is decided."""
    return _line({"kind": "finding", "finding": {**msgspec.to_builtins(finding), "told": told(finding.details)}})


def decided_line(step: int, judgements: Sequence[Judgement]) -> bytes:
    """How a step stands, the moment all that it promised is decided; its judgements as in the last line.

    A gap that becomes known later may still turn a failure into not knowing: the last line counts.
    """
    shown = msgspec.to_builtins(judgements)
    for fields, judgement in zip(shown, judgements, strict=True):
        _tell(fields, judgement)
    return _line({"kind": "decided", "step": step, "judgements": shown})


def step_line(step: int, words: str, t_s: float) -> bytes:
    """That a step begins, by its number in the scenario, from 0: how far a run had come."""
    return _line({"kind": "step", "step": step, "words": words, "t_s": t_s})


def end_line(ran: Ran) -> bytes:
    """The last line: the run as a whole, as in `encode`."""
    return _line({"kind": "verdicts", "version": VERSION, "run": as_it_counts(ran)})


def _line(fields: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"


def _tell(shown: dict[str, Any], judgement: Judgement) -> None:
    if judgement.verdict != "pass" and judgement.reached:
        shown["told"] = told(judgement.details)
