"""A platform without sockets, with the words that the tests need."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from simulator.server.span.core import SpanCore
from simulator.server.span.http import HttpRequest, HttpResponse
from simulator.server.span.network import LoginAccepted, LoginRejected
from simulator.server.span.rest import Api
from simulator.server.span.settings import NS_PER_S, SpanSettings, TokenSettings
from simulator.server.span.streams import Subscription
from simulator.wire.address import address, ipv4

WRITE, READ = "w" * 64, "r" * 64
IMSI, IMEI = "242016000000001", "353456123456780"


class Platform:
    """A core with its API at a moment that the test sets."""

    def __init__(self, **options: Any) -> None:
        tokens = TokenSettings(text=WRITE, write=True), TokenSettings(text=READ)
        self.core = SpanCore(SpanSettings(tokens=(*options.pop("tokens", ()), *tokens), **options))
        self.api = Api(self.core)
        self.now_ns = 1_714_076_616 * NS_PER_S  # 2024-04-25 20:23:36, as in the published session

    def later(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)

    # --- API --------------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None, token: str = WRITE, **rest: Any) -> HttpRequest:
        raw = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        path, _, query = path.partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        headers = {"x-api-token": token} if token else {}
        return HttpRequest(method=method, path=path, query=pairs, headers=headers | rest.pop("headers", {}), body=raw,
                           **rest)  # fmt: skip

    def answer(self, method: str, path: str, body: Any = None, token: str = WRITE, **rest: Any) -> HttpResponse:
        return self.api.handle(self.request(method, path, body, token, **rest), self.now_ns)

    def call(self, method: str, path: str, body: Any = None, **rest: Any) -> Any:
        answer = self.answer(method, path, body, **rest)
        assert answer.status == 200, answer
        assert answer.content_type == "application/json"
        return msgspec.json.decode(answer.body)

    def refused(self, method: str, path: str, body: Any = None, token: str = WRITE, **rest: Any) -> tuple[int, str]:
        answer = self.answer(method, path, body, token, **rest)
        document = msgspec.json.decode(answer.body)
        assert answer.content_type == "application/problem+json"
        assert document["status"] == answer.status
        return answer.status, document["title"]

    def collection(self, **body: Any) -> str:
        return self.call("POST", "/span/collections", body)["collectionId"]

    def device(self, collection: str, imsi: str = "", imei: str = "", **body: Any) -> str:
        body = {"config": {"ciot": {"imsi": imsi, "imei": imei}}} | body
        return self.call("POST", f"/span/collections/{collection}/devices", body)["deviceId"]

    # --- streams ----------------------------------------------------------------------------------------------------

    def open(self, path: str, token: str = WRITE, **rest: Any) -> Any:
        lossless = rest.pop("lossless", False)
        return self.api.open_stream(self.request("GET", path, None, token, **rest), self.now_ns, lossless=lossless)

    def activity(self, collection: str, **rest: Any) -> Subscription:
        stream = self.open(f"/span/collections/{collection}/activity", **rest)
        assert isinstance(stream, Subscription), stream
        return stream

    # --- devices ----------------------------------------------------------------------------------------------------

    def login(self, imsi: str = IMSI, imei: str = IMEI, where: Any = None) -> LoginAccepted | LoginRejected:
        return self.core.login(imsi, imei, where, self.now_ns)

    def attached(self, collection: str, where: str = "127.64.0.5", imsi: str = IMSI) -> str:
        """A device in session. Returns: its id."""
        device = self.device(collection, imsi)
        assert isinstance(self.login(imsi, IMEI, where), LoginAccepted)
        return device

    def up(self, payload: bytes = b"hello", where: str = "127.64.0.5", transport: Any = "udp", **rest: Any) -> Any:
        rest = {"local_port": 1234} | rest
        return self.core.upstream(address(ipv4(where), 4200), payload, transport, self.now_ns, **rest)

    def poll(self, where: str = "127.64.0.5") -> Any:
        return self.core.poll(address(ipv4(where), 4200), "coap", self.now_ns, local_port=5683)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def make_platform() -> type[Platform]:
    """With other settings."""
    return Platform


@pytest.fixture
def events() -> Any:
    """What a stream holds, as objects."""
    return lambda stream: [msgspec.json.decode(message) for message in stream.take()]


@pytest.fixture
def names() -> Any:
    """The names of the events that a stream holds."""
    return lambda stream: [msgspec.json.decode(message).get("event", "") for message in stream.take()]
