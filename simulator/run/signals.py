"""SIGINT and SIGTERM while a rehearsal runs: noticed at once, also in the middle of a busy stretch.

Not `loop.add_signal_handler`: its callback only comes when the loop has time, and starting a hundred thousand devices
is one turn of it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard(tell: Callable[[int], None]) -> Iterator[None]:
    """Have `tell(number)` called wherever the program is when one comes; what they meant before comes back afterwards.

    Outside of the main thread Python lets nobody hear them, so nothing happens there.
    """

    def on_signal(number: int, _frame: FrameType | None) -> None:
        tell(number)

    before: dict[signal.Signals, Any] = {}
    try:
        for number in SIGNALS:
            before[number] = signal.signal(number, on_signal)
    except ValueError:
        pass
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
