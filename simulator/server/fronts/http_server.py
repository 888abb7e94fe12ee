"""aiohttp's connections and their port, with an answer in the API's form also for what is no request at all.

As shipped, every line of nonsense on the port writes a traceback to the log, and is answered in plain text.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from simulator.server.span.http import HttpResponse, problem

HEAD_S = 30.0
"""How long a new connection may take to say what it wants; aiohttp would wait for ever."""
IDLE_S = 3630.0
"""How long a connection may be idle between two requests, as shipped."""
LINGER_S = 10.0
_TITLE_LENGTH = 200

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Nonsense from a peer is the peer's affair: it gets an answer, and the output of the server stays readable.
_SILENT = logging.getLogger("simulator.server.http")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Connection(web.RequestHandler):
    """One TCP connection of a client."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As shipped; and who comes to ask for nothing does not stay."""
        super().connection_made(transport)
        self._patience = asyncio.get_running_loop().call_later(HEAD_S, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As shipped."""
        self.has_asked()
        super().connection_lost(exc)

    def has_asked(self) -> None:
        """The head of a request has come: its body is the handler's affair, and the next request aiohttp's."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What goes back when no request can be made of the bytes, or the handler failed; then the connection ends."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        if isinstance(exc, HttpProcessingError):
            answer = response(problem(status, _title(message or exc.message)))
        else:
            if exc is not None and not isinstance(exc, ConnectionError):  # a client that left is no fault of ours
                report(request, exc)
            answer = response(problem(status, "Internal error"))
        answer.force_close()
        return answer


class Server(web.Server):
    """Makes the connections.

    Args:
        body_most: longest request body in bytes; `read` of a longer one raises HTTPRequestEntityTooLarge.
        decompress: whether a body that says how it is compressed arrives unpacked.
        linger_s: for how long the rest of a body is thrown away, after an answer that did not wait for it: a client
            that is cut off while it sends often loses the answer.
        idle_s: how long a connection may be idle between two requests.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        body_most: int,
        decompress: bool = True,
        linger_s: float = LINGER_S,
        idle_s: float = IDLE_S,
    ) -> None:
        super().__init__(handler, request_factory=self._request)
        self._body_most, self._decompress, self._linger_s, self._idle_s = body_most, decompress, linger_s, idle_s

    def __call__(self) -> web.RequestHandler:
        """A protocol for the next connection."""
        return Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=_SILENT,
            logger=_SILENT,
            auto_decompress=self._decompress,
            lingering_time=self._linger_s,
            keepalive_timeout=self._idle_s,
        )

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        protocol.has_asked()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._body_most)


def response(answer: HttpResponse) -> web.Response:
    """The same answer for aiohttp."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def go_on(request: web.BaseRequest) -> None:
    """The client waits for a word before it sends its body (RFC 9110 §10.1.1); any other expectation is ignored."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun


def report(request: web.BaseRequest, error: BaseException) -> None:
    """A fault of ours goes to the loop's exception handler, not to the peer."""
    context = {"message": f"{request.method} {request.path} failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)


def _title(message: str) -> str:
    """One line of the parser's several, without the bytes that it quotes."""
    words = message.partition("\n")[0].partition(": b")[0].rstrip(": ")
    return f"This is no HTTP request: {words or 'Bad request'}"[:_TITLE_LENGTH]


def listening(host: str, port: int) -> socket.socket:
    """A bound TCP socket. Bound here, because asyncio words the system's refusals differently from version to version.

    Raises: OSError, OverflowError.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if os.name == "posix":  # elsewhere it would let two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def port_problem(error: OSError | OverflowError, host: str, port: int) -> str:
    """Why a port is not to be had, and what to do."""
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"TCP port {port} on {host} is in use; stop the program that has it, or choose another (0: any free one)"
    if code == errno.EACCES:
        return f"no permission for TCP port {port} on {host}; choose one above 1023"
    if code == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; 127.0.0.1 always is"
    return f"cannot listen on TCP port {port} of {host}: {error}"
