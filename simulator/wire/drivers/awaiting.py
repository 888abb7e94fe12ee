"""`await client.post(...)`: the CoAP engine for people who write coroutines; a thin skin over its callbacks."""

from __future__ import annotations

import asyncio
from typing import Any

from simulator.acts import Answer, NoAnswer
from simulator.clock import Clock
from simulator.protocol.coap.client import Engine
from simulator.protocol.coap.numbers import Code
from simulator.wire.address import Address, Ipv4

_GET, _POST = int(Code.GET), int(Code.POST)
_Future = asyncio.Future[Answer | NoAnswer]


class AwaitingClient:
    """Coroutines over an engine that some driver feeds; to be used on that driver's loop.

    A failed exchange is a result (NoAnswer), not an exception. Cancelling the await cancels the exchange.
    """

    __slots__ = ("_clock", "_engine")

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """`clock` must show the run time that the engine is fed with."""
        self._engine = engine
        self._clock = clock

    async def post(
        self, local_ip: Ipv4, peer: Address, path: str, payload: bytes, confirmable: bool = True
    ) -> Answer | NoAnswer:
        """POST; long payloads travel in blocks. Raises: ValueError: a path segment of more than 255 bytes."""
        return await self.request(local_ip, peer, _POST, path, payload, confirmable)

    async def get(self, local_ip: Ipv4, peer: Address, path: str, confirmable: bool = True) -> Answer | NoAnswer:
        """GET; an answer in blocks arrives whole. Raises: ValueError: a path segment of more than 255 bytes."""
        return await self.request(local_ip, peer, _GET, path, b"", confirmable)

    async def request(
        self,
        local_ip: Ipv4,
        peer: Address,
        code: int,
        path: str,
        payload: bytes = b"",
        confirmable: bool = True,
        *,
        szx: int | None = None,
    ) -> Answer | NoAnswer:
        """Any method; arguments and errors as `Engine.request`."""
        future: _Future = asyncio.get_running_loop().create_future()
        engine = self._engine
        exchange = engine.request(
            local_ip, peer, code, path, payload, confirmable, _resolve, future, self._clock.now(), szx=szx
        )
        try:
            return await future
        except asyncio.CancelledError:
            engine.cancel(exchange)
            raise


def _resolve(future: Any, result: Answer | NoAnswer, _now: float) -> None:
    if not future.done():  # whoever waited may have been cancelled
        future.set_result(result)
