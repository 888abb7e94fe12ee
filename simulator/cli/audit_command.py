"""`simulator audit`: the invariants, held against a stream that somebody recorded."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from simulator.assertions.verdicts import Verdicts
from simulator.cli.tally import say
from simulator.errors import ExitCode, LocalError, UsageError
from simulator.events import recorded
from simulator.events.files import read_lines
from simulator.events.records import Record
from simulator.report import as_json, text
from simulator.report.ran import RECORDED, Ran

PROMISE = "What was recorded is what the platform promises"
_CODES = {"pass": ExitCode.PASSED, "fail": ExitCode.FAILED, "inconclusive": ExitCode.INCONCLUSIVE}


def audit_file(file: Path, sent: Path | None, without: Sequence[str], json: bool) -> int:
    """Judge a recorded stream, and print the verdict.

    Raises: UsageError, RecordedError: no such file, or a line that cannot be read. LocalError: it cannot be read.
    """
    from simulator.assertions.audit import audit

    started = time.monotonic()
    records, has_sent = read(file, sent)
    verdicts = audit(records, sent=has_sent, without=without, name=str(file), again=_again(file, sent, without))
    ran = Ran(
        promise=PROMISE,
        file=str(file),
        seed=0,
        time=RECORDED,
        target="",
        verdicts=verdicts,
        wall_s=time.monotonic() - started,
        notes=_not_judged(verdicts),
    )
    if json:
        say(as_json.encode([ran]).decode(), sys.stdout)
    else:
        say(text.report(ran, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ), sys.stdout)
    return _CODES[ran.verdict]


def _again(file: Path, sent: Path | None, without: Sequence[str]) -> str:
    words = ["simulator", "audit", str(file)]
    words += [] if sent is None else ["--sent", str(sent)]
    return shlex.join([*words, *(word for name in without for word in ("--without", name))])


def _not_judged(verdicts: Verdicts) -> tuple[str, ...]:
    """What passed only because there was nothing to judge it by, and why: a line for each reason."""
    reasons: dict[str, list[str]] = {}
    for judgement in verdicts.judgements:
        if text.not_judged(judgement):
            name = judgement.check.partition(".")[2]
            reasons.setdefault(judgement.details[0].strip(), []).append(name)
    return tuple(f"{why}: {', '.join(names)}" for why, names in reasons.items())


def read(file: Path, sent: Path | None) -> tuple[Iterator[Record], bool]:
    """The records, one by one, and whether what devices did is among them. Raises: as `audit_file`."""
    head, lines = _lines(file)
    if recorded.is_journal(head[1]):
        if sent is not None:
            raise UsageError(f"{file} is a journal, and what was sent is in it; leave out --sent")
        return recorded.journal(lines, str(file)), True
    names = recorded.Names()
    if sent is None:
        return (record for _, record in recorded.stream(lines, str(file), names, None)), False
    sent_head, sent_lines = _lines(sent)
    if recorded.is_journal(sent_head[1]):
        start_s = float(int(recorded.learn(recorded.journal(sent_lines, str(sent)), names)))
        acts = recorded.acts(recorded.journal(_lines(sent)[1], str(sent)))
    else:
        start_s = recorded.first_time(sent_head, str(sent))
        seen_s = recorded.first_event(_lines(file)[1], str(file))
        start_s = start_s if seen_s is None else min(start_s, seen_s)
        acts = recorded.sent(sent_lines, str(sent), names, start_s)
    return recorded.merged(recorded.blurred(acts), recorded.stream(lines, str(file), names, start_s)), True


def _lines(file: Path) -> tuple[recorded.Line, Iterator[recorded.Line]]:
    """The first line, and all of them."""
    if not file.exists():
        raise UsageError(f"there is no file {file}")
    if file.is_dir():
        raise UsageError(f"{file} is a folder; the journal of a run is journal.jsonl in it")
    lines = read_lines(file)
    first = next(lines, None)
    if first is None:
        raise LocalError(f"{file}: it is empty, so there is nothing to judge")
    return first, chain((first,), lines)
