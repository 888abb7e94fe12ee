"""What every front on a datagram port has: where it listens, how it starts and stops, and the moment of its turn."""

from __future__ import annotations

from simulator.clock import Clock
from simulator.wire.address import Address, Ipv4, port_of
from simulator.wire.ports import Port, Wire


class DatagramFront:
    """One datagram port in front of a core. A subclass says what `receive` does."""

    def __init__(self, clock: Clock) -> None:
        self.last_unknown: Address = 0
        """Who last wrote from an address without a session; 0: nobody yet."""
        self._unix_ns = clock.unix_ns
        self._turn = -1.0  # one look at the wall clock serves all datagrams of a turn
        self._now_ns = 0
        self._port: Port | None = None
        self._local_port = 0

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
