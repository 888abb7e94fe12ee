"""A platform that somebody else runs: `simulator serve` in another process, or a real Span.

Attaching needs a platform that answers `POST /simulator/login`; a real one is asked by its operator's network instead.
"""

from __future__ import annotations

import asyncio

from simulator.clock import Clock
from simulator.errors import RemoteError, TargetError
from simulator.target.api import ApiRefused, SpanApi
from simulator.target.http import HttpCaller, SocketObserver
from simulator.target.observer import Observer
from simulator.wire.address import Address

ALIVE_S = 5.0
"""How long the platform may take to show that it is still there."""


class RemoteTarget:
    """A platform behind a base URL.

    Args:
        url: base URL of its API, `http://127.0.0.1:10080`.
        token: an API token that may write; it is sent, and never shown.
        coap, udp: where its devices send to.
    """

    capabilities = frozenset({"login"})

    def __init__(self, *, url: str, token: str, coap: Address, udp: Address, clock: Clock) -> None:
        self.name = url
        self.coap, self.udp = coap, udp
        self._url, self._token, self._clock = url, token, clock
        self._caller: HttpCaller | None = None
        self._readers: list[SocketObserver] = []
        self.api: SpanApi

    async def start(self) -> None:
        """See whether it is there. Raises: TargetError."""
        self._caller = HttpCaller(self._url, self._token)
        self.api = SpanApi(self._caller)
        try:
            await self.api.version()
        except ApiRefused as error:
            raise TargetError(f"{self._url} does not answer as a Span API: {error}") from error

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on, over reconnections."""
        assert self._caller is not None
        path = f"/span/collections/{collection}/activity"
        reader = SocketObserver(self._caller, path, self._clock.now, observer.message, observer.gap, observer.failed)
        await reader.start()
        self._readers.append(reader)

    async def tell_gaps(self) -> None:
        """Before the verdict: an open stream that says nothing proves nothing unless the platform is alive."""
        silent = ""
        try:
            async with asyncio.timeout(ALIVE_S):
                await self.api.version()
        except (RemoteError, TargetError, TimeoutError):
            silent = f"the platform did not answer within {ALIVE_S:.0f} s at the end of the run"
        for reader in self._readers:
            reader.tell_gap(silent)

    async def stop(self) -> None:
        """Hang up."""
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        if self._caller is not None:
            await self._caller.close()
