"""Timers in real time, on asyncio."""

from __future__ import annotations

import asyncio

from simulator.clock import Clock
from simulator.wire.drivers.one_timer import OneTimer


class RealTimers(OneTimer):
    """`Timers` on a running asyncio loop."""

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(clock, loop)
        self._loop = loop

    def _set(self, wait_s: float) -> asyncio.Handle:
        return self._loop.call_later(wait_s, self._expire) if wait_s > 0 else self._loop.call_soon(self._expire)

    def _take_back(self, handle: asyncio.Handle) -> None:
        handle.cancel()
