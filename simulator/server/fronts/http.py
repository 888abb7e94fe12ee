"""The API on a TCP port: HTTP requests and WebSockets, translated for the core and back.

Whatever arrives, the peer gets an answer in the API's own form, never a traceback; that goes to the loop's exception
handler. Imports aiohttp, so import this module late.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import HttpVersion11, web

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.server.fronts.http_server import Server, go_on, listening, port_problem, report, response
from simulator.server.fronts.streams import SocketReader
from simulator.server.span.http import HttpRequest, HttpResponse, problem
from simulator.server.span.rest import Api
from simulator.server.span.settings import SpanSettings
from simulator.server.span.streams import CLOSE_GOING_AWAY, Closed
from simulator.wire.address import ANY, LOOPBACK, Address, address, host_text, ipv4

BODY_S = 30.0
"""How long a request may take to send its body."""
STOP_S = 0.5
"""How long requests under way may take when the server stops."""
TICK_S = 1.0
"""How often readers are looked through for keepalives."""
_STOPPING = Closed(CLOSE_GOING_AWAY, "server stops")


class HttpFront:
    """One TCP port in front of the API.

    Args:
        lossless: event streams drop nothing; for a reader that must be able to prove an absence.
    """

    def __init__(self, api: Api, clock: Clock, settings: SpanSettings, *, lossless: bool = False) -> None:
        self._api, self._clock, self._settings, self._lossless = api, clock, settings, lossless
        self._runner: web.ServerRunner | None = None
        self._readers: set[SocketReader] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._answering = asyncio.Event()
        self.address: Address = 0
        """Where it listens; 0 before `start`."""

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, hold: bool = False) -> None:
        """Listen. Raises: LocalError: the port is not to be had.

        `hold`: streams can be opened at once, requests wait for `answer`: whoever changes something then is seen by
        those who had come to listen.
        """
        # One byte more than allowed: what is too long for the API shall be refused by the API.
        server = Server(self._serve, body_most=self._settings.body_bytes + 1)
        runner = web.ServerRunner(server, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listening(host_text(ipv4(host)), port)).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise LocalError(port_problem(error, host, port)) from error
        self._runner = runner
        if not hold:
            self.answer()
        self.address = address(host, runner.addresses[0][1])
        self._ticking = asyncio.get_running_loop().create_task(self._tick(), name="keepalives of readers")

    def answer(self) -> None:
        """From now on requests are answered."""
        self._answering.set()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:10080`; usable on this machine also if it listens on all addresses."""
        host = self.address & 0xFFFFFFFF
        return f"http://{host_text(LOOPBACK if host == ANY else host)}:{self.address >> 32}"

    async def stop(self, why: Closed = _STOPPING, *, patience_s: float = 0.0) -> None:
        """Say goodbye to readers, let requests end, close the port; calling it again does nothing.

        Args:
            why: what readers are told.
            patience_s: how long they may take to read what waits for them, besides the time of requests under way.
        """
        runner, self._runner = self._runner, None
        if runner is None:
            return
        if self._ticking is not None:
            self._ticking.cancel()
        self._answering.set()  # who waits for it is told that there is nothing to wait for
        readers = tuple(self._readers)
        await asyncio.gather(*(reader.stop(why) for reader in readers), return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                for reader in readers:
                    await reader.gone.wait()
        await runner.cleanup()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_ns = self._clock.unix_ns()
            for reader in tuple(self._readers):
                if reader.subscription is not None:
                    reader.subscription.expire(now_ns)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._stream(request)
            return response(await self._answer(request))
        except web.HTTPException as refusal:
            return response(problem(refusal.status, refusal.reason or "Bad request"))
        except (ConnectionError, asyncio.CancelledError):
            raise  # there is nobody to answer
        except Exception as error:
            report(request, error)
            return response(problem(500, "Internal error"))

    async def _answer(self, request: web.BaseRequest) -> HttpResponse:
        try:
            async with asyncio.timeout(BODY_S):
                if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
                    await go_on(request)
                body = await request.read()
        except TimeoutError:
            return problem(408, "The request body did not come in time")
        except web.HTTPRequestEntityTooLarge:
            return problem(413, f"Request body is too long: {self._settings.body_bytes} bytes is the limit")
        except web.RequestPayloadError:
            return problem(400, "The request body is not encoded as its headers say")
        await self._answering.wait()
        if self._runner is None:
            return problem(503, "The platform is going down")
        return self._api.handle(_request(request, body), self._clock.unix_ns())

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._runner is None:
            return response(problem(503, "The platform is going down"))
        if len(self._readers) >= self._settings.streams_most:
            return response(problem(503, "Too many streams"))
        if request.method != "GET":
            return response(problem(405, "A WebSocket is opened with GET", {"Allow": "GET"}))
        stream = self._api.open_stream(_request(request), self._clock.unix_ns(), lossless=self._lossless)
        if isinstance(stream, HttpResponse):
            return response(stream)
        reader = SocketReader(self._clock.unix_ns)
        self._readers.add(reader)
        try:
            return await reader.run(request, stream)
        finally:
            self._readers.discard(reader)


def _request(request: web.BaseRequest, body: bytes = b"") -> HttpRequest:
    return HttpRequest(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        remote=request.remote or "",
    )
