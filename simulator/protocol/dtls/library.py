"""The calls into OpenSSL that every record takes.

pyOpenSSL's methods raise an exception for "nothing more at the moment", which comes with every record; the same calls
straight on the library take a third of the time. Names of the library come and go with versions of `cryptography`, so
they are bound here once, and where one is missing the public methods take the place of all (`public_calls`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from OpenSSL import SSL
from OpenSSL._util import ffi as _typed_ffi
from OpenSSL._util import lib as _typed_lib

lib: Any = _typed_lib
ffi: Any = _typed_ffi

DONE, WAITS, CLOSED, FAILED = 0, 1, 2, 3
"""How a call ended: with a result; more datagrams are needed; the peer has closed; with an error."""

_SSL_ERRORS: Final = {2: WAITS, 3: WAITS, 6: CLOSED}  # SSL_get_error: WANT_READ, WANT_WRITE, ZERO_RETURN

Errors = list[tuple[int, str]]
"""Reason number and text of each error, first one first."""


class Calls(NamedTuple):
    """One way of calling OpenSSL."""

    put: Callable[[SSL.Connection, bytes], None]
    """A datagram that came."""
    take: Callable[[SSL.Connection], bytes]
    """All that is to be sent; empty: nothing."""
    listen: Callable[[SSL.Connection], int]
    """Takes a hello: DONE if its cookie is good; WAITS otherwise, and then there may be something to be sent."""
    handshake: Callable[[SSL.Connection], int]
    read: Callable[[SSL.Connection], tuple[int, bytes]]
    write: Callable[[SSL.Connection, bytes], bool]
    errors: Callable[[], Errors]
    """Why the last call failed; they are gone then."""


def fast_calls() -> Calls | None:
    """Straight on the library; None: a name is missing."""
    names = (
        "BIO_ADDR_new", "BIO_read", "BIO_write", "DTLSv1_listen", "ERR_GET_REASON", "ERR_clear_error", "ERR_get_error",
        "ERR_reason_error_string", "SSL_do_handshake", "SSL_get_error", "SSL_read", "SSL_write",
    )  # fmt: skip
    if any(getattr(lib, name, None) is None for name in names):
        return None
    if not all(
        hasattr(SSL.Connection(SSL.Context(SSL.DTLS_METHOD)), name) for name in ("_ssl", "_into_ssl", "_from_ssl")
    ):
        return None
    bio_read, bio_write, ssl_read, ssl_write = lib.BIO_read, lib.BIO_write, lib.SSL_read, lib.SSL_write
    clear, get_error, do_handshake = lib.ERR_clear_error, lib.SSL_get_error, lib.SSL_do_handshake
    size = 1 << 17
    # One for all sessions: nothing stays in it between two calls, and there is one thread.
    scratch = ffi.new("char[]", size)
    view = ffi.buffer(scratch)

    def put(connection: Any, datagram: bytes) -> None:
        bio_write(connection._into_ssl, datagram, len(datagram))

    def take(connection: Any) -> bytes:
        count = bio_read(connection._from_ssl, scratch, size)
        if count <= 0:
            return b""
        if count < size:
            return bytes(view[:count])
        return bytes(view[:count]) + take(connection)

    nobody = ffi.gc(lib.BIO_ADDR_new(), lib.BIO_ADDR_free)  # OpenSSL wants a place for the address it does not know

    def listen(connection: Any) -> int:
        clear()
        result = lib.DTLSv1_listen(connection._ssl, nobody)
        return WAITS if result == 0 else DONE if result > 0 else FAILED

    def handshake(connection: Any) -> int:
        ssl = connection._ssl
        clear()
        result = do_handshake(ssl)
        return DONE if result == 1 else _SSL_ERRORS.get(get_error(ssl, result), FAILED)

    def read(connection: Any) -> tuple[int, bytes]:
        ssl = connection._ssl
        clear()
        count = ssl_read(ssl, scratch, size)
        if count > 0:
            return DONE, bytes(view[:count])
        return _SSL_ERRORS.get(get_error(ssl, count), FAILED), b""

    def write(connection: Any, data: bytes) -> bool:
        clear()
        return bool(ssl_write(connection._ssl, data, len(data)) == len(data))

    def errors() -> Errors:
        found: Errors = []
        while number := lib.ERR_get_error():
            text = lib.ERR_reason_error_string(number)
            found.append((lib.ERR_GET_REASON(number), ffi.string(text).decode() if text != ffi.NULL else ""))
        return found

    return Calls(put, take, listen, handshake, read, write, errors)


def public_calls() -> Calls:
    """With pyOpenSSL's methods."""
    last: Errors = []

    def outcome(call: Callable[[], object]) -> tuple[int, Any]:
        last.clear()
        try:
            return DONE, call()
        except (SSL.WantReadError, SSL.WantWriteError):
            return WAITS, None
        except SSL.ZeroReturnError:
            return CLOSED, None
        except SSL.Error as error:
            reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
            last.extend((0, str(reason[-1])) for reason in reasons)
            return FAILED, None

    def put(connection: SSL.Connection, datagram: bytes) -> None:
        outcome(lambda: connection.bio_write(datagram))

    def take(connection: SSL.Connection) -> bytes:
        found = b""
        while True:
            status, more = outcome(lambda: connection.bio_read(1 << 17))
            if status != DONE:
                return found
            found += more

    def listen(connection: SSL.Connection) -> int:
        return outcome(connection.DTLSv1_listen)[0]

    def handshake(connection: SSL.Connection) -> int:
        return outcome(connection.do_handshake)[0]

    def read(connection: SSL.Connection) -> tuple[int, bytes]:
        status, data = outcome(lambda: connection.recv(1 << 15))
        return status, data or b""

    def write(connection: SSL.Connection, data: bytes) -> bool:
        return outcome(lambda: connection.send(data)) == (DONE, len(data))

    return Calls(put, take, listen, handshake, read, write, lambda: list(last))


CALLS: Final = fast_calls() or public_calls()


def optional(name: str) -> Any:
    """A function of the library, or None where this version has none of that name."""
    return getattr(lib, name, None)
