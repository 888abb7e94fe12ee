"""A device on the Internet: a certificate, a clock and a DTLS session, with raw payloads or CoAP in it.

    OFF ──power_on──► IDLE ─────connected────► CONNECTED
     ▲                 │ ▲ ◄─disconnected, lost─  │ ▲
     │            freeze thaw                 freeze thaw
     │                 ▼ │                        ▼ │
     └──power_off── FROZEN               FROZEN_CONNECTED

From every state `power_off` leads to OFF; only from there `power_on` leads on. `lost` leads out of both connected
states: the platform has closed the session, or the device has given it up. While it is frozen its session stays.

How it keeps its session is a matter of its group's `connection`. Whether the platform still knows it a device learns
from answers only, and of those there are none to raw payloads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from math import inf

import msgspec

from simulator.acts import (
    Answer,
    Connect,
    Connected,
    Cut,
    Datagram,
    Disconnect,
    Done,
    DropSession,
    Get,
    NoAnswer,
    Post,
    RebindNat,
    Result,
    Story,
    UploadBlob,
)
from simulator.clock import Clock
from simulator.devices.device import Device
from simulator.devices.outcome import OK, Outcome, outcome_of
from simulator.devices.powered import IS_FROZEN, IS_OFF, Powered
from simulator.plan import Member
from simulator.scenario.model import DeviceClock

VANISHED = "the device has vanished"
GIVEN_UP = "no answer: the device gives its session up"
_NS_PER_S = 1e9


class Power(Enum):
    """How alive the device is."""

    OFF = "off"
    IDLE = "idle"
    CONNECTED = "connected"
    FROZEN = "frozen"
    FROZEN_CONNECTED = "frozen while connected"


_CONNECTED = Power.CONNECTED

NEXT = {
    (Power.OFF, "power_on"): Power.IDLE,
    (Power.IDLE, "connected"): Power.CONNECTED,
    (Power.CONNECTED, "disconnected"): Power.IDLE,
    (Power.CONNECTED, "lost"): Power.IDLE,
    (Power.FROZEN_CONNECTED, "lost"): Power.FROZEN,
    (Power.IDLE, "freeze"): Power.FROZEN,
    (Power.CONNECTED, "freeze"): Power.FROZEN_CONNECTED,
    (Power.FROZEN, "thaw"): Power.IDLE,
    (Power.FROZEN_CONNECTED, "thaw"): Power.CONNECTED,
    (Power.IDLE, "power_off"): Power.OFF,
    (Power.CONNECTED, "power_off"): Power.OFF,
    (Power.FROZEN, "power_off"): Power.OFF,
    (Power.FROZEN_CONNECTED, "power_off"): Power.OFF,
}

_DEAD = {Power.OFF: IS_OFF, Power.FROZEN: IS_FROZEN, Power.FROZEN_CONNECTED: IS_FROZEN}


class InternetDevice(Powered[Power]):
    """One simulated device. Its methods are stories: run them with a driver, or step through them by hand."""

    __slots__ = ("clock", "ip", "member", "on_since_s", "power", "received")

    _next, _off, _online, _dead, _parting = NEXT, Power.OFF, Power.CONNECTED, _DEAD, "disconnect"

    has_sim = False
    imsi = ""
    """It has none; the platform knows it by its certificate."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.ip = member.ip
        """Where its datagrams come from, unless a NAT says otherwise. No two devices of a run have the same."""
        self.power = Power.IDLE
        self.received: deque[bytes] | None = None  # made when something arrives: most devices never hear anything
        self.clock = member.group.clock
        """What it takes the time for; whoever resets when it is switched on does so whatever it was set to."""
        self.on_since_s = 0.0
        """Run time when it was last switched on."""

    @property
    def name(self) -> str:
        """Its name in the scenario."""
        return self.member.name

    @property
    def attached(self) -> bool:
        """Whether it has a session, as far as it knows."""
        return self.power is _CONNECTED or self.power is Power.FROZEN_CONNECTED

    def switched_on(self, now: float) -> None:
        """Told of the run time when it was switched on."""
        self.on_since_s = now
        if self.member.group.clock.kind == "reset":
            self.clock = self.member.group.clock

    def time_of(self, clock: Clock) -> Callable[[], int] | None:
        """What it takes the Unix time for, in nanoseconds, while `clock` is right; None: it is right, too."""
        if self.clock.kind == "reset":
            began_s = self.on_since_s
            return lambda: round((clock.now() - began_s) * _NS_PER_S)
        ahead_ns = round(self.clock.offset_s * _NS_PER_S)
        return (lambda: clock.unix_ns() + ahead_ns) if ahead_ns else None

    # --- stories: the session -----------------------------------------------------------------------------------------

    def _join(self) -> Story[Outcome]:
        return self.connect()

    def _part(self) -> Story[Outcome]:
        return self.disconnect()

    def connect(self, resume: bool | None = None) -> Story[Outcome]:
        """Make a new DTLS session; whoever has one gives it up without a word.

        `resume`: whether the last one is resumed if the platform still knows it; None: as its group does.
        """
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        self.happened("lost")
        resumes = self.member.group.connection.resume
        return (yield from self._handshake(Connect(resumes if resume is None else resume)))

    def _handshake(self, act: Connect) -> Story[Outcome]:
        try:
            result = yield act
        except Cut:  # with it went the session that it would have made, or the former one
            self.happened("lost")
            raise
        if isinstance(result, Connected):
            self.happened("connected")
        elif not isinstance(result, Done):
            self.happened("lost")
        return outcome_of(result)

    def disconnect(self) -> Story[Outcome]:
        """Close the session in order; nothing to do if there is none."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        if self.power is not _CONNECTED:
            return Outcome(OK, "was not connected")
        self.happened("disconnected")
        return outcome_of((yield Disconnect()))

    def vanish(self) -> Story[Outcome]:
        """Lose the session without a word to the platform."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        if self.power is not _CONNECTED:
            return Outcome(OK, "was not connected")
        return outcome_of((yield from self._give_up(VANISHED)))

    def _give_up(self, why: str) -> Story[Result]:
        self.happened("lost")
        return (yield DropSession(why))

    def rebind_nat(self) -> Story[Outcome]:
        """The NAT before it forgets it. That needs no power, and the device does not know."""
        return outcome_of((yield RebindNat()))

    def set_clock(self, clock: DeviceClock) -> Story[Outcome]:
        """Its clock is set, rightly or wrongly."""
        yield from ()
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        self.clock = clock
        return Outcome(OK)

    # --- stories: messages --------------------------------------------------------------------------------------------

    def upload(self, payload: bytes, path: str = "data", confirmable: bool = True) -> Story[Outcome]:
        """Send one message to the platform, once there is a session; a waiting downstream message comes back."""
        refused = yield from self._prepare()
        if refused is not None:
            return refused
        if self.member.group.transport == "dtls":
            return outcome_of((yield Datagram(payload)))
        result = yield Post(path, payload, confirmable)
        outcome = yield from self._answered(result)
        return msgspec.structs.replace(outcome, answered=path or "/") if isinstance(result, Answer) else outcome

    def poll(self, path: str = "data") -> Story[Outcome]:
        """Ask for a waiting downstream message, without sending anything of its own."""
        refused = yield from self._prepare()
        if refused is not None:
            return refused
        return (yield from self._answered((yield Get(path))))

    def upload_blob(self, payload: bytes, path: str, content_type: str) -> Story[Outcome]:
        """Store a large object at the platform, over TLS with its certificate; that takes no session (span §4.6)."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        return outcome_of((yield UploadBlob(path, payload, content_type)))

    def _prepare(self) -> Story[Outcome | None]:
        """Have a session. Returns: why there is none; None: there is."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        connection = self.member.group.connection
        if self.power is _CONNECTED:
            if connection.renew_after_s is None:
                return None
            idle_s = connection.renew_after_s
        elif connection.on_demand:
            idle_s = inf
        else:
            return Outcome("failed", "no session with the platform, and the device makes none by itself")
        outcome = yield from self._handshake(Connect(connection.resume, idle_s))
        return None if outcome.word == OK else outcome

    def _answered(self, result: Result) -> Story[Outcome]:
        """What came of a request; after one that nobody has answered the session is as good as lost."""
        outcome = outcome_of(result)
        if outcome.payload:
            self.hear(outcome.payload)
        if isinstance(result, NoAnswer) and result.reason == "timeout" and self.power is _CONNECTED:
            yield from self._give_up(GIVEN_UP)
        return outcome


AnyDevice = Device | InternetDevice


def device_of(member: Member) -> AnyDevice:
    """A device of the kind that its group is."""
    return InternetDevice(member) if member.group.network == "inet" else Device(member)
