"""Between whoever drives devices and whoever adds everything up: within one process, or by Locust's messages.

    worker ──claim, lives, gives back, tally, broke, gone──► master
    worker ◄──grant, finish, hurry, retire─────────────────  master

Bodies are packed by us, because Locust's own packing knows no structs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from gevent.event import AsyncResult

from simulator.errors import LocalError
from simulator.load.blocks import Block
from simulator.load.claims import Ask, Claims, OwnClaims, Reply, pack, wants_of
from simulator.load.desk import Desk
from simulator.load.tally import Tally, encode
from simulator.load.traffic import Traffic

CLAIM: Final = "simulator.claim"
LIVES: Final = "simulator.lives"
GIVES_BACK: Final = "simulator.gives_back"
TALLY: Final = "simulator.tally"
BROKE: Final = "simulator.broke"
GONE: Final = "simulator.gone"
GRANT: Final = "simulator.grant"
FINISH: Final = "simulator.finish"
HURRY: Final = "simulator.hurry"
RETIRE: Final = "simulator.retire"

PATIENCE_S: Final = 30.0
"""How long the master may take to answer a claim."""
ALONE: Final = "local"


class OwnLink:
    """A `hand.Link` within the process."""

    def __init__(self, desk: Desk, broke: Callable[[str], None]) -> None:
        self._desk, self._broke = desk, broke

    @property
    def claims(self) -> OwnClaims:
        """Of the present test."""
        return OwnClaims(self._desk.dealer, ALONE)

    def tell(self, tally: Tally) -> None:
        """See `Link`."""
        self._desk.take(tally)

    def broke(self, why: str) -> None:
        """See `Link`."""
        self._broke(why)


class MasterLink:
    """A `hand.Link` to the master; its claims too. `send(type, body)`: of Locust's runner."""

    def __init__(self, send: Callable[[str, Any], None]) -> None:
        self._send = send
        self._tickets = itertools.count()
        self._asked: dict[int, AsyncResult] = {}

    @property
    def claims(self) -> Claims:
        """Itself."""
        return self

    # --- claims -------------------------------------------------------------------------------------------------------

    def claim(self, user: str, traffics: Sequence[Traffic], portion: int) -> Block | None:
        """See `Claims`. Raises: LocalError: the master does not answer."""
        ticket = next(self._tickets)
        answer = self._asked[ticket] = AsyncResult()
        self._tell(CLAIM, Ask(ticket=ticket, user=user, wants=wants_of(traffics), portion=portion))
        try:
            grant = answer.get(timeout=PATIENCE_S)
        except TimeoutError:
            raise LocalError(f"the master did not say within {PATIENCE_S:.0f} s which devices are ours") from None
        finally:
            del self._asked[ticket]
        return None if grant is None else grant.block(traffics)

    def granted(self, body: bytes) -> None:
        """The master has answered."""
        reply = msgspec.msgpack.decode(body, type=Reply)
        asked = self._asked.get(reply.ticket)
        if asked is not None:
            asked.set(reply.grant)

    def lives(self, block: Block, collection: str) -> None:
        """See `Claims`."""
        self._tell(LIVES, (block.first, collection))

    def give_back(self, block: Block) -> None:
        """See `Claims`."""
        self._tell(GIVES_BACK, block.first)

    # --- reports ------------------------------------------------------------------------------------------------------

    def tell(self, tally: Tally) -> None:
        """See `Link`."""
        self._send(TALLY, encode(tally))

    def broke(self, why: str) -> None:
        """See `Link`."""
        self._tell(BROKE, why)

    def gone(self, left_behind: list[str]) -> None:
        """Everything was cleaned up, but for this."""
        self._tell(GONE, left_behind)

    def _tell(self, kind: str, body: Any) -> None:
        self._send(kind, pack(body))
