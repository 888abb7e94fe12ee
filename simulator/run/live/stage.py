"""Where a live rehearsal is acted out: a rehearsal whose scenario is written while it goes on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from simulator import __version__
from simulator.assertions.judge import Judge
from simulator.assertions.verdicts import Verdicts
from simulator.clock import Clock, Timers, WallClock
from simulator.errors import Place
from simulator.events.journal import Journal
from simulator.events.records import RunRecord
from simulator.plan import Plan, make_plan
from simulator.run.live.chronicle import Chronicle
from simulator.run.live.rehearsal import LiveRehearsal
from simulator.run.recorder import Recorder
from simulator.run.rehearsal import Rehearsal
from simulator.run.settings import RunSettings, Time
from simulator.run.target import Target
from simulator.run.watch import Nobody
from simulator.scenario.model import Scenario, Step
from simulator.target.operator import Operator
from simulator.wire.ports import Wire

Tell = Callable[[LiveRehearsal], Awaitable[None]]
"""The test itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a live rehearsal before it begins."""

    promise: str
    place: Place
    rerun: str
    """The command that runs it again."""
    seed: int = 0
    time: Time = "virtual"
    allow: tuple[str, ...] = ()
    """Troubles and invariants that it does not mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """How it ended."""

    verdicts: Verdicts
    target: str
    wall_s: float


def rehearse_live(about: About, tell: Tell, journal: Journal) -> Came:
    """Run a test to its end. Returns: what the judge says of all that was done.

    Raises: whatever the test raises, and then nothing more is judged; LocalError, TargetError: it cannot be run.
    """
    wall = WallClock()
    try:
        stage = _virtual(about, tell, journal) if about.time == "virtual" else _real(about, tell, journal)
    finally:
        journal.flush()
    assert stage.verdicts is not None, "a rehearsal that has ended in order has verdicts"
    return Came(verdicts=_whole(stage.verdicts, about.rerun), target=stage.target_name, wall_s=wall.now())


def _whole(verdicts: Verdicts, rerun: str) -> Verdicts:
    """A test is repeated as a whole: one subject of it cannot be run alone."""
    alone = re.compile(re.escape(rerun) + " --only .*")
    return msgspec.structs.replace(
        verdicts,
        judgements=tuple(
            msgspec.structs.replace(each, details=tuple(alone.sub(lambda _: rerun, line) for line in each.details))
            for each in verdicts.judgements
        ),
    )


def _virtual(about: About, tell: Tell, journal: Journal) -> LiveStage:
    from simulator.target.embedded import EmbeddedTarget
    from simulator.wire.drivers.virtual import VirtualLoop, run_virtual
    from simulator.wire.memory import MemoryNetwork

    async def main(loop: VirtualLoop) -> LiveStage:
        wire = MemoryNetwork(loop.timers, loop.clock)
        target = EmbeddedTarget(clock=loop.clock, timers=loop.timers, wire=wire, sockets=False, inet=True)
        stage = LiveStage.of(about, tell, journal, loop.clock, loop.timers, wire, target)
        loop.add_reporter(stage.waiting)
        return await stage.play()

    return run_virtual(main)


def _real(about: About, tell: Tell, journal: Journal) -> LiveStage:
    from simulator.target.embedded import EmbeddedTarget
    from simulator.wire.drivers.real import RealTimers
    from simulator.wire.real import open_wire

    async def main() -> LiveStage:
        loop, clock = asyncio.get_running_loop(), WallClock()
        timers = RealTimers(clock, loop)
        wire = await open_wire("auto", clock, loop)
        try:
            target = EmbeddedTarget(clock=clock, timers=timers, wire=wire, sockets=True, inet=True)
            return await LiveStage.of(about, tell, journal, clock, timers, wire, target).play()
        finally:
            await wire.close()

    return asyncio.run(main())


class LiveStage(Rehearsal):
    """A rehearsal that begins without devices and steps."""

    chronicle: Chronicle
    _live: LiveRehearsal
    _tell: Tell

    @classmethod
    def of(
        cls, about: About, tell: Tell, journal: Journal, clock: Clock, timers: Timers, wire: Wire, target: Target
    ) -> LiveStage:
        """A stage on which nobody stands yet."""
        scenario = Scenario(promise=about.promise, place=about.place, seed=about.seed, allow=about.allow)
        live, aliases = LiveRehearsal(about.rerun), dict[str, str]()

        def judge() -> Judge:
            told = stage.told()
            plan = make_plan(told)
            return Judge(told, plan.names_by_group(), plan.names, aliases, about.rerun, numbers=plan.numbers)

        chronicle = Chronicle(clock, aliases, judge)
        watch = Nobody()
        recorder = Recorder(journal, chronicle, clock, timers, watch)
        stage = cls(
            scenario,
            make_plan(scenario),
            RunSettings(time=about.time),
            clock=clock,
            timers=timers,
            wire=wire,
            target=target,
            judge=chronicle,
            recorder=recorder,
            watch=watch,
            aliases=aliases,
        )
        stage.chronicle, stage._live, stage._tell = chronicle, live, tell
        file = Path(about.place.file).name
        recorder.put(
            RunRecord(
                scenario=about.promise,
                file=file,
                seed=about.seed,
                time=about.time,
                target=target.name,
                version=__version__,
            )
        )
        return stage

    async def play(self) -> LiveStage:
        """From beginning to verdict. Raises: what the test raises."""
        asyncio.get_running_loop().set_exception_handler(self._failed)
        await self.run()
        return self

    def told(self) -> Scenario:
        """The scenario as far as it has been told."""
        live = self._live
        return replace(
            self._scenario, groups=live.groups, collections=live.collections, steps=tuple(live.steps),
            expect=tuple(live.expected),
        )  # fmt: skip

    # --- what the test asks for (`rehearsal.Stage`) -------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Run time in seconds."""
        return self._clock.now()

    async def perform(self, number: int, step: Step) -> None:
        """Act one step out."""
        if step.arrivals is not None:  # what is drawn for them hangs on the number of the step
            self._plan_anew()
        await self._steps.perform(number, step)

    async def admit(self) -> None:
        """The devices of new groups are there from now on; those that were there stay who they were."""
        fleet = self._fleet
        fleet.add(member for member in self._plan_anew().members if member.name not in fleet.devices)
        await self._open_fleet()

    async def open_collection(self, name: str, tags: Mapping[str, str]) -> None:
        """Create a collection on the platform, and listen to it."""
        assert self._operator is not None
        await self._operator.create_collections([(name, tags)])
        await self._target.observe(self._operator.collections[name], self._observer)

    def _plan_anew(self) -> Plan:
        self._plan = self._steps.plan = make_plan(self.told())
        return self._plan

    # --- of the rehearsal ---------------------------------------------------------------------------------------------

    def _collections(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The default one, since nobody knows yet who will live there."""
        yield "", {"name": self._scenario.promise[:80]}

    async def _story(self, operator: Operator) -> None:
        await self._provision(operator)
        self._observer.judged = True
        self._live.enter(self)
        async with self._flushing():
            async with self._live.company():
                await self._tell(self._live)
            self.chronicle.conclude()
            await self._settle()

    def _failed(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # The peer hanging up at the wrong moment is its affair, and no defect of ours.
        if error is not None and not isinstance(error, OSError | asyncio.CancelledError):
            self.broke(error)
