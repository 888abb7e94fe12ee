"""Blobs on a TCP port, plain or with TLS: HTTP requests, translated for the door and back (span §4.6).

Who may not leave a blob is told so before the body is read, so that strangers cannot make the server hold anything.
Imports aiohttp, so import this module late.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import HttpVersion11, web

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.protocol.dtls.alerts import refusal_words
from simulator.server.fronts.blobs import BlobDoor, BlobRequest
from simulator.server.fronts.http_server import Server, go_on, listening, port_problem, report, response
from simulator.server.span.http import HttpResponse, problem
from simulator.wire.address import Address, address, host_text, ipv4
from simulator.wire.tls import load_pair

SILENCE_S = 30.0
"""How long a device may send nothing of its blob, or between two blobs, …"""
BODY_S = 900.0
"""… and how long all of it may take: 16 MiB at 150 kbit/s."""
BODIES_BYTES = 256 << 20
"""What all blobs may have that are under way."""
LINGER_S = 3.0
"""For how long a refused blob is let come, so that its device has sent it and reads why: but who waits for the end of
the connection does not wait long."""
STOP_S = 0.5
"""How long requests under way may take when the server stops."""
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""


_NO_TLS = "this is no TLS"


class _Handshake(ssl.SSLObject):
    """Lets asyncio send the alert that says why a handshake fails: by itself it cuts the connection first.

    The error comes with the next call, when the peer has answered or hung up; a peer that does neither is cut off after
    asyncio's time for handshakes.
    """

    tell: Callable[[str], None]
    """Is told why it fails; a subclass has it."""
    _failed: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """As above."""
        if self._failed is not None:
            raise self._failed
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            why = handshake_words(error)
            self.tell(why)
            if why == _NO_TLS:
                raise  # who speaks plain HTTP cannot read an alert, and waits for an answer
            self._failed = error
            raise ssl.SSLWantReadError from None


def handshake_words(error: ssl.SSLError) -> str:
    """Why a handshake fails; "alert: …" is the peer's word."""
    words = (error.reason or "").lower().replace("_", " ")
    if " alert " in words:
        return f"alert: {words.partition(' alert ')[2]}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return refusal_words(error.verify_code, error.verify_message)
    if words in ("http request", "wrong version number"):
        return _NO_TLS
    return words or "the connection ended"


def tls_context(
    certificate: bytes, key: bytes, trust: bytes, tell: Callable[[str], None] = lambda _why: None
) -> ssl.SSLContext:
    """What devices find on the port.

    Args:
        certificate, key: PEM; the certificate with the intermediate behind it (span §8.4).
        trust: PEM of root and intermediate, for some clients send only their leaf (span §8.4).
        tell: is told why a handshake fails.
    Raises: LocalError: they cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = type("Handshake", (_Handshake,), {"tell": staticmethod(tell)})
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=trust.decode("ascii"))
    # Who shows none gets 401, and who shows one that is over 403, each with its reason; an alert would say less. The
    # register knows the time of the run.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    load_pair(context, certificate, key)
    return context


class BlobHttpFront:
    """One TCP port in front of the door.

    Args:
        tls: from `tls_context`; None: plain HTTP, for devices of the mobile network.
    """

    def __init__(self, door: BlobDoor, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._door, self._clock, self._tls = door, clock, tls
        self._runner: web.ServerRunner | None = None
        self._held = 0
        """Bytes of blobs that are under way."""
        self.address: Address = 0
        """Where it listens; 0 before `start`."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises: LocalError: the port is not to be had."""
        # A blob is what was sent, so nothing is unpacked.
        server = Server(
            self._serve, body_most=self._door.body_most, decompress=False, linger_s=LINGER_S, idle_s=SILENCE_S
        )
        runner = web.ServerRunner(server, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listening(host_text(ipv4(host)), port), ssl_context=self._tls).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise LocalError(port_problem(error, host, port)) from error
        self._runner = runner
        self.address = address(host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Let requests end, close the port; calling it again does nothing. From now on nothing is accepted."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = response(await self._answer(request))
        except (ConnectionError, asyncio.CancelledError):
            raise  # there is nobody to answer
        except Exception as error:
            report(request, error)
            answer = response(problem(500, "Internal error"))
        if not request.content.is_eof():
            answer.force_close()
        return answer

    async def _answer(self, request: web.BaseRequest) -> HttpResponse:
        asked = self._request(request)
        refusal = self._down() or self._door.refuse(asked, self._clock.unix_ns())
        if refusal is not None:
            return refusal
        body = bytearray()
        try:
            if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
                await go_on(request)
            async with asyncio.timeout(BODY_S):
                refusal = await self._read(request, asked, body)
        except TimeoutError:
            return self._door.give_up(asked, 408, "The blob did not come in time")
        except web.RequestPayloadError:
            return self._door.give_up(asked, 400, "The request body is not encoded as its headers say")
        finally:
            self._held -= len(body)
        refusal = refusal or self._down()
        if refusal is not None:
            return refusal
        return self._door.handle(replace(asked, body=bytes(body)), self._clock.unix_ns())

    def _down(self) -> HttpResponse | None:
        return problem(503, "The platform is going down") if self._runner is None else None

    async def _read(self, request: web.BaseRequest, asked: BlobRequest, body: bytearray) -> HttpResponse | None:
        """Read the body to its end; an answer: it will not be read any further."""
        while True:
            async with asyncio.timeout(SILENCE_S):
                part = await request.content.readany()
            if not part:
                return None
            self._held += len(part)
            body += part
            if len(body) > self._door.body_most:
                return self._door.too_long(asked)
            if self._held > BODIES_BYTES:
                return self._door.give_up(asked, 503, "Too many blobs are under way")

    def _request(self, request: web.BaseRequest) -> BlobRequest:
        if request.transport is None:
            raise ConnectionError("the client has left")
        host, port = request.transport.get_extra_info("peername")[:2]
        secured = request.transport.get_extra_info("ssl_object")
        shown = secured.getpeercert() if secured is not None else None
        return BlobRequest(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            remote=address(host, port),
            serial=int(shown["serialNumber"], 16) if shown else None,
            name=_common_name(shown) if shown else "",
            secure=secured is not None,
        )


def _common_name(shown: dict[str, Any]) -> str:
    """Of a certificate as `ssl` shows it; "": it has none."""
    parts = (part for several in shown.get("subject", ()) for part in several)
    return next((value for kind, value in parts if kind == "commonName"), "")
