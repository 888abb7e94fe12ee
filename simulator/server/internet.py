"""What the platform shows of itself to Internet devices: its certificate, made when somebody first wants to see it.

The library behind it takes a moment to load, and a rehearsal without Internet devices never needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.clock import Clock
from simulator.server.fronts.associations import make_context
from simulator.server.span.core import SpanCore

if TYPE_CHECKING:
    from simulator.protocol.dtls.server import ServerContext
    from simulator.server.span.authority import Authority


class Internet:
    """One per start of the platform.

    Args:
        folder: of the authority; None: it is in memory.
        names: host names and addresses that the certificate is for.
    """

    def __init__(self, core: SpanCore, clock: Clock, *, folder: Path | None, names: Sequence[str]) -> None:
        self._core, self._clock, self._names = core, clock, names
        self._identity: tuple[bytes, bytes] | None = None
        self._context: ServerContext | None = None
        if folder is not None:

            def from_folder(now_ns: int) -> Authority:
                from simulator.server.span.authority import Authority

                return Authority.in_folder(folder, now_ns)

            core.certificates.source = from_folder

    def identity(self) -> tuple[bytes, bytes]:
        """The platform's certificate with the intermediate behind it, and its key; PEM.

        Raises: LocalError: the authority's folder is not what it should be.
        """
        if self._identity is None:
            now_ns = self._clock.unix_ns()
            self._identity = self._core.certificates.authority_at(now_ns).server_identity(self._names, now_ns)
        return self._identity

    def trust_pem(self) -> bytes:
        """Root and intermediate: what certificates of devices are held against. Raises: LocalError: as `identity`."""
        return self._core.certificates.authority_at(self._clock.unix_ns()).chain_pem

    def context(self) -> ServerContext:
        """What all DTLS sessions share. Raises: LocalError: as `identity`."""
        if self._context is None:
            self._context = make_context(self._core, self._clock, self.identity(), self.trust_pem())
        return self._context
