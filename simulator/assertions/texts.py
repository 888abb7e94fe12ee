"""Words for everything that a failure has to tell (scenarios §4, style of the reports)."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.assertions.matching import Matcher
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Condition, EventMatcher

_SHOWN = 60  # characters of a value
_PAIRS = 6  # values of an event
_OPS = {"below": "below ", "above": "above ", "at_least": "at least ", "at_most": "at most "}


def moment(t_s: float) -> str:
    """A run time or a span that was measured: `60.0 s`, `0.213 s`."""
    text = f"{t_s:.3f}".rstrip("0")
    return f"{text}0 s" if text.endswith(".") else f"{text} s"


def span(seconds: float) -> str:
    """A span as a file would say it: `10 s`, `10 min`, `2 h`, `250 ms`."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:.0f} h"
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:g} s"


def percent(share: float) -> str:
    """`99.9 %`; never rounded up to a bound that was missed."""
    return f"{share * 100:.6g} %"


def condition(what: Condition) -> str:
    """What a value must be, to stand behind its key: `=coap`, ` below 5`."""
    return f"={asked(what)}" if what.op in ("equals", "any") else f" {asked(what)}"


def asked(what: Condition) -> str:
    """What a value must be: `coap`, `below 5`, `one of a, b`."""
    match what.op:
        case "equals":
            return shown(what.value)
        case "any":
            return "any"
        case "one_of":
            return f"one of {', '.join(shown(value) for value in what.values)}"
        case "matches":
            return f"like {shown(what.pattern.pattern if what.pattern else '')}"
        case "not":
            return f"anything but {shown(what.value)}"
    return f"{_OPS[what.op]}{what.number:g}"


def bound(percentile: float, what: Condition) -> str:
    """A bound of a latency: `p99 below 2 s`."""
    name = "max" if percentile == 100 else f"p{percentile:g}"
    return f"{name} {_OPS.get(what.op, '')}{span(what.number)}"


def matcher(what: EventMatcher) -> str:
    """`disconnect(reason=network_activity_timeout)`."""
    if not what.conditions:
        return what.name
    return f"{what.name}({', '.join(key + condition(value) for key, value in what.conditions)})"


def event(record: EventRecord) -> str:
    """`disconnect(reason=network_error)`."""
    pairs = [f"{shown(key)}={shown(value)}" for key, value in list(record.data.items())[:_PAIRS]]
    if record.reason is not None and "reason" not in record.data:
        pairs.insert(0, f"reason={shown(record.reason)}")
    if len(record.data) > _PAIRS:
        pairs.append("…")
    return f"{shown(record.name)}({', '.join(pairs)})" if pairs else shown(record.name)


def sighting(record: EventRecord) -> str:
    """`60.2 s disconnect(reason=network_error)`."""
    return f"{moment(record.rx_s)} {event(record)}"


def difference(wanted: Matcher, record: EventRecord) -> str:
    """In what an event of the right name is not the one: `bytes is 5, not 4`; empty if it is the one."""
    return "; ".join(
        f"it has no {key}" if value is None else f"{key} is {shown(value)}, not {asked(what)}"
        for key, what, value in wanted.unmet(record)
    )


def nearest(wanted: Matcher, seen: Iterable[EventRecord]) -> EventRecord | None:
    """Of what was seen the most alike: the same name and most values, else the latest."""
    best: EventRecord | None = None
    best_closeness = -2
    for record in seen:
        closeness = wanted.closeness(record)
        if closeness >= best_closeness:
            best, best_closeness = record, closeness
    return best


def nearest_words(wanted: Matcher, best: EventRecord | None, subject: str, otherwise: str) -> str:
    """The nearest event, and in what it differs; `otherwise`: why it does not count, if it differs in nothing."""
    if best is None:
        return f"nothing was seen of {subject}"
    text = f"nearest: {sighting(best)}"
    if best.name != wanted.name:
        return text
    unlike = difference(wanted, best)
    if unlike:
        return f"{text}: {unlike}"
    return f"{text}: {otherwise}"


def device_says(act: ActRecord | None) -> str:
    """What the device itself thinks happened, from its latest act."""
    if act is None:
        return "the device itself: has not done anything yet"
    if act.phase == "began":
        return f"the device itself: {act.verb} since {moment(act.t_s)}, not over yet"
    words = [act.outcome or "over"]
    if act.transmissions > 1:
        words.append(f"sent {act.transmissions} times")
    if act.detail:
        words.append(shown(act.detail, 3 * _SHOWN))
    which = f"{act.verb} number {act.n + 1}" if act.n else act.verb
    return f"the device itself: {', '.join(words)} at {moment(act.t_s)} ({which})"


def times(count: int) -> str:
    """`once`, `3 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def counted(count: int, one: str, many: str) -> str:
    """`1 act`, `3 acts`."""
    return f"{count} {one if count == 1 else many}"


def sees(what: str, at_least: int, at_most: int | None) -> str:
    """What each one does: `sees E at least once`, `never sees E`."""
    return f"never sees {what}" if at_most == 0 else f"sees {what} {how_often(at_least, at_most)}"


def sees_not(what: str, at_least: int, at_most: int | None) -> str:
    """What each one does if none may see it that often: `never sees E`, `sees E at most twice`."""
    if at_most is None and at_least:
        return sees(what, 0, at_least - 1)
    if not at_least and at_most is not None:
        return sees(what, at_most + 1, None)
    return f"does not see {what} {how_often(at_least, at_most)}"


def how_often(at_least: int, at_most: int | None) -> str:
    """Bounds of a count: `exactly once`, `at least 8 times`."""
    if at_most is None:
        return f"at least {times(at_least)}" if at_least else "any number of times"
    if at_least == at_most:
        return times(at_least) if at_least == 0 else f"exactly {times(at_least)}"
    return f"at most {times(at_most)}" if not at_least else f"{at_least} to {at_most} times"


def shown(text: str, limit: int = _SHOWN) -> str:
    """A value from outside, fit for one line of a terminal."""
    clean = "".join(c if c.isprintable() else "�" for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[:limit] + "…"
