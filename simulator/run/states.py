"""What the platform's API says about devices when a step or the run ends (scenarios §4, `state`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from simulator.errors import SimulatorError
from simulator.events.records import Record, StateRecord
from simulator.plan import Plan
from simulator.scenario.model import StateOf

PARALLEL = 64
"""Questions under way at a time."""

_BREATH = 64
"""Questions after which somebody who wants to stop the run is listened to; in process none ever waits."""


class Source(Protocol):
    """Who can be asked."""

    async def state(self, name: str, paths: Iterable[str]) -> Mapping[str, str | None]:
        """Path → value as text, None: no such field. Raises: SimulatorError."""


def wanted(forms: Iterable[object], plan: Plan) -> dict[str, tuple[str, ...]]:
    """Name of each device that the `state` forms among these ask about → the paths that any of them wants."""
    paths: dict[str, dict[str, None]] = {}
    for form in forms:
        if isinstance(form, StateOf):
            for name in plan.names(form.subject):
                paths.setdefault(name, {}).update(dict.fromkeys(path for path, _ in form.where))
    return {name: tuple(wants) for name, wants in paths.items()}


async def read_states(
    step: int,
    questions: Mapping[str, tuple[str, ...]],
    source: Source,
    put: Callable[[Record], None],
    now: Callable[[], float],
) -> None:
    """Ask about each device, and write down one record per device; also when it could not be read."""
    pending = iter(questions.items())

    async def work() -> None:
        for number, (name, paths) in enumerate(pending, 1):
            if not number % _BREATH:
                await asyncio.sleep(0)
            found: Mapping[str, str | None] = {}
            error = ""
            try:
                found = await source.state(name, paths)
            except SimulatorError as problem:
                error = str(problem) or type(problem).__name__
            put(StateRecord(step=step, subject=name, t_s=now(), found=found, error=error))

    workers = [asyncio.create_task(work(), name="read states") for _ in range(min(PARALLEL, len(questions)))]
    try:
        for worker in workers:
            await worker
    finally:
        for worker in workers:
            worker.cancel()
