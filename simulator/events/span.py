"""Messages of a Span activity stream → records (span §3.2–§3.4).

One JSON object per message. An object without a `collectionId` is no event: keepalives and the platform's word that
it dropped something are recognised, anything else of that kind is counted and let go. Everything that an event must
have is checked here, once; behind this file an event is an `EventRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from simulator.errors import RemoteError
from simulator.events.records import EventRecord

MAX_MESSAGE_BYTES: Final = 1 << 20
"""A longer message is refused unread; the longest real event has some hundred bytes."""

UNREADABLE_TIME: Final = -1

_EPOCH: Final = datetime(1970, 1, 1)  # without a zone, as the texts are: UTC all the same
_TIME_LENGTH: Final = len("2024-04-25 20:23:36")
_TIMES_KEPT: Final = 256  # events of one second share their text; a few are under way at a time
_LONG: Final = 512  # what is shorter than this cannot be nested deep enough to matter
_MAX_DEPTH: Final = 256  # a record must be written again, which recurses as reading did
_QUOTED: Final = 80  # so much of a bad value is shown
_DIGITS: Final = 12  # a longer count of dropped events is no count


class Keepalive(msgspec.Struct, frozen=True):
    """The stream is alive and has nothing to tell."""


class Dropped(msgspec.Struct, frozen=True):
    """The platform did not send so many events, because this reader was too slow."""

    count: int


class Unknown(msgspec.Struct, frozen=True):
    """An object without a collection that is neither of the above; clients skip those (span §3.2)."""


_KEEPALIVE: Final = Keepalive()
_UNKNOWN: Final = Unknown()
_NO_DATA: Final[Mapping[str, str]] = {}
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class SpanDecoder:
    """Reads the messages of one or several activity streams.

    Args:
        names: device id → name in the scenario; also gateway ids, for events that are about no device.
        collections: collection id → name in the scenario.
        Both may grow while the decoder is in use; an id that is not there gives None.
    """

    __slots__ = ("_collections", "_names", "_times", "ignored")

    def __init__(self, names: Mapping[str, str], collections: Mapping[str, str]) -> None:
        self._names, self._collections = names, collections
        self._times: dict[str, int] = {}
        self.ignored = 0
        """Objects that were neither events nor known control messages."""

    def decode(self, message: bytes | str, rx_s: float) -> EventRecord | Keepalive | Dropped | Unknown:
        """One message, which arrived at run time `rx_s`.

        A `time` that cannot be read gives `unix_s` -1; it is UTC (span §10 leaves the zone open).
        Raises: RemoteError: not one JSON object in UTF-8, too long, or an event that lacks a field or has one of the
            wrong type; with what is wrong.
        """
        try:
            raw = _decode_object(message) if len(message) <= _LONG else _decode_long(message)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise RemoteError(f"not one JSON object: {_shown(error)}") from error
        name, collection, time = raw.get("event"), raw.get("collectionId"), raw.get("time")
        if type(name) is not str or type(collection) is not str or type(time) is not str:
            if "collectionId" not in raw:
                return self._control(raw)
            raise RemoteError(_what_is_missing(raw))
        owner = raw.get("deviceId")
        if owner is None:
            owner = raw.get("gatewayId")
        subject = None
        if owner is not None:
            if type(owner) is not str:
                raise RemoteError(f"{name}: deviceId and gatewayId are strings, here: {_shown(owner)}")
            subject = self._names.get(owner)
        data = raw.get("data", _NO_DATA)
        if type(data) is not dict:
            raise RemoteError(f"{name}: data is an object, here: {_shown(data)}")
        for value in data.values():
            if type(value) is not str:
                raise RemoteError(_bad_value(name, data))
        unix_s = self._times.get(time)
        return EventRecord(
            sys="span",
            name=name,
            subject=subject,
            rx_s=rx_s,
            unix_s=self._unix_s(time) if unix_s is None else unix_s,
            data=data,
            collection=self._collections.get(collection),
            raw=raw,
        )

    def _control(self, raw: Mapping[str, Any]) -> Keepalive | Dropped | Unknown:
        kind = raw.get("type")
        if kind == "keepalive":
            return _KEEPALIVE
        if kind == "dropped":
            return Dropped(_count(raw.get("dropped")))
        self.ignored += 1
        return _UNKNOWN

    def _unix_s(self, text: str) -> int:
        unix_s = unix_seconds(text)
        if unix_s != UNREADABLE_TIME:  # a stranger's megabyte is not worth keeping
            if len(self._times) >= _TIMES_KEPT:
                self._times.clear()
            self._times[text] = unix_s
        return unix_s


def unix_seconds(text: str) -> int:
    """Unix seconds of an event's `time`, -1 if it cannot be read.

    >>> unix_seconds("2024-04-25 20:23:36"), unix_seconds("yesterday")
    (1714076616, -1)
    """
    if len(text) != _TIME_LENGTH or text[10] != " " or not text.isascii():
        return UNREADABLE_TIME
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return UNREADABLE_TIME
    return since.days * 86400 + since.seconds


def _decode_long(message: bytes | str) -> dict[str, Any]:
    if len(message) > MAX_MESSAGE_BYTES:
        raise RemoteError(f"message of {len(message)} bytes; at most {MAX_MESSAGE_BYTES} are read")
    raw: dict[str, Any] = _decode_object(message)
    if _depth(raw) > _MAX_DEPTH:
        raise RemoteError(f"nested more than {_MAX_DEPTH} deep")
    return raw


def _depth(value: object) -> int:
    """How deep objects and arrays are nested, by levels, so that no depth of theirs becomes one of ours."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[object] = []
        for item in level:
            if type(item) is dict:
                inner += item.values()
            elif type(item) is list:
                inner += item
        level = [item for item in inner if type(item) is dict or type(item) is list]
    return depth


def _count(value: object) -> int:
    if type(value) is int and value >= 0:
        return value
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    raise RemoteError(f"dropped is a count, here: {_shown(value)}")


def _what_is_missing(raw: Mapping[str, object]) -> str:
    name = raw.get("event")
    what = name if isinstance(name, str) else "an object with a collectionId"
    for key in ("event", "time", "collectionId"):
        if key not in raw:
            return f"{_shown(what)}: lacks {key}"
        if not isinstance(raw[key], str):
            return f"{_shown(what)}: {key} is a string, here: {_shown(raw[key])}"
    raise AssertionError(raw)


def _bad_value(name: str, data: Mapping[str, object]) -> str:
    key, value = next((key, value) for key, value in data.items() if not isinstance(value, str))
    return f"{_shown(name)}: data.{_shown(key)} is a string, here: {_shown(value)}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    text = "".join(character if character.isprintable() else "�" for character in text[: _QUOTED + 1])
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
