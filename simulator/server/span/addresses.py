"""Addresses of the mobile network: who was given which, and how they are shown (mobile-network §1.10).

On the wire of one machine devices appear in 127.64.0.0/10; the platform shows 10.64.0.0/10. A mapped source, where the
system has only 127.0.0.1, is an address with a port and is shown as it is.
"""

from __future__ import annotations

from simulator.errors import LocalError
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import Address, address, host_text, ipv4, port_of, text

_IPV4 = (1 << 32) - 1
_MULTICAST = ipv4("224.0.0.0")
RESERVATIONS_PER_NETWORK = 1 << 20
"""SIMs that are remembered with their address after they left; the longest gone is forgotten first."""


class Addresses:
    """Hands out addresses: the same one to a SIM that comes back, else the next free one (span §6)."""

    def __init__(self, settings: SpanSettings) -> None:
        size = 1 << 32 - settings.network_bits
        self._wire, self._shown, self._size = settings.wire_network, settings.shown_network, size
        self._next = 1  # neither the network's own address nor its broadcast address is a device's
        self._of_sim: dict[int, Address] = {}
        self._owner: dict[Address, int] = {}

    def read(self, words: str) -> Address:
        """`127.64.0.5`, `10.64.0.5` or `127.0.0.1:4711`. Raises: LocalError."""
        host, colon, port = words.partition(":")
        if not colon:
            return self.on_wire(ipv4(host))
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise LocalError(f"'{port}' is no port; ports go from 0 to 65535")
        return address(host, int(port))

    def on_wire(self, where: Address) -> Address:
        """A shown address as the one that its datagrams come from. Raises: LocalError: nobody can send from there."""
        ip = where & _IPV4
        if not 0 < where < 1 << 48 or not 0 < ip < _MULTICAST:
            raise LocalError(f"{text(where) if where >= 0 else where} is no address of a device")
        offset = ip - self._shown
        if 0 <= offset < self._size and where == ip:
            return self._wire + offset
        return where

    def shown(self, where: Address) -> str:
        """How events and metadata show it."""
        if port_of(where):
            return text(where)
        offset = where - self._wire
        return host_text(self._shown + offset if 0 <= offset < self._size else where)

    def take(self, imsi: int, wanted: Address | None) -> Address | None:
        """The address of a SIM from now on; `wanted` (on the wire) goes to whoever asked last. None: none is free."""
        where = wanted
        if where is None:
            where = self._of_sim.get(imsi)
        if where is None:
            where = self._free()
        if where is None:
            return None
        self._forget(self._of_sim.pop(imsi, None), imsi)
        previous = self._owner.get(where)
        if previous is not None:
            self._of_sim.pop(previous, None)
        self._of_sim[imsi] = where
        self._owner[where] = imsi
        if len(self._of_sim) > RESERVATIONS_PER_NETWORK:
            oldest = next(iter(self._of_sim))
            self._forget(self._of_sim.pop(oldest), oldest)
        return where

    def owner(self, where: Address) -> int:
        """The SIM that was given this address last, as a number; 0: none."""
        return self._owner.get(where, 0)

    def _forget(self, where: Address | None, imsi: int) -> None:
        if where is not None and self._owner.get(where) == imsi:
            del self._owner[where]

    def _free(self) -> Address | None:
        last = self._size - 2
        if len(self._owner) >= last:
            return None
        for _ in range(last):
            where = self._wire + self._next
            self._next = self._next + 1 if self._next < last else 1
            if where not in self._owner:
                return where
        return None
