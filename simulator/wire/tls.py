"""TLS contexts from certificates and keys that are in memory.

Python's `ssl` reads a key from a file only. It gets one that has no name, or one that nobody else may read and that is
gone before the context is used.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from simulator.errors import LocalError


def load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Have the context show this certificate; both as PEM, the certificate with what is sent behind it.

    Raises: LocalError: they are not what they should be, or do not belong together; never with a part of the key.
    """
    try:
        with _file(certificate.rstrip() + b"\n" + key) as path:
            # Without a password of ours OpenSSL would ask for that of an encrypted key at the terminal.
            context.load_cert_chain(path, password=b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        why = getattr(error, "reason", None) or type(error).__name__
        raise LocalError(f"the certificate and its key cannot be used: {words_of(why)}") from None


def words_of(reason: str) -> str:
    """What OpenSSL calls a problem, in words.

    >>> words_of("TLSV1_ALERT_UNKNOWN_CA")
    'unknown ca'
    >>> words_of("KEY_VALUES_MISMATCH")
    'key values mismatch'
    """
    return reason.rpartition("_ALERT_")[2].replace("_", " ").lower()


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("tls"), "wb", buffering=0) as file:
            file.write(content)
            yield f"/proc/self/fd/{file.fileno()}"
        return
    handle, path = tempfile.mkstemp()  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield path
    finally:
        os.unlink(path)
