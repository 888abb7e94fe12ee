"""A platform on the memory network in virtual time, and Internet devices that talk DTLS to it, datagram by datagram."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest

from simulator.protocol.coap import numbers
from simulator.protocol.coap.codec import Block, Message, decode, encode
from simulator.protocol.coap.numbers import Code, Type
from simulator.protocol.dtls.client import ClientContext, ClientSession, Resumption, State
from simulator.protocol.dtls.identity import Identity
from simulator.protocol.dtls.settings import Settings
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.settings import SpanSettings
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork

DAY_S = 86_400
SOON_S = 0.01


class InetDevice:
    """One device with a port of its own; `transport` says which of the platform's it talks to."""

    def __init__(self, scene: InetScene, host: str, port: int, transport: str, identity: Identity | None) -> None:
        self.scene, self.identity, self.transport = scene, identity, transport
        self.session: ClientSession | None = None
        self.heard = 0
        """Datagrams that came."""
        self._mid = 0
        self._port = scene.wire.open_now(host, port, self._receive)
        self.address = self._port.address

    def _receive(self, data: bytes, _peer: int, _ip: int, now: float) -> None:
        self.heard += 1
        if self.session is not None:
            self.session.feed(data, now)
            self.flush()

    def flush(self) -> None:
        for datagram in self.session.out():
            self.raw(datagram)

    def raw(self, datagram: bytes) -> None:
        self._port.send(datagram, getattr(self.scene.server, f"{self.transport}_address"))

    async def connect(self, resume: Resumption | None = None, **options: Any) -> str:
        """A handshake. Returns: "" or why it came to nothing."""
        scene = self.scene
        self.session = ClientSession(scene.trust(), self.identity, resume, **options)
        self.session.start(scene.clock.now())
        self.flush()
        while self.session.state is State.HANDSHAKE:
            await asyncio.sleep(SOON_S)
            if self.session.deadline is not None and scene.clock.now() >= self.session.deadline:
                self.session.expire(scene.clock.now())
                self.flush()
        await asyncio.sleep(SOON_S)
        return self.session.end

    async def send(self, data: bytes) -> list[bytes]:
        """One record. Returns: what came back within 10 ms."""
        self.session.send(data, self.scene.clock.now())
        self.flush()
        await asyncio.sleep(SOON_S)
        return self.session.received()

    async def close(self) -> None:
        self.session.close(self.scene.clock.now())
        self.flush()
        await asyncio.sleep(SOON_S)

    async def ask(
        self,
        code: int = Code.POST,
        path: str = "data",
        payload: bytes = b"",
        *,
        mid: int = 0,
        options: Any = (),
        **more: Any,
    ) -> Message | None:
        """One CoAP request; its answer."""
        self._mid += 1
        found = [(numbers.URI_PATH, part.encode()) for part in path.split("/")] + list(options)
        found.sort(key=lambda each: each[0])
        kind = more.get("type", Type.CON)
        answers = await self.send(encode(Message(kind, code, mid or self._mid, b"\x07", tuple(found), payload)))
        assert len(answers) < 2
        return decode(answers[0]) if answers else None


class InetScene:
    """The platform, its API in process, and a reader of all events of one collection."""

    def __init__(self, loop: Any, options: dict[str, Any]) -> None:
        span = options.pop("span", {})
        self.loop, self.clock = loop, loop.clock
        settings = ServerSettings.on_free_ports(span=SpanSettings(**span), **options)
        self.server = ReferenceServer(settings, loop.clock, loop.timers)
        self.wire = MemoryNetwork(loop.timers, loop.clock)
        self.mtu = 1280
        self._trust: ClientContext | None = None
        self._streams: list[Any] = []

    async def start(self) -> None:
        await self.server.start(self.wire)
        self.collection = self.call("POST", "/span/collections", {})["collectionId"]
        self.listen()

    def listen(self, what: str = "activity") -> Any:
        """From now on; the first one is what `events` and `raw_events` read."""
        request = self.request("GET", f"/span/collections/{self.collection}/{what}")
        stream = self.server.api.open_stream(request, self.clock.unix_ns(), lossless=True)
        if what == "activity":
            self.stream = stream
        return stream

    # --- operator -----------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: object = None) -> HttpRequest:
        raw = b"" if body is None else msgspec.json.encode(body)
        headers = {"x-api-token": self.server.token}
        return HttpRequest(method=method, path=path, headers=headers, body=raw, remote="127.0.0.1")

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.server.api.handle(self.request(method, path, body), self.clock.unix_ns())
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)

    @property
    def path(self) -> str:
        return f"/span/collections/{self.collection}"

    def create(self) -> str:
        """A device; its `deviceCreated` is passed over. Returns: its id."""
        name = self.call("POST", f"{self.path}/devices", {"config": {"inet": {}}})["deviceId"]
        assert self.events()[-1] == f"deviceCreated {name}"
        return name

    def certificate(self, name: str, kind: str = "device") -> Identity:
        """Issued by REST."""
        issued = self.call("POST", f"{self.path}/certificates/create", {f"{kind}Id": name})
        certificate, key, chain = (base64.b64decode(issued[each]) for each in ("certificate", "privateKey", "chain"))
        return Identity.from_pem(certificate + chain, key)

    def device(self, name: str = "", transport: str = "dtls", host: str = "127.0.0.5", port: int = 4200) -> InetDevice:
        """One with a certificate of its own; "": newly created."""
        name = name or self.create()
        return InetDevice(self, host, port, transport, self.certificate(name))

    def bare(
        self, identity: Identity | None, transport: str = "dtls", host: str = "127.0.0.5", port: int = 4200
    ) -> InetDevice:
        return InetDevice(self, host, port, transport, identity)

    def trust(self) -> ClientContext:
        if self._trust is None:
            root = self.server.api.handle(HttpRequest(method="GET", path="/simulator/root"), self.clock.unix_ns()).body
            self._trust = ClientContext(root, Settings(mtu=self.mtu), self.clock.unix_ns)
        return self._trust

    def queue(self, name: str, payload: bytes) -> str:
        body = {"payload": base64.b64encode(payload).decode()}
        return self.call("POST", f"{self.path}/devices/{name}/outbox", body)["messageId"]

    def stored(self, name: str) -> list[tuple[bytes, str]]:
        """(payload, transport), oldest first."""
        found = self.call("GET", f"{self.path}/devices/{name}/data")["data"]
        return [(base64.b64decode(each["payload"]), each["transport"]) for each in reversed(found)]

    def statistics(self) -> dict[str, int]:
        found = self.call("GET", "/simulator/statistics")["statistics"]
        return {key: number for key, number in found.items() if number}

    # --- what happened ------------------------------------------------------------------------------------------------

    def raw_events(self) -> list[bytes]:
        return self.stream.take()

    def events(self) -> list[str]:
        """Since the last look: `upstreamMessage 17dh… bytes=9 transport=dtls`."""
        return list(_told(map(msgspec.json.decode, self.raw_events())))

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _told(documents: Any) -> Iterator[str]:
    for each in documents:
        data = [f"{key}={value}" for key, value in each.get("data", {}).items()]
        yield " ".join([each["event"], each.get("deviceId", ""), *data]).strip()


Story = Callable[[InetScene], Awaitable[None]]


@pytest.fixture
def play() -> Callable[..., None]:
    """Play a story on a fresh platform: `play(story, span={…}, …)`; the story is given the scene."""

    def it(story: Story, **options: Any) -> None:
        async def main(loop: Any) -> None:
            scene = InetScene(loop, options)
            await scene.start()
            try:
                await story(scene)
            finally:
                await scene.server.stop()
            assert scene.server.timers <= 4, "what it left in the calendar"

        run_virtual(main)

    return it


@pytest.fixture
def block() -> Callable[..., Any]:
    """An option of block-wise transfer: `block(number of the option, block number, more, szx)`."""
    return lambda number, *fields: (number, Block(*fields).encode())
