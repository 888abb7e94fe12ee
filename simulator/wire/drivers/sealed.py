"""An asyncio loop without an outside world: no sockets, threads, names or subprocesses, since their timing would be the
host's and no run could be repeated. What asks for one is told so. Only signals come in, because a person may want to
stop a run that never waits.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVarTuple, Unpack

from simulator.errors import LocalError

Ts = TypeVarTuple("Ts")


def _refused(what: str) -> Any:
    """A method that says why it cannot be there."""

    def method(*_args: Any, **_options: Any) -> Any:
        raise LocalError(
            f"{what}: not in virtual time, its timing would be the host's; use the memory wire, or run in real time"
        )

    return method


class SealedLoop(asyncio.BaseEventLoop):
    """The base of the virtual loop: all that it cannot do, and signals."""

    _ready: deque[asyncio.Handle]  # what asyncio's base class keeps and its type stubs do not show

    def __init__(self) -> None:
        super().__init__()
        self._signals: dict[int, asyncio.Handle] = {}

    def add_signal_handler(self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Have `callback(*args)` called by the loop when the signal comes, also in the middle of a busy run.

        Raises: LocalError: not in the main thread, or no such signal.
        """
        self._check_closed()
        self._signals[sig] = asyncio.Handle(callback, args, self, None)
        try:
            signal.signal(sig, self._on_signal)
        except (ValueError, OSError) as reason:
            del self._signals[sig]
            raise LocalError(f"cannot handle signal {sig}: {reason}") from None

    def remove_signal_handler(self, sig: int) -> bool:
        """Back to the default. Returns False if there was no handler."""
        if self._signals.pop(sig, None) is None:
            return False
        signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        handle = self._signals.get(number)
        if handle is not None:
            self._ready.append(handle)  # whoever turns time looks at this after each step

    def close(self) -> None:
        """Close, and give the signals back."""
        for number in list(self._signals):
            self.remove_signal_handler(number)
        super().close()

    def _check_closed(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")  # asyncio's own words

    run_in_executor = _refused("a thread")
    add_reader = _refused("watching a descriptor")
    add_writer = _refused("watching a descriptor")
    remove_reader = _refused("watching a descriptor")
    remove_writer = _refused("watching a descriptor")
    create_connection = _refused("a socket")
    create_server = _refused("a socket")
    create_datagram_endpoint = _refused("a socket")
    create_unix_connection = _refused("a socket")
    create_unix_server = _refused("a socket")
    connect_accepted_socket = _refused("a socket")
    sock_recv = sock_recv_into = sock_recvfrom = sock_recvfrom_into = _refused("a socket")
    sock_sendall = sock_sendto = sock_connect = sock_accept = sock_sendfile = _refused("a socket")
    getaddrinfo = _refused("asking for a name")
    getnameinfo = _refused("asking for a name")
    connect_read_pipe = connect_write_pipe = _refused("a pipe")
    subprocess_exec = subprocess_shell = _refused("a subprocess")
