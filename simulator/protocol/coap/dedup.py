"""What was answered lately: a message that comes again is given the same answer, and changes nothing (RFC 7252 §4.5).

A full record of 247 s is 25 million entries at 100 000 messages a second, so each peer has a small ring of its newest
messages instead, and the number of peers is bounded. The rings live in two generations. A ring that is used moves to
the young one; after EXCHANGE_LIFETIME, or when the young one holds half the bound, the old one is dropped and the young
one becomes old. So the peers that were silent longest go first, and a look-up costs one dictionary access.

Peers whose address nobody vouches for have a small pool of their own: a flood from forged addresses can empty that one,
and never costs a device in session its ring.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from simulator.protocol.coap.server_types import Peer

EXCHANGE_LIFETIME_S = 247.0
"""How long a confirmable message may still come again (RFC 7252 §4.8.2, default parameters)."""
NON_LIFETIME_S = 145.0
"""How long a non-confirmable message may still come again (RFC 7252 §4.8.2, default parameters)."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The answer to one message. Not tracked by the garbage collector: a busy server holds a million of these."""

    until: float
    """Run time from which the same message id means a new message."""
    answer: bytes | None
    """None: the message was taken, and answered with silence."""


Ring = dict[int, Kept]
"""Message → answer, oldest first, of one peer. The key is the message id, with bit 16 set for non-confirmable ones:
only a message of the same type can be a repetition, and an ACK would be no answer to a NON."""


class Pool:
    """The rings of up to `peers` peers."""

    __slots__ = ("_half", "old", "rotate_at", "young")

    def __init__(self, peers: int) -> None:
        self._half = peers // 2
        self.young: dict[Peer, Ring] = {}
        self.old: dict[Peer, Ring] = {}
        self.rotate_at = 0.0
        """Run time from which the young generation is old."""

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def take(self, peer: Peer, now: float) -> Ring | None:
        """Remove the ring of a peer and return it without what has run out; None: it has none."""
        ring = self.old.pop(peer, None)
        if ring is None:
            ring = self.young.pop(peer, None)
        if ring is not None:
            for key in [key for key, kept in ring.items() if kept.until <= now]:
                del ring[key]
        return ring

    def add(self, peer: Peer, ring: Ring) -> None:
        """Let a ring be young."""
        if len(self.young) >= self._half:
            self.rotate()
        self.young[peer] = ring

    def rotate(self) -> None:
        """The young generation is the old one now, and the old one is forgotten."""
        self.old = self.young
        self.young = {}


def remember(ring: Ring, size: int, key: int, answer: bytes | None, until: float) -> None:
    """Keep an answer, in place of the oldest one if the ring holds `size`; `key` must not be in it."""
    if len(ring) >= size:
        del ring[next(iter(ring))]
    ring[key] = Kept(until, answer)


class Dedup:
    """Rings of the peers that are vouched for, and of strangers.

    `verified` says whether a peer owns the address that it writes from. It is asked whenever a ring is looked for
    outside the young generation of the known ones, so a peer that logs in or leaves changes pools by and by.
    """

    __slots__ = ("_verified", "known", "strangers")

    def __init__(self, *, peers: int, strangers: int, verified: Callable[[Peer], bool]) -> None:
        if peers < 2 or strangers < 2:
            raise ValueError("a pool holds at least 2 peers, one young and one old")
        self.known = Pool(peers)
        self.strangers = Pool(strangers)
        self._verified = verified

    def ring_of(self, peer: Peer, now: float) -> Ring:
        """The ring of a peer, from the pool where it belongs now; an empty one if there was none."""
        pool, other = self.known, self.strangers
        if not self._verified(peer):
            pool, other = other, pool
        if now >= pool.rotate_at:
            pool.rotate()
            pool.rotate_at = now + EXCHANGE_LIFETIME_S
        ring = pool.young.get(peer)
        if ring is not None:
            return ring
        ring = pool.take(peer, now)
        if ring is None:
            ring = other.take(peer, now)
        if ring is None:
            ring = {}
        pool.add(peer, ring)
        return ring
