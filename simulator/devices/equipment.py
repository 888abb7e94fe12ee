"""What a device is made of, as far as the mobile network can tell: its SIM slot and its modem.

As long as nobody has touched them nothing is kept: a million devices hold the cards that are planned for them.
"""

from __future__ import annotations

from simulator.acts import Attach
from simulator.devices.modem import Modem, modem_of
from simulator.devices.sim import Sim, Slot, slot_of
from simulator.identity import numbers
from simulator.plan import Member


class Equipment:
    """The SIM slot and the modem of one device."""

    __slots__ = ("_modem", "_slot", "member")

    def __init__(self, member: Member) -> None:
        self.member = member
        self._slot: Slot | None = None  # made when somebody touches the SIM …
        self._modem: Modem | None = None  # … or changes something about the modem

    @property
    def name(self) -> str:
        """Its name in the scenario."""
        return self.member.name

    @property
    def slot(self) -> Slot:
        """Its SIM slot, to be changed."""
        if self._slot is None:
            self._slot = slot_of(self)
        return self._slot

    @property
    def sim(self) -> Sim | None:
        """The card in it; None: there is none."""
        return self.slot.sim

    @property
    def has_sim(self) -> bool:
        """Whether a card is in it."""
        return self.member.group.sim.kind != "none" if self._slot is None else self._slot.sim is not None

    @property
    def has_several_imsis(self) -> bool:
        """Whether the card in it has an applet that takes the next IMSI where the present one is refused."""
        if self._slot is None:
            return self.member.group.sim.kind == "multi"
        return self._slot.sim is not None and self._slot.sim.kind == "multi"

    @property
    def imsi(self) -> str:
        """Of the card that it holds now; "": it holds none."""
        if self._slot is None:
            return self.member.imsi if self.has_sim else ""
        return self._slot.sim.profile.imsi if self._slot.sim is not None else ""

    @property
    def modem(self) -> Modem:
        """Its modem, to be changed."""
        if self._modem is None:
            self._modem = modem_of(self.member)
        return self._modem

    def credentials(self) -> Attach:
        """What it says of itself and of its card when it wants in; there is a card."""
        member, modem = self.member, self._modem or modem_of(self.member)
        if self._slot is None:
            imsi, msisdn, ip = member.imsi, numbers.msisdn(member.card_index), member.card_ip
        else:
            assert self._slot.sim is not None
            profile = self._slot.sim.profile
            imsi, msisdn, ip = profile.imsi, profile.msisdn, profile.ip
        return Attach(
            imsi=imsi,
            msisdn=msisdn,
            imeisv=numbers.imeisv(member.modem_index, modem.svn),
            ip=ip,
            operator=modem.operator,
            rat=modem.rat,
            cell=modem.cell,
        )
