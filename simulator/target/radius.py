"""How packet gateways reach the platform: where it listens for RADIUS, and with which secret."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from simulator.errors import LocalError, TargetError
from simulator.wire.address import Address, address


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusAccess:
    """What a gateway is configured with."""

    authentication: Address
    accounting: Address
    secret: bytes = field(repr=False)  # never reaches a log


class RadiusDoor(msgspec.Struct):
    """What a reference server says of it at `GET /simulator/radius`."""

    authentication: str
    accounting: str
    secret: str

    def __repr__(self) -> str:
        return f"RadiusDoor({self.authentication}, {self.accounting})"

    def access(self) -> RadiusAccess:
        """The same, read. Raises: TargetError: it makes no sense."""
        return RadiusAccess(
            authentication=address_in(self.authentication, "GET /simulator/radius"),
            accounting=address_in(self.accounting, "GET /simulator/radius"),
            secret=self.secret.encode(),
        )


def address_in(text: str, asked: str) -> Address:
    """Host and port in an answer to `asked`. Raises: TargetError: they are none."""
    host, _, port = text.rpartition(":")
    try:
        found = address(host, int(port))
    except (ValueError, LocalError):
        found = 0
    if not found >> 32:
        raise TargetError(f"{asked}: the platform's answer makes no sense: no IPv4 address with a port")
    return found
