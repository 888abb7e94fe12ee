"""The platform's API over sockets: requests, and its event streams by WebSocket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from copy import copy
from functools import cache
from typing import TYPE_CHECKING

from simulator.errors import TargetError
from simulator.target.api import ApiRefused, one_line, title_of

if TYPE_CHECKING:
    import aiohttp

PARALLEL_CALLS = 64
"""Requests under way at a time: an operator's scripts are not a load test of the API."""
CALL_TIMEOUT_S = 30.0
ANSWER_BYTES = 256 << 20
"""Longest answer that is read: a list of a million devices fits."""
PING_S = 20.0
REFUSAL_S = 2.0
"""How long a platform may take to say in words why it refuses a stream."""
GOODBYE_S = 0.3
"""How long a platform may take to answer the end of a stream."""
PAUSE_S = 0.1
"""Before the first attempt to come back; each later one waits twice as long, up to …"""
PAUSE_MOST_S = 5.0
PATIENCE_S = 30.0
"""How long a rehearsal tries to get its event stream back."""
_SWITCHING = 101
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
CLOSE_POLICY = 1008
CLOSE_RESTART = 1012
HEARD_OUT_S = 1.0
"""How long the end of a stream may take to arrive, after the platform has sent it."""
STEADY_S = 5.0
"""A stream that lasted for so long had really come back."""


class StreamRefused(TargetError):
    """The platform is there, and gives no such event stream: trying again will not help."""

    def __init__(self, problem: str, status: int = 0) -> None:
        super().__init__(problem, status)
        self.problem, self.status = problem, status

    def __str__(self) -> str:
        return self.problem


class HttpCaller:
    """Requests to one base URL with one token; the token never shows in an error."""

    def __init__(self, base_url: str, token: str) -> None:
        import aiohttp  # late: a virtual run never needs it

        self._base = base_url.rstrip("/")
        self._token = {"X-API-Token": token}
        stay = aiohttp.TraceConfig()
        stay.on_request_redirect.append(_stay)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL_CALLS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            headers={"Accept": "application/json"},
            trace_configs=[stay],
        )

    def showing(self, token: str) -> HttpCaller:
        """The same with another token, over the same connections; closing it closes both."""
        other = copy(self)
        other._token = {"X-API-Token": token}
        return other

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request. Raises: TargetError: nobody there, no answer in time, or one without end."""
        return await self._ask(method, path, body, {} if body is None else {"Content-Type": "application/json"})

    async def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], patience_s: float | None = None
    ) -> tuple[int, bytes]:
        import aiohttp

        try:
            async with (
                asyncio.timeout(CALL_TIMEOUT_S if patience_s is None else patience_s),
                # A redirection would take the token along.
                self._session.request(
                    method, self._base + path, data=body, headers=self._token | headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status, b"" if answer.status == _SWITCHING else await _body(answer)
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
                    headers=self._token,
                    heartbeat=PING_S,
                    timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_S),
                    max_msg_size=1 << 20,
                    compress=0,
                )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = f"event stream {self._base}{path}: {_reason(error)}"
            if isinstance(error, aiohttp.WSServerHandshakeError) and error.status < 500:
                raise StreamRefused(problem, error.status) from error
            raise TargetError(problem) from error

    async def refusal(self, path: str, status: int) -> ApiRefused:
        """Why a stream was refused, in the platform's words, which the handshake has thrown away: ask once more."""
        what = f"event stream {path}"
        try:
            status, answer = await self._ask("GET", path, None, _UPGRADE, REFUSAL_S)
        except TargetError:
            answer = b""
        return ApiRefused(status, title_of(answer), what)


async def _stay(_session: aiohttp.ClientSession, _context: object, params: aiohttp.TraceRequestRedirectParams) -> None:
    """A WebSocket's handshake cannot be told not to follow a redirection, which would take the token along."""
    import aiohttp

    answer = params.response
    answer.close()
    raise aiohttp.WSServerHandshakeError(
        answer.request_info, answer.history, status=answer.status, message="redirected"
    )


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


@cache
def _message_types() -> tuple[frozenset[aiohttp.WSMsgType], frozenset[aiohttp.WSMsgType]]:
    from aiohttp import WSMsgType as Kind

    return frozenset((Kind.TEXT, Kind.BINARY)), frozenset((Kind.CLOSE, Kind.CLOSING, Kind.CLOSED, Kind.ERROR))


class SocketObserver:
    """Reads one event stream, reconnecting, and says when it was blind.

    Args:
        on_message: called with each text message and the run time of its arrival.
        on_gap: called with (from_s, to_s, why) when events may have been missed.
        on_end: called with the reason when it gives up: StreamRefused, another TargetError when nobody answers for
            `patience_s`, or what `on_message` and `on_gap` raise.
        patience_s: None: it tries for ever.
        on_open: called with the run time of each opening.
        on_close: called with the run time and the reason of each end; with it, an end with 1008 is final.
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
        on_open: Callable[[float], None] | None = None,
        on_close: Callable[[float, str], None] | None = None,
    ) -> None:
        self._on_open, self._on_close = on_open, on_close
        self._expects_restart = self._heard_out = False
        self.is_open = False
        """Whether it reads now."""
        self._caller, self._path, self._now = caller, path, now
        self._on_message, self._on_gap, self._on_end = on_message, on_gap, on_end
        self._patience_s = float("inf") if patience_s is None else patience_s
        self._task: asyncio.Task[None] | None = None
        self._lost: tuple[float, str] | None = None
        self._heard_s = now()

    async def start(self) -> None:
        """Connect, and read from then on. Raises: TargetError if the first connection fails."""
        socket = await self._caller.stream(self._path)
        self._opened()
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

    # --- while the platform is restarted in order ---------------------------------------------------------------------

    def expect_restart(self) -> None:
        """The platform is about to go down: if the stream ends for that reason, nothing is missed until `come_back`."""
        self._expects_restart = True

    async def heard_out(self) -> None:
        """Wait until the stream has been read to its end; one that does not end in time goes on as after a cut."""
        if self._task is not None and self.is_open:
            await asyncio.wait((self._task,), timeout=HEARD_OUT_S)
        self._expects_restart = False

    async def come_back(self) -> None:
        """The platform is up again. Raises: TargetError."""
        if self._heard_out:
            self._heard_out = False
            await self.start()

    # --- reading ------------------------------------------------------------------------------------------------------

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
            words = ""
            try:
                words = await self._read_until_closed(socket)
            finally:
                self.is_open = False
                await socket.close()
            code = socket.close_code
            if self._expects_restart and code == CLOSE_RESTART:
                self._heard_out = True
                return
            lost_s, why = self._lost = self._now(), f"the event stream was closed (code {code}{words})"
            if self._on_close is not None:
                self._on_close(lost_s, why)
                if code == CLOSE_POLICY:
                    return  # it was told not to come back
            if lost_s - opened_s > STEADY_S:
                pause_s = PAUSE_S
            # A platform that lets everybody in and throws everybody out again is not asked without a pause, either.
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
            socket = await self._reconnect(lost_s)
            lost_s, _ = self._lost
            self._lost = None
            self._on_gap(lost_s, self._now(), why)
            self._opened()

    def _opened(self) -> None:
        self._heard_s = self._now()
        self.is_open = True
        if self._on_open is not None:
            self._on_open(self._heard_s)

    async def _read_until_closed(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Returns: the platform's reason for the end, after a colon; "": none."""
        import aiohttp

        data, ends = _message_types()
        while True:
            message = await socket.receive()
            if message.type in data:
                self._heard_s = self._now()
                self._on_message(message.data, self._heard_s)
            elif message.type in ends:
                said = message.extra if message.type is aiohttp.WSMsgType.CLOSE else ""
                return f": {one_line(said)}" if said else ""

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
