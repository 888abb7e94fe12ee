"""A further reader's stream over WebSocket: refused in the platform's words, and told when it comes and goes."""

from __future__ import annotations

from collections.abc import Callable

from simulator.target.http import HttpCaller, SocketObserver, StreamRefused
from simulator.target.observer import StreamReader


class SocketStream:
    """One reader of one stream; it reconnects by itself for as long as it takes, unless it is told not to come back."""

    def __init__(self, caller: HttpCaller, path: str, now: Callable[[], float], reader: StreamReader) -> None:
        self._caller, self._path, self._now, self._reader = caller, path, now, reader
        self._observer = SocketObserver(
            caller,
            path,
            now,
            reader.message,
            reader.gap,
            self._ended,
            patience_s=None,
            on_open=reader.opened,
            on_close=reader.closed,
        )

    async def open(self) -> None:
        """Read from now on. Raises: ApiRefused: with the platform's title; TargetError."""
        try:
            await self._observer.start()
        except StreamRefused as error:
            raise await self._caller.refusal(self._path, error.status) from error

    async def close(self, why: str) -> None:
        """Hang up for good."""
        was_open = self._observer.is_open
        await self._observer.stop()
        if was_open:
            self._reader.closed(self._now(), why)

    def tell_gap(self, silent: str = "") -> None:
        """See `SocketObserver.tell_gap`."""
        self._observer.tell_gap(silent)

    def _ended(self, error: BaseException) -> None:
        if isinstance(error, StreamRefused):
            self._reader.closed(self._now(), str(error))  # it had been closed before; now it is not let in again
        else:
            self._reader.failed(error)
