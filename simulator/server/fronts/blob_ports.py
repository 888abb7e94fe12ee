"""The two TCP ports where devices leave blobs. Nothing heavy is loaded before they are opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.clock import Clock
from simulator.server.fronts.blobs import BlobDoor
from simulator.wire.address import Address

if TYPE_CHECKING:
    from simulator.server.fronts.blob_http import BlobHttpFront

Identity = Callable[[], tuple[bytes, bytes]]
"""The server's certificate, with the intermediate behind it, and its key; PEM."""
Trust = Callable[[], bytes]
"""Root and intermediate; PEM."""


class BlobPorts:
    """HTTP for devices of the mobile network, and HTTPS for those of the Internet."""

    def __init__(self, door: BlobDoor, clock: Clock) -> None:
        self._door, self._clock = door, clock
        self._plain: BlobHttpFront | None = None
        self._secure: BlobHttpFront | None = None

    async def open(self, host: str, port: int) -> None:
        """Listen for devices of the mobile network. Raises: LocalError: the port is not to be had."""
        from simulator.server.fronts.blob_http import BlobHttpFront  # late: it loads aiohttp

        front = BlobHttpFront(self._door, self._clock)
        await front.start(host, port)
        self._plain = front

    async def open_secure(self, host: str, port: int, identity: Identity, trust: Trust) -> None:
        """Listen for Internet devices. Raises: LocalError: no port, or no certificate, is to be had."""
        from simulator.server.fronts.blob_http import BlobHttpFront, tls_context

        front = BlobHttpFront(self._door, self._clock, tls_context(*identity(), trust(), self._door.broken.add))
        await front.start(host, port)
        self._secure = front

    async def close(self) -> None:
        """Let uploads end, close the ports; calling it again does nothing."""
        fronts = self._plain, self._secure
        self._plain = self._secure = None
        for front in fronts:
            if front is not None:
                await front.stop()

    @property
    def plain_address(self) -> Address:
        """0: it is not open."""
        return 0 if self._plain is None else self._plain.address

    @property
    def secure_address(self) -> Address:
        """0: it is not open."""
        return 0 if self._secure is None else self._secure.address
