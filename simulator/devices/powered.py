"""What all devices have in common: power, a memory for what they hear, and the stories of going off and on.

What they do with the power differs, so each kind has a table of its own; the events of the power are the same in all:
`power_on` and `power_off`, `freeze` and `thaw`, and `lost` when its session has ended without its doing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

from simulator.acts import StandStill, Story, SwitchOff, SwitchOn
from simulator.devices.outcome import OK, Outcome, outcome_of

P = TypeVar("P", bound=Enum)

RECEIVED_KEPT = 16
"""How many downstream payloads a device remembers; the journal has them all."""
IS_OFF = "the device is off"
IS_FROZEN = "the device is frozen"


class Powered(Generic[P]):
    """A device as far as its power goes; `power` and `received` are slots of the kinds."""

    __slots__ = ()

    power: P
    received: deque[bytes] | None
    """What it has heard; None: nothing."""

    _next: ClassVar[Mapping[tuple[Any, str], Any]]
    """Where an event leads from a state."""
    _off: ClassVar[Enum]
    _online: ClassVar[Enum]
    """It has a session, and can use it."""
    _dead: ClassVar[Mapping[Any, str]]
    """States in which it can do nothing, and what it would say if it could."""
    _parting: ClassVar[str]
    """What `_part` is called."""

    def _join(self) -> Story[Outcome]:
        """Begin a session, once it has booted."""
        raise NotImplementedError

    def _part(self) -> Story[Outcome]:
        """End the session in order, before the power goes."""
        raise NotImplementedError

    @property
    def hears(self) -> bool:
        """Whether what arrives for it is heard by anybody."""
        return self.power not in self._dead

    @property
    def dead(self) -> str:
        """Why it can do nothing; "": it can."""
        return self._dead.get(self.power, "")

    def happened(self, what: str) -> None:
        """Go where the table leads; what has no row there changes nothing."""
        self.power = self._next.get((self.power, what), self.power)  # type: ignore[misc]  # a slot of the kinds

    def switched_on(self, now: float) -> None:
        """Told of the run time when it was switched on."""

    def hear(self, payload: bytes) -> None:
        """A downstream message has reached the device."""
        if self.received is None:
            self.received = deque(maxlen=RECEIVED_KEPT)  # type: ignore[misc]  # likewise
        self.received.append(payload)

    # --- stories ------------------------------------------------------------------------------------------------------

    def power_on(self) -> Story[Outcome]:
        """Switch on, boot and begin a session; who is on already begins a new one, and who is frozen begins anew."""
        if self.power in self._dead and self.power is not self._off:
            yield from self._switch_off("the device was switched on anew")
        if self.power is self._off:
            yield from self._switch_on()
        return (yield from self._join())

    def power_off(self, abruptly: bool = False) -> Story[Outcome]:
        """Switch off. In order it ends its session first; a frozen one cannot, and nobody is told."""
        if self.power is self._off:
            return Outcome(OK, "was off")
        left = Outcome(OK) if abruptly else (yield from self._leave())
        yield from self._switch_off("the device was switched off")
        if left.word == OK:
            return left
        return Outcome("failed", f"switched off, but could not {self._parting}: {left.detail}")

    def reboot(self, abruptly: bool = False) -> Story[Outcome]:
        """Switch off and on again. What the device was doing, and what it waited for, is forgotten."""
        if not abruptly:
            yield from self._leave()
        if self.power is not self._off:
            yield from self._switch_off("the device rebooted")
        yield from self._switch_on()
        return (yield from self._join())

    def freeze(self, lasting_s: float | None = None) -> Story[Outcome]:
        """Stop doing anything, for so many seconds or until it is switched on anew; nobody is told."""
        if self.power is self._off:
            return Outcome("failed", IS_OFF)
        self.happened("freeze")
        return outcome_of((yield StandStill("the device froze", lasting_s)))

    def _leave(self) -> Story[Outcome]:
        """End the session before the power goes, if there is one and somebody who could."""
        if self.power is not self._online:
            return Outcome(OK)
        return (yield from self._part())

    def _switch_off(self, why: str) -> Story[None]:
        self.happened("power_off")
        yield SwitchOff(why)

    def _switch_on(self) -> Story[None]:
        self.happened("power_on")
        yield SwitchOn()
