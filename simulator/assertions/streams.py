"""Invariants about several readers of one collection: the same events in the same order, and none lost without a word.

    run's own observer sees E ──► BEHIND ──the other sees E──► matched
                                     └──it sees a later one──► skipped: dropped, or in another order
    the other sees E first ──────► AHEAD ──own observer sees E──► matched
                                     └──a time of grace is over──► nobody else has it, or in another order

What was on its way when a stream was opened or has ended is not held against anybody. Two events may be the same to the
last character (times have a resolution of a second), so which of them was the first on a new stream is not decided when
it comes: it is taken for the earliest that it can be, and what is lacking is counted from the latest that it can be.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import WHOLE_RUN, Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.uploads import GRACE_S
from simulator.assertions.world import World, collection_name
from simulator.events.records import EventRecord, GapRecord, SeenRecord, StreamRecord
from simulator.scenario.model import Listener

ON_ITS_WAY_S: Final = 2.0
"""What is emitted so shortly after a stream was opened, or before it ended, may be seen by one of the readers alone."""

BEFORE_KEPT: Final = 256
"""Events from before a stream was opened that may still be the first ones on it."""

BEHIND_KEPT: Final = 100_000
"""A reader that is further behind is not compared any more."""


class _Slot(NamedTuple):
    """An event of the run's own observer, and what another reader made of it."""

    event: EventRecord
    seen: bool
    excused: bool = False
    """Whoever did not see it need not have."""


class _Ahead:
    """An event that a further observer has seen, and the run's own has not."""

    __slots__ = ("event", "machine", "open", "reader")

    def __init__(self, machine: Readers, reader: _Reader, event: EventRecord) -> None:
        self.machine, self.reader, self.event = machine, reader, event
        self.open = True

    def expire(self, now: float) -> None:
        """The run's own observer does not see it any more."""
        self.open = False
        self.machine.alone(self.reader, self.event, now)


class _Reader:
    """One further observer beside the run's own."""

    __slots__ = (
        "ahead", "before", "behind", "collection", "dropped", "forgiven", "given_up", "is_open", "losses", "name",
        "opened_s", "opening", "paced", "skipped", "synced",
    )  # fmt: skip

    def __init__(self, listener: Listener) -> None:
        self.name, self.collection = listener.name, collection_name(listener.collection)
        self.paced = listener.reads_per_s is not None
        self.before: deque[EventRecord] = deque(maxlen=BEFORE_KEPT)
        self.behind: deque[EventRecord] = deque()
        self.ahead: deque[_Ahead] = deque()
        self.skipped: list[EventRecord] = []
        self.opening: list[_Slot] | None = None
        """What both have seen, or one of them, since its stream was opened; None: how it began is settled."""
        self.is_open = self.synced = self.given_up = False
        self.opened_s = 0.0
        self.dropped = self.forgiven = 0
        self.losses: list[tuple[float, float]] = []
        """When it was blind, but for what the platform said that it dropped."""

    def open(self, now: float) -> None:
        """Its stream is open."""
        self.is_open, self.synced, self.opened_s = True, False, now
        self.opening = []

    def passed(self, event: EventRecord, *, seen: bool) -> None:
        """The next event in the order of the run's own observer: this one saw it too, or a later one without it."""
        if self.opening is not None:
            self.opening.append(_Slot(event, seen))
            if seen and event.rx_s > self.opened_s + ON_ITS_WAY_S:
                self._settle()
        elif not seen:
            self.skipped.append(event)

    def close(self, now: float, on_its_way_s: float) -> None:
        """It sees nothing more: what it has not seen by now is lacking, but for what was on its way."""
        rest = [_Slot(event, seen=False) for event in self.behind]
        self.behind.clear()
        if self.paced:  # it may have had all of that before it, and not have come to read it
            self.forgiven += len(rest)
            rest = []
        if self.opening is None:
            self.opening, self.opened_s = [], -FOREVER
        self.opening += rest
        while not self.paced and self.opening and self.opening[-1].event.rx_s >= now - on_its_way_s:
            self.forgiven += not self.opening.pop().seen
        self._settle()

    def _settle(self) -> None:
        """Its beginning is over: of all that its first events can be, they are the latest."""
        slots, self.opening = self.opening or [], None
        seen = [slot.event for slot in slots if slot.seen]
        lacking: list[EventRecord] = []
        for slot in reversed(slots):
            if seen and _same(seen[-1], slot.event):
                seen.pop()
            elif slot.excused or (not seen and slot.event.rx_s <= self.opened_s + ON_ITS_WAY_S):
                self.forgiven += 1
            else:
                lacking.append(slot.event)
        self.skipped += reversed(lacking)

    def forget(self, event: EventRecord) -> bool:
        """It has seen one after all that it had passed over. Returns: whether it had."""
        for k, slot in enumerate(self.opening or ()):
            if self.opening is not None and not slot.seen and not slot.excused and _same(slot.event, event):
                del self.opening[k]
                return True
        place = next((k for k, other in enumerate(self.skipped) if _same(other, event)), -1)
        if place >= 0:
            del self.skipped[place]
        return place >= 0


class Readers(Machine):
    """Holds every further observer against the run's own."""

    __slots__ = ("_check", "_docket", "_readers", "names")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check = docket, check
        self._readers = {listener.name: _Reader(listener) for listener in world.scenario.observers}
        self.names: tuple[str, ...] | None = None if self._readers else ()
        check.alone = False

    # --- records ------------------------------------------------------------------------------------------------------

    def see(self, event: EventRecord) -> None:
        for reader in self._readers.values():
            if event.collection == reader.collection and not reader.given_up:
                self._own(reader, event)

    def provisioned(self, event: EventRecord) -> None:
        """One from before the first step may be the first that another reader sees."""
        for reader in self._readers.values():
            if event.collection == reader.collection:
                reader.before.append(event)

    def _own(self, reader: _Reader, event: EventRecord) -> None:
        ahead = reader.ahead
        place = next((k for k, one in enumerate(ahead) if _same(one.event, event)), -1)
        if place >= 0:
            for _ in range(place):
                one = ahead.popleft()
                one.open = False
                self.alone(reader, one.event, event.rx_s)
            ahead.popleft().open = False
            self._check.cases += 1
            reader.passed(event, seen=True)
        elif not reader.is_open:
            reader.before.append(event)
        elif ahead:
            reader.passed(event, seen=False)
        else:
            reader.behind.append(event)
            if len(reader.behind) > BEHIND_KEPT:
                reader.given_up = True
                reader.behind.clear()
                self._check.idle = f"{reader.name} was too far behind to be compared to its end"

    def seen(self, record: SeenRecord) -> None:
        reader, event = self._readers.get(record.observer), record.event
        if reader is None or reader.given_up or event.collection != reader.collection:
            return
        if not reader.synced and self._first(reader, event):
            return
        behind = reader.behind
        place = next((k for k, other in enumerate(behind) if _same(other, event)), -1)
        if place >= 0:
            self._check.cases += 1
            for _ in range(place):
                reader.passed(behind.popleft(), seen=False)
            reader.passed(behind.popleft(), seen=True)
            reader.synced = True
        elif event.judged:
            # The run's own observer will see it after all that it has seen by now: this one has passed those over.
            while behind:
                reader.passed(behind.popleft(), seen=False)
            one = _Ahead(self, reader, event)
            reader.ahead.append(one)
            self._docket.deadlines.at(event.rx_s + GRACE_S, one)

    def _first(self, reader: _Reader, event: EventRecord) -> bool:
        """Whether it is one that the run's own observer saw shortly before the stream was known to be open."""
        before = reader.before
        place = next((k for k, other in enumerate(before) if _same(other, event)), -1)
        for k in range(place + 1):
            first = before.popleft()
            if reader.opening is not None:
                reader.opening.append(_Slot(first, seen=k == place, excused=True))
        return place >= 0

    def stream(self, record: StreamRecord) -> None:
        reader = self._readers.get(record.observer)
        if reader is None or record.phase == "refused":
            return
        if record.phase == "opened":
            reader.open(record.t_s)
        elif reader.is_open:
            reader.is_open = False
            reader.close(record.t_s, ON_ITS_WAY_S)

    def lost(self, record: GapRecord) -> None:
        reader = self._readers.get(record.observer)
        if reader is not None:
            reader.dropped += record.dropped
            if not record.dropped:
                reader.losses.append((record.from_s, record.to_s))

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def alone(self, reader: _Reader, event: EventRecord, now: float) -> None:
        """It has seen one that the run's own observer did not see, or saw earlier than it should."""
        for one in [one for one in reader.ahead if one.event is event]:
            reader.ahead.remove(one)
        self._differs(reader, event, now, swapped=reader.forget(event))

    def _differs(self, reader: _Reader, event: EventRecord, now: float, *, swapped: bool) -> None:
        """The two have not seen the same."""

    def _tell(
        self, window: tuple[float, float], now: float, details: tuple[str, ...], reader: _Reader, what: str
    ) -> None:
        lines = (*details, self._docket.sight(reader.name).says())
        self._docket.absent(self._check, "", window, now, lines, what)


class SameForAll(Readers):
    """same-for-all."""

    __slots__ = ()

    def _differs(self, reader: _Reader, event: EventRecord, now: float, *, swapped: bool) -> None:
        if swapped:
            why = "the run's own observer saw it before others that this one has seen already"
            what = f"breaks same-for-all: {reader.name} saw {texts.event(event)} in another order"
        else:
            why = "the run's own observer, who reads the same collection, did not"
            what = f"breaks same-for-all: only {reader.name} saw {texts.event(event)}"
        who = f" of {event.subject}" if event.subject else ""
        details = (f"{reader.name} saw{who}: {texts.sighting(event)}; {why}",)
        self._tell((event.rx_s - GRACE_S, now), now, details, reader, what)


class StreamComplete(Readers):
    """stream-complete. A platform may say only afterwards what it dropped, so this is decided at the end."""

    __slots__ = ()

    def finish(self) -> None:
        for reader in self._readers.values():
            if not reader.given_up:
                self._weigh(reader, self._docket.now_s)

    def _weigh(self, reader: _Reader, now: float) -> None:
        if reader.is_open:
            reader.close(now, GRACE_S)
        missing = [
            event for event in reader.skipped if not any(from_s <= event.rx_s <= to_s for from_s, to_s in reader.losses)
        ]
        unseen = len(reader.skipped) + reader.forgiven
        if len(missing) > reader.dropped:
            first = missing[0]
            lost = texts.counted(len(missing), "event", "events")
            said = f"the platform said that it dropped {reader.dropped}" if reader.dropped else "nothing was said of it"
            who = f" of {first.subject}" if first.subject else ""
            details = (
                f"{reader.name} did not see {lost}, and {said}; the first{who}: {texts.sighting(first)}",
                self._docket.sight(reader.name).says(),
            )
            what = f"breaks stream-complete: {reader.name} lacks {lost}"
            self._docket.fail(self._check, "", now, details, what)
        elif reader.dropped > unseen and not reader.losses:
            told = texts.counted(reader.dropped, "event", "events")
            said = f"the platform said that it dropped {told}; {reader.name} lacks {unseen}"
            what = f"breaks stream-complete: more was said to be dropped for {reader.name} than it lacks"
            window = (0.0, now) if self._docket.cut is not None else (WHOLE_RUN[0], FOREVER)
            self._tell(window, now, (said,), reader, what)


def _same(event: EventRecord, other: EventRecord) -> bool:
    return event.name == other.name and event.subject == other.subject and event.raw == other.raw
