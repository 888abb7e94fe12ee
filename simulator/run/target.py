"""What a rehearsal needs of what is under test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from simulator.target.api import SpanApi
from simulator.target.blobs import BlobUploader
from simulator.target.observer import Observer, StreamReader
from simulator.target.radius import RadiusAccess
from simulator.wire.address import Address


class Target(Protocol):
    """What is under test."""

    name: str

    @property
    def capabilities(self) -> frozenset[str]:
        """Words of `words.CAPABILITIES`; of a remote one they are known once it is started."""

    @property
    def coap(self) -> Address:
        """Where devices send CoAP to."""

    @property
    def udp(self) -> Address:
        """Where they send plain UDP to."""

    @property
    def dtls(self) -> Address:
        """Where they send raw payloads over DTLS to; 0: nowhere."""

    @property
    def coaps(self) -> Address:
        """Where they send CoAP over DTLS to; 0: nowhere."""

    @property
    def timers(self) -> int:
        """How many entries of the run's calendar are the platform's own."""

    blobs: BlobUploader | None
    """How devices leave blobs there, once it is started; None: not at all."""
    radius: RadiusAccess | None
    """How packet gateways reach it, once it is started; None: not at all."""
    api: SpanApi

    async def start(self) -> None:
        """Reach it, or start it. Raises: TargetError, LocalError."""

    async def observe(self, collection: str, observer: Observer) -> None:
        """Read the activity events of a collection from now on."""

    async def tell_gaps(self, patience_s: float | None = None) -> None:
        """Tell the observer, before the verdict, of times without sight that have not ended yet.

        `patience_s`: how long the platform may take to show that it is alive; None: as long as is fair.
        """

    async def stop(self) -> None:
        """Let go of it."""

    # --- while it runs (`faults`) -------------------------------------------------------------------------------------

    async def halt(self) -> None:
        """Down, in order; what it has accepted survives."""

    async def resume(self) -> None:
        """Up again, on the same addresses; the streams of the run's own observer first."""

    def misbehave(self, fault: str) -> Callable[[], None]:
        """From now on it has this fault, also over a restart. Returns: what ends that."""

    # --- tokens and further readers (`tokens`, `pacing`) --------------------------------------------------------------

    async def issue_token(self, text: str, resource: str, write: bool) -> None:
        """Make a token known. Raises: ApiRefused, TargetError."""

    async def revoke_token(self, text: str) -> None:
        """The platform no longer knows it, and ends its streams. Raises: ApiRefused, TargetError."""

    def api_as(self, token: str) -> SpanApi:
        """The same API, with another token."""

    async def subscribe(
        self, collection: str, reader: StreamReader, token: str, reads_per_s: float | None
    ) -> Callable[[], Awaitable[None]]:
        """Open a further stream of a collection's events. Returns: what closes it. Raises: ApiRefused, TargetError."""
