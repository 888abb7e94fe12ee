"""`every:`, `for:`, `times:` and `retry:` → how often an act is done (scenarios §3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.words import RETRIED, Word

MAX_TIMES = 1_000_000
MAX_RETRIES = 100
MOBILE = "mobile"
"""mobile-network §5.9: ten seconds apart five times, then 12 min, then up to a day."""

RETRY_KEYS = {
    "times": Word("times", "how many more attempts"),
    "pause": Word("pause", "how long to wait before each (default none); mobile: as modems do that are not let in"),
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


@dataclass(frozen=True, slots=True)
class Retry:
    """How many more attempts a failed act gets, and the pause before each: so long, or as a model says."""

    times: int = 0
    pause_s: float = 0.0
    model: Literal["", "mobile"] = ""


def retry(reading: Reading, node: Node | None, verb: str) -> Retry:
    """What `retry:` says; nothing if there is none, or it cannot be read."""
    problems = reading.problems
    if node is None or verb not in RETRIED:
        return Retry()
    if not isinstance(node, Mapping):
        return Retry(problems.integer(node, "retry", 1, MAX_RETRIES) or 0)
    fields = Fields(node, problems, "retry", RETRY_KEYS)
    times, pause = fields.get("times"), fields.get("pause")
    if times is None:
        problems.add("retry without times", node.place, "write {times: 3, pause: 10 s}")
        return Retry()
    more = problems.integer(times, "times", 1, MAX_RETRIES) or 0
    if isinstance(pause, Text) and pause.value == MOBILE:
        if verb != "attach":
            hint = "so does a modem that is not let in; for others write a time: 10 s"
            problems.add(f"pause: {MOBILE} is for attach", pause.place, hint)
        return Retry(more, model="mobile")
    return Retry(more, 0.0 if pause is None else quantity(problems, pause, "pause", "duration") or 0.0)
