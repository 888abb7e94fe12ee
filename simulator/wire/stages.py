"""The stages of a link, one small object for each that is switched on (mobile-network §6.1, §6.2).

Each has random numbers of its own, under a key made of seed, device, direction and stage, so switching one on leaves
the draws of the others alone. What happens to few packets is not asked of each: the number of the next packet that it
happens to is drawn instead, which is the same law (a geometric gap) and costs a comparison per packet.
"""

from __future__ import annotations

from math import exp, log

from simulator.wire.presets import Direction, LinkProfile
from simulator.wire.streams import NEVER, failures_before, normal, uniform


class Loss:
    """Gilbert–Elliott, or independent loss (`loss_p` 0). `event_at` is the number of the next packet to ask about.

    Packets are numbered from 1 and asked about in their order; the state may turn before a packet, and the first
    state is drawn from the long run's shares, so that the share of loss holds from the first packet on.
    """

    __slots__ = ("_bad", "_change_at", "_draws", "_key", "_loss_at", "_way", "event_at")

    def __init__(self, way: Direction, key: int, n: int = 0) -> None:
        """`n`: packets that have passed already; their draws are not repeated."""
        self._way = way
        self._key = key
        self._draws = 4 * n  # more than n packets can have used
        self._bad = False
        self._change_at = NEVER
        if way.loss_p > 0.0:
            self._draws += 1
            self._bad = uniform(key, self._draws) * (way.loss_p + way.loss_r) < way.loss_p
            self._change_at = self._stay(n + 1)
        self._loss_at = n + 1 + self._gap()
        self.event_at = min(self._change_at, self._loss_at)

    def hits(self, n: int) -> bool:
        """Whether packet `n` is lost; to be asked once for each `n` from `event_at` on."""
        if n >= self._change_at:
            self._bad = not self._bad
            self._change_at = self._stay(n)
            self._loss_at = n + self._gap()
        hit = n >= self._loss_at
        if hit:
            self._loss_at = n + 1 + self._gap()
        self.event_at = min(self._change_at, self._loss_at)
        return hit

    def _stay(self, n: int) -> int:
        """The first packet after `n` that finds the other state."""
        self._draws += 1
        way = self._way
        return n + 1 + failures_before(self._key, self._draws, way.loss_r if self._bad else way.loss_p)

    def _gap(self) -> int:
        """How many packets pass before the next loss, if the state stays."""
        self._draws += 1
        way = self._way
        return failures_before(self._key, self._draws, way.loss_b if self._bad else way.loss_g)


class Corrupt:
    """Independent bit errors: P(damaged) = 1 − (1 − e)^(8 n)."""

    __slots__ = ("_bits_left", "_draws", "_key", "_rate")

    def __init__(self, way: Direction, key: int, n: int = 0) -> None:
        self._rate = way.corrupt
        self._key = key
        self._draws = 2 * n
        self._bits_left = self._gap()

    def damages(self, size: int) -> bool:
        """Whether a packet of `size` bytes has a wrong bit."""
        self._bits_left -= 8 * size
        if self._bits_left >= 0:
            return False
        self._bits_left = self._gap()
        return True

    def _gap(self) -> int:
        self._draws += 1
        return failures_before(self._key, self._draws, self._rate)


class Duplicate:
    """Independent repetition."""

    __slots__ = ("_at", "_draws", "_key", "_share")

    def __init__(self, way: Direction, key: int, n: int = 0) -> None:
        self._share = way.duplicate
        self._key = key
        self._draws = 2 * n
        self._at = n
        self._next()

    def repeats(self, n: int) -> bool:
        """Whether packet `n` arrives twice. Numbers may be left out, but never go back."""
        while self._at < n:
            self._next()
        return self._at == n

    def _next(self) -> None:
        self._draws += 1
        self._at += 1 + failures_before(self._key, self._draws, self._share)


class Line:
    """What sends one packet after the other; a half-duplex radio has one for both directions."""

    __slots__ = ("busy_until",)

    def __init__(self) -> None:
        self.busy_until = 0.0


class Rate:
    """Serialisation, 8 n / R seconds a packet, and the queue in front of it."""

    __slots__ = ("_bps", "_leaving", "_limit", "_line")

    def __init__(self, way: Direction, line: Line, before: Rate | None = None) -> None:
        self._bps = way.rate_bps
        self._limit = way.queue
        self._leaving: list[float] = before._leaving if before else []  # short, and a tenth of a deque when empty
        self._line = line

    def leaves(self, size: int, ready: float, now: float) -> float | None:
        """When a packet that could leave at `ready` has left; None: the queue is full at `now`."""
        leaving = self._leaving
        while leaving and leaving[0] <= now:
            leaving.pop(0)
        if len(leaving) > self._limit:  # the one that is being sent does not wait
            return None
        line = self._line
        start = line.busy_until if line.busy_until > ready else ready
        line.busy_until = end = start + 8.0 * size / self._bps
        leaving.append(end)
        return end


class Delay:
    """The way itself: a delay per packet. Packet `n` has the same one whatever became of those before it."""

    __slots__ = ("_key", "_mean", "_shape", "_sigma")

    def __init__(self, way: Direction, key: int) -> None:
        self._key = key
        self._mean = way.delay_s
        self._sigma = way.sigma
        self._shape = way.shape

    def of(self, n: int) -> float:
        """Seconds, never negative."""
        if self._sigma == 0.0:
            return self._mean
        if self._shape == "lognormal":
            return self._mean * exp(self._sigma * normal(self._key, n))
        if self._shape == "normal":
            return max(0.0, self._mean + self._sigma * normal(self._key, n))
        return self._mean - self._sigma * log(1.0 - uniform(self._key, n))


class Radio:
    """Idle or connected (mobile-network §6.3): the first packet after a rest waits until the radio is awake.

    idle ──packet──► waking ──wake──► connected ──tail without a packet──► idle
    """

    __slots__ = ("_asleep_at", "_key", "_median", "_ready_at", "_sigma", "_tail", "_wakes")

    def __init__(self, profile: LinkProfile, key: int, before: Radio | None = None) -> None:
        self._median, self._sigma, self._tail = profile.wake_s, profile.wake_sigma, profile.tail_s
        self._key = key
        self._wakes: int = before._wakes if before else 0
        self._ready_at: float = before._ready_at if before else 0.0
        self._asleep_at: float = before._asleep_at if before else -1.0

    def ready(self, now: float) -> float:
        """When a packet of `now` can go on the air."""
        if now > self._asleep_at:
            self._wakes += 1
            self._ready_at = now + self._median * exp(self._sigma * normal(self._key, self._wakes))
            self._asleep_at = self._ready_at + self._tail
        return self._ready_at if self._ready_at > now else now

    def used(self, until: float) -> None:
        """A packet was on the air until then; the tail begins again."""
        if until + self._tail > self._asleep_at:
            self._asleep_at = until + self._tail
