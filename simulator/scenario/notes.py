"""What a correct scenario may not mean the way it is written: for the reader of `check`, and never an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator.errors import Place
from simulator.scenario.groups import RAW
from simulator.scenario.model import (
    HOME,
    AfterAct,
    Connect,
    Counted,
    Create,
    DroppedFor,
    EventMatcher,
    Exactly,
    InSequence,
    LatencyOf,
    Move,
    NeverSeen,
    Poll,
    PowerOn,
    RateOf,
    Reboot,
    Roam,
    Scenario,
    SetClock,
    StateOf,
    SwitchProfile,
    Upload,
    WholeRun,
)
from simulator.scenario.quantities import in_units
from simulator.scenario.states import kind_of
from simulator.words import DEFAULT_COLLECTION, EMITTED, EVENTS

ISSUED = ("own", "expired", "early", "gateway")
"""Certificates that the platform makes when the device is created."""
SERVER_VALID_S = 825 * 86_400.0
BACKDATED_S = 86_400.0
"""How long the certificate of the reference server is valid, and since how long before it was made."""
CONNECTS = (Connect, Upload, Poll, PowerOn, Reboot)


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One remark. As text it is `FILE:LINE:COLUMN: note: …`."""

    at: Place
    text: str

    def __str__(self) -> str:
        return f"{self.at}: note: {self.text}"


def notes_of(scenarios: Sequence[Scenario]) -> tuple[Note, ...]:
    """All remarks about what a file holds, in its order, each of them once: the cases of a file share its lines.

    What a case does not use another one may.
    """
    unused = [{*_unused(scenario), *_unused_operators(scenario)} for scenario in scenarios]
    found = {note for scenario in scenarios for note in notes(scenario)}
    return tuple(sorted(found.union(set.intersection(*unused) if unused else ())))


def notes(scenario: Scenario) -> tuple[Note, ...]:
    """All remarks about a scenario, in the order of the file; of a case none about what is not used."""
    found = [
        *_rates_of_udp(scenario),
        *_never_emitted(scenario),
        *_unknown_data(scenario),
        *_unknown_fields(scenario),
        *_deaf_observers(scenario),
        *_read_only(scenario),
        *_rolled_back(scenario),
        *_without_certificate(scenario),
        *_harmless_clocks(scenario),
    ]
    if not scenario.case:
        found += [*_unused(scenario), *_unused_operators(scenario)]
    return tuple(sorted(set(found)))


def _rates_of_udp(scenario: Scenario) -> Iterator[Note]:
    """Nothing answers plain UDP or raw DTLS, so the share of uploads that came to ok says only that they were sent
    (scenarios §3)."""
    transports = {group.name: group.transport for group in scenario.groups}
    for asked in scenario.expect:
        if not isinstance(asked, RateOf):
            continue
        deaf = {
            subject.group: None
            for step in scenario.steps
            if isinstance(step.act, Upload) and asked.verb in (step.verb, step.name)
            for subject in step.subjects
            if transports[subject.group] in RAW
        }
        if deaf:
            who = ", ".join(deaf)
            called = " and ".join(raw.called for name, raw in RAW.items() if name in {transports[g] for g in deaf})
            yield Note(
                asked.place,
                f"for {called} ok means sent, so this rate says nothing about what arrived from {who};"
                f" {{each: {next(iter(deaf))}, sees: upstreamMessage, at_least: N}} does",
            )


def _never_emitted(scenario: Scenario) -> Iterator[Note]:
    """Who waits for what cannot come, waits in vain. That it must not come may be meant for a real platform."""
    for matcher in _matchers(scenario, forbidden=False):
        if matcher.name not in EMITTED:
            yield Note(matcher.place, f"the embedded server does not emit {matcher.name} yet; a real platform may")


def _unknown_data(scenario: Scenario) -> Iterator[Note]:
    """A key that no platform is known to send makes a matcher that matches nothing, unless it does send it."""
    for matcher in _matchers(scenario):
        for key, _ in matcher.conditions:
            if key not in EVENTS[matcher.name].data:
                known = ", ".join(EVENTS[matcher.name].data) or "nothing"
                yield Note(
                    matcher.place,
                    f"{matcher.name} is not known to have '{key}' in its data (known: {known});"
                    " without it no such event can match",
                )


def _unknown_fields(scenario: Scenario) -> Iterator[Note]:
    """As with data: a field of a device that is not there fails, whatever is asked of it."""
    for asked in _asked(scenario):
        if isinstance(asked, StateOf):
            for path, _ in asked.where:
                if kind_of(path) is None:
                    yield Note(asked.place, f"devices are not known to have '{path}'; where it is missing, this fails")


def _deaf_observers(scenario: Scenario) -> Iterator[Note]:
    """Events go to the stream of the collection that the device lives in, and to no other."""
    listening = {observer.name: observer.collection for observer in scenario.observers}
    lives = {group.name: group.collection for group in scenario.groups}
    moved = {subject.group for step in scenario.steps if isinstance(step.act, Move) for subject in step.subjects}
    for asked in _asked(scenario):
        if not isinstance(asked, Counted | InSequence | Exactly) or not asked.by or asked.subject.group in moved:
            continue
        if isinstance(asked, Counted) and asked.quantifier == "none":
            continue  # that it hears nothing is the point
        heard, home = listening[asked.by], lives[asked.subject.group]
        if heard != home:
            yield Note(
                asked.place,
                f"{asked.by} listens to the collection {_collection(heard)}, and {asked.subject.group} lives in"
                f" {_collection(home)}: it should hear nothing of it",
            )


def _read_only(scenario: Scenario) -> Iterator[Note]:
    """What a token is not good for is refused (span §2.1), and an act that should be ok fails then."""
    tokens = {token.name: token for token in scenario.tokens}
    for step in scenario.steps:
        token = tokens.get(step.token)
        if token is None or step.outcome != "ok" or (token.known and token.write):
            continue
        why = "may only read" if token.known else "is not known to the platform"
        yield Note(step.place, f"the token {token.name} {why}; outcome: rejected says that this is meant")


def _unused(scenario: Scenario) -> Iterator[Note]:
    """What is declared and never asked."""
    heard = {asked.observer if isinstance(asked, DroppedFor) else _by(asked) for asked in _asked(scenario)}
    named = {name for step in scenario.steps for name in step.doers}
    for observer in scenario.observers:
        if observer.name not in heard and observer.name not in named:
            yield Note(observer.place, f"nothing says by: {observer.name}, so what this observer sees is not judged")
    shown = {step.token for step in scenario.steps} | {observer.token for observer in scenario.observers}
    for token in scenario.tokens:
        if token.name not in shown and token.name not in named:
            yield Note(token.place, f"nobody shows the token {token.name}")


def _unused_operators(scenario: Scenario) -> Iterator[Note]:
    """A network that nobody is ever in. `home` is where everybody begins."""
    used = {group.operator for group in scenario.groups if group.network == "ciot"}
    used |= {step.act.operator for step in scenario.steps if isinstance(step.act, Roam) and step.act.operator}
    for operator in scenario.operators:
        if operator.name not in used and (operator.name != HOME.name or operator.place != HOME.place):
            text = f"no group begins in the network {operator.name}, and no step lets anybody roam there"
            yield Note(operator.place, text)


def _rolled_back(scenario: Scenario) -> Iterator[Note]:
    """With a rollback the act comes to what the attach with the old profile comes to."""
    for step in scenario.steps:
        if isinstance(step.act, SwitchProfile) and step.act.rollback_s is not None and step.outcome == "rejected":
            yield Note(
                step.place,
                "with a rollback, the outcome is that of the attach with the old profile; expect: [imsiMismatch] tells"
                " that the new one was refused",
            )


def _without_certificate(scenario: Scenario) -> Iterator[Note]:
    """A certificate is issued for a device that the platform knows."""
    created = {one.group for step in scenario.steps if isinstance(step.act, Create) for one in step.subjects}
    silent = {
        group.name: group
        for group in scenario.groups
        if group.network == "inet" and group.certificate.kind in ISSUED
        if not group.registered and group.name not in created
    }
    for step in scenario.steps:
        if not isinstance(step.act, CONNECTS) or step.outcome != "ok":
            continue
        for subject in step.subjects:
            if subject.group in silent:
                text = f"{subject.group} is never created, so the platform gives it no certificate to connect with"
                yield Note(subject.place, f"{text}; outcome: failed says that this is meant")


def _harmless_clocks(scenario: Scenario) -> Iterator[Note]:
    """A device holds its clock against the platform's certificate, and nothing else."""
    set_to = [(group.place, group.clock) for group in scenario.groups]
    set_to += [(step.place, step.act.clock) for step in scenario.steps if isinstance(step.act, SetClock)]
    for place, clock in set_to:
        if clock.kind != "off" or not -BACKDATED_S < clock.offset_s < SERVER_VALID_S:
            continue
        way = "fast" if clock.offset_s > 0 else "slow"
        since = "for 825 days" if way == "fast" else "from the day before it was made"
        off = in_units(abs(clock.offset_s), "duration")
        yield Note(place, f"a clock that is {off} {way} changes nothing: the platform's certificate is valid {since}")


# --- what the remarks are about ---------------------------------------------------------------------------------------


def _asked(scenario: Scenario) -> Iterator[WholeRun]:
    """Every form, of the steps and of the whole run."""
    for step in scenario.steps:
        yield from step.forms
    yield from scenario.expect


def _by(asked: WholeRun) -> str:
    return asked.by if isinstance(asked, Counted | NeverSeen | InSequence | Exactly) else ""


def _collection(name: str) -> str:
    return f"'{name or DEFAULT_COLLECTION}'"


def _matchers(scenario: Scenario, *, forbidden: bool = True) -> Iterator[EventMatcher]:
    """Every event that the file speaks of; `forbidden`: also those that must not be seen."""
    for step in scenario.steps:
        yield from (entry.matcher for entry in step.expect)
        if forbidden:
            yield from step.never
    for asked in _asked(scenario):
        if isinstance(asked, InSequence | Exactly) or (forbidden and isinstance(asked, NeverSeen)):
            yield from asked.matchers
        elif isinstance(asked, LatencyOf | AfterAct) or (
            isinstance(asked, Counted) and (forbidden or asked.quantifier != "none")
        ):
            yield asked.matcher
