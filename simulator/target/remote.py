"""A platform that somebody else runs: `simulator serve` in another process, or a real Span.

Where its devices send to it is asked, unless the user says so: `GET /simulator/endpoints`; others listen on the usual
ports. Attaching needs a platform that tells where it listens for RADIUS, as the reference server does at `GET
/simulator/radius`; a real one has its operator's gateways, and no use for ours. Which of the reference server's doors
are there is found out at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import urlsplit

from simulator.clock import Clock
from simulator.errors import LocalError, RemoteError, TargetError
from simulator.server.ports import COAP_PORT, UDP_PORT
from simulator.target.api import ApiRefused, SpanApi
from simulator.target.http import HttpCaller, SocketObserver
from simulator.target.observer import Observer, StreamReader
from simulator.target.radius import RadiusAccess
from simulator.target.streams import SocketStream
from simulator.wire.address import Address, address, host_text, ip_of

ALIVE_S = 5.0
"""How long the platform may take to show that it is still there."""


_LOOPBACK_BYTE = 127


class RemoteTarget:
    """A platform behind a base URL.

    Args:
        url: base URL of its API, `http://127.0.0.1:10080`.
        token: an API token that may write; it is sent, and never shown.
        coap, udp: where its devices send to; None: it is asked, at the start.
    """

    capabilities = frozenset({"login", "tokens"})
    """What one of them may be able to do; what this one is, is known after `start`."""

    def __init__(self, *, url: str, token: str, coap: Address | None, udp: Address | None, clock: Clock) -> None:
        self.name = url
        self._said = coap, udp
        self.coap, self.udp = coap or 0, udp or 0
        self.radius: RadiusAccess | None = None
        self._url, self._token, self._clock = url, token, clock
        self._caller: HttpCaller | None = None
        self._readers: list[SocketObserver] = []
        self._others: list[SocketStream] = []
        self.api: SpanApi

    async def start(self) -> None:
        """See whether it is there, and what it can do. Raises: TargetError."""
        self._caller = HttpCaller(self._url, self._token)
        self.api = SpanApi(self._caller)
        try:
            await self.api.version()
        except ApiRefused as error:
            raise TargetError(f"{self._url} does not answer as a Span API: {error}") from error
        try:
            self.capabilities = await self.api.doors()
            if "login" in self.capabilities:
                self.radius = await self.api.radius()
            if None in self._said:
                self._take(await self.api.endpoints())
        except ApiRefused as error:
            raise TargetError(f"{self._url} does not let us in: {error}") from error

    def _take(self, told: tuple[Address, Address] | None) -> None:
        """Where to send what the user has not said; `told`: what the platform says of that. Raises: TargetError."""
        host = urlsplit(self._url).hostname or ""
        try:
            usual = address(host, COAP_PORT), address(host, UDP_PORT)
        except LocalError as error:
            raise TargetError(f"{self._url}: {error}; say where devices send to, with --coap and --udp") from error
        for where in told or ():
            # Only the user may send the load to yet another machine.
            if ip_of(where) >> 24 != _LOOPBACK_BYTE and ip_of(where) != ip_of(usual[0]):
                raise TargetError(
                    f"{self._url} sends devices to another machine, {host_text(where)}; if it may, say --coap and --udp"
                )
        coap, udp = told or usual
        self.coap = coap if self._said[0] is None else self._said[0]
        self.udp = udp if self._said[1] is None else self._said[1]

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on, over reconnections."""
        assert self._caller is not None
        told = observer.message, observer.gap, observer.failed
        reader = SocketObserver(self._caller, _activity(collection), self._clock.now, *told)
        await reader.start()
        self._readers.append(reader)

    async def tell_gaps(self, patience_s: float | None = None) -> None:
        """Before the verdict: an open stream that says nothing proves nothing unless the platform is alive.

        `patience_s`: how long it may take to show that; None: `ALIVE_S`.
        """
        patience_s = ALIVE_S if patience_s is None else patience_s
        silent = ""
        try:
            async with asyncio.timeout(patience_s):
                await self.api.version()
        except (RemoteError, TargetError, TimeoutError):
            silent = f"the platform did not answer within {patience_s:g} s at the end of the run"
        for reader in self._readers:
            reader.tell_gap(silent)
        for stream in self._others:
            stream.tell_gap(silent)

    async def stop(self) -> None:
        """Hang up."""
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        await asyncio.gather(*(stream.close("unsubscribed") for stream in self._others))
        if self._caller is not None:
            await self._caller.close()

    # --- tokens and further readers -----------------------------------------------------------------------------------

    async def issue_token(self, text: str, resource: str, write: bool) -> None:
        """Make a token known. Raises: ApiRefused, TargetError."""
        await self.api.issue_token(text, resource, write)

    async def revoke_token(self, text: str) -> None:
        """Make it unknown; its streams end. Raises: ApiRefused, TargetError."""
        await self.api.revoke_token(text)

    def api_as(self, token: str) -> SpanApi:
        """The same API, with another token."""
        return self.api.showing(token)

    async def subscribe(
        self, collection: str, reader: StreamReader, token: str, reads_per_s: float | None
    ) -> Callable[[], Awaitable[None]]:
        """Open a further stream of a collection's events. Returns: what closes it.

        Raises: ApiRefused: 401, 403, 404; TargetError: also for a pace, which the platform would not notice.
        """
        assert self._caller is not None
        if reads_per_s is not None:
            raise TargetError(f"{self.name}: a reader of a platform in another process cannot be made slow")
        caller = self._caller.showing(token) if token else self._caller
        stream = SocketStream(caller, _activity(collection), self._clock.now, reader)
        await stream.open()
        self._others.append(stream)

        async def close() -> None:
            if stream in self._others:
                self._others.remove(stream)
                await stream.close("unsubscribed")

        return close

    # --- what only an embedded platform can ---------------------------------------------------------------------------

    async def halt(self) -> None:
        """Raises: TargetError."""
        self._not_ours("stopped")

    async def resume(self) -> None:
        """Raises: TargetError."""
        self._not_ours("started")

    def misbehave(self, fault: str) -> Callable[[], None]:
        """Raises: TargetError."""
        self._not_ours(f"given the fault '{fault}'")

    def _not_ours(self, what: str) -> NoReturn:
        raise TargetError(f"{self.name}: a platform in another process cannot be {what}")


def _activity(collection: str) -> str:
    return f"/span/collections/{collection}/activity"
