"""Where the reference server listens, who may ask it, and the options of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulator.protocol.coap.server_types import ServerSettings as CoapSettings
from simulator.server.fronts.radius_clients import RadiusSettings
from simulator.server.ports import (
    ACCOUNTING_PORT,
    API_PORT,
    BLOB_PORT,
    COAP_PORT,
    COAPS_PORT,
    DTLS_PORT,
    HTTPS_PORT,
    RADIUS_PORT,
    UDP_PORT,
)
from simulator.server.span.settings import SpanSettings

PORTS = (
    "api_port",
    "udp_port",
    "coap_port",
    "radius_port",
    "accounting_port",
    "dtls_port",
    "coaps_port",
    "https_port",
    "blob_port",
)


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
    dtls_port: int = DTLS_PORT
    coaps_port: int = COAPS_PORT
    https_port: int = HTTPS_PORT
    """Blobs of Internet devices …"""
    blob_port: int = BLOB_PORT
    """… and of those of the mobile network."""
    inet: bool = True
    """False: no Internet devices, and nothing of OpenSSL is loaded."""
    data: Path | None = None
    """Folder of the certificate authority, which is made there if there is none; None: a new one, in memory."""
    names: tuple[str, ...] = ()
    """Further host names and addresses by which Internet devices call this server; its certificate names them."""
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
