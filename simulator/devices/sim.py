"""The cards of devices: a SIM, one with several IMSIs, and an eUICC with several profiles (mobile-network §2.4).

A device owns the card that is planned for it, and holds one or none. As long as nobody has touched its slot it holds
its own, and nothing is made for that: all that is to be known follows from the device's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from simulator.identity import numbers
from simulator.identity.fleet import CARDS, card
from simulator.plan import Member

if TYPE_CHECKING:
    from simulator.devices.equipment import Equipment

FIRST_FRESH: Final = 50
"""Fresh cards of a device have the numbers from here on; below are the profiles of its own."""
FRESH_MOST: Final = CARDS - FIRST_FRESH


class Profile(msgspec.Struct, eq=False):
    """A subscription: what one operator's network knows a card by. Compared by identity."""

    imsi: str
    iccid: str
    msisdn: str
    ip: int
    """The address that it had last, or that is planned for it, as a number; 0: none, the platform chooses."""


class Sim:
    """A card. It is in one device, or in none."""

    __slots__ = ("eid", "enabled", "holder", "kind", "profiles")

    def __init__(
        self,
        kind: Literal["card", "esim", "multi"],
        profiles: tuple[Profile, ...],
        holder: Equipment | None,
        eid: str = "",
    ) -> None:
        self.kind, self.profiles, self.holder = kind, profiles, holder
        self.eid = eid
        """Of an eUICC, for life; "": it is none."""
        self.enabled = 0
        """Which profile is, from 0; exactly one at a time."""

    @property
    def profile(self) -> Profile:
        """The one that networks see."""
        return self.profiles[self.enabled]

    def rotate(self) -> None:
        """The applet of a card with several IMSIs takes the next one."""
        self.enabled = (self.enabled + 1) % len(self.profiles)


class Slot:
    """The SIM slot of a device, once it has been touched: the card that is planned for it, and what is in it now."""

    __slots__ = ("fresh", "own", "sim")

    def __init__(self, own: Sim) -> None:
        self.own = own
        self.sim = own if own.holder is not None else None
        self.fresh = 0
        """How many cards that nobody had seen before have been put into it."""


def slot_of(device: Equipment) -> Slot:
    """The slot as it is when the run begins."""
    member = device.member
    spec = member.group.sim
    holder = None if spec.kind == "none" else device
    first = Profile(member.imsi, numbers.iccid(member.card_index), numbers.msisdn(member.card_index), member.card_ip)
    if spec.kind not in ("esim", "multi"):
        return Slot(Sim("card", (first,), holder))
    further = (_profile(member, k) for k in range(1, spec.profiles))
    eid = numbers.eid(member.card_index) if spec.kind == "esim" else ""
    return Slot(Sim(spec.kind, (first, *further), holder, eid))


def fresh_card(member: Member, number: int) -> Sim:
    """A card that nobody has seen before: the so manieth of this device, from 0 and below `FRESH_MOST`."""
    return Sim("card", (_profile(member, FIRST_FRESH + number),), None)


def _profile(member: Member, k: int) -> Profile:
    found = card(member.index, k)
    return Profile(found.imsi, found.iccid, found.msisdn, 0)  # the platform chooses its address
