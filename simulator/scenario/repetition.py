"""`every:`, `for:`, `times:` and `retry:` → how often an act is done (scenarios §3)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.scenario.nodes import Mapping, Node
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.words import Word

MAX_TIMES = 1_000_000
MAX_RETRIES = 100

RETRY_KEYS = {
    "times": Word("times", "how many more attempts"),
    "pause": Word("pause", "how long to wait before each (default none)"),
}


@dataclass(frozen=True, slots=True)
class Repetition:
    """`every_s` None: one act follows the other at once."""

    every_s: float | None
    times: int


def repetition(reading: Reading, fields: Fields) -> Repetition:
    """How often, and at which pace. What cannot be read counts as once."""
    problems = reading.problems
    every, lasts, times = fields.get("every"), fields.get("for"), fields.get("times")
    every_s = None if every is None else quantity(problems, every, "every", "duration", zero=False)
    for_s = None if lasts is None else quantity(problems, lasts, "for", "duration", zero=False)
    often = None if times is None else problems.integer(times, "times", 1, MAX_TIMES)
    if lasts is not None and times is not None:
        problems.add("both for and times", fields.at("times"), "keep one of them")
    elif lasts is not None and every is None:
        problems.add("for without every", fields.at("for"), "say how often: every: 10 min")
    elif every is not None and lasts is None and times is None:
        problems.add(
            "every without for or times", fields.at("every"), "say how long: for: 2 h, or how often: times: 12"
        )
    elif every_s is not None and for_s is not None:
        # A rounding error must not lose the last of the repetitions.
        often = int(for_s / every_s + 1e-9)
        if often < 1:
            problems.add("for is shorter than every", fields.at("for"), "it would be done once; leave both out")
        elif often > MAX_TIMES:
            problems.add(f"{often} repetitions", fields.at("for"), f"at most {MAX_TIMES}")
    return Repetition(every_s, often or 1)


def retry(reading: Reading, node: Node) -> tuple[int, float]:
    """How many more attempts a failed act gets, and the pause in seconds before each."""
    problems = reading.problems
    if not isinstance(node, Mapping):
        return problems.integer(node, "retry", 1, MAX_RETRIES) or 0, 0.0
    fields = Fields(node, problems, "retry", RETRY_KEYS)
    times, pause = fields.get("times"), fields.get("pause")
    if times is None:
        problems.add("retry without times", node.place, "write {times: 3, pause: 10 s}")
        return 0, 0.0
    pause_s = 0.0 if pause is None else quantity(problems, pause, "pause", "duration") or 0.0
    return problems.integer(times, "times", 1, MAX_RETRIES) or 0, pause_s
