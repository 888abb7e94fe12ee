"""A shelf for what may be wanted again, bounded in number, bytes and age: what was touched longest ago goes first."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Kept in the order of last use, so that the front is always the next to go and to run out."""

    __slots__ = ("_age_s", "_items", "_limit", "_limit_bytes", "size_bytes")

    def __init__(self, limit: int, limit_bytes: int, age_s: float) -> None:
        """`age_s`: seconds after its last use until an item runs out."""
        self._limit, self._limit_bytes, self._age_s = limit, limit_bytes, age_s
        self._items: dict[K, tuple[V, int, float]] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K, now: float) -> V | None:
        """The item, touched; None: it is not there, or no longer."""
        found = self._items.pop(key, None)
        if found is None:
            return None
        item, size_bytes, until = found
        if until <= now:
            self.size_bytes -= size_bytes
            return None
        self._items[key] = (item, size_bytes, now + self._age_s)
        return item

    def put(self, key: K, item: V, size_bytes: int, now: float) -> None:
        """Add or replace; the item that is put survives even if it is larger than the shelf."""
        self.drop(key)
        self._items[key] = (item, size_bytes, now + self._age_s)
        self.size_bytes += size_bytes
        while len(self._items) > 1:
            oldest = next(iter(self._items))
            full = len(self._items) > self._limit or self.size_bytes > self._limit_bytes
            if not full and self._items[oldest][2] > now:
                return
            self.drop(oldest)

    def drop(self, key: K) -> None:
        """Forget; nothing happens if it is not there."""
        found = self._items.pop(key, None)
        if found is not None:
            self.size_bytes -= found[1]
