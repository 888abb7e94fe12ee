"""What every front on a datagram port has: where it listens, how it starts and stops, and the moment of its turn."""

from __future__ import annotations

from simulator.clock import Clock
from simulator.wire.address import Address, Ipv4, port_of
from simulator.wire.ports import Port, Wire

STRANGERS_MOST = 64


class DatagramFront:
    """One datagram port in front of a core. A subclass says what `receive` does."""

    def __init__(self, clock: Clock) -> None:
        self._strangers: dict[Address, int] = {}
        self._unix_ns = clock.unix_ns
        self._turn = -1.0  # one look at the wall clock serves all datagrams of a turn
        self._now_ns = 0
        self._port: Port | None = None
        self._local_port = 0

    def stranger(self, peer: Address) -> None:
        """Somebody without a session has written; the first few are remembered until they are told."""
        if peer in self._strangers or len(self._strangers) < STRANGERS_MOST:
            self._strangers[peer] = self._strangers.get(peer, 0) + 1

    def take_strangers(self) -> dict[Address, int]:
        """Who wrote without a session, and how often, since the last call."""
        taken, self._strangers = self._strangers, {}
        return taken

    @property
    def address(self) -> Address:
        """Where it listens; 0 before `start`."""
        return self._port.address if self._port is not None else 0

    async def start(self, wire: Wire, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises: LocalError: the port is not to be had."""
        self._port = await wire.open(host, port, self.receive)
        self._local_port = port_of(self._port.address)

    def stop(self) -> None:
        """Close the port; calling it again does nothing."""
        if self._port is not None:
            self._port.close()

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """One datagram (a `ports.Receiver`)."""
        raise NotImplementedError
