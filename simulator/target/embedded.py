"""The reference server as target: in process on the memory network, or on real sockets of this machine.

Either way it is driven through its public interfaces only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, Protocol

from simulator.clock import Clock, Timers
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.settings import SpanSettings
from simulator.target.api import SpanApi
from simulator.target.blobs import BlobUploader, InProcessBlobs, SocketBlobs
from simulator.target.http import HttpCaller, SocketObserver
from simulator.target.in_process import InProcessCaller, InProcessStream
from simulator.target.observer import Observer, StreamReader
from simulator.target.radius import RadiusAccess
from simulator.target.streams import SocketStream
from simulator.wire.address import Address
from simulator.wire.ports import Wire
from simulator.wire.sockets import reserve


class Options(Protocol):
    """How the platform of a scenario behaves; as `scenario.model.PlatformOptions`."""

    @property
    def mismatch_policy(self) -> Literal["both", "first"]:
        """Whether an imeiMismatch hides the imsiMismatch of another device."""

    @property
    def disconnect_on_update(self) -> bool:
        """Whether an update that a session would not survive ends it."""

    @property
    def interim_s(self) -> float | None:
        """Seconds between Interim-Updates that gateways are asked for; None: they are not."""

    @property
    def inet_idle_s(self) -> float:
        """How long a DTLS session may be silent before the platform ends it."""

    @property
    def transport_compat(self) -> Literal["", "unspecified"]:
        """What upstreamMessage says of Internet devices in the place of their transport; "": their transport."""


class EmbeddedTarget:
    """The reference server inside this process.

    Args:
        wire: where its UDP and CoAP fronts open; the memory network in virtual time.
        sockets: True: its API is reached over HTTP and WebSocket on loopback; False: in process.
        options: how it behaves; None: as it does by default.
        inet: whether Internet devices can come: what they need is loaded and opened only then.
    """

    name = "embedded"
    capabilities = frozenset(
        {"login", "faults", "lossless", "tokens", "pacing", "options", "inet", "blobs", "validity"}
    )

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        wire: Wire,
        sockets: bool,
        options: Options | None = None,
        inet: bool = False,
    ) -> None:
        self._clock, self._timers, self._wire, self._sockets = clock, timers, wire, sockets
        self._server = ReferenceServer(_settings(options, inet), clock, timers)
        self._in_process = InProcessCaller(self._server, clock, self._server.token)
        self._caller: HttpCaller | None = None
        self._own: list[InProcessStream] = []
        self._own_sockets: list[SocketObserver] = []
        self._others: list[InProcessStream | SocketStream] = []
        self._faults: list[_Fault] = []
        self._reserved: list[socket.socket] = []
        self.coap: Address = 0
        self.udp: Address = 0
        self.dtls: Address = 0
        self.coaps: Address = 0
        self.blobs: BlobUploader | None = None
        self.radius: RadiusAccess | None = None
        self.api: SpanApi

    async def start(self) -> None:
        """Open the fronts. Raises: LocalError: no port to be had."""
        await self._server.start(self._wire)
        self.coap, self.udp = self._server.coap_address, self._server.udp_address
        self.dtls, self.coaps = self._server.dtls_address, self._server.coaps_address
        self.radius = RadiusAccess(
            authentication=self._server.radius_address,
            accounting=self._server.accounting_address,
            secret=self._server.radius_secret,
        )
        if self._sockets:
            self._caller = HttpCaller(await self._server.start_http(), self._server.token)
            self.blobs = SocketBlobs(
                plain=self._server.blob_address,
                secure=self._server.https_address,
                mapped=getattr(self._wire, "mapped", False),
            )
        else:
            self.blobs = InProcessBlobs(self._server, self._clock)
        self.api = SpanApi(self._caller or self._in_process)

    @property
    def timers(self) -> int:
        """How many entries of the calendar are the server's."""
        return self._server.timers

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on."""
        path = _activity(collection)
        if self._caller is not None:
            told = observer.message, observer.gap, observer.failed
            reader = SocketObserver(self._caller, path, self._clock.now, *told)
            await reader.start()
            self._own_sockets.append(reader)
            return
        stream = InProcessStream(self._in_process, path, observer, self._clock, self._timers, lossless=True)
        stream.open()
        self._own.append(stream)

    async def tell_gaps(self, patience_s: float | None = None) -> None:
        """Before the verdict; the server is in this process, so an open stream has been heard to its end."""
        del patience_s  # nobody is asked
        for reader in (*self._own_sockets, *self._own, *self._others):
            reader.tell_gap()

    async def stop(self) -> None:
        """Stop reading, and stop the server."""
        await asyncio.gather(*(reader.stop() for reader in self._own_sockets))
        await asyncio.gather(*(_close(each) for each in self._others))
        if self._caller is not None:
            await self._caller.close()
        self._release()
        await self._server.stop()

    # --- down and up --------------------------------------------------------------------------------------------------

    async def halt(self) -> None:
        """Down, in order: the run's own observer gets what was told before; other readers are cut off."""
        if self._server.halted:
            return
        held = [(stream, stream.hold()) for stream in self._own]
        for reader in self._own_sockets:
            reader.expect_restart()
        datagrams, streams = self._where()
        await self._server.halt()
        if self._sockets:
            self._reserved = reserve(datagrams, streams)
        for stream, subscription in held:
            stream.finish(subscription)
        await asyncio.gather(*(reader.heard_out() for reader in self._own_sockets))

    async def resume(self) -> None:
        """Up again on the same addresses. Raises: LocalError: one was taken meanwhile; TargetError."""
        if not self._server.halted:
            return
        self._release()
        await self._server.resume(self._ready)
        for each in self._others:
            if isinstance(each, InProcessStream):
                each.come_back()

    def _where(self) -> tuple[list[Address], list[Address]]:
        """The UDP and the TCP ports that it wants back; they were any free ones, and others look for such, too."""
        it = self._server
        devices = it.udp_address, it.coap_address, it.dtls_address, it.coaps_address
        datagrams = *devices, it.radius_address, it.accounting_address
        return [each for each in datagrams if each], [each for each in (it.https_address, it.blob_address) if each]

    def _release(self) -> None:
        for held in self._reserved:
            held.close()
        self._reserved = []

    async def _ready(self) -> None:
        """The platform can be reached, and hears nobody yet."""
        for fault in self._faults:
            fault.renew()
        for stream in self._own:
            stream.open()
        for reader in self._own_sockets:
            await reader.come_back()

    def misbehave(self, fault: str) -> Callable[[], None]:
        """From now on the server has this fault, also over restarts. Returns: what ends it. Raises: LocalError."""
        it = _Fault(self._server, fault)
        self._faults.append(it)

        def end() -> None:
            if it in self._faults:
                self._faults.remove(it)
                it.undo()

        return end

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
        """Open a further stream of a collection's events; over its sockets, if it has some and nobody wants it slow.

        Args:
            token: what the reader shows; "": the run's own.
            reads_per_s: how many messages it reads a second; such a reader may miss some. None: as they come.
        Returns: what closes it. Raises: ApiRefused: 401, 403, 404; TargetError.
        """
        token = token or self._server.token
        stream: InProcessStream | SocketStream
        if self._caller is not None and reads_per_s is None:
            stream = SocketStream(self._caller.showing(token), _activity(collection), self._clock.now, reader)
            await stream.open()
        else:
            stream = InProcessStream(
                self._in_process.showing(token),
                _activity(collection),
                reader,
                self._clock,
                self._timers,
                lossless=reads_per_s is None,
                reads_per_s=reads_per_s,
            )
            stream.open()
        self._others.append(stream)

        async def close() -> None:
            if stream in self._others:
                self._others.remove(stream)
                await _close(stream)

        return close


def _settings(options: Options | None, inet: bool) -> ServerSettings:
    if options is None:
        return ServerSettings.on_free_ports(lossless=True, inet=inet)
    span = SpanSettings(
        mismatch_policy=options.mismatch_policy,
        disconnect_on_update=options.disconnect_on_update,
        inet_idle_s=options.inet_idle_s,
        transport_compat=options.transport_compat,
    )
    settings = ServerSettings.on_free_ports(lossless=True, inet=inet, span=span)
    interim_s = None if options.interim_s is None else max(1, round(options.interim_s))
    return replace(settings, radius=replace(settings.radius, interim_s=interim_s))


class _Fault:
    """A named defect of the server; the parts that it sits in are new after a restart."""

    def __init__(self, server: ReferenceServer, name: str) -> None:
        self._server, self._name = server, name
        self.undo = self._inflict()

    def _inflict(self) -> Callable[[], None]:
        from simulator.server.mutants import inflict  # late: a run without faults never needs it

        return inflict(self._server, self._name)

    def renew(self) -> None:
        """Sit in the new parts."""
        self.undo()
        self.undo = self._inflict()


def _activity(collection: str) -> str:
    return f"/span/collections/{collection}/activity"


async def _close(stream: InProcessStream | SocketStream) -> None:
    if isinstance(stream, SocketStream):
        await stream.close("unsubscribed")
    else:
        stream.close("unsubscribed")
