"""The steps of a scenario, one after the other or at the same time, as its flow says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from simulator.clock import Clock, Timers
from simulator.devices.deeds import act_out
from simulator.fleet.fleet import Fleet
from simulator.fleet.performers import Performers
from simulator.plan import Member, Plan
from simulator.run.platform import Platform, turn_of, until
from simulator.run.recorder import Recorder, Watch
from simulator.run.settings import RunSettings
from simulator.run.states import Source, read_states, wanted
from simulator.scenario.model import Block, Flow, Scenario, Step, Together, Wait

AT_ONCE = 32
"""In real time so many begin a step in one go, and then what has come for those before them is read: a handshake takes
a millisecond, so a thousand beginners would be deaf for longer than a client waits for an answer."""
CATCH_UP_S = 0.05
"""In real time a step ends when the stream has been quiet for so long: events are not faster than answers."""
CATCH_UP_REMOTE_S = 0.2
"""The same for a platform in another process."""
CATCH_UP_LIMIT_S = 1.0


class Steps:
    """Acts a scenario out.

    Args:
        hurry: whether the run is to end: nothing more is begun then.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        settings: RunSettings,
        *,
        clock: Clock,
        timers: Timers,
        fleet: Fleet,
        performers: Performers,
        platform: Platform,
        recorder: Recorder,
        watch: Watch,
        hurry: Callable[[], bool],
    ) -> None:
        self._scenario, self._settings = scenario, settings
        self.plan = plan
        """Who acts and when; a live rehearsal makes a new one whenever it knows more."""
        self._clock, self._timers = clock, timers
        self._fleet, self._performers, self._platform = fleet, performers, platform
        self._recorder, self._watch, self._hurry = recorder, watch, hurry
        self.source: Source
        """Who knows the state of devices; told as soon as there is somebody."""

    async def run(self) -> None:
        """All of them."""
        await self._one_by_one(self._scenario.flow or range(len(self._scenario.steps)))

    async def read_states_at_end(self) -> None:
        """What the scenario as a whole wants to know about devices."""
        await self._read_states(-1, self._scenario.expect)

    async def _one_by_one(self, parts: Sequence[Flow]) -> None:
        for part in parts:
            await self._part(part)

    async def _part(self, part: Flow) -> None:
        match part:
            case Together():
                await self._at_the_same_time(part.parts)
            case Block():
                await self._one_by_one(part.parts)
            case _:
                await self.perform(part, self._scenario.steps[part])

    async def _at_the_same_time(self, parts: Sequence[Flow]) -> None:
        """Begun in the order of the file; over when all are."""
        try:
            async with asyncio.TaskGroup() as group:
                for number, part in enumerate(parts):
                    group.create_task(self._part(part), name=f"together {number + 1}")
        except BaseExceptionGroup as errors:  # the first that broke; the others were told to end
            raise errors.exceptions[0] from None

    async def perform(self, number: int, step: Step) -> None:
        """One step, from its time to the end of all that it has caused."""
        if step.at_s is not None:
            await until(step.at_s, self._clock.now(), self._timers)
        self._watch.step(number, len(self._scenario.steps), step.text, self._clock.now())
        self._recorder.step(number, "began")
        if isinstance(step.act, Wait):
            await asyncio.sleep(step.act.seconds)
        elif step.doers:
            await self._platform.act_out(number, step)
        else:
            await self._act(number, step)
        self._recorder.step(number, "acted")
        await self._recorder.decided(number)
        await self._read_states(number, step.forms)
        self._recorder.tell(number)
        await self._catch_up()
        self._recorder.step(number, "ended")

    async def _read_states(self, number: int, forms: Sequence[object]) -> None:
        questions = wanted(forms, self.plan)
        if questions:
            await read_states(number, questions, self.source, self._recorder.put, self._clock.now)

    async def _catch_up(self) -> None:
        """Let the stream tell what this step has caused, so that the next one is not credited with it."""
        if self._settings.time == "virtual":
            await turn_of(self._clock.now(), self._timers)
            return
        quiet_s = CATCH_UP_S if self._settings.target is None else CATCH_UP_REMOTE_S
        began_s = now = self._clock.now()
        while now - max(began_s, self._recorder.last_event_s) < quiet_s and now - began_s < CATCH_UP_LIMIT_S:
            await asyncio.sleep(quiet_s / 4)
            now = self._clock.now()

    async def _act(self, number: int, step: Step) -> None:
        members = self.plan.acting(step)
        if not members:
            return
        all_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(members)

        def ended(_returned: object, _now: float) -> None:
            nonlocal left
            left -= 1
            if not left and not all_done.done():
                all_done.set_result(None)

        now, hurry = self._clock.now(), self._hurry
        start, endpoints = self._performers.stories.start, self._fleet.endpoints
        offsets, partners = self.plan.start_offsets(step, len(members)), self.plan.partners(step)
        seed, devices = self.plan.seed, self._fleet.devices
        moment, real = now, self._settings.time != "virtual"
        for begun, (member, offset_s, partner) in enumerate(zip(members, offsets, partners, strict=True)):
            if hurry():
                break
            if real and begun and not begun % AT_ONCE:
                await asyncio.sleep(0)
                moment = self._clock.now()  # what waits for an answer from now on is not late already
            story = act_out(
                devices[member.name],
                number,
                step,
                now + offset_s,
                self._payloads(number, member),
                self._recorder,
                partner=None if partner is None else devices[partner.name],
                seed=seed,
            )
            start(endpoints[member.name], story, ended, moment)
        await all_done

    def _payloads(self, number: int, member: Member) -> Callable[[Any, int], bytes]:
        plan = self.plan
        return lambda payload, n: plan.payload(number, member, n, payload or member.group.payload)
