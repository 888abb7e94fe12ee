"""Which machines want which records: kept as tuples of bound methods, so that handing a record on is one lookup.

Events of nobody have a table of their own: who asks whom an event is of is not called for all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from simulator.assertions.machine import Machine
from simulator.events.records import ActRecord, EventRecord

See = tuple[Callable[[EventRecord], None], ...]
Note = tuple[Callable[[ActRecord], None], ...]


class Switchboard:
    """Look up by event name or verb; who wants everything is in every entry, and alone under `any_…`."""

    __slots__ = (
        "_machines",
        "any_began",
        "any_ended",
        "any_event",
        "any_stray",
        "began",
        "ended",
        "events",
        "strays",
    )

    def __init__(self) -> None:
        self._machines: list[Machine] = []
        self.events: Mapping[str, See] = {}
        self.any_event: See = ()
        self.strays: Mapping[str, See] = {}
        """As `events`, for those without a subject."""
        self.any_stray: See = ()
        self.began: Mapping[str, Note] = {}
        self.any_began: Note = ()
        self.ended: Mapping[str, Note] = {}
        self.any_ended: Note = ()

    def connect(self, machine: Machine, *, first: bool = False) -> None:
        """From now on the machine gets what it wants; `first`: before those that are connected already."""
        if first:
            self._machines.insert(0, machine)
        else:
            self._machines.append(machine)
        self.wire()

    def disconnect(self, machine: Machine) -> None:
        """It wants no more; nothing happens if it is not connected."""
        if machine in self._machines:
            self._machines.remove(machine)
            self.wire()

    def wire(self) -> None:
        """Ask all machines again what they want. The tables are new ones: the old may be in use."""
        machines = self._machines
        names = dict.fromkeys(name for machine in machines for name in machine.names or ())
        self.strays = {name: tuple(m.see for m in machines if _wants(m.names, name)) for name in names}
        self.any_stray = tuple(m.see for m in machines if m.names is None)
        settled = [m for m in machines if not m.strays_only]
        self.events = {name: tuple(m.see for m in settled if _wants(m.names, name)) for name in names}
        self.any_event = tuple(m.see for m in settled if m.names is None)
        verbs = dict.fromkeys(verb for machine in machines for verb in machine.verbs or ())
        takers = {verb: [m for m in machines if _wants(m.verbs, verb)] for verb in verbs}
        every = [m for m in machines if m.verbs is None]
        # A machine that has nothing of its own to do at a beginning or an end is not called for it.
        self.began = {verb: tuple(m.began for m in some if overrides(m, "began")) for verb, some in takers.items()}
        self.any_began = tuple(m.began for m in every if overrides(m, "began"))
        self.ended = {verb: tuple(m.ended for m in some if overrides(m, "ended")) for verb, some in takers.items()}
        self.any_ended = tuple(m.ended for m in every if overrides(m, "ended"))


def _wants(declared: Iterable[str] | None, name: str) -> bool:
    return declared is None or name in declared


def overrides(machine: Machine, method: str) -> bool:
    """Whether a machine has something of its own to do there."""
    return getattr(type(machine), method) is not getattr(Machine, method)
