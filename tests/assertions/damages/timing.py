"""What comes too early, too late, or in another order."""

from __future__ import annotations

from collections.abc import Iterable

from .history import History, Item
from .ways import (
    ACTS,
    QUEUED,
    TOLD,
    TOLD_NEXT,
    Draw,
    Kind,
    caused_by,
    early,
    first_contact,
    gone,
    late,
    of,
    put,
    sure,
    swapped,
    told,
)


def untimely() -> Iterable[Kind]:
    for event, verb in ACTS.items():
        found = f"{event} shows before anybody asked for the {verb}"
        yield Kind(f"{event} too early", found, caused_by(verb, names=(event,)), early(verb), ("act-once",))
        checks = ("act-once",) if event == "deviceMoved" else ("act-once", TOLD)
        yield Kind(f"{event} too late", f"the {verb} shows after its time", of(event), late, checks, absence=True)
    yield Kind(
        "upstreamMessage too early", "a message shows before it was sent",
        lambda h: [i for i in sure("upstreamMessage")(h) if h.story not in ("radio", "exchanged", "taken")],
        early("upload"), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upstreamMessage of udp too early", "a datagram shows before it was sent",
        lambda h: h.of("upstreamMessage", transport="udp") if h.story != "radio" else [], early("upload"),
        ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upstreamMessage too late", "an answered upload shows after its time",
        lambda h: [i for i in sure("upstreamMessage")(h) if h.story != "radio"], late, ("upload-once", TOLD),
        absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage of udp too late", "a datagram shows after the time of its step",
        told("upstreamMessage", transport="udp"), late, (TOLD,), absence=True,
    )  # fmt: skip
    yield Kind(
        "clientConnected too late", "a device connects after its first message", first_contact, _after_message,
        ("connected-first", TOLD_NEXT), absence=True,
    )  # fmt: skip
    yield Kind(
        "clientConnected before ciotConnect", "a device connects before it has logged in", first_contact,
        _before_login, ("connected-first",), absence=True,
    )  # fmt: skip
    yield Kind(
        "downstreamMessage before it was queued", "a message is handed over that nobody has queued yet",
        _first_deliveries, _before_queueing, ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage at queueing", "a message counts as handed over when it was only queued",
        lambda h: [i for i in h.of("downstreamMessage") if h.story == "told"], _at_queueing, (QUEUED,),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage too late", "the delivery shows after the time of its step", told("downstreamMessage"), late,
        (TOLD,), absence=True,
    )  # fmt: skip
    yield Kind(
        "two uploads swapped", "messages of one device show in another order than they were sent",
        _two_uploads, _swap_uploads, ("upload-once",),
    )  # fmt: skip


def _after_message(history: History, index: int, draw: Draw) -> list[Item]:
    device = history.message(index).device
    other = next(j for j in history.messages if j > index and history.message(j).device == device)
    return swapped(history, index, other)


def _before_login(history: History, index: int, draw: Draw) -> list[Item]:
    device = history.message(index).device
    logins = [j for j in history.of("ciotConnect") if j < index and history.message(j).device == device]
    return put(gone(history, index, draw), logins[-1], history.message(index))


def _first_deliveries(history: History) -> list[int]:
    """The first message that is handed to each device."""
    first: dict[str, int] = {}
    for i in history.of("downstreamMessage"):
        first.setdefault(history.message(i).device, i)
    return list(first.values())


def _before_queueing(history: History, index: int, draw: Draw) -> list[Item]:
    subject = history.subject(index)
    queued = [i for i in history.acts("send", "began") if history.items[i].subject == subject]  # type: ignore[union-attr]
    return put(gone(history, index, draw), queued[0], history.message(index))


def _at_queueing(history: History, index: int, draw: Draw) -> list[Item]:
    subject = history.subject(index)
    queued = [i for i in history.acts("send") if i < index and history.items[i].subject == subject]  # type: ignore[union-attr]
    return put(gone(history, index, draw), queued[-1] + 1, history.message(index))


def _two_uploads(history: History) -> list[int]:
    """Messages whose next one of the same device has another size and was sent after they were shown."""
    return [i for i in sure("upstreamMessage")(history) if _next_upload(history, i) >= 0 and history.story != "radio"]


def _next_upload(history: History, index: int) -> int:
    message = history.message(index)
    own = [j for j in history.of("upstreamMessage") if j > index and history.message(j).device == message.device]
    if not own or history.message(own[0]).data["bytes"] == message.data["bytes"]:
        return -1
    return own[0] if history.began(own[0], "upload") > index else -1


def _swap_uploads(history: History, index: int, draw: Draw) -> list[Item]:
    return swapped(history, index, _next_upload(history, index))
