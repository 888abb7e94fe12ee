"""What devices sent, kept for a while: bounded histories, newest first, and the pages that are cut from them.

Two bounds: rows (shared out over the devices) and bytes (payloads too long for a row live in one store for all, which
forgets the oldest). A row whose payload was forgotten is no longer listed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from simulator.server.span.model import Collection, Device, UpstreamRow
from simulator.server.span.settings import NS_PER_MS, SpanSettings

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

DAY_MS = 24 * 3600 * 1000
"""A listing without `start` begins 24 h ago (span §2.5)."""
LIMIT_MOST = 512
"""Longest page; public samples page with 256 and stop at a shorter one (span §2.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One request for a page: by time (both ends included) or by message, newest first.

    `before` is a message number: only older ones. With it, time does not matter; None: `start_ms` … `end_ms` counts.
    """

    limit: int
    start_ms: int = 0
    end_ms: int = 0
    before: int | None = None


def cut(newest_first: Iterable[T], page: Page, key: KeyOf[T]) -> Iterator[T]:
    """The items of a page. `key` tells message number and time (Unix ms) of an item."""
    left = page.limit
    for item in newest_first:
        if left <= 0:
            return
        number, when_ms = key(item)
        if page.before is not None:
            if number >= page.before:
                continue
        elif when_ms > page.end_ms:
            continue
        elif when_ms < page.start_ms:
            return  # the clock of a run does not go back, so all others are older
        left -= 1
        yield item


class KeyOf(Protocol[T_contra]):
    """Message number and time in Unix ms of an item."""

    def __call__(self, item: T_contra, /) -> tuple[int, int]: ...


def row_key(row: UpstreamRow) -> tuple[int, int]:
    """Of an upstream row."""
    return row[0], row[1] // NS_PER_MS


class LargePayloads:
    """Payloads that are too long for their rows, oldest forgotten first when there are too many bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        # A plain dict would look through all that it has forgotten to find its oldest: 100 µs a message.
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, message: int, payload: bytes) -> None:
        """Keep one, as long as there is room."""
        self._kept[message] = payload
        self._bytes += len(payload)
        while self._bytes > self._limit:
            self._bytes -= len(self._kept.popitem(last=False)[1])

    @property
    def kept(self) -> tuple[tuple[int, bytes], ...]:
        """Message number and payload, oldest first."""
        return tuple(self._kept.items())

    def get(self, message: int) -> bytes | None:
        """None: forgotten."""
        return self._kept.get(message)


class Histories:
    """Makes the histories of devices and collections, and reads them."""

    def __init__(self, settings: SpanSettings) -> None:
        self._settings = settings
        self.large = LargePayloads(settings.large_payload_bytes)

    def open_device(self, device: Device, devices: int) -> deque[UpstreamRow]:
        """Begin a device's history; its share depends on how many devices there are."""
        settings = self._settings
        share = settings.messages_total // max(devices, 1)
        limit = min(max(share, settings.messages_per_device_least), settings.messages_per_device)
        device.history = deque(maxlen=limit)
        return device.history

    def open_collection(self, collection: Collection, collections: int) -> deque[UpstreamRow]:
        """Begin a collection's history."""
        settings = self._settings
        share = settings.messages_total // max(collections, 1)
        limit = min(max(share, settings.messages_per_collection_least), settings.messages_per_collection)
        collection.history = deque(maxlen=limit)
        return collection.history

    def payload(self, row: UpstreamRow) -> bytes | None:
        """The payload of a row; None: it was long, and has been forgotten."""
        return row[4] if row[4] is not None else self.large.get(row[0])

    def page(
        self, history: deque[UpstreamRow] | None, page: Page, wanted: Callable[[UpstreamRow], bool] | None = None
    ) -> list[tuple[UpstreamRow, bytes]]:
        """Rows of a page with their payloads, newest first; only the `wanted` ones (None: all)."""
        rows = (row for row in reversed(history or ()) if wanted is None or wanted(row))
        readable = ((row, body) for row in rows if (body := self.payload(row)) is not None)
        return list(cut(readable, page, lambda item: row_key(item[0])))
