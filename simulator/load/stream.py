"""The platform's events as a worker reads them: a greenlet for each stream, over cuts and reconnections.

The rules are those of `target.http.SocketObserver`, whose reader may be a rehearsal with a hundred events; here they
come by the thousand, so that a listener gets all that one read has brought.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent

from simulator.errors import TargetError
from simulator.load.websocket import GreenSocket
from simulator.target.http import PATIENCE_S, PAUSE_MOST_S, PAUSE_S, STEADY_S, StreamRefused


class Listener(Protocol):
    """Whoever is told of a stream. Calls come in the order of the stream, and none of them may block."""

    def messages(self, messages: list[bytes], rx_s: float) -> None:
        """What one read has brought, at least one message; the run time of the read."""

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Events may have been missed between these run times."""

    def failed(self, error: BaseException) -> None:
        """Nothing more will come: the platform refuses the stream, is away for too long, or the listener itself has
        raised this."""


class EventStream:
    """Reads the events of one collection until it is closed.

    Args:
        base_url: of the API.
        token: to show there; it is in no error.
        path: of the stream.
        now: the run time.
        patience_s: how long it tries to come back; pauses between attempts grow.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        path: str,
        now: Callable[[], float],
        listener: Listener,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._url, self._token, self._now, self._listener = base_url.rstrip("/") + path, token, now, listener
        self._patience_s = patience_s
        self._socket: GreenSocket | None = None
        self._reader: Any = None
        self._lost: tuple[float, str] | None = None
        self._heard_s = now()

    def __repr__(self) -> str:
        return f"EventStream({self._url})"

    @property
    def is_open(self) -> bool:
        """Whether it reads now."""
        return self._socket is not None and self._socket.is_open

    def open(self) -> None:
        """Connect, and read from then on. Raises: TargetError, StreamRefused: the first connection fails."""
        self._socket = GreenSocket(self._url, self._token)
        self._heard_s = self._now()
        self._reader = gevent.spawn(self._run)

    def tell_gap(self, silent: str = "") -> None:
        """Tell of a gap that has not ended yet; `silent`: why also an open stream may have said nothing."""
        now = self._now()
        if self._lost is not None:
            lost_s, why = self._lost
            self._lost = now, why
            self._listener.gap(lost_s, now, why)
        elif silent:
            self._listener.gap(self._heard_s, now, silent)

    def close(self) -> None:
        """Hang up in order; calling it again does nothing. What has not been read yet is not read any more."""
        reader, self._reader = self._reader, None
        if reader is not None and reader is not gevent.getcurrent():
            reader.kill()
        self._hang_up()

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:
            self._hang_up()
            self._listener.failed(error)

    def _read(self) -> None:
        pause_s = PAUSE_S
        while self._socket is not None:
            opened_s = self._now()
            self._read_to_the_end(self._socket)
            lost_s, why = self._now(), f"the event stream was closed ({self._socket.ended()})"
            self._lost = lost_s, why
            self._hang_up()
            if lost_s - opened_s > STEADY_S:
                pause_s = PAUSE_S
            # A platform that lets everybody in and throws everybody out again is not asked without a pause, either.
            gevent.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
            self._socket = self._reconnect(lost_s)
            (lost_s, why), self._lost = self._lost, None
            self._heard_s = self._now()
            self._listener.gap(lost_s, self._heard_s, why)

    def _read_to_the_end(self, socket: GreenSocket) -> None:
        receive, now, listener = socket.receive, self._now, self._listener
        while messages := receive():
            self._heard_s = rx_s = now()
            listener.messages(messages, rx_s)
            gevent.sleep(0)  # a stream that never runs dry still leaves their turn to the others

    def _reconnect(self, lost_s: float) -> GreenSocket:
        pause_s = PAUSE_S
        while True:
            try:
                return GreenSocket(self._url, self._token)
            except StreamRefused:
                raise
            except TargetError as error:
                away_s = self._now() - lost_s
                if away_s > self._patience_s:
                    raise TargetError(f"nothing was seen for {away_s:.0f} s: {error}") from error
                gevent.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MOST_S)

    def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()
