"""The platform's CoAP endpoint: what each method means to Span (span §4.3).

A device is known by the address it writes from, or by its DTLS session (`coaps`). `resources` holds paths with a
meaning of their own, such as the firmware report; every other path is the inbox of the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from simulator.clock import Clock
from simulator.protocol.coap.numbers import CONTENT_FORMAT, OCTET_STREAM, Code
from simulator.protocol.coap.server import ServerLayer
from simulator.protocol.coap.server_types import Handler, Request, Response, ServerSettings
from simulator.protocol.dtls.records import is_record
from simulator.server.fronts.datagrams import DatagramFront
from simulator.server.span.core import Uplink
from simulator.server.span.model import Transport
from simulator.server.span.recent import Tally
from simulator.wire.address import Address, Ipv4
from simulator.wire.ports import Wire, deliver_batches

RESERVED_PATHS = ("u", "fw")
"""Version report and firmware image. Only the whole path counts (span §4.3 [C]), so `upload` is an ordinary one."""

# Plain numbers where every datagram passes: an enumeration's members cost three times as much to look up.
_METHODS = {int(Code.POST): "POST", int(Code.PUT): "PUT"}
_DELETE = int(Code.DELETE)
_CONTENT = int(Code.CONTENT)
_CREATED = Response(int(Code.CREATED))
_VALID = Response(int(Code.VALID))
_DELETED = Response(int(Code.DELETED))
_NOT_FOUND = Response(Code.NOT_FOUND)
_NOT_ACCEPTABLE = Response(Code.NOT_ACCEPTABLE)
_INCOMPLETE = Response(Code.REQUEST_ENTITY_INCOMPLETE)
_OCTETS = ((CONTENT_FORMAT, bytes((OCTET_STREAM,))),)


@dataclass(slots=True)
class CoapFrontCounts:
    """Requests since the start that had no effect."""

    unknown_source: int = 0
    """From an address without a session: nothing is stored, and a confirmable one is answered all the same."""


def not_found(_request: Request, _now: float) -> Response:
    """A reserved path that nothing serves."""
    return _NOT_FOUND


class CoapCore(Protocol):
    """Whom the endpoint asks about each request; a source is what the layer takes for the peer."""

    def upstream(
        self,
        source: int,
        payload: bytes,
        transport: Transport,
        now_ns: int,
        *,
        local_port: int,
        code: str = "POST",
        path: str = "",
    ) -> Uplink:
        """See `SpanCore.upstream`."""

    def poll(self, source: int, transport: Transport, now_ns: int, *, local_port: int, path: str = "") -> Uplink:
        """See `SpanCore.poll`."""

    def is_known(self, source: int) -> bool:
        """See `SpanCore.is_known`."""


class CoapFront(DatagramFront):
    """One CoAP port in front of a core."""

    transport: Transport = "coap"

    def __init__(self, core: CoapCore, clock: Clock, settings: ServerSettings | None = None, *, seed: int = 0) -> None:
        """`seed` decides the message ids of answers to non-confirmable requests."""
        super().__init__(clock)
        self.counts = CoapFrontCounts()
        self.resources: dict[str, Handler] = dict.fromkeys(RESERVED_PATHS, not_found)
        """Path without leading slash → who serves it. A handler tells the devices by `request.peer`."""
        self.plain = Tally()
        """Datagrams that are no CoAP …"""
        self.dtls = Tally()
        """… and those that are DTLS."""
        self._core = core
        self._layer = ServerLayer(self._handle, settings, seed, verified=core.is_known)
        self.layer_counts = self._layer.counts
        """What never became a request: malformed datagrams, repetitions, pings."""
        self._layer.told_malformed = self._malformed
        self._answer = self._layer.receive

    async def start(self, wire: Wire, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen, for batches where the wire has them. Raises: LocalError: the port is not to be had."""
        await super().start(wire, host, port)
        assert self._port is not None
        deliver_batches(self._port, self.receive_many)

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """Answer one datagram, from the address that it was sent to."""
        answer = self._answer(data, peer, now)
        if answer is not None and self._port is not None:
            self._port.send(answer, peer, local_ip)

    def receive_many(self, datagrams: Iterable[tuple[bytes, Address, Ipv4]], now: float) -> None:
        """The same for a batch."""
        if self._port is None:
            return
        answer_to, send = self._answer, self._port.send
        for data, peer, local_ip in datagrams:
            answer = answer_to(data, peer, now)
            if answer is not None:
                send(answer, peer, local_ip)

    def _handle(self, request: Request, now: float) -> Response | None:
        path = request.path_text
        resource = self.resources.get(path)
        if resource is not None:
            return resource(request, now)
        if request.accept is not None and request.accept != OCTET_STREAM:
            return _NOT_ACCEPTABLE  # before a message is handed out that the device could not read
        if request.resumed:
            return _INCOMPLETE  # the message went out with block 0, and is too old to be cut again
        if now != self._turn:  # one look at the wall clock serves all datagrams of a turn
            self._turn, self._now_ns = now, self._unix_ns()
        core, source = self._core, request.peer
        method = _METHODS.get(request.code)
        uplink: Uplink
        if method is None:
            if request.code == _DELETE:
                if not core.is_known(source):
                    return self._unknown(request, _DELETED)
                return _DELETED
            # A payload of GET is not looked at (span §4.3).
            uplink = core.poll(source, self.transport, self._now_ns, local_port=self._local_port, path=path)
            empty = _VALID
        else:
            empty = _CREATED
            if request.payload:
                uplink = core.upstream(
                    source,
                    request.payload,
                    self.transport,
                    self._now_ns,
                    local_port=self._local_port,
                    code=method,
                    path=path,
                )
            else:
                # [C] span §4.3 does not say: an empty message is none, as over UDP (§4.2), so this asks for one only
                uplink = core.poll(source, self.transport, self._now_ns, local_port=self._local_port, path=path)
        if uplink.downstream:
            return Response(_CONTENT, uplink.downstream, _OCTETS)
        return empty if uplink.known else self._unknown(request, empty)

    def _malformed(self, data: bytes, peer: Address) -> None:
        (self.dtls if is_record(data) else self.plain).add(peer)

    def _unknown(self, request: Request, empty: Response) -> Response | None:
        """Span §4.3: an unknown source is answered as if all were well, if it asked for an answer."""
        self.counts.unknown_source += 1
        self.stranger(request.peer)
        return empty if request.confirmable else None
