"""aiohttp's connections, with an answer in the API's form also for what is no request at all.

As shipped, every line of nonsense on the port writes a traceback to the log, and is answered in plain text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from simulator.server.span.http import HttpResponse, problem

_TITLE_LENGTH = 200

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Nonsense from a peer is the peer's affair: it gets an answer, and the output of the server stays readable.
_SILENT = logging.getLogger("simulator.server.http")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Connection(web.RequestHandler):
    """One TCP connection of a client."""

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
        body_most: longest request body in bytes; reading a longer one raises HTTPRequestEntityTooLarge.
    """

    def __init__(self, handler: Handler, *, body_most: int) -> None:
        super().__init__(handler, request_factory=self._request)
        self._body_most = body_most

    def __call__(self) -> web.RequestHandler:
        """A protocol for the next connection."""
        return Connection(self, loop=asyncio.get_running_loop(), access_log=_SILENT, logger=_SILENT)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._body_most)


def response(answer: HttpResponse) -> web.Response:
    """The same answer for aiohttp."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def report(request: web.BaseRequest, error: BaseException) -> None:
    """A fault of ours goes to the loop's exception handler, not to the peer."""
    context = {"message": f"{request.method} {request.path} failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)


def _title(message: str) -> str:
    """One line of the parser's several, without the bytes that it quotes."""
    words = message.partition("\n")[0].partition(": b")[0].rstrip(": ")
    return f"This is no HTTP request: {words or 'Bad request'}"[:_TITLE_LENGTH]
