"""Invariant: what a login shows is the device's own, its numbers and its address. That is the embedded server's choice
(span §3.4), so only it is held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulator.assertions.docket import Check, Docket
from simulator.assertions.kinship import SOMEBODY
from simulator.assertions.rule import Rule
from simulator.assertions.verbs import LEAVES, LOGINS, REACHES, RESTARTS, SIM_VERBS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

_SEEN: Final = ("imsi", "imei")
"""Keys of what whoever logs in has shown."""

_EXPECTED: Final = {"expectedImsi": "imsi", "expectedImei": "imei"}
"""Keys of what the platform would have let in."""


class Numbers:
    """Whose the numbers are that events show: as planned, or, where nobody tells, whose they were shown as first."""

    __slots__ = ("_fail", "_first", "_world")

    def __init__(self, world: World, fail: Callable[[EventRecord, str], None]) -> None:
        self._world, self._fail = world, fail
        self._first: dict[tuple[str, str], str] = {}
        """Kind of number and number that was planned for nobody → whose it is."""

    def see(self, event: EventRecord, subject: str) -> None:
        """A login, or a refusal that names both."""
        data = event.data
        for kind in _SEEN:
            if number := data.get(kind):
                self._check(event, subject, kind, number)
        if not self._world.invented:
            for key, kind in _EXPECTED.items():
                if number := data.get(key):
                    self._check(event, subject, kind, number)

    def _check(self, event: EventRecord, subject: str, kind: str, number: str) -> None:
        world = self._world
        owner = world.planned.get(number)
        if owner is None:
            self._unplanned(event, subject, kind, number)
        elif owner != subject and not self._may_be(owner, subject):
            self._fail(event, f"this {kind.upper()} is that of {owner}")

    def _may_be(self, owner: str, subject: str) -> bool:
        """Whether one may be taken for the other. Who keeps still in this run is somebody."""
        world = self._world
        return (owner if owner in world.group_of else SOMEBODY) in world.kin(subject)

    def _unplanned(self, event: EventRecord, subject: str, kind: str, number: str) -> None:
        """It is that of a card which came later, or of nobody."""
        world = self._world
        if world.planned and not (kind == "imsi" and world.further_cards):
            self._fail(event, f"no device of this run has this {kind.upper()}")
        elif event.name == "ciotConnect" and not world.wanders(subject):
            owner = self._first.setdefault((kind, number), subject)
            if owner != subject:
                self._fail(event, f"this {kind.upper()} is that of {owner}")


class OwnAddress(Rule):
    """own-address. A SIM's address is its own as long as no act may have ended the session of the device that holds it.

    A card that logs in anew takes its address along, wherever it is by then.
    """

    __slots__ = ("_held", "_leaving", "_numbers", "_of_sim", "_owner", "_staying")

    names = ("ciotConnect", "imeiMismatch", "imsiMismatch")
    verbs = (*LOGINS, *LEAVES, *REACHES, *RESTARTS, *SIM_VERBS, "freeze")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._owner: dict[str, tuple[str, str]] = {}
        """Address → who holds it for certain, by which IMSI."""
        self._held: dict[str, str] = {}
        """Holder → address."""
        self._staying: dict[str, bool] = {}
        """Whether the latest act of a device was a login, and no other of these is under way."""
        self._leaving: dict[str, int] = {}
        self._numbers = Numbers(world, self._fail)
        self._of_sim: dict[str, str] = {}
        """IMSI → its address."""

    def began(self, act: ActRecord) -> None:
        subject = act.subject
        self._free(subject)
        login = act.verb in LOGINS
        if not login:
            self._leaving[subject] = self._leaving.get(subject, 0) + 1
        self._staying[subject] = login and not self._leaving.get(subject)

    def ended(self, act: ActRecord) -> None:
        subject = act.subject
        if act.verb not in LOGINS:
            self._leaving[subject] = max(0, self._leaving.get(subject, 0) - 1)
            self._staying[subject] = False
            self._free(subject)

    def _free(self, subject: str) -> None:
        """A device may have no session any more, or have that of one of its kin."""
        for name in self._world.kin(subject):
            address = self._held.pop(name, None)
            if address is not None:
                self._owner.pop(address, None)

    def see(self, event: EventRecord) -> None:
        subject, world = event.subject, self._world
        if subject is None or subject not in world.group_of or not world.embedded or not world.known.all_acts:
            return
        self._check.cases += 1
        self._numbers.see(event, subject)
        if event.name != "ciotConnect":
            return
        address, imsi = event.data.get("ip", ""), event.data.get("imsi", "")
        owner, sim = self._owner.get(address, (None, ""))
        if owner is not None and owner != subject and not (world.wanders(subject) and sim == imsi):
            self._fail(event, f"this address is that of {owner}, which is in session")
        elif address and imsi and world.addresses_stay and self._of_sim.setdefault(imsi, address) != address:
            self._fail(event, f"the address of this SIM was {self._of_sim[imsi]} before")
        elif address and self._stays(subject):
            self._drop(subject)
            self._owner[address], self._held[subject] = (subject, imsi), address

    def _stays(self, subject: str) -> bool:
        """Whether the session that has just begun lasts until another act ends it: that of whoever has logged in."""
        if not self._world.wanders(subject):
            return self._staying.get(subject, False)
        login = self._world.logins.shown
        return login is not None and self._staying.get(login.device, False)

    def _drop(self, subject: str) -> None:
        address = self._held.pop(subject, None)
        if address is not None:
            self._owner.pop(address, None)
