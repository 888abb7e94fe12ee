"""For whom the platform takes a device that has logged in, as far as that is certain.

    login begun ──ciotConnect of E, and it can be nobody else's──► taken for E ──another is taken for E──► over
         └───────rejected──► refused: it has no session

Only devices that have kin are followed: any other is taken for itself. A ciotConnect belongs to a login if that is the
only one of its family that is under way or has not shown yet, or if it tells the IMEI by which its hardware is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.assertions.deadlines import FOREVER
from simulator.assertions.machine import Machine
from simulator.assertions.verbs import LOGINS, REACHES, SIM_VERBS
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Update

if TYPE_CHECKING:
    from simulator.assertions.world import World

SHOWS_WITHIN_S: Final = 10.0
"""What an accepted login shows may arrive so long after it."""

IMEI_DIGITS: Final = 14
"""The rest is a check digit, or a software version."""


class Login:
    """One act by which a device may have come to a session."""

    __slots__ = ("_rivals", "attempts", "device", "ended_s", "n", "name", "refused", "shaken", "shown_s", "step")

    def __init__(self, act: ActRecord, attempts: int) -> None:
        self.device, self.step, self.n, self.attempts = act.subject, act.step, act.n, attempts
        self.name: str | None = None
        """For whom the device was taken; None: nobody knows, or it was not."""
        self.ended_s, self.shown_s, self.refused = FOREVER, FOREVER, False
        self.shaken = False
        """Something has happened since after which its session need not be there any more, whoever it was taken for."""
        self._rivals: set[str] = set()
        """For whom others were taken since."""

    @property
    def over(self) -> bool:
        """Whether its session need not be there any more."""
        return self.shaken or (bool(self._rivals) if self.name is None else self.name in self._rivals)

    def replaced(self, name: str | None) -> None:
        """Another device was taken for that one; None: nobody knows for whom."""
        if name is None:
            self.shaken = True
        else:
            self._rivals.add(name)

    @property
    def open(self) -> bool:
        """Whether it may have changed, or may still change, for whom devices are taken, and has not told so."""
        return self.ended_s == FOREVER or (not self.refused and self.name is None)

    def may_show(self, now: float) -> bool:
        """Whether a ciotConnect that arrives now can be its."""
        if self.ended_s == FOREVER:
            return self.name is None or self.attempts > 1
        return self.name is None and not self.refused and now <= self.ended_s + SHOWS_WITHIN_S

    def may_pass_for(self, name: str) -> bool:
        """Whether what its device sends may be shown as that one's."""
        return self.name is None or self.name == name


class Logins(Machine):
    """Follows the logins of devices that have kin. It listens before all who ask it, and has no check of its own."""

    __slots__ = ("_hardware", "_latest", "_recent", "_world", "names", "shown", "verbs")

    def __init__(self, world: World) -> None:
        self._world = world
        follows = bool(world.families)
        self.names = ("ciotConnect",) if follows else ()
        self.verbs = (*LOGINS, *SIM_VERBS, *REACHES) if follows else ()
        self._latest: dict[str, Login] = {}
        self._recent: dict[str, list[Login]] = {}
        """By family: those that have not shown yet, or are not over."""
        self._hardware = dict(world.hardware)
        """First digits of an IMEI → whose it is, as planned or as it was shown."""
        self.shown: Login | None = None
        """Whose the ciotConnect is that is being looked at; None: not known."""

    # --- what others ask ----------------------------------------------------------------------------------------------

    def of(self, device: str) -> Login | None:
        """Its latest login."""
        return self._latest.get(device)

    def others_open(self, device: str) -> bool:
        """Whether a login of its kin is under way, or nobody knows yet what became of it."""
        recent = self._recent.get(self._world.family(device), ())
        return any(login.open and login.device != device for login in recent)

    # --- what happens -------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        world, subject = self._world, act.subject
        if not world.wanders(subject) or world.is_inet(subject):
            return
        if act.verb not in LOGINS:
            self._unsettle(act)
            return
        recent = self._recent.setdefault(world.family(subject), [])
        for login in [login for login in recent if login.device == subject and login.ended_s < FOREVER]:
            recent.remove(login)
            if login.open:  # nobody will ever know whom it replaced
                self._replaced(login, None)
        login = Login(act, world.logins_in(act))
        recent.append(login)
        self._latest[subject] = login

    def ended(self, act: ActRecord) -> None:
        for login in self._recent.get(self._world.family(act.subject), ()):
            if (login.device, login.step, login.n) == (act.subject, act.step, act.n) and login.ended_s == FOREVER:
                login.ended_s, login.refused = act.t_s, self._world.refused(act)
                return

    def _unsettle(self, act: ActRecord) -> None:
        """A card goes elsewhere, or the operator does something to whoever is taken for that device."""
        what = self._world.act(act.step)
        if isinstance(what, Update) and what.imsi is None and what.imei is None:
            return
        for name in self._world.kin(act.subject):
            login = self._latest.get(name)
            if login is not None and (act.verb in SIM_VERBS or name == act.subject or login.may_pass_for(act.subject)):
                login.shaken = True

    def see(self, event: EventRecord) -> None:
        self.shown = None
        subject = event.subject
        if subject is None or not self._world.wanders(subject):
            return
        recent, now = self._recent.get(self._world.family(subject), []), event.rx_s
        found = [login for login in recent if login.may_show(now)]
        login = self._whose(found, event)
        if login is None:
            return
        self.shown = login
        login.name, login.shown_s = subject, now
        self._replaced(login, subject)

    def _whose(self, found: list[Login], event: EventRecord) -> Login | None:
        """Whose login it is of these; None: it may be that of several, or of none."""
        imei, shared = event.data.get("imei", "")[:IMEI_DIGITS], self._world.shared
        owner = self._hardware.get(imei)
        devices = {login.device for login in found}
        if owner in shared:
            devices &= shared
        elif owner is not None:
            devices &= {owner}
        elif imei and len(devices) > 1:
            devices -= {*self._hardware.values(), *shared}
        if len(devices) != 1:
            return None
        (device,) = devices
        if imei and device not in shared:
            self._hardware.setdefault(imei, device)
        return next(login for login in found if login.device == device)

    def _replaced(self, by: Login, name: str | None) -> None:
        """Whoever was taken for the same one has no session any more."""
        for other in self._world.kin(by.device):
            login = self._latest.get(other)
            if login is not None and login is not by and other != by.device:
                login.replaced(name)
