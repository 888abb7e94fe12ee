"""What a device has of a DTLS session: how it makes one, the one it holds, what it keeps of it, what came of it.

And what came of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Final, NamedTuple

from simulator.acts import Broken, Connected, NoAnswer, Rejected, Result
from simulator.protocol.dtls.client import ClientContext, ClientSession, Resumption, State
from simulator.protocol.dtls.identity import Identity
from simulator.wire.address import Address, Ipv4

Told = Callable[[Any, Any, float], None]
"""Called with an argument, an `acts.Result` and the run time."""

RESUMABLE_NS: Final = 86_400 * 10**9
CLOSED_BY_PLATFORM: Final = "the platform closed the session"
_ALERT, _REFUSED = "alert: ", "refused: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """How a device goes about a handshake."""

    context: ClientContext
    identity: Identity | None
    """None: it shows no certificate."""
    resume: bool = True
    """Whether its last session is resumed, if that was made with the same certificate."""
    unix_ns: Callable[[], int] | None = None
    """Its own clock; None: that of the context."""
    first_timeout_s: float | None = None
    """After how long its first flight is sent again; None: as the context says."""
    close_after_s: float | None = None
    """After how long a silence `idle` is called; None: never."""

    def time_ns(self) -> int:
        """Unix time by the device's clock."""
        return (self.unix_ns or self.context.unix_ns)()


class Memory(NamedTuple):
    """What a device keeps of its last session."""

    context: ClientContext
    identity: Identity | None
    made_ns: int
    resumption: Resumption

    def serves(self, hello: Hello) -> bool:
        """Whether it may be resumed: whoever has a new certificate wants to be seen with that, sessions belong to one
        context, and none is good for more than a day (RFC 5246 §F.1.4), by a clock that may have been set."""
        mine = self.context is hello.context and self.identity is hello.identity
        return mine and 0 <= hello.time_ns() - self.made_ns <= RESUMABLE_NS


class Held:
    """A session, or the handshake for one."""

    __slots__ = ("alarm", "close_after_s", "ip", "last_s", "peer", "session", "waiting")

    def __init__(self, ip: Ipv4, peer: Address, session: ClientSession, close_after_s: float | None) -> None:
        self.ip, self.peer, self.session, self.close_after_s = ip, peer, session, close_after_s
        self.alarm = inf
        """Run time of the entry of the calendar that counts; others are ignored."""
        self.last_s = 0.0
        """Run time when data was last sent or received."""
        self.waiting: tuple[tuple[Told, Any], ...] = ()
        """Who is told how the handshake ends."""


@dataclass(slots=True)
class DtlsCounts:
    """What became of sessions and of what should go through them, since the port was opened."""

    handshakes: int = 0
    """Completed ones; `resumed` are among them."""
    resumed: int = 0
    failures: int = 0
    retransmissions: int = 0
    """Flights that were sent again."""
    lost: int = 0
    """Sessions that the platform ended."""
    unsent: int = 0
    """Datagrams of devices that have no session; dropped."""
    misfits: int = 0
    """Datagrams that are too long for a record, or empty; dropped."""
    strays: int = 0
    """Datagrams that came for a device without a session, or from somebody else than its platform; dropped."""


def result_of(session: ClientSession) -> Result:
    """What a handshake has come to."""
    end, sent = session.end, session.transmissions
    if session.state is State.CONNECTED:
        return Connected(session.resumed, sent)
    if end == "timeout":
        return NoAnswer("timeout", sent)
    if end.startswith(_ALERT):
        return Rejected(end.removeprefix(_ALERT), sent)
    if end.startswith(_REFUSED):
        return Broken(f"the device refuses the platform's certificate: {end.removeprefix(_REFUSED)}")
    return Rejected(CLOSED_BY_PLATFORM, sent) if end == "close-notify" else Broken(end)
