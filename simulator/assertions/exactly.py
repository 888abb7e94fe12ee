"""`{exactly: [E1, E2], each: G}`: each member sees these and no others, in this order (scenarios §4).

What is seen must fit into the list in its order. What does not fit was there and must not be; what the list has
between two events that were seen is absent. Where an event could stand for several entries, the earliest is taken;
since another choice might put what is absent elsewhere, its window reaches back to the last event that had one place.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Matcher
from simulator.assertions.world import World
from simulator.events.records import EventRecord
from simulator.scenario.model import Exactly


class _Member:
    """One of them: how far it is, and since when an entry may have been missed."""

    __slots__ = ("absent", "condemned", "position", "since_s")

    def __init__(self) -> None:
        self.position = 0
        self.since_s: float | None = None
        """None: since the beginning."""
        self.absent = False
        """Something was found to be absent; only what must not be there is looked for from here on."""
        self.condemned = False
        """Something was there that must not be: nothing can be added to that."""


class ExactlyThese(Form):
    """Follows each member through the list."""

    __slots__ = ("_members", "_pattern", "_reached")

    names = None

    def __init__(self, docket: Docket, frame: Frame, what: Exactly, members: Sequence[str], world: World) -> None:
        super().__init__(docket, frame, what.by)
        self._pattern = tuple(Matcher(matcher, world.aliases) for matcher in what.matchers)
        self._members = {member: _Member() for member in members}
        self._reached = [0] * len(self._pattern) if world.scenario.all_in_order else []
        listed = ", ".join(texts.matcher(matcher) for matcher in what.matchers) or "nothing at all"
        words = f"sees exactly {listed}" if what.matchers else "sees nothing at all"
        self._check = self._promise(what.place, words, what.subject.text, len(self._members))
        self._check.alone = not self._reached

    def see(self, event: EventRecord) -> None:
        member = self._members.get(event.subject)  # type: ignore[arg-type]  # None is nobody's name
        if member is None or self._over or member.condemned:
            return
        pattern, position = self._pattern, member.position
        found = self._place(event, position)
        if found < 0:
            self._too_much(member, event)
            return
        if found > position:
            self._lacks(member, event, event.rx_s)
        elif self._reached and found and self._reached[found - 1] < len(self._members):
            self._out_of_turn(member, event, found)
        if self._reached:
            self._reached[found] += 1
        member.position = found + 1
        if all(later.name != event.name or not later.accepts(event) for later in pattern[found + 1 :]):
            member.since_s = event.rx_s

    def _place(self, event: EventRecord, position: int) -> int:
        """The first entry from there on that it can stand for; -1: none."""
        pattern = self._pattern
        for index in range(position, len(pattern)):
            if pattern[index].name == event.name and pattern[index].accepts(event):
                return index
        return -1

    def _too_much(self, member: _Member, event: EventRecord) -> None:
        docket, check = self._docket, self._check
        member.condemned = True
        subject = event.subject or ""
        details: tuple[str, ...] = ()
        if docket.explains(check):
            details = (
                f"seen: {texts.sighting(event)}, {self._why_not(member, event)}; {self._progress(member)}",
                *self._says(subject),
            )
        docket.fail(check, subject, event.rx_s, details)
        docket.convicted = event

    def _why_not(self, member: _Member, event: EventRecord) -> str:
        if self._place(event, 0) >= 0:
            return "once more than the list has it, or after what the list puts behind it"
        left = self._pattern[member.position :]
        wanted = next((matcher for matcher in left if matcher.name == event.name), None)
        return texts.difference(wanted, event) if wanted is not None else "which is not in the list"

    def _lacks(self, member: _Member, event: EventRecord | None, now: float) -> None:
        """The next entry was not seen before an event, or at all."""
        if member.absent or member.condemned:
            return
        member.absent = True
        wanted = self._pattern[member.position]
        since_s = self.began_s if member.since_s is None else member.since_s
        docket, check = self._docket, self._check
        subject = self._name_of(member)
        details: tuple[str, ...] = ()
        if docket.explains(check):
            best = event if event is not None else texts.nearest(wanted, self._seen(subject))
            why = "it stands for another entry of the list"
            near = texts.nearest_words(wanted, best, subject, why)
            details = (
                f"lacks {texts.matcher(wanted.source)} {self._waited}; {self._progress(member)}; {near}",
                *self._says(subject),
            )
        docket.absent(check, subject, (since_s, self.until_s if event is None else event.rx_s), now, details)

    def _out_of_turn(self, member: _Member, event: EventRecord, found: int) -> None:
        """One order over all: somebody else has not seen yet what stands before it."""
        if member.absent:
            return
        member.absent = True
        before = texts.matcher(self._pattern[found - 1].source)
        details = (
            f"seen: {texts.sighting(event)}, and not all had seen {before} by then",
            *self._says(event.subject or ""),
        )
        self._docket.absent(self._check, event.subject or "", (self.began_s, event.rx_s), event.rx_s, details)

    def _progress(self, member: _Member) -> str:
        return f"{member.position} of {texts.counted(len(self._pattern), 'entry', 'entries')} by then"

    def _name_of(self, member: _Member) -> str:
        return next(name for name, other in self._members.items() if other is member)

    def _decide(self, now: float) -> None:
        self._check.cases += len(self._members)
        for member in self._members.values():
            if member.position < len(self._pattern):
                self._lacks(member, None, now)
        if self._members:
            self._check.quiet.append(self._window)
