"""What a DTLS server has in common for all its ports, what it counts, and one session of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL

from simulator.protocol.dtls import contexts
from simulator.protocol.dtls.agenda import NEVER
from simulator.protocol.dtls.flights import Outbox
from simulator.protocol.dtls.identity import Identity, PeerCertificate
from simulator.protocol.dtls.settings import Settings

Address = int
"""Peer's port and IPv4 address as one number, equal to `wire.address.Address`; it is only compared."""
Ipv4 = int


@dataclass(slots=True)
class Counts:
    """What happened at a port since it was opened."""

    handshakes: int = 0
    """Finished ones, resumed ones among them."""
    resumed: int = 0
    refused: int = 0
    """Handshakes that ended because the client's certificate, or its lack, was not good enough."""
    failed: int = 0
    """Handshakes that ended otherwise: alerts of the client, nothing in common."""
    timeouts: int = 0
    """Handshakes that did not end in time."""
    cookies: int = 0
    """Hellos that were asked for a cookie."""
    garbage: int = 0
    """Datagrams that are no DTLS, belong to no session, or are no hello that could be answered."""
    overflow: int = 0
    """Hellos ignored because `pending_most` or `sessions_most` was reached."""
    retransmissions: int = 0
    """Flights sent again."""
    too_long: int = 0
    """Application data that did not fit the MTU."""
    replaced: int = 0
    """Sessions whose device shook hands anew from the same address."""
    idle: int = 0
    """Sessions closed for silence."""


class ServerContext:
    """What all ports of a server share."""

    def __init__(
        self,
        identity: Identity,
        trust_pem: bytes,
        *,
        settings: Settings | None = None,
        unix_ns: Callable[[], int],
        accept: Callable[[PeerCertificate], str],
    ) -> None:
        """
        Args:
            trust_pem: root and intermediate, for some clients send only their leaf.
            unix_ns: certificates are checked by this clock.
            accept: called during the handshake for a client's certificate whose chain is in order, and for the one of
                a session that is to be resumed; returns "" or why it is refused, with a fatal alert.
        Raises: LocalError: `trust_pem` cannot be read.
        """
        self.settings = settings or Settings()
        self.unix_ns = unix_ns
        self.verification = contexts.Verification(accept)
        self.ssl_context = contexts.new_server_context(self.settings, trust_pem, identity, self.verification.callback)


class Association:
    """One session, from the moment that the client's address is sure."""

    __slots__ = (
        "_connection", "_last_s", "_most_bytes", "_outbox", "_random", "_taken", "certificate", "local_ip", "owner",
        "peer", "resumed", "since_s", "when",
    )  # fmt: skip

    certificate: PeerCertificate
    """The client's; there from `connected` on."""

    def __init__(
        self, connection: SSL.Connection, outbox: Outbox, random: bytes, peer: Address, local_ip: Ipv4, now: float
    ) -> None:
        self.peer = peer
        self.local_ip = local_ip
        self.resumed = False
        self.since_s = now
        """Run time of the handshake's end; before that, of its beginning."""
        self.owner: Any = None
        """For whoever uses the session."""
        self.when = NEVER
        self._connection: SSL.Connection | None = connection
        self._outbox = outbox
        self._random = random
        self._last_s = now
        self._most_bytes = 0
        self._taken = 0  # bytes, during the handshake
