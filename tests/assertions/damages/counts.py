"""What is missing, and what comes twice."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from .history import History, Item
from .ways import ACTS, TOLD, Draw, Kind, first_contact, gone, of, put, sure, told, twice


def missing() -> Iterable[Kind]:
    for event, verb in ACTS.items():
        checks = ("act-once",) if event == "deviceMoved" else ("act-once", TOLD)
        yield Kind(f"{event} missing", f"the accepted {verb} never shows", of(event), gone, checks, absence=True)
    yield Kind(
        "clientConnected missing", "the first message comes from a device that never connected",
        first_contact, gone, ("connected-first", TOLD), absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage missing", "the platform answered an upload and never shows it",
        of("upstreamMessage", transport="coap", stories=("reports", "life", "messages", "told", "refused")), gone,
        ("upload-once", TOLD), absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage missing on a poor radio", "an answered upload never shows, though others were repeated",
        lambda h: sure("upstreamMessage")(h) if h.story == "radio" else [], gone, ("upload-once",), absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage of udp missing", "the expected message of a datagram never shows",
        told("upstreamMessage", transport="udp"), gone, (TOLD,), absence=True,
    )  # fmt: skip
    yield Kind(
        "downstreamMessage missing", "the expected delivery never shows",
        told("downstreamMessage"), gone, (TOLD,), absence=True,
    )  # fmt: skip
    yield Kind(
        "mismatch missing", "a login is refused and nobody is told why",
        told("imsiMismatch", "imeiMismatch"), gone, (TOLD,), absence=True,
    )  # fmt: skip


def doubled() -> Iterable[Kind]:
    for event, verb in ACTS.items():
        check = "silent-after-removal" if event == "deviceRemoved" else "act-once"
        yield Kind(f"{event} doubled", f"one {verb} shows twice", of(event), twice, (check,))
    yield Kind(
        "clientConnected doubled", "a device connects twice after one login", of("clientConnected"), twice,
        ("connected-once",), absence=True,
    )  # fmt: skip
    yield Kind(
        "clientConnected with every message", "a device connects again with a later message",
        _later_uploads, _connected_again, ("connected-once",), absence=True,
    )  # fmt: skip
    yield Kind(
        "upstreamMessage doubled", "one answered upload shows twice", sure("upstreamMessage"), twice, ("upload-once",)
    )
    yield Kind(
        "upstreamMessage of udp doubled", "one datagram shows twice, on a link that copies nothing",
        lambda h: h.of("upstreamMessage", transport="udp") if h.story != "radio" else [], twice, ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage doubled", "one message is handed over twice", of("downstreamMessage"), twice,
        ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage doubled under another id", "more messages are handed over than were queued",
        of("downstreamMessage"), _delivered_again, ("downstream-queued",),
    )  # fmt: skip
    yield Kind(
        "mismatch doubled", "one refused login shows two mismatches of a kind", of("imsiMismatch", "imeiMismatch"),
        _mismatch_again, ("mismatch-once",),
    )  # fmt: skip


def _later_uploads(history: History) -> list[int]:
    """Messages that came less than a minute after the device's clientConnected, and not next after it."""
    found = []
    for i in history.of("upstreamMessage"):
        own = [j for j in history.messages if j < i and history.message(j).device == history.message(i).device]
        connected = [j for j in own if history.message(j).name in ("clientConnected", "ciotConnect")]
        if connected and history.message(connected[-1]).name == "clientConnected" and own[-1] != connected[-1]:
            same = history.message(connected[-1]).collection == history.message(i).collection
            if same and history.message(i).rx_s - history.message(connected[-1]).rx_s < 50:
                found.append(i)
    return found


def _connected_again(history: History, index: int, draw: Draw) -> list[Item]:
    message = history.message(index).but(event="clientConnected", data={"id": "ip"})
    return put(history.items, index + 1, message)


def _delivered_again(history: History, index: int, draw: Draw) -> list[Item]:
    """The message that was handed over comes again at the end, as another one."""
    end = max(i for i in history.messages if i >= index) + 1
    last = max((i for i in history.of("downstreamMessage") if i >= index), default=index)
    place = draw(st.integers(last + 1, end))
    return put(history.items, place, history.message(index).with_data(messageId="17dh0cf43zzzzz"))


def _mismatch_again(history: History, index: int, draw: Draw) -> list[Item]:
    """As often as logins of this run were refused, and once more."""
    refused = len(history.acts("attach", outcome="rejected"))
    items: list[Item] = list(history.items)
    for _ in range(refused):
        items = put(items, index + 1, history.message(index))
    return items
