"""Invariants about what a device's network makes of its events. They are the embedded server's choices (span §3.4), so
only it is held to them."""

from __future__ import annotations

from simulator.assertions.docket import Check, Docket
from simulator.assertions.rule import Rule
from simulator.assertions.verbs import LEAVES, LOGINS, REACHES, RESTARTS, SIM_VERBS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

_OF_GATEWAYS = ("gatewayUpstreamMessage", "gatewayDownstreamMessage")


class FitsNetwork(Rule):
    """fits-network."""

    __slots__ = ()

    names = ("clientConnected", "clientDisconnected", *_OF_GATEWAYS)

    def see(self, event: EventRecord) -> None:
        group = self._world.group_of.get(event.subject or "")
        if group is None or not self._world.embedded:
            return
        self._check.cases += 1
        if event.name in _OF_GATEWAYS:
            if group.network != "gateway":
                self._fail(event, "it is behind no gateway")
        elif group.network != "ciot":
            return
        elif event.name == "clientDisconnected":
            self._fail(event, "its mobile network tells nobody when a session ends")
        elif event.data.get("id") == "certificate":
            self._fail(event, "it is known by its address, and has shown no certificate")


class OwnAddress(Rule):
    """own-address. A SIM's address is its own as long as no act may have ended the session of the device that holds it.

    A card that logs in anew takes its address along, wherever it is by then.
    """

    __slots__ = ("_held", "_identities", "_leaving", "_owner", "_staying")

    names = ("ciotConnect",)
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
        self._identities: dict[tuple[str, str], str] = {}
        """Kind of number and number → whose it is."""

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
        if not world.wanders(subject):
            self._identified(subject, event)
        address, imsi = event.data.get("ip", ""), event.data.get("imsi", "")
        owner, sim = self._owner.get(address, (None, ""))
        if owner is not None and owner != subject and not (world.wanders(subject) and sim == imsi):
            self._fail(event, f"this address is that of {owner}, which is in session")
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

    def _identified(self, subject: str, event: EventRecord) -> None:
        for kind in ("imsi", "imei"):
            number = event.data.get(kind)
            owner = self._identities.setdefault((kind, number), subject) if number else subject
            if owner != subject:
                self._fail(event, f"this {kind.upper()} is that of {owner}")
