"""Invariants about mismatches: how many there may be, and what they say."""

from __future__ import annotations

from collections import Counter
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.logins import IMEI_DIGITS
from simulator.assertions.machine import Machine
from simulator.assertions.rule import Rule
from simulator.assertions.verbs import LOGINS, MANY_ATTEMPTS, OUTAGES
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

EVERYBODY: Final = "*"
"""A family that all belong to."""


class MismatchOnce(Machine):
    """mismatch-once. The event is of the device that is known, the act of whoever came: of the same family.

    All logins together bound all events together; without the scenario nothing else is known.
    """

    __slots__ = ("_began", "_check", "_docket", "_logins", "_seen", "_under_way", "_world")

    names = ("imeiMismatch", "imsiMismatch")
    verbs = (*LOGINS, *OUTAGES)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._under_way: Counter[str] = Counter()
        self._logins: Counter[str] = Counter()
        self._began: Counter[str] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()

    def _families(self, subject: str) -> tuple[str, ...]:
        """Whose logins bound its events: everybody's, and its family's where the run knows it."""
        world = self._world
        known = world.known.devices and (subject in world.group_of or world.wanders(subject))
        return (EVERYBODY, world.family(subject)) if known else (EVERYBODY,)

    def began(self, act: ActRecord) -> None:
        if act.verb in OUTAGES:
            self._decides_again()
            return
        if self._world.is_inet(act.subject):
            return
        logins = self._world.logins_in(act) if self._world.known.devices else MANY_ATTEMPTS
        for family in self._families(act.subject):
            self._logins[family] += logins
            self._began[family] += logins
            self._under_way[family] += 1

    def ended(self, act: ActRecord) -> None:
        if act.verb in OUTAGES:
            self._decides_again()
            return
        if self._world.is_inet(act.subject):
            return
        for family in self._families(act.subject):
            self._under_way[family] -= 1
            self._logins[family] -= act.outcome == "ok"  # of its attempts, the last one

    def _decides_again(self) -> None:
        """Whoever comes up again decides what is asked again: what is under way, or what is late."""
        self._logins.update(self._began if self._world.logins_linger else self._under_way)

    def see(self, event: EventRecord) -> None:
        self._check.cases += 1
        subject = event.subject or ""
        counts = []
        for family in self._families(subject):
            self._seen[family, event.name] = count = self._seen[family, event.name] + 1
            counts.append((family, count, self._logins[family]))
        # Whether an accepted login may show one is a platform's policy; ours refuses (mobile-network §3.2).
        broken = next((one for one in counts if one[1] > one[2]), None) if self._world.embedded else None
        if broken is None:
            return
        family, count, logins = broken
        kin = self._world.kin(subject)
        whose = "" if family == EVERYBODY else f" of {subject}" if len(kin) == 1 else f" of {' or '.join(kin[:4])}"
        such = texts.counted(logins, "such login", "such logins")
        details = (f"seen: {texts.sighting(event)}, number {count}{whose} for {such}",)
        what = "breaks mismatch-once: more mismatches than logins that were not accepted"
        self._docket.fail(self._check, subject, event.rx_s, details, what)


class RealMismatch(Rule):
    """mismatch-real."""

    __slots__ = ()

    names = ("imeiMismatch", "imsiMismatch")

    def see(self, event: EventRecord) -> None:
        key = event.name.removesuffix("Mismatch")
        data = event.data
        seen, expected = data.get(key), data.get(f"expected{key.capitalize()}")
        if not seen or expected is None:
            return
        self._check.cases += 1
        digits = IMEI_DIGITS if key == "imei" else None
        if seen[:digits] == expected[:digits]:
            self._fail(event, f"the {key.upper()} that was seen is the one that was expected")
