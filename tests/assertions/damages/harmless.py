"""Differences that a healthy history may show: another platform, another moment, a newer version. None is a fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from simulator.events.records import ActRecord, GapRecord, ReceivedRecord, RunRecord

from .history import History, Item, Message, at, clock, emitted_s, later, shifted, when
from .ways import Draw

Change = Callable[[History, Draw], tuple[History, Sequence[Item]]]


@dataclass(frozen=True)
class Difference:
    """One kind of difference; `stories`: in which histories it is none, () in all."""

    name: str
    why: str
    """Why nothing may be made of it."""
    change: Change
    stories: tuple[str, ...] = ()
    settles: bool = True
    """Whether the verdict stays what it was; False: absence proves less than before."""


Rewrite = Callable[[Message, Draw], Message]


def some(rewrite: Rewrite) -> Change:
    """Some of the messages are written otherwise."""

    def change(history: History, draw: Draw) -> tuple[History, list[Item]]:
        chosen = draw(st.sets(st.sampled_from(history.messages), min_size=1, max_size=8))
        return history, [
            rewrite(item, draw) if isinstance(item, Message) and i in chosen else item
            for i, item in enumerate(history.items)
        ]

    return change


def every(rewrite: Callable[[Item], Item]) -> Change:
    """All of it is written otherwise."""
    return lambda history, draw: (history, [rewrite(item) for item in history.items])


def between(make: Callable[[History, Draw, float], Item]) -> Change:
    """Something more stands at some places."""

    def change(history: History, draw: Draw) -> tuple[History, list[Item]]:
        items = list(history.items)
        for _ in range(draw(st.integers(1, 4))):
            place = draw(st.integers(1, len(items) - 1))
            items.insert(place, make(history, draw, when(items[place - 1])))
        return history, items

    return change


# --- order and time ---------------------------------------------------------------------------------------------------


def whose(history: History, item: Item) -> str:
    """What keeps its order: the acts and events of one subject. "" is nobody in particular."""
    if isinstance(item, Message):
        return history.names.get(item.device, "")
    return item.subject if isinstance(item, (ActRecord, ReceivedRecord)) else ""


def interleaved(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """Between two steps, what happened at one moment comes in any order that keeps the order of each subject."""
    items: list[Item] = []
    moment: list[Item] = []
    for item in history.items:
        fits = whose(history, item) and (not moment or when(item) == when(moment[0]))
        if not fits:
            items += _merged(history, moment, draw)
            moment = []
        if whose(history, item):
            moment.append(item)
        else:
            items.append(item)
    return history, [*items, *_merged(history, moment, draw)]


def _merged(history: History, moment: list[Item], draw: Draw) -> list[Item]:
    queues: dict[str, list[Item]] = {}
    for item in moment:
        queues.setdefault(whose(history, item), []).append(item)
    merged = []
    while queues:
        subject = draw(st.sampled_from(sorted(queues)))
        merged.append(queues[subject].pop(0))
        if not queues[subject]:
            del queues[subject]
    return merged


def paused(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """Everything after some record comes some seconds later, less than any window is wide."""
    place, by_s = draw(st.integers(1, len(history.items) - 1)), draw(st.integers(1, 5))
    return history, [*history.items[:place], *later(history.items[place:], by_s)]


def slow_stream(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """From some event on, the stream of one collection tells what remains of the step only when all its acts are over:
    in its order, and some seconds late."""
    soon = [
        i for i in history.messages
        if i < history.acted(i) and when(history.items[history.acted(i)]) < history.message(i).rx_s + 4
    ]  # fmt: skip
    index, by_s = draw(st.sampled_from(soon)), draw(st.integers(0, 3))
    acted, collection = history.acted(index), history.message(index).collection
    slow, rest = [], []
    for item in history.items[index : acted + 1]:
        (slow if isinstance(item, Message) and item.collection == collection else rest).append(item)
    late_s = when(history.items[acted]) + by_s
    return history, [
        *history.items[:index], *rest, *(at(item, late_s) for item in slow), *later(history.items[acted + 1 :], by_s)
    ]  # fmt: skip


def _whole_seconds(item: Item) -> Item:
    return item if isinstance(item, RunRecord) else at(item, float(int(when(item))))


def later_in_the_day(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The story began later."""
    return history, later(history.items, draw(st.integers(1, 10**6)))


def coarse_clock(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The platform's clock moves in steps."""
    step_s = draw(st.sampled_from([2, 10, 60]))

    def coarse(item: Item) -> Item:
        return item.but(time=clock(emitted_s(item) // step_s * step_s)) if isinstance(item, Message) else item

    return history, [coarse(item) for item in history.items]


def clock_behind(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The platform's clock is behind, by the same all the time."""
    return history, _clock_off(history, -draw(st.integers(1, 10**6)))


def clock_off_elsewhere(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The clock of a platform that is not ours is ahead or behind."""
    history, items = elsewhere(history, draw)
    by_s = draw(st.integers(-(10**6), 10**6))
    return history, [i.but(time=shifted(i.raw["time"], by_s)) if isinstance(i, Message) else i for i in items]


def _clock_off(history: History, by_s: int) -> list[Item]:
    return [i.but(time=shifted(i.raw["time"], by_s)) if isinstance(i, Message) else i for i in history.items]


# --- another platform -------------------------------------------------------------------------------------------------


def elsewhere(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The same story told of a real platform in real time."""
    return history, [
        msgspec.structs.replace(item, target="https://span.example", time="real")
        if isinstance(item, RunRecord)
        else item
        for item in history.items
    ]


def less_data_elsewhere(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """A platform that is not ours carries only the data that its documents promise."""
    history, items = elsewhere(history, draw)
    kept = {"upstreamMessage": ("bytes", "transport"), "clientConnected": ("id",)}
    return history, [
        i.but(data={k: v for k, v in i.data.items() if k in kept.get(i.name, ())} or None)
        if isinstance(i, Message)
        else i
        for i in items
    ]


def queued_elsewhere(history: History, draw: Draw) -> tuple[History, Sequence[Item]]:
    """A platform that is not ours may show downstream messages when they are queued."""
    handed = [history.message(i) for i in history.of("downstreamMessage")]
    items: list[Item] = []
    for item in history.items:
        if item not in handed:
            items.append(item)
        if isinstance(item, ActRecord) and item.verb == "send" and item.phase == "ended":
            whose = (item.subject, str(item.size))
            one = next((m for m in handed if (history.names[m.device], m.data["bytes"]) == whose), None)
            if one is not None:
                items.append(replace(one, rx_s=item.t_s).but(time=clock(item.t_s)))
    return elsewhere(history.with_items(items), draw)


def sessions_elsewhere(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """A platform that is not ours may tell when a session ends, and know a device by what it likes."""
    history, items = elsewhere(history, draw)
    place = draw(st.sampled_from(history.of("clientConnected")))
    message = history.message(place)
    items[place] = message.with_data(id="certificate")
    items.insert(place + 1, message.but(event="clientDisconnected", data=None))
    return history, items


def other_addresses(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The mobile network gives out other addresses, and none twice."""
    first = draw(st.integers(0, 200))
    new: dict[str, str] = {}

    def moved(item: Item) -> Item:
        if not isinstance(item, Message) or "ip" not in item.data:
            return item
        return item.with_data(ip=new.setdefault(item.data["ip"], f"10.70.0.{first + len(new)}"))

    return history, [moved(item) for item in history.items]


def login_not_answered(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The network let a device in, and it never heard of that: nobody knows from now on whether it is in session."""
    items = list(history.items)
    for place in draw(st.sets(st.sampled_from(history.acts("attach", outcome="ok")), min_size=1)):
        items[place] = msgspec.structs.replace(items[place], outcome="failed")
    return history, items


def other_ids(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The platform numbers its devices, collections and messages in another way."""
    prefix = draw(st.sampled_from(["x", "ä/", "0", "device-", "{", "17dh0cf43jfif"]))
    known = {**history.names, **history.collections}

    def new(text: str) -> str:
        return prefix + text[::-1] if text in known else text

    def renamed(item: Item) -> Item:
        if not isinstance(item, Message):
            return item
        values = {key: new(value) for key, value in item.data.items()}
        if "messageId" in values:
            values["messageId"] = f"{prefix}{values['messageId']}"
        ids = {key: new(str(item.raw[key])) for key in ("deviceId", "collectionId") if key in item.raw}
        return item.but(**ids, data=values or None)

    names = {new(device): name for device, name in history.names.items()}
    collections = {new(collection): name for collection, name in history.collections.items()}
    return replace(history, names=names, collections=collections), [renamed(item) for item in history.items]


# --- the messages themselves ------------------------------------------------------------------------------------------

KEEPALIVES: Final = (
    {"type": "keepalive"},
    {"type": "keepalive", "time": "2026-01-01 00:00:00"},
    {"type": "welcome", "version": "9"},
    {"event": "note"},
    {},
)
"""Objects without a collection are skipped (span §3.2)."""


def _keepalive(history: History, draw: Draw, now: float) -> Item:
    return Message(now, draw(st.sampled_from(KEEPALIVES)))


def _unknown_event(history: History, draw: Draw, now: float) -> Item:
    """Of a device as it lives now: known when the story began, and never moved or removed in it."""
    other = {history.subject(i) for i in history.of("deviceMoved", "deviceRemoved", "deviceCreated")}
    settled = {history.message(i).device: history.message(i).collection for i in history.messages}
    device = draw(st.sampled_from([d for d in settled if history.names[d] not in other]))
    name = draw(st.sampled_from(["deviceSlept", "upstreamMessageStored", "certificateRenewed", "ünïcode"]))
    data = draw(st.sampled_from([None, {}, {"why": "because"}]))
    raw = {"event": name, "time": clock(now), "collectionId": settled[device], "deviceId": device}
    return Message(now, raw).but(data=data)


def _gateway(history: History, draw: Draw, now: float) -> Item:
    name = draw(st.sampled_from(["gatewayConnected", "gatewayDisconnected", "gatewayConfigUpdate"]))
    data = {"remoteAddress": "192.0.2.1:4711"} if name == "gatewayConnected" else None
    collection = draw(st.sampled_from(sorted(history.collections)))
    raw = {"event": name, "time": clock(now), "collectionId": collection, "gatewayId": "17dh0cf43zzzzz"}
    return Message(now, raw).but(data=data)


def _new_fields(message: Message, draw: Draw) -> Message:
    value = draw(st.sampled_from(["", "x", 1, None, [1], {"a": {}}, True]))
    name = draw(st.sampled_from(["id", "version", "_", "device", "collection", "tags", "gateway"]))
    raw: dict[str, Any] = {**message.raw, name: value}
    return replace(message, raw=raw, text=None)


def _new_data(message: Message, draw: Draw) -> Message:
    key = draw(st.sampled_from(["rat", "cell", "note", "Bytes", "size", "", "ключ"]))
    more = {key: draw(st.sampled_from(["", "lte-m", "4", "x" * 300]))}
    if message.name == "clientDisconnected":
        return message  # ours has none (span §3.4)
    return message.but(data={**more, **message.data})  # what is there already keeps its meaning


def _other_order(message: Message, draw: Draw) -> Message:
    keys = draw(st.permutations(list(message.raw)))
    return replace(message, raw={key: message.raw[key] for key in keys}, text=None)


def _other_text(message: Message, draw: Draw) -> Message:
    text = json.dumps(message.raw, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
    text = draw(st.sampled_from(["", "\n", " "])) + text + draw(st.sampled_from(["", "\n", "\r\n", " "]))
    return replace(message, text=text.encode() if draw(st.booleans()) else text)


def _no_data(message: Message, draw: Draw) -> Message:
    return message.but(data={}) if not message.data else message


def _unspecified(message: Message, draw: Draw) -> Message:
    return message.with_data(transport="unspecified") if message.name == "upstreamMessage" else message


def _datagram_lost(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """Datagrams may be lost without anybody's fault, as long as no step expects them."""
    lost = draw(st.sets(st.sampled_from(history.of("upstreamMessage", transport="udp")), min_size=1))
    # The first datagram after a login makes it connected: what is lost here is what came after it.
    return history, [item for i, item in enumerate(history.items) if i not in lost]


def _answer_lost(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The platform took the message, and the device never heard of it."""
    lost = draw(st.sampled_from(history.acts("upload")))
    items = list(history.items)
    items[lost] = msgspec.structs.replace(items[lost], outcome="timeout", transmissions=5)
    return history, items


def _gap(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """The observer may have been blind, and has missed nothing."""
    items = list(history.items)
    place = draw(st.integers(1, len(items) - 1))
    to_s = when(items[place - 1])
    from_s = max(0.0, to_s - draw(st.sampled_from([0.0, 0.5, 5.0, 100.0])))
    items.insert(place, GapRecord(from_s=from_s, to_s=to_s, why="lost the connection"))
    return history, items


def _other_collection_lags(history: History, draw: Draw) -> tuple[History, list[Item]]:
    """Nothing orders the stream of the collection that a device has left after that of the one it came to."""
    moved = [i for i in history.of("deviceMoved") if history.message(i).collection == history.message(i).data["from"]]
    index = draw(st.sampled_from(moved))
    end = history.step_end(index)
    following = [
        i for i in range(end, len(history.items))
        if isinstance(history.items[i], Message) and history.items[i].collection == history.message(index).collection  # type: ignore[union-attr]
    ]  # fmt: skip
    limit = min([len(history.items) - 1, *following])  # its own stream keeps its order
    soon = [i for i in range(index + 1, limit + 1) if when(history.items[i]) < when(history.items[index]) + 8]
    place = draw(st.sampled_from(soon))
    items = [item for i, item in enumerate(history.items) if i != index]
    items.insert(place - 1, at(history.message(index), when(history.items[place - 1])))
    return history, items


BARE: Final = ("reports", "life", "messages", "radio")
"""Stories that expect nothing."""

THEIR_OWN: Final = (*BARE, "told", "refused")
"""Stories in which nobody is taken for another one: there an event is ordered by the acts of its own device alone."""

DIFFERENCES: Final = (
    Difference("other devices between", "no order across devices is promised (span §3.4)", interleaved, THEIR_OWN),
    Difference("keepalives", "objects without a collection are no events (span §3.2)", between(_keepalive)),
    Difference("unknown events", "platforms grow; a name that nobody asks for says nothing", between(_unknown_event)),
    Difference("gateways", "an event of a gateway is of no device (span §3.4)", between(_gateway)),
    Difference("unknown fields", "an event has more than it must (span §3.3)", some(_new_fields)),
    Difference("unknown data", "data has more than it must (span §3.3)", some(_new_data)),
    Difference("fields in another order", "the order on the wire is free (span §3.2)", some(_other_order)),
    Difference("written otherwise", "bytes or text, indented, with a newline (span §3.2)", some(_other_text)),
    Difference("empty data", "no data and empty data are the same", some(_no_data)),
    Difference("transport not told", "the published session says unspecified (span §3.3)", some(_unspecified), BARE),
    Difference("equal times", "many things happen within one second", every(_whole_seconds)),
    Difference("later in the day", "the story begins when it begins", later_in_the_day),
    Difference("a pause", "later, and within every window", paused),
    Difference("a slow stream", "arrival is not bound to the act's end", slow_stream, ("reports", "life", "refused")),
    Difference("the old collection lags", "two collections have two streams", _other_collection_lags, ("life",)),
    Difference("a coarse clock", "times have a resolution of a second or worse", coarse_clock),
    Difference("a clock that is behind", "clocks need not agree", clock_behind),
    Difference("another clock elsewhere", "clocks need not agree", clock_off_elsewhere),
    Difference("a real platform", "what it has in common with ours is what is promised", elsewhere),
    Difference(
        "less data elsewhere", "data keys are the embedded server's choice (span §3.4)", less_data_elsewhere, BARE
    ),
    Difference("queued elsewhere", "when it shows is the embedded server's choice", queued_elsewhere, ("messages",)),
    Difference("sessions elsewhere", "so is how sessions are told of (span §3.4)", sessions_elsewhere, BARE),
    Difference("other addresses", "the network gives them out", other_addresses, (*BARE, "refused")),
    Difference("a login not answered", "the device was let in all the same", login_not_answered, BARE),
    Difference("other ids", "ids are the platform's own", other_ids),
    Difference(
        "a datagram lost", "plain datagrams may be lost", _datagram_lost, ("reports", "life", "messages", "radio")
    ),
    Difference("an answer lost", "the message arrived all the same", _answer_lost, ("radio",)),
    Difference("a gap without a loss", "blindness alone is no fault", _gap, (), settles=False),
)
