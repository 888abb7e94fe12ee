"""Where devices leave blobs: what is asked of them, and what they are answered (span §4.6). No sockets.

    plain HTTP  the device whose mobile network session has the source address
    HTTPS       the device that the client certificate was issued for

Any path, POST only; 200 with an empty body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.server.span.core import SpanCore
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpResponse, problem
from simulator.server.span.model import Device, InetMetadata
from simulator.server.span.recent import Recent
from simulator.server.span.settings import CIOT_GATEWAY, INET_GATEWAY, NS_PER_MS
from simulator.wire.address import Address, ip_of, text

LENGTH_DIGITS = 19
"""A longer Content-Length is no number to reckon with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRequest:
    """One request, decoded: `path` without query, header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote: Address
    """Where it came from, with the port."""
    serial: int | None = None
    """Of the client's certificate, which this platform's authority has signed; None: it showed none."""
    name: str = ""
    """Its common name."""
    secure: bool = False
    """It came over TLS."""


class Turned(NamedTuple):
    """A blob that was refused."""

    why: str
    peer: Address
    serial: int | None
    name: str
    """Of the device, by its certificate."""


class BlobDoor:
    """Lets blobs in."""

    def __init__(self, core: SpanCore) -> None:
        self._core = core
        self.turned: dict[bool, Recent[Turned]] = {True: Recent(), False: Recent()}
        """The last blobs that were refused, over TLS or not, for the person who watches …"""
        self.broken: Recent[str] = Recent()
        """… and why TLS handshakes came to nothing."""

    def handle(self, request: BlobRequest, now_ns: int) -> HttpResponse:
        """Answer one request; whatever it contains, there is an answer. `now_ns`: Unix nanoseconds."""
        try:
            device = self._admit(request, now_ns)
            self._core.blobs.store(
                device,
                path=request.path,
                payload=request.body,
                content_type=request.headers.get("content-type", ""),
                address=text(request.remote),
                gateway_id=INET_GATEWAY if request.secure else CIOT_GATEWAY,
                now_ns=now_ns,
            )
        except Refusal as refusal:
            return self._refused(request, refusal)
        return HttpResponse(content_type="text/plain", body=b"")

    def refuse(self, request: BlobRequest, now_ns: int) -> HttpResponse | None:
        """What can be said no to before the body is there; None: go on, and send it."""
        try:
            self._admit(request, now_ns)
        except Refusal as refusal:
            return self._refused(request, refusal)
        return None

    def too_long(self, request: BlobRequest) -> HttpResponse:
        """The answer to a body without end."""
        return self.give_up(request, 413, f"Blob is too long: {self.body_most} bytes is the limit")

    def give_up(self, request: BlobRequest, status: int, title: str) -> HttpResponse:
        """The answer to a request that comes to nothing on its way."""
        return self._refused(request, Refusal(status, title))

    @property
    def body_most(self) -> int:
        """Longest body in bytes."""
        return self._core.settings.blob_bytes

    def _admit(self, request: BlobRequest, now_ns: int) -> Device:
        """Whose blob it is. Raises: Refusal 401, 403, 405, 413, 414."""
        if request.method != "POST":
            raise Refusal(405, "Method not allowed here; allowed: POST")
        device = self._by_certificate(request, now_ns) if request.secure else self._by_address(request)
        if len(request.path) > self._core.settings.path_bytes:
            raise Refusal(414, "Path is too long")
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit():
            self._core.blobs.check_length(int(length[:LENGTH_DIGITS]))
        return device

    def _by_address(self, request: BlobRequest) -> Device:
        # The bare address only: the port of a TCP connection says nothing about that of datagrams.
        session = self._core.network.sessions.get(ip_of(request.remote))
        if session is None:
            raise Refusal(403, "No device is in session at this address")
        if not session.device.active:
            raise Refusal(403, "Collection is disabled" if session.device.enabled else "Device is disabled")
        return session.device

    def _by_certificate(self, request: BlobRequest, now_ns: int) -> Device:
        if request.serial is None:
            raise Refusal(401, "A client certificate is needed")
        certificates = self._core.certificates
        problem = certificates.refusal(request.serial, "device", now_ns)
        device = certificates.owner(request.serial)
        if problem or not isinstance(device, Device):
            raise Refusal(403, (problem or "unknown certificate").capitalize())
        # [C] span §8.3 has it for HTTPS too, but clientConnected is of UDP, CoAP and DTLS (span §3.4), hence no event.
        device.inet_seen = InetMetadata(
            last_update_ms=now_ns // NS_PER_MS,
            remote_address=text(request.remote),
            certificate_serial=request.serial,
        )
        return device

    def _refused(self, request: BlobRequest, refusal: Refusal) -> HttpResponse:
        self.turned[request.secure].add(Turned(refusal.title, request.remote, request.serial, request.name))
        return problem(refusal.status, refusal.title, {"Allow": "POST"} if refusal.status == 405 else None)
