"""What the reference server has counted about its mobile network, before the story and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from simulator.errors import SimulatorError
from simulator.events.records import Record, StatisticsRecord
from simulator.run.target import Target
from simulator.target.api import ApiRefused

Phase = Literal["began", "ended"]


async def count(target: Target, phase: Phase, put: Callable[[Record], None], now: Callable[[], float]) -> None:
    """Write down one record, also when it could not be read; none of a platform that does not let us look."""
    if "login" not in target.capabilities:
        return
    try:
        found = await target.api.statistics()
    except ApiRefused:
        return
    except SimulatorError as problem:
        put(StatisticsRecord(phase=phase, t_s=now(), found={}, error=str(problem) or type(problem).__name__))
        return
    put(StatisticsRecord(phase=phase, t_s=now(), found=found))
