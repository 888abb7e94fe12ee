"""When the subjects of a step start: traffic models (mobile-network §5) in the place of an even spread.

An offset hangs on the seed, the step and the place of the member among all that act in the step, never on who is asked
for: `only` leaves the others out and moves nobody. The models with a memory (poisson, mmpp2, diurnal) are one series
over the whole step, and its k-th arrival is the k-th member's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from itertools import islice
from struct import Struct
from typing import NamedTuple

from simulator.scenario.model import Arrivals

DAY_S = 86_400.0

DEFAULT_PERIOD_S = 3600.0
"""mobile-network §5.4, of `periodic` where the step does not repeat."""
DEFAULT_POISSON_PER_S = 1 / 3600
"""mobile-network §5.4."""
DEFAULT_DIURNAL_PER_S = 100 / DAY_S
"""mobile-network §5.6."""

# mobile-network §5.6: how far the day swings around its mean, and when it peaks.
SWING = 0.8
PEAK_S = 14 * 3600.0


class _Mood(NamedTuple):
    per_s: float
    mean_stay_s: float


# mobile-network §5.5: a burst, and the quiet between two of them.
BURST = _Mood(2.0, 30.0)
QUIET = _Mood(0.1, 270.0)
BURST_SHARE = BURST.mean_stay_s / (BURST.mean_stay_s + QUIET.mean_stay_s)
MMPP2_PER_S = BURST_SHARE * BURST.per_s + (1 - BURST_SHARE) * QUIET.per_s
"""Mean rate: 0.29/s."""

SERIES = frozenset({"poisson", "mmpp2", "diurnal"})
"""Models with a memory: one series over all."""

_DRAWS = Struct("<8Q")
_NUMBER = Struct("<Q")


def offsets(
    arrivals: Arrivals, count: int, *, seed: int, step: int, every_s: float | None = None, begin_s: float = 0.0
) -> tuple[float, ...]:
    """Starts of `count` subjects, in seconds after the beginning of the step, in the order of the subjects.

    Args:
        step: index of the step in its scenario.
        every_s: period of the step, if it repeats.
        begin_s: run time at which the step begins. Run time 0 is midnight.
    """
    return tuple(islice(starts(arrivals, f"arrivals {seed} {step}", every_s=every_s, begin_s=begin_s), count))


def starts(arrivals: Arrivals, name: str, *, every_s: float | None = None, begin_s: float = 0.0) -> Iterator[float]:
    """The same one after the other, without an end; `name` decides the draws."""
    return _MODELS[arrivals.model].starts(arrivals, Draws(name), every_s, begin_s)


def length_s(arrivals: Arrivals, count: int, *, every_s: float | None = None) -> float:
    """How long it probably takes until the last of `count` subjects has started, in seconds."""
    return _MODELS[arrivals.model].length_s(arrivals, count, every_s) if count else 0.0


class Draws:
    """Numbers in [0, 1), 53 bits each, from a name. No library's `random` has a say: it may change with its version."""

    __slots__ = ("_base",)

    def __init__(self, name: str) -> None:
        self._base = hashlib.blake2b(name.encode(), digest_size=_DRAWS.size)

    def of(self, number: int) -> tuple[float, ...]:
        """Eight of them, always the same ones for the same number."""
        digest = self._base.copy()
        digest.update(_NUMBER.pack(number))
        return tuple((word >> 11) * 2.0**-53 for word in _DRAWS.unpack(digest.digest()))

    def stream(self) -> Iterator[float]:
        """All of them, one after the other, without an end."""
        number = 0
        while True:
            yield from self.of(number)
            number += 1


# --- models in which everybody draws alone ----------------------------------------------------------------------------


def _uniform(arrivals: Arrivals, draws: Draws, _every_s: float | None, _begin_s: float) -> Iterator[float]:
    return _within(arrivals.window_s, draws)


def _periodic(arrivals: Arrivals, draws: Draws, every_s: float | None, _begin_s: float) -> Iterator[float]:
    return _within(period_s(arrivals, every_s), draws)


def _within(window_s: float, draws: Draws) -> Iterator[float]:
    number = 0
    while True:
        yield window_s * draws.of(number)[0]
        number += 1


def _beta(arrivals: Arrivals, draws: Draws, _every_s: float | None, _begin_s: float) -> Iterator[float]:
    number = 0
    while True:
        # The third smallest of six uniforms is Beta(3, 4), exactly (mobile-network §5.2).
        yield arrivals.window_s * sorted(draws.of(number)[:6])[2]
        number += 1


def period_s(arrivals: Arrivals, every_s: float | None) -> float:
    """Of `periodic`, in seconds."""
    return arrivals.window_s or every_s or DEFAULT_PERIOD_S


# --- models that are one series over all ------------------------------------------------------------------------------


def _exponential(draw: float, per_s: float) -> float:
    return -math.log1p(-draw) / per_s


def _poisson(arrivals: Arrivals, draws: Draws, _every_s: float | None, _begin_s: float) -> Iterator[float]:
    per_s = arrivals.per_s or DEFAULT_POISSON_PER_S
    now = 0.0
    for draw in draws.stream():
        now += _exponential(draw, per_s)
        yield now


def _mmpp2(arrivals: Arrivals, draws: Draws, _every_s: float | None, _begin_s: float) -> Iterator[float]:
    # Another mean rate makes bursts denser or thinner; how long they last is the nature of what is modelled.
    scale = (arrivals.per_s or MMPP2_PER_S) / MMPP2_PER_S
    chance = draws.stream()
    # Somebody who looks at any moment finds a burst with this probability; else the first minutes would be special.
    mood, other = (BURST, QUIET) if next(chance) < BURST_SHARE else (QUIET, BURST)
    now = 0.0
    while True:
        ends_s = now + _exponential(next(chance), 1 / mood.mean_stay_s)
        while (now := now + _exponential(next(chance), mood.per_s * scale)) < ends_s:
            yield now
        # What would have come after the end of this mood is forgotten: exponential gaps have no memory.
        now, mood, other = ends_s, other, mood


def _diurnal(arrivals: Arrivals, draws: Draws, _every_s: float | None, begin_s: float) -> Iterator[float]:
    peak_per_s = _diurnal_per_s(arrivals) * (1 + SWING)
    chance = draws.stream()
    now = 0.0
    # Thinning (mobile-network §5.6): arrivals at the highest rate, of which only the share of this hour is kept.
    while True:
        now += _exponential(next(chance), peak_per_s)
        share = (1 + SWING * math.cos(2 * math.pi * (begin_s + now - PEAK_S) / DAY_S)) / (1 + SWING)
        if next(chance) < share:
            yield now


def _diurnal_per_s(arrivals: Arrivals) -> float:
    return arrivals.per_s or DEFAULT_DIURNAL_PER_S


class _Model(NamedTuple):
    starts: Callable[[Arrivals, Draws, float | None, float], Iterator[float]]
    length_s: Callable[[Arrivals, int, float | None], float]


_MODELS = {
    "uniform": _Model(_uniform, lambda arrivals, count, _: arrivals.window_s * count / (count + 1)),
    "beta": _Model(_beta, lambda arrivals, _count, _: arrivals.window_s),
    "periodic": _Model(_periodic, lambda arrivals, count, every_s: period_s(arrivals, every_s) * count / (count + 1)),
    "poisson": _Model(_poisson, lambda arrivals, count, _: count / (arrivals.per_s or DEFAULT_POISSON_PER_S)),
    "mmpp2": _Model(_mmpp2, lambda arrivals, count, _: count / (arrivals.per_s or MMPP2_PER_S)),
    "diurnal": _Model(_diurnal, lambda arrivals, count, _: count / _diurnal_per_s(arrivals)),
}
"""By the names of `words.ARRIVALS`."""
