"""Thresholds of a load test, as people write them.

    upload p99 < 500 ms          <act or event> [group] <p50 | p99.9 | … | min | mean | max>  <compared>  <duration>
    failed upload < 1 %          <count> [group]                                    <compared>  <number or share>

Compared is one of < <= > >= = !=. A share is one of what there could have been: of lost uploads those that were sent,
of devices that joined those that were planned, of failed uploads all uploads, of a protocol's counter all uploads.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from simulator.errors import UsageError
from simulator.load.measures import ACTS, EVENT, Measured, count, durations, shown, thousands
from simulator.load.totals import Merged
from simulator.scenario.model import LatencyOf, RateOf, Scenario, WholeRun
from simulator.scenario.quantities import NotAQuantity
from simulator.scenario.quantities import parse as quantity

EXAMPLES: Final = "upload p99 < 500 ms, lost = 0, failed upload < 1 %"

Found = tuple[bool | None, str]
"""Whether it holds (None: there is no data, or nobody can say), and what was found, in words."""

_LONGEST: Final = 200
_FORM: Final = re.compile(r"([^<>=!≤≥]+)(<=|>=|==|!=|[<>=≤≥])([^<>=!≤≥]+)")
_PERCENTILE: Final = re.compile(r"p(100|[0-9]{1,2}(?:\.[0-9]{1,4})?)")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
_COMPARED: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "≤": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "≥": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_BOUNDS: Final = {"below": "<", "above": ">", "at_least": ">=", "at_most": "<="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One threshold, checked."""

    text: str
    """As it was written, with single spaces."""
    about: str
    """What it speaks of: `failed upload`, `upload meters p99`."""
    patient: bool
    """Whether time alone may mend it: while the test runs, `sent >= 10000` does not fail."""
    _read: Callable[[Merged], Found] = field(repr=False, compare=False)

    def holds(self, merged: Merged) -> Found:
        """Whether what was measured keeps to it."""
        return self._read(merged)


def parse(text: str, groups: Collection[str] | None = None) -> Expectation:
    """A threshold of `--expect`.

    Args:
        groups: names of all groups of the test; None: not known yet.
    Raises: UsageError: it is none; says what to write instead.
    """
    words = " ".join(text.split())
    form = _FORM.fullmatch(words) if len(words) <= _LONGEST else None
    if form is None:
        raise UsageError(f"--expect {_quoted(words)} is no threshold (write it as: {EXAMPLES})")
    name, sign, bound = (part.strip() for part in form.groups())
    try:
        return Expectation(
            text=words, about=name, patient=not sign.startswith(("<", "≤")), _read=_reader(name, sign, bound, groups)
        )
    except UsageError as error:
        raise UsageError(f"--expect {_quoted(words)}: {error}") from None
    except NotAQuantity as error:
        raise UsageError(f"--expect {_quoted(words)}: {error.problem} ({error.hint})") from None


def from_scenario(scenario: Scenario) -> tuple[str, ...]:
    """What the scenario expects of the whole run, as far as load can judge it, in the words of `--expect`."""
    return tuple(text for entry in scenario.expect for text in _translated(entry))


def left_out(scenario: Scenario) -> tuple[str, ...]:
    """What it expects besides, in words with places."""
    return tuple(
        f"{entry.place}: {_FORMS.get(type(entry).__name__, 'this')} is not judged under load"
        for entry in scenario.expect
        if not any(True for _ in _translated(entry))
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def _reader(name: str, sign: str, bound: str, groups: Collection[str] | None) -> Callable[[Merged], Found]:
    what, _, last = name.rpartition(" ")
    if last in ("min", "mean", "max") or _PERCENTILE.fullmatch(last):
        return _duration(what, last, sign, bound, groups)
    if re.fullmatch(r"p[0-9.]+|avg|average|median|maximum|minimum", last):
        raise UsageError(f"no {last!r} of durations is known (write p50, p99, p99.9, p99.99, min, mean or max)")
    if bound.endswith("%"):
        return _share(name, sign, quantity(bound, "share"), groups)
    if not _NUMBER.fullmatch(plain := bound.replace(" ", "").replace("_", "")):
        if _is_duration(bound):
            durations(name, groups)  # raises where it takes no time at all
            raise UsageError(f"which duration of {name} is meant? (write {name} p99, or {name} max)")
        raise UsageError(f"{_quoted(bound)} is neither a number nor a share (write 10000, or 1 %)")
    return _number(name, sign, float(plain), groups)


def _duration(
    what: str, which: str, sign: str, bound: str, groups: Collection[str] | None
) -> Callable[[Merged], Found]:
    if not what:
        raise UsageError(f"{which} of what? (write upload {which})")
    if sign in ("=", "==", "!="):
        raise UsageError("no two durations are the same (compare by < or >)")
    limit_s, read, compare = quantity(bound, "duration"), durations(what, groups), _COMPARED[sign]

    def holds(merged: Merged) -> Found:
        found = read(merged)
        if isinstance(found, str):
            return None, found
        simple = {"min": found.min_s, "mean": found.mean_s, "max": found.max_s}
        value_s = simple[which] if which in simple else found.percentile(float(which[1:]))
        return compare(value_s, limit_s), shown(value_s)

    return holds


def _number(name: str, sign: str, limit: float, groups: Collection[str] | None) -> Callable[[Merged], Found]:
    read, compare = count(name, groups), _COMPARED[sign]

    def holds(merged: Merged) -> Found:
        found = read(merged)
        if isinstance(found, str):
            return None, found
        return _certain(found, compare(found.value, limit)), thousands(round(found.value))

    return holds


def _share(name: str, sign: str, limit: float, groups: Collection[str] | None) -> Callable[[Merged], Found]:
    if name.split()[0] in ("troubles", "gaps", "requests", "planned", "sent"):
        raise UsageError(f"{name} is no share of anything (compare it with a number)")
    read, compare = count(name, groups), _COMPARED[sign]

    def holds(merged: Merged) -> Found:
        found = read(merged)
        if isinstance(found, str):
            return None, found
        if not found.whole:
            return None, "there was nothing to take a share of"
        whole = found.whole
        words = f"{_percent(found.value / whole)} % ({thousands(round(found.value))} of {thousands(round(whole))})"
        return _certain(found, compare(found.value / whole, limit)), words

    return holds


def _percent(share: float) -> str:
    """With four digits, or as many as it takes to tell it from none and from all.

    >>> _percent(0.25), _percent(199_996 / 200_004), _percent(1.0)
    ('25', '99.996', '100')
    """
    for digits in range(4, 12):
        words = f"{100 * share:.{digits}g}"
        if share in (0.0, 1.0) or words not in ("0", "100"):
            break
    return words


def _certain(found: Measured, held: bool) -> bool | None:
    """Where a stream was blind, nobody knows whether what is missing is missing."""
    return None if found.unsure and not held else held


def _is_duration(text: str) -> bool:
    try:
        quantity(text, "duration")
    except NotAQuantity:
        return False
    return True


def _quoted(text: str) -> str:
    short = text if len(text) <= 60 else text[:59] + "…"
    return "'" + "".join(each if each.isprintable() else "�" for each in short) + "'"


# --- scenarios --------------------------------------------------------------------------------------------------------

_FORMS: Final = {
    "RateOf": "the rate of this",
    "LatencyOf": "the latency of this event",
    "Counted": "how many events each device sees",
    "NeverSeen": "what must never be seen",
    "InSequence": "the sequence of events",
    "Exactly": "exactly which events come",
    "AfterAct": "what follows an act",
    "StateOf": "the state of devices",
    "DroppedFor": "what is dropped for an observer",
    "StatisticsOf": "what the server has counted",
}


def _translated(entry: WholeRun) -> Iterator[str]:
    if isinstance(entry, RateOf) and entry.verb in ACTS:
        # Of 99 % that come to ok, one in a hundred may fail; in decimal, as it is written.
        if entry.at_least is not None:
            yield f"failed {entry.verb} <= {_rest(entry.at_least)} %"
        if entry.at_most is not None:
            yield f"failed {entry.verb} >= {_rest(entry.at_most)} %"
    elif isinstance(entry, LatencyOf) and entry.matcher.name == EVENT and not entry.matcher.conditions:
        for percentile, bound in entry.bounds:
            which = "max" if percentile == 100 else f"p{percentile:g}"
            yield f"{EVENT} {which} {_BOUNDS[bound.op]} {bound.value}"


def _rest(share: float) -> str:
    return f"{(1 - Decimal(str(share))) * 100:f}".rstrip("0").rstrip(".") if share < 1 else "0"
