"""Many calls to the platform, a few at a time: each in a greenlet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import gevent

T = TypeVar("T")


def in_parallel(items: Iterable[T], do: Callable[[T], None], most: int) -> None:
    """Call `do` with each, begun in order, at most `most` at a time; blocks the greenlet, and may be killed.

    Raises: the first exception of a call; no call is begun after it, and those under way come to their end.
    """
    pending = iter(items)
    failures: list[Exception] = []

    def work() -> None:
        for item in pending:
            try:
                do(item)
            except Exception as error:
                failures.append(error)
            if failures:
                return

    # Whoever has nothing to do is over at once, so that few items need no count of them.
    greenlets = [gevent.spawn(work) for _ in range(most)]
    try:
        gevent.joinall(greenlets)
    finally:
        gevent.killall(greenlets)
    if failures:
        raise failures[0]
