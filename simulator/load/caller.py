"""The platform's API from greenlets: requests over connections that are kept, as many at a time as there are of them.

`SpanApi` is written for coroutines; with this caller none of its calls ever waits for a loop, so that
`immediately(api.create_device(...))` blocks the calling greenlet and nobody else. Connections, TLS and the parser are
geventhttpclient's. The requests are our own: a hundred thousand devices are created with the same four header lines.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
from gevent.lock import BoundedSemaphore
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse

from simulator.errors import TargetError
from simulator.load.reasons import why
from simulator.load.trust import trust
from simulator.target.http import ANSWER_BYTES, CALL_TIMEOUT_S

CONCURRENCY: Final = 16
"""Requests under way at a time: more of them only wait inside the platform instead of here."""
CONNECT_S = 10.0
_BLOCK_BYTES = 1 << 16
_PIECE_BYTES = 1 << 20
_HTTP_PORTS: Final = {"http": 80, "https": 443}
_ONCE_ONLY: Final = frozenset({"POST", "PATCH"})
"""Not said again to a platform that may have heard it."""


class GreenCaller:
    """`target.api.Caller` for one base URL and one token. Certificates are checked; no redirection is followed.

    Args:
        concurrency: connections at most; whoever comes when all are in use waits.
    """

    def __init__(self, base_url: str, token: str, concurrency: int = CONCURRENCY) -> None:
        self._base = base_url.rstrip("/")
        parts = urlsplit(self._base)
        host, port = parts.hostname or "", parts.port or _HTTP_PORTS.get(parts.scheme, 80)
        secure = parts.scheme == "https"
        more: dict[str, Any] = {"ssl_context_factory": trust} if secure else {}
        self._pool: Any = (SSLConnectionPool if secure else ConnectionPool)(
            host,
            port,
            host,
            port,
            size=concurrency,
            connection_timeout=CONNECT_S,
            network_timeout=CALL_TIMEOUT_S,
            **more,
        )
        self._turns = BoundedSemaphore(concurrency)
        self._host = parts.netloc.rpartition("@")[2]
        self._head = self._common(token)

    def __repr__(self) -> str:
        return f"GreenCaller({self._base})"

    def showing(self, token: str) -> GreenCaller:
        """The same with another token, over the same connections; closing it closes both."""
        other = copy(self)
        other._head = self._common(token)
        return other

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request. Raises: TargetError: nobody there, no answer in time, or one without end."""
        return self.ask(method, path, body)

    def ask(self, method: str, path: str, body: bytes | None, patience_s: float = CALL_TIMEOUT_S) -> tuple[int, bytes]:
        """The same, for who is no coroutine. `patience_s`: counts from when a connection is free for it."""
        with self._turns:
            return self._ask(method, path, body, patience_s)

    async def close(self) -> None:
        """Close idle connections."""
        self._pool.close()

    def _ask(self, method: str, path: str, body: bytes | None, patience_s: float) -> tuple[int, bytes]:
        limit = gevent.Timeout(patience_s)
        try:
            with limit:
                try:
                    return self._exchange(method, path, body)
                except HTTPConnectionClosed:
                    # A connection that was kept too long: it was closed when our request was on its way.
                    if method in _ONCE_ONLY:
                        raise
                    return self._exchange(method, path, body)
        except gevent.Timeout as late:
            if late is not limit:  # somebody else's
                raise
            reason = f"no answer within {patience_s:g} s"
        except HTTPConnectionClosed:
            reason = "the connection was closed without an answer"
        except (OSError, ValueError, RuntimeError, HTTPParseError) as error:
            # Without its cause, which may quote the token of a request that cannot be sent.
            reason = why(error)
        raise TargetError(f"{method} {self._base}{path}: {reason}")

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        length = b"" if body is None else b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        request = b"%s %s HTTP/1.1\r\n%s%s\r\n%s" % (method.encode(), path.encode(), self._head, length, body or b"")
        pool = self._pool
        sock = pool.get_socket()
        try:
            sock.sendall(request)
        except BaseException:
            pool.release_socket(sock)
            raise
        answer = HTTPSocketPoolResponse(sock, pool, block_size=_BLOCK_BYTES, method=method)
        try:
            return answer.status_code, _body(answer)
        finally:
            answer.release()

    def _common(self, token: str) -> bytes:
        """Header lines of every request. Raises: TargetError: nobody can have such a token."""
        if not (token.isascii() and token.isprintable()):
            raise TargetError(f"{self._base}: the token has characters that no token has")
        return f"Host: {self._host}\r\nAccept: application/json\r\nX-API-Token: {token}\r\n".encode()


def _body(answer: Any) -> bytes:
    """Raises: what the client raises; OSError: it has no end."""
    if answer.message_complete:
        found: bytes = answer.read()
        return found
    parts: list[bytes] = []
    size = 0
    while part := answer.read(_PIECE_BYTES):
        size += len(part)
        if size > ANSWER_BYTES:
            raise OSError(f"an answer of more than {ANSWER_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)
