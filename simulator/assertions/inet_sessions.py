"""Which sessions over the Internet are open, as far as the platform tells: the books of those who judge them.

The platform alone tells how many sessions a device has. When several are open, nobody knows which of them a message
came in by, so only what holds of all of them is held against it. They are the embedded server's (how long a session may
be silent is a choice), and they do not survive a restart of it. Of a device that is moved the books are closed: its
events come in two streams then, and nothing orders one after the other.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord

TRAFFIC: Final = ("upstreamMessage", "downstreamMessage")
"""Events that show that something came in by a session."""


class Open(NamedTuple):
    """A session, and the latest that is known of it: run time, and the platform's own time in Unix seconds."""

    began_s: float
    rx_s: float
    unix_s: int


class Sessions(Machine):
    """Keeps the books."""

    __slots__ = ("_check", "_docket", "_moved", "_open", "_world", "names", "verbs")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self.names: tuple[str, ...] = ("clientConnected", "clientDisconnected", *TRAFFIC) if world.internet else ()
        self.verbs: tuple[str, ...] | None = None if world.internet else ()
        self._open: dict[str, list[Open]] = {}
        self._moved: set[str] = set()

    def _counts(self, event: EventRecord) -> bool:
        world = self._world
        known = world.embedded and world.known.all_acts and world.is_inet(event.subject)
        return known and event.subject not in self._moved

    def _moves(self, act: ActRecord) -> bool:
        """Whether an act that begins is a move; the books of its device are closed then."""
        if act.verb != "move":
            return False
        self._moved.add(act.subject)
        self._open.pop(act.subject, None)
        return True

    def _enter(self, event: EventRecord) -> None:
        """Write down what an event of one of the devices says of its sessions."""
        subject = event.subject or ""
        sessions = self._open.setdefault(subject, [])
        if event.name == "clientConnected":
            sessions.append(Open(event.rx_s, event.rx_s, event.unix_s))
        elif event.name == "clientDisconnected":
            if sessions:  # the one that would be missed least: what is left may have been silent for longest
                sessions.remove(max(sessions, key=lambda one: one.rx_s))
        elif len(sessions) == 1:
            sessions[0] = Open(sessions[0].began_s, event.rx_s, event.unix_s)
