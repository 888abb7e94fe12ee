"""A reader of events or data, seen from the core: a bounded queue that never makes the core wait.

    OPEN ──push──► OPEN   (full: count what is dropped, tell the reader when it comes back)
      ├──push while full, lossless──► CLOSED 1013
      └──close──► CLOSED

The same object stands behind a WebSocket and behind an observer in process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from simulator.server.span.settings import NS_PER_S

# Objects without collectionId: the public CLI skips them on activity, the Go helper skips types other than data on
# data streams (span §3.2).
KEEPALIVE = b'{"type":"keepalive"}\n'

CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008
CLOSE_RESTART = 1012
"""Service restart (the registry of RFC 6455 §11.7): come back soon."""
CLOSE_TRY_AGAIN_LATER = 1013


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a stream ended: WebSocket close code (RFC 6455 §7.4.1) and words."""

    code: int
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.code})"


class Subscription:
    """One reader.

    Args:
        now_ns: Unix nanoseconds; keepalives count from here.
        limit: how many messages may wait.
        limit_bytes: how many bytes may wait.
        keepalive_s: silence after which `expire` adds a keepalive.
        lossless: True: nothing is dropped, a reader that falls behind by more than the limits is cut off.
        device: number of the only device whose messages it wants; None: all.
        gateway: id of the only gateway whose messages it wants; "": all.
    """

    __slots__ = (
        "_gone",
        "_keepalive_ns",
        "_last_ns",
        "_limit",
        "_limit_bytes",
        "_lossless",
        "_queue",
        "_queued_bytes",
        "_told",
        "closed",
        "device",
        "dropped",
        "gateway",
        "on_ready",
    )

    def __init__(
        self,
        now_ns: int,
        *,
        limit: int,
        limit_bytes: int,
        keepalive_s: int = 30,
        lossless: bool = False,
        device: int | None = None,
        gateway: str = "",
    ) -> None:
        self.device, self.gateway = device, gateway
        self.on_ready: Callable[[], None] | None = None
        """Called when there is something to take, or the stream has been closed, after nothing was to be done."""
        self.closed: Closed | None = None
        """None while open. What was queued before may still be taken."""
        self.dropped = 0
        """Messages that this reader has missed so far."""
        self._told = 0
        self._limit, self._limit_bytes, self._lossless = limit, limit_bytes, lossless
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._keepalive_ns = keepalive_s * NS_PER_S
        self._last_ns = now_ns
        self._gone: Callable[[Subscription], None] | None = None

    def push(self, message: bytes, now_ns: int) -> None:
        """Queue one message. The same bytes object goes to all readers."""
        queue = self._queue
        size = self._queued_bytes + len(message)
        if len(queue) >= self._limit or size > self._limit_bytes:
            self._overflow(len(queue))
            return
        self._last_ns = now_ns
        self._queued_bytes = size
        queue.append(message)
        if len(queue) == 1 and self.on_ready is not None:
            self.on_ready()

    def _overflow(self, waiting: int) -> None:
        if self.closed is not None:
            return
        if not self._lossless:
            self.dropped += 1
            return
        self.close(CLOSE_TRY_AGAIN_LATER, f"reader too slow: {waiting} messages were waiting")

    def take(self) -> list[bytes]:
        """All that waits, oldest first, each one JSON object and a newline; empty if nothing does."""
        if self.dropped > self._told:
            self._tell_dropped()
        taken, self._queue, self._queued_bytes = self._queue, [], 0
        return taken

    def take_some(self, most: int) -> list[bytes]:
        """The oldest `most` messages that wait, for a reader that does not read as fast as they come."""
        if self.dropped > self._told:
            self._tell_dropped()
        queue = self._queue
        taken = queue[:most]
        del queue[:most]
        self._queued_bytes -= sum(map(len, taken))
        return taken

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes they have."""
        return self._queued_bytes

    def _tell_dropped(self) -> None:
        # They were dropped while the queue was full, and nothing was taken since: the gap is behind what it holds.
        missed = str(self.dropped - self._told)
        notice = msgspec.json.encode({"dropped": missed, "type": "dropped"}) + b"\n"
        self._queue.append(notice)
        self._queued_bytes += len(notice)
        self._told = self.dropped

    @property
    def deadline_ns(self) -> int | None:
        """When to call `expire`; it moves on with every message. None: never again."""
        return None if self.closed is not None else self._last_ns + self._keepalive_ns

    def expire(self, now_ns: int) -> None:
        """Queue a keepalive if the stream has been silent for long enough (span §3.2)."""
        if self.closed is not None or now_ns < self._last_ns + self._keepalive_ns:
            return
        self._last_ns = now_ns
        if not self._queue:  # a reader with messages waiting does not need to be told that we live
            self.push(KEEPALIVE, now_ns)

    def close(self, code: int, reason: str) -> None:
        """End the stream, from either side; calling it again does nothing."""
        if self.closed is not None:
            return
        self.closed = Closed(code, reason)
        if self._gone is not None:
            self._gone(self)
            self._gone = None
        if self.on_ready is not None:
            self.on_ready()

    def when_closed(self, callback: Callable[[Subscription], None]) -> None:
        """Whom to tell, once, that this reader is gone; used by whoever pushes."""
        self._gone = callback
