"""Which machines want which records: kept as tuples of bound methods, so that handing a record on is one lookup.

Events of nobody have a table of their own: who asks whom an event is of is not called for all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulator.assertions.machine import Machine
from simulator.events.records import (
    ActRecord,
    EventRecord,
    GapRecord,
    ReceivedRecord,
    SeenRecord,
    StepRecord,
    StreamRecord,
)

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
        "lost",
        "provisioned",
        "received",
        "seen",
        "stepped",
        "strays",
        "stream",
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
        self.stepped: tuple[Callable[[StepRecord], None], ...] = ()
        self.seen: tuple[Callable[[SeenRecord], None], ...] = ()
        self.stream: tuple[Callable[[StreamRecord], None], ...] = ()
        self.received: tuple[Callable[[ReceivedRecord], None], ...] = ()
        self.lost: tuple[Callable[[GapRecord], None], ...] = ()
        self.provisioned: See = ()

    def connect(self, machines: Sequence[Machine], *, first: bool = False) -> None:
        """From now on they get what they want; `first`: before those that are connected already."""
        if machines:
            self._machines[:] = [*machines, *self._machines] if first else [*self._machines, *machines]
            self.wire()

    def disconnect(self, machines: Sequence[Machine]) -> None:
        """They want no more; nothing happens if none is connected."""
        left = [machine for machine in self._machines if machine not in machines]
        if len(left) < len(self._machines):
            self._machines[:] = left
            self.wire()

    def wire(self) -> None:
        """Ask all machines again what they want. The tables are new ones: the old may be in use."""
        machines = self._machines
        self.strays, self.any_stray = _table(machines, "names", "see")
        self.events, self.any_event = _table([m for m in machines if not m.strays_only], "names", "see", self.strays)
        # A machine that has nothing of its own to do at a beginning or an end is not called for it.
        verbs = dict.fromkeys(verb for machine in machines for verb in machine.verbs or ())
        self.began, self.any_began = _table(_with(machines, "began"), "verbs", "began", verbs)
        self.ended, self.any_ended = _table(_with(machines, "ended"), "verbs", "ended", verbs)
        self.stepped = tuple(m.stepped for m in _with(machines, "stepped"))
        self.seen = tuple(m.seen for m in _with(machines, "seen"))
        self.stream = tuple(m.stream for m in _with(machines, "stream"))
        self.received = tuple(m.received for m in _with(machines, "received"))
        self.lost = tuple(m.lost for m in _with(machines, "lost"))
        self.provisioned = tuple(m.provisioned for m in _with(machines, "provisioned"))


class Boards:
    """One for the run's own observer, and one for each further one: a machine gets the events of one of them."""

    __slots__ = ("_all", "own")

    def __init__(self, observers: Iterable[str]) -> None:
        self.own = Switchboard()
        self._all = {"": self.own, **{name: Switchboard() for name in observers}}

    def of(self, observer: str) -> Switchboard | None:
        """Who wants what an observer sees; None: it is none of the scenario."""
        return self._all.get(observer)

    def connect(self, machines: Sequence[Machine], *, first: bool = False) -> None:
        """From now on they get what they want; `first`: before those that are connected already."""
        for by, some in _by_observer(machines).items():
            self._all.setdefault(by, Switchboard()).connect(some, first=first)

    def disconnect(self, machines: Sequence[Machine]) -> None:
        """They want no more."""
        for by, some in _by_observer(machines).items():
            self._all[by].disconnect(some)


def _by_observer(machines: Sequence[Machine]) -> dict[str, list[Machine]]:
    """Whose stream they look at → those machines, in their order."""
    found: dict[str, list[Machine]] = {}
    for machine in machines:
        found.setdefault(machine.by, []).append(machine)
    return found


def _table(
    machines: Sequence[Machine], declared: str, method: str, also: Iterable[str] = ()
) -> tuple[dict[str, tuple[Any, ...]], tuple[Any, ...]]:
    """Name → whom to call for it, in the order of the machines; and whom to call for every other name.

    `also`: names that need an entry although nobody here declares them.
    """
    wanted: dict[str, list[Any]] = {name: [] for name in also}
    for machine in machines:
        for name in getattr(machine, declared) or ():
            wanted.setdefault(name, [])
    everything: list[Any] = []
    for machine in machines:
        names, call = getattr(machine, declared), getattr(machine, method)
        if names is None:
            everything.append(call)
        for calls in wanted.values() if names is None else [wanted[name] for name in dict.fromkeys(names)]:
            calls.append(call)
    return {name: tuple(calls) for name, calls in wanted.items()}, tuple(everything)


def _with(machines: Sequence[Machine], method: str) -> list[Machine]:
    return [machine for machine in machines if overrides(machine, method)]


def overrides(machine: Machine, method: str) -> bool:
    """Whether a machine has something of its own to do there."""
    return getattr(type(machine), method) is not getattr(Machine, method)
