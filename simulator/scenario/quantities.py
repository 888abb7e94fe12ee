"""`24 B`, `10 min`, `5 %`, `20 kbit/s`, `3/s` → bytes, seconds, parts of one, bits a second, times a second."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Literal

from simulator.scenario.nodes import Node
from simulator.scenario.problems import Problems
from simulator.scenario.show import shown
from simulator.words import EXAMPLES, MEANT_UNITS, UNITS, nearest

Kind = Literal["size", "duration", "share", "rate", "frequency"]

FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(.*)", re.DOTALL)
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")

LONGEST = 40
"""Characters of a quantity; more is a mistake, or mischief."""

MOST: dict[Kind, float] = {
    "size": 1 << 40,
    "duration": 366 * 86400.0,
    "share": 1.0,
    "rate": 1e12,
    "frequency": 1e6,
}
MOST_TEXT: dict[Kind, str] = {
    "size": "1048576 MiB",
    "duration": "366 d",
    "share": "100 %",
    "rate": "1000000 Mbit/s",
    "frequency": "1000000/s",
}


class NotAQuantity(ValueError):
    """The text is no quantity of that kind; `problem` and `hint` are for the reader of the file."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem, hint)
        self.problem, self.hint = problem, hint


def parse(text: str, kind: Kind, most: float | None = None) -> float:
    """The value in bytes, seconds, parts of one, bits per second or times a second. Raises: NotAQuantity.

    `most`: what is too much, if that is more than usual; None: `MOST`.

    >>> parse("10 min", "duration"), parse("64KiB", "size"), parse("5 %", "share"), parse("30 /min", "frequency")
    (600.0, 65536.0, 0.05, 0.5)
    """
    units, example = UNITS[kind], EXAMPLES[kind]
    form = FORM.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if form is None:
        raise NotAQuantity(f"{shown(text)} is no {kind}", f"write a number and a unit, such as {example}")
    number, unit = form[1], form[2].strip()
    if kind == "frequency" and unit.startswith("/"):
        unit = "/" + unit[1:].lstrip()  # `3 / s`
    if not unit:
        raise NotAQuantity(f"{shown(text)} has no unit", f"units of a {kind}: {', '.join(units)}; such as {example}")
    if unit not in units:
        raise NotAQuantity(f"unknown unit {shown(unit)}", _meant_unit(unit, kind))
    # In decimal, as it is written: in binary, 99.9 % would be a little more than 0.999.
    value = float(Decimal(number) * Decimal(str(units[unit])))
    if value > (most or MOST[kind]):
        raise NotAQuantity(f"{shown(text)} is too much", f"at most {in_units(most, kind) if most else MOST_TEXT[kind]}")
    return value


def _usual(kind: Kind) -> str:
    return EXAMPLES[kind].lstrip("0123456789 ")


def _meant_unit(unit: str, kind: Kind) -> str:
    units = UNITS[kind]
    near = MEANT_UNITS.get(unit)
    if near not in units:
        near = nearest(unit, units)
    if near is not None:
        return f"did you mean '{near}'? units of a {kind}: {', '.join(units)}"
    return f"units of a {kind}: {', '.join(units)}"


def quantity(
    problems: Problems, node: Node, what: str, kind: Kind, *, zero: bool = True, most: float = math.inf
) -> float | None:
    """The quantity that a node holds, or None (and noted). `zero`: whether nothing is a sensible amount."""
    text = problems.word(node, what)
    if text is None:
        return None
    try:
        value = parse(text.value, kind, most if MOST[kind] < most < math.inf else None)
    except NotAQuantity as error:
        problems.add(f"{what}: {error.problem}", text.place, error.hint)
        return None
    if not zero and value == 0:
        problems.add(f"{what} must be more than 0", text.place)
        return None
    if value > most:
        problems.add(f"{what}: {shown(text.value)} is too much", text.place, f"at most {in_units(most, kind)}")
        return None
    return value


def in_units(value: float, kind: Kind) -> str:
    """A value in words, in the largest unit that leaves a short number: `10 min`."""
    best = ""
    for unit, scale in UNITS[kind].items():
        amount = f"{value / scale:g}"
        if value >= scale and (not best or len(amount) < len(best.split()[0])):
            best = f"{amount} {unit}"
    return best or f"{value:g} {_usual(kind)}"


def number(problems: Problems, node: Node, what: str, most: float = 1e12) -> float | None:
    """A plain number of at least 0, such as `0.5` or `1e-6`, or None (and noted)."""
    text = problems.word(node, what)
    if text is None:
        return None
    if len(text.value) > LONGEST or not NUMBER.fullmatch(text.value):
        problems.add(f"{what} is a number without a unit, not {shown(text.value)}", text.place, "write it as 0.5")
        return None
    value = float(text.value)
    if value > most:
        problems.add(f"{what} must be at most {most:g}, not {shown(text.value)}", text.place)
        return None
    return value
