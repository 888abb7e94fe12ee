"""One device's session in a packet gateway, and the table of all of them.

    ASKING ──accepted──► OPEN ──────left────► SILENT
     │  │left              └──ended──► OVER ◄──ended──┘
     │  └──► DESERTED ──accepted──► SILENT
     └─refused, ended─► OVER ◄─refused, ended── DESERTED

A device that leaves without a word is not missed at once: its session stays, SILENT, until the network notices.
Whatever ends an accepted session also sends its Stop (`packet_gateway`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from simulator.acts import Done, NoAnswer, Result
from simulator.clock import TimerCallback, Timers
from simulator.protocol.radius.client import Request
from simulator.protocol.radius.fields import Bearer

if TYPE_CHECKING:
    from simulator.devices.packet_gateway import PacketGateway

Told = Callable[[Any, Result, float], None]
"""Called with the argument that was given, what came of it, and the run time."""

WIRE_NETWORK, SHOWN_NETWORK = 0x7F400000, 0x0A400000
"""127.64.0.0/10 and 10.64.0.0/10: where devices are on the wire of one machine, and what RADIUS calls it
(mobile-network §1.10)."""
_HOST = (1 << 22) - 1


class Alarms:
    """Entries of the calendar, counted: every callback begins by taking itself off the count."""

    __slots__ = ("_at", "count")

    def __init__(self, timers: Timers) -> None:
        self._at = timers.at
        self.count = 0

    def at(self, when: float, callback: TimerCallback, argument: Any) -> None:
        """See `Timers.at`."""
        self.count += 1
        self._at(when, callback, argument)


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    """A device as its modem and its SIM present it to the network."""

    device: str
    imsi: str
    msisdn: str = ""
    imeisv: str
    ip: int = 0
    """The IPv4 address that it would like, as on the wire; 0: any."""
    rat: str
    """A name of `words.RATS`; "": the gateway's own."""
    cell: int
    source: str = ""
    """Where its datagrams come from if devices share an address: "127.0.0.1:4711"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What a gateway is configured to be."""

    nas_id: str
    nas_ip: int
    plmn: str = "99999"
    apn: str = "iot.test"
    rat: str = "nb-iot"
    omits: frozenset[str] = frozenset()
    """Names of `words.OMITTED`."""
    retransmit: str = "rfc5080"
    lost_after_s: float = 3480.0


@dataclass(slots=True)
class GatewayCounts:
    """What has happened since the gateway was made; attaches by what came of them."""

    accepted: int = 0
    rejected: int = 0
    unanswered: int = 0
    cancelled: int = 0
    unaddressed: int = 0
    """Accepted without an address, so of no use."""


class State:
    """Plain ints, as in the protocols: an Enum's members cost more to look up than the rest of a transition."""

    ASKING = 0
    DESERTED = 1
    OPEN = 2
    SILENT = 3
    OVER = 4


NEXT = {
    (State.ASKING, "accepted"): State.OPEN,
    (State.ASKING, "refused"): State.OVER,
    (State.ASKING, "left"): State.DESERTED,
    (State.ASKING, "ended"): State.OVER,
    (State.DESERTED, "accepted"): State.SILENT,
    (State.DESERTED, "refused"): State.OVER,
    (State.DESERTED, "ended"): State.OVER,
    (State.OPEN, "left"): State.SILENT,
    (State.OPEN, "ended"): State.OVER,
    (State.SILENT, "ended"): State.OVER,
}


class Teller:
    """Somebody who waits until the platform has acknowledged what it was told."""

    __slots__ = ("argument", "session", "told")

    def __init__(self, session: Session, told: Told, argument: Any) -> None:
        self.session = session
        self.told: Told | None = told
        self.argument = argument

    def tell(self, result: Result, now: float) -> None:
        """Only the first result counts."""
        told, self.told = self.told, None
        if told is not None:
            told(self.argument, result, now)


class Session:
    """What a gateway knows of one login. Made per attach, changed often: a plain class with slots."""

    __slots__ = (
        "argument", "bearer", "began", "cause", "cell", "charging_id", "class_", "ended", "gateway", "interim_s",
        "next", "next_tellers", "octets_in", "octets_out", "packets_in", "packets_out", "rat", "reporting", "request",
        "session_id", "state", "tellers", "terminal", "told",
    )  # fmt: skip

    def __init__(self, gateway: PacketGateway, terminal: Terminal, told: Told, argument: Any) -> None:
        self.gateway = gateway
        self.terminal = terminal
        self.told, self.argument = told, argument
        self.state = State.ASKING
        self.rat, self.cell = terminal.rat, terminal.cell
        self.request: Request | None = None
        """The Access-Request, while it is under way."""
        self.bearer: Bearer
        self.session_id = ""
        """Acct-Session-Id, from the Access-Accept on."""
        self.charging_id = 0
        self.class_ = b""
        self.began = self.ended = 0.0
        self.cause: int | None = None
        self.interim_s = 0
        """Seconds between Interim-Updates; 0: the platform wants none."""
        self.octets_in = self.octets_out = self.packets_in = self.packets_out = 0
        self.reporting: Request | None = None
        """The Accounting-Request that is under way: one at a time, so that a Stop never overtakes its Start."""
        self.tellers: list[Teller] | None = None
        """Who waits for its acknowledgement."""
        self.next = 0
        """Acct-Status-Type of what is to be said after that; 0: nothing."""
        self.next_tellers: list[Teller] | None = None

    def heard(self) -> tuple[Told, Any]:
        """Whoever asked for it hears what came of it, and is not kept for as long as the session lasts."""
        told, argument = self.told, self.argument
        self.told, self.argument = _nobody, None
        return told, argument

    def step(self, event: str) -> None:
        """Go to the next state. Raises: KeyError: this cannot happen now."""
        self.state = NEXT[self.state, event]


class Sessions:
    """Who is in which session, over all gateways: a device has one, and so has a SIM.

    `by_device` and `by_imsi` hold accepted sessions, also silent ones; `asking` the attaches under way, by device,
    and `deserted` those of them whose device has left, by IMSI.
    """

    __slots__ = ("asking", "by_device", "by_imsi", "count", "deserted")

    def __init__(self) -> None:
        self.asking: dict[str, Session] = {}
        self.by_device: dict[str, Session] = {}
        self.by_imsi: dict[str, Session] = {}
        self.deserted: dict[str, Session] = {}
        self.count = 0
        """How many there have been."""

    def asked(self, session: Session) -> None:
        """Its attach is over, one way or the other."""
        terminal = session.terminal
        if self.asking.get(terminal.device) is session:
            del self.asking[terminal.device]
        if self.deserted.get(terminal.imsi) is session:
            del self.deserted[terminal.imsi]

    def older(self, session: Session) -> Iterator[Session]:
        """The sessions that this login puts an end to: its device's, and its SIM's in another device."""
        mine = self.by_device.get(session.terminal.device)
        same_sim = self.by_imsi.get(session.terminal.imsi)
        if mine is not None:
            yield mine
        if same_sim is not None and same_sim is not mine:
            yield same_sim

    def enter(self, session: Session) -> None:
        """It was accepted; those in its place have to be ended by whoever calls this."""
        self.by_device[session.terminal.device] = session
        self.by_imsi[session.terminal.imsi] = session

    def leave(self, session: Session) -> None:
        """It is over; whoever came after it stays."""
        terminal = session.terminal
        if self.by_device.get(terminal.device) is session:
            del self.by_device[terminal.device]
        if self.by_imsi.get(terminal.imsi) is session:
            del self.by_imsi[terminal.imsi]


def shown(ip: int) -> int:
    """An address of the wire as RADIUS has it; what is outside the devices' network stays as it is."""
    return SHOWN_NETWORK | ip & _HOST if ip & ~_HOST == WIRE_NETWORK else ip


def on_wire(ip: int) -> int:
    """The other way round."""
    return WIRE_NETWORK | ip & _HOST if ip & ~_HOST == SHOWN_NETWORK else ip


DONE = Done()


def _nobody(_argument: Any, _result: Result, _now: float) -> None:
    """Nobody waits for it any more."""


def unanswered(request: Request | None) -> NoAnswer:
    """What came of something that the platform has not acknowledged in time."""
    return NoAnswer("timeout", request.transmissions if request is not None else 0)
