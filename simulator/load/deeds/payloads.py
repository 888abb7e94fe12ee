"""What uploads carry. Random bytes are drawn once, some hundreds, and used again and again: nobody reads them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final

from simulator.plan.draws import DEFAULT_PAYLOAD, PayloadSource

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.timetable import Moment
    from simulator.scenario.model import Payload

DIFFERENT: Final = 256
"""How many random payloads a shard has."""

Payloads = Callable[[Sequence["Moment"]], "Sequence[bytes]"]
"""As many as there are moments."""


def payloads_of(block: Block, payload: Payload | None, seed: int) -> Payloads:
    """What the devices of a block send. `payload` None: as the group says."""
    payload = payload or block.group.payload or DEFAULT_PAYLOAD
    source = PayloadSource(seed)
    if payload.kind == "bytes":
        content = [payload.content]
        return lambda moments: content * len(moments)
    if payload.kind == "random":
        first = block.member(block.first)
        drawn = cycle([source.draw(0, first, n, payload) for n in range(DIFFERENT)])
        return lambda moments: [next(drawn) for _ in moments]
    return _Own(block, payload, source).draw


class _Own:
    """Of readings and templates, which tell whose they are, and the how manieth."""

    def __init__(self, block: Block, payload: Payload, source: PayloadSource) -> None:
        self._block, self._payload, self._source = block, payload, source
        self._sent = array("I", bytes(4 * block.count))

    def draw(self, moments: Sequence[Moment]) -> list[bytes]:
        drawn = []
        for _, number in moments:
            place = number - self._block.first
            drawn.append(self._source.draw(0, self._block.member(number), self._sent[place], self._payload))
            self._sent[place] += 1
        return drawn
