"""Requests that are encoded but for their id, token and payload: one for each way of asking, made when first needed."""

from __future__ import annotations

from simulator.protocol.coap.codec import Options, Template
from simulator.protocol.coap.numbers import Type, is_request
from simulator.protocol.coap.options import path_options

_MOST = 4096  # a bound for callers that invent paths, and for long transfers


class PathTemplates(dict[str, Template]):
    """By path, for one method and message type."""

    def __init__(self, method: int, type: int) -> None:
        """Raises: ValueError: `method` is none."""
        super().__init__()
        if not is_request(method):
            raise ValueError(f"code {method} is no method; methods are 1 to 31")
        self._method, self._type = method, type

    def __missing__(self, path: str) -> Template:
        """Raises: ValueError: a segment of more than 255 bytes."""
        template = Template(self._type, self._method, path_options(path))
        if len(self) >= _MOST:
            self.clear()
        self[path] = template
        return template


class RequestTemplates(dict[int, PathTemplates]):
    """By `confirmable << 8 | method`, then by path; one number, because a tuple would be made for each request."""

    def __missing__(self, kind: int) -> PathTemplates:
        """Raises: ValueError: no method."""
        found = PathTemplates(kind & 0xFF, Type.CON if kind >> 8 else Type.NON)
        self[kind] = found
        return found


class StepTemplates(dict[tuple[int, int, Options], Template]):
    """By type, method and options: a fleet that loads the same image asks for the same blocks."""

    def __missing__(self, key: tuple[int, int, Options]) -> Template:
        if len(self) >= _MOST:
            self.clear()
        template = self[key] = Template(*key)
        return template
