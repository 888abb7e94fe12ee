"""Verdicts as lines for people: whatever did not hold tells its whole story, the rest is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulator.assertions.verdicts import Finding, Judgement, Kind, Verdict, Verdicts
from simulator.report.ran import Ran

WORDS: Final[dict[Verdict, str]] = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}

_COLOURS: Final[dict[Verdict, str]] = {"pass": "\x1b[32m", "fail": "\x1b[31m", "inconclusive": "\x1b[33m"}
_PLAIN: Final = "\x1b[0m"
_NOUNS: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("expectation", "expectation", "expectations"),
    ("outcome", "outcome", "outcomes"),
    ("trouble", "trouble", "troubles"),
    ("invariant", "invariant", "invariants"),
)
_GAPS_TOLD: Final = 3


def report(ran: Ran, *, colour: bool = False) -> str:
    """One rehearsal: a line, the stories of what did not hold, and the counts."""
    verdicts = ran.verdicts
    lines = [f"{_word(verdicts.verdict, colour)}  {ran.file}  {_clean(ran.promise)}"]
    for verdict in ("fail", "inconclusive"):
        for judgement in verdicts.judgements:
            if judgement.verdict == verdict and judgement.reached:
                lines += _story(judgement, colour)
    lines.append(f"      {_counts(verdicts)}")
    lines += [
        f"      the observer may have been blind from {gap.from_s:.3f} s to {gap.to_s:.3f} s: {_clean(gap.why)}"
        for gap in verdicts.gaps[:_GAPS_TOLD]
        if gap.to_s is not None
    ]
    if len(verdicts.gaps) > _GAPS_TOLD:
        lines.append(f"      and {len(verdicts.gaps) - _GAPS_TOLD} more times")
    if verdicts.cut:
        lines.append(f"      {_clean(verdicts.cut)}")
    lines.append(f"      {_thousands(verdicts.acts)} acts, {_thousands(verdicts.events)} events; {_times(ran)}")
    if ran.journal and verdicts.verdict != "pass":
        lines.append(f"      journal: {ran.journal}")
    lines += [f"      {_clean(note)}" for note in ran.notes]
    return "\n".join(lines) + "\n"


def finding(what: Finding, *, colour: bool = False) -> str:
    """One finding, while the run goes on."""
    head = f"{_word(what.verdict, colour)}  {what.place}  {_clean(what.headline)}"
    return "\n".join((head, *map(_clean, what.details))) + "\n"


def summary(rans: Sequence[Ran], wall_s: float, *, colour: bool = False) -> str:
    """The last line of all: how many came out how, and how long it took."""
    parts = []
    for verdict, noun in (("pass", "passed"), ("fail", "failed"), ("inconclusive", "inconclusive")):
        count = sum(ran.verdicts.verdict == verdict for ran in rans)
        if count or verdict == "pass":
            text = f"{count} {noun}"
            parts.append(f"{_COLOURS[verdict]}{text}{_PLAIN}" if colour and count else text)  # type: ignore[index]
    simulated = sum(ran.verdicts.until_s for ran in rans if ran.time == "virtual")
    tail = f", {duration(simulated)} simulated" if simulated else ""
    return f"{', '.join(parts)} of {len(rans)} in {wall_s:.1f} s{tail}\n"


def duration(seconds: float) -> str:
    """`24 h 0 min`, `2 min 10 s`, `3.2 s`.

    >>> duration(86400), duration(130), duration(3.21)
    ('24 h 0 min', '2 min 10 s', '3.2 s')
    """
    if seconds >= 3600:
        minutes = int(seconds) // 60
        return f"{minutes // 60} h {minutes % 60} min"
    if seconds >= 60:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{seconds:.1f} s"


def _story(judgement: Judgement, colour: bool) -> list[str]:
    head = f"{_word(judgement.verdict, colour)}  {judgement.place}  {_clean(judgement.headline or judgement.words)}"
    return [head, *map(_clean, judgement.details)]


def _counts(verdicts: Verdicts) -> str:
    """`4 of 5 expectations, 2 outcomes and 8 invariants held`; troubles are only ever told of when there are any."""
    parts = []
    for kind, one, many in _NOUNS:
        held = verdicts.count("pass", kind)
        total = held + verdicts.count("fail", kind) + verdicts.count("inconclusive", kind)
        if not total or kind == "trouble":
            continue
        noun = one if total == 1 else many
        parts.append(f"{total} {noun}" if held == total else f"{held} of {total} {noun}")
    if not parts:
        return "nothing was asked for"
    return f"{' and '.join([', '.join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]} held"


def _times(ran: Ran) -> str:
    until_s = ran.verdicts.until_s
    if ran.time != "virtual":
        return f"{duration(ran.wall_s)}, seed {ran.seed}"
    return f"{duration(until_s)} simulated in {duration(ran.wall_s)}, seed {ran.seed}"


def _word(verdict: Verdict, colour: bool) -> str:
    return f"{_COLOURS[verdict]}{WORDS[verdict]}{_PLAIN}" if colour else WORDS[verdict]


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _clean(text: str) -> str:
    """What came from outside must not steer a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
