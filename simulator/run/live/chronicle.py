"""What has happened in a live rehearsal: every record, and who waits for which event.

A test says what it wants while it goes on, so there is no scenario that a judge could be given at the start. The
chronicle stands where the judge stands, keeps the records, and hands them to a real judge when the test is over and
its scenario is known: all acts, all expectations that held. From then on it is that judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulator.assertions.deadlines import Deadlines
from simulator.assertions.gaps import Gaps, gap_words
from simulator.assertions.judge import Judge
from simulator.assertions.matching import Matcher
from simulator.assertions.texts import device_says, nearest, nearest_words
from simulator.assertions.verdicts import Finding, Judgement, Verdicts
from simulator.clock import Clock
from simulator.devices.outcome import Outcome
from simulator.events.records import ActRecord, EventRecord, GapRecord, ReceivedRecord, Record

NEAR: Final = 8
"""So many of the latest events of somebody are looked at for the one that is most alike."""


class _Takers(dict[type, Callable[[Any], None]]):
    """The same taker for records of every kind."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        super().__init__()
        self._take = take

    def __missing__(self, _kind: type) -> Callable[[Any], None]:
        return self._take


class _Wait:
    """Somebody waits for an event that none of those before was."""

    __slots__ = ("future", "matcher", "subject")

    def __init__(self, subject: str, matcher: Matcher, future: asyncio.Future[EventRecord]) -> None:
        self.subject, self.matcher, self.future = subject, matcher, future


class Chronicle:
    """Takes the place of a judge (`run.recorder.Bench`) while a live rehearsal goes on.

    Args:
        aliases: the platform's ids → names; grows while the run goes on.
        judge: makes the judge of the whole story when it is over.
    """

    def __init__(self, clock: Clock, aliases: Mapping[str, str], judge: Callable[[], Judge]) -> None:
        self.takers: Mapping[type, Callable[[Any], None]] = _Takers(self._take)
        self.findings: list[Finding] = []
        self.deadlines = Deadlines()
        self.gaps = Gaps()
        self._clock, self._aliases, self._make_judge = clock, aliases, judge
        self._judge: Judge | None = None
        self._records: list[Record] = []
        self._events: dict[str, list[EventRecord]] = {}
        self._left: dict[str, list[EventRecord]] = {}
        """Of each subject: events that no expectation has had."""
        self._acts: dict[str, ActRecord] = {}
        self._ended: dict[int, list[tuple[ActRecord, bytes | None]]] = {}
        self._carried: dict[str, bytes] = {}
        self._waits: list[_Wait] = []
        self.received: dict[str, list[bytes]] = {}
        """Downstream messages that have reached each subject."""

    # --- where the judge stands ---------------------------------------------------------------------------------------

    def news(self) -> Sequence[Finding]:
        """Nothing is found before the end; then the verdicts have it all."""
        return ()

    @property
    def deadline(self) -> float | None:
        """When time next decides something; what is due is decided first."""
        if self._judge is None:
            return None
        self._judge.expire(self._clock.now())
        return self._judge.deadline

    def expire(self, now: float) -> Sequence[Finding]:
        """Decide what time has decided."""
        if self._judge is not None:
            self._judge.expire(now)
        return ()

    def step_open(self, _step: int) -> bool:
        """Steps of a test have no expectations of their own: the test says `expect`."""
        return False

    def judgements_of(self, _step: int) -> tuple[Judgement, ...]:
        """So none of them is judged by itself."""
        return ()

    def conclude(self) -> None:
        """The test is over, and what it was about is known."""
        self._judge = self._make_judge()
        for record in self._records:
            self._judge.feed(record)

    def finish(self, now: float) -> Verdicts:
        """The run is over."""
        if self._judge is None:
            self.conclude()
        assert self._judge is not None
        return self._judge.finish(now)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        self._records.append(record)
        if self._judge is not None:
            self._judge.feed(record)
        if type(record) is EventRecord:
            if record.judged and record.subject is not None:
                self._see(record, record.subject)
        elif type(record) is ActRecord:
            self._acts[record.subject] = record
            if record.phase == "ended":
                self._ended.setdefault(record.step, []).append((record, self._carried.pop(record.subject, None)))
            else:
                self._carried.pop(record.subject, None)
        elif type(record) is ReceivedRecord:
            self._carried[record.subject] = payload = bytes.fromhex(record.hex)
            self.received.setdefault(record.subject, []).append(payload)
        elif type(record) is GapRecord and not record.observer:
            self.gaps.add(record.from_s, record.to_s, record.why)

    def _see(self, event: EventRecord, subject: str) -> None:
        self._events.setdefault(subject, []).append(event)
        for wait in self._waits:
            if wait.subject == subject and not wait.future.done() and _is(wait.matcher, event):
                wait.future.set_result(event)
                return
        self._left.setdefault(subject, []).append(event)

    # --- what is asked ------------------------------------------------------------------------------------------------

    def outcomes(self, step: int) -> list[tuple[ActRecord, Outcome]]:
        """What the acts of a step have come to, in the order in which they ended."""
        return [
            (act, Outcome(act.outcome, act.detail, carried, act.transmissions))
            for act, carried in self._ended.get(step, ())
        ]

    def matcher(self, source: Any) -> Matcher:
        """A compiled matcher."""
        return Matcher(source, self._aliases)

    async def event(self, subject: str, matcher: Matcher, until_s: float) -> EventRecord | None:
        """The first such event that no expectation has had yet; it is had now. None: none came until then."""
        left = self._left.get(subject, [])
        for number, event in enumerate(left):
            if _is(matcher, event):
                del left[number]
                return event
        wait = _Wait(subject, matcher, asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        try:
            async with asyncio.timeout(max(0.0, until_s - self._clock.now())):
                return await wait.future
        except TimeoutError:
            return None
        finally:
            self._waits.remove(wait)

    def story(self, subject: str, matcher: Matcher) -> tuple[str, str]:
        """What came instead, and what the device itself thinks."""
        seen = self._events.get(subject, [])[-NEAR:]
        best = nearest(matcher, seen)
        said = nearest_words(matcher, best, subject, "another expectation has had it")
        return said, device_says(self._acts.get(subject))

    def blind(self, from_s: float, to_s: float) -> str:
        """Why absence proves nothing in a window; "": it proves what it seems to."""
        gap = self.gaps.overlap(from_s, to_s)
        return "" if gap is None else gap_words(gap)


def _is(matcher: Matcher, event: EventRecord) -> bool:
    return matcher.name == event.name and matcher.accepts(event)
