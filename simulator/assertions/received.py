"""Invariant: what a device received was shown as handed to it (span §3.4, §4.4).

Not of plain UDP: a datagram may be copied by the network, and nothing tells the copy from a second message.
"""

from __future__ import annotations

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.world import RESERVED_PATHS, World
from simulator.events.records import EventRecord, ReceivedRecord
from simulator.scenario.model import Poll, Upload


class _Heard:
    """A payload that arrived at a device before anything was shown of it."""

    __slots__ = ("machine", "open", "record")

    def __init__(self, machine: ReceivedShown, record: ReceivedRecord) -> None:
        self.machine, self.record, self.open = machine, record, True

    def expire(self, now: float) -> None:
        """Nothing will be shown any more."""
        self.machine.missed(self, now)


class ReceivedShown(Machine):
    """received-shown."""

    __slots__ = ("_check", "_docket", "_heard", "_shown", "_world", "names")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._shown: dict[tuple[str, str], int] = {}  # by device and size
        self._heard: dict[tuple[str, str], list[_Heard]] = {}
        self.names: tuple[str, ...] = ("downstreamMessage",)
        for step in world.scenario.steps:  # what those answer is no downstream message
            if isinstance(step.act, Upload | Poll) and step.act.path.strip("/") in RESERVED_PATHS:
                self.names = ()
                check.idle = "not judged: some of what the devices receive is no downstream message"

    def see(self, event: EventRecord) -> None:
        subject, size = self._world.family(event.subject or ""), event.data.get("bytes")
        key = subject, size or ""
        heard = self._heard.get(key)
        if size is None:  # a platform need not say it (span §3.4): then it may be of any
            heard = next((h for (whose, _), h in self._heard.items() if whose == subject), None)
        if heard:
            first = heard[0]
            self._forget(first)
            self._check.cases += 1
        else:
            self._shown[key] = self._shown.get(key, 0) + 1

    def received(self, record: ReceivedRecord) -> None:
        """A device received a payload."""
        group = self._world.group_of.get(record.subject)
        if not self.names or record.transport == "udp" or group is None or group.stack != "own":
            return
        key = self._key(record)
        for shown in (key, (key[0], "")):
            if self._shown.get(shown, 0):
                self._shown[shown] -= 1
                self._check.cases += 1
                return
        heard = _Heard(self, record)
        self._heard.setdefault(key, []).append(heard)
        self._docket.deadlines.at(record.t_s + GRACE_S, heard)

    def _key(self, record: ReceivedRecord) -> tuple[str, str]:
        """It may have been taken for one of its kin."""
        return self._world.family(record.subject), str(len(record.hex) // 2)

    def missed(self, heard: _Heard, now: float) -> None:
        """A payload was received, and no event tells of it."""
        record = heard.record
        key = self._key(record)
        self._forget(heard)
        docket, check = self._docket, self._check
        details: tuple[str, ...] = ()
        if docket.explains(check):
            got = f"it received {key[1]} bytes at {texts.moment(record.t_s)}"
            waited = f"no downstreamMessage of that size by {texts.moment(now)}"
            details = (f"{got}; {waited} that is not another's", docket.says(record.subject))
        what = "breaks received-shown: a downstream message never shows"
        docket.absent(check, record.subject, (0.0, now), now, details, what)

    def _forget(self, heard: _Heard) -> None:
        """It is decided. Only those that wait are kept."""
        heard.open = False
        key = self._key(heard.record)
        waiting = self._heard[key]
        waiting.remove(heard)
        if not waiting:
            del self._heard[key]
