"""The engine on gevent's hub, for load tests: a Locust worker has neither an asyncio loop nor threads.

What is below the edge asks a driver for readiness of descriptors, for "in the next turn" and for a calendar; the hub
has all three. Callbacks run in the hub's own greenlet, so they never block: whoever has to wait does so in a greenlet,
by `wait_for`. Coroutines of what rehearsals and load tests share run here, too, as long as none of them waits for a
loop: `immediately`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, Final, TypeVar

import gevent
from gevent.event import AsyncResult

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.wire import batch, single
from simulator.wire.drivers.green_sockets import GreenSockets
from simulator.wire.drivers.one_timer import OneTimer
from simulator.wire.real import Kind, RealWire
from simulator.wire.socket_port import Loop, report

T = TypeVar("T")
Told = Callable[[Any, Any, float], None]
"""Called with an argument, a result, and the run time."""

FEW: Final = 16
"""Fewer datagrams than this in one reading are few."""
CLOSE_S: Final = 0.0005
"""A socket that is read twice within this is busy: it is left alone for …"""
MOMENT_S: Final = 0.0004

_READ, _WRITE = 1, 2
_NEVER: Final = float("inf")


class GreenLoop:
    """What ports ask of a loop, on the hub of this thread.

    Args:
        on_error: told of what a callback raised, and of what is reported otherwise, with at least the keys `message`
            and `exception`; the loop goes on.
    """

    def __init__(self, on_error: Callable[[Mapping[str, Any]], None]) -> None:
        self._on_error = on_error
        self._core: Any = gevent.get_hub().loop
        self._readers: dict[int, Any] = {}
        self._writers: dict[int, Any] = {}
        self._closed = False

    def add_reader(self, fd: int, callback: Callable[..., Any], *args: Any) -> None:
        """Call when the descriptor can be read, until removed. See `_Reader` for when it is not called at once."""
        if not self._closed:
            _let_go(self._readers.pop(fd, None))
            self._readers[fd] = _Reader(self, self._core, fd, callback, args)

    def remove_reader(self, fd: int) -> bool:
        """Stop that. Returns: whether there was something to stop."""
        return _let_go(self._readers.pop(fd, None))

    def add_writer(self, fd: int, callback: Callable[..., Any], *args: Any) -> None:
        """Call when the descriptor can be written, until removed."""
        self._watch(self._writers, _WRITE, fd, callback, args)

    def remove_writer(self, fd: int) -> bool:
        """Stop that. Returns: whether there was something to stop."""
        return _let_go(self._writers.pop(fd, None))

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call in the next turn; nothing happens any more once the loop is closed."""
        if not self._closed:
            self._core.run_callback(self.carry_out, callback, args)

    def call_later(self, wait_s: float, callback: Callable[..., Any], *args: Any) -> Any:
        """Call in so many seconds. Returns: what has `close()`, which takes it back."""
        timer = self._core.timer(wait_s)
        # Without the update it would count from the beginning of this turn, and so come too early.
        timer.start(self.carry_out, callback, args, update=True)
        return timer

    def call_exception_handler(self, context: Mapping[str, Any]) -> None:
        """Report an exception that nobody waits for."""
        self._on_error(context)

    def close(self) -> None:
        """Watch nothing any more; calling it again does nothing."""
        self._closed = True
        for watchers in (self._readers, self._writers):
            while watchers:
                _let_go(watchers.popitem()[1])

    def _watch(
        self, watchers: dict[int, Any], events: int, fd: int, callback: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        if self._closed:
            return
        _let_go(watchers.pop(fd, None))
        watcher = watchers[fd] = self._core.io(fd, events)
        watcher.start(self.carry_out, callback, args)

    def carry_out(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call it. Returns: what it does; None if it failed, or the loop is closed."""
        if self._closed:
            return None
        try:
            return callback(*args)
        except Exception as error:
            # The hub would print it and, for some classes, end the main greenlet.
            report(self, "a callback failed", error, {"callback": callback})
            return None


class _Reader:
    """Watches a descriptor, and lets a little gather where much comes.

    Whoever reads returns how many datagrams came. At high rates one or two at a time would cost ten times as much as
    sixty at once, so a socket that was read a moment ago, and had little, is left alone for a moment.
    """

    __slots__ = ("_args", "_callback", "_core", "_io", "_last_s", "_loop", "_timer")

    def __init__(
        self, loop: GreenLoop, core: Any, fd: int, callback: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self._loop, self._core, self._callback, self._args = loop, core, callback, args
        self._last_s = -_NEVER
        self._timer = core.timer(MOMENT_S)
        self._io = core.io(fd, _READ)
        self._io.start(self._ready)

    def _ready(self) -> None:
        came = self._loop.carry_out(self._callback, self._args)
        now_s = self._core.now()
        if came is not None and came < FEW and now_s - self._last_s < CLOSE_S and self._io.active:
            self._io.stop()
            self._timer.start(self._again, update=True)
        self._last_s = now_s

    def _again(self) -> None:
        self._io.start(self._ready)

    def stop(self) -> None:
        """Watch no more."""
        self._io.stop()
        self._timer.stop()

    def close(self) -> None:
        """Let go of the watchers."""
        self._io.close()
        self._timer.close()


def _let_go(watcher: Any) -> bool:
    if watcher is None:
        return False
    watcher.stop()
    watcher.close()
    return True


class GreenTimers(OneTimer):
    """`clock.Timers` on the hub."""

    def __init__(self, clock: Clock, loop: GreenLoop) -> None:
        super().__init__(clock, loop)
        self._loop = loop

    def _set(self, wait_s: float) -> Any:
        # Also for what is due already: what runs "soon" on the hub runs before sockets and greenlets have their turn.
        return self._loop.call_later(max(wait_s, 0.0), self._expire)

    def _take_back(self, handle: Any) -> None:
        handle.close()


def open_green_wire(clock: Clock, loop: Loop, kind: Kind = "auto") -> RealWire:
    """The fastest wire of sockets that works here, or the one that was asked for: `batch`, `single` or `mapped`.

    `mapped` has a socket for each device: the only one that reaches other machines, and the one that works everywhere.

    Raises: LocalError: this system cannot do what was asked for, with the reason.
    """
    if kind not in ("auto", "batch", "single", "mapped"):
        raise LocalError(f"no wire '{kind}' under load (known: auto, batch, single, mapped)")
    if kind == "mapped":
        return GreenSockets(clock, loop, "asked for")
    no_batch = "single was asked for" if kind == "single" else batch.available()
    if no_batch is None:
        return batch.BatchWire(clock, loop, "the fastest that works here" if kind == "auto" else "asked for")
    if kind == "batch":
        raise LocalError(f"the batch wire does not work here: {no_batch}; use the wire auto")
    no_single = single.available()
    if no_single is None:
        return single.SingleWire(clock, loop, "asked for" if kind == "single" else f"no batches: {no_batch}")
    if kind == "single":
        raise LocalError(f"the single wire does not work here: {no_single}; use the wire auto")
    return GreenSockets(clock, loop, f"no batches: {no_batch}; no shared socket: {no_single}")


def immediately(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, here and now. What it calls may block the greenlet; nothing in it may await a loop.

    Returns: what it returns. Raises: what it raises; LocalError: it waits for somebody.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    name = getattr(coroutine, "__qualname__", "a coroutine")
    coroutine.close()
    raise LocalError(f"{name} waits for an event loop, and a load test has none")


class GreenWork:
    """`fleet.work.Work` in greenlets: each coroutine runs `immediately` in one of its own, in the next turn.

    Args:
        loop: told of what a coroutine raises although it must not.
    """

    def __init__(self, loop: GreenLoop) -> None:
        self._loop = loop
        self._running: dict[gevent.Greenlet[..., None], Coroutine[Any, Any, None]] = {}
        self._closed = False

    def start(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Begin; the coroutine must not raise. `name` is for who looks at it."""
        if self._closed:
            coroutine.close()
            return
        greenlet = gevent.Greenlet(self._carry_out, coroutine)
        greenlet.name = name
        self._running[greenlet] = coroutine
        greenlet.start()

    def close(self) -> None:
        """End what is still under way, and start nothing any more."""
        self._closed = True
        me = gevent.getcurrent()
        running, self._running = self._running, {}
        others = [greenlet for greenlet in running if greenlet is not me]
        for greenlet in others:
            if getcoroutinestate(running[greenlet]) == CORO_CREATED:
                running[greenlet].close()  # it never ran, and would be complained about
        gevent.killall(others, block=False)

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    def _carry_out(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            immediately(coroutine)
        except Exception as error:
            report(self._loop, "work failed", error, {"work": coroutine})
        finally:
            self._running.pop(gevent.getcurrent(), None)


def wait_for(begin: Callable[[Told, Any], object], timeout_s: float | None = None) -> Any:
    """Block the calling greenlet until what `begin` starts has come to its end.

    Args:
        begin: is called with `done` and an argument, and sees to it that `done(argument, result, now)` is called,
            from wherever, also from within `begin`. The first result counts; one that comes when nobody waits any more
            (killed, timed out) is ignored.
        timeout_s: seconds; None: for ever.
    Returns: the result. Raises: TimeoutError.
    """
    answer = AsyncResult()
    begin(_done, answer)
    found = answer.wait(timeout=timeout_s)
    if not answer.ready():
        raise TimeoutError(f"no result within {timeout_s:g} s")
    return found


def _done(answer: AsyncResult[Any], result: Any, _now: float) -> None:
    if not answer.ready():
        answer.set(result)
