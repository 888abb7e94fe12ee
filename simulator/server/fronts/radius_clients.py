"""Who may talk RADIUS to the platform: networks with their secrets, and how unsigned requests are taken."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from simulator.errors import LocalError
from simulator.wire.address import Ipv4, host_text

Required = Literal["always", "auto", "never"]

LOOPBACK_NETWORK = "127.0.0.0/8"
DUPLICATES_S = 30
DUPLICATES_MOST = 65_536
ADDRESSES_MOST = 4_096
"""Client addresses of which it is remembered how they sign; a source address can be made up, memory cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusClient:
    """A network of packet gateways, and the secret that they share with the platform."""

    network: str = LOOPBACK_NETWORK
    """`10.1.0.0/16`, or one address."""
    secret: str = field(default="", repr=False)
    """"": made from the server's seed, hence guessable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusSettings:
    """Options of the RADIUS listener; defaults are the sheet's (mobile-network §1.7, §1.8), but for `always`."""

    clients: tuple[RadiusClient, ...] = (RadiusClient(),)
    """The longest prefix wins; whoever is in none is not answered."""
    require_message_authenticator: Required = "always"
    """Whether Access-Requests must be signed. `auto`: from the first signed one of an address on."""
    duplicates_s: int = DUPLICATES_S
    """How long an answer is kept for a request that comes again …"""
    duplicates_most: int = DUPLICATES_MOST
    """… and how many at most."""
    interim_s: int | None = None
    """How often gateways shall report on their sessions (Acct-Interim-Interval); None: they are not asked to."""
    disconnect_port: int = 0
    """Where gateways take Disconnect-Requests: 3799 for real ones; 0: where they last wrote from about the session."""


@dataclass(frozen=True, slots=True)
class Known:
    """A client that is known."""

    secret: bytes = field(repr=False)


class Clients:
    """All of them.

    Raises: LocalError: a network that is none, or that is there twice; a client without a secret.
    """

    def __init__(self, clients: Sequence[RadiusClient], required: Required) -> None:
        found: dict[tuple[int, int], Known] = {}
        for client in clients:
            key = network_of(client.network)
            if not client.secret:
                raise LocalError(f"RADIUS client {client.network} has no secret")
            if key in found:
                raise LocalError(f"RADIUS client {client.network} is there twice; one network has one secret")
            found[key] = Known(client.secret.encode())
        # Longest prefix first.
        self._table = [(mask, network, found[mask, network]) for mask, network in sorted(found, reverse=True)]
        self._required = required
        self._signing: set[Ipv4] = set()
        self._warned: set[Ipv4] = set()
        self.warnings: list[str] = []
        """For the person who runs it. Whoever has told them empties it."""

    def find(self, ip: Ipv4) -> Known | None:
        """Whose address that is; None: nobody's."""
        for mask, network, client in self._table:
            if ip & mask == network:
                return client
        return None

    def must_sign(self, ip: Ipv4) -> bool:
        """Whether an Access-Request from there needs a Message-Authenticator."""
        return self._required == "always" or (self._required == "auto" and ip in self._signing)

    def believed(self, ip: Ipv4, signed: bool) -> None:
        """A valid Access-Request came from there; `signed`: with Message-Authenticator."""
        if self._required != "auto":
            return
        if signed:
            if ip not in self._signing and len(self._signing) < ADDRESSES_MOST:
                self._signing.add(ip)
        elif ip not in self._warned and len(self._warned) < ADDRESSES_MOST:
            self._warned.add(ip)
            self.warnings.append(
                f"RADIUS: {host_text(ip)} does not sign its requests (Message-Authenticator); whoever sits on the line"
                " can forge them and their answers (CVE-2024-3596)"
            )


def network_of(text: str) -> tuple[int, int]:
    """Mask and address of `10.1.0.0/16`, as numbers. Raises: LocalError."""
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise LocalError(f"RADIUS client {text}: {error}; write a network as 10.1.0.0/16") from None
    return int(network.netmask), int(network.network_address)
