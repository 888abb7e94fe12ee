"""The platform's API over sockets: requests, and its event streams by WebSocket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.errors import TargetError
from simulator.target.api import one_line

if TYPE_CHECKING:
    import aiohttp

PARALLEL_CALLS = 64
"""Requests under way at a time: an operator's scripts are not a load test of the API."""
CALL_TIMEOUT_S = 30.0
ANSWER_BYTES = 256 << 20
"""Longest answer that is read: a list of a million devices fits."""
PING_S = 20.0
GOODBYE_S = 1.0
"""How long a platform may take to answer the end of a stream."""
PAUSE_S = 0.1
"""Before the first attempt to come back; each later one waits twice as long, up to …"""
PAUSE_MOST_S = 5.0
PATIENCE_S = 30.0
"""How long a rehearsal tries to get its event stream back."""
STEADY_S = 5.0
"""A stream that lasted for so long had really come back."""


class StreamRefused(TargetError):
    """The platform is there, and gives no such event stream: trying again will not help."""


class HttpCaller:
    """Requests to one base URL with one token; the token never shows in an error."""

    def __init__(self, base_url: str, token: str) -> None:
        import aiohttp  # late: a virtual run never needs it

        self._base = base_url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL_CALLS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            headers={"X-API-Token": token, "Accept": "application/json"},
        )

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request. Raises: TargetError: nobody there, no answer in time, or one without end."""
        import aiohttp

        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(CALL_TIMEOUT_S),
                # A redirection would take the token along.
                self._session.request(
                    method, self._base + path, data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status, await _body(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise TargetError(f"{method} {self._base}{path}: {_reason(error)}") from error

    async def close(self) -> None:
        """Close idle connections."""
        await self._session.close()

    async def stream(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket. Raises: TargetError; StreamRefused: the platform answers, and does not want to."""
        import aiohttp

        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await self._session.ws_connect(
                    self._base + path,
                    heartbeat=PING_S,
                    timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_S),
                    max_msg_size=1 << 20,
                    compress=0,
                )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            refused = isinstance(error, aiohttp.WSServerHandshakeError) and error.status < 500
            raise (StreamRefused if refused else TargetError)(
                f"event stream {self._base}{path}: {_reason(error)}"
            ) from error


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES:
            raise ValueError(f"an answer of more than {ANSWER_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


_HINTS = {401: "; is the token right?", 403: "; may this token read it?", 404: ", it does not know the collection"}


def _reason(error: BaseException) -> str:
    """Why a call failed, without the library's own idiom."""
    import aiohttp

    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the platform answers {error.status}{_HINTS.get(error.status, '')}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno  # asyncio puts its own words into strerror
        words = os.strerror(number).lower() if number else str(error.os_error)
        return f"no connection ({words}); is the platform running, and is this its API's address?"
    if isinstance(error, TimeoutError):
        return f"no answer within {CALL_TIMEOUT_S:.0f} s"
    return f"the connection broke ({one_line(str(error)) or type(error).__name__})"


class SocketObserver:
    """Reads one event stream, reconnecting, and says when it was blind.

    Args:
        on_message: called with each text message and the run time of its arrival.
        on_gap: called with (from_s, to_s, why) when events may have been missed.
        on_end: called with the reason when it gives up: StreamRefused, another TargetError when nobody answers for
            `patience_s`, or what `on_message` and `on_gap` raise.
        patience_s: None: it tries for ever.
    """

    def __init__(
        self,
        caller: HttpCaller,
        path: str,
        now: Callable[[], float],
        on_message: Callable[[str, float], None],
        on_gap: Callable[[float, float, str], None],
        on_end: Callable[[BaseException], None],
        *,
        patience_s: float | None = PATIENCE_S,
    ) -> None:
        self._caller, self._path, self._now = caller, path, now
        self._on_message, self._on_gap, self._on_end = on_message, on_gap, on_end
        self._patience_s = float("inf") if patience_s is None else patience_s
        self._task: asyncio.Task[None] | None = None
        self._lost: tuple[float, str] | None = None
        self._heard_s = now()

    async def start(self) -> None:
        """Connect, and read from then on. Raises: TargetError if the first connection fails."""
        socket = await self._caller.stream(self._path)
        self._heard_s = self._now()
        self._task = asyncio.get_running_loop().create_task(self._read(socket), name=f"observer {self._path}")
        self._task.add_done_callback(self._ended)

    def tell_gap(self, silent: str = "") -> None:
        """Tell of a gap that has not ended yet; `silent`: why also an open stream may have said nothing."""
        now = self._now()
        if self._lost is not None:
            lost_s, why = self._lost
            self._lost = now, why
            self._on_gap(lost_s, now, why)
        elif silent:
            self._on_gap(self._heard_s, now, silent)

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_end(error)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        pause_s = PAUSE_S
        while True:
            opened_s = self._now()
            try:
                await self._read_until_closed(socket)
            finally:
                await socket.close()
            lost_s, why = self._lost = self._now(), f"the event stream was closed (code {socket.close_code})"
            if lost_s - opened_s > STEADY_S:
                pause_s = PAUSE_S
            # A platform that lets everybody in and throws everybody out again is not asked without a pause, either.
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
            socket = await self._reconnect(lost_s)
            lost_s, _ = self._lost
            self._lost, self._heard_s = None, self._now()
            self._on_gap(lost_s, self._heard_s, why)

    async def _read_until_closed(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        import aiohttp

        async for message in socket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._heard_s = self._now()
                self._on_message(message.data, self._heard_s)

    async def _reconnect(self, lost_s: float) -> aiohttp.ClientWebSocketResponse:
        pause_s = PAUSE_S
        while True:
            try:
                return await self._caller.stream(self._path)
            except StreamRefused:
                raise
            except TargetError as error:
                away_s = self._now() - lost_s
                if away_s > self._patience_s:
                    raise TargetError(f"nothing was seen for {away_s:.0f} s: {error}") from error
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MOST_S)
