"""The reference server as a whole: cores, fronts, and how they are started and stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulator.clock import Clock, Timers
from simulator.errors import LocalError
from simulator.protocol.coap.server_types import ServerSettings as CoapSettings
from simulator.server.fronts.coap import CoapFront
from simulator.server.fronts.radius import RadiusFront
from simulator.server.fronts.radius_clients import RadiusSettings
from simulator.server.fronts.radius_disconnects import Disconnects
from simulator.server.fronts.udp import UdpFront
from simulator.server.ports import ACCOUNTING_PORT, API_PORT, COAP_PORT, RADIUS_PORT, UDP_PORT
from simulator.server.span.core import DevicePorts, SpanCore
from simulator.server.span.durable import Durable, keep, revive
from simulator.server.span.radius import Listening
from simulator.server.span.rest import Api
from simulator.server.span.settings import SpanSettings, TokenSettings
from simulator.server.span.streams import CLOSE_RESTART, Closed
from simulator.wire.address import LOOPBACK, Address, host_text, ip_of, port_of
from simulator.wire.ports import Wire

if TYPE_CHECKING:
    from simulator.server.fronts.http import HttpFront

PORTS = ("api_port", "udp_port", "coap_port", "radius_port", "accounting_port")

HALT_S = 5.0
"""How long readers may take, when it goes down for a restart, to read what was meant for them."""
SERVICE_RESTART = "service restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where it listens, who may ask, and the options of its parts. Port 0: any free one."""

    host: str = "127.0.0.1"
    api_port: int = API_PORT
    udp_port: int = UDP_PORT
    coap_port: int = COAP_PORT
    radius_port: int = RADIUS_PORT
    """Where packet gateways ask who may come in …"""
    accounting_port: int = ACCOUNTING_PORT
    """… and report on their sessions."""
    token: str = ""
    """Text of the token that may do everything; "": made from `seed`, hence guessable."""
    read_token: str = ""
    """Text of the token that may read everything; "": made from `seed`."""
    seed: int = 0
    lossless: bool = False
    """Event streams over WebSocket drop nothing for a slow reader."""
    span: SpanSettings = field(default_factory=SpanSettings)
    coap: CoapSettings | None = None
    radius: RadiusSettings = field(default_factory=RadiusSettings)

    def with_secrets(self, secret: str) -> ServerSettings:
        """The same; RADIUS clients without a secret share this one."""
        clients = tuple(each if each.secret else replace(each, secret=secret) for each in self.radius.clients)
        return replace(self, radius=replace(self.radius, clients=clients))

    @classmethod
    def on_free_ports(cls, **options: Any) -> ServerSettings:
        """Any free ports: how a rehearsal starts its own server."""
        return cls(**dict.fromkeys(PORTS, 0) | options)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the table that tells where everything is."""

    what: str
    where: str


@dataclass(slots=True, kw_only=True)
class _Ports:
    """Where it listens: any free port is chosen once, and kept over restarts."""

    api: int
    udp: int
    coap: int
    radius: int
    accounting: int


class ReferenceServer:
    """Span, on one machine.

    In virtual time only the datagram fronts run, on the memory wire, and the API is called in process:
    `server.api.handle(request, clock.unix_ns())`.
    """

    def __init__(self, settings: ServerSettings, clock: Clock, timers: Timers | None = None) -> None:
        """`timers` None: a Disconnect-Request that gets lost is not repeated. Raises: LocalError: settings."""
        settings = settings.with_secrets(_token_text("radius", settings.seed))
        self.token = settings.token or _token_text("write", settings.seed)
        self.read_token = settings.read_token or _token_text("read", settings.seed)
        if self.token == self.read_token:
            raise LocalError("the writing and the reading token are the same; choose two")
        tokens = TokenSettings(text=self.token, write=True), TokenSettings(text=self.read_token)
        self._settings, self._clock, self._timers = settings, clock, timers
        self._starts = 0
        self._disconnects: list[Disconnects] = []
        self._stand(SpanCore(replace(settings.span, tokens=(*settings.span.tokens, *tokens))))
        self._http: HttpFront | None = None
        self._wire: Wire | None = None
        self._ports = _Ports(
            api=settings.api_port,
            udp=settings.udp_port,
            coap=settings.coap_port,
            radius=settings.radius_port,
            accounting=settings.accounting_port,
        )
        self._kept: Durable | None = None

    def _stand(self, core: SpanCore) -> None:
        """Put all parts that know the core around it."""
        self.core = core
        self.api = Api(core)
        self.udp = UdpFront(core, self._clock)
        # Other message ids than before: a device may remember an answer of before the restart (RFC 7252 §4.4).
        self.coap = CoapFront(core, self._clock, self._settings.coap, seed=self._settings.seed + self._starts)
        core.radius.interim_s = self._settings.radius.interim_s
        seed = self._settings.seed + self._starts
        self.radius = RadiusFront(core.radius, self._clock, self._settings.radius, self._timers, seed=seed)
        self._disconnects = [*(each for each in self._disconnects if each.timers), self.radius.disconnects]
        self._starts += 1

    async def start(self, wire: Wire) -> None:
        """Open the datagram fronts. Raises: LocalError: a port is not to be had; then none is open."""
        host, ports = self._settings.host, self._ports
        try:
            await self.udp.start(wire, host, ports.udp)
            await self.coap.start(wire, host, ports.coap)
            await self.radius.start(wire, host, ports.radius, ports.accounting)
        except LocalError:
            self._stop_datagrams()
            raise
        self._wire = wire
        ports.udp, ports.coap = port_of(self.udp.address), port_of(self.coap.address)
        ports.radius, ports.accounting = port_of(self.radius_address), port_of(self.accounting_address)
        self.core.ports = DevicePorts(_on_this_machine(self.coap_address), _on_this_machine(self.udp_address))
        secret = self.radius_secret
        self.core.radius.listening = (
            Listening(_on_this_machine(self.radius_address), _on_this_machine(self.accounting_address), secret)
            if secret
            else None
        )

    async def start_http(self) -> str:
        """Open the API on TCP. Returns: its base URL. Raises: LocalError: the port is not to be had."""
        return (await self._open_http()).base_url

    async def _open_http(self, *, hold: bool = False) -> HttpFront:
        from simulator.server.fronts.http import HttpFront  # late: a virtual run never needs aiohttp

        front = HttpFront(self.api, self._clock, self.core.settings, lossless=self._settings.lossless)
        await front.start(self._settings.host, self._ports.api, hold=hold)
        self._http = front
        self._ports.api = port_of(front.address)
        return front

    async def stop(self) -> None:
        """Close everything; calling it again does nothing."""
        if self._http is not None:
            await self._http.stop()
        self._stop_datagrams()

    def _stop_datagrams(self) -> None:
        self.udp.stop()
        self.coap.stop()
        self.radius.stop()

    # --- restart ------------------------------------------------------------------------------------------------------

    @property
    def halted(self) -> bool:
        """Whether it is down until `resume`."""
        return self._kept is not None

    async def halt(self) -> None:
        """Go down in order, and keep what was accepted (`span.durable`); calling it again does nothing.

        Devices are no longer heard first, then the streams are sent what they hold and closed with 1012.
        """
        if self._kept is not None:
            return
        self._stop_datagrams()
        self._kept = keep(self.core)
        self.core.hang_up(CLOSE_RESTART, SERVICE_RESTART)
        if self._http is not None:
            await self._http.stop(Closed(CLOSE_RESTART, SERVICE_RESTART), patience_s=HALT_S)

    async def resume(self, ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Come up again at the same addresses: new parts with what was kept; does nothing if it is up.

        Args:
            ready: called when streams can be opened, and before a request is answered or a device is heard.
        Raises: LocalError: a port was taken meanwhile; then it is down as before.
        """
        kept = self._kept
        if kept is None:
            return
        self._stand(revive(self.core.settings, kept))
        self._kept = None
        try:
            front = await self._open_http(hold=True) if self._http is not None else None
            if ready is not None:
                await ready()
            if self._wire is not None:
                await self.start(self._wire)
            if front is not None:
                front.answer()
        except BaseException:
            self._kept = kept
            await self._fall_back()
            raise

    async def _fall_back(self) -> None:
        self.core.hang_up(CLOSE_RESTART, SERVICE_RESTART)
        await self.stop()

    @property
    def udp_address(self) -> Address:
        """Where plain UDP listens; 0 before `start`."""
        return self.udp.address

    @property
    def coap_address(self) -> Address:
        """Where CoAP listens; 0 before `start`."""
        return self.coap.address

    @property
    def radius_address(self) -> Address:
        """Where packet gateways ask who may come in; 0 before `start`."""
        return self.radius.authentication.address

    @property
    def accounting_address(self) -> Address:
        """Where packet gateways report on their sessions; 0 before `start`."""
        return self.radius.accounting.address

    @property
    def radius_secret(self) -> bytes:
        """The secret of packet gateways on this machine; empty: they are not answered."""
        client = self.radius.clients.find(LOOPBACK)
        return client.secret if client is not None else b""

    @property
    def timers(self) -> int:
        """How many calls wait in the calendar that it was given."""
        return sum(each.timers for each in self._disconnects)

    def endpoints(self) -> list[Endpoint]:
        """What is open now, for people."""
        table = []
        if self._http is not None:
            table.append(Endpoint("API", f"{self._http.base_url}/span"))
            stream = f"{self._http.base_url.replace('http', 'ws', 1)}/span/collections/ID"
            table.append(Endpoint("events", f"{stream}/activity"))
            table.append(Endpoint("data", f"{stream}/from"))
        if self.udp.address:
            table.append(Endpoint("UDP", f"{host_text(self.udp.address)}:{port_of(self.udp.address)}"))
        if self.coap.address:
            table.append(Endpoint("CoAP", f"coap://{host_text(self.coap.address)}:{port_of(self.coap.address)}"))
        for what, where in (("RADIUS", self.radius_address), ("accounting", self.accounting_address)):
            if where:
                table.append(Endpoint(what, f"{host_text(where)}:{port_of(where)}"))
        return table


def _on_this_machine(where: Address) -> Address:
    """Where a port is reached from here that may be open on all addresses."""
    return where if ip_of(where) else where | LOOPBACK


def _token_text(what: str, seed: int) -> str:
    """64 hex characters, as the predecessor's tokens had; the same in every run of a seed."""
    return hashlib.sha256(f"{what} {seed}".encode()).hexdigest()
