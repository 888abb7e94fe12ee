"""The server's own view of its events: one readable line each, for the person who watches it run."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from simulator.protocol.ids import decode
from simulator.server.span.registry import Registry

_NAME_WIDTH = 18


class _Event(msgspec.Struct):
    event: str = ""
    time: str = ""
    collectionId: str = ""
    deviceId: str = ""
    data: dict[str, str] = {}


class _Notice(msgspec.Struct):
    type: str = ""
    dropped: str = "0"


def describe(message: bytes, name_of: Callable[[str], str], time: str) -> str | None:
    """One message of an activity stream as a line of text; None: nothing to tell (a keepalive).

    `time`: for what tells none itself.

    >>> describe(b'{"event":"deviceCreated","time":"2024-04-25 20:23:36","deviceId":"17kl"}', lambda _id: "meter", "")
    '2024-04-25 20:23:36  deviceCreated       meter (17kl)'
    """
    event = msgspec.json.decode(message, type=_Event)
    if not event.event:
        notice = msgspec.json.decode(message, type=_Notice)
        return f"{time}  {notice.dropped} events were too many to print" if notice.type == "dropped" else None
    name = name_of(event.deviceId) if event.deviceId else ""
    who = f"{name} ({event.deviceId})" if name else event.deviceId or event.collectionId
    data = " ".join(f"{key}={printable(value)}" for key, value in event.data.items())
    return f"{event.time}  {event.event:{_NAME_WIDTH}}  {who}  {data}".rstrip()


def device_name(registry: Registry) -> Callable[[str], str]:
    """Looks up the tag `name` of a device; "" if it has none, or is gone for long."""

    def name_of(device_id: str) -> str:
        number = decode(device_id)
        device = registry.devices.get(number)
        return printable(registry.gone.get(number, "") if device is None else device.tags.get("name", ""))

    return name_of


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "�" for each in text)
