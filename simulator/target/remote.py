"""A platform that somebody else runs: `simulator serve` in another process, or a real Span.

Where its devices send to it is asked, unless the user says so: `GET /simulator/endpoints`; others take CoAP and UDP on
the usual ports, and of the rest only the user knows. Attaching needs a platform that tells where it listens for RADIUS,
as the reference server does at `GET /simulator/radius`; a real one has its operator's gateways, and no use for ours.
Which of the reference server's doors are there is found out at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import urlsplit

from simulator.clock import Clock
from simulator.errors import LocalError, RemoteError, TargetError
from simulator.server.ports import COAP_PORT, UDP_PORT
from simulator.target.api import ApiRefused, Caller, SpanApi
from simulator.target.blobs import BlobUploader, SocketBlobs
from simulator.target.documents import Endpoints
from simulator.target.http import HttpCaller, SocketObserver
from simulator.target.observer import Observer, StreamReader
from simulator.target.radius import RadiusAccess
from simulator.target.streams import SocketStream
from simulator.wire.address import Address, address, host_text, ip_of, ipv4

ALIVE_S = 5.0
"""How long the platform may take to show that it is still there."""


_LOOPBACK_BYTE = 127


class RemoteTarget:
    """A platform behind a base URL.

    Args:
        url: base URL of its API, `http://127.0.0.1:10080`.
        token: an API token that may write; it is sent, and never shown.
        coap, udp, dtls, coaps: where its devices send to; None: it is asked, at the start.
        https, blobs: where they leave blobs, with a certificate and without; as above.
        https_name: the host that the certificate at `https` has to be for; "": the address.
        mapped: all devices of the mobile network have one address on the wire.
    """

    capabilities = frozenset({"login", "tokens", "inet", "blobs", "validity"})
    """What one of them may be able to do; what this one is, is known after `start`."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        coap: Address | None,
        udp: Address | None,
        clock: Clock,
        dtls: Address | None = None,
        coaps: Address | None = None,
        https: Address | None = None,
        https_name: str = "",
        blobs: Address | None = None,
        mapped: bool = False,
    ) -> None:
        self.name = url
        self._said = {"coap": coap, "udp": udp, "dtls": dtls, "coaps": coaps, "https": https, "blobs": blobs}
        self._where = {option: said or 0 for option, said in self._said.items()}
        self._https_name, self._mapped = https_name, mapped
        self.blobs: BlobUploader | None = None
        self.radius: RadiusAccess | None = None
        self._url, self._token, self._clock = url, token, clock
        self._caller: HttpCaller | None = None
        self._readers: list[SocketObserver] = []
        self._others: list[SocketStream] = []
        self.api: SpanApi

    async def start(self, caller: Caller | None = None) -> None:
        """See whether it is there, and what it can do. Raises: TargetError.

        `caller`: carries the requests, where there is no asyncio loop; nothing can be observed then. None: our own.
        """
        if caller is None:
            caller = self._caller = HttpCaller(self._url, self._token)
        self.api = SpanApi(caller)
        try:
            await self.api.version()
        except ApiRefused as error:
            raise TargetError(f"{self._url} does not answer as a Span API: {error}") from error
        try:
            self.capabilities = await self.api.doors()
            if "login" in self.capabilities:
                self.radius = await self.api.radius()
            if None in self._said.values():
                self._take(await self.api.endpoints())
        except ApiRefused as error:
            raise TargetError(f"{self._url} does not let us in: {error}") from error
        if self.dtls or self.coaps:
            self.capabilities |= {"inet"}
        plain, secure = self._where["blobs"], self._where["https"]
        if plain or secure:
            self.capabilities |= {"blobs"}
            self.blobs = SocketBlobs(plain=plain, secure=secure, name=self._https_name, mapped=self._mapped)

    @property
    def coap(self) -> Address:
        """Where devices send CoAP to; 0: not known yet."""
        return self._where["coap"]

    @property
    def udp(self) -> Address:
        """Plain UDP; as `coap`."""
        return self._where["udp"]

    @property
    def dtls(self) -> Address:
        """Raw payloads over DTLS; 0: nowhere, or not known yet."""
        return self._where["dtls"]

    @property
    def coaps(self) -> Address:
        """CoAP over DTLS; as `dtls`."""
        return self._where["coaps"]

    @property
    def timers(self) -> int:
        """Entries of the run's calendar that are the platform's: none, it is elsewhere."""
        return 0

    def _take(self, told: Endpoints | None) -> None:
        """Where to send what the user has not said; `told`: what the platform says of that. Raises: TargetError."""
        host = urlsplit(self._url).hostname or ""
        if told is None:
            told = self._usual(host)
        for option, said in self._said.items():
            where = said if said is not None else getattr(told, option)
            # Only the user may send the load to yet another machine.
            if said is None and where and not self._is_near(where, host):
                raise TargetError(
                    f"{self._url} sends devices to another machine, {host_text(where)}; if it may, say --{option}"
                )
            self._where[option] = where

    def _usual(self, host: str) -> Endpoints:
        """[C] Who does not tell has the ports that everybody has, and of the rest only the user knows.

        Raises: TargetError: its host is no address.
        """
        coap, udp = self._said["coap"], self._said["udp"]
        try:
            return Endpoints(
                coap=address(host, COAP_PORT) if coap is None else coap,
                udp=address(host, UDP_PORT) if udp is None else udp,
            )
        except LocalError as error:
            raise TargetError(f"{self._url}: {error}; say where devices send to, with --coap and --udp") from error

    def _is_near(self, where: Address, host: str) -> bool:
        """Whether that is this machine, or the one of the API."""
        if ip_of(where) >> 24 == _LOOPBACK_BYTE:
            return True
        try:
            return ip_of(where) == ipv4(host)
        except LocalError:
            return False

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
