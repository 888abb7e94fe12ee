"""The platform's API over sockets: requests, and its event streams by WebSocket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.errors import TargetError

if TYPE_CHECKING:
    import aiohttp

PARALLEL_CALLS = 64
"""Requests under way at a time: an operator's scripts are not a load test of the API."""
CALL_TIMEOUT_S = 30.0
PING_S = 20.0


class HttpCaller:
    """Requests to one base URL with one token; the token never shows in an error."""

    def __init__(self, base_url: str, token: str) -> None:
        import aiohttp  # late: a virtual run never needs it

        self._base = base_url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL_CALLS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=CALL_TIMEOUT_S),
            headers={"X-API-Token": token, "Accept": "application/json"},
        )

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request. Raises: TargetError: nobody there, or no answer in time."""
        import aiohttp

        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(method, self._base + path, data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise TargetError(f"{method} {self._base}{path}: {_reason(error)}") from error

    async def close(self) -> None:
        """Close idle connections."""
        await self._session.close()

    async def stream(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket. Raises: TargetError."""
        import aiohttp

        try:
            return await self._session.ws_connect(self._base + path, heartbeat=PING_S, max_msg_size=1 << 20, compress=0)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise TargetError(f"event stream {self._base}{path}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Why a call failed, without the library's own idiom."""
    import aiohttp

    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the platform answers {error.status}; is the token right?"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno  # asyncio puts its own words into strerror
        words = os.strerror(number).lower() if number else str(error.os_error)
        return f"no connection ({words}); is the platform running, and is this its API's address?"
    if isinstance(error, TimeoutError):
        return f"no answer within {CALL_TIMEOUT_S:.0f} s"
    return f"the connection broke ({str(error) or type(error).__name__})"


class SocketObserver:
    """Reads one event stream for ever, reconnecting, and says when it was blind.

    Args:
        on_message: called with each text message and the run time of its arrival.
        on_gap: called with (from_s, to_s, why) when events may have been missed.
    """

    def __init__(
        self,
        caller: HttpCaller,
        path: str,
        now: Callable[[], float],
        on_message: Callable[[str, float], None],
        on_gap: Callable[[float, float, str], None],
    ) -> None:
        self._caller, self._path, self._now = caller, path, now
        self._on_message, self._on_gap = on_message, on_gap
        self._task: asyncio.Task[None] | None = None
        self._lost: tuple[float, str] | None = None

    async def start(self) -> None:
        """Connect, and read from then on. Raises: TargetError if the first connection fails."""
        socket = await self._caller.stream(self._path)
        self._task = asyncio.get_running_loop().create_task(self._read(socket), name=f"observer {self._path}")

    async def stop(self) -> None:
        """Hang up; a connection that never came back was a gap until now."""
        if self._lost is not None:
            self._on_gap(self._lost[0], self._now(), self._lost[1])
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            try:
                await self._read_until_closed(socket)
            finally:
                await socket.close()
            lost_s, why = self._lost = self._now(), f"the event stream was closed (code {socket.close_code})"
            socket = await self._reconnect()
            self._lost = None
            self._on_gap(lost_s, self._now(), why)

    async def _read_until_closed(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        import aiohttp

        async for message in socket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._on_message(message.data, self._now())

    async def _reconnect(self) -> aiohttp.ClientWebSocketResponse:
        pause_s = 0.1
        while True:
            try:
                return await self._caller.stream(self._path)
            except TargetError:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)
