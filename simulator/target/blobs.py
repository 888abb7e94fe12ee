"""How a device leaves a blob at the platform: by HTTP from its own address, or by HTTPS with its certificate.

One connection per blob, as the samples do it (span §4.6). Nothing raises: whatever goes wrong is a result.
"""

from __future__ import annotations

import errno
import io
import os
import ssl
from typing import TYPE_CHECKING, Protocol

from simulator import acts
from simulator.clock import Clock
from simulator.errors import LocalError, SimulatorError
from simulator.target.api import one_line, title_of
from simulator.target.credentials import Credentials
from simulator.wire.address import Address, Ipv4, address, host_text, ip_of, port_of
from simulator.wire.tls import load_pair, words_of

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer
    from simulator.server.span.http import HttpResponse

CONNECT_S = 30.0
"""How long the platform may take to let a connection, or its TLS handshake, be made."""
ANSWER_S = 60.0
"""How long it may say nothing, once the blob is on its way."""
ANSWER_BYTES = 1 << 16
"""How much of an answer is read: it is empty, or a problem document."""
MAPPED = (
    "devices of the mobile network share one address here, and a blob is known by the address that it comes from; run"
    " it on Linux, without --wire mapped"
)
_SOURCE_PORT = 40_000
"""In process there are no ports; some number has to stand in the record."""
_UNKNOWN_AUTHORITY = "unknown ca"
"""TLS alert 48 in words, as OpenSSL says it to who comes with a certificate of strangers."""


_CUT = (errno.ECONNRESET, errno.EPIPE)


class BlobUploader(Protocol):
    """Carries blobs."""

    async def upload(
        self, source: Ipv4, credentials: Credentials | None, act: acts.UploadBlob, *, secure: bool
    ) -> acts.Result:
        """One blob of one device. Never raises.

        Args:
            source: the device's own address, without a port.
            credentials: what it shows over TLS, and whom it trusts; an empty certificate: it shows none.
            secure: over TLS.
        Returns: Stored; Rejected: by an answer (status and title) or a TLS alert (in its words); NoAnswer; Broken: the
            platform is not there, or the device does not trust it.
        """


class InProcessBlobs:
    """Hands blobs to the door of the reference server in this process; no time passes."""

    def __init__(self, server: ReferenceServer, clock: Clock) -> None:
        self._server, self._clock = server, clock

    async def upload(
        self, source: Ipv4, credentials: Credentials | None, act: acts.UploadBlob, *, secure: bool
    ) -> acts.Result:
        """See BlobUploader."""
        from simulator.server.fronts.blobs import BlobRequest

        if self._server.halted:
            return acts.Broken("no connection (connection refused); the platform is stopped")
        now_ns = self._clock.unix_ns()
        serial = None
        if secure and credentials is not None and credentials.certificate:
            found = self._server.core.certificates.authority_at(now_ns).read(credentials.certificate)
            if isinstance(found, str):
                return acts.Rejected(_UNKNOWN_AUTHORITY)
            serial = found.serial
        request = BlobRequest(
            method="POST",
            path=_path(act),
            headers={"content-type": act.content_type, "content-length": str(len(act.payload))},
            body=act.payload,
            remote=address(source, _SOURCE_PORT),
            serial=serial,
            secure=secure,
        )
        answer: HttpResponse = self._server.blobs.handle(request, now_ns)
        return _result(answer.status, answer.body)


class SocketBlobs:
    """Carries blobs over TCP.

    Args:
        plain: where the platform takes HTTP from devices of the mobile network; 0: nowhere.
        secure: where it takes HTTPS; 0: nowhere.
        name: the host that its certificate has to be for; "": the address in `secure`.
        mapped: all devices have one address, so that HTTP cannot tell them apart.
    """

    def __init__(self, *, plain: Address, secure: Address, name: str = "", mapped: bool = False) -> None:
        self._plain, self._secure, self._mapped = plain, secure, mapped
        self._name = name or host_text(secure)

    async def upload(
        self, source: Ipv4, credentials: Credentials | None, act: acts.UploadBlob, *, secure: bool
    ) -> acts.Result:
        """See BlobUploader."""
        where = self._secure if secure else self._plain
        if not where:
            return acts.Broken(f"the platform takes no blobs over {'HTTPS' if secure else 'HTTP'}")
        if not secure and self._mapped:
            return acts.Broken(MAPPED)
        try:
            tls = _context(credentials) if secure else None
        except SimulatorError as error:
            return acts.Broken(str(error))
        return await self._post(where, source, tls, act)

    async def _post(
        self, where: Address, source: Ipv4, tls: ssl.SSLContext | None, act: acts.UploadBlob
    ) -> acts.Result:
        import aiohttp  # late: a virtual run never needs it
        from yarl import URL

        # Who is known by its certificate may come from anywhere; from a foreign machine it could not be answered.
        own = tls is None or (not self._mapped and ip_of(where) >> 24 == ip_of(source) >> 24)
        scheme = "http" if tls is None else "https"
        url = URL.build(scheme=scheme, host=host_text(where), port=port_of(where), path=_path(act))
        connector = aiohttp.TCPConnector(force_close=True, local_addr=(host_text(source), 0) if own else None)
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=ANSWER_S)
        headers = {"Content-Type": act.content_type, "Connection": "close"}
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
                session.post(
                    url,
                    data=io.BytesIO(act.payload),
                    headers=headers,
                    ssl=True if tls is None else tls,
                    server_hostname=None if tls is None else self._name,
                    allow_redirects=False,
                ) as answer,
            ):
                return _result(answer.status, await answer.content.read(ANSWER_BYTES))
        except TimeoutError:
            return acts.NoAnswer("timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failure(error)


def _path(act: acts.UploadBlob) -> str:
    return "/" + act.path.removeprefix("/")


def _context(credentials: Credentials | None) -> ssl.SSLContext:
    """What one device brings. Raises: LocalError: its certificate cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # [C] With 1.3 a device learns that it was refused only after it has begun to send, and then often loses the reason
    # with the connection. Small devices speak 1.2 anyway.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if credentials is not None:
        if credentials.root:
            try:
                context.load_verify_locations(cadata=credentials.root.decode("ascii", "replace"))
            except (ssl.SSLError, ValueError):
                raise LocalError("the root certificate that the platform gave cannot be read") from None
        if credentials.certificate:
            load_pair(context, credentials.certificate.rstrip() + b"\n" + credentials.chain, credentials.key)
    return context


def _result(status: int, body: bytes) -> acts.Result:
    return acts.Stored(status) if 200 <= status < 300 else acts.Rejected(f"{status} {title_of(body)}")


def _failure(error: BaseException) -> acts.Result:
    """Why there was no answer, without the library's own idiom."""
    import aiohttp

    refused = getattr(error, "certificate_error", None)
    if isinstance(refused, ssl.SSLCertVerificationError):
        return acts.Broken(f"refused: {one_line(refused.verify_message)}")
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(system, ssl.SSLError) and system.reason:
        words = words_of(system.reason)
        return acts.Rejected(words) if "_ALERT_" in system.reason else acts.Broken(f"TLS: {words}")
    number = getattr(system, "errno", None)
    if number == errno.EADDRNOTAVAIL:
        return acts.Broken(MAPPED)
    if number == errno.ECONNREFUSED:
        return acts.Broken("no connection (connection refused)")
    if isinstance(system, ConnectionError) or number in _CUT or isinstance(error, aiohttp.ServerDisconnectedError):
        return acts.Broken("the platform closed the connection")
    if number and number > 0 and isinstance(error, aiohttp.ClientConnectorError):
        return acts.Broken(f"no connection ({os.strerror(number).lower()})")
    return acts.Broken(f"the connection broke ({one_line(str(error)) or type(error).__name__})")
