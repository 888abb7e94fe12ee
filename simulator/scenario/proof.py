"""`mutants:` → the server defects that must turn a scenario red, and the checks that must fail then (scenarios §7)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulator.scenario.model import NeverSeen, Step, WholeRun
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.words import INVARIANTS, MUTANTS, TROUBLES

MAX_CHECKS = 20
EXAMPLE = '{upstreamMessage-missing: upload-once, upstreamMessage-doubled: "steps[1].expect[0]"}'
CHECKS = (
    "an invariant, a trouble, steps[1].expect[0], steps[1].form[0], steps[1].never[0], steps[1].outcome or expect[0]"
)

OF_STEP = re.compile(r"steps\[([0-9]{1,5})\]\.(?:(expect|form|never)\[([0-9]{1,5})\]|outcome)")
OF_STEP_FORM = re.compile(r"(steps\[([0-9]{1,5})\]\.form\[([0-9]{1,5})\])\.never\[([0-9]{1,5})\]")
OF_RUN = re.compile(r"expect\[([0-9]{1,5})\](?:\.never\[([0-9]{1,5})\])?")

Mutants = tuple[tuple[str, tuple[str, ...]], ...]


def mutants(
    reading: Reading,
    node: Node | None,
    steps: Sequence[Step],
    expect: Sequence[WholeRun],
    allow: Sequence[str],
) -> Mutants:
    """The defects of a file, each with its checks. Numbers are looked up only if the file is whole."""
    if node is None:
        return ()
    mapping = reading.problems.mapping(node, "mutants", EXAMPLE)
    whole = reading.problems.count == 0
    found: list[tuple[str, tuple[str, ...]]] = []
    for key, value in mapping.entries if mapping else ():
        if key.value not in MUTANTS:
            reading.problems.add(f"no mutant {shown(key.value)}", key.place, meant(key.value, MUTANTS))
        names = [
            name
            for text in _listed(reading, key, value)
            if (name := _check(reading, text, allow)) is not None
            and (not whole or _is_there(reading, text, name, steps, expect))
        ]
        found.append((key.value, tuple(dict.fromkeys(names))))
    return tuple(found)


def _listed(reading: Reading, key: Text, value: Node) -> list[Text]:
    problems = reading.problems
    if isinstance(value, Mapping) or (isinstance(value, Text) and value.missing) or value == Items((), value.place):
        problems.add(f"mutant {shown(key.value)} without a check", key.place, f"name what must fail: {CHECKS}")
        return []
    items = value.items if isinstance(value, Items) else (value,)
    if len(items) > MAX_CHECKS:
        problems.add(f"{len(items)} checks for one mutant", value.place, f"at most {MAX_CHECKS}")
    texts = (problems.word(item, "a check") for item in items[:MAX_CHECKS])
    return [text for text in texts if text is not None]


def _check(reading: Reading, text: Text, allow: Sequence[str]) -> str | None:
    """The full name of a check, as verdicts bear it; None (and noted) if no check is called so."""
    kind, _, rest = text.value.rpartition(".")
    for prefix, names in (("invariant", INVARIANTS), ("trouble", TROUBLES)):
        if rest in names and kind in ("", prefix):
            if rest in allow:
                reading.problems.add(f"{shown(rest)} is allowed here", text.place, "so it never fails; name another")
            return f"{prefix}.{rest}"
    if any(form.fullmatch(text.value) for form in (OF_STEP, OF_STEP_FORM, OF_RUN)):
        return text.value
    hint = meant(text.value, (*INVARIANTS, *TROUBLES))
    hint = hint if hint.startswith("did you") else f"write {CHECKS}"
    reading.problems.add(f"no check {shown(text.value)}", text.place, hint)
    return None


def _is_there(reading: Reading, text: Text, name: str, steps: Sequence[Step], expect: Sequence[WholeRun]) -> bool:
    """Whether the scenario has what a number points at; noted if not."""
    if (of_run := OF_RUN.fullmatch(name)) is not None:
        number = int(of_run[1])
        missing = _beyond(number, len(expect), "expect", "the top-level expect")
        return _told(reading, text, missing or _beyond_never(expect[number], of_run[2], f"expect[{number}]"))
    of_form = OF_STEP_FORM.fullmatch(name)
    of_step = OF_STEP.fullmatch(of_form[1] if of_form else name)
    if of_step is None:
        return True
    number, what, index = int(of_step[1]), of_step[2], of_step[3]
    missing = _beyond(number, len(steps), "steps", "the scenario")
    if not missing:
        missing = _beyond_step(steps[number], number, what, index)
    if not missing and of_form is not None:
        missing = _beyond_never(steps[number].forms[int(index)], of_form[4], f"steps[{number}].form[{index}]")
    return _told(reading, text, missing)


def _beyond_step(step: Step, number: int, what: str | None, index: str | None) -> str:
    called = f"steps[{number}] ({step.text})"
    if what is None or index is None:
        if step.verb == "wait":
            return f"{called} has no outcome"
        return f"the outcome of {called} may be any" if step.outcome == "any" else ""
    there = {"expect": step.expect, "form": step.forms, "never": step.never}[what]
    return _beyond(int(index), len(there), what, called)


def _beyond_never(found: WholeRun, index: str | None, called: str) -> str:
    count = len(found.matchers) if isinstance(found, NeverSeen) else 0
    if index is None:
        return f"{called} is {count} checks, {called}.never[0] and so on" if count > 1 else ""
    # A list of one is the expectation itself.
    return _beyond(int(index), 0 if count == 1 else count, "never", called)


def _beyond(index: int, count: int, what: str, owner: str) -> str:
    if index < count:
        return ""
    has = "none" if not count else f"{what}[0]" if count == 1 else f"{what}[0] to {what}[{count - 1}]"
    return f"there is no {what}[{index}]: {owner} has {has}"


def _told(reading: Reading, text: Text, missing: str) -> bool:
    if missing:
        reading.problems.add(
            f"{shown(text.value)}: {missing}", text.place, "numbers count from 0, in the order of the file"
        )
    return not missing
