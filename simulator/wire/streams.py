"""Random numbers that belong to a name: small, seeded, and the same on every host.

A stream is a key and a count: its n-th number is a hash of both (splitmix64), so a number can be had without the ones
before it, one stream never moves another, and a hundred thousand devices with a stream per stage stay small (a
`random.Random` is 2.5 KB). Keys come from BLAKE2b over the seed and the names, never from `hash()`.
"""

from __future__ import annotations

from hashlib import blake2b
from math import log, log1p
from statistics import NormalDist
from typing import Final

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_GAMMA: Final = 0x9E3779B97F4A7C15
_STANDARD_NORMAL: Final = NormalDist()

NEVER: Final = 1 << 62
"""A count that no stream reaches."""


def key_of(seed: int, *names: str) -> int:
    """The key of a stream, 64 bits. Names are told apart one by one: ("ab", "c") is not ("a", "bc")."""
    digest = blake2b(str(seed).encode(), digest_size=8)
    for name in names:
        raw = name.encode("utf-8", "surrogatepass")
        digest.update(b"/%d:" % len(raw))
        digest.update(raw)
    return int.from_bytes(digest.digest(), "big")


def branch(key: int, n: int) -> int:
    """The n-th key below a key, 64 bits: one hash of the names serves all streams of an owner."""
    z = (key + n * _GAMMA) & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


def uniform(key: int, n: int) -> float:
    """The n-th number of a stream, evenly from [0, 1)."""
    z = (key + n * _GAMMA) & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return ((z ^ z >> 31) >> 11) * 1.1102230246251565e-16  # 2**-53


def normal(key: int, n: int) -> float:
    """The n-th number of a stream, from the standard normal distribution; always finite, within ±8.3."""
    return _STANDARD_NORMAL.inv_cdf(uniform(key, n) * 0.9999999999999998 + 1.1102230246251565e-16)


def failures_before(key: int, n: int, share: float) -> int:
    """How often something with this share does not happen before it does: one draw in place of one per trial.

    Geometric from 0, mean (1 − share) / share. `NEVER` for a share of 0, 0 for a share of 1.
    """
    if share >= 1.0:
        return 0
    if share <= 0.0:
        return NEVER
    return int(min(log(1.0 - uniform(key, n)) / log1p(-share), NEVER))


class Stream:
    """A stream that remembers how far it has been read.

    >>> Stream(7, "meters.3", "up", "loss").random() == Stream(7, "meters.3", "up", "loss").random()
    True
    """

    __slots__ = ("key", "n")

    def __init__(self, seed: int, *names: str) -> None:
        self.key = key_of(seed, *names)
        self.n = 0

    def random(self) -> float:
        """Evenly from [0, 1)."""
        self.n += 1
        return uniform(self.key, self.n)

    def normal(self) -> float:
        """From the standard normal distribution."""
        self.n += 1
        return normal(self.key, self.n)
