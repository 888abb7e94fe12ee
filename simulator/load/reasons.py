"""Why a call to the platform failed, in the words that `target.http` uses, without a library's own idiom."""

from __future__ import annotations

import errno
import os
import ssl

from simulator.target.api import one_line
from simulator.target.http import CALL_TIMEOUT_S

_NOWHERE = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)


def why(error: BaseException) -> str:
    """Nothing that was sent is in it, so no token either."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CALL_TIMEOUT_S:.0f} s"
    if isinstance(error, ssl.SSLError):  # its errno is none
        words = getattr(error, "verify_message", "") or (error.reason or "TLS").lower().replace("_", " ")
        return f"no connection ({one_line(words)})"
    if isinstance(error, OSError) and error.errno is not None and (error.errno < 0 or error.errno in _NOWHERE):
        # Negative: nobody knows the name.
        return f"no connection ({_words(error)}); is the platform running, and is this its API's address?"
    if isinstance(error, OSError):
        return f"the connection broke ({_words(error)})"
    if isinstance(error, ValueError):  # it may quote what cannot be sent
        return "a call cannot be put into words of HTTP; is the token right?"
    return "the answer breaks off, or is no HTTP"


def _words(error: OSError) -> str:
    if error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return one_line(error.strerror or str(error)) or type(error).__name__
