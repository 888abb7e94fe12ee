"""A CIoT device: a SIM, a modem and a meter, over plain UDP or over CoAP.

    OFF ──power_on──► IDLE ──attach──► ATTACHED
     ▲                  ◄───detach───     │
     └───────────────power_off────────────┘

What it does is a generator of acts (`acts.Story`), so it reads like a story and waits for nothing by itself.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from simulator.acts import Accepted, Attach, Datagram, Detach, Get, Post, Story
from simulator.devices.outcome import Outcome, outcome_of
from simulator.plan import Member

RECEIVED_KEPT = 16
"""How many downstream payloads a device remembers; the journal has them all."""


class Power(Enum):
    """How alive the device is."""

    OFF = "off"
    IDLE = "idle"
    ATTACHED = "attached"


_ATTACHED = Power.ATTACHED  # an enumeration's members cost three times as much to look up

NEXT = {
    (Power.OFF, "power_on"): Power.IDLE,
    (Power.IDLE, "attached"): Power.ATTACHED,
    (Power.ATTACHED, "attached"): Power.ATTACHED,
    (Power.ATTACHED, "detached"): Power.IDLE,
    (Power.ATTACHED, "refused"): Power.IDLE,
    (Power.IDLE, "power_off"): Power.OFF,
    (Power.ATTACHED, "power_off"): Power.OFF,
}


class Device:
    """One simulated device. Its methods are stories: run them with a driver, or step through them by hand."""

    __slots__ = ("ip", "member", "power", "received")

    def __init__(self, member: Member) -> None:
        self.member = member
        self.ip = member.ip
        self.power = Power.IDLE
        self.received: deque[bytes] | None = None  # made when something arrives: most devices never hear anything

    @property
    def name(self) -> str:
        """Its name in the scenario."""
        return self.member.name

    def happened(self, what: str) -> None:
        """Go where the table leads; what has no row there changes nothing."""
        self.power = NEXT.get((self.power, what), self.power)

    def hear(self, payload: bytes) -> None:
        """A downstream message has reached the device."""
        if self.received is None:
            self.received = deque(maxlen=RECEIVED_KEPT)
        self.received.append(payload)

    # --- stories ------------------------------------------------------------------------------------------------------

    def attach(self) -> Story[Outcome]:
        """Log in to the mobile network. A device that is attached does it anew: networks ask for that too."""
        if self.power is Power.OFF:
            return Outcome("failed", "the device is off")
        result = yield Attach(self.member.imsi, self.member.imei, self.ip)
        if isinstance(result, Accepted):
            self.ip = result.ip
            self.happened("attached")
        else:
            self.happened("refused")
        return outcome_of(result)

    def detach(self) -> Story[Outcome]:
        """Leave the mobile network; nothing to do if not attached."""
        if self.power is not Power.ATTACHED:
            return Outcome("ok", "was not attached")
        result = yield Detach(self.member.imsi, self.ip)
        self.happened("detached")
        return outcome_of(result)

    def upload(self, payload: bytes, path: str = "data", confirmable: bool = True) -> Story[Outcome]:
        """Send one message to the platform; a waiting downstream message comes back with the answer."""
        if self.power is not _ATTACHED:
            return Outcome("failed", self._why_silent())
        if self.member.group.transport == "udp":
            return outcome_of((yield Datagram(payload)))
        outcome = outcome_of((yield Post(path, payload, confirmable)))
        if outcome.payload:
            self.hear(outcome.payload)
        return outcome

    def poll(self, path: str = "data") -> Story[Outcome]:
        """Ask for a waiting downstream message, without sending anything of its own."""
        if self.power is not _ATTACHED:
            return Outcome("failed", self._why_silent())
        outcome = outcome_of((yield Get(path)))
        if outcome.payload:
            self.hear(outcome.payload)
        return outcome

    def _why_silent(self) -> str:
        if self.power is Power.OFF:
            return "the device is off"
        return "not attached: the device has no address on the mobile network"
