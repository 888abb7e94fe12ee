"""Everything that happens goes through here once: into the journal, and past the judge.

The judge is asked again when time alone decides something; the recorder keeps one timer for that. However fast virtual
time passes, what happened is handed on at least once a second of the wall's, so a run that is killed keeps nearly all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from simulator.assertions.deadlines import Deadlines
from simulator.assertions.verdicts import Finding, Judgement, Verdicts
from simulator.clock import Clock, Timers, WallClock
from simulator.devices.outcome import Outcome
from simulator.events.journal import Journal
from simulator.events.records import ActRecord, EndRecord, EventRecord, ReceivedRecord, Record, StepRecord
from simulator.run.watch import Watch

__all__ = ["Bench", "Recorder", "Watch"]


class Bench(Protocol):
    """Who judges what is recorded: a judge (`assertions.judge.Judge`), or who stands in its place."""

    @property
    def takers(self) -> Mapping[type, Callable[[Any], None]]:
        """What takes each kind of record."""

    @property
    def findings(self) -> list[Finding]:
        """Decided and not told yet; always the same list."""

    @property
    def deadlines(self) -> Deadlines:
        """What time decides; its `soonest` is looked at after each record."""

    @property
    def deadline(self) -> float | None:
        """Earliest run time at which something is decided by time."""

    def news(self) -> Sequence[Finding]:
        """Hand on what was decided, and forget it."""

    def expire(self, now: float) -> Sequence[Finding]:
        """Decide what time has decided. Returns: as `news`."""

    def step_open(self, step: int) -> bool:
        """Whether something of a step is undecided."""

    def judgements_of(self, step: int) -> tuple[Judgement, ...]:
        """How the checks of a step that is decided stand."""

    def finish(self, now: float) -> Verdicts:
        """The run is over."""


_PROGRESS_EVERY = 128
"""Acts, or events, after which somebody is told, and the wall clock is looked at."""
FLUSH_EVERY_S = 0.5
"""Of the wall's time."""


class Recorder:
    """The one way into the journal. Also what devices tell their acts to (`devices.deeds.Recorder`)."""

    def __init__(self, journal: Journal, judge: Bench, clock: Clock, timers: Timers, watch: Watch) -> None:
        self._judge, self._now, self._timers, self._watch = judge, clock.now, timers, watch
        self._write, self._takers = journal.write, judge.takers
        self._findings, self._deadlines = judge.findings, judge.deadlines
        self.flush = journal.flush
        """Hand on what was written: a run that is killed keeps it."""
        self.timers = 0
        """How many entries of the calendar are the recorder's own."""
        self._wall_s = WallClock().now
        self._flushed_s = 0.0
        self._armed_s = float("inf")
        self._ended = False
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.acts = 0
        self.events = 0
        self.last_event_s = 0.0

    def put(self, record: Record) -> None:
        """Write one record down and judge it. After the end nothing is: cleaning up is no part of the story."""
        if self._ended:
            return
        self._write(record)
        self._takers[type(record)](record)
        if self._findings or self._waiting or self._deadlines.soonest < self._armed_s:
            self._after(self._judge.news())
        if type(record) is EventRecord:
            self.events += 1
            self.last_event_s = record.rx_s
            if not self.events % _PROGRESS_EVERY:
                self.breathe()

    def end(self, why: str) -> None:
        """The story is over."""
        try:
            self.put(EndRecord(t_s=self._now(), why=why))
        finally:
            self._ended = True

    def breathe(self) -> None:
        """Called now and then: hand on what was written, if that was not done lately."""
        wall_s = self._wall_s()
        if wall_s - self._flushed_s >= FLUSH_EVERY_S:
            self._flushed_s = wall_s
            self.flush()

    async def decided(self, step: int) -> None:
        """Wait until all expectations of a step are decided."""
        if self._judge.step_open(step):
            future = self._waiting[step] = asyncio.get_running_loop().create_future()
            try:
                await future
            finally:
                self._waiting.pop(step, None)

    def tell(self, step: int) -> None:
        """How a step stands that is decided is said at once: whoever ends the run, that much is known."""
        judgements = self._judge.judgements_of(step)
        if judgements:
            self._watch.decided(step, judgements)

    def _after(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._watch.finding(finding)
        deadline = self._judge.deadline
        if deadline is not None and deadline < self._armed_s:
            self._armed_s = deadline
            self.timers += 1
            self._timers.at(deadline, self._expire, deadline)
        for step, future in self._waiting.items():
            if not future.done() and not self._judge.step_open(step):
                future.set_result(None)

    def _expire(self, armed_s: float, now: float) -> None:
        self.timers -= 1
        if armed_s == self._armed_s:  # else an earlier deadline came in between, and this one is asked for again
            self._armed_s = float("inf")
            self._after(self._judge.expire(now))

    # --- what devices tell --------------------------------------------------------------------------------------------

    def step(self, step: int, phase: Literal["began", "acted", "ended"]) -> None:
        """A step began, acted or ended."""
        self.put(StepRecord(step=step, phase=phase, t_s=self._now()))
        self.flush()

    def began(self, step: int, verb: str, subject: str, n: int, size: int) -> None:
        """An act begins."""
        now = self._now()
        self.put(ActRecord(step=step, verb=verb, subject=subject, n=n, phase="began", t_s=now, size=size))

    def ended(self, step: int, verb: str, subject: str, n: int, size: int, outcome: Outcome, expected: bool) -> None:
        """It has ended."""
        now = self._now()
        self.acts += 1
        if not self.acts % _PROGRESS_EVERY:
            self._watch.progress(now, self.acts, self.events)
            self.breathe()
        self.put(
            ActRecord(
                step=step,
                verb=verb,
                subject=subject,
                n=n,
                phase="ended",
                t_s=now,
                outcome=outcome.word,
                expected=expected,
                detail=outcome.detail,
                size=size,
                transmissions=outcome.transmissions,
                answered=outcome.answered,
            )
        )

    def received(self, subject: str, transport: str, payload: bytes) -> None:
        """A downstream message has reached a device."""
        self.put(ReceivedRecord(subject=subject, t_s=self._now(), transport=transport, hex=payload.hex()))
