"""What the seed decides: who is in a share, and what a payload says. The same everywhere, for ever.

Draws hang on names and numbers (group, member, step, repetition), never on the order in which they are asked for, so
`--only meters.3` sends the very bytes that meters.3 sends among a thousand. No library's `random` has a say: its
algorithms may change with the Python version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from struct import Struct

from simulator.plan.members import Member
from simulator.plan.sensors import Sensors
from simulator.scenario.model import Payload

DEFAULT_PAYLOAD = Payload(kind="random", size_bytes=24)
"""What a device sends if neither the step nor its group says."""

DIGEST_BYTES = 64

_pack = Struct("<QQQ").pack


def share_of(members: Sequence[Member], share: float, seed: int) -> tuple[Member, ...]:
    """Some of the members of one group, at least one, in the order of their numbers.

    A smaller share of the same members is contained in a larger one.
    """
    wanted = min(len(members), max(1, round(share * len(members))))
    if wanted == len(members):
        return tuple(members)
    base = hashlib.blake2b(f"share {seed} {members[0].group.name}".encode(), digest_size=8)

    def rank(member: Member) -> bytes:
        draw = base.copy()
        draw.update(_pack(member.number, 0, 0))
        return draw.digest()

    return tuple(sorted(sorted(members, key=rank)[:wanted], key=lambda member: member.number))


class PayloadSource:
    """The bytes of every payload of a run. Asked for every upload, so it makes nothing but those bytes."""

    __slots__ = ("_base", "_seed", "_sensors")

    def __init__(self, seed: int) -> None:
        self._sensors = Sensors(seed)
        self._seed = f"payload {seed} ".encode()
        self._base = hashlib.blake2b(self._seed, digest_size=DIGEST_BYTES)

    def draw(self, step: int, member: Member, n: int, payload: Payload | None) -> bytes:
        """What a member sends in repetition `n` (from 0) of a step (its index, from 0); None: 24 random bytes."""
        if payload is None:
            payload = DEFAULT_PAYLOAD
        if payload.kind == "random":
            size = payload.size_bytes
            if size <= DIGEST_BYTES:
                digest = self._base.copy()
                digest.update(_pack(member.index, step, n))
                return digest.digest()[:size]
            return hashlib.shake_128(self._seed + _pack(member.index, step, n)).digest(size)
        if payload.kind == "bytes":
            return payload.content
        if payload.kind == "sensor":
            return self._sensors.read(payload.sensor, member.index, n)
        return payload.template.replace("{{ device }}", member.name).replace("{{ n }}", str(n)).encode()
