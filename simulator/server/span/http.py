"""Requests and answers as the router sees them: the same whether they came over a socket or in process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from simulator.server.span.errors import problem_document

JSON = "application/json"
PROBLEM = "application/problem+json"
"""Anything else makes the public Go client panic on an error (span §2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, decoded: `path` without query, header names in lower case, `remote` a bare IP address."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What goes back."""

    status: int = 200
    content_type: str = JSON
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(document: object) -> HttpResponse:
    """200 with an object (span §2.2)."""
    return HttpResponse(body=msgspec.json.encode(document))


def problem(status: int, title: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error in the form that all public clients survive."""
    return HttpResponse(
        status=status, content_type=PROBLEM, body=problem_document(status, title), headers=headers or {}
    )
