"""Opening a stream: paths, and the three ways to say who one is (span §3.1, §3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from simulator.server.span.bodies import read_id
from simulator.server.span.core import SpanCore
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpRequest
from simulator.server.span.model import Collection
from simulator.server.span.settings import NS_PER_S
from simulator.server.span.streams import CLOSE_POLICY, Closed, Subscription
from simulator.server.span.tokens import Token, credentials

QUERY_TOKEN = "api_token"
_NOBODY = -1
FIRST_MESSAGE_BYTES = 64 << 10
"""Longest first message; a JWT is a few kilobytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a path asks for; ids as written there."""

    activity: bool
    collection: str
    device: str = ""


class FirstMessage(msgspec.Struct):
    """What an unauthenticated client says first; the ids repeat the path, or narrow it down."""

    jwt: str | None = None
    collectionId: str | None = None
    deviceId: str | None = None
    gatewayId: str | None = None


def stream_of(path: str) -> Wanted | None:
    """The stream that a path names, with or without `/span` in front; None: none.

    >>> stream_of("/collections/17dh0cf43jfgl8/from")
    Wanted(activity=False, collection='17dh0cf43jfgl8', device='')
    """
    segments = path.split("/")[1:] if path.startswith("/") else []
    prefixed = segments[:1] == ["span"]
    match segments[1:] if prefixed else segments:
        case ["collections", collection, "from"] if collection:
            return Wanted(activity=False, collection=collection)
        case ["collections", collection, "devices", device, "from"] if collection and device:
            return Wanted(activity=False, collection=collection, device=device)
        # The Go helper leaves /span out of data streams only (span §3.1).
        case ["collections", collection, "activity"] if collection and prefixed:
            return Wanted(activity=True, collection=collection)
    return None


class PendingAuth:
    """A stream that was opened without a token: its first message has to say who it is."""

    def __init__(self, core: SpanCore, request: HttpRequest, wanted: Wanted, now_ns: int, *, lossless: bool) -> None:
        self._core, self._request, self._wanted, self._lossless = core, request, wanted, lossless
        self.deadline_ns = now_ns + core.settings.first_message_s * NS_PER_S
        """By then the first message must have come; otherwise close with `too_late`."""

    @staticmethod
    def too_late() -> Closed:
        """What to close with after the deadline."""
        return Closed(CLOSE_POLICY, "no authentication in time")

    def first_message(self, message: bytes, now_ns: int) -> Subscription | Closed:
        """The client's first text message; never raises."""
        try:
            if len(message) > FIRST_MESSAGE_BYTES:
                return Closed(CLOSE_POLICY, "first message is too long")
            first = msgspec.json.decode(message, type=FirstMessage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return Closed(CLOSE_POLICY, "first message is no authentication")
        wanted = self._wanted
        if first.collectionId and first.collectionId != wanted.collection:
            return Closed(CLOSE_POLICY, "collectionId is not the one of the path")
        if wanted.device and first.deviceId and first.deviceId != wanted.device:
            return Closed(CLOSE_POLICY, "deviceId is not the one of the path")
        try:
            token = self._core.tokens.find(first.jwt or "")
            self._core.tokens.check(token, "GET", self._request.path)
            device = wanted.device or first.deviceId or ""
            narrowed = Wanted(activity=wanted.activity, collection=wanted.collection, device=device)
            gateway = first.gatewayId or ""
            return subscribe(self._core, narrowed, now_ns, token, lossless=self._lossless, gateway=gateway)
        except Refusal as refusal:
            return Closed(CLOSE_POLICY, refusal.title)


def open_stream(
    core: SpanCore, request: HttpRequest, now_ns: int, *, lossless: bool = False
) -> Subscription | PendingAuth:
    """Begin a stream.

    Raises: Refusal: 404: no such stream, 400: a writable token in the query, 401, 403, 503: too many streams.
    """
    wanted = stream_of(request.path)
    if wanted is None:
        raise Refusal(404, "No such stream")
    if core.streams >= core.settings.streams_most:
        raise Refusal(503, f"Too many streams: {core.settings.streams_most} is the limit")
    token = _token(core, request)
    if token is None:
        return PendingAuth(core, request, wanted, now_ns, lossless=lossless)
    core.tokens.check(token, "GET", request.path)
    return subscribe(core, wanted, now_ns, token, lossless=lossless)


def _token(core: SpanCore, request: HttpRequest) -> Token | None:
    text = credentials(request.headers)
    if text:
        return core.tokens.find(text)
    text = request.query.get(QUERY_TOKEN, "")
    if not text:
        return None
    token = core.tokens.find(text)
    # Addresses end up in logs, so only harmless tokens may stand in them (span §3.2).
    if token.write:
        raise Refusal(400, "Only a read-only token may be given in the address")
    return token


def subscribe(
    core: SpanCore, wanted: Wanted, now_ns: int, token: Token, *, lossless: bool, gateway: str = ""
) -> Subscription:
    """Listen from now on, as long as the token is known. Raises: Refusal 400, 404."""
    collection = _collection(core, wanted)
    device = None
    if wanted.device:
        device = read_id(wanted.device, "device")
        if device not in collection.devices:
            raise Refusal(404, "Unknown device")
    if gateway:
        read_id(gateway, "gateway")
        if wanted.activity:
            device = _NOBODY  # no event carries a gateway's id yet
    reader = core.subscription(now_ns, lossless=lossless, device=device, gateway=gateway)
    core.listen(collection, reader, activity=wanted.activity, token=token.text)
    return reader


def _collection(core: SpanCore, wanted: Wanted) -> Collection:
    found = core.registry.collections.get(read_id(wanted.collection, "collection"))
    if found is None:
        raise Refusal(404, "Unknown collection")
    return found
