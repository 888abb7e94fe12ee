"""How long a modem waits before it asks a network again that has refused it (mobile-network §5.9, `attach_retry`)."""

from __future__ import annotations

import hashlib
from typing import Final

# TS 24.301: T3411 after each of the first five attempts, then T3402 (mobile-network §5.7).
T3411_S: Final = 10.0
T3411_TIMES: Final = 5
T3402_S: Final = 720.0
CAP_S: Final = 86_400.0
_SHARES: Final = 1 << 64


def mobile_pause_s(seed: int, device: int, step: int, n: int, failed: int) -> float:
    """Seconds until the next attempt: 10 s five times, 12 min, and then anything up to twice the bound before.

    Args:
        seed: of the run. device: its index. step, n: index of the step, and repetition in it, from 0.
        failed: how many attempts of this repetition have failed so far, from 1.

    >>> [mobile_pause_s(0, 0, 0, 0, failed) for failed in (1, 5, 6)]
    [10.0, 10.0, 720.0]
    """
    if failed <= T3411_TIMES:
        return T3411_S
    doublings = failed - T3411_TIMES - 1
    if not doublings:
        return T3402_S
    return longest_s(failed) * _share(f"backoff {seed} {device} {step} {n} {failed}")


def longest_s(failed: int) -> float:
    """The bound of that pause, or what it is where nothing is drawn."""
    if failed <= T3411_TIMES:
        return T3411_S
    # The power is bounded before the product is: nobody counts how often somebody may try.
    return min(CAP_S, T3402_S * 2.0 ** min(failed - T3411_TIMES - 1, 32))


def _share(name: str) -> float:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") / _SHARES
