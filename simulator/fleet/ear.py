"""What stands between a port and the client behind it, so that devices can be deaf."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.wire.address import Address, Ipv4
from simulator.wire.ports import BatchReceiver, Port, Receiver, deliver_batches


class Ear:
    """Between a port and the client behind it: hears nothing for devices that are off or frozen.

    A client needs its port to send, and the port its client to receive: this is there before both are. While everybody
    hears, it stands aside and costs nothing.
    """

    __slots__ = ("_deaf", "_forget", "_hear", "_hear_many", "_port", "receive")

    receive: Receiver

    def __init__(self) -> None:
        self._deaf: set[Ipv4] = set()

    def attach(
        self,
        port: Port,
        hear: Receiver,
        hear_many: BatchReceiver | None = None,
        forget: Callable[[Ipv4], None] | None = None,
    ) -> None:
        """Introduce port and client; `forget` tells the client that a device has lost its memory."""
        self._port, self._hear, self._hear_many, self._forget = port, hear, hear_many, forget
        self._listen()

    def cover(self, ip: Ipv4) -> None:
        """This device hears nothing from now on, and what it waits for is forgotten."""
        if self._forget is not None:
            self._forget(ip)
        self._deaf.add(ip)
        self._listen()

    def uncover(self, ip: Ipv4) -> None:
        """It hears again."""
        self._deaf.discard(ip)
        self._listen()

    def drop(self, ip: Ipv4) -> None:
        """What this device waits for is forgotten; it goes on hearing."""
        if self._forget is not None:
            self._forget(ip)

    def is_deaf(self, ip: Ipv4) -> bool:
        """Whether this device hears nothing."""
        return ip in self._deaf

    def _listen(self) -> None:
        self.receive = self._hear_some if self._deaf else self._hear
        if self._hear_many is not None:
            deliver_batches(self._port, self._hear_some_of if self._deaf else self._hear_many)

    def _hear_some(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        if local_ip not in self._deaf:
            self._hear(data, peer, local_ip, now)

    def _hear_some_of(self, datagrams: Iterable[tuple[bytes, Address, Ipv4]], now: float) -> None:
        # Lazily, as it is called again with the rest of the same iterator when one of them makes it raise.
        assert self._hear_many is not None
        deaf = self._deaf
        self._hear_many((datagram for datagram in datagrams if datagram[2] not in deaf), now)
