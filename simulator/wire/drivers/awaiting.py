"""`await client.post(...)`: the CoAP engine for people who write coroutines; a thin skin over its callbacks.

A future has its loop wake one task with one callback; `Reply` is awaited like a future and has all tasks whose answers
came in one turn woken by one callback, in the order of the answers. That takes a third off what an await costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import ClassVar

import msgspec

from simulator.acts import Answer, NoAnswer
from simulator.clock import Clock
from simulator.protocol.coap.client import Engine
from simulator.protocol.coap.numbers import Code
from simulator.wire.address import Address, Ipv4

_GET, _POST = int(Code.GET), int(Code.POST)
_CANCELLED = NoAnswer("cancelled")


class AwaitingClient:
    """Coroutines over an engine that some driver feeds; to be used on that driver's loop.

    A failed exchange is a result (NoAnswer), not an exception. Cancelling the await cancels the exchange.
    """

    __slots__ = ("_clock", "_engine", "_loop", "_ready", "resolve")

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """`clock` must show the run time that the engine is fed with."""
        self._engine = engine
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None  # that of the first request
        self._ready: list[Reply] = []  # not empty: `_wake_all` is on its way
        self.resolve = self._resolved  # bound once

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
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        reply = Reply(self)
        engine, now = self._engine, self._clock.now()
        if szx is None:
            exchange = engine.request(local_ip, peer, code, path, payload, confirmable, self.resolve, reply, now)
        else:
            exchange = engine.request(
                local_ip, peer, code, path, payload, confirmable, self.resolve, reply, now, szx=szx
            )
        try:
            return await reply
        except asyncio.CancelledError:
            engine.cancel(exchange)
            raise

    def _resolved(self, reply: Reply, result: Answer | NoAnswer, _now: float) -> None:
        """The engine's callback: have the task that awaits this go on in the loop's next turn."""
        if reply.outcome is not None:  # whoever waited was cancelled
            return
        reply.outcome = result
        ready = self._ready
        if not ready and self._loop is not None:
            self._loop.call_soon(self._wake_all)
        ready.append(reply)

    def _wake_all(self) -> None:
        replies, self._ready = self._ready, []
        rest = iter(replies)
        try:
            for reply in rest:
                if reply.wakeup is not None and reply.context is not None:
                    reply.context.run(reply.wakeup, reply)
        finally:
            self._ready[:0] = left = list(rest)
            if left and self._loop is not None:  # a task has ended the loop, with SystemExit or the like
                self._loop.call_soon(self._wake_all)


class Reply(msgspec.Struct, eq=False):
    """What a task awaits: a future as far as asyncio's Task looks at one, for one task.

    That is `_asyncio_future_blocking`, which is how foreign futures are known (`asyncio.isfuture`), and four methods.
    """

    client: AwaitingClient
    outcome: Answer | NoAnswer | None = None
    """None: nothing has come yet."""
    wakeup: Callable[[Reply], object] | None = None
    context: Context | None = None
    _asyncio_future_blocking: bool = True

    # The task makes sure that it is on the same loop, which the running one always is.
    get_loop: ClassVar[Callable[[], asyncio.AbstractEventLoop]] = asyncio.get_running_loop

    def __await__(self) -> Generator[Reply, None, Answer | NoAnswer]:
        yield self
        assert self.outcome is not None, "an exchange can only be awaited in a task"
        return self.outcome

    def add_done_callback(self, wakeup: Callable[[Reply], object], *, context: Context) -> None:
        """The task says how to wake it."""
        self.wakeup, self.context = wakeup, context

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  the task's way to call it
        """The task is cancelled. False: the result is there, and the task has to cancel itself."""
        if self.outcome is not None:
            return False
        self.client.resolve(self, _CANCELLED, 0.0)
        return True

    def result(self) -> Answer | NoAnswer | None:
        """The task asks whether it is to go on, or has been cancelled."""
        if self.outcome is _CANCELLED:
            raise asyncio.CancelledError
        return self.outcome
