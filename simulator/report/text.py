"""Verdicts as lines for people: whatever did not hold tells its whole story, the rest is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulator.assertions.verdicts import Finding, Gap, Judgement, Kind, Verdict, Verdicts
from simulator.report.network import network
from simulator.report.ran import RECORDED, Ran

WORDS: Final[dict[Verdict, str]] = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
SKIP: Final = "SKIP"
_COLOURS: Final[dict[Verdict, str]] = {"pass": "\x1b[32m", "fail": "\x1b[31m", "inconclusive": "\x1b[33m"}
_PLAIN: Final = "\x1b[0m"
_NOUNS: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("expectation", "expectation", "expectations"),
    ("outcome", "outcome", "outcomes"),
    ("trouble", "trouble", "troubles"),
    ("invariant", "invariant", "invariants"),
)
_VERDICT_NOUNS: Final[tuple[tuple[Verdict, str], ...]] = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("inconclusive", "inconclusive"),
)
_GAPS_TOLD: Final = 3


def report(ran: Ran, *, colour: bool = False) -> str:
    """One rehearsal: a line, the stories of what did not hold, and the counts."""
    verdicts = ran.verdicts
    if ran.skipped:
        head = f"{_coloured(SKIP, 'inconclusive', colour)}  {ran.file}  {_clean(ran.promise)}"
        return f"{head}\n      {_clean(ran.skipped)}\n"
    word = _coloured(ran.end.upper(), "inconclusive", colour)
    if ran.was_broken_off:
        lines = [f"{word}  {ran.file}  {_clean(ran.promise)}", f"      {_clean(verdicts.cut)}"]
    else:
        lines = [f"{_word(ran.verdict, colour)}  {ran.file}  {_clean(ran.promise)}"]
        lines += [f"{word}  {ran.file}  {_clean(verdicts.cut)}"] if verdicts.cut else []
    # What an early end has left open, it explains once for all of it.
    told: tuple[Verdict, ...] = ("fail",) if verdicts.cut else ("fail", "inconclusive")
    for verdict in told:
        for judgement in verdicts.judgements:
            if judgement.verdict == verdict and judgement.reached:
                lines += _story(judgement, colour)
    lines.append(f"      {_counts(verdicts)}")
    lines += [f"      {_clean(line)}" for line in blindness(verdicts.gaps)]
    if told_of := network(verdicts):
        lines.append(f"      network: {_clean(told_of)}")
    lines.append(f"      {_counted(verdicts.acts, 'act')}, {_counted(verdicts.events, 'event')}; {_times(ran)}")
    if ran.journal and ran.verdict != "pass":
        lines.append(f"      journal: {ran.journal}")
    lines += [f"      {_clean(note)}" for note in ran.notes]
    return "\n".join(lines) + "\n"


def finding(what: Finding, *, colour: bool = False) -> str:
    """One finding, while the run goes on."""
    head = f"{_word(what.verdict, colour)}  {what.place}  {_clean(what.headline)}"
    return "\n".join((head, *map(_clean, what.details))) + "\n"


def summary(rans: Sequence[Ran], wall_s: float, *, colour: bool = False) -> str:
    """The last line of all: how many came out how, and how long it took."""
    run = [ran for ran in rans if not ran.skipped]
    decided: list[Verdict] = [ran.verdict for ran in run if not ran.without_verdict]
    parts = []
    for verdict, noun in _VERDICT_NOUNS:
        count = decided.count(verdict)
        if count or verdict == "pass":
            parts.append(_coloured(f"{count} {noun}", verdict, colour and count > 0))
    if len(rans) > len(run):
        parts.append(_coloured(f"{len(rans) - len(run)} skipped", "inconclusive", colour))
    if len(run) > len(decided):
        parts.append(_coloured(f"{len(run) - len(decided)} without a verdict", "inconclusive", colour))
    simulated = sum(ran.verdicts.until_s for ran in rans if ran.time == "virtual")
    tail = f", {duration(simulated)} simulated" if simulated else ""
    return f"{', '.join(parts)} of {len(rans)} in {duration(wall_s)}{tail}\n"


def blindness(gaps: Sequence[Gap]) -> list[str]:
    """When the observer may have missed something, a line each for the first few."""
    lines = [
        f"the observer may have been blind from {gap.from_s:.3f} s to {gap.to_s:.3f} s: {gap.why}"
        for gap in gaps[:_GAPS_TOLD]
        if gap.to_s is not None
    ]
    if len(gaps) > _GAPS_TOLD:
        lines.append(f"and {len(gaps) - _GAPS_TOLD} more times")
    return lines


def duration(seconds: float) -> str:
    """`24 h 0 min`, `2 min 10 s`, `3.2 s`.

    >>> duration(86400), duration(130), duration(3.21)
    ('24 h 0 min', '2 min 10 s', '3.2 s')
    """
    if seconds >= 3600:
        minutes = int(seconds) // 60
        return f"{minutes // 60} h {minutes % 60} min"
    if seconds >= 59.95:  # would be rounded to 60.0 s
        seconds = max(seconds, 60.0)
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{seconds:.1f} s"


def _story(judgement: Judgement, colour: bool) -> list[str]:
    head = f"{_word(judgement.verdict, colour)}  {judgement.place}  {_clean(judgement.headline or judgement.words)}"
    return [head, *map(_clean, judgement.details)]


def _counts(verdicts: Verdicts) -> str:
    """`4 of 5 expectations, 2 outcomes and 8 invariants held`; troubles are only ever told of when there are any."""
    parts = []
    if verdicts.cut and all(judgement.verdict == "inconclusive" for judgement in verdicts.judgements):
        return "nothing was decided"
    idle = sum(not_judged(judgement) for judgement in verdicts.judgements)
    unreached = sum(judgement.kind == "invariant" and not judgement.reached for judgement in verdicts.judgements)
    unjudged = idle + unreached
    for kind, one, many in _NOUNS:
        held, total = verdicts.count("pass", kind), sum(judgement.kind == kind for judgement in verdicts.judgements)
        if kind == "invariant":
            held, total = held - idle, total - unjudged
        if not total or kind == "trouble":
            continue
        noun = one if total == 1 else many
        parts.append(f"{total} {noun}" if held == total else f"{held} of {total} {noun}")
    which = ("invariant " if unjudged == 1 else "invariants ") if unreached else ""
    whole = " to the end" if unreached else ""
    others = f"; {unjudged} {which}{'was' if unjudged == 1 else 'were'} not judged{whole}" if unjudged else ""
    if not parts:
        return f"nothing was {'decided' if verdicts.cut or others else 'asked for'}{others}"
    return f"{' and '.join([', '.join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]} held{others}"


def not_judged(judgement: Judgement) -> bool:
    """Whether an invariant passed only because there was nothing to judge it by; the reason is its details."""
    return judgement.kind == "invariant" and judgement.verdict == "pass" and bool(judgement.details)


def _times(ran: Ran) -> str:
    until_s = ran.verdicts.until_s
    if ran.time == RECORDED:
        return f"{duration(until_s)} judged in {duration(ran.wall_s)}"
    if ran.time != "virtual":
        return f"{duration(ran.wall_s)}, seed {ran.seed}"
    return f"{duration(until_s)} simulated in {duration(ran.wall_s)}, seed {ran.seed}"


def _word(verdict: Verdict, colour: bool) -> str:
    return _coloured(WORDS[verdict], verdict, colour)


def _coloured(words: str, verdict: Verdict, colour: bool) -> str:
    return f"{_COLOURS[verdict]}{words}{_PLAIN}" if colour else words


def _counted(count: int, noun: str) -> str:
    return f"{thousands(count)} {noun}{'' if count == 1 else 's'}"


def thousands(count: int) -> str:
    """In groups of three, the way all that is printed does it.

    >>> thousands(144512)
    '144 512'
    """
    return f"{count:,}".replace(",", " ")


def _clean(text: str) -> str:
    """What came from outside must not steer a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
