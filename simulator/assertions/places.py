"""Invariants about who an event is of and in which collection it shows.

Two collections have two streams, and nothing orders one after the other. So each rule holds an event only against what
the same stream carried before it, or against what the scenario has asked for by then.
"""

from __future__ import annotations

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.rule import Rule
from simulator.assertions.world import World, collection_name
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Move


def _text(event: EventRecord, key: str) -> str:
    """A field of the object; "" if it is not there, or no text, as only a damaged journal can have it."""
    value = event.raw.get(key)
    return value if isinstance(value, str) else ""


class _Rule(Rule):
    """These hold every event, whatever its name."""

    __slots__ = ()

    names: tuple[str, ...] | None = None


class Owners(_Rule):
    """known-owner."""

    __slots__ = ()
    strays_only = True

    def see(self, event: EventRecord) -> None:
        if event.subject is None and event.sys == "span":
            owner = event.raw.get("deviceId")
            if owner is not None:
                self._fail(event, f"device {texts.shown(str(owner))} is none of this run")


class Silent(_Rule):
    """silent-after-removal. By the platform's id: a device that is created anew has another one.

    As long as nothing was removed, nothing but a removal can matter.
    """

    __slots__ = ("_removed", "names")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._removed: dict[str, EventRecord] = {}
        self.names = ("deviceRemoved",)

    def see(self, event: EventRecord) -> None:
        removed, device = self._removed, _text(event, "deviceId")
        before = removed.get(device)
        if before is not None and before.collection == event.collection:
            self._fail(event, f"removed at {texts.moment(before.rx_s)}")
        elif event.name == "deviceRemoved" and device:
            self._check.cases += 1
            removed[device] = event
            if self.names is not None:
                self.names = None
                self._docket.rewire()


class Moved(_Rule):
    """gone-after-move. As long as nobody has moved, nothing but a move can matter."""

    __slots__ = ("_left", "names")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._left: dict[tuple[str, str], EventRecord] = {}
        self.names = ("deviceMoved",)

    def see(self, event: EventRecord) -> None:
        moves = event.name == "deviceMoved"
        here = _text(event, "collectionId")
        key = _text(event, "deviceId"), here
        if moves and "to" in event.data:
            self._check.cases += 1
            if event.data["to"] == here:
                self._left.pop(key, None)
                return
            before = self._left.get(key)
            if before is None:
                self._left[key] = event
                if self.names is not None:
                    self.names = None
                    self._docket.rewire()
                return
        else:
            before = self._left.get(key)
        if before is not None:
            self._remains(event, before.rx_s)

    def _remains(self, event: EventRecord, left_s: float) -> None:
        """What holds against it is that no event told of its return."""
        docket, check = self._docket, self._check
        why = f"it left this collection at {texts.moment(left_s)}"
        details = (f"seen: {texts.sighting(event)}; {why}",) if docket.explains(check) else ()
        what = f"breaks {check.name.removeprefix('invariant.')}: {texts.event(event)}"
        docket.absent(check, event.subject or "", (left_s, event.rx_s), event.rx_s, details, what)


class RightCollection(_Rule):
    """right-collection."""

    __slots__ = ("_allowed",)
    verbs = ("move",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._allowed: dict[str, set[str | None]] = {}

    def began(self, act: ActRecord) -> None:
        what = self._world.act(act.step)
        if isinstance(what, Move):
            self._homes(act.subject).add(collection_name(what.to))

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        collection = event.collection
        if collection in self._allowed.get(subject, ()):  # type: ignore[arg-type]  # None is nobody's name
            return
        if subject is None or event.sys != "span":
            return
        homes = self._homes(subject)
        if collection not in homes and homes and collection_name(collection) not in homes:
            where = texts.shown(collection or str(event.raw.get("collectionId")))
            self._fail(event, f"in collection {where}, but it lives in {' or '.join(sorted(map(str, homes)))}")

    def _homes(self, subject: str) -> set[str | None]:
        """Where it may show; empty: it is nobody whose place is known."""
        homes = self._allowed.get(subject)
        if homes is None:
            group = self._world.group_of.get(subject)
            self._allowed[subject] = homes = set() if group is None else {collection_name(group.collection)}
        return homes


class MovedBetween(_Rule):
    """moved-between. The keys of deviceMoved are the embedded server's choice, so only it is held to them.

    Moves of one device that overlap have no order: then it may have come from any of the places.
    """

    __slots__ = ("_at", "_before", "_mixed", "_moves", "_under_way")

    names = ("deviceMoved",)
    verbs = ("move",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self._moves: dict[str, set[tuple[str | None, str | None]]] = {}
        """From where to where each device may have been moved by now."""
        self._at: dict[str, set[str | None]] = {}
        """Where it may be."""
        self._before: dict[str, set[str | None]] = {}
        """Where it may have been when the moves that are under way began."""
        self._under_way: dict[str, int] = {}
        self._mixed: set[str] = set()
        """Whose moves under way overlap."""

    def began(self, act: ActRecord) -> None:
        subject, what = act.subject, self._world.act(act.step)
        group = self._world.group_of.get(subject)
        if group is None or not isinstance(what, Move):
            return
        at = self._at.setdefault(subject, {collection_name(group.collection)})
        count = self._under_way[subject] = self._under_way.get(subject, 0) + 1
        if count == 1:
            self._before[subject] = set(at)
        moves = self._moves.setdefault(subject, set())
        at.add(collection_name(what.to))
        if count == 1:
            moves.update((old, collection_name(what.to)) for old in self._before[subject])
        else:
            self._mixed.add(subject)
            moves.update((old, new) for old in at for new in at)

    def ended(self, act: ActRecord) -> None:
        subject, what = act.subject, self._world.act(act.step)
        count = self._under_way.get(subject, 0)
        if not count or not isinstance(what, Move):
            return
        self._under_way[subject] = count - 1
        if count > 1 or subject in self._mixed:
            if count == 1:
                self._mixed.discard(subject)
        elif act.outcome == "ok":
            self._at[subject] = {collection_name(what.to)}
        elif act.outcome == "rejected":
            self._at[subject] = self._before[subject]

    def see(self, event: EventRecord) -> None:
        old, new, here = event.data.get("from"), event.data.get("to"), _text(event, "collectionId")
        if not self._world.embedded or not old or not new:
            return
        self._check.cases += 1
        if old == new:
            self._fail(event, "it comes from where it goes to")
        elif here not in (old, new):
            self._fail(event, f"it is shown in {texts.shown(here)}, which is neither")
        else:
            self._follows(event, old, new)

    def _follows(self, event: EventRecord, old: str, new: str) -> None:
        """It tells of a move that somebody has asked for."""
        moves, aliases = self._moves.get(event.subject or ""), self._world.aliases
        if not moves or not self._world.known.all_acts or not aliases:
            return  # act-once speaks of moves that nobody asked for
        if (aliases.get(old), aliases.get(new)) not in moves:
            ways = ", ".join(sorted(f"from {old} to {new}" for old, new in moves))
            self._fail(event, f"it was moved {ways}")
