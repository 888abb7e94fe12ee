"""Right or wrong, under load: what the ledgers found, what was expected, and whether the test could tell at all.

Of several verdicts the one before goes first, and the findings name all of it:

    broken         the test could not be carried out: the platform is not there, or a defect of ours
    invalid        the generator was the limit, so that no figure says anything about the platform
    fail           the platform did something wrong, or an expectation does not hold
    inconclusive   nobody looked: a stream was blind, a worker died, there is no data
    pass
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from simulator.errors import ExitCode
from simulator.load.expect import Expectation
from simulator.load.measures import requests, sent, thousands
from simulator.load.meters import FAILED, REQUESTS
from simulator.load.totals import Merged, split

Word = Literal["pass", "fail", "inconclusive", "invalid", "broken"]

EXIT_CODES: Final[dict[Word, int]] = {
    "pass": ExitCode.PASSED,
    "fail": ExitCode.FAILED,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "invalid": ExitCode.GENERATOR,
    "broken": ExitCode.BROKEN,
}
_ORDER: Final[tuple[Word, ...]] = ("broken", "invalid", "fail", "inconclusive")
ENTRIES: Final = ("attach", "connect")
"""What devices do before anything else."""
_OF_UPLOADS: Final = ("unanswered", "refused", "answered", "delivered", "missing")
"""Thresholds that say how many uploads may fail."""
_LOST_TOLD: Final = 5
_TOLD: Final = 20
"""Troubles and gaps that are told one by one; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the workers' tallies do not say."""

    title: str = "load test"
    target: str = ""
    """In words, without secrets."""
    seed: int = 0
    about: Mapping[str, str] = field(default_factory=dict)
    """What a reader of the report may want to know besides: versions, when it began, the scenario, the defect."""
    elapsed_s: float = 0.0
    over: bool = True
    """Whether everything has settled; before, what is open may still turn out well."""
    bare: bool = False
    """Whether there is no platform that emits events."""
    broken: tuple[str, ...] = ()
    """Why the test could not go on."""
    invalid: tuple[str, ...] = ()
    """Why the generator was the limit."""
    failed: tuple[str, ...] = ()
    """What else makes it fail: the test was stopped for its errors."""
    blind: tuple[str, ...] = ()
    """What else makes it inconclusive."""
    notes: tuple[str, ...] = ()
    """What the reader should know, and which changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of an expectation."""

    text: str
    found: str
    holds: bool | None
    """None: there is no data, or nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadVerdict:
    """Of the whole test, or of the test so far."""

    word: Word
    findings: tuple[str, ...]
    """All that speaks against a pass, gravest first."""
    expectations: tuple[Held, ...]

    @property
    def exit_code(self) -> int:
        """What the process returns."""
        return EXIT_CODES[self.word]


def judge(merged: Merged, expectations: Sequence[Expectation], facts: Facts) -> LoadVerdict:
    """The verdict on what has been told so far; `facts.over` says that nothing will be told any more."""
    held = tuple(_held(each, merged) for each in expectations)
    findings: dict[Word, list[str]] = {
        "broken": [f"the test was broken off: {why}" for why in facts.broken],
        "invalid": [f"the generator was the limit: {why}" for why in facts.invalid],
        "fail": [*_wrong(merged), *_failed(merged, expectations), *_raised(merged), *facts.failed],
        "inconclusive": [*_unseen(merged), *facts.blind],
    }
    if facts.over and not facts.broken:
        findings["fail"] += _nothing(merged, facts)
        graver, why = _absent(merged, expectations)
        findings[graver] += why
    if facts.over:
        findings["inconclusive"] += _unsettled(merged)
    for expectation, each in zip(expectations, held, strict=True):
        if each.holds is False and (facts.over or not expectation.patient):
            findings["fail"].append(f"expected {each.text}: {each.found}")
        elif each.holds is None and facts.over:
            findings["inconclusive"].append(f"expected {each.text}: {each.found}")
    word: Word = next((word for word in _ORDER if findings[word]), "pass")
    return LoadVerdict(word=word, findings=tuple(why for each in _ORDER for why in findings[each]), expectations=held)


def _wrong(merged: Merged) -> Iterator[str]:
    """What must never be, without being asked."""
    counts = merged.uploads
    if counts.lost:
        yield f"{_uploads(counts.lost)} taken by the platform, and no event came (lost)"
        yield from (f"  {line}" for line in merged.lost[:_LOST_TOLD])
    if counts.duplicated:
        yield f"{_events(counts.duplicated)} came without an upload of their own (duplicated)"
    if counts.disordered:
        yield f"{_events(counts.disordered)} came after that of a later upload of the same device (disordered)"
    if counts.resized:
        yield f"{_events(counts.resized)} told of a size that was never sent (resized)"
    yield from _first(f"{trouble} ({number}×)" for trouble, number in sorted(merged.troubles.items()) if number)


def _failed(merged: Merged, expectations: Sequence[Expectation]) -> Iterator[str]:
    """Acts that failed, unless somebody has said how many of them may."""
    failed = sorted(name for name, number in merged.counters.items() if name.startswith(FAILED) and number)
    for act in dict.fromkeys(split(name.removeprefix(FAILED), merged.groups)[0] for name in failed):
        about = {act} | ({*_OF_UPLOADS} if act == "upload" else set())
        if not any(_speaks_of(each.about, about) for each in expectations):
            number, of = requests(merged, act, prefix=FAILED), requests(merged, act)
            yield f"{act}: {thousands(number)} of {thousands(of)} failed (--expect 'failed {act} < 1 %' allows some)"


def _speaks_of(about: str, names: Collection[str]) -> bool:
    """Whether a threshold is about failures of these: `failed upload`, `failed upload meters`, `unanswered`."""
    words = about.removeprefix(FAILED)
    return words.split(" ")[0] in names and (about.startswith(FAILED) or words.split(" ")[0] in _OF_UPLOADS)


def _raised(merged: Merged) -> Iterator[str]:
    """Defects of the locustfile."""
    yield from _first(f"a task raised {what} ({number}×)" for what, number in sorted(merged.errors.items()))


def _absent(merged: Merged, expectations: Sequence[Expectation]) -> tuple[Word, list[str]]:
    """Devices that are not there, unless somebody has said how many may be missing."""
    missing = merged.planned - merged.joined
    if missing <= 0 or any(each.about.split(" ")[0] == "joined" for each in expectations):
        return "fail", []
    told = f"{thousands(missing)} of {thousands(merged.planned)} devices"
    if any(requests(merged, act, prefix=FAILED) for act in ENTRIES):
        return "fail", [f"{told} did not get in (--expect 'joined >= 99 %' allows some)"]
    return "inconclusive", [f"the test ended before {told} had joined"]


def _unseen(merged: Merged) -> Iterator[str]:
    """Where nobody looked."""
    yield from _first(f"events may have been missed: {gap}" for gap in merged.gaps)
    for worker in merged.workers:
        if worker.died and worker.sent:
            yield f"worker {worker.index} died: {_uploads(worker.open)} open, and its last moments nobody knows"


def _unsettled(merged: Merged) -> Iterator[str]:
    """Who has said nothing final, although the test is over."""
    for worker in merged.workers:
        if not worker.final and not worker.died and worker.sent:
            yield f"worker {worker.index} was not waited for: {_uploads(worker.open)} open"


def _nothing(merged: Merged, facts: Facts) -> Iterator[str]:
    """A test in which nothing worked must not pass, whatever was expected of it."""
    ended, failed = requests(merged), requests(merged, prefix=FAILED)
    if not sent(merged) and _uploads_meant(merged):
        yield "no upload was sent"
    elif not sent(merged) and not ended:
        yield "nothing was done: no device has sent anything"
    elif not sent(merged) and ended == sum(requests(merged, act) for act in ENTRIES) <= merged.planned:
        yield "nothing was done after the devices had joined"
    elif ended and failed == ended:
        yield f"all of {thousands(ended)} requests failed"
    elif merged.uploads.sent and not merged.uploads.delivered and not merged.blind and not facts.bare:
        yield f"none of {_uploads(merged.uploads.sent)} was seen as an event"
    if merged.planned and not merged.joined and ended == failed:
        yield f"none of {thousands(merged.planned)} devices got in"


def _held(expectation: Expectation, merged: Merged) -> Held:
    holds, found = expectation.holds(merged)
    return Held(text=expectation.text, found=found, holds=holds)


def _uploads_meant(merged: Merged) -> bool:
    return any(name == f"{REQUESTS}upload" or name.startswith(f"{REQUESTS}upload ") for name in merged.counters)


def _first(lines: Iterator[str]) -> Iterator[str]:
    every = list(lines)
    yield from every[:_TOLD]
    if len(every) > _TOLD:
        yield f"and {len(every) - _TOLD} more such lines"


def _uploads(number: int) -> str:
    return f"{thousands(number)} upload{'' if number == 1 else 's'}"


def _events(number: int) -> str:
    return f"{thousands(number)} event{'' if number == 1 else 's'}"
