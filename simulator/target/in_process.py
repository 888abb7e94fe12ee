"""A server in this process as it is reached without sockets: calls at once, streams in turns of the calendar.

A request is handed to the same router that the sockets feed, and events come out of the same bounded queues.

A stream:  READING ──closed by the platform──► CUT ──it is up again──► READING
              │                                 └──1008, or refused──► OVER
              └──the platform goes down, and the reader is told before──► HELD ──resume──► READING   (no gap)
"""

from __future__ import annotations

import math
from urllib.parse import parse_qsl

from simulator.clock import Clock, Timers
from simulator.errors import TargetError
from simulator.server.app import ReferenceServer
from simulator.server.span.http import HttpRequest, HttpResponse
from simulator.server.span.streams import CLOSE_POLICY, Subscription
from simulator.target.api import ApiRefused, title_of
from simulator.target.http import PAUSE_S
from simulator.target.observer import StreamReader

TICK_S = 0.01
"""How long a paced reader sleeps at least; a faster one reads several messages at a time."""


class InProcessCaller:
    """Hands requests to the server's router at once; no time passes."""

    def __init__(self, server: ReferenceServer, clock: Clock, token: str) -> None:
        self._server, self._clock = server, clock
        self._headers = {"x-api-token": token, "accept": "application/json", "content-type": "application/json"}

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request. Raises: TargetError: the server is down."""
        self._reach(f"{method} {path}")
        answer = self._server.api.handle(self._request(method, path, body or b""), self._clock.unix_ns())
        return answer.status, answer.body

    def stream(self, path: str, *, lossless: bool) -> Subscription:
        """Open an event stream. Raises: ApiRefused; TargetError: the server is down, or has too many."""
        what = f"event stream {path}"
        self._reach(what)
        stream = self._server.api.open_stream(self._request("GET", path), self._clock.unix_ns(), lossless=lossless)
        if isinstance(stream, HttpResponse):
            title = title_of(stream.body)
            if stream.status < 500:
                raise ApiRefused(stream.status, title, what)
            raise TargetError(f"{what}: {stream.status} {title}")
        if not isinstance(stream, Subscription):
            raise TargetError(f"{what}: no token to show")
        return stream

    def showing(self, token: str) -> InProcessCaller:
        """The same, with another token."""
        return InProcessCaller(self._server, self._clock, token)

    async def close(self) -> None:
        """Nothing is held."""

    def _reach(self, what: str) -> None:
        if self._server.halted:
            raise TargetError(f"{what}: no connection (connection refused); the platform is stopped")

    def _request(self, method: str, path: str, body: bytes = b"") -> HttpRequest:
        path, _, query = path.partition("?")
        return HttpRequest(method=method, path=path, query=dict(parse_qsl(query)), headers=self._headers, body=body)


class InProcessStream:
    """One reader of one stream.

    Args:
        lossless: nothing is dropped for it.
        reads_per_s: how many messages it reads a second at most; None: as they come. What does not fit into its
            bounded queue meanwhile, the platform drops.
    """

    def __init__(
        self,
        caller: InProcessCaller,
        path: str,
        reader: StreamReader,
        clock: Clock,
        timers: Timers,
        *,
        lossless: bool,
        reads_per_s: float | None = None,
    ) -> None:
        self._caller, self._path, self._reader = caller, path, reader
        self._clock, self._timers, self._lossless = clock, timers, lossless
        self._reads_per_s = reads_per_s
        self._portion = 0 if reads_per_s is None else max(1, int(reads_per_s * TICK_S))
        self._interval_s = 0.0 if reads_per_s is None else self._portion / reads_per_s
        self._stream: Subscription | None = None
        self._lost: tuple[float, str] | None = None
        self._over = False
        self._next_s = 0.0
        self._heard_s = clock.now()

    def open(self) -> None:
        """Read from now on. Raises: ApiRefused, TargetError."""
        self._stream = stream = self._caller.stream(self._path, lossless=self._lossless)
        self._heard_s = self._next_s = self._clock.now()
        # In the next turn, as a socket would: never inside the call that caused the event.
        stream.on_ready = lambda: self._arm(stream)
        self._reader.opened(self._heard_s)

    def close(self, why: str) -> None:
        """Hang up for good; calling it again does nothing."""
        self._over = True
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.on_ready = None
            stream.close(1000, "reader left")
            self._reader.closed(self._clock.now(), why)

    def tell_gap(self) -> None:
        """Tell of what has not been seen until now."""
        now = self._clock.now()
        if self._lost is not None:
            lost_s, why = self._lost
            self._lost = now, why
            self._reader.gap(lost_s, now, why)
        elif self._stream is not None and self._stream.waiting:
            self._reader.gap(self._heard_s, now, self._unread(self._stream.waiting))

    def _unread(self, count: int) -> str:
        why = f"{count} message{'s are' if count != 1 else ' is'} not read yet"
        if self._reads_per_s is None:
            return why
        needed_s = math.ceil(count / self._reads_per_s)
        return f"{why} at {self._reads_per_s:g} a second; add `wait: {needed_s} s` at the end"

    # --- while the platform is restarted in order ---------------------------------------------------------------------

    def hold(self) -> Subscription | None:
        """The platform is about to go down: what it holds until then is taken by `finish`."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.on_ready = None
        return stream

    def finish(self, stream: Subscription | None) -> None:
        """Take what came before the end of the stream that was held."""
        if stream is not None:
            now = self._clock.now()
            for message in stream.take():
                self._reader.message(message, now)

    def come_back(self) -> None:
        """The platform is up again: a reader that was cut off asks for its stream, after a moment as others do."""
        if self._stream is None and not self._over:
            self._timers.at(self._clock.now() + PAUSE_S, self._try_again)

    # --- turns --------------------------------------------------------------------------------------------------------

    def _arm(self, stream: Subscription) -> None:
        now = self._clock.now()
        self._timers.at(now if stream.closed is not None else max(now, self._next_s), self._turn, stream)

    def _turn(self, stream: Subscription, now: float) -> None:
        if stream is not self._stream:
            return
        if not self._portion:
            self._deliver(stream.take(), now)
        elif stream.closed is None and stream.waiting:
            self._deliver(stream.take_some(self._portion), now)
            self._next_s = now + self._interval_s
            if stream.waiting:
                self._timers.at(self._next_s, self._turn, stream)
        if stream.closed is not None:
            self._cut(stream, now)

    def _deliver(self, messages: list[bytes], now: float) -> None:
        for message in messages:
            self._reader.message(message, now)
        self._heard_s = now

    def _cut(self, stream: Subscription, now: float) -> None:
        assert stream.closed is not None
        self._stream = None
        waiting = stream.waiting
        unread = f"; {waiting} message{'s were' if waiting != 1 else ' was'} not read" if waiting else ""
        code = stream.closed.code
        why = f"the event stream was closed (code {code}: {stream.closed.reason}{unread})"
        self._lost = self._heard_s if stream.waiting else now, why
        self._reader.closed(now, why)
        if code == CLOSE_POLICY:
            self._over = True  # it was told not to come back
        else:  # after a restart, too: it may be up again before this turn, and then `come_back` found it open
            self._timers.at(now + PAUSE_S, self._try_again)

    def _try_again(self, _argument: object, now: float) -> None:
        if self._over or self._stream is not None:
            return
        lost = self._lost
        try:
            self.open()
        except ApiRefused as error:
            self._over = True
            self._reader.closed(now, str(error))
        except TargetError:
            return  # it is down again, or full; `come_back` will tell
        else:
            if lost is not None:
                self._lost = None
                self._reader.gap(lost[0], now, lost[1])
