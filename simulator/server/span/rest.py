"""The API: one function from a request to an answer, and one that opens a stream. No sockets.

Order of checks: does it look like a request, who asks (401), may they (403), is there such a path (404) and method
(405), and then the operation itself.
"""

from __future__ import annotations

from simulator.server.span import (
    rest_blobs,
    rest_certificates,
    rest_collections,
    rest_devices,
    rest_gateways,
    rest_later,
    rest_messages,
    rest_radius,
    rest_streams,
    rest_system,
)
from simulator.server.span.core import SpanCore
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpRequest, HttpResponse, problem
from simulator.server.span.rest_streams import PendingAuth
from simulator.server.span.router import Call, Found, Router
from simulator.server.span.streams import Subscription
from simulator.server.span.tokens import Token, credentials

_GUARDED = "/span/"
_RESOURCES = (
    rest_system,
    rest_radius,
    rest_collections,
    rest_devices,
    rest_gateways,
    rest_certificates,
    rest_messages,
    rest_blobs,
    rest_later,
)
"""The first one that adds an operation has it."""


class Api:
    """Everything that an operator or a reader may ask for."""

    def __init__(self, core: SpanCore) -> None:
        self._core = core
        self._router = Router()
        for resource in _RESOURCES:
            resource.add_routes(self._router)

    def handle(self, request: HttpRequest, now_ns: int) -> HttpResponse:
        """Answer one request; whatever it contains, there is an answer. `now_ns`: Unix nanoseconds."""
        try:
            return self._handle(request, now_ns)
        except Refusal as refusal:
            return problem(refusal.status, refusal.title)

    def open_stream(
        self, request: HttpRequest, now_ns: int, *, lossless: bool = False
    ) -> Subscription | PendingAuth | HttpResponse:
        """Open a stream of events or data (span §3).

        Args:
            lossless: nothing is dropped for a slow reader; one that is much too slow is cut off. For a reader in the
                same machine that must be able to prove an absence.
        Returns: the reader's end; PendingAuth: the client has to say first who it is; or an answer other than an
            upgrade.
        """
        try:
            return rest_streams.open_stream(self._core, request, now_ns, lossless=lossless)
        except Refusal as refusal:
            return problem(refusal.status, refusal.title)

    def _handle(self, request: HttpRequest, now_ns: int) -> HttpResponse:
        settings = self._core.settings
        if len(request.path) > settings.path_bytes:
            raise Refusal(404, "Path is too long")
        found = self._router.find(request.path)
        route = found.methods.get(request.method) if found is not None else None
        token = None
        if not (_is_open(found) if found is not None else not request.path.startswith(_GUARDED)):
            token = self._authorise(request)
        if found is None:
            if rest_streams.stream_of(request.path) is not None:
                raise Refusal(426, "This is a stream: open it as a WebSocket")
            raise Refusal(404, "No such path")
        if route is None:
            return _wrong_method(found)
        if len(request.body) > settings.body_bytes:
            raise Refusal(413, f"Request body is too long: {settings.body_bytes} bytes is the limit")
        call = Call(core=self._core, request=request, path=found.path, now_ns=now_ns, token=token)
        return route.handler(call)

    def _authorise(self, request: HttpRequest) -> Token:
        tokens = self._core.tokens
        token = tokens.find(credentials(request.headers))
        tokens.check(token, request.method, request.path)
        return token


def _is_open(found: Found) -> bool:
    return all(route.open for route in found.methods.values())


def _wrong_method(found: Found) -> HttpResponse:
    allowed = ", ".join(sorted(found.methods))
    return problem(405, f"Method not allowed here; allowed: {allowed}", {"Allow": allowed})
