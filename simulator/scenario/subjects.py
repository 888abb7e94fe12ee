"""`meters`, `meters.3`, `meters.0-9`, `10 % of meters` → whom a step or an expectation is about (scenarios §2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from simulator.errors import Place
from simulator.scenario.model import Group, Subject
from simulator.scenario.nodes import Items, Node, Text
from simulator.scenario.problems import Problems
from simulator.scenario.quantities import NotAQuantity, parse
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown

NAME = re.compile(r"[^\W\d][\w-]{0,63}")
MEMBER = re.compile(r"([^\W\d][\w-]{0,63})(?:\.([0-9]{1,9})(?:-([0-9]{1,9}))?)?")
SHARE = re.compile(r"([0-9][^%]{0,20}%)\s+of\s+(\S+)")

MAX_LISTED = 100
"""Subjects in a list: each is held against all others, and whoever needs more has a range."""

ENTRIES = ("each", "some", "none", "of", "state")
"""Where an entry of an expectation says whom it is about."""

FORMS = "meters, meters.3, meters.0-9 or 10 % of meters"


def subjects(reading: Reading, node: Node, what: str) -> tuple[Subject, ...]:
    """One subject or a list of them; none of them twice."""
    if not isinstance(node, Items):
        one = subject(reading, node, what)
        return () if one is None else (one,)
    if not node.items:
        reading.problems.add(f"{what}: an empty list names nobody", node.place, f"write {FORMS}")
    if len(node.items) > MAX_LISTED:
        hint = f"a list has at most {MAX_LISTED}; use a range such as meters.0-9"
        reading.problems.add(f"{what}: {len(node.items)} subjects", node.place, hint)
    found: list[Subject] = []
    for item in node.items[:MAX_LISTED]:
        one = subject(reading, item, what)
        if one is None:
            continue
        again = next((other for other in found if overlap(one, other)), None)
        if again is not None:
            reading.problems.add(
                f"{shown(one.text)} is already in {shown(again.text)}", one.place, "remove one of them"
            )
        found.append(one)
    return tuple(found)


def subject(reading: Reading, node: Node, what: str) -> Subject | None:
    """One subject, or None (and noted)."""
    if isinstance(node, Items) and what in ENTRIES:
        hint = "write one entry for each"
        reading.problems.add(f"{what} names one group, member or range, not a list", node.place, hint)
        return None
    text = reading.problems.word(node, f"the subject of {what}")
    if text is None:
        return None
    words, share = text.value.strip(), None
    if "%" in words:
        form = SHARE.fullmatch(words)
        if form is None:
            reading.problems.add(f"{shown(words)} is no share of a group", text.place, "write it as 10 % of meters")
            return None
        words = form[2]
        share = _share(reading, text, form[1])
        if share is None:
            return None
    member = MEMBER.fullmatch(words)
    if member is None:
        reading.problems.add(f"{shown(words)} names nobody", text.place, f"write {FORMS}")
        return None
    group = known_group(reading, member[1], text)
    if group is None:
        return None
    first, last = _range(member)
    if not _fits(reading, text, group, first, last):
        return None
    return Subject(group=group.name, place=text.place, text=text.value.strip(), first=first, last=last, share=share)


def known_group(reading: Reading, name: str, text: Text) -> Group | None:
    """The group of that name, or None (and noted, unless the group itself is at fault)."""
    group = reading.groups.get(name)
    if group is None and name not in reading.flawed and not reading.groups_unread:
        reading.problems.add(f"no group {shown(name)}", text.place, meant(name, {**reading.groups, **reading.flawed}))
    return group


def size_of(subject: Subject, group: Group) -> int:
    """How many members a subject means, before a share is drawn from them."""
    return (group.count if subject.last is None else subject.last + 1) - subject.first


def _share(reading: Reading, text: Text, words: str) -> float | None:
    try:
        share = parse(words, "share")
    except NotAQuantity as error:
        reading.problems.add(f"share: {error.problem}", text.place, error.hint)
        return None
    if share == 0:
        reading.problems.add("0 % is nobody", text.place, "write it as 10 % of meters")
        return None
    return share


def _range(member: re.Match[str]) -> tuple[int, int | None]:
    if member[2] is None:
        return 0, None
    first = int(member[2])
    return first, first if member[3] is None else int(member[3])


def _fits(reading: Reading, text: Text, group: Group, first: int, last: int | None) -> bool:
    if last is not None and last < first:
        reading.problems.add(
            f"{shown(text.value)} ends before it begins", text.place, f"write {group.name}.{last}-{first}"
        )
        return False
    if max(first, last or 0) >= group.count:
        there = "is one device" if group.count == 1 else f"has {group.name}.0 to {group.name}.{group.count - 1}"
        reading.problems.add(f"there is no {group.name}.{max(first, last or 0)}", text.place, f"{group.name} {there}")
        return False
    return True


def overlap(one: Subject, other: Subject) -> bool:
    """Whether somebody is surely named twice. Whom a share draws is not known yet, but that it is of its range is."""
    if one.group != other.group:
        return False
    (first, last), (other_first, other_last) = ((s.first, 10**9 if s.last is None else s.last) for s in (one, other))
    if one.share is None and other.share is None:
        return first <= other_last and other_first <= last
    # The smaller of two shares of the same members is drawn from the larger.
    if (first, last) == (other_first, other_last):
        return True
    covers = first <= other_first and other_last <= last
    covered = other_first <= first and last <= other_last
    return (one.share is None and covers) or (other.share is None and covered)


def subject_of(text: str, groups: Iterable[Group], place: Place) -> Subject:
    """A subject that stands outside of a file, such as that of `--only`. Raises: ScenarioErrors."""
    reading = Reading(Problems(), None, groups={group.name: group for group in groups})
    found = subject(reading, Text(text, place), "only")
    reading.problems.raise_if_any()
    assert found is not None
    return found
