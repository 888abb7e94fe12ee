"""Addresses of the mobile network: who was given which, and how they are shown (mobile-network §1.10).

On the wire of one machine devices appear in 127.64.0.0/10; the platform shows 10.64.0.0/10. A mapped source, where the
system has only 127.0.0.1, is an address with a port and is shown as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from simulator.errors import LocalError
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import Address, Ipv4, address, host_text, ipv4, port_of, text

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
        self._taken = 0  # of the network: a SIM may also have brought an address from elsewhere
        # A plain dict would look through all that it has forgotten to find its oldest.
        self._left: OrderedDict[int, None] = OrderedDict()

    @property
    def given(self) -> Mapping[int, Address]:
        """SIM → its address, in session or remembered."""
        return self._of_sim

    @property
    def left(self) -> tuple[int, ...]:
        """The SIMs that are only remembered, the longest gone first."""
        return tuple(self._left)

    @property
    def next_free(self) -> int:
        """Where the search for a free address begins, counted from the network's own."""
        return self._next

    def restore(self, given: Mapping[int, Address], left: Iterable[int], next_free: int) -> None:
        """Be what `given`, `left` and `next_free` of another were."""
        self._of_sim = dict(given)
        self._owner = {where: imsi for imsi, where in given.items()}
        self._taken = sum(map(self._is_own, self._owner))
        self._left = OrderedDict.fromkeys(left)
        self._next = next_free

    def read(self, words: str) -> Address:
        """`127.64.0.5`, `10.64.0.5` or `127.0.0.1:4711`. Raises: LocalError."""
        host, colon, port = words.partition(":")
        if not colon:
            return self.on_wire(ipv4(host))
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise LocalError(f"'{port}' is no port; ports go from 0 to 65535")
        return self.on_wire(address(host, int(port)))

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
        return host_text(self.number(where))

    def number(self, where: Address) -> Ipv4:
        """How the mobile network is told it: the shown address as a number, without a port."""
        ip = where & _IPV4
        offset = ip - self._wire
        return self._shown + offset if 0 <= offset < self._size else ip

    def take(self, imsi: int, wanted: Address | None) -> Address | None:
        """The address of a SIM from now on; `wanted` (on the wire) goes to whoever asked last. None: none is free."""
        where = wanted
        if where is None:
            where = self._of_sim.get(imsi)
        if where is None:
            where = self._free()
        if where is None:
            return None
        self._drop(imsi)
        self._drop(self._owner.get(where, 0))
        self._of_sim[imsi] = where
        self._owner[where] = imsi
        self._taken += self._is_own(where)
        return where

    def hold(self, imsi: int) -> None:
        """The SIM has a session: its address is nobody else's until `release`."""
        self._left.pop(imsi, None)

    def release(self, imsi: int) -> None:
        """The SIM has no session any more; from now on its address is only remembered."""
        if imsi not in self._of_sim:
            return
        self._left[imsi] = None
        self._left.move_to_end(imsi)
        if len(self._left) > RESERVATIONS_PER_NETWORK:
            self._drop(next(iter(self._left)))

    def owner(self, where: Address) -> int:
        """The SIM that was given this address last, as a number; 0: none."""
        return self._owner.get(where, 0)

    def _drop(self, imsi: int) -> None:
        self._left.pop(imsi, None)
        where = self._of_sim.pop(imsi, None)
        if where is not None and self._owner.get(where) == imsi:
            del self._owner[where]
            self._taken -= self._is_own(where)

    def _is_own(self, where: Address) -> bool:
        """Whether it is one that the network hands out."""
        return 0 < where - self._wire < self._size - 1

    def _free(self) -> Address | None:
        last = self._size - 2
        for _ in range(last if self._taken < last else 0):
            where = self._wire + self._next
            self._next = self._next + 1 if self._next < last else 1
            if where not in self._owner:
                return where
        return self._longest_gone()

    def _longest_gone(self) -> Address | None:
        """An address of the network whose SIM has left; never one that is in session."""
        return next((where for imsi in self._left if self._is_own(where := self._of_sim[imsi])), None)
