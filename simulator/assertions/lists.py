"""One list of a step for one subject and one repetition, and why it was not seen whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check
from simulator.assertions.matching import Matcher
from simulator.events.records import EventRecord

Entry = tuple[int, Matcher, Check]
Pattern = tuple[Entry, ...]


class Missed(Protocol):
    """Who is told when the time of a list is over."""

    def missed(self, waiting: Waiting, now: float) -> None:
        """It was not seen whole."""


class Waiting:
    """One list for one subject and one repetition."""

    __slots__ = (
        "act_ended_s",
        "before",
        "began_s",
        "deadline_s",
        "early",
        "latest",
        "machine",
        "n",
        "near",
        "pattern",
        "position",
        "since_s",
        "subject",
    )

    def __init__(self, machine: Missed, subject: str, n: int, pattern: Pattern, began_s: float) -> None:
        self.machine, self.subject, self.n, self.pattern, self.began_s = machine, subject, n, pattern, began_s
        self.position = 0
        self.act_ended_s = self.deadline_s = FOREVER
        self.near: EventRecord | None = None
        """The latest event of the right name that was not the one."""
        self.early: tuple[EventRecord, Matcher] | None = None
        """The latest that was one, but before all had seen what one order over all puts first: that."""
        self.latest: EventRecord | None = None
        """The latest event that was one."""
        self.before: EventRecord | None = None
        """What its subject had seen last when the list was begun."""
        self.since_s = began_s
        """From here on a missed event may be why this list lacks one: an older list may have lived on this one's."""

    @property
    def open(self) -> bool:
        return self.position < len(self.pattern)

    def expire(self, now: float) -> None:
        self.machine.missed(self, now)


def story(
    waiting: Waiting, verb: str, within_s: float, recent: Iterable[EventRecord], instead: str = ""
) -> tuple[str, ...]:
    """Why a list was not seen whole.

    Args:
        verb: what began when the list did.
        within_s: how long it had from the end of that.
        recent: what its subject saw last.
        instead: of whom else the event was seen, in words; told unless its subject saw one of that name.
    """
    since = f"{verb} number {waiting.n + 1}" if waiting.n else verb
    lines = [
        f"waited {texts.moment(within_s)} from {since} at {texts.moment(waiting.act_ended_s)}; "
        f"{_nearest(waiting, verb, list(recent), instead)}"
    ]
    if waiting.position:
        seen = ", ".join(texts.matcher(matcher.source) for _, matcher, _ in waiting.pattern[: waiting.position])
        lines.append(f"before it in the list, and seen: {seen}")
    return tuple(lines)


def _nearest(waiting: Waiting, verb: str, seen: list[EventRecord], instead: str) -> str:
    wanted = waiting.pattern[waiting.position][1]
    if waiting.near is not None:
        seen.append(waiting.near)
    best = texts.nearest(wanted, seen)
    if instead and (best is None or best.name != wanted.name):
        return instead
    why = "" if best is None else _no_use(waiting, verb, best, seen)
    return texts.nearest_words(wanted, best, waiting.subject, why)


def _no_use(waiting: Waiting, verb: str, best: EventRecord, seen: list[EventRecord]) -> str:
    """Why an event that is as asked for did not count."""
    if waiting.early is not None and waiting.early[0] is best:
        lacking = texts.matcher(waiting.early[1].source)
        return f"not all had seen {lacking} by then, and the file asks for one order over all"
    place = _index(seen, best)
    if best.rx_s < waiting.began_s or place <= _index(seen, waiting.before):
        return f"before {verb} began at {texts.moment(waiting.began_s)}"
    latest = waiting.latest
    if latest is None or place > _index(seen, latest):
        return "it stands for another repetition, or for another step"
    if best is latest or any(
        m.name == best.name and m.accepts(best) for _, m, _ in waiting.pattern[: waiting.position]
    ):
        return "it stands for another expectation of the list"
    return f"before {texts.event(latest)}, which the list puts first"


def _index(seen: list[EventRecord], event: EventRecord | None) -> int:
    """Where it is among what was seen, by identity; -1: not any more."""
    return next((index for index, other in enumerate(seen) if other is event), -1)
