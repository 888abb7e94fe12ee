"""Judge a recorded stream without a run: its trouble, and the invariants that can be decided from what is there.

Nothing is known of the platform but what the records say. A recording may begin in the middle of a session, devices may
be older than it, and others may act as well. So only what is certain is held against it, and what cannot be judged is
named. A whole journal says more: it begins with what was run, and has every act.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from simulator.assertions.invariants import INVARIANTS
from simulator.assertions.judge import Judge
from simulator.assertions.verdicts import Judgement, Verdicts, worst
from simulator.assertions.world import Known
from simulator.errors import Place
from simulator.events.records import EndRecord, EventRecord, GapRecord, Record, RunRecord, SeenRecord, StepRecord
from simulator.scenario.model import Scenario, Subject

NEEDS_ACTS: Final = frozenset({"upload-once", "act-once", "mismatch-once", "downstream-oldest-first"})
"""Invariants that hold events against what was done."""

NEEDS_SCENARIO: Final = frozenset(
    {
        "known-owner",
        "right-collection",
        "received-shown",
        "same-for-all",
        "stream-complete",
        "session-ends-once",
        "login-told",
        "handshake-told",
        "session-kept",
        "session-ended",
        "blob-once",
    }
)
"""Invariants that must know who takes part, where, over what, and from when on."""

_NO_ACTS: Final = "not judged: what was sent is not known"
_NO_SCENARIO: Final = "not judged: who should take part is not known"
_NOT_IN_JOURNAL: Final = "not judged: it needs the scenario, which is not in a journal"
_NO_END: Final = "the recording ends before the run did"
_NO_HEAD: Final = "the recording begins after the run did"


def audit(
    records: Iterable[Record],
    *,
    sent: bool,
    without: Sequence[str] = (),
    name: str = "recording",
    again: str = "simulator audit",
) -> Verdicts:
    """Judge records in their order.

    Args:
        records: what a stream carried, and what was sent if that is known; or a whole journal. What belongs to a
            scenario's own expectations is passed over.
        sent: whether the acts are among them. Without, the invariants that need them are left out.
        without: names of invariants and troubles that are switched off.
        name: what to call the recording, where a report names a file.
        again: command line that repeats it.
    Returns: the verdict. What is not judged passes, with the reason as the details of its judgement.
    """
    stream = iter(records)
    first = next(stream, None)
    whole = isinstance(first, RunRecord)
    judge, not_judged = _judge(sent, whole, without, name, again)
    now, ours, end = 0.0, whole, None
    record: Record | None = first
    while record is not None:
        ours = ours or isinstance(record, StepRecord | EndRecord)
        end = record if isinstance(record, EndRecord) else end
        if isinstance(record, EventRecord):
            record = _named(record)
        if not isinstance(record, SeenRecord | StepRecord) and not (isinstance(record, GapRecord) and record.observer):
            judge.feed(record)
            now = max(now, _time(record))
        record = next(stream, None)
    if whole and end is not None and end.why == "done":
        # A run ends when nothing is under way any more: what is lacking then does not come.
        while (deadline := judge.deadline) is not None:
            judge.expire(deadline)
    # Any other recording that ends is no proof that what was under way would not have come.
    verdicts = _with(judge.finish(now), not_judged, name)
    cut = "" if not ours else _NO_HEAD if not whole else _NO_END if end is None else ""
    return _cut(verdicts, cut, name) if cut else verdicts


def _judge(
    sent: bool, whole: bool, without: Sequence[str], name: str, again: str
) -> tuple[Judge, list[tuple[str, str, str]]]:
    """The judge, and what it leaves out: name, words and why."""
    off = tuple(dict.fromkeys(without))
    not_judged = []
    for invariant in INVARIANTS:
        why = ""
        if invariant.name in NEEDS_SCENARIO:
            why = _NOT_IN_JOURNAL if whole else _NO_SCENARIO
        elif invariant.name in NEEDS_ACTS and not sent:
            why = _NO_ACTS
        if why and invariant.name not in off:
            not_judged.append((invariant.name, invariant.words, why))
    scenario = Scenario(promise=name, place=Place(name), allow=tuple(off))
    known = Known(acts=sent, all_acts=sent and whole, devices=False)
    left_out = [*off, *(name for name, _, _ in not_judged)]
    return Judge(scenario, {}, _nobody, {}, again, left_out, known, alone=False), not_judged


def _nobody(_: Subject) -> tuple[str, ...]:
    return ()


def _named(event: EventRecord) -> EventRecord:
    """An event under the names that the platform gives its device and its collection, if they have no other."""
    subject, collection = event.subject, event.collection
    if subject is None:
        subject = _text(event.raw.get("deviceId", event.raw.get("gatewayId")))
    if collection is None:
        collection = _text(event.raw.get("collectionId"))
    return msgspec.structs.replace(event, subject=subject, collection=collection)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(record: Record) -> float:
    if isinstance(record, EndRecord):
        return record.t_s
    return float(getattr(record, "t_s", getattr(record, "rx_s", 0.0)))


def _cut(verdicts: Verdicts, why: str, name: str) -> Verdicts:
    """The verdicts on a journal of which a part is missing: whatever it was, it cannot be judged."""
    judgement = Judgement(
        check="recording",
        kind="invariant",
        place=Place(name),
        words="is the whole of its run",
        verdict="inconclusive",
        concerned=1,
        headline=why,
    )
    judgements = (*verdicts.judgements, judgement)
    return msgspec.structs.replace(verdicts, judgements=judgements, verdict=worst(judgements), cut=verdicts.cut or why)


def _with(verdicts: Verdicts, not_judged: list[tuple[str, str, str]], name: str) -> Verdicts:
    """The verdicts, and what was not judged among them, in the order of the register."""
    place = Place(name)
    order = {f"invariant.{invariant.name}": index for index, invariant in enumerate(INVARIANTS)}
    more = [
        Judgement(
            check=f"invariant.{which}",
            kind="invariant",
            place=place,
            words=words,
            verdict="pass",
            details=(f"      {why}",),
        )
        for which, words, why in not_judged
    ]
    judgements = sorted((*verdicts.judgements, *more), key=lambda one: order.get(one.check, len(order)))
    return msgspec.structs.replace(verdicts, judgements=tuple(judgements))
