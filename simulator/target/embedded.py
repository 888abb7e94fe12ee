"""The reference server as target: in process on the memory network, or on real sockets of this machine.

Either way it is driven through its public interfaces only. In process a request is handed to the same router that
the sockets feed, and events come out of the same bounded queues.
"""

from __future__ import annotations

import asyncio
from functools import partial

from simulator.clock import Clock, Timers
from simulator.errors import TargetError
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.streams import Subscription
from simulator.target.api import SpanApi
from simulator.target.http import HttpCaller, SocketObserver
from simulator.target.observer import Observer
from simulator.wire.address import Address
from simulator.wire.ports import Wire


class InProcessCaller:
    """Hands requests to the server's router at once; no time passes."""

    def __init__(self, server: ReferenceServer, clock: Clock, token: str) -> None:
        self._server, self._clock = server, clock
        self._headers = {"x-api-token": token, "accept": "application/json", "content-type": "application/json"}

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request."""
        answer = self._server.api.handle(self.request(method, path, body or b""), self._clock.unix_ns())
        return answer.status, answer.body

    def request(self, method: str, path: str, body: bytes = b"") -> HttpRequest:
        """The request as the router wants it."""
        return HttpRequest(method=method, path=path, headers=self._headers, body=body)

    async def close(self) -> None:
        """Nothing is held."""


class EmbeddedTarget:
    """The reference server inside this process.

    Args:
        wire: where its UDP and CoAP fronts open; the memory network in virtual time.
        sockets: True: its API is reached over HTTP and WebSocket on loopback; False: in process.
    """

    name = "embedded"
    capabilities = frozenset({"login", "faults", "lossless"})

    def __init__(self, *, clock: Clock, timers: Timers, wire: Wire, sockets: bool) -> None:
        self._clock, self._timers, self._wire, self._sockets = clock, timers, wire, sockets
        self._server = ReferenceServer(ServerSettings.on_free_ports(lossless=True), clock)
        self._caller: HttpCaller | InProcessCaller | None = None
        self._subscriptions: list[Subscription] = []
        self._readers: list[SocketObserver] = []
        self.coap: Address = 0
        self.udp: Address = 0
        self.api: SpanApi

    async def start(self) -> None:
        """Open the fronts. Raises: LocalError: no port to be had."""
        await self._server.start(self._wire)
        self.coap, self.udp = self._server.coap_address, self._server.udp_address
        if self._sockets:
            base_url = await self._server.start_http()
            self._caller = HttpCaller(base_url, self._server.token)
        else:
            self._caller = InProcessCaller(self._server, self._clock, self._server.token)
        self.api = SpanApi(self._caller)

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on."""
        path = f"/span/collections/{collection}/activity"
        if isinstance(self._caller, HttpCaller):
            told = observer.message, observer.gap, observer.failed
            reader = SocketObserver(self._caller, path, self._clock.now, *told)
            await reader.start()
            self._readers.append(reader)
            return
        assert isinstance(self._caller, InProcessCaller)
        stream = self._server.api.open_stream(self._caller.request("GET", path), self._clock.unix_ns(), lossless=True)
        if not isinstance(stream, Subscription):
            raise TargetError(f"the embedded server refused the event stream of collection {collection}: {stream}")
        self._subscriptions.append(stream)
        # In the next turn, as a socket would: never inside the call that caused the event.
        at, clock, drain = self._timers.at, self._clock, partial(_drain, stream, observer)
        stream.on_ready = lambda: at(clock.now(), drain)

    async def tell_gaps(self) -> None:
        """Before the verdict; the server is in this process, so an open stream has been heard to its end."""
        for reader in self._readers:
            reader.tell_gap()

    async def stop(self) -> None:
        """Stop reading, and stop the server."""
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        if self._caller is not None:
            await self._caller.close()
        await self._server.stop()


def _drain(stream: Subscription, observer: Observer, _argument: object, now: float) -> None:
    for message in stream.take():
        observer.message(message, now)
    if stream.closed is not None:
        observer.gap(now, now, f"the embedded server closed the event stream: {stream.closed}")
