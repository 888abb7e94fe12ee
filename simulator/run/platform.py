"""What the platform does in a scenario: going down and coming up, misbehaving, and letting others in or not.

    UP ──stop──► DOWN ──start──► UP          restart: both, with a wait in between

One thing at a time: whoever wants it down while it is on its way up waits until it is up.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

from simulator.clock import Timers
from simulator.devices.outcome import OK, Outcome, is_expected
from simulator.errors import SimulatorError, TargetError
from simulator.events.records import StreamRecord
from simulator.run.recorder import Recorder
from simulator.run.target import Target
from simulator.scenario import model
from simulator.target.api import ApiRefused
from simulator.target.observer import NamedObserver

Close = Callable[[], Awaitable[None]]


def token_text(seed: int, name: str) -> str:
    """What a token of the scenario looks like: 64 hex characters, the same in every run of a seed, and never shown."""
    return hashlib.sha256(f"token {seed} {name}".encode()).hexdigest()


class Collections(Protocol):
    """The operator, as far as the platform's own verbs need one."""

    @property
    def collections(self) -> dict[str, str]:
        """Name in the scenario ("" is the default) → id."""


class Platform:
    """Carries out the steps that no device takes part in.

    Args:
        reader_of: makes what reads the stream of an observer of that name.
    """

    def __init__(
        self,
        target: Target,
        scenario: model.Scenario,
        seed: int,
        recorder: Recorder,
        timers: Timers,
        now: Callable[[], float],
        reader_of: Callable[[str], NamedObserver],
    ) -> None:
        self._target, self._recorder, self._timers, self._now = target, recorder, timers, now
        self._reader_of = reader_of
        self.operator: Collections
        """Told as soon as there is one."""
        self.tokens = {token.name: token_text(seed, token.name) for token in scenario.tokens}
        """Name → text of the tokens of the scenario."""
        self._issued: dict[str, None] = {}
        self._scenario = scenario
        self._listeners = {listener.name: listener for listener in scenario.observers}
        self._open: dict[str, tuple[NamedObserver, Close]] = {}
        self._up = True
        self._changing = asyncio.Lock()
        self.timers = 0
        """How many entries of the calendar are ours."""

    # --- before and after the story -----------------------------------------------------------------------------------

    async def issue_tokens(self) -> None:
        """Make the tokens of the scenario known. Raises: TargetError."""
        for token in self._scenario.tokens:
            if not token.known:
                continue
            resource = "/"
            if token.collection is not None:
                resource = f"/collections/{self.operator.collections[token.collection]}"
            try:
                await self._target.issue_token(self.tokens[token.name], resource, token.write)
            except ApiRefused as error:
                raise TargetError(f"the platform refused to issue the token '{token.name}': {error}") from error
            self._issued[token.name] = None

    async def open_observers(self) -> None:
        """Open the streams that no step opens. Raises: TargetError: with what the platform says."""
        later = {name for step in self._scenario.steps if isinstance(step.act, model.Subscribe) for name in step.doers}
        for name in self._listeners:
            if name not in later:
                try:
                    await self._subscribe(name)
                except ApiRefused as error:
                    raise TargetError(f"the platform refused the event stream of observer '{name}': {error}") from error

    async def close(self) -> None:
        """Close the streams that are still open."""
        for name in list(self._open):
            await self._open.pop(name)[1]()

    async def withdraw_tokens(self, budget_s: float) -> list[str]:
        """Take back what was issued, while there is time. Returns: what is still known to the platform, in words."""
        try:
            async with asyncio.timeout(budget_s):
                for name in list(self._issued):
                    await self._target.revoke_token(self.tokens[name])
                    del self._issued[name]
        except (SimulatorError, TimeoutError) as error:
            names = ", ".join(f"'{name}'" for name in self._issued)
            return [f"token {names}: {str(error) or 'no time was left'}"]
        return []

    # --- steps --------------------------------------------------------------------------------------------------------

    async def act_out(self, number: int, step: model.Step) -> None:
        """All that a step asks of its doers, one after the other, with every beginning and end recorded."""
        begin_s, every_s, record = self._now(), step.every_s or 0.0, self._recorder
        for n in range(step.times):
            await until(begin_s + n * every_s, self._now(), self._timers)
            for doer in step.doers:
                record.began(number, step.verb, doer, n, -1)
                outcome = await self._outcome_of(step, doer)
                expected = is_expected(outcome, step.outcome, step.outcome_reason)
                record.ended(number, step.verb, doer, n, -1, outcome, expected)

    async def _outcome_of(self, step: model.Step, doer: str) -> Outcome:
        try:
            return await self._verbs[type(step.act)](self, step, doer)
        except ApiRefused as error:
            return Outcome("rejected", f"{error.status} {error.title}")
        except SimulatorError as error:
            return Outcome("failed", str(error))

    async def _stop(self, _step: model.Step, _doer: str) -> Outcome:
        async with self._changing:
            if not self._up:
                return Outcome("failed", "the platform is stopped already")
            await self._go_down()
        return Outcome(OK)

    async def _start(self, _step: model.Step, _doer: str) -> Outcome:
        async with self._changing:
            if self._up:
                return Outcome("failed", "the platform runs already")
            await self._come_up()
        return Outcome(OK)

    async def _restart(self, step: model.Step, _doer: str) -> Outcome:
        async with self._changing:
            detail = "" if self._up else "was stopped"
            if self._up:
                await self._go_down()
            await until(self._now() + (step.lasting_s or 0.0), self._now(), self._timers)
            await self._come_up()
        return Outcome(OK, detail)

    async def _go_down(self) -> None:
        self._up = False
        await self._target.halt()

    async def _come_up(self) -> None:
        await self._target.resume()
        self._up = True

    async def _misbehave(self, step: model.Step, _doer: str) -> Outcome:
        assert isinstance(step.act, model.Misbehave)
        end = self._target.misbehave(step.act.fault)
        if step.lasting_s is not None:
            self.timers += 1
            self._timers.at(self._now() + step.lasting_s, self._behave, end)
        return Outcome(OK)

    def _behave(self, end: Callable[[], None], _now: float) -> None:
        self.timers -= 1
        end()

    async def _revoke(self, _step: model.Step, doer: str) -> Outcome:
        if doer not in self._issued:
            return Outcome("failed", f"the platform does not know the token '{doer}'")
        try:
            await self._target.revoke_token(self.tokens[doer])
        except SimulatorError as error:
            return Outcome("failed", str(error))
        del self._issued[doer]
        return Outcome(OK)

    async def _subscribes(self, _step: model.Step, doer: str) -> Outcome:
        reader, close = self._open.get(doer, (None, None))
        if reader is not None and reader.is_open:
            return Outcome("failed", f"'{doer}' has an event stream already")
        if close is not None:  # the platform has ended that stream, and it is asked for a new one
            del self._open[doer]
            await close()
        try:
            await self._subscribe(doer)
        except ApiRefused as error:
            why = f"{error.status} {error.title}"
            self._recorder.put(StreamRecord(observer=doer, phase="refused", t_s=self._now(), why=why))
            return Outcome("rejected", why)
        return Outcome(OK)

    async def _subscribe(self, name: str) -> None:
        listener = self._listeners[name]
        collection = self.operator.collections[listener.collection]
        token = self.tokens[listener.token] if listener.token else ""
        reader = self._reader_of(name)
        self._open[name] = reader, await self._target.subscribe(collection, reader, token, listener.reads_per_s)

    async def _unsubscribe(self, _step: model.Step, doer: str) -> Outcome:
        opened = self._open.pop(doer, None)
        if opened is None:
            return Outcome("failed", f"'{doer}' has no event stream")
        await opened[1]()
        return Outcome(OK)

    _verbs: ClassVar[dict[type, Callable[[Any, model.Step, str], Awaitable[Outcome]]]] = {
        model.Stop: _stop,
        model.Start: _start,
        model.Restart: _restart,
        model.Misbehave: _misbehave,
        model.Revoke: _revoke,
        model.Subscribe: _subscribes,
        model.Unsubscribe: _unsubscribe,
    }


async def until(when_s: float, now: float, timers: Timers) -> None:
    """Wait for a run time; not at all if it has passed. Never a moment less, as a sum of seconds might be."""
    if when_s > now:
        await turn_of(when_s, timers)


async def turn_of(when_s: float, timers: Timers) -> None:
    """Wait until the calendar comes to what is asked for now, behind all that is in it for that time."""
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timers.at(when_s, _set, turn)
    await turn


def _set(turn: asyncio.Future[None], _now: float) -> None:
    if not turn.done():
        turn.set_result(None)
