"""`steps:` with its `together` and `repeat` blocks → all steps, flat, and the order in which they run (scenarios §3).

A block is read once, however often it is repeated, and counted before it is written out: a repeat of repeats is refused
for its number, not for the time and the memory that it would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulator.scenario.model import Block, Flow, Step, Together
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.step_keys import check_keys, verb_key
from simulator.scenario.steps import step
from simulator.words import BLOCKS, VERB, Word

MAX_WRITTEN = 1000
"""Steps that stand in a list of a file."""

MAX_STEPS = 10_000
"""Steps of a scenario when its repeats are written out."""

MAX_EXPECTED = 100_000
"""What those steps expect and forbid, each by itself: every one of them is judged on its own, and costs memory."""

REPEAT_KEYS = {
    "times": Word("times", "how often the block runs"),
    "steps": Word("steps", "the steps of the block, in order"),
}
EXAMPLES = {
    "together": "together: [{upload: meters}, {wait: 5 s}]",
    "repeat": "repeat: {times: 3, steps: [{upload: meters}]}",
}


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A block as it is written. `count`: how many steps it becomes; `expected`: how much these expect and forbid."""

    parts: tuple[_Part, ...]
    together: bool
    times: int
    at_s: float | None
    count: int
    expected: int


_Part = Step | _Blocks


def story(reading: Reading, node: Node | None) -> tuple[tuple[Step, ...], tuple[Flow, ...]]:
    """All steps of a file, flat, and their flow: nothing if they run one after the other."""
    if node is None:
        return (), ()
    problems = reading.problems
    if isinstance(node, Items) and not node.items:
        problems.add("no steps", node.place, "a scenario in which nothing happens proves nothing")
    parts = _parts(reading, problems.items(node, "steps", "- attach: meters"), node)
    count = _count(parts)
    if count > MAX_STEPS:
        problems.add(f"{count} steps when repeats are written out", node.place, f"a scenario has at most {MAX_STEPS}")
        return (), ()
    if _too_much_expected(reading, _expected(parts), "this is", node):
        return (), ()
    writer = _Writer([])
    flow = writer.in_order(parts, (), None)
    return tuple(writer.steps), flow if any(isinstance(part, Together) for part in flow) else ()


def _count(parts: Sequence[_Part]) -> int:
    return sum(part.count if isinstance(part, _Blocks) else 1 for part in parts)


def _expected(parts: Sequence[_Part]) -> int:
    return sum(
        part.expected if isinstance(part, _Blocks) else len(part.expect) + len(part.never) + len(part.forms)
        for part in parts
    )


def _too_much_expected(reading: Reading, expected: int, what: str, at: Text | Node) -> bool:
    """Noted if so."""
    if expected > MAX_EXPECTED:
        hint = f"a scenario has at most {MAX_EXPECTED} when repeats are written out; expect less in each round"
        reading.problems.add(f"{what} {expected} expectations", at.place, hint)
    return expected > MAX_EXPECTED


# --- reading ----------------------------------------------------------------------------------------------------------


def _parts(reading: Reading, items: Sequence[Node], node: Node) -> tuple[_Part, ...]:
    if len(items) > MAX_WRITTEN:
        hint = f"a list has at most {MAX_WRITTEN}; use every: or repeat:"
        reading.problems.add(f"{len(items)} steps", node.place, hint)
    return tuple(part for item in items[:MAX_WRITTEN] if (part := _part(reading, item)) is not None)


def _part(reading: Reading, node: Node) -> _Part | None:
    if isinstance(node, Text) and node.missing:
        reading.problems.add("an empty step", node.place, "write it as attach: meters")
        return None
    mapping = reading.problems.mapping(node, "a step", "attach: meters")
    key = None if mapping is None else verb_key(reading, mapping)
    if mapping is None or key is None:
        return None
    return _block(reading, mapping, key) if key.value in BLOCKS else step(reading, mapping, key)


def _block(reading: Reading, mapping: Mapping, key: Text) -> _Blocks | None:
    verb, problems = VERB[key.value], reading.problems
    check_keys(reading, mapping, verb)
    value, at = (next((v for k, v in mapping.entries if k.value == word), None) for word in (key.value, "at"))
    assert value is not None
    at_s = None if at is None else quantity(problems, at, "at", "duration")
    if isinstance(value, Text) and value.missing:
        problems.add(f"{key.value} has no value", key.place, f"write it as {EXAMPLES[key.value]}")
        return None
    if key.value == "together":
        times, steps = 1, value
    else:
        repeated = problems.mapping(value, "repeat", EXAMPLES["repeat"])
        if repeated is None:
            return None
        fields = Fields(repeated, problems, "repeat", REPEAT_KEYS)
        times, found = _times(reading, fields), fields.get("steps")
        if found is None:
            if not fields.names("steps"):
                problems.add("repeat without steps", key.place, f"write it as {EXAMPLES['repeat']}")
            return None
        steps = found
    if isinstance(steps, Items) and not steps.items:
        problems.add(f"{key.value} has no steps", steps.place, f"write it as {EXAMPLES[key.value]}")
    parts = _parts(reading, problems.items(steps, _called(key.value), "[{upload: meters}, {wait: 5 s}]"), steps)
    count = times * _count(parts)
    if count > MAX_STEPS:
        hint = f"a scenario has at most {MAX_STEPS} when repeats are written out; use every: for one act"
        problems.add(f"this {key.value} is {count} steps", key.place, hint)
    # What is too much is left out, so that it is told once, and so is what holds nothing: rounds of it take time too.
    if not 0 < count <= MAX_STEPS:
        return None
    expected = times * _expected(parts)
    if _too_much_expected(reading, expected, f"this {key.value} is", key):
        return None
    return _Blocks(parts, key.value == "together", times, at_s, count, expected)


def _times(reading: Reading, fields: Fields) -> int:
    node = fields.get("times")
    if node is not None:
        return reading.problems.integer(node, "times", 1, MAX_STEPS) or 1
    if not fields.names("times"):
        reading.problems.add("repeat without times", fields.place, f"write it as {EXAMPLES['repeat']}")
    return 1


def _called(verb: str) -> str:
    return "together" if verb == "together" else "the steps of a repeat"


# --- writing out ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Writer:
    """Gives every step its number. `rounds`: the repeats around it, outermost first, as (round, of how many)."""

    steps: list[Step]

    def in_order(
        self, parts: Sequence[_Part], rounds: tuple[tuple[int, int], ...], at_s: float | None
    ) -> tuple[Flow, ...]:
        """Parts that run one after the other; only the first waits for `at_s`, the others come later anyway."""
        flow: list[Flow] = []
        for part in parts:
            flow += self._part(part, rounds, at_s)
            at_s = None
        return tuple(flow)

    def _part(self, part: _Part, rounds: tuple[tuple[int, int], ...], at_s: float | None) -> tuple[Flow, ...]:
        if isinstance(part, Step):
            self.steps.append(_in_round(part, rounds, _later(part.at_s, at_s)))
            return (len(self.steps) - 1,)
        at_s = _later(part.at_s, at_s)
        if part.together:
            return (Together(tuple(_as_one(self._part(inner, rounds, at_s)) for inner in part.parts)),)
        flow: list[Flow] = []
        for number in range(part.times):
            round_of = ((number + 1, part.times),) if part.times > 1 else ()
            flow += self.in_order(part.parts, (*rounds, *round_of), at_s if number == 0 else None)
        return tuple(flow)


def _as_one(flow: tuple[Flow, ...]) -> Flow:
    return flow[0] if len(flow) == 1 else Block(flow)


def _later(one: float | None, other: float | None) -> float | None:
    return max((at_s for at_s in (one, other) if at_s is not None), default=None)


def _in_round(one: Step, rounds: tuple[tuple[int, int], ...], at_s: float | None) -> Step:
    if not rounds and at_s == one.at_s:
        return one
    said = ", ".join(f"{number} of {times}" for number, times in rounds)
    return replace(one, at_s=at_s, text=f"{one.text} ({said})" if said else one.text)
