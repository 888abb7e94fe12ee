"""Reads what the platform says of one block: whose upload was it, and is anything amiss that no upload explains?

Nearly all messages are `upstreamMessage` of devices that are known; they are read by a decoder that knows what to look
for and go to the ledger. All others, and what that decoder does not take, go through the reader of rehearsals, whose
rules for events, and for what is trouble, are the same here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from simulator.assertions.trouble import TROUBLES
from simulator.errors import RemoteError
from simulator.events.records import EventRecord
from simulator.events.span import Dropped, Keepalive, SpanDecoder
from simulator.load.ledger import Ledger
from simulator.words import EVENTS

TROUBLES_MOST: Final = 40
"""Different troubles of a block that are told apart."""
GAPS_MOST: Final = 20
SHOWN: Final = 120
"""So many characters of what the platform or the system said are repeated."""

_FURTHER: Final = "further trouble, not told apart"
_UNSPECIFIED: Final = "unspecified"  # what the real platform says of some transports (span §3.3)
_BEFORE_ITS_ID: Final = frozenset({"deviceCreated"})
"""The stream may be faster than the answer that tells us the new device's id."""
_SIZE_DIGITS: Final = 9


class _Data(msgspec.Struct, gc=False):
    bytes: str
    transport: str


class _Upstream(msgspec.Struct, gc=False):
    """What an `upstreamMessage` must have."""

    event: str
    time: str
    collectionId: str
    deviceId: str
    data: _Data


_decode = msgspec.json.Decoder(_Upstream).decode


class LatencyMeter(Protocol):
    """Takes the time from the moment an upload was due until its event was read."""

    took: list[float]
    """Seconds; appended to."""


class Witness:
    """The listener of one block's stream.

    Args:
        ids: the platform's id of a device → its number; grows.
        ledger: of the block.
        meter: of the time from upload to event.
        transport: of the group; every event must name it.
        group: its name.
    """

    def __init__(self, ids: Mapping[str, int], ledger: Ledger, meter: LatencyMeter, transport: str, group: str) -> None:
        self.ids = ids
        """May be set to another mapping before the first message."""
        self.judged = False
        """While it is False, as in provisioning and clean-up, messages are only counted."""
        self.troubles: dict[str, int] = {}
        """Trouble in a line → how often; at most `TROUBLES_MOST` lines."""
        self.gaps: list[str] = []
        """When the stream was blind, and why; at most `GAPS_MOST`, the last one counts the rest."""
        self._ledger, self._meter, self._transport, self._group = ledger, meter, transport, group
        self._reader = SpanDecoder({}, {})
        self._events = {"events.upstreamMessage": 0}
        self._gaps_untold = 0
        self._heard_s = 0.0

    def counters(self) -> dict[str, int]:
        """`events.upstreamMessage` → how many came; also `events.keepalive`."""
        return dict(self._events)

    # --- the listener of a stream -------------------------------------------------------------------------------------

    def messages(self, messages: list[bytes], rx_s: float) -> None:
        """What one read has brought, at run time `rx_s`."""
        ids, transport, decode = self.ids, self._transport, _decode
        seen, took, judged = self._ledger.seen, self._meter.took.append, self.judged
        self._heard_s = rx_s
        others = 0
        for message in messages:
            try:
                event = decode(message)
                data = event.data
                if event.event != "upstreamMessage" or data.transport != transport or len(data.bytes) > _SIZE_DIGITS:
                    others += 1
                    self._other(message, rx_s)
                elif judged:
                    latency_s = seen(ids[event.deviceId], int(data.bytes), rx_s)
                    if latency_s is not None:
                        took(latency_s)
            # UnicodeDecodeError is a ValueError, too; so is what `int` raises, and msgspec for what is no such event.
            except (KeyError, ValueError, RecursionError):
                others += 1
                self._other(message, rx_s)
        self._events["events.upstreamMessage"] += len(messages) - others

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Events may have been missed between these run times."""
        self._blind(f"{from_s:.1f} s to {to_s:.1f} s: {_shown(why)}")

    def failed(self, error: BaseException) -> None:
        """Nothing more will come."""
        self._blind(f"{self._heard_s:.1f} s to the end: {_shown(str(error) or type(error).__name__)}", for_good=True)

    # --- what is no plain upload --------------------------------------------------------------------------------------

    def _other(self, message: bytes, rx_s: float) -> None:
        try:
            record = self._reader.decode(message, rx_s)
        except RemoteError as error:
            self._count("garbled")
            self._trouble(f"garbled message: {error}")
            return
        if isinstance(record, EventRecord):
            self._count(record.name if record.name in EVENTS else "other")
            if self.judged:
                self._event(record)
        elif isinstance(record, Dropped):
            self._count("dropped")
            why = "read too slowly, says the platform"
            self._blind(f"until {rx_s:.1f} s: {record.count} events were dropped ({why})")
        else:
            self._count("keepalive" if isinstance(record, Keepalive) else "unknown")

    def _event(self, event: EventRecord) -> None:
        owner = event.raw.get("deviceId")
        number = self.ids.get(owner) if isinstance(owner, str) else None
        if owner is not None and number is None and event.name not in _BEFORE_ITS_ID:
            self._trouble(f"{event.name} of a device that is not of {self._group}")
        troubling = TROUBLES.get(event.name)
        if troubling is not None and (kind := troubling(event)) is not None:
            self._trouble(f"{event.name} {kind}".rstrip())
        if event.name == "upstreamMessage":
            self._upstream(event, number)

    def _upstream(self, event: EventRecord, number: int | None) -> None:
        """One that was not as the hot path wants it."""
        transport, size = event.data.get("transport", ""), event.data.get("bytes", "")
        if transport not in (self._transport, _UNSPECIFIED):
            self._trouble(f"upstreamMessage with transport {transport or '(none)'}, not {self._transport}")
        if not (size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS):
            self._trouble(f"upstreamMessage with bytes {size or '(none)'}, which is no size")
        elif number is not None:
            latency_s = self._ledger.seen(number, int(size), event.rx_s)
            if latency_s is not None:
                self._meter.took.append(latency_s)

    def _count(self, name: str) -> None:
        key = f"events.{name}"
        self._events[key] = self._events.get(key, 0) + 1

    def _trouble(self, line: str) -> None:
        if not self.judged:
            return
        line = _shown(line)
        if line not in self.troubles and len(self.troubles) >= TROUBLES_MOST:
            line = _FURTHER
        self.troubles[line] = self.troubles.get(line, 0) + 1

    def _blind(self, line: str, *, for_good: bool = False) -> None:
        self._ledger.excuse(for_good=for_good)
        if len(self.gaps) < GAPS_MOST:
            self.gaps.append(f"{self._group}: {line}")
            return
        self._gaps_untold += 1
        self.gaps[-1] = f"{self._group}: and {self._gaps_untold + 1} more, until {self._heard_s:.1f} s"


def _shown(text: str) -> str:
    text = "".join(character if character.isprintable() else "�" for character in text[: SHOWN + 1])
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
