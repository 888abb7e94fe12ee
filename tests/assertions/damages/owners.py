"""What is of another device, in another collection, or of one that is no more."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from .history import History, Item, Message
from .stories import SWAPS
from .ways import ACTS, Draw, Kind, changed, first_contact, has_neighbour, of, of_another, put, sure


def of_others() -> Iterable[Kind]:
    for event, verb in ACTS.items():
        yield Kind(
            f"{event} of another device", f"a {verb} shows as that of a device that did not do it",
            # Of a swap nobody knows for whom a login is taken, but that it is one.
            lambda h, event=event: [i for i in h.of(event) if has_neighbour(h, i) and h.story not in SWAPS],
            changed(of_another), ("act-once",),
        )  # fmt: skip
    yield Kind(
        "upstreamMessage of another device", "a message shows as that of a device that did not send it",
        lambda h: [i for i in sure("upstreamMessage")(h) if has_neighbour(h, i) and h.story != "radio"],
        changed(of_another), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage of another device", "a message is handed to a device that none was queued for",
        lambda h: [i for i in h.of("downstreamMessage") if has_neighbour(h, i)], _to_another_at_the_end,
        ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "clientConnected of another device", "the first message comes from a device that never connected",
        lambda h: [i for i in first_contact(h) if has_neighbour(h, i)], changed(of_another), ("connected-first",),
        absence=True,
    )  # fmt: skip
    yield Kind(
        "event of an unknown device", "the stream tells of a device that is none of this run",
        lambda h: h.messages, changed(lambda m, h, d: m.but(deviceId=d(st.sampled_from(["17dh0cf43zzzzz", "", "x"])))),
        ("known-owner",),
    )  # fmt: skip
    yield Kind(
        "event of nobody", "an event of a device does not say of which", lambda h: h.messages,
        changed(lambda m, h, d: m.but(deviceId=None)), ("event-shape",),
    )  # fmt: skip


def _to_another_at_the_end(history: History, index: int, draw: Draw) -> list[Item]:
    """Where all that was queued has been handed over, so that nothing can excuse it."""
    last = history.of("downstreamMessage")[-1]
    message = of_another(history.message(index), history, draw).with_data(messageId="17dh0cf43zzzzz")
    return put(history.items, last + 1, message)


def misplaced() -> Iterable[Kind]:
    yield Kind(
        "event in another collection", "a device shows in a collection where it was never put",
        _before_any_move, changed(_elsewhere), ("right-collection",),
    )  # fmt: skip
    yield Kind(
        "event in an unknown collection", "a device shows in a collection that is none of this run",
        lambda h: h.messages, changed(lambda m, h, d: m.but(collectionId="17dh0cf43zzzzz")), ("right-collection",),
    )  # fmt: skip
    yield Kind(
        "event in the collection that it left", "a device shows where it has moved away from",
        _after_move, _in_the_old_one, ("gone-after-move",), absence=True,
    )  # fmt: skip
    yield Kind(
        "event in the new collection before the move", "a device shows in a collection that it comes to later",
        _before_move, _in_the_new_one, ("right-collection",),
    )  # fmt: skip
    yield Kind(
        "event after removal", "a device shows after it was removed", of("deviceRemoved"), _after_removal,
        ("silent-after-removal",),
    )  # fmt: skip
    yield Kind(
        "firmware event after removal", "a removed device reports", of("deviceRemoved"), _firmware_after_removal,
        ("silent-after-removal",),
    )  # fmt: skip


def _elsewhere(message: Message, history: History, draw: Draw) -> Message:
    homes = {history.groups[history.names[message.device]].collection or "default"}
    moves = {step.act.to or "default" for step in history.scenario.steps if step.verb == "move"}  # type: ignore[union-attr]
    others = [c for c, name in history.collections.items() if name not in homes | moves]
    return message.but(collectionId=draw(st.sampled_from(others)))


def _before_any_move(history: History) -> list[int]:
    if history.story in ("life", "told"):  # collections that somebody moves to are another kind
        moves = history.acts("move", "began")
        others = {"life": ("old", "new", "others"), "told": ("meters", "clocks", "sensors")}[history.story]
        free = [i for i in history.messages if i < moves[0] and history.subject(i).split(".")[0] in others]
        return [i for i in free if _other_homes(history, i)]
    return [i for i in history.messages if _other_homes(history, i)]


def _other_homes(history: History, index: int) -> bool:
    homes = {history.groups[history.subject(index)].collection or "default"}
    moves = {step.act.to or "default" for step in history.scenario.steps if step.verb == "move"}  # type: ignore[union-attr]
    return bool(set(history.collections.values()) - homes - moves)


def _moves_of(history: History, index: int, *, before: bool) -> list[int]:
    """The device's deviceMoved before or after an event, those of the collection that it comes to."""
    message = history.message(index)
    return [
        i
        for i in history.of("deviceMoved")
        if (i < index) is before and i != index and history.message(i).device == message.device
        and history.message(i).collection == history.message(i).data["to"]
    ]  # fmt: skip


def _after_move(history: History) -> list[int]:
    movers = [i for i in history.messages if history.message(i).name != "deviceMoved"]
    return [i for i in movers if _moves_of(history, i, before=True)]


def _in_the_old_one(history: History, index: int, draw: Draw) -> list[Item]:
    left = history.message(_moves_of(history, index, before=True)[-1]).data["from"]
    return changed(lambda m, h, d: m.but(collectionId=left))(history, index, draw)


def _before_move(history: History) -> list[int]:
    first = history.acts("move", "began")
    if not first:
        return []
    return [i for i in history.messages if i < first[0] and _moves_of(history, i, before=False)]


def _in_the_new_one(history: History, index: int, draw: Draw) -> list[Item]:
    to = history.message(_moves_of(history, index, before=False)[0]).data["to"]
    return changed(lambda m, h, d: m.but(collectionId=to))(history, index, draw)


def _after_removal(history: History, index: int, draw: Draw) -> list[Item]:
    removed = history.message(index)
    own = [i for i in history.messages if i < index and history.message(i).device == removed.device]
    again = history.message(draw(st.sampled_from(own)))
    place = draw(st.integers(index + 1, len(history.items) - 1))
    return put(history.items, place, again.but(collectionId=removed.collection))


def _firmware_after_removal(history: History, index: int, draw: Draw) -> list[Item]:
    data = {"version": "1.10", "model": "m", "serial": "s", "manufacturer": "f"}
    place = draw(st.integers(index + 1, len(history.items) - 1))
    return put(history.items, place, history.message(index).but(event="firmwareCheck", data=data))
