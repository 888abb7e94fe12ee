"""What has other values than it must, or is no event at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from .history import History, Item, Message, shifted
from .ways import ACTS, TOLD, Draw, Kind, changed, of, sure, told

VALUES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "ciotConnect": {
        "imsi": ("", "12", "99999000000004x", "12345678901234567"),
        "imei": ("", "x", "-35000000000006"),
        "ip": ("", "10.64.0", "10.64.0.256", "10.64.0.1:1", "localhost"),
    },
    "clientConnected": {"id": ("", "IP", "10.64.0.1", "cert")},
    "upstreamMessage": {"bytes": ("", "-1", "4.0", "4 B", "many", "٤"), "transport": ("", "UDP", "tcp", "smoke")},
    "downstreamMessage": {"bytes": ("", "-1", "x"), "transport": ("", "COAP", "smoke"), "messageId": ("",)},
    "deviceMoved": {"from": ("",), "to": ("",)},
    "imsiMismatch": {"imsi": ("", "12"), "imei": ("", "12")},
}
"""Event → key of its data → values that cannot be (span §3.4)."""


def mangled() -> Iterable[Kind]:
    for event, keys in VALUES.items():
        for key, bad in keys.items():
            yield Kind(
                f"{event} without {key}", f"{key} is missing", of(event),
                changed(lambda m, h, d, key=key: m.with_data(**{key: None})), ("event-shape",),
            )  # fmt: skip
            yield Kind(
                f"{event} with an impossible {key}", f"{key} cannot be that", of(event),
                changed(lambda m, h, d, key=key, bad=bad: m.with_data(**{key: d(st.sampled_from(bad))})),
                ("event-shape",),
            )  # fmt: skip
    yield Kind(
        "upstreamMessage with a wrong size", "a message shows with another size than was sent",
        sure("upstreamMessage"), changed(_other_size), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upstreamMessage of udp with a wrong size", "a datagram shows with another size than was sent",
        lambda h: h.of("upstreamMessage", transport="udp"), changed(_other_size), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upstreamMessage of the other transport", "a message shows as having come over another transport",
        of("upstreamMessage"), changed(_other_transport), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "downstreamMessage with a wrong size", "a message is handed over with another size than was queued",
        of("downstreamMessage"), changed(_other_size), ("downstream-queued",),
    )  # fmt: skip
    for event, key, values in (
        ("ciotConnect", "ip", ("192.168.0.1", "10.65.0.1")),
        ("ciotConnect", "imsi", ("001010000000001",)),
        ("ciotConnect", "imei", ("356938035643809",)),
        ("clientConnected", "id", ("certificate",)),
        ("upstreamMessage", "transport", ("coaps", "dtls", "http")),
        ("upstreamMessage", "bytes", ("1", "4000000")),
        ("downstreamMessage", "transport", ("dtls",)),
        ("downstreamMessage", "bytes", ("1", "6", "500")),
        ("imsiMismatch", "expectedImsi", ("999990000000043", "")),
    ):
        yield Kind(
            f"{event} with another {key} than was asked for", f"{key} is well-formed, and not what it must be",
            told(event, key=key),
            changed(lambda m, h, d, key=key, values=values: m.with_data(**{key: d(st.sampled_from(values))})), (TOLD,),
            absence=True,
        )  # fmt: skip
    yield Kind(
        "deviceMoved from or to elsewhere", "a move shows between other collections than it was between",
        told("deviceMoved", key="to"), _moved_elsewhere, (TOLD,), absence=True,
    )  # fmt: skip
    yield Kind(
        "a value that is no text", "all values are strings",
        lambda h: [i for i in h.messages if h.message(i).data], changed(_no_text), ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "data that is no object", "data is an object", lambda h: h.messages,
        changed(lambda m, h, d: m.but(data=d(st.sampled_from(["", "x", 1, [], True])))), ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "event that lacks a field", "an event has a name and a time", lambda h: h.messages,
        changed(lambda m, h, d: m.but(**{d(st.sampled_from(["event", "time"])): None})), ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "field of another type", "name, time, collection and device are strings", lambda h: h.messages,
        changed(lambda m, h, d: m.but(**{d(st.sampled_from(["event", "time", "collectionId", "deviceId"])): 7})),
        ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "time that cannot be read", "an event tells its time in the platform's form", lambda h: h.messages,
        changed(lambda m, h, d: m.but(time=d(st.sampled_from(TIMES)))), ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "time that lies ahead", "an event bears a time that has not come yet", lambda h: h.messages,
        changed(lambda m, h, d: m.but(time=_shifted(m, d(st.integers(4, 10**6))))), ("event-shape",),
    )  # fmt: skip
    yield Kind(
        "garbled line", "the stream carries something that is no event", lambda h: h.messages, changed(_garbled),
        ("event-shape",),
    )  # fmt: skip
    for event in (*ACTS, "upstreamMessage"):
        check = "upload-once" if event == "upstreamMessage" else "act-once"
        yield Kind(
            f"{event} under another name", "what was promised is not there, and something unknown is",
            lambda h, event=event: h.of(event, transport="coap") if h.story != "radio" else [], changed(_other_name),
            (check,) if event == "deviceMoved" else (check, TOLD), absence=True,
        )  # fmt: skip


def _other_name(message: Message, history: History, draw: Draw) -> Message:
    name = message.name
    return message.but(event=draw(st.sampled_from([name.upper(), name[:-1], f"{name}d", f" {name}", "event"])))


TIMES: Final = ("", "yesterday", "2026-01-01", "2026-01-01T00:00:01Z", "2026-13-01 00:00:00", "1767225600")


def _shifted(message: Message, by_s: int) -> str:
    return shifted(str(message.raw["time"]), by_s)


def _other_size(message: Message, history: History, draw: Draw) -> Message:
    """No size that anybody in any of the stories uses."""
    return message.with_data(bytes=str(draw(st.sampled_from([1, 3, 999, 77777]))))


def _other_transport(message: Message, history: History, draw: Draw) -> Message:
    others = {"udp", "coap", "dtls", "coaps"} - {message.data["transport"]}
    return message.with_data(transport=draw(st.sampled_from(sorted(others))))


def _moved_elsewhere(history: History, index: int, draw: Draw) -> list[Item]:
    """Both streams say so."""
    key = draw(st.sampled_from(["from", "to"]))
    wrong = draw(st.sampled_from(["17dh0cf43zzzzz", *sorted(history.collections)]))
    right = history.message(index).data[key]
    device = history.message(index).device
    return [
        item.with_data(**{key: wrong if wrong != right else "17dh0cf43zzzzz"})
        if isinstance(item, Message) and item.name == "deviceMoved" and item.device == device
        else item
        for item in history.items
    ]


def _no_text(message: Message, history: History, draw: Draw) -> Message:
    key = draw(st.sampled_from(sorted(message.data)))
    wrong = draw(st.sampled_from([4, 4.5, True, ["4"], {"a": "b"}]))
    return message.but(data={**message.data, key: wrong})


def _garbled(message: Message, history: History, draw: Draw) -> Message:
    text = json.dumps(message.raw)
    return replace(
        message,
        text=draw(
            st.sampled_from([
                "", "null", "[]", "4", '"event"', text[:-1], text[1:], text[: len(text) // 2], text + text,
                f"[{text}]", text.replace(":", "=", 1), text.encode("utf-16"), b"\xff\xfe" + text.encode(),
            ])
        ),
    )  # fmt: skip
