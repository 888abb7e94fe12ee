"""Downstream messages of one device (span §4.4).

    POST ──► pending ──device sends or polls──► sent
                ├──────────DELETE──────────────── gone ◄──DELETE── sent, failed
                └──too long for a DTLS record───► failed

Oldest first, one per message of the device. Nothing is pushed: a device hears only when it speaks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from simulator.server.span.errors import Refusal
from simulator.server.span.model import Transport
from simulator.server.span.settings import SpanSettings

MessageState = Literal["unspecified", "pending", "sent", "failed"]


@dataclass(slots=True, eq=False, kw_only=True)
class Downstream:
    """One message to a device; times in Unix nanoseconds, `sent_ns` 0: not yet."""

    number: int
    id: str
    payload: bytes
    created_ns: int
    sent_ns: int = 0
    state: MessageState = "pending"
    transport: Transport = "unspecified"
    gateway_id: str = ""


class Outbox:
    """What waits for one device, and what it was given lately."""

    __slots__ = ("_limit", "_pending", "_sent")

    def __init__(self, settings: SpanSettings) -> None:
        self._limit = settings.pending_per_device
        self._pending: deque[Downstream] = deque()
        self._sent: deque[Downstream] = deque(maxlen=settings.sent_per_device)

    @property
    def pending(self) -> int:
        """How many messages wait."""
        return len(self._pending)

    def room(self) -> None:
        """Raises: Refusal 429: as many messages wait as may."""
        if len(self._pending) >= self._limit:
            raise Refusal(429, f"Outbox is full: {self._limit} messages are waiting for this device")

    def add(self, message: Downstream) -> None:
        """Queue a message behind the others. Ask `room` first."""
        self._pending.append(message)

    def deliver(self, transport: Transport, gateway_id: str, now_ns: int) -> Downstream | None:
        """The oldest message that waits, handed over now; None: nothing waits."""
        if not self._pending:
            return None
        message = self._pending.popleft()
        message.state, message.sent_ns = "sent", now_ns
        message.transport, message.gateway_id = transport, gateway_id
        self._sent.append(message)
        return message

    def fail_longer(self, most_bytes: int) -> None:
        """Messages at the head of the queue that are too long for the way that opens now are given up (`failed`)."""
        while self._pending and len(self._pending[0].payload) > most_bytes:
            message = self._pending.popleft()
            message.state = "failed"
            self._sent.append(message)

    def remove(self, number: int) -> Downstream | None:
        """Take a message off the list, delivered or not; None: there is none of that number."""
        for queue in (self._pending, self._sent):
            for message in queue:
                if message.number == number:
                    queue.remove(message)
                    return message
        return None

    @property
    def messages(self) -> tuple[Downstream, ...]:
        """All of them, the sent ones first, each kind oldest first."""
        return (*self._sent, *self._pending)

    def restore(self, messages: Iterable[Downstream]) -> None:
        """Be what `messages` of another were."""
        for message in messages:
            (self._pending if message.state == "pending" else self._sent).append(message)

    def newest_first(self) -> Iterator[Downstream]:
        """All messages. Delivery is in order of creation, so those that wait are the newest."""
        yield from reversed(self._pending)
        yield from reversed(self._sent)
