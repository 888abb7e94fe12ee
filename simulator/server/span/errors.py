"""How the API says no: one exception, one document (span §2.3)."""

from __future__ import annotations

import msgspec

# HTTP status → gRPC code, as a gRPC gateway maps them (span §2.3); 405 and 413 have no counterpart there.
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 413: 8, 429: 8, 500: 13, 501: 12, 503: 14}
_UNKNOWN = 2


class Refusal(Exception):
    """A request that is not carried out. Becomes an answer, never a traceback.

    Args:
        status: HTTP status, 400 or more.
        title: what was wrong, for a person.
    """

    def __init__(self, status: int, title: str) -> None:
        super().__init__(status, title)
        self.status, self.title = status, title


def problem_document(status: int, title: str) -> bytes:
    """One body for all clients: a problem document (RFC 7807) that is a gRPC status as well (span §2.3)."""
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "status": status,
            "title": title,
            "code": _GRPC.get(status, _UNKNOWN),
            "message": title,
            "details": [],
        }
    )
