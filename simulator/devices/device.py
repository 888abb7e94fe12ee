"""A CIoT device: a SIM, a modem and a meter, over plain UDP or over CoAP.

    OFF ──power_on──► IDLE ──────attached──────► ATTACHED
     ▲                 │ ▲ ◄──detached, refused──  │ ▲
     │            freeze thaw                 freeze thaw
     │                 ▼ │                         ▼ │
     └──power_off── FROZEN               FROZEN_ATTACHED

From every state `power_off` leads to OFF; only from there `power_on` leads on. A frozen device is as it was when it
thaws, so there are two ways to be frozen. Off or frozen, it does nothing and hears nothing. `lost` leads out of both
attached states: the network has ended the session, or the SIM was pulled.

What it does is a generator of acts (`acts.Story`), so it reads like a story and waits for nothing by itself.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import msgspec

from simulator.acts import (
    Accepted,
    Answer,
    Cut,
    Datagram,
    Detach,
    Get,
    LeaveSilently,
    Post,
    Sleep,
    Story,
    UploadBlob,
)
from simulator.devices.equipment import Equipment
from simulator.devices.outcome import OK, Outcome, outcome_of
from simulator.devices.powered import Powered
from simulator.plan import Member

ROTATION_S = 120.0
"""How long the applet of a card with several IMSIs waits before it takes the next one (mobile-network §2.4)."""
NO_SIM = "no SIM"
PULLED = "the SIM was pulled"


class Power(Enum):
    """How alive the device is."""

    OFF = "off"
    IDLE = "idle"
    ATTACHED = "attached"
    FROZEN = "frozen"
    FROZEN_ATTACHED = "frozen while attached"


_ATTACHED = Power.ATTACHED  # an enumeration's members cost three times as much to look up

NEXT = {
    (Power.OFF, "power_on"): Power.IDLE,
    (Power.IDLE, "attached"): Power.ATTACHED,
    (Power.ATTACHED, "attached"): Power.ATTACHED,
    (Power.ATTACHED, "detached"): Power.IDLE,
    (Power.ATTACHED, "refused"): Power.IDLE,
    (Power.ATTACHED, "lost"): Power.IDLE,
    (Power.FROZEN_ATTACHED, "lost"): Power.FROZEN,
    (Power.IDLE, "freeze"): Power.FROZEN,
    (Power.ATTACHED, "freeze"): Power.FROZEN_ATTACHED,
    (Power.FROZEN, "thaw"): Power.IDLE,
    (Power.FROZEN_ATTACHED, "thaw"): Power.ATTACHED,
    (Power.IDLE, "power_off"): Power.OFF,
    (Power.ATTACHED, "power_off"): Power.OFF,
    (Power.FROZEN, "power_off"): Power.OFF,
    (Power.FROZEN_ATTACHED, "power_off"): Power.OFF,
}

_DEAD = {
    Power.OFF: "the device is off",
    Power.FROZEN: "the device is frozen",
    Power.FROZEN_ATTACHED: "the device is frozen",
}
"""States in which it can do nothing, and what it would say if it could."""


class Device(Equipment, Powered[Power]):
    """One simulated device. Its methods are stories: run them with a driver, or step through them by hand."""

    __slots__ = ("ip", "power", "received")

    _next, _off, _online, _dead, _parting = NEXT, Power.OFF, Power.ATTACHED, _DEAD, "detach"

    def __init__(self, member: Member) -> None:
        super().__init__(member)
        self.ip = member.ip
        """Where its datagrams come from, once it is attached. No two devices of a run have the same; the run sees to
        it that this is the address which the platform has given."""
        self.power = Power.IDLE
        self.received: deque[bytes] | None = None  # made when something arrives: most devices never hear anything

    @property
    def attached(self) -> bool:
        """Whether it has a session, as far as it knows."""
        return self.power is _ATTACHED or self.power is Power.FROZEN_ATTACHED

    def _join(self) -> Story[Outcome]:
        return self.attach()

    def _part(self) -> Story[Outcome]:
        return self.detach()

    # --- stories: the network -----------------------------------------------------------------------------------------

    def attach(self) -> Story[Outcome]:
        """Log in to the mobile network. A device that is attached does it anew: networks ask for that too.

        One with several IMSIs on its card goes on through them for as long as it is refused.
        """
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        if not self.has_sim:
            return Outcome("failed", NO_SIM)
        outcome = yield from self._ask_network()
        if outcome.word != "rejected" or not self.has_several_imsis:
            return outcome
        sim = self.slot.sim
        assert sim is not None
        for _ in range(1, len(sim.profiles)):
            sim.rotate()
            yield Sleep(ROTATION_S)
            if self.slot.sim is not sim:
                return Outcome("failed", PULLED)
            outcome = yield from self._ask_network()
            if outcome.word != "rejected":
                return outcome
        sim.rotate()  # all were refused: it begins anew with the one that it began with
        return outcome

    def _ask_network(self) -> Story[Outcome]:
        """One attempt, with what is enabled now."""
        act = self.credentials()
        try:
            result = yield act
        except Cut:  # it never hears whether it has the session that it asked for, and its former one may be over
            self.happened("lost")
            raise
        if isinstance(result, Accepted):
            if result.ip != act.ip and self.sim is not None:
                self.sim.profile.ip = result.ip
            self.happened("attached")
        else:
            self.happened("refused")
        return outcome_of(result)

    def detach(self) -> Story[Outcome]:
        """Leave the mobile network; nothing to do if not attached."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        if self.power is not Power.ATTACHED:
            return Outcome(OK, "was not attached")
        self.happened("detached")  # at once: what the network says of it afterwards is between it and the platform
        return outcome_of((yield Detach()))

    def vanish(self) -> Story[Outcome]:
        """Leave the mobile network without a word; it finds out by itself."""
        if self.power in _DEAD:
            return Outcome("failed", _DEAD[self.power])
        if self.power is not Power.ATTACHED:
            return Outcome(OK, "was not attached")
        self.happened("lost")
        return outcome_of((yield LeaveSilently(self.name, "the device has vanished")))

    def upload(self, payload: bytes, path: str = "data", confirmable: bool = True) -> Story[Outcome]:
        """Send one message to the platform; a waiting downstream message comes back with the answer."""
        if self.power is not _ATTACHED:
            return Outcome("failed", self._why_silent())
        if self.member.group.transport == "udp":
            return outcome_of((yield Datagram(payload)))
        result = yield Post(path, payload, confirmable)
        outcome = outcome_of(result)
        if outcome.payload:
            self.hear(outcome.payload)
        return msgspec.structs.replace(outcome, answered=path or "/") if isinstance(result, Answer) else outcome

    def poll(self, path: str = "data") -> Story[Outcome]:
        """Ask for a waiting downstream message, without sending anything of its own."""
        if self.power is not _ATTACHED:
            return Outcome("failed", self._why_silent())
        outcome = outcome_of((yield Get(path)))
        if outcome.payload:
            self.hear(outcome.payload)
        return outcome

    def upload_blob(self, payload: bytes, path: str, content_type: str) -> Story[Outcome]:
        """Store a large object at the platform, which knows the device by its address (span §4.6)."""
        if self.power is not _ATTACHED:
            return Outcome("failed", self._why_silent())
        return outcome_of((yield UploadBlob(path, payload, content_type)))

    def _why_silent(self) -> str:
        return _DEAD.get(self.power, "not attached: the device has no address on the mobile network")
