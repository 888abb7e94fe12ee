"""Everything that happens goes through here once: into the journal, and past the judge.

The judge is asked again when time alone decides something; the recorder keeps one timer for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol

from simulator.assertions.judge import Finding, Judge
from simulator.clock import Clock, Timers
from simulator.devices.outcome import Outcome
from simulator.events.journal import Journal
from simulator.events.records import ActRecord, EndRecord, EventRecord, ReceivedRecord, Record, StepRecord


class Watch(Protocol):
    """Whoever looks on while a rehearsal runs: the terminal, a log, nobody."""

    def step(self, number: int, count: int, text: str, now: float) -> None:
        """A step begins."""

    def finding(self, finding: Finding) -> None:
        """Something was decided against the scenario."""

    def progress(self, now: float, acts: int, events: int) -> None:
        """Called often; `acts` have ended and `events` have arrived so far."""


_PROGRESS_EVERY = 512


class Recorder:
    """The one way into the journal. Also what devices tell their acts to (`devices.deeds.Recorder`)."""

    def __init__(self, journal: Journal, judge: Judge, clock: Clock, timers: Timers, watch: Watch) -> None:
        self._journal, self._judge, self._clock, self._timers, self._watch = journal, judge, clock, timers, watch
        self._armed_s = float("inf")
        self._ended = False
        self._waiting: tuple[int, asyncio.Future[None]] | None = None
        self.acts = 0
        self.events = 0
        self._until_progress = _PROGRESS_EVERY
        self.last_event_s = 0.0

    def put(self, record: Record) -> None:
        """Write one record down and judge it. After the end nothing is: cleaning up is no part of the story."""
        if self._ended:
            return
        self._journal.write(record)
        self._after(self._judge.feed(record))
        if isinstance(record, EventRecord):
            self.events += 1
            self.last_event_s = record.rx_s
        self._until_progress -= 1
        if self._until_progress <= 0:
            self._until_progress = _PROGRESS_EVERY
            self._watch.progress(self._clock.now(), self.acts, self.events)

    def end(self, why: str) -> None:
        """The story is over."""
        self.put(EndRecord(t_s=self._clock.now(), why=why))
        self._ended = True

    async def decided(self, step: int) -> None:
        """Wait until all expectations of a step are decided."""
        if self._judge.step_open(step):
            future = asyncio.get_running_loop().create_future()
            self._waiting = step, future
            await future

    def _after(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._watch.finding(finding)
        deadline = self._judge.deadline
        if deadline is not None and deadline < self._armed_s:
            self._armed_s = deadline
            self._timers.at(deadline, self._expire, deadline)
        if self._waiting is not None and not self._judge.step_open(self._waiting[0]):
            _, future = self._waiting
            self._waiting = None
            if not future.done():
                future.set_result(None)

    def _expire(self, armed_s: float, now: float) -> None:
        if armed_s == self._armed_s:  # else an earlier deadline came in between, and this one is asked for again
            self._armed_s = float("inf")
            self._after(self._judge.expire(now))

    # --- what devices tell --------------------------------------------------------------------------------------------

    def step(self, step: int, phase: Literal["began", "acted", "ended"]) -> None:
        """A step began, acted or ended."""
        self.put(StepRecord(step=step, phase=phase, t_s=self._clock.now()))

    def began(self, step: int, verb: str, subject: str, n: int, size: int) -> None:
        """An act begins."""
        now = self._clock.now()
        self.put(ActRecord(step=step, verb=verb, subject=subject, n=n, phase="began", t_s=now, size=size))

    def ended(self, step: int, verb: str, subject: str, n: int, size: int, outcome: Outcome, expected: bool) -> None:
        """It has ended."""
        self.acts += 1
        self.put(
            ActRecord(
                step=step,
                verb=verb,
                subject=subject,
                n=n,
                phase="ended",
                t_s=self._clock.now(),
                outcome=outcome.word,
                expected=expected,
                detail=outcome.detail,
                size=size,
                transmissions=outcome.transmissions,
            )
        )

    def received(self, subject: str, transport: str, payload: bytes) -> None:
        """A downstream message has reached a device."""
        self.put(ReceivedRecord(subject=subject, t_s=self._clock.now(), transport=transport, hex=payload.hex()))
