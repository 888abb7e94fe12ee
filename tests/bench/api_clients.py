"""Clients of the platform's API that cost next to nothing: requests over keep-alive connections, a reader of events.

They trust the server and understand only what it says: an answer with Content-Length, WebSocket frames of text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

Asked = tuple[str, str, bytes]
"""Method, path, body."""


class Connection(asyncio.Protocol):
    """One connection of requests that are asked one after the other.

    Args:
        ask: the next request; None: no more.
        told: status and body of each answer.
    """

    def __init__(self, token: str, ask: Callable[[], Asked | None], told: Callable[[int, bytes], None]) -> None:
        self._token, self._ask, self._told = token, ask, told
        self._buffer = b""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        _, _, length = head.lower().partition(b"content-length: ")
        size = int(length.partition(b"\r\n")[0])
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        self._told(int(head[9:12]), rest[:size])
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the server has hung up"))

    def _next(self) -> None:
        asked = self._ask()
        if asked is None:
            self.over.set_result(None)
            self._transport.close()
            return
        method, path, body = asked
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nX-API-Token: {self._token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(head.encode() + b"\r\n" + body)


async def ask_all(port: int, token: str, asked: Iterable[Asked], connections: int) -> list[dict[str, Any]]:
    """The answers to all of them, in the order in which they came. Raises: SystemExit: one was refused."""
    left = iter(asked)
    bodies: list[bytes] = []

    def told(status: int, body: bytes) -> None:
        if status != 200:
            raise SystemExit(f"answered {status}: {body.decode()}")
        bodies.append(body)

    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(token, lambda: next(left, None), told), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.over for _, protocol in opened))
    return [json.loads(body) for body in bodies]


class EventReader(asyncio.Protocol):
    """Reads one event stream.

    Args:
        came: is given how many `upstreamMessage` each read has brought.
    """

    def __init__(self, path: str, token: str, came: Callable[[int], None]) -> None:
        self._path, self._token, self._came = path, token, came
        self._buffer = b""
        self._upgraded = False
        self.opened = asyncio.Event()
        """The platform listens on behalf of this reader from now on."""
        self.reads = self.other = 0
        self.words: list[bytes] = []
        """What the platform said that is no event, such as that it has dropped some."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"X-API-Token: {self._token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise SystemExit(f"no stream: {head.decode()}")
            self._upgraded = True
            self.opened.set()
        self.reads += 1
        self._came(self._read(buffer))

    def _read(self, buffer: bytes) -> int:
        events, at, end = 0, 0, len(buffer)
        while end - at >= 4:
            size, begin = buffer[at + 1], at + 2
            if size == 126:
                size, begin = buffer[at + 2] << 8 | buffer[at + 3], at + 4
            if begin + size > end:
                break
            if buffer.find(b'"upstreamMessage"', begin, begin + size) >= 0:
                events += 1
            elif buffer[at] == 0x89:
                self.transport.write(b"\x8a\x80\0\0\0\0")
            elif buffer.startswith(b'{"collectionId"', begin):
                self.other += 1
            else:
                self.words.append(buffer[begin : begin + size])
            at = begin + size
        self._buffer = buffer[at:]
        return events
