"""`over:` → a time that the subjects spread over, or a traffic model (mobile-network §5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulator.scenario.model import Arrivals, Subject
from simulator.scenario.nodes import Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import MOST, MOST_TEXT, NotAQuantity, parse, quantity
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import size_of
from simulator.words import ARRIVALS

MODEL = re.compile(r"([A-Za-z_]+2?)(?:-(\S*))?(?:\s+(.*))?", re.DOTALL)
SECONDS = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,6})?")

WINDOWS = ("uniform", "beta")
"""Models that start everybody within a window."""
RATES = {"poisson": "poisson 3/s", "mmpp2": "mmpp2 0.3/s", "diurnal": "diurnal 100/d"}
"""Models that go on at a mean rate, as they are written."""
OWN_RATE = ("mmpp2",)
"""Models that have a rate of their own."""


def over(reading: Reading, fields: Fields, whom: Sequence[Subject]) -> tuple[float, Arrivals | None]:
    """The seconds of `over: 10 min`, or the model of `over: beta-10`; nothing if there is no `over`, or it is wrong."""
    node = fields.get("over")
    if node is None:
        return 0.0, None
    # Models begin with a letter, times with a digit.
    if isinstance(node, Text) and node.value[:1].isalpha():
        return 0.0, _model(reading, node, fields, whom)
    return quantity(reading.problems, node, "over", "duration") or 0.0, None


def _model(reading: Reading, node: Text, fields: Fields, whom: Sequence[Subject]) -> Arrivals | None:
    problems, form = reading.problems, MODEL.fullmatch(node.value.strip())
    if form is None or form[1] not in ARRIVALS:
        name = node.value if form is None else form[1]
        problems.add(f"over: no traffic model {shown(name)}", node.place, meant(name, ARRIVALS))
        return None
    name, seconds, rate = form[1], form[2], form[3]
    if name in WINDOWS:
        return _window(reading, node, name, seconds if rate is None else None)
    if seconds is not None:
        problems.add(f"{name} has no window", node.place, f"write it as {RATES.get(name, name)}")
        return None
    if name == "periodic":
        return _periodic(reading, node, fields, rate)
    return _rated(reading, node, name, rate, whom)


def _window(reading: Reading, node: Text, name: str, seconds: str | None) -> Arrivals | None:
    if seconds is None or not SECONDS.fullmatch(seconds):
        hint = f"the number is seconds: {name}-60"
        reading.problems.add(f"over: {shown(node.value)} has no window", node.place, hint)
        return None
    window_s = float(seconds)
    if not 0 < window_s <= MOST["duration"]:
        hint = f"more than 0 s, at most {MOST_TEXT['duration']}"
        reading.problems.add(f"over: {shown(node.value)} is no window", node.place, hint)
        return None
    return Arrivals(model=name, window_s=window_s)


def _periodic(reading: Reading, node: Text, fields: Fields, rate: str | None) -> Arrivals | None:
    if rate is not None:
        reading.problems.add("periodic has no rate", node.place, "its period is that of every: 10 min")
        return None
    if not fields.names("every"):
        reading.problems.add("over: periodic without every", node.place, "say the period beside it: every: 10 min")
    return Arrivals(model="periodic")


def _rated(reading: Reading, node: Text, name: str, rate: str | None, whom: Sequence[Subject]) -> Arrivals | None:
    problems = reading.problems
    if rate is None:
        if name not in OWN_RATE:
            problems.add(f"over: {name} has no rate", node.place, f"write it as {RATES[name]}")
            return None
        return Arrivals(model=name)
    try:
        per_s = parse(rate, "frequency")
    except NotAQuantity as error:
        problems.add(f"over: {error.problem}", node.place, error.hint)
        return None
    if per_s == 0:
        problems.add(f"over: {shown(node.value)} never starts anybody", node.place, f"write it as {RATES[name]}")
        return None
    devices = sum(size_of(one, reading.groups[one.group]) * (one.share or 1.0) for one in whom)
    if devices / per_s > MOST["duration"]:
        hint = f"{devices:.0f} devices at {rate} take more than {MOST_TEXT['duration']}; raise the rate"
        problems.add(f"over: {shown(node.value)} is too slow", node.place, hint)
    return Arrivals(model=name, per_s=per_s)
