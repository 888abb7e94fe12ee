"""A story with further readers and every form that looks at them, and what can be wrong with either."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

import msgspec
from hypothesis import strategies as st

from simulator.events.records import GapRecord, GarbledRecord, SeenRecord, StateRecord, StreamRecord

from .history import History, Item, Message, run, when
from .ways import Draw, Kind, Where, gone, of, put, twice

STORY: Final = """
scenario: Two further readers see what the run itself sees, as long as they read
collections: {north: {}}
devices:
  meters: {count: 2, transport: coap, collection: north}
observers:
  guest: {collection: north}
  late: {collection: north}
steps:
  - {attach: meters, as: login, over: 1 s}
  - {upload: meters, payload: 24 B, over: 1 s}
  - {subscribe: late}
  - upload: meters
    payload: 25 B
    over: 1 s
    within: 5 s
    expect:
      - upstreamMessage
      - {sequence: [upstreamMessage], each: meters, by: late}
      - {never: [ciotConnect, deviceUpdated]}
  - update: meters
    tags: {site: cellar}
    as: change
    over: 1 s
    expect: [deviceUpdated, {state: meters, where: {tags.site: cellar}}]
  - {wait: 5 s}
  - {unsubscribe: guest}
  - {wait: 2 s}
  - {upload: meters, payload: 26 B, over: 1 s}
  - {wait: 20 s}
expect:
  - {sequence: [ciotConnect, clientConnected, upstreamMessage, deviceUpdated, upstreamMessage], each: meters}
  - exactly: [ciotConnect, clientConnected, upstreamMessage, upstreamMessage, deviceUpdated, upstreamMessage]
    each: meters
  - {exactly: [ciotConnect, clientConnected, upstreamMessage, upstreamMessage, deviceUpdated], each: meters, by: guest}
  - {exactly: [upstreamMessage, deviceUpdated, upstreamMessage], each: meters, by: late}
  - {after: login, within: 2 s, sees: ciotConnect}
  - {after: change, within: 2 s, sees: deviceUpdated}
  - {dropped: late, at_most: 0}
  - {never: [ciotConnect], by: late}
  - {state: meters, where: {tags.site: cellar}}
"""


@cache
def watched() -> History:
    """One run of it."""
    return run("watched", STORY)


def kinds() -> Iterable[Kind]:
    yield Kind(
        "an event missing in a further stream", "a reader does not see what the others see",
        _long_open, _gone, ("stream-complete",),
    )  # fmt: skip
    yield Kind(
        "an event twice in a further stream", "a reader sees something twice", _seen(), _again, ("same-for-all",),
    )  # fmt: skip
    yield Kind(
        "another event in a further stream", "a reader sees something else than the others",
        _seen(), _rewritten, ("same-for-all",),
    )  # fmt: skip
    yield Kind(
        "two events swapped in a further stream", "a reader sees things in another order", _pairs, _swapped,
        ("same-for-all",),
    )  # fmt: skip
    yield Kind(
        "an event missing for guest", "it sees less than the file says", _seen("guest", "upstreamMessage"), _gone,
        ("expect[2]",), absence=True,
    )  # fmt: skip
    yield Kind(
        "an event twice for guest", "it sees more than the file says", _seen("guest"), _again, ("expect[2]",),
    )  # fmt: skip
    yield Kind(
        "an event missing for late", "it sees less than the file says", _seen("late"), _gone, ("expect[3]",),
        absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage missing for late", "the step says that it sees one",
        lambda h: [i for i in _seen("late", "upstreamMessage")(h) if h.step_at(i) == 3], _gone, ("steps[3].form[0]",),
        absence=True,
    )  # fmt: skip
    yield Kind(
        "an older event for late", "a stream that was just opened tells what was before",
        lambda h: _streams(h, "late", "opened"), _history_told, ("expect[3]", "expect[7]"),
    )  # fmt: skip
    yield Kind(
        "an event after unsubscribe", "a stream that is closed goes on", lambda h: _streams(h, "guest", "closed"),
        _goes_on, ("expect[2]",),
    )  # fmt: skip
    yield Kind(
        "late is closed too early", "a stream ends that nobody closed, and is not opened again",
        lambda h: _streams(h, "late", "opened"), _closed, ("stream-complete",),
    )  # fmt: skip
    yield Kind(
        "drops that were none", "more is said to be dropped than is missing", lambda h: _streams(h, "late", "opened"),
        _said_to_drop, ("expect[6]",),
    )  # fmt: skip
    yield Kind(
        "no event in a stream", "a reader reads something that is no event", _seen(), _garbled, ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "another state at the end of a step", "a field is not what the step set", lambda h: _states(h, 4),
        _state(found={"tags.site": "attic"}), ("steps[4].form[0]",),
    )  # fmt: skip
    yield Kind(
        "no state at the end of a step", "a field is not there that the step set", lambda h: _states(h, 4),
        _state(found={"tags.site": None}), ("steps[4].form[0]",),
    )  # fmt: skip
    yield Kind(
        "another state at the end of the run", "a field is not what it was set to", lambda h: _states(h, -1),
        _state(found={"tags.site": ""}), ("expect[8]",),
    )  # fmt: skip
    yield Kind("ciotConnect missing", "a login does not show", of("ciotConnect"), gone,
               ("expect[0]", "expect[1]", "expect[4]"), absence=True)  # fmt: skip
    yield Kind("deviceUpdated missing", "a change does not show", of("deviceUpdated"), gone,
               ("expect[0]", "expect[1]", "expect[5]"), absence=True)  # fmt: skip
    yield Kind("upstreamMessage twice", "a message shows twice", of("upstreamMessage"), twice, ("expect[1]",))
    yield Kind(
        "ciotConnect again in another step", "a step shows what it forbids",
        lambda h: [i for i in h.of("upstreamMessage") if h.step_at(i) == 3], _login_more,
        ("steps[3].form[1].never[0]", "expect[1]"),
    )  # fmt: skip


def _seen(observer: str = "", name: str = "") -> Where:
    """Where a reader sees something."""
    return lambda history: [
        i for i, x in enumerate(history.items)
        if isinstance(x, SeenRecord) and x.event.judged and observer in ("", x.observer) and name in ("", x.event.name)
    ]  # fmt: skip


def _long_open(history: History) -> list[int]:
    """What was certainly emitted while its reader's stream was open: not the first that it saw."""
    seen = _seen()(history)
    return [i for i in seen if any(_record(history, j).observer == _record(history, i).observer for j in seen if j < i)]


def _record(history: History, index: int) -> SeenRecord:
    record = history.items[index]
    assert isinstance(record, SeenRecord)
    return record


def _streams(history: History, observer: str, phase: str) -> list[int]:
    return [
        i for i, x in enumerate(history.items)
        if isinstance(x, StreamRecord) and x.observer == observer and x.phase == phase
    ]  # fmt: skip


def _states(history: History, step: int) -> list[int]:
    return [i for i, x in enumerate(history.items) if isinstance(x, StateRecord) and x.step == step]


def _gone(history: History, index: int, draw: Draw) -> list[Item]:
    return [*history.items[:index], *history.items[index + 1 :]]


def _inserted(history: History, index: int, item: Item) -> list[Item]:
    return [*history.items[:index], item, *history.items[index:]]


def _again(history: History, index: int, draw: Draw) -> list[Item]:
    return _inserted(history, index + 1, history.items[index])


def _but(record: SeenRecord, rx_s: float, **raw: object) -> SeenRecord:
    """The same event with other fields, at another time."""
    event = msgspec.structs.replace(record.event, rx_s=rx_s, raw={**record.event.raw, **raw})
    return msgspec.structs.replace(record, event=event)


def _rewritten(history: History, index: int, draw: Draw) -> list[Item]:
    record = _record(history, index)
    time = draw(st.sampled_from(["2026-01-01 01:00:00", "2025-12-31 00:00:00"]))
    return [*history.items[:index], _but(record, record.event.rx_s, time=time), *history.items[index + 1 :]]


def _pairs(history: History) -> list[int]:
    """Where two things that one reader sees follow each other while nothing else happens."""
    places = _seen()(history)
    return [i for i in places if _next(history, i)]


def _next(history: History, index: int) -> int:
    """Where its reader sees the next one; 0: not for a while."""
    record = _record(history, index)
    after = (i for i in _seen(record.observer)(history) if i > index)
    return next((i for i in after if when(history.items[i]) < record.event.rx_s + 5), 0)


def _swapped(history: History, index: int, draw: Draw) -> list[Item]:
    items, other = list(history.items), _next(history, index)
    first, second = _record(history, index), _record(history, other)
    items[index] = _but(second, first.event.rx_s)
    items[other] = _but(first, second.event.rx_s)
    return items


def _history_told(history: History, index: int, draw: Draw) -> list[Item]:
    """What the other one had seen long before."""
    old = _record(history, draw(st.sampled_from([i for i in _seen("guest", "ciotConnect")(history) if i < index])))
    record = msgspec.structs.replace(old, observer="late")
    return _inserted(history, index + 1, _but(record, when(history.items[index])))


def _goes_on(history: History, index: int, draw: Draw) -> list[Item]:
    place = draw(st.sampled_from([i for i in _seen("late", "upstreamMessage")(history) if i > index]))
    return _inserted(history, place + 1, msgspec.structs.replace(_record(history, place), observer="guest"))


def _closed(history: History, index: int, draw: Draw) -> list[Item]:
    """Nothing comes any more, and nobody says so."""
    first = _seen("late")(history)[0]
    silent = {i for i in _seen("late")(history) if i > first}
    return [item for i, item in enumerate(history.items) if i not in silent]


def _said_to_drop(history: History, index: int, draw: Draw) -> list[Item]:
    place = draw(st.integers(index + 1, len(history.items) - 1))
    t_s, count = when(history.items[place - 1]), draw(st.integers(1, 9))
    return _inserted(history, place, GapRecord(from_s=t_s, to_s=t_s, why="dropped", observer="late", dropped=count))


def _garbled(history: History, index: int, draw: Draw) -> list[Item]:
    record = _record(history, index)
    why = f"observer {record.observer}: data.bytes is a string, here: 4"
    return _inserted(history, index, GarbledRecord(rx_s=record.event.rx_s, why=why))


def _state(**fields: object) -> Callable[[History, int, Draw], list[Item]]:
    def do(history: History, index: int, draw: Draw) -> list[Item]:
        record = history.items[index]
        assert isinstance(record, StateRecord)
        return [*history.items[:index], msgspec.structs.replace(record, **fields), *history.items[index + 1 :]]

    return do


def _login_more(history: History, index: int, draw: Draw) -> list[Item]:
    login = history.message(history.of("ciotConnect")[0])
    return put(history.items, index + 1, login)


# --- what is no damage ------------------------------------------------------------------------------------------------


def slow_reader(history: History, draw: Draw) -> list[Item]:
    """What a reader sees comes a little later, and in its order."""
    by_s = draw(st.sampled_from([0.1, 0.5, 1.0]))
    moved = [_but(x, x.event.rx_s + by_s) if isinstance(x, SeenRecord) else x for x in history.items]
    fixed = [x for x in moved if not isinstance(x, SeenRecord)]
    late = [x for x in moved if isinstance(x, SeenRecord)]
    items: list[Item] = []
    for item in fixed:
        while late and when(late[0]) < when(item):
            items.append(late.pop(0))
        items.append(item)
    return items if not late else list(history.items)


def read_first(history: History, draw: Draw) -> list[Item]:
    """A reader sees something right before the run's own observer does."""
    items = list(history.items)
    for place in range(1, len(items)):
        one, before = items[place], items[place - 1]
        if not isinstance(one, SeenRecord) or not isinstance(before, Message):
            continue
        if when(before) == when(one) and before.raw == one.event.raw:
            items[place - 1], items[place] = one, before
    return items


def as_it_was(history: History, draw: Draw) -> list[Item]:
    """No difference at all: read again, it is judged again."""
    return list(history.items)


HARMLESS: Final = (slow_reader, read_first, as_it_was)
