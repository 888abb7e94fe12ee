"""How remarks are put into lines: alike ones once with their number, few at a time, and nothing for ever."""

from __future__ import annotations

from collections.abc import Callable

from simulator.server.log import printable
from simulator.server.span.recent import Tally
from simulator.wire.address import text

Words = Callable[[int, Tally], str]
"""How often, and the last one: a line. The tally is empty if there is only a number."""

LINES_MOST = 5
"""Things of one kind that get a line each time; the rest is counted."""
AGAIN_EVERY_S = 60.0
"""How often it is told of what goes on and on."""


def told(what: str, lines: list[tuple[str, str]], times: list[int], total: int, more: str = "more") -> list[str]:
    """`LINES_MOST` of the lines, with how often each happened, and how many there were beyond.

    Args:
        what: every line begins with it.
        lines: what happened, and a hint that follows the number; "": there is none.
        total: how many things happened in all.
    """
    shown = [
        printable(f"{what}: {line}" + (f", {count} times" if count > 1 else "") + hint)
        for (line, hint), count in zip(lines[:LINES_MOST], times, strict=False)
    ]
    rest = total - sum(times[:LINES_MOST])
    return [*shown, f"{what}: {rest} {more}"] if rest > 0 else shown


class Sometimes:
    """What is told at once, and then once a minute: how often it happened meanwhile, and where last."""

    def __init__(self, tally: Tally | Callable[[], int], words: Words) -> None:
        self._tally, self._words = tally, words
        self._told, self._again_s = 0, 0.0

    def lines(self, now: float) -> list[str]:
        """What is to be told now; `now` in seconds."""
        last = self._tally if isinstance(self._tally, Tally) else Tally()
        count = last.count if isinstance(self._tally, Tally) else self._tally()
        if count == self._told or (self._told and now < self._again_s):
            return []
        new, self._told, self._again_s = count - self._told, count, now + AGAIN_EVERY_S
        return [self._words(new, last)]


def counted(count: int, one: str, more: str) -> str:
    """
    >>> counted(1, "hello", "hellos"), counted(2, "hello", "hellos")
    ('1 hello', '2 hellos')
    """
    return f"{count} {one if count == 1 else more}"


def cut(what: str, most: int) -> Words:
    """Words for messages that were longer than `most` bytes."""

    def words(count: int, last: Tally) -> str:
        many = f"{count} messages were cut to {most} bytes, the last of {last.size_bytes} bytes"
        one = f"a message of {last.size_bytes} bytes was cut to {most}"
        return f"{what}: {one if count == 1 else many} (from {text(last.peer)})"

    return words


def misdirected(what: str, problem: str, where: Callable[[], str]) -> Words:
    """Words for what came to the wrong port; `where` tells the right one, "" if there is none."""

    def words(count: int, last: Tally) -> str:
        times = f", {count} times" if count > 1 else ""
        hint = where()
        return f"{what}: what {text(last.peer)} sends {problem}{times}" + (f"; {hint}" if hint else "")

    return words
