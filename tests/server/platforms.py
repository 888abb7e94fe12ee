"""A server without ports that stories are told to."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from simulator.clock import VirtualClock
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.settings import SpanSettings, TokenSettings
from simulator.wire.address import address, ipv4


class Bench:
    """A server without ports, at a moment that stands still: the API in process, datagrams straight to the core."""

    def __init__(self) -> None:
        settings = ServerSettings.on_free_ports(span=SpanSettings(stream_messages=2))
        self.server = ReferenceServer(settings, VirtualClock())
        self.now_ns = 1_714_076_616_000_000_000
        self.north, self.south = self.collection(), self.collection()

    def answer(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        raw = b"" if body is None else msgspec.json.encode(body)
        headers = {"x-api-token": token or self.server.token}
        request = HttpRequest(method=method, path=path, headers=headers, body=raw)
        answer = self.server.api.handle(request, self.now_ns)
        return answer.status, msgspec.json.decode(answer.body)

    def status(self, method: str, path: str, body: Any = None, token: str = "") -> int:
        return self.answer(method, path, body, token)[0]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.answer(method, path, body)
        assert status == 200, document
        return document

    def collection(self) -> str:
        return self.call("POST", "/span/collections", {})["collectionId"]

    def device(self, number: int = 1, where: str = "") -> str:
        """The path of a new device, which is in session."""
        imsi = f"99999000000000{number}"
        body = {"config": {"ciot": {"imsi": imsi}}, "tags": {"name": f"meter {number}"}}
        there = f"/span/collections/{where or self.north}/devices"
        device = self.call("POST", there, body)["deviceId"]
        self.server.core.login(imsi, "", f"127.64.0.{number}", self.now_ns)
        return f"{there}/{device}"

    def tags(self, device: str) -> dict[str, str]:
        return self.call("GET", device)["tags"]

    def send(self, device: str, *texts: str) -> list[str]:
        """Queue them; returns the ids."""
        bodies = [{"payload": msgspec.json.decode(msgspec.json.encode(text.encode()))} for text in texts]
        return [self.call("POST", device + "/outbox", body)["messageId"] for body in bodies]

    def polls(self, number: int = 1) -> list[bytes]:
        """What a device is given, until nothing waits."""
        found = []
        source = address(ipv4(f"127.64.0.{number}"), 4200)
        while len(found) < 10 and (down := self.server.core.poll(source, "coap", self.now_ns, local_port=1).downstream):
            found.append(down)
        return found

    def upload(self, number: int = 1) -> bool:
        """Whether the device is known."""
        source = address(ipv4(f"127.64.0.{number}"), 4200)
        return self.server.core.upstream(source, b"hello", "coap", self.now_ns, local_port=1).known

    def token(self, text: str, collection: str = "", write: bool = True) -> str:
        resource = f"/collections/{collection}" if collection else "/"
        self.server.core.tokens.add(TokenSettings(text=text, resource=resource, write=write))
        return text

    def stream(self, collection: str, token: str = "", **named: Any) -> Any:
        headers = {"x-api-token": token or self.server.token}
        request = HttpRequest(method="GET", path=f"/span/collections/{collection}/activity", headers=headers)
        return self.server.api.open_stream(request, self.now_ns, **named)

    def restart(self) -> None:
        async def go() -> None:
            await self.server.halt()
            await self.server.resume()

        asyncio.run(go())


def names(stream: Any) -> list[str]:
    """The events that a stream holds, and the platform's own words."""
    messages = [msgspec.json.decode(message) for message in stream.take()]
    return [message.get("event") or message["type"] for message in messages]
