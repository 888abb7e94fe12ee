"""What the platform gives to Internet devices: the certificates that it makes, and the chain for all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.errors import TargetError
from simulator.target.api import SpanApi
from simulator.target.credentials import Credentials

DAY_S = 86_400
LIFETIME_S = 14 * DAY_S
"""How long the certificates are valid that the platform makes (span §8.2)."""
GATEWAY_NAME = "nobody's gateway"
NOT_MADE = ("none", "foreign", "self-signed", "copy")
"""Kinds of certificates that the platform does not make."""
NS_PER_S = 1_000_000_000

Issued = Callable[[str, str, Credentials], None]
"""Name of the device, kind of its certificate (`words.CERTIFICATES`), and what the platform issued."""


class Issuing:
    """Gets certificates for devices, and hands them on.

    Args:
        issued: who takes them; None: nobody does.
        unix_ns: the platform's time; None: there will be no certificates that are not valid now.
    """

    def __init__(self, issued: Issued | None, unix_ns: Callable[[], int] | None) -> None:
        self._issued, self._unix_ns = issued, unix_ns
        self._gateways: dict[str, str] = {}
        """Collection id → id of the gateway in it that certificates are issued for."""
        self._making_gateway = asyncio.Lock()

    async def issue(self, name: str, kind: str, collection: str, device: str, api: SpanApi) -> None:
        """A certificate of this kind for a device. Raises: ApiRefused, TargetError."""
        credentials = await self._credentials(kind, collection, device, api)
        if self._issued is not None:
            self._issued(name, kind, credentials)

    async def _credentials(self, kind: str, collection: str, device: str, api: SpanApi) -> Credentials:
        if kind in NOT_MADE:
            return Credentials(certificate=b"", key=b"", chain=await api.certificate_chain(collection, device))
        if kind == "gateway":
            return await api.create_gateway_certificate(collection, await self._gateway(collection, api))
        if kind == "own":
            return await api.create_certificate(collection, device)
        if self._unix_ns is None:
            raise TargetError(f"a certificate of the kind '{kind}' needs the platform's time")
        now_s = self._unix_ns() // NS_PER_S
        # As long as the platform would have made it: over since a day, or from tomorrow on.
        begin_s = now_s + DAY_S if kind == "early" else now_s - DAY_S - LIFETIME_S
        return await api.issue_certificate(collection, device, begin_s, begin_s + LIFETIME_S)

    async def _gateway(self, collection: str, api: SpanApi) -> str:
        """A gateway of the collection; it is made when the first certificate is wanted for it."""
        async with self._making_gateway:
            if collection not in self._gateways:
                self._gateways[collection] = await api.create_gateway(collection, GATEWAY_NAME)
            return self._gateways[collection]
