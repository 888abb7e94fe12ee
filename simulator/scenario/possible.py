"""Whether those who are named can ever show the event that is asked of them (span §3.3, §3.4).

`never: [{clientConnected: {id: ip}}]` of Internet devices would hold for ever, and prove nothing: whoever shows a
certificate is told by it. So values that cannot be there are refused in every form. An event that the whole network
never shows is refused only where it must come: that it must not come is a promise about platforms that mix devices up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from simulator.scenario.model import (
    HELD,
    AfterAct,
    Condition,
    Counted,
    EventMatcher,
    Exactly,
    Group,
    InSequence,
    MoveSim,
    NeverSeen,
    PlatformOptions,
    Step,
    Subject,
    SwapSims,
    Update,
    WholeRun,
)
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown
from simulator.words import DATA_WORDS

UNSPECIFIED: Final = "unspecified"
"""What a platform may say of any transport (span §3.3)."""

MESSAGES: Final = ("upstreamMessage", "downstreamMessage")

NETWORK_EVENTS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "inet": (
        ("ciotConnect", "imeiMismatch", "imsiMismatch"),
        "who is on the Internet logs in to no mobile network; clientConnected tells that a session has begun",
    ),
    "ciot": (
        ("clientDisconnected",),
        "only a session of an Internet device (network: inet) has an end that is told",
    ),
}
"""By network: events that its devices never show, and why."""

IDS: Final = {"inet": "certificate", "ciot": "ip"}
"""By network: what clientConnected tells a device by."""

Asked = tuple[EventMatcher, Sequence[Subject], bool]
"""An event, who is named, and whether it must come."""


def check_possible(
    reading: Reading, steps: Sequence[Step], expect: Sequence[WholeRun], options: PlatformOptions
) -> None:
    """Note what nobody of those who are named can ever show. What could not be read is not judged by its defaults."""
    if reading.flawed or reading.groups_unread:
        return
    able = Able(reading.groups, steps, options)
    told: set[EventMatcher] = set()  # the steps of a repeated block share their matchers
    for matcher, whom, must in _asked(steps, expect):
        if matcher not in told and (found := able.problem(matcher, whom, must=must)) is not None:
            reading.problems.add(found[0], matcher.place, found[1])
            told.add(matcher)


class Able:
    """What the devices of a scenario can show at most."""

    def __init__(self, groups: Mapping[str, Group], steps: Sequence[Step], options: PlatformOptions) -> None:
        self._groups = groups
        self._kin = _kin(groups, steps)
        self._told_as = options.transport_compat

    def problem(self, matcher: EventMatcher, whom: Sequence[Subject], *, must: bool) -> tuple[str, str] | None:
        """What is wrong with asking for this event of these devices, and what to do; None: one of them may show it.

        `must`: the event has to come.
        """
        groups = [self._groups[name] for name in dict.fromkeys(subject.group for subject in whom)]
        if not groups:
            return None
        who = ", ".join(subject.text for subject in whom[:3]) + (", …" if len(whom) > 3 else "")
        if must and all(matcher.name in NETWORK_EVENTS.get(group.network, ((), ""))[0] for group in groups):
            return f"no {matcher.name} ever comes of {who}", NETWORK_EVENTS[groups[0].network][1]
        for key, asked in matcher.conditions:
            known = dict.fromkeys(value for group in groups for value in self._values(group, matcher.name, key))
            if known and not any(_holds(asked, value) for value in known) and not _misspelt(asked, DATA_WORDS[key]):
                return f"no {matcher.name} of {who} ever has {key} {_words(asked)}", self._hint(tuple(known))
        return None

    def _hint(self, known: Sequence[str]) -> str:
        if known == (self._told_as,):
            return f"it is {self._told_as}, as transport_compat of platform says"
        return f"it is {' or '.join(value for value in known if value != UNSPECIFIED)}"

    def _values(self, group: Group, event: str, key: str) -> tuple[str, ...]:
        """All that this key can hold in such an event of such a device; empty: not known."""
        if event == "clientConnected" and key == "id" and group.network in IDS:
            return (IDS[group.network],)
        if event not in MESSAGES or key != "transport":
            return ()
        if group.network == "inet" and self._told_as:
            return (self._told_as,)
        spoken = dict.fromkeys(
            other.transport for other in self._groups.values() if other.name in self._kin[group.name]
        )
        return (*spoken, UNSPECIFIED)


def _kin(groups: Mapping[str, Group], steps: Sequence[Step]) -> dict[str, set[str]]:
    """Group → itself and all whose devices may be taken for its own; rather too many than too few."""
    kin = {name: {name} for name in groups}
    for group in groups.values():
        if group.certificate.of is not None:  # never the other way round: the owner shows its own certificate
            kin[group.certificate.of.group].add(group.name)
    mobile = [name for name, group in groups.items() if group.network == "ciot"]
    for pair in _mobile_pairs(groups, steps, mobile):
        whole = set[str]().union(*(kin[name] for name in pair))
        for name in whole:
            kin[name] = whole
    return kin


def _mobile_pairs(groups: Mapping[str, Group], steps: Sequence[Step], mobile: Sequence[str]) -> Iterator[Sequence[str]]:
    """Groups whose devices may come to hold each other's cards, or show each other's numbers."""
    for group in groups.values():
        for model in (group.sim.of, group.modem.clone_of):
            if model is not None:
                yield group.name, model.group
        if group.registered_as:  # whose numbers these are is known only when all are dealt
            yield mobile
    for step in steps:
        match step.act:
            case MoveSim(to=other) | SwapSims(other=other):
                yield other.group, *(subject.group for subject in step.subjects)
            case Update(imsi=imsi, imei=imei) if {imsi, imei} - {None, "", HELD}:
                yield mobile


def _holds(asked: Condition, value: str) -> bool:
    match asked.op:
        case "equals":
            return value == asked.value
        case "one_of":
            return value in asked.values
        case "not":
            return value != asked.value
        case "matches":
            return asked.pattern is None or asked.pattern.search(value) is not None
        case _:  # there, whatever it is; numbers are not compared with words, which is told elsewhere
            return True


def _misspelt(asked: Condition, words: Sequence[str]) -> bool:
    """Whether it names what is no word of that kind at all, which is told elsewhere."""
    if asked.op == "matches":
        return not any(_holds(asked, word) for word in words)
    return not {asked.value, *asked.values} - {""} <= set(words)


def _words(asked: Condition) -> str:
    if asked.op == "one_of":
        return " or ".join(map(shown, asked.values))
    return f"{'' if asked.op == 'equals' else f'{asked.op} '}{shown(asked.value)}"


# --- who is asked for what --------------------------------------------------------------------------------------------


def _asked(steps: Sequence[Step], expect: Sequence[WholeRun]) -> Iterator[Asked]:
    """All events of all forms that name somebody."""
    acting: dict[str, list[Subject]] = {}
    for step in steps:
        if step.name:
            acting.setdefault(step.name, []).extend(step.subjects)
        for entry in step.expect:
            yield entry.matcher, step.subjects if entry.of is None else (entry.of,), True
        yield from ((matcher, step.subjects, False) for matcher in step.never)
    for form in (*(form for step in steps for form in step.forms), *expect):
        yield from _of_form(form, acting)


def _of_form(form: WholeRun, acting: Mapping[str, Sequence[Subject]]) -> Iterable[Asked]:
    match form:
        case Counted():
            must = form.quantifier != "none" and bool(form.at_least)
            return ((form.matcher, (form.subject,), must),)
        case NeverSeen():
            return ((matcher, () if form.of is None else (form.of,), False) for matcher in form.matchers)
        case InSequence() | Exactly():
            return ((matcher, (form.subject,), True) for matcher in form.matchers)
        case AfterAct():
            return ((form.matcher, acting.get(form.act, ()) if form.of is None else (form.of,), True),)
        case _:
            return ()
