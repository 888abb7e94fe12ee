"""Paths to handlers: a tree of segments, literal ones before `{placeholders}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.server.span.http import HttpRequest, HttpResponse
from simulator.server.span.tokens import Token

if TYPE_CHECKING:
    from simulator.server.span.core import SpanCore


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to a handler."""

    core: SpanCore
    request: HttpRequest
    path: Mapping[str, str]
    """Values of the placeholders."""
    now_ns: int
    token: Token | None
    """Who asks; None: the operation is open to everybody."""


Handler = Callable[[Call], HttpResponse]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one method of one path. `open`: without a token."""

    handler: Handler
    open: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A path that exists."""

    methods: Mapping[str, Route]
    path: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    placeholder: tuple[str, _Node] | None = None
    methods: dict[str, Route] = field(default_factory=dict)


class Router:
    """All operations."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, method: str, pattern: str, handler: Handler, *, open: bool = False) -> None:
        """One operation; `pattern` as in `/span/collections/{c}`. The first one added stays."""
        node = self._root
        for segment in pattern.split("/")[1:]:
            if segment.startswith("{"):
                if node.placeholder is None:
                    node.placeholder = segment[1:-1], _Node()
                node = node.placeholder[1]
            else:
                node = node.literal.setdefault(segment, _Node())
        node.methods.setdefault(method, Route(handler, open))

    def find(self, path: str) -> Found | None:
        """The operations of a path; None: no such path. A literal segment hides a placeholder (`firmware/labeled`)."""
        if not path.startswith("/"):
            return None
        node, values = self._root, {}
        for segment in path.split("/")[1:]:
            below = node.literal.get(segment)
            if below is None:
                if node.placeholder is None or not segment:
                    return None
                name, below = node.placeholder
                values[name] = segment
            node = below
        return Found(node.methods, values) if node.methods else None
