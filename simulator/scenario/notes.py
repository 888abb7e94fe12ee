"""What a correct scenario may not mean the way it is written: for the reader of `check`, and never an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.errors import Place
from simulator.scenario.model import EventMatcher, NeverSeen, RateOf, Scenario, Upload
from simulator.words import EVENTS


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One remark. As text it is `FILE:LINE:COLUMN: note: …`."""

    at: Place
    text: str

    def __str__(self) -> str:
        return f"{self.at}: note: {self.text}"


def notes(scenario: Scenario) -> tuple[Note, ...]:
    """All remarks, in the order of the file."""
    found = [*_rates_of_udp(scenario), *_unknown_data(scenario)]
    return tuple(sorted(set(found)))


def _rates_of_udp(scenario: Scenario) -> Iterator[Note]:
    """Nothing answers plain UDP, so the share of uploads that came to ok is always all of them (scenarios §3)."""
    transports = {group.name: group.transport for group in scenario.groups}
    for asked in scenario.expect:
        if not isinstance(asked, RateOf):
            continue
        deaf = {
            subject.group: None
            for step in scenario.steps
            if isinstance(step.act, Upload) and asked.verb in (step.verb, step.name)
            for subject in step.subjects
            if transports[subject.group] == "udp"
        }
        if deaf:
            who = ", ".join(deaf)
            yield Note(
                asked.place,
                f"for plain UDP ok means sent, so this rate says nothing about what arrived from {who};"
                f" {{each: {next(iter(deaf))}, sees: upstreamMessage, at_least: N}} does",
            )


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


def _matchers(scenario: Scenario) -> Iterator[EventMatcher]:
    for step in scenario.steps:
        yield from (entry.matcher for entry in step.expect)
        yield from step.never
    for asked in scenario.expect:
        if isinstance(asked, NeverSeen):
            yield from asked.matchers
        elif not isinstance(asked, RateOf):
            yield asked.matcher
