"""One rehearsal from beginning to verdict: provision, act step by step, settle, judge, clean up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from simulator.assertions.verdicts import Verdicts
from simulator.clock import Clock, Timers
from simulator.devices.deeds import registration
from simulator.devices.internet import AnyDevice
from simulator.errors import LocalError, TargetError
from simulator.fleet.fleet import Fleet
from simulator.fleet.keyring import Keyring
from simulator.fleet.mobile import Mobile
from simulator.fleet.performers import Performers
from simulator.plan import Plan
from simulator.run.counting import Phase, count
from simulator.run.needs import check_needs, check_ways
from simulator.run.platform import Platform, turn_of
from simulator.run.recorder import Bench, Recorder, Watch
from simulator.run.settings import RunSettings
from simulator.run.steps import Steps
from simulator.run.target import Target
from simulator.run.tasks import Tasks
from simulator.scenario.model import Move, Scenario
from simulator.target.observer import NamedObserver, Observer
from simulator.target.operator import CLEANUP_S, Operator
from simulator.wire.ports import Wire

__all__ = ["Rehearsal", "Target"]

PROVISIONING_PATIENCE_S = 10.0
"""How long to wait for the events of the provisioning before the story begins."""
PORTION = 512
"""Devices that are registered before the stream is listened to again."""
QUIET_S = {"virtual": 1.0, "real": 0.5}
"""The run ends when the stream has been quiet for so long, and nothing is under way on a radio."""
SETTLE_LIMIT_S = {"virtual": 86_400.0, "real": 120.0}
FLUSH_EVERY_S = 0.5
GC_DEVICES = 1_000
GC_THRESHOLD = 100_000
"""Allocations between collections of the youngest generation while the story runs."""
HURRY_S = 1.2
"""A run that is told to end does so within 2 s: how much of them is for telling gaps and for clean-up."""
HURRY_ALIVE_S = 0.3
"""How long of that a platform may take to show that it is still there."""
HURRY_GOODBYE_S = 0.2
"""And how long it may take to let go of it."""
LEAVING_SHARE = 0.3
"""How much of the time for clean-up devices may take to leave the network; none when the run is to end in a hurry, for
sessions end with their devices anyway."""


@contextmanager
def _spared_collector(devices: int) -> Iterator[None]:
    """Thousands of devices are there to stay: the garbage collector need not look at them again and again.

    What a run makes and drops is freed by counting references; cycles are rare, so they may wait longer. For a few
    devices the one look that this takes would cost more than the run.
    """
    if devices < GC_DEVICES:
        yield
        return
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _no_collector() -> Iterator[None]:
    """For what is over soon, makes no cycles, and must not take longer because of all that is there."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Rehearsal:
    """One scenario against one target."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        settings: RunSettings,
        *,
        clock: Clock,
        timers: Timers,
        wire: Wire,
        target: Target,
        judge: Bench,
        recorder: Recorder,
        watch: Watch,
        aliases: dict[str, str],
    ) -> None:
        self._scenario, self._plan, self._settings = scenario, plan, settings
        self._clock, self._timers, self._wire, self._target = clock, timers, wire, target
        self._judge, self._recorder = judge, recorder
        # What events call a collection by its id, the scenario calls by its name: observer and judge share the table.
        self._observer = Observer(recorder.put, clock.now, aliases, self.broke)
        self._fleet = Fleet(plan.members, plan.seed, clock, timers, self._hear)
        self._platform = Platform(target, scenario, plan.seed, recorder, timers, clock.now, self._reader_of)
        self._keyring = Keyring(self._fleet.devices, clock.unix_ns)
        self._work, self._ports = Tasks(), Tasks()
        self._performers = Performers(
            self._fleet, clock, timers, self._keyring, self._platform.tokens, self.broke, self._hurries, self._work
        )
        self._steps = Steps(
            scenario,
            plan,
            settings,
            clock=clock,
            timers=timers,
            fleet=self._fleet,
            performers=self._performers,
            platform=self._platform,
            recorder=recorder,
            watch=watch,
            hurry=self._hurries,
        )
        self._operator: Operator | None = None
        self._mobile: Mobile | None = None
        self._main: asyncio.Task[Any] | None = None
        self._broken: BaseException | None = None
        self._closing = self._hurried = False
        self._give_up_s: float | None = None
        self._hurry_why = "interrupted"
        self.reached = False
        """Whether the target was there at all."""
        self.verdicts: Verdicts | None = None
        """Once the story is over, also when it was broken off; None before."""
        self.left_behind: list[str] = []
        """What clean-up could not remove from the platform, in words."""

    @property
    def target_name(self) -> str:
        """What is under test."""
        return self._target.name

    def waiting(self) -> Iterator[str]:
        """Who waits for what, a line each."""
        return self._performers.stories.waiting()

    def hurry(self, why: str = "interrupted") -> None:
        """Somebody wants it to end: from now on nothing is begun, and what ends it may take little time."""
        if self._give_up_s is None:
            self._hurry_why = why
            self._give_up_s = self._clock.now() + HURRY_S

    def _hurries(self) -> bool:
        return self._give_up_s is not None

    async def run(self) -> Verdicts:
        """Act it all out. Raises: SimulatorError: the target or the simulator itself broke."""
        self._main = asyncio.current_task()
        why = ""
        try:
            await self._target.start()
            self.reached = True
            target = self._target
            check_needs(self._scenario, target.capabilities, target.name)
            check_ways(self._scenario, {"dtls": target.dtls, "coaps": target.coaps}, target.name)
            await self._story(self._meet_operator())
            why = "done"
        except asyncio.CancelledError:
            if self._broken is None:
                why = self._hurry_why
                raise
            why = _words_of(self._broken)
            raise self._broken from None
        except Exception as error:
            why = _words_of(error)
            raise
        finally:
            self._closing = True
            try:
                verdicts = await self._end(why)
            finally:
                await self._close()
        return verdicts

    def _meet_operator(self) -> Operator:
        operator = self._operator = Operator(
            self._target.api, self._observer, self._keyring.issued, unix_ns=self._clock.unix_ns
        )
        self._keyring.id_of = operator.id_of
        self._performers.internet.blobs = self._target.blobs
        self._platform.operator = self._performers.operator = self._steps.source = operator
        radius = self._target.radius
        if radius is not None:
            self._mobile = self._performers.mobile = Mobile(
                self._scenario.operators,
                self._plan.seed,
                wire=self._wire,
                clock=self._clock,
                timers=self._timers,
                radius=radius,
                lost=self._performers.lost,
                broke=self.broke,
                work=self._ports,
            )
        return operator

    async def _story(self, operator: Operator) -> None:
        await self._provision(operator)
        self._observer.judged = True
        async with self._flushing():
            await self._count("began")
            with _spared_collector(len(self._plan.members)):
                await self._steps.run()
                await self._settle()
            await self._steps.read_states_at_end()
            await self._count("ended")

    async def _end(self, why: str) -> Verdicts:
        try:
            await self._target.tell_gaps(None if self._give_up_s is None else HURRY_ALIVE_S)
        except asyncio.CancelledError:
            self._hurried = why != "done"  # told to stop once more: clean-up would take time, too
            raise
        finally:
            # Whatever ended it, what comes from now on is not the scenario's doing.
            self._recorder.end(why)
            with _no_collector():
                verdicts = self.verdicts = self._judge.finish(self._clock.now())
        return verdicts

    @asynccontextmanager
    async def _flushing(self) -> AsyncIterator[None]:
        """In real time the journal is on disk as it happens, also when nothing does; the recorder sees to the rest."""
        flushing = asyncio.get_running_loop().create_task(self._flush(), name="journal")
        try:
            yield
        finally:
            flushing.cancel()

    async def _flush(self) -> None:
        while self._settings.time == "real":
            try:
                self._recorder.flush()
            except LocalError as error:
                self.broke(error)
                return
            await asyncio.sleep(FLUSH_EVERY_S)

    async def _count(self, phase: Phase) -> None:
        await count(self._target, phase, self._recorder.put, self._clock.now)

    # --- before the story ---------------------------------------------------------------------------------------------

    async def _provision(self, operator: Operator) -> None:
        await operator.create_collections(self._collections())
        for collection in operator.collections.values():
            await self._target.observe(collection, self._observer)
        await self._platform.issue_tokens()
        registered = await self._register(operator)
        await self._open_fleet()
        await self._heard_of(registered)
        await self._platform.open_observers()
        if self._settings.mutant is not None:
            self._target.misbehave(self._settings.mutant)

    async def _open_fleet(self) -> None:
        target = self._target
        await self._fleet.open(
            self._wire, target.coap, target.udp, self._settings.stack, dtls=target.dtls, coaps=target.coaps
        )

    async def _register(self, operator: Operator) -> int:
        """Create the devices. Returns: how many. A portion at a time: what the stream tells of them is heard between,
        and whoever wants to end the run as well."""
        registered = [device for device in self._fleet.devices.values() if device.member.group.registered]
        for first in range(0, len(registered), PORTION):
            portion = registered[first : first + PORTION]
            await operator.register((device.name, registration(device)) for device in portion)
            await turn_of(self._clock.now(), self._timers)
        return len(registered)

    def _collections(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Name and tags of those that this scenario needs; the default one only if it is spoken of."""
        scenario = self._scenario
        spoken_of = {member.collection for member in self._plan.members}
        spoken_of |= {step.act.to for step in scenario.steps if isinstance(step.act, Move)}
        spoken_of |= {listener.collection for listener in scenario.observers}
        spoken_of |= {token.collection for token in scenario.tokens if token.collection is not None}
        if "" in spoken_of:
            yield "", {"name": scenario.promise[:80]}
        for collection in scenario.collections:
            yield collection.name, {"name": collection.name, **dict(collection.tags)}

    async def _heard_of(self, count: int) -> None:
        """Wait until the stream has told of all that was provisioned, so that the story begins with a clean one."""
        give_up_s = self._clock.now() + PROVISIONING_PATIENCE_S
        while self._observer.events < count:
            if self._clock.now() > give_up_s:
                raise TargetError(
                    f"{self._target.name}: only {self._observer.events} of {count} deviceCreated events came within"
                    f" {PROVISIONING_PATIENCE_S:.0f} s; does its event stream work?"
                )
            await asyncio.sleep(0.01)

    def _reader_of(self, name: str) -> NamedObserver:
        return NamedObserver(name, self._recorder.put, self._observer)

    # --- after the story ----------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Let late events arrive: the last upload of a slow radio may still be under way."""
        quiet_s, limit_s = QUIET_S[self._settings.time], SETTLE_LIMIT_S[self._settings.time]
        began_s = now = self._clock.now()
        while now - began_s < limit_s:
            quiet = now - max(began_s, self._recorder.last_event_s) >= quiet_s
            if quiet and self._judge.deadline is None and not self._under_way():
                return
            await asyncio.sleep(quiet_s / 5)
            now = self._clock.now()

    def _under_way(self) -> bool:
        """Whether something on a radio may still arrive. Perfect links hold nothing back."""
        mobile = self._mobile
        if self._fleet.is_perfect() and (mobile is None or mobile.is_perfect):
            return False
        own = (
            self._recorder.timers, self._fleet.timers, self._fleet.weather.timers, self._platform.timers,
            self._target.timers,
        )  # fmt: skip
        return len(self._timers) > sum(own) + (0 if mobile is None else mobile.timers)

    async def _close(self) -> None:
        self._work.close()
        self._fleet.hang_up(self._clock.now())
        try:
            await self._fleet.close()
            if self._settings.target is not None and not self._settings.keep and self._operator is not None:
                await self._clean_up(self._operator)
        finally:
            self._ports.close()
            if self._mobile is not None:
                self._mobile.close()
            await self._let_go()

    async def _leave_all(self, mobile: Mobile, budget_s: float) -> None:
        """Sessions die with their devices, which are removed next; so it does not matter who has not left in time."""
        left = asyncio.Event()
        mobile.leave_all(left.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(budget_s):
                await left.wait()

    async def _let_go(self) -> None:
        """Of the target; one that does not answer has little time when the run is to end."""
        try:
            async with asyncio.timeout(None if self._give_up_s is None else HURRY_GOODBYE_S):
                await self._platform.close()
                await self._target.stop()
        except TimeoutError:
            pass

    async def _clean_up(self, operator: Operator) -> None:
        until_s = self._clock.now() + CLEANUP_S if self._give_up_s is None else self._give_up_s
        try:
            if not self._hurried:
                if self._mobile is not None and self._give_up_s is None:
                    await self._leave_all(self._mobile, max(0.0, until_s - self._clock.now()) * LEAVING_SHARE)
                self.left_behind = await operator.clean_up(max(0.0, until_s - self._clock.now()))
                self.left_behind += await self._platform.withdraw_tokens(max(0.0, until_s - self._clock.now()))
                return
        except asyncio.CancelledError:  # told to stop once more
            self._hurried = True
            raise
        finally:
            if self._hurried:
                self.left_behind = [f"{operator.remaining()}: clean-up was interrupted"]

    # --- what parts of it tell ----------------------------------------------------------------------------------------

    def _hear(self, device: AnyDevice, transport: str, payload: bytes) -> None:
        self._recorder.received(device.name, transport, payload)

    def broke(self, error: BaseException) -> None:
        """Something of ours raised: nothing after it can be trusted, so the run ends."""
        if self._broken is None:
            self._broken = error
            if self._main is not None and not self._closing:
                self._main.cancel()


def _words_of(error: BaseException) -> str:
    return str(error) or type(error).__name__
