"""The last things that happened, for the person who watches; how many there were of which is the counters' affair."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

KEPT = 64

T = TypeVar("T")


class Recent(Generic[T]):
    """The last `KEPT` of a kind, until somebody takes them out."""

    __slots__ = ("_kept", "_total")

    def __init__(self) -> None:
        self._kept: deque[T] = deque(maxlen=KEPT)
        self._total = 0

    def add(self, one: T) -> None:
        """One more."""
        self._kept.append(one)
        self._total += 1

    def take(self) -> tuple[list[T], int]:
        """Those since the last call, oldest first, and how many before them were not kept."""
        taken = list(self._kept)
        missed = self._total - len(taken)
        self._kept.clear()
        self._total = 0
        return taken, missed


class Tally:
    """How often something happened since the start, and where last; what it was says who keeps it."""

    __slots__ = ("count", "peer", "size_bytes")

    def __init__(self) -> None:
        self.count = 0
        self.peer = 0
        """Address of the last one; 0: there was none, or it is not known."""
        self.size_bytes = 0
        """Of the last one."""

    def add(self, peer: int, size_bytes: int = 0) -> None:
        """One more."""
        self.count += 1
        self.peer, self.size_bytes = peer, size_bytes


class Said(NamedTuple):
    """What a gateway reported about a session, or what became of ending one."""

    what: str
    imsi: str
    """"": not told."""
    gateway: str
