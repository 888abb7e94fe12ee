"""What the RADIUS client keeps: of each request under way, of each service that it uses, and of what has happened."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from simulator.protocol.radius.packet import Attributes, Packet
from simulator.protocol.radius.retransmission import Retransmission

Done = Callable[[Any, Packet | None, int, float], None]
"""Called with the argument of the request, the reply (None: given up), how often it was sent, and the run time."""
Send = Callable[[bytes], None]

IDS = 256
"""How many requests an id tells apart (RFC 2865 §3)."""


@dataclass(slots=True)
class Counts:
    """What has happened since the client was made."""

    sent: int = 0
    """Requests; without repetitions."""
    retransmitted: int = 0
    answered: int = 0
    given_up: int = 0
    cancelled: int = 0
    waited: int = 0
    """Requests that waited because all ids were in use."""
    discarded: Counter[str] = field(default_factory=Counter)
    """Datagrams that ended nothing, by what was wrong: a word of `errors`, or one of the three above. Late, repeated
    and forged replies are among them; RFC 2865 §4 has them dropped without a word."""


class Request:
    """One request under way. A plain class: its attributes are set often, which takes a Struct three times as long."""

    __slots__ = (
        "argument", "authenticator", "code", "content", "data", "deadline", "done", "draw", "ends", "give_up", "place",
        "service", "timeout_s", "transmissions",
    )  # fmt: skip

    def __init__(self, service: Service, code: int, content: Attributes, done: Done, argument: Any) -> None:
        self.service = service
        self.code = code
        self.content = content
        self.done: Done | None = done
        """None: it is over."""
        self.argument = argument
        self.transmissions = 0
        self.data = self.authenticator = b""
        self.draw = 0
        self.timeout_s = 0.0
        self.place = -1
        """Line and id, as one number; -1: it waits for them."""
        self.deadline = inf
        """When it is sent again or ends, whichever comes first."""
        self.ends = inf
        self.give_up = inf
        """Seconds after its first transmission that end it."""


class Service:
    """Authentication or accounting: ids are told apart by the server's port too."""

    __slots__ = ("believed", "flying", "free", "patience", "sends", "waiting")

    def __init__(self, patience: Retransmission, believed: bool) -> None:
        self.patience = patience
        self.believed = believed
        """Whether replies have to carry a Message-Authenticator."""
        self.flying: list[Request | None] = []
        """By place: line × 256 + id."""
        self.free: deque[int] = deque()
        """Places, the longest unused first, so that a late reply seldom meets a new request."""
        self.sends: list[Send] = []
        self.waiting: deque[Request] = deque()
