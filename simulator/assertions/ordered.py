"""A step's `expect` list, for each of its subjects and each repetition (scenarios §3, §4).

    act began ──► WATCHING ──act ended──► TIMED ──its events in order──► held
                     └──its events in order──► held          └──within is over──► absent

One case is one list for one subject and one repetition. An event goes to the oldest case of its subject that waits for
it next, so that it satisfies one expectation of a list and no repetition lives on another's events. Entries with an
`of:` make a list of their own for each member of that group, from the first beginning to the last end of a repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Case, Docket
from simulator.assertions.lists import Entry, Pattern, Waiting, story
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Step, Subject


class Ordered(Machine):
    """All lists of one step.

    Args:
        number: index of the step.
        own: the step's subjects.
        all_in_order: an entry counts only when the ones before it were seen by all subjects (scenarios §2, `order`).
    """

    __slots__ = (
        "_acting",
        "_all_in_order",
        "_docket",
        "_ended",
        "_entries",
        "_first_began",
        "_late",
        "_lists",
        "_of",
        "_open",
        "_own",
        "_own_pattern",
        "_patterns",
        "_seen",
        "_step",
        "names",
        "waiting",
    )

    def __init__(
        self,
        docket: Docket,
        number: int,
        step: Step,
        own: Sequence[str],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        all_in_order: bool,
    ) -> None:
        self._docket, self._step, self._own, self._all_in_order = docket, step, frozenset(own), all_in_order
        self._acting = len(own) or len(step.doers)
        """How many acts a repetition has."""
        self._of: dict[str, list[int]] = {}  # others and own subjects that an `of:` names → indices of those entries
        self._entries: list[Entry] = []
        noun = ", ".join(subject.text for subject in step.subjects)
        for index, item in enumerate(step.expect):
            concerned = own if item.of is None else subjects_of(item.of)
            words = f"sees {texts.matcher(item.matcher)} within {texts.span(step.within_s)}"
            check = docket.check(
                f"steps[{number}].expect[{index}]",
                "expectation",
                item.matcher.place,
                words,
                noun if item.of is None else item.of.text,
                len(concerned),
            )
            # In one order over all, and of others, it takes more than the subject itself to see it again.
            check.alone = not all_in_order and (item.of is None or self._own.issuperset(concerned))
            self._entries.append((index, Matcher(item.matcher, aliases), check))
            if item.of is not None:
                for subject in concerned:
                    self._of.setdefault(subject, []).append(index)
        self._own_pattern = tuple(self._entries[i] for i, item in enumerate(step.expect) if item.of is None)
        self._patterns: dict[str, Pattern] = {}
        for subject, indices in self._of.items():
            mine = {i for i, item in enumerate(step.expect) if item.of is None} if subject in self._own else set()
            self._patterns[subject] = tuple(self._entries[i] for i in sorted(mine | set(indices)))
        self.names = tuple(dict.fromkeys(matcher.name for _, matcher, _ in self._entries))
        self._open: dict[str, list[Waiting]] = {}
        self._lists: dict[int, list[Waiting]] = {}  # repetition → lists of subjects that do not act in this step
        self._ended: dict[int, int] = {}
        self._first_began: set[int] = set()
        self._late: dict[str, list[tuple[Case, Matcher]]] = {}
        self._seen: dict[tuple[int, int], int] = {}  # order: all; (repetition, entry) → how many have seen it
        self.waiting = 0
        """Lists that are not decided yet."""

    # --- what happens -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """The step began. Without subjects, such as `wait`, that is all the beginning there is."""
        if not self._own:
            self._begin_others(0, now)

    def began(self, act: ActRecord) -> None:
        """A subject begins: its list is watched from here on."""
        subject = act.subject
        pattern = self._patterns.get(subject, self._own_pattern) if self._of else self._own_pattern
        if pattern and subject in self._own:
            self._watch(subject, act.n, pattern, act.t_s)
        if self._of and act.n not in self._first_began:
            self._begin_others(act.n, act.t_s)

    def ended(self, act: ActRecord) -> None:
        """A subject is done: from here on its list has `within` to be seen."""
        for waiting in self._open.get(act.subject, ()):
            if waiting.n == act.n and waiting.deadline_s == FOREVER and act.subject in self._own:
                self._time(waiting, act.t_s)
        if self._of:
            self._ended[act.n] = done = self._ended.get(act.n, 0) + 1
            if done == self._acting:
                self._end_others(act.n, act.t_s)

    def acted(self, now: float) -> None:
        """All acts of the step have ended."""
        for n in list(self._lists):
            self._end_others(n, now)

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        if subject is None:
            return
        lists = self._open.get(subject)
        if lists is not None:
            name = event.name
            for waiting in lists:
                entry = waiting.pattern[waiting.position]
                if entry[1].name != name:
                    continue
                if entry[1].accepts(event):
                    lacking = self._lacking(waiting.n, entry[0]) if self._all_in_order else None
                    if lacking is None:
                        self._take(waiting, entry, lists, event)
                        return
                    waiting.early = event, lacking
                waiting.near = event
        if subject in self._late:
            self._too_late(subject, event)

    def missed(self, waiting: Waiting, now: float) -> None:
        """The time of a list is over, and it was not seen whole."""
        check = waiting.pattern[waiting.position][2]
        docket = self._docket
        check.cases += 1
        details = self._story(waiting) if docket.explains(check) else ()
        case = docket.absent(check, waiting.subject, (waiting.since_s, waiting.deadline_s), now, details)
        if details:
            matcher = waiting.pattern[waiting.position][1]
            self._late.setdefault(waiting.subject, []).append((case, matcher))
        self._block(waiting)
        self._close(waiting)

    def over(self, now: float) -> None:
        """The run said that the step is decided: what is not seen by now was absent."""
        for lists in list(self._open.values()):
            for waiting in list(lists):
                waiting.deadline_s = min(waiting.deadline_s, now)
                self.missed(waiting, now)

    @property
    def looks_out(self) -> bool:
        """Whether an event that is too late would still make a failure text clearer."""
        return bool(self._late)

    def not_begun(self) -> None:
        """The run ended before this step."""
        for _, _, check in self._entries:
            check.unknown.append(("", "its step did not begin"))

    def finish(self) -> None:
        why = f"not decided when the run ended at {texts.moment(self._docket.now_s)}"
        for lists in list(self._open.values()):
            for waiting in list(lists):
                check = waiting.pattern[waiting.position][2]
                check.unknown.append((waiting.subject, why))
                self._block(waiting)
                self._close(waiting)

    # --- within -------------------------------------------------------------------------------------------------------

    def _watch(self, subject: str, n: int, pattern: Pattern, now: float) -> Waiting:
        waiting = Waiting(self, subject, n, pattern, now)
        recent = self._docket.recent.get(subject)
        if recent:
            waiting.before = recent[-1]
        lists = self._open.get(subject)
        if lists is None:
            self._open[subject] = [waiting]
        else:
            lists.append(waiting)
        self.waiting += 1
        return waiting

    def _time(self, waiting: Waiting, ended_s: float) -> None:
        waiting.act_ended_s = ended_s
        waiting.deadline_s = ended_s + self._step.within_s
        self._docket.deadlines.at(waiting.deadline_s, waiting)

    def _begin_others(self, n: int, now: float) -> None:
        self._first_began.add(n)
        lists = [self._watch(s, n, p, now) for s, p in self._patterns.items() if s not in self._own]
        if lists:
            self._lists[n] = lists

    def _end_others(self, n: int, now: float) -> None:
        for waiting in self._lists.pop(n, ()):
            if waiting.open:
                self._time(waiting, now)

    def _take(self, waiting: Waiting, entry: Entry, lists: list[Waiting], event: EventRecord) -> None:
        entry[2].cases += 1
        waiting.position += 1
        waiting.near, waiting.latest = None, event
        if len(lists) > 1:
            for other in lists:
                other.since_s = min(other.since_s, waiting.since_s)
        if self._all_in_order:
            key = waiting.n, entry[0]
            self._seen[key] = self._seen.get(key, 0) + 1
        if waiting.position == len(waiting.pattern):
            self.waiting -= 1
            if len(lists) == 1:
                del self._open[waiting.subject]
            else:
                lists.remove(waiting)

    def _close(self, waiting: Waiting) -> None:
        waiting.position = len(waiting.pattern)
        self.waiting -= 1
        lists = self._open[waiting.subject]
        lists.remove(waiting)
        if not lists:
            del self._open[waiting.subject]

    def _block(self, waiting: Waiting) -> None:
        for _, _, check in waiting.pattern[waiting.position + 1 :]:
            check.blocked += 1

    def _lacking(self, n: int, index: int) -> Matcher | None:
        """The first entry before this one that not all have seen; None: it is this one's turn."""
        earlier = self._entries[:index]
        return next((wanted for i, wanted, check in earlier if self._seen.get((n, i), 0) < check.population), None)

    def _too_late(self, subject: str, event: EventRecord) -> None:
        left = []
        for case, matcher in self._late[subject]:
            if matcher.name == event.name and matcher.accepts(event):
                case.details = (*case.details, f"seen after that time was over: {texts.sighting(event)}")
            else:
                left.append((case, matcher))
        if left:
            self._late[subject] = left
        else:
            del self._late[subject]

    def _story(self, waiting: Waiting) -> tuple[str, ...]:
        verb = self._step.verb if waiting.subject in self._own else "the step"
        seen = self._docket.recent.get(waiting.subject, ())
        instead = self._instead(waiting)
        return (*story(waiting, verb, self._step.within_s, seen, instead), self._docket.says(waiting.subject))

    def _instead(self, waiting: Waiting) -> str:
        """Of whom else the event was seen meanwhile, and how to ask for that; "": of nobody who did nothing himself."""
        wanted, docket = waiting.pattern[waiting.position][1], self._docket
        for subject, events in docket.recent.items():
            act = docket.acts.get(subject)
            busy = act is not None and (act.phase == "began" or act.t_s > waiting.began_s)
            if busy or subject in self._own or subject in self._of:
                continue
            for event in reversed(events):
                if event.rx_s >= waiting.since_s and event.name == wanted.name and wanted.accepts(event):
                    data = "{…}" if wanted.source.conditions else "{}"
                    whom = subject if len(self._own) == 1 else subject.rpartition(".")[0] or subject
                    seen = f"it was seen of {subject} at {texts.moment(event.rx_s)}"
                    return f"{seen}; write {{{wanted.name}: {data}, of: {whom}}}"
        return ""
