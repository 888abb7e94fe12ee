"""What everything that moves datagrams has in common: a wire opens ports, a port carries one or all local addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.wire.address import Address, Ipv4

Receiver = Callable[[bytes, Address, Ipv4, float], None]
"""Called per datagram with: bytes, peer, local IPv4 address that it was sent to, run time in seconds."""

BatchReceiver = Callable[[Iterable[tuple[bytes, Address, Ipv4]], float], None]
"""Called per batch with: its datagrams, each as for a Receiver, and the run time in seconds.

The datagrams are to be taken one by one. If one of them makes it raise, it is called again with the rest.
"""


def deliver_batches(port: Port, receiver: BatchReceiver) -> None:
    """Have `port` call this once per batch, and its receiver no more; nothing happens if it moves no batches."""
    take = getattr(port, "deliver_batches", None)
    if take is not None:
        take(receiver)


def sender_of_many(port: Port) -> Callable[[list[Any]], None] | None:
    """What queues many datagrams at once: data, peer, local address, data, …; None: `port` takes one at a time."""
    take: Callable[[list[Any]], None] | None = getattr(port, "send_many", None)
    return take


@dataclass(slots=True)
class PortCounts:
    """What a port has moved and lost since it was opened; datagrams, but for the `_bytes`."""

    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    send_errors: int = 0
    """Datagrams that the system refused (full buffer after waiting, unreachable, too long)."""
    truncated: int = 0
    """Datagrams longer than a receive slot; dropped."""
    overflowed: int = 0
    """Datagrams that the system dropped because our receive buffer was full (SO_RXQ_OVFL where there is one)."""


class Port(Protocol):
    """One open datagram port.

    `send` queues: the datagram leaves at the end of the current turn at the latest (`flush` sends at once).
    A datagram that cannot be sent is counted, never raised. The receiver must not raise; a port that meets an
    exception from it counts nothing away: it hands it to the loop's exception handler and goes on.
    """

    address: Address
    """Where it is bound. IPv4 part 0: it carries every local address, and `send` says from which."""
    counts: PortCounts

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Queue one datagram to `peer`, from `local_ip` (0: the bound address, or the system's choice)."""

    def local_address(self, ip: Ipv4) -> Address:
        """How the peer sees what is sent from `ip`.

        The IPv4 part differs where the system has only one loopback address: there every device is a port of its own
        (mobile-network §1.10). Raises: LocalError: the address or a descriptor is not to be had.
        """

    def flush(self) -> None:
        """Send what is queued, now."""

    def close(self) -> None:
        """Flush and close; calling it again does nothing."""


class Wire(Protocol):
    """Opens ports; the memory network, the batch sockets and asyncio-dgram each are one."""

    async def open(self, host: str, port: int, receiver: Receiver) -> Port:
        """Open a port. `host` "0.0.0.0" carries every local address, `port` 0 means any free one.

        Raises: LocalError: port in use, address not available, no permission; with what to do about it.
        """
