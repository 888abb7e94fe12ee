"""Everything that waits, in the order in which it becomes due: one calendar serves all devices of a process.

A timer wheel with an overflow level (architecture §2.4). Three places hold an entry, and it moves only downwards:

    far    one bucket per window of 64 s after the present one          unsorted
    near   one bucket per slot of 1/16 s of the present window          unsorted
    due    the present slot: sorted when it is reached, and `fresh`,    exact order of (when, order of asking)
           a small heap of what is asked for while the slot is present
    soon   what is asked for at the very moment that is played          order of asking

Putting something in costs the same however much waits already, and a bucket exists only while something is in it, so
neither a million sleepers nor a timer in a year cost more than their entries. Which bucket comes next is read from a
heap of slot numbers (plain integers, one per bucket and not per entry). Slots are a power of two per second, so that
`int(when * 16)` is exact and slots never contradict the order of their deadlines.

Most of what happens in virtual time happens at once: a datagram without delay, an event that is to be read. All that
was asked for this moment before it began is in due and fresh, so what is asked for during it simply stands in a row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from heapq import heappop, heappush
from typing import Any, Final

from simulator.clock import TimerCallback, VirtualClock

SLOTS_PER_S: Final = 16.0
WINDOW_BITS: Final = 10
"""A window is 2**10 slots: 64 s."""
FEW: Final = 1 << 14
"""A window with no more than this is one long slot: sorting it whole is cheaper than laying it out."""
MOST_PER_CALL: Final = 10_000
"""Entries carried out in one call of `expire`. Who asks for "now" again and again cannot keep the driver from its
sockets: the rest stays due, and `next` says so."""

NEVER: Final = float("inf")
_NO_MOMENT: Final = float("nan")  # equal to no time

Entry = tuple[float, int, TimerCallback, Any]
FailureHandler = Callable[[Exception, TimerCallback, Any], None]
"""Called with the exception, and with the callback and the argument that it comes from."""


class Calendar:
    """The `Timers` of every driver.

    Args:
        on_failure: gets the exceptions of callbacks, and the calendar goes on. None: they are raised from `expire`
            or `play`; the entry that failed is gone, all others are still in their place, and the next call goes on.
    """

    __slots__ = (
        "_asked", "_due", "_end", "_far", "_far_order", "_fresh", "_head_bucket", "_head_seen", "_head_when", "_near",
        "_near_order", "_now", "_on_failure", "_slot", "_soon", "limit",
    )  # fmt: skip

    def __init__(self, on_failure: FailureHandler | None = None) -> None:
        self._on_failure = on_failure
        self._asked = 0
        self._slot = 0  # the present slot; due and fresh hold what is in it or before it
        self._end = 1 << WINDOW_BITS  # first slot behind the present window
        self._due: list[Entry] = []  # latest first, so that the next one is popped from the end
        self._fresh: list[Entry] = []
        self._now = _NO_MOMENT  # what is played
        self._soon: deque[tuple[TimerCallback, Any]] = deque()
        self._near: dict[int, list[Entry]] = {}
        self._near_order: list[int] = []
        self._far: dict[int, list[Entry]] = {}
        self._far_order: list[int] = []
        # The earliest deadline of the first bucket, as far as that bucket has been looked through.
        self._head_bucket: list[Entry] | None = None
        self._head_seen = 0
        self._head_when = NEVER
        self.limit = NEVER
        """`play` stops in front of what is later; may be lowered from within a callback."""

    def at(self, when: float, callback: TimerCallback, argument: Any = None) -> None:
        """Call `callback(argument, now)` at run time `when`; what has passed already comes in the next turn.

        Raises: OverflowError, ValueError: `when` is infinite or not a number.
        """
        if when == self._now:
            self._soon.append((callback, argument))
            return
        self._asked = asked = self._asked + 1
        slot = int(when * SLOTS_PER_S)
        if slot <= self._slot:
            heappush(self._fresh, (when, asked, callback, argument))
        elif slot < self._end:
            bucket = self._near.get(slot)
            if bucket is None:
                self._near[slot] = [(when, asked, callback, argument)]
                heappush(self._near_order, slot)
            else:
                bucket.append((when, asked, callback, argument))
        else:
            window = slot >> WINDOW_BITS
            bucket = self._far.get(window)
            if bucket is None:
                self._far[window] = [(when, asked, callback, argument)]
                heappush(self._far_order, window)
            else:
                bucket.append((when, asked, callback, argument))

    def next(self) -> float | None:
        """The exact time of the earliest entry; None: nothing waits."""
        heads = [self._now] if self._soon else []
        if self._due:
            heads.append(self._due[-1][0])
        if self._fresh:
            heads.append(self._fresh[0][0])
        if heads:
            return min(heads)
        when = self._head()
        return None if when == NEVER else when

    def expire(self, now: float) -> int:
        """Call what is due at `now`, in the order of (when, order of asking).

        What a callback asks for is called in the same turn if it is due by then, but one turn ends after
        `MOST_PER_CALL` entries; what is left over is still due.

        Returns: how many were called.
        """
        due, fresh = self._due, self._fresh
        self._leave_moment()
        slot = int(now * SLOTS_PER_S)
        calls = 0
        while calls < MOST_PER_CALL:
            if due and not (fresh and fresh[0] < due[-1]):
                if due[-1][0] > now:
                    break
                _, _, callback, argument = due.pop()
            elif fresh:
                if fresh[0][0] > now:
                    break
                _, _, callback, argument = heappop(fresh)
            elif self._turn_to(slot):
                continue
            else:
                break
            calls += 1
            try:
                callback(argument, now)
            except Exception as failure:
                self._failed(failure, callback, argument)
        return calls

    def play(self, clock: VirtualClock, ready: Sized) -> int:
        """Turn virtual time: set the clock to the next entry, call it, and so on.

        Ends when nothing is left up to `limit`, when `ready` is no longer empty (somebody else has to act before time
        goes on), or after `MOST_PER_CALL` entries. An entry of the past is called at the present time.

        Returns: how many were called; 0 means that nothing waits up to `limit`.
        """
        due, fresh, near, order, soon = self._due, self._fresh, self._near, self._near_order, self._soon
        now = clock.time_s
        if now != self._now:
            self._leave_moment()
        calls = 0
        while calls < MOST_PER_CALL:
            if soon and not (due and due[-1][0] <= now) and not (fresh and fresh[0][0] <= now):
                if now > self.limit:
                    break
                calls += self._play_row(now, ready, MOST_PER_CALL - calls)
            else:
                if due and not (fresh and fresh[0] < due[-1]):
                    when, _, callback, argument = due[-1]
                    if when > self.limit:
                        break
                    due.pop()
                elif fresh:
                    when, _, callback, argument = fresh[0]
                    if when > self.limit:
                        break
                    heappop(fresh)
                elif order and len(bucket := near[order[0]]) == 1:  # few wait, each in a slot of its own: no detour
                    when, _, callback, argument = bucket[0]
                    if when > self.limit:
                        break
                    self._slot = slot = heappop(order)
                    del near[slot]
                else:
                    when = self._head()
                    if when == NEVER or when > self.limit:
                        break
                    self._turn_to(int(when * SLOTS_PER_S))
                    continue
                if when > now:
                    clock.time_s = self._now = now = when
                calls += 1
                try:
                    callback(argument, now)
                except Exception as failure:
                    self._failed(failure, callback, argument)
            if ready:
                break
        return calls

    def _play_row(self, now: float, ready: Sized, most: int) -> int:
        """Call the first in the row of this moment and those behind it, until something else comes first."""
        soon, fresh = self._soon, self._fresh
        for calls in range(1, most + 1):
            callback, argument = soon.popleft()
            try:
                callback(argument, now)
            except Exception as failure:
                self._failed(failure, callback, argument)
            if not soon or ready or (fresh and fresh[0][0] <= now) or now > self.limit:
                return calls
        return most

    def _failed(self, failure: Exception, callback: TimerCallback, argument: Any) -> None:
        if self._on_failure is None:
            raise failure
        self._on_failure(failure, callback, argument)

    def __len__(self) -> int:
        """How many entries wait."""
        buckets = (*self._near.values(), *self._far.values())
        return len(self._due) + len(self._fresh) + len(self._soon) + sum(map(len, buckets))

    def _leave_moment(self) -> None:
        """Time has gone on otherwise than by `play`: what stood in a row gets a place among the others."""
        when, self._now = self._now, _NO_MOMENT
        while self._soon:
            self.at(when, *self._soon.popleft())

    def _head(self) -> float:
        """The earliest deadline behind the present slot, or NEVER. A bucket is looked through only as far as new."""
        if self._near_order:
            bucket = self._near[self._near_order[0]]
        elif self._far_order:
            bucket = self._far[self._far_order[0]]
        else:
            return NEVER
        if bucket is not self._head_bucket:
            self._head_bucket, self._head_seen, self._head_when = bucket, 1, bucket[0][0]
        size = len(bucket)
        for place in range(self._head_seen, size):
            when = bucket[place][0]
            if when < self._head_when:
                self._head_when = when
        self._head_seen = size
        return self._head_when

    def _turn_to(self, last: int) -> bool:
        """Make the next slot that holds something the present one, if it is not behind slot `last`.

        Only when due and fresh are empty. Returns False when nothing is there; then `last` is the present slot.
        """
        if last <= self._slot:
            return False
        order, far_order = self._near_order, self._far_order
        if not order and far_order and far_order[0] <= last >> WINDOW_BITS:
            window = heappop(far_order)
            bucket = self._far.pop(window)
            self._end = window + 1 << WINDOW_BITS
            if len(bucket) <= FEW:
                self._begin(self._end - 1, bucket)
                return True
            self._slot = (window << WINDOW_BITS) - 1
            self._spread(bucket)
        if order and order[0] <= last:
            slot = heappop(order)
            self._begin(slot, self._near.pop(slot))
            return True
        self._slot = last
        if last >= self._end:
            self._end = (last >> WINDOW_BITS) + 1 << WINDOW_BITS
        return False

    def _begin(self, slot: int, bucket: list[Entry]) -> None:
        """Everything up to the end of `slot` is in `bucket`."""
        self._slot = slot
        self._head_bucket = None
        bucket.sort(reverse=True)
        self._due.extend(bucket)

    def _spread(self, bucket: list[Entry]) -> None:
        """Lay the entries of a window into its slots. Only when near is empty."""
        near, order = self._near, self._near_order
        self._head_bucket = None
        for entry in bucket:
            slot = int(entry[0] * SLOTS_PER_S)
            there = near.get(slot)
            if there is None:
                near[slot] = [entry]
                order.append(slot)
            else:
                there.append(entry)
        order.sort()  # a sorted list is a heap
