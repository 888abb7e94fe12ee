"""What does not go with the acts of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from .history import History, Item, Message
from .ways import ACTS, Do, Draw, Kind, Where, put

CHECKED: Final = ("attach", "upload", "poll", "send", "update")
"""Acts that these stories want to be ok."""


def unlike_the_acts() -> Iterable[Kind]:
    for event, verb in ACTS.items():
        yield Kind(
            f"{event} of a refused {verb}", f"the {verb} was refused and shows all the same",
            _accepted(verb), _refused, ("act-once",),
        )  # fmt: skip
        yield Kind(
            f"{event} without a {verb}", f"a {verb} shows that nobody did", _accepted(verb), _not_done, ("act-once",),
        )  # fmt: skip
    yield Kind(
        "upstreamMessage without an upload", "a message shows that nobody sent",
        lambda h: [i for i in _accepted("upload")(h) if h.story != "radio"], _not_done, ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage without a send", "a message is handed over that nobody queued", _accepted("send"), _not_done,
        ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage of a refused send", "a message is handed over that the platform refused to queue",
        _accepted("send"), _refused, ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "act that came to something else", "an act did not come to what its step asks for",
        lambda h: [i for verb in CHECKED for i in _accepted(verb)(h)] if h.story != "radio" else [], _failed,
        ("step.outcome",),
    )  # fmt: skip
    yield Kind(
        "mismatch of an accepted login", "a login was accepted and shows a mismatch all the same",
        lambda h: h.of("ciotConnect") if not h.acts("attach", outcome="rejected") else [], _mismatch,
        ("mismatch-once",),
    )  # fmt: skip
    yield Kind(
        "deviceUpdated without a cause", "a change shows that nobody made",
        lambda h: h.messages if not h.acts("move", "began") and not h.acts("update", "began") else [],
        _event_more("deviceUpdated"), ("act-once",),
    )  # fmt: skip
    yield Kind(
        "deviceCreated without a cause", "a creation shows that nobody asked for",
        lambda h: h.messages if not h.acts("create", "began") else [], _event_more("deviceCreated"), ("act-once",),
    )  # fmt: skip
    yield Kind(
        "message that was never queued", "a message is handed over although none was ever queued",
        lambda h: h.of("upstreamMessage") if not h.acts("send", "began") else [], _delivery_more,
        ("downstream-queued",),
    )  # fmt: skip


def _accepted(verb: str) -> Where:
    """Ends of such acts that were accepted."""
    return lambda history: history.acts(verb, outcome="ok")


def _with_end(history: History, index: int, **fields: Any) -> list[Item]:
    items = list(history.items)
    items[index] = msgspec.structs.replace(items[index], **fields)
    return items


def _refused(history: History, index: int, draw: Draw) -> list[Item]:
    return _with_end(history, index, outcome="rejected")


def _failed(history: History, index: int, draw: Draw) -> list[Item]:
    return _with_end(history, index, outcome=draw(st.sampled_from(["timeout", "failed", "coap 5.03"])), expected=False)


def _not_done(history: History, index: int, draw: Draw) -> list[Item]:
    """Neither the beginning nor the end of an act is there."""
    end = history.items[index]

    def same(item: Item) -> bool:
        keys = ("step", "verb", "subject", "n")
        return not isinstance(item, Message) and all(getattr(item, k, None) == getattr(end, k) for k in keys)

    return [item for item in history.items if not same(item)]


def _mismatch(history: History, index: int, draw: Draw) -> list[Item]:
    name, other = draw(st.sampled_from([("imeiMismatch", "expectedImei"), ("imsiMismatch", "expectedImsi")]))
    data = {"imsi": "999990000000001", "imei": "350000000000006", other: "350000000000014"}
    # Once all logins are accepted: until then one of them might still be refused.
    last = history.acts("attach")[-1]
    place = draw(st.integers(max(last, index) + 1, len(history.items) - 1))
    return put(history.items, place, history.message(index).but(event=name, data=data))


def _event_more(name: str) -> Do:
    def do(history: History, index: int, draw: Draw) -> list[Item]:
        return put(history.items, index + 1, history.message(index).but(event=name, data=None))

    return do


def _delivery_more(history: History, index: int, draw: Draw) -> list[Item]:
    message = history.message(index)
    data = {"messageId": "17dh0cf43zzzzz", "bytes": "4", "transport": message.data["transport"]}
    return put(history.items, index + 1, message.but(event="downstreamMessage", data=data))
