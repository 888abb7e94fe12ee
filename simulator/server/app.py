"""The reference server as a whole: cores, fronts, and how they are started and stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.clock import Clock, Timers
from simulator.errors import LocalError
from simulator.server.fronts.associations import Associations
from simulator.server.fronts.blob_ports import BlobPorts
from simulator.server.fronts.blobs import BlobDoor
from simulator.server.fronts.coap import CoapFront
from simulator.server.fronts.coaps import CoapsFront
from simulator.server.fronts.dtls import DtlsFront
from simulator.server.fronts.radius import RadiusFront
from simulator.server.fronts.radius_disconnects import Disconnects
from simulator.server.fronts.udp import UdpFront
from simulator.server.internet import Internet
from simulator.server.settings import PORTS, ServerSettings
from simulator.server.span.core import DevicePorts, SpanCore
from simulator.server.span.durable import Durable, keep, revive
from simulator.server.span.radius import Listening
from simulator.server.span.rest import Api
from simulator.server.span.rest_system import ROOT_PATH
from simulator.server.span.settings import TokenSettings
from simulator.server.span.streams import CLOSE_RESTART, Closed
from simulator.wire.address import ANY, LOOPBACK, Address, host_text, ip_of, port_of
from simulator.wire.ports import Wire

if TYPE_CHECKING:
    from simulator.server.fronts.http import HttpFront

__all__ = ["PORTS", "Endpoint", "ReferenceServer", "ServerSettings"]

HALT_S = 5.0
"""How long readers may take, when it goes down for a restart, to read what was meant for them."""
ROOT_FILE = "root.pem"
"""Of the authority's folder (`span.authority_folder`)."""
SERVICE_RESTART = "service restart"


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
    dtls: int
    coaps: int
    https: int
    blobs: int


class ReferenceServer:
    """Span, on one machine.

    In virtual time only the datagram fronts run, on the memory wire, and the API is called in process:
    `server.api.handle(request, clock.unix_ns())`.
    """

    def __init__(self, settings: ServerSettings, clock: Clock, timers: Timers | None = None) -> None:
        """`timers` None: a Disconnect-Request that gets lost is not repeated, and Internet devices are not heard.

        Raises: LocalError: settings.
        """
        settings = settings.with_secrets(_token_text("radius", settings.seed))
        self.token = settings.token or _token_text("write", settings.seed)
        self.read_token = settings.read_token or _token_text("read", settings.seed)
        if self.token == self.read_token:
            raise LocalError("the writing and the reading token are the same; choose two")
        tokens = TokenSettings(text=self.token, write=True), TokenSettings(text=self.read_token)
        self._settings, self._clock, self._timers = settings, clock, timers
        self._starts = 0
        self._waiting: list[Disconnects | Associations] = []
        """What may have calls in the calendar, that of earlier starts too: a call cannot be taken back."""
        self._stand(SpanCore(replace(settings.span, tokens=(*settings.span.tokens, *tokens))))
        self._http: HttpFront | None = None
        self._wire: Wire | None = None
        self._ports = _Ports(
            api=settings.api_port,
            udp=settings.udp_port,
            coap=settings.coap_port,
            radius=settings.radius_port,
            accounting=settings.accounting_port,
            dtls=settings.dtls_port,
            coaps=settings.coaps_port,
            https=settings.https_port,
            blobs=settings.blob_port,
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
        self.internet = Internet(core, self._clock, folder=self._settings.data, names=self.names())
        self.dtls = DtlsFront(core, self._clock)
        self.coaps = CoapsFront(core, self._clock, self._settings.coap, seed=seed)
        self.blobs = BlobDoor(core)
        self._blob_ports = BlobPorts(self.blobs, self._clock)
        self._waiting = [each for each in self._waiting if each.timers]
        self._waiting += [self.radius.disconnects, self.dtls.sessions, self.coaps.sessions]
        self._starts += 1

    def names(self) -> tuple[str, ...]:
        """What the certificate says of where this is: host names and addresses."""
        names = ("localhost", host_text(LOOPBACK), self._settings.host, *self._settings.names)
        return tuple(name for name in dict.fromkeys(names) if name != host_text(ANY))

    async def start(self, wire: Wire) -> None:
        """Open the datagram fronts. Raises: LocalError: a port is not to be had; then none is open."""
        host, ports = self._settings.host, self._ports
        try:
            await self.udp.start(wire, host, ports.udp)
            await self.coap.start(wire, host, ports.coap)
            await self.radius.start(wire, host, ports.radius, ports.accounting)
            await self._start_dtls(wire)
        except LocalError:
            self._stop_datagrams()
            raise
        self._wire = wire
        ports.udp, ports.coap = port_of(self.udp.address), port_of(self.coap.address)
        ports.radius, ports.accounting = port_of(self.radius_address), port_of(self.accounting_address)
        self._tell_ports()
        secret = self.radius_secret
        self.core.radius.listening = (
            Listening(_on_this_machine(self.radius_address), _on_this_machine(self.accounting_address), secret)
            if secret
            else None
        )

    async def _start_dtls(self, wire: Wire) -> None:
        """Open the DTLS fronts, if there are to be any."""
        timers, host, ports = self._timers, self._settings.host, self._ports
        if not self._settings.inet or timers is None:
            return
        context = self.internet.context
        # Not those of the start before: whoever kept a cookie of that has to ask for one again.
        seed = 2 * (self._settings.seed + self._starts)
        await self.dtls.listen(wire, host, ports.dtls, context, timers, seed=seed)
        await self.coaps.listen(wire, host, ports.coaps, context, timers, seed=seed + 1)
        ports.dtls, ports.coaps = port_of(self.dtls_address), port_of(self.coaps_address)

    def _tell_ports(self) -> None:
        """Let the core know where devices of this machine reach it."""
        self.core.ports = DevicePorts(
            coap=_on_this_machine(self.coap_address),
            udp=_on_this_machine(self.udp_address),
            dtls=_on_this_machine(self.dtls_address),
            coaps=_on_this_machine(self.coaps_address),
            https=_on_this_machine(self.https_address),
            blobs=_on_this_machine(self.blob_address),
        )

    async def start_http(self) -> str:
        """Open the API and the doors for blobs on TCP. Returns: the API's base URL.

        Raises: LocalError: a port is not to be had.
        """
        front = await self._open_http()
        await self._open_blobs()
        self._tell_ports()
        return front.base_url

    async def _open_blobs(self) -> None:
        """Open the doors for blobs. Raises: LocalError: a port is not to be had."""
        host, ports, doors = self._settings.host, self._ports, self._blob_ports
        await doors.open(host, ports.blobs)
        ports.blobs = port_of(doors.plain_address)
        if self._settings.inet:
            await doors.open_secure(host, ports.https, self.internet.identity, self.internet.trust_pem)
            ports.https = port_of(doors.secure_address)

    async def _close_blobs(self) -> None:
        """Close them; calling it again does nothing."""
        await self._blob_ports.close()

    async def _open_http(self, *, hold: bool = False) -> HttpFront:
        from simulator.server.fronts.http import HttpFront  # late: a virtual run never needs aiohttp

        front = HttpFront(self.api, self._clock, self.core.settings, lossless=self._settings.lossless)
        await front.start(self._settings.host, self._ports.api, hold=hold)
        self._http = front
        self._ports.api = port_of(front.address)
        return front

    async def stop(self) -> None:
        """Close everything; calling it again does nothing."""
        self.hang_up()
        await self._close_blobs()
        if self._http is not None:
            await self._http.stop()
        self._stop_datagrams()

    def hang_up(self) -> None:
        """End all DTLS sessions in order; Internet devices are no longer heard. Calling it again does nothing."""
        self.dtls.stop()
        self.coaps.stop()

    def _stop_datagrams(self) -> None:
        self.hang_up()
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

        Devices are no longer heard first, and those with DTLS sessions are told; then the streams are sent what they
        hold and closed with 1012.
        """
        if self._kept is not None:
            return
        self._stop_datagrams()
        await self._close_blobs()
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
                await self._open_blobs()
                self._tell_ports()
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
    def dtls_address(self) -> Address:
        """Where raw DTLS listens; 0: it does not."""
        return self.dtls.address

    @property
    def coaps_address(self) -> Address:
        """Where CoAP over DTLS listens; 0: it does not."""
        return self.coaps.address

    @property
    def https_address(self) -> Address:
        """Where Internet devices upload blobs; 0: nowhere."""
        return self._blob_ports.secure_address

    @property
    def blob_address(self) -> Address:
        """Where devices of the mobile network upload blobs; 0: nowhere."""
        return self._blob_ports.plain_address

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
        return sum(each.timers for each in self._waiting)

    def root_place(self) -> str:
        """Where Internet devices get the root certificate from, for people; "": there are none."""
        if not self.dtls_address:
            return ""
        if self._settings.data is not None:
            return str(self._settings.data / ROOT_FILE)
        where = f"{self._http.base_url}{ROOT_PATH}" if self._http is not None else "in memory"
        return f"{where} (another one with every start)"

    def endpoints(self) -> list[Endpoint]:
        """What is open now, for people."""
        table = []
        if self._http is not None:
            table.append(Endpoint("API", f"{self._http.base_url}/span"))
            stream = f"{self._http.base_url.replace('http', 'ws', 1)}/span/collections/ID"
            table.append(Endpoint("events", f"{stream}/activity"))
            table.append(Endpoint("data", f"{stream}/from"))
        for what, where, scheme in (
            ("UDP", self.udp_address, ""),
            ("CoAP", self.coap_address, "coap://"),
            ("DTLS", self.dtls_address, ""),
            ("CoAPS", self.coaps_address, "coaps://"),
            ("HTTPS", self.https_address, "https://"),
            ("HTTP", self.blob_address, "http://"),
            ("RADIUS", self.radius_address, ""),
            ("accounting", self.accounting_address, ""),
        ):
            if where:
                table.append(Endpoint(what, f"{scheme}{host_text(where)}:{port_of(where)}"))
        return table


def _on_this_machine(where: Address) -> Address:
    """Where a port is reached from here that may be open on all addresses; 0: it is not open."""
    return where if ip_of(where) or not where else where | LOOPBACK


def _token_text(what: str, seed: int) -> str:
    """64 hex characters, as the predecessor's tokens had; the same in every run of a seed."""
    return hashlib.sha256(f"{what} {seed}".encode()).hexdigest()
