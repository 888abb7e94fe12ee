"""Who may pass for whom: devices that may come to hold each other's cards or certificates, or that show each other's
numbers.

It follows from the scenario alone. A device that is nobody's kin is taken for itself or for nobody, whatever happens:
what its acts come to shows under its own name. Of kin, logins tell who is taken for whom (`logins`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from simulator.scenario.model import HELD, MoveSim, Scenario, Subject, SwapSims, Update

SOMEBODY: Final = ""
"""Whoever keeps still in this run, and may be taken for one who does not."""

Pairs = Iterator[tuple[str, str]]
SubjectsOf = Callable[[Subject], tuple[str, ...]]
Members = Mapping[str, tuple[str, ...]]


def families(
    scenario: Scenario, members: Members, subjects_of: SubjectsOf, numbers: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Name of each device that has kin → all of its family, itself among them, in a fixed order.

    Args:
        members: group → names of those that take part.
        numbers: IMSI or IMEI → the device whose SIM or modem was planned with it.
    """
    head: dict[str, str] = {}
    for one, other in (*_by_clones(scenario, members, subjects_of), *_by_acts(scenario, subjects_of, numbers),
                       *_by_registration(scenario, members, numbers)):  # fmt: skip
        if one != other:
            head[_head(head, one)] = _head(head, other)
    found: dict[str, list[str]] = {}
    for name in sorted({*head, *head.values()}):
        found.setdefault(_head(head, name), []).append(name)
    return {name: tuple(family) for family in found.values() for name in family}


def _head(head: dict[str, str], name: str) -> str:
    while (above := head.get(name, name)) != name:
        head[name] = name = head.get(above, above)
    return name


def _by_clones(scenario: Scenario, members: Members, subjects_of: SubjectsOf) -> Pairs:
    """Cards, modems and certificates that are copies: the first is one of the first who is named, and so round."""
    for group in scenario.groups:
        for model in (group.sim.of, group.modem.clone_of, group.certificate.of):
            if model is not None:
                of = subjects_of(model) or (SOMEBODY,)
                copies = members.get(group.name, ())
                whole = len(copies) == group.count
                for number, copy in enumerate(copies):
                    yield from ((copy, one) for one in ((of[number % len(of)],) if whole else of))


def _by_acts(scenario: Scenario, subjects_of: SubjectsOf, numbers: Mapping[str, str]) -> Pairs:
    """Cards that change their places, and devices that are registered later with another's number."""
    for step in scenario.steps:
        what = step.act
        if isinstance(what, MoveSim | SwapSims):
            ours = tuple(name for subject in step.subjects for name in subjects_of(subject))
            theirs = subjects_of(what.to if isinstance(what, MoveSim) else what.other)
            if len(ours) == len(theirs):
                yield from zip(ours, theirs, strict=True)
            else:  # not all of them take part: nobody knows here who stands beside whom
                yield from ((one, other) for one in ours for other in theirs)
        elif isinstance(what, Update):
            for number in (what.imsi, what.imei):
                owner = numbers.get(number or "")
                if owner is not None and number != HELD:
                    yield from ((name, owner) for subject in step.subjects for name in subjects_of(subject))


def _by_registration(scenario: Scenario, members: Members, numbers: Mapping[str, str]) -> Pairs:
    """Devices that are registered with another's number from the beginning."""
    for group in scenario.groups:
        for _, number in group.registered_as:
            owner = numbers.get(number)
            if owner is not None:
                yield from ((name, owner) for name in members.get(group.name, ()))
