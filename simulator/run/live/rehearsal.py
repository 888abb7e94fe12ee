"""`rehearsal` of a test: makes devices, expects events, and lets time pass (scenarios §8)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from simulator.assertions import texts
from simulator.devices.outcome import Outcome
from simulator.errors import Place, UsageError
from simulator.events.records import ActRecord, EventRecord
from simulator.run.live.chronicle import Chronicle
from simulator.run.live.devices import Acting, LiveDevice, Payload
from simulator.run.live.reading import Words, place_of_caller
from simulator.run.live.said import ActFailed, NotHeld, told
from simulator.scenario.model import Collection, Counted, EventMatcher, Group, Step, Subject, WholeRun
from simulator.words import PLATFORM

T = TypeVar("T")
To = Coroutine[Any, Any, T]
"""To be awaited."""

WITHIN_S: Final = 10.0
"""scenarios §3: how long events may take if nobody says otherwise."""
RETRY_PAUSE_S: Final = 10.0
LEAST_ATTEMPT_S: Final = 62.0
"""RFC 7252 §4.2: an exchange without an answer is given up after 31 times the first timeout, of 2 to 3 s."""

Seen = EventRecord | tuple[EventRecord, ...]


class Stage(Protocol):
    """Where it is acted out."""

    chronicle: Chronicle

    @property
    def now(self) -> float:
        """Run time in seconds."""

    async def perform(self, number: int, step: Step) -> None:
        """Act one step out."""

    async def admit(self) -> None:
        """The devices of all groups are there from now on, also those that are new."""

    async def open_collection(self, name: str, tags: Mapping[str, str]) -> None:
        """Create a collection on the platform, and listen to it."""


class LiveRehearsal:
    """What a test is given. `rerun` is the command that runs it again."""

    def __init__(self, rerun: str) -> None:
        self._rerun = rerun
        self._words = Words()
        self._stage: Stage
        self._dark: dict[str, float] = {}
        self._spawned: list[asyncio.Task[Any]] = []
        self.steps: list[Step] = []
        """All that was done so far."""
        self.expected: list[WholeRun] = []
        """What was expected, and came."""

    def enter(self, stage: Stage) -> None:
        """The stage is ready. Called once, by whoever runs the test."""
        self._stage = stage

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        """Around the test: what it has spawned and not awaited comes to its end, or is ended if the test has failed.

        Raises: what was raised there and not seen by the test.
        """
        try:
            yield
            for task in self._spawned:
                await task
        finally:
            for task in self._spawned:
                task.cancel()
            await asyncio.gather(*self._spawned, return_exceptions=True)

    @property
    def collections(self) -> tuple[Collection, ...]:
        """The collections that the test has made."""
        return self._words.collections

    @property
    def groups(self) -> tuple[Group, ...]:
        """Who takes part."""
        return self._words.groups

    @property
    def now(self) -> float:
        """Run time in seconds."""
        return self._stage.now

    # --- who ----------------------------------------------------------------------------------------------------------

    def device(self, *, name: str = "", count: int = 1, registered: bool = True, **what: Any) -> To[LiveDevice]:
        """A new device, or `count` that are alike, made known to the platform unless `registered` is False.

        Args:
            name: how reports call it; "": `device1`, `device2`, …
            what: as in a file: `network`, `transport`, `link`, `payload`, `tags`, `collection`, `identity`, `stack`,
                `sim`, `modem`, `rat`, `cell`; with `network="inet"` also `certificate` ("expired", or {"of": meter}),
                `connection`, `clock`.
        Raises: ScenarioErrors: no such device can be. ActFailed: the platform refused to create it.
        """
        return self._device(name or f"device{len(self.groups) + 1}", count, registered, what, place_of_caller())

    async def _device(
        self, name: str, count: int, registered: bool, what: Mapping[str, Any], place: Place
    ) -> LiveDevice:
        said = {key: value for key, value in what.items() if value is not None}
        # The platform is told by an act, and not before the story: the story has begun.
        self._words.group(name, {"count": count, "registered": False, **said}, place)
        await self._stage.admit()
        device = LiveDevice(self, name, count)
        if registered:
            await self._act("create", name, {}, place)
        return device

    def collection(self, name: str, **tags: str) -> To[None]:
        """A further collection on the platform, to be named by `collection=` and `move`. Raises: ScenarioErrors."""
        found = self._words.collection(name, tags, place_of_caller())
        return self._stage.open_collection(name, {"name": name, **dict(found.tags)})

    # --- what happens -------------------------------------------------------------------------------------------------

    def act(self, verb: str, whom: LiveDevice | str, **what: Any) -> Acting:
        """Any verb of scenarios §3, with what a file would say beside it. Raises: ActFailed, ScenarioErrors."""
        return self._act(verb, whom.name if isinstance(whom, LiveDevice) else whom, what, place_of_caller())

    def send(self, whom: LiveDevice, payload: Payload, **more: Any) -> Acting:
        """The operator queues a downstream message."""
        return whom.send(payload, **more)

    def restart(self, lasting: float | None = None) -> Acting:
        """The platform goes down, stays down for so many seconds, and comes up again."""
        return self.act("restart", PLATFORM, **({} if lasting is None else {"lasting": lasting}))

    def stop(self) -> Acting:
        """The platform goes down; what it has accepted survives."""
        return self.act("stop", PLATFORM)

    def start(self) -> Acting:
        """It comes up again."""
        return self.act("start", PLATFORM)

    def misbehave(self, fault: str, lasting: float | None = None) -> Acting:
        """A named fault of the reference server, for so many seconds or to the end."""
        return self.act("misbehave", fault, **({} if lasting is None else {"lasting": lasting}))

    def blackout(self, whom: LiveDevice, seconds: float) -> AbstractAsyncContextManager[None]:
        """No datagram passes for so long, from the beginning of the block on. The block is over when the blackout is:
        what shall happen meanwhile stands inside, spawned if it takes its time."""
        return self._blackout(whom, seconds, place_of_caller())

    @asynccontextmanager
    async def _blackout(self, whom: LiveDevice, seconds: float, place: Place) -> AsyncIterator[None]:
        over_s = self.now + seconds
        await self._act("blackout", whom.name, {"lasting": seconds}, place)
        self._dark[whom.name] = over_s
        yield
        await asyncio.sleep(max(0.0, over_s - self.now))

    def patience(self, whom: LiveDevice) -> dict[str, Any]:
        """How often a device tries again if its radio is dark now: until it no longer is, and once more."""
        group = whom.name.partition(".")[0]
        left_s = max(self._dark.get(whom.name, 0.0), self._dark.get(group, 0.0)) - self.now
        if left_s <= 0:
            return {}
        times = math.ceil(left_s / (LEAST_ATTEMPT_S + RETRY_PAUSE_S)) + 1
        return {"retry": {"times": times, "pause": f"{RETRY_PAUSE_S:g} s"}}

    def received(self, whom: LiveDevice) -> tuple[bytes, ...]:
        """Downstream messages that have reached a device."""
        return tuple(self._stage.chronicle.received.get(whom.name, ()))

    def spawn(self, work: To[T]) -> asyncio.Task[T]:
        """Have something go on at the same time; await what is returned to have its result. What is not awaited comes
        to its end before the test does."""
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.append(task)
        return task

    async def wait(self, seconds: float) -> None:
        """Let run time pass."""
        await asyncio.sleep(seconds)

    async def _act(self, verb: str, whom: str, what: Mapping[str, Any], place: Place) -> Outcome | tuple[Outcome, ...]:
        __tracebackhide__ = True  # for pytest: the test's own line is what is of interest
        step = self._words.step(verb, whom, what, place)
        number = len(self.steps)
        self.steps.append(step)
        await self._stage.perform(number, step)
        came = self._stage.chronicle.outcomes(number)
        outcomes = tuple(outcome for _, outcome in came)
        wrong = [act for act, _ in came if not act.expected]
        if wrong:
            raise ActFailed(self._failure(step, wrong, len(came)), outcomes)
        return outcomes[0] if len(outcomes) == 1 else outcomes

    def _failure(self, step: Step, wrong: list[ActRecord], count: int) -> str:
        first = wrong[0]
        came = f"{first.subject}: {step.verb} came to {first.outcome}, not {step.outcome}"
        whom = tuple(dict.fromkeys(act.subject for act in wrong))
        many = f"{len(wrong)} of {count} acts, of {', '.join(whom[:3])}{', …' if len(whom) > 3 else ''}"
        details = (texts.device_says(first), many if count > 1 else "", f"again with: {self._rerun}")
        return told("FAIL", step.place, came, *details)

    # --- what must be seen --------------------------------------------------------------------------------------------

    def expect(self, event: str, *, of: LiveDevice, within_s: float = WITHIN_S, **conditions: Any) -> To[Any]:
        """Wait until each device of `of` has seen the event, for at most `within_s` from now.

        An event counts that came since the test began and that no expectation has had yet: expecting two needs two.
        `conditions` are what its data must contain, in the words of a file: `bytes="below 64"`, `transport="coap"`.
        Returns: the event (`events.records.EventRecord`); a tuple of them, for several devices. Raises: NotHeld.
        """
        place = place_of_caller()
        whom = _subject(of, place)
        matcher = self._words.event(event, conditions, place, of=whom, must=True, steps=self.steps)
        return self._expect(matcher, of, within_s, place)

    async def _expect(self, source: EventMatcher, of: LiveDevice, within_s: float, place: Place) -> Seen:
        __tracebackhide__ = True
        began_s = self.now
        chronicle, matcher = self._stage.chronicle, self._stage.chronicle.matcher(source)
        seen = []
        for name in _names(of):
            event = await chronicle.event(name, matcher, began_s + within_s)
            if event is None:
                words = f"{name} sees {texts.matcher(source)} within {texts.span(within_s)}"
                nearest, device = chronicle.story(name, matcher)
                blind = chronicle.blind(began_s, began_s + within_s)
                waited = f"waited {texts.moment(within_s)} from {texts.moment(began_s)}; {nearest}"
                again = f"again with: {self._rerun}"
                raise NotHeld(told("INCONCLUSIVE" if blind else "FAIL", place, words, waited, device, blind, again))
            seen.append(event)
        self._came(source, of, place)
        return seen[0] if len(seen) == 1 else tuple(seen)

    def never(self, event: str, *, of: LiveDevice, within_s: float = WITHIN_S, **conditions: Any) -> To[None]:
        """Wait for `within_s`; no device of `of` may see such an event until then, nor may it have seen one that no
        expectation has had. Raises: NotHeld."""
        place = place_of_caller()
        whom = _subject(of, place)
        matcher = self._words.event(event, conditions, place, of=whom, must=False, steps=self.steps)
        return self._never(matcher, of, within_s, place)

    async def _never(self, source: EventMatcher, of: LiveDevice, within_s: float, place: Place) -> None:
        __tracebackhide__ = True
        began_s = self.now
        chronicle, matcher = self._stage.chronicle, self._stage.chronicle.matcher(source)
        waiting = [chronicle.event(name, matcher, began_s + within_s) for name in _names(of)]
        found = [event for event in await asyncio.gather(*waiting) if event is not None]
        again = f"again with: {self._rerun}"
        if found:
            words = f"{found[0].subject} never sees {texts.matcher(source)}"
            raise NotHeld(told("FAIL", place, words, f"seen: {texts.sighting(found[0])}", again))
        blind = chronicle.blind(began_s, began_s + within_s)
        if blind:
            words = f"{of.name} never sees {texts.matcher(source)} within {texts.span(within_s)}"
            raise NotHeld(told("INCONCLUSIVE", place, words, blind, again))

    def _came(self, source: EventMatcher, of: LiveDevice, place: Place) -> None:
        """What was expected and came is no trouble, whatever it is."""
        whom = _subject(of, place)
        self.expected.append(Counted(place=place, quantifier="each", subject=whom, matcher=source, at_least=1))


def _subject(of: LiveDevice, place: Place) -> Subject:
    """Raises: UsageError: it is no device."""
    if not isinstance(of, LiveDevice):
        raise UsageError(f"of={of!r} is no device of this rehearsal (write of=meter)")
    group, _, number = of.name.partition(".")
    first = int(number or 0)
    return Subject(group=group, place=place, text=of.name, first=first, last=first if number else None)


def _names(of: LiveDevice) -> tuple[str, ...]:
    return tuple(of[number].name for number in range(len(of)))
