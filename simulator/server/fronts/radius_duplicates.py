"""Answers that may be asked for again: a request that is repeated gets the same bytes (RFC 5080 §2.2.2).

Without them a retransmitted Access-Request would be a second login.
"""

from __future__ import annotations

from collections import OrderedDict

from simulator.wire.address import Address

Key = tuple[Address, int, int, bytes]
"""Who asked, with the port; code, id and authenticator of the request."""

_GONE_PER_ANSWER = 2
"""Outdated answers that are thrown away for each new one, so that no datagram has to wait for a great cleaning."""


class Duplicates:
    """A bounded memory of answers. `now` is run time."""

    def __init__(self, keep_s: float, most: int) -> None:
        self._keep_s, self._most = keep_s, most
        # A plain dict would look through all that it has forgotten to find its oldest.
        self._answers: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: Key, now: float) -> bytes | None:
        """The answer that was given; None: none lately."""
        found = self._answers.get(key)
        return found[1] if found is not None and now < found[0] else None

    def keep(self, key: Key, answer: bytes, now: float) -> None:
        """Remember an answer from now on; empty: that nothing was said."""
        answers = self._answers
        answers.pop(key, None)  # outdated, and in an old place
        answers[key] = now + self._keep_s, answer
        for _ in range(_GONE_PER_ANSWER):
            oldest = next(iter(answers.values()))
            if len(answers) <= self._most and now < oldest[0]:
                return
            answers.popitem(last=False)
            if not answers:
                return
