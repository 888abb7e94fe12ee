"""When a RADIUS client asks again, and when it gives up (RFC 5080 §2.2.1; mobile-network §1.8).

RT is the time until the next transmission, r a new draw from ±`jitter` each time:

    first   RT = IRT·(1 + r)
    then    RT = RT·(2 + r), or MRT·(1 + r) where that is more than MRT

A request ends after MRC transmissions, or MRD after the first one; 0 means that this does not end it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Retransmission:
    """Names as in RFC 5080. Accounting takes IRT, MRT and jitter from it and is asked until it is acknowledged."""

    irt_s: float
    """Initial retransmission time."""
    mrt_s: float
    """Maximum retransmission time; 0: it goes on doubling."""
    mrc: int
    """Maximum retransmission count: transmissions, the first one included; 0: any number."""
    mrd_s: float
    """Maximum retransmission duration; 0: for ever."""
    jitter: float

    def first_s(self, draw: float) -> float:
        """RT after the first transmission; `draw` is evenly spread over 0 … 1, as below.

        >>> PRESETS["rfc5080"].first_s(0.5)
        2.0
        """
        return self.irt_s * (1 + self.jitter * (2 * draw - 1))

    def next_s(self, previous_s: float, draw: float) -> float:
        """RT after the transmission that `previous_s` led to.

        >>> PRESETS["rfc5080"].next_s(2.0, 0.5)
        4.0
        """
        spread = self.jitter * (2 * draw - 1)
        timeout_s = previous_s * (2 + spread)
        return self.mrt_s * (1 + spread) if 0 < self.mrt_s < timeout_s else timeout_s

    @property
    def longest_s(self) -> float:
        """How long an attempt takes that is not answered, without jitter; inf: it never ends.

        >>> PRESETS["rfc5080"].longest_s, PRESETS["pgw-simple"].longest_s
        (30.0, 20.0)
        """
        if not self.mrc:
            return self.mrd_s or inf
        timeout_s = total_s = self.first_s(0.5)
        for _ in range(1, self.mrc):
            timeout_s = self.next_s(timeout_s, 0.5)
            total_s += timeout_s
        return min(total_s, self.mrd_s or inf)


PRESETS: Mapping[str, Retransmission] = {
    "rfc5080": Retransmission(irt_s=2.0, mrt_s=16.0, mrc=5, mrd_s=30.0, jitter=0.1),
    # Timeout 5 s and 3 retries, as one packet gateway does (mobile-network §1.8).
    "pgw-simple": Retransmission(irt_s=5.0, mrt_s=5.0, mrc=4, mrd_s=0.0, jitter=0.0),
}
"""The names of `words.RETRANSMISSIONS`."""
