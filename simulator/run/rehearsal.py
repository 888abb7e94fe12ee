"""One rehearsal from beginning to verdict: provision, act step by step, settle, judge, clean up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from simulator import acts
from simulator.assertions.judge import Judge, Verdicts
from simulator.clock import Clock, Timers
from simulator.devices.deeds import act_out, registration
from simulator.devices.device import Device
from simulator.errors import LocalError, TargetError
from simulator.plan import Member, Plan
from simulator.run.fleet import Fleet
from simulator.run.recorder import Recorder, Watch
from simulator.run.settings import RunSettings
from simulator.scenario.model import LinkChange, LinkSpec, Move, Scenario, Step, Wait
from simulator.target.api import SpanApi
from simulator.target.observer import Observer
from simulator.target.operator import Operator
from simulator.wire.address import Address
from simulator.wire.drivers.stories import Running, Stories
from simulator.wire.ports import Wire

PROVISIONING_PATIENCE_S = 10.0
"""How long to wait for the events of the provisioning before the story begins."""
QUIET_S = {"virtual": 1.0, "real": 0.5}
"""The run ends when the stream has been quiet for so long, and nothing is under way on a radio."""
SETTLE_LIMIT_S = {"virtual": 86_400.0, "real": 120.0}
CATCH_UP_S = 0.05
"""In real time a step ends when the stream has been quiet for so long: events are not faster than answers."""
CATCH_UP_REMOTE_S = 0.2
"""The same for a platform in another process."""
CATCH_UP_LIMIT_S = 1.0
FLUSH_EVERY_S = 0.5
GC_THRESHOLD = 100_000
"""Allocations between collections of the youngest generation while the story runs."""


class Target(Protocol):
    """What is under test."""

    name: str
    capabilities: frozenset[str]
    coap: Address
    udp: Address
    api: SpanApi

    async def start(self) -> None:
        """Reach it, or start it. Raises: TargetError, LocalError."""

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on."""

    async def tell_gaps(self) -> None:
        """Tell the observer, before the verdict, of times without sight that have not ended yet."""

    async def stop(self) -> None:
        """Let go of it."""


@contextmanager
def _spared_collector() -> Iterator[None]:
    """Thousands of devices are there to stay: the garbage collector need not look at them again and again.

    What a run makes and drops is freed by counting references; cycles are rare, so they may wait longer.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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
        judge: Judge,
        recorder: Recorder,
        watch: Watch,
        aliases: dict[str, str],
    ) -> None:
        self._scenario, self._plan, self._settings = scenario, plan, settings
        self._clock, self._timers, self._wire, self._target = clock, timers, wire, target
        self._judge, self._recorder, self._watch = judge, recorder, watch
        # What events call a collection by its id, the scenario calls by its name: observer and judge share the table.
        self._observer = Observer(recorder.put, clock.now, aliases, self.broke)
        self._fleet = Fleet(plan.members, plan.seed, clock, timers, self._hear)
        self._stories = Stories(timers, self._performers(), self.broke)
        self._operator: Operator
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: asyncio.Task[Any] | None = None
        self._broken: BaseException | None = None
        self._closing = self._hurried = False
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
        return self._stories.waiting()

    async def run(self) -> Verdicts:
        """Act it all out. Raises: SimulatorError: the target or the simulator itself broke."""
        self._main = asyncio.current_task()
        why = "interrupted"
        try:
            await self._target.start()
            self._operator = Operator(self._target.api, self._observer)
            await self._story()
            why = "done"
        except asyncio.CancelledError:
            if self._broken is None:
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

    async def _end(self, why: str) -> Verdicts:
        try:
            await self._target.tell_gaps()
        except asyncio.CancelledError:
            self._hurried = why != "done"  # told to stop once more: clean-up would take time, too
            raise
        finally:
            # Whatever ended it, what comes from now on is not the scenario's doing.
            self._recorder.end(why)
            verdicts = self.verdicts = self._judge.finish(self._clock.now())
        return verdicts

    async def _story(self) -> None:
        await self._provision()
        self._observer.judged = True
        flushing = asyncio.get_running_loop().create_task(self._flush(), name="journal")
        try:
            with _spared_collector():
                await self._steps()
        finally:
            flushing.cancel()

    async def _flush(self) -> None:
        """In real time the journal is on disk as it happens; in virtual time there is nobody who could look."""
        while self._settings.time == "real":
            try:
                self._recorder.flush()
            except LocalError as error:
                self.broke(error)
                return
            await asyncio.sleep(FLUSH_EVERY_S)

    async def _steps(self) -> None:
        for number, step in enumerate(self._scenario.steps):
            await self._perform(number, step)
        await self._settle()

    async def _close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        try:
            await self._fleet.close()
            if self._settings.target is not None and not self._settings.keep and hasattr(self, "_operator"):
                await self._clean_up(self._operator)
        finally:
            await self._target.stop()

    async def _clean_up(self, operator: Operator) -> None:
        try:
            if not self._hurried:
                self.left_behind = await operator.clean_up()
                return
        except asyncio.CancelledError:  # told to stop once more
            self._hurried = True
            raise
        finally:
            if self._hurried:
                self.left_behind = [f"{operator.remaining()}: clean-up was interrupted"]

    # --- before the story ---------------------------------------------------------------------------------------------

    async def _provision(self) -> None:
        await self._operator.create_collections(self._collections())
        for collection in self._operator.collections.values():
            await self._target.observe(collection, self._observer)
        registered = [device for device in self._fleet.devices.values() if device.member.group.registered]
        await self._operator.register((device.name, registration(device)) for device in registered)
        await self._fleet.open(self._wire, self._target.coap, self._target.udp, self._settings.stack)
        await self._heard_of(len(registered))

    def _collections(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Name and tags of those that this scenario needs; the default one only if somebody lives or goes there."""
        scenario = self._scenario
        moves = {step.act.to for step in scenario.steps if isinstance(step.act, Move)}
        if "" in moves | {member.collection for member in self._plan.members}:
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

    # --- the story ----------------------------------------------------------------------------------------------------

    async def _perform(self, number: int, step: Step) -> None:
        if step.at_s is not None:
            await asyncio.sleep(max(0.0, step.at_s - self._clock.now()))
        self._watch.step(number, len(self._scenario.steps), step.text, self._clock.now())
        self._recorder.step(number, "began")
        if isinstance(step.act, Wait):
            await asyncio.sleep(step.act.seconds)
        else:
            await self._act(number, step)
        self._recorder.step(number, "acted")
        await self._recorder.decided(number)
        await self._catch_up()
        self._recorder.step(number, "ended")

    async def _catch_up(self) -> None:
        """Let the stream tell what this step has caused, so that the next one is not credited with it."""
        if self._settings.time == "virtual":
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._timers.at(self._clock.now(), lambda _argument, _now: turn.set_result(None))
            await turn
            return
        quiet_s = CATCH_UP_S if self._settings.target is None else CATCH_UP_REMOTE_S
        began_s = now = self._clock.now()
        while now - max(began_s, self._recorder.last_event_s) < quiet_s and now - began_s < CATCH_UP_LIMIT_S:
            await asyncio.sleep(quiet_s / 4)
            now = self._clock.now()

    async def _act(self, number: int, step: Step) -> None:
        members = self._plan.acting(step)
        if not members:
            return
        all_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(members)

        def ended(_returned: object, _now: float) -> None:
            nonlocal left
            left -= 1
            if not left and not all_done.done():
                all_done.set_result(None)

        now = self._clock.now()
        for member, offset_s in zip(members, self._plan.start_offsets(step, len(members)), strict=True):
            device = self._fleet.devices[member.name]
            story = act_out(device, number, step, now + offset_s, self._payloads(number, member), self._recorder)
            self._stories.start(self._fleet.endpoints[member.name], story, ended, now)
        await all_done

    def _payloads(self, number: int, member: Member) -> Callable[[Any, int], bytes]:
        plan = self._plan
        return lambda payload, n: plan.payload(number, member, n, payload or member.group.payload)

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
        return not self._fleet.is_perfect() and len(self._timers) > self._recorder.timers

    # --- acts that are not about datagrams or time --------------------------------------------------------------------

    def _performers(self) -> dict[type, Callable[[Any, Running, float], None]]:
        orders = (acts.CreateDevice, acts.UpdateDevice, acts.RemoveDevice, acts.MoveDevice, acts.QueueDownstream)
        return {
            acts.Attach: self._attach,
            acts.Detach: lambda act, running, _: self._later(running, self._operator.detach(act)),
            acts.ChangeRadio: self._change_radio,
            **dict.fromkeys(orders, self._order),
        }

    def _attach(self, act: acts.Attach, running: Running, _now: float) -> None:
        self._later(running, self._operator.attach(act, self._fleet.source(running.endpoint.name)))

    def _order(self, act: acts.Order, running: Running, _now: float) -> None:
        self._later(running, self._operator.carry_out(running.endpoint.name, act))

    def _change_radio(self, act: acts.ChangeRadio, running: Running, now: float) -> None:
        changes = tuple(LinkChange(key=key, up=up, down=down) for key, up, down in act.changes)
        device = self._fleet.devices[running.endpoint.name]
        self._fleet.set_link(device, LinkSpec(preset=act.preset, changes=changes))
        self._stories.resume(running, acts.Done(), now)

    def _later(self, running: Running, work: Coroutine[Any, Any, Any]) -> None:
        """Carry out something that has to wait, and go on with its result."""

        async def go() -> None:
            try:
                result = await work
            except Exception as error:
                self.broke(error)
            else:
                self._stories.resume(running, result, self._clock.now())

        task = asyncio.get_running_loop().create_task(go(), name=f"{running.endpoint.name} {running.act}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, device: Device, transport: str, payload: bytes) -> None:
        self._recorder.received(device.name, transport, payload)

    def broke(self, error: BaseException) -> None:
        """Something of ours raised: nothing after it can be trusted, so the run ends."""
        if self._broken is None:
            self._broken = error
            if self._main is not None and not self._closing:
                self._main.cancel()


def _words_of(error: BaseException) -> str:
    return str(error) or type(error).__name__
