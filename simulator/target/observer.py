"""From the platform's stream to records: whose event it is, and when the observer was blind.

An event may overtake the answer to the call that caused it: `deviceCreated` can arrive before the operator knows the
new device's id. While a creation is under way, a stream whose next event is about an unknown device is held back as a
whole, so that its order stays, and goes on when the name is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from simulator.errors import RemoteError
from simulator.events.records import EventRecord, GapRecord, GarbledRecord, Record, SeenRecord, StreamRecord
from simulator.events.span import Dropped, SpanDecoder


class StreamReader(Protocol):
    """Whoever reads one event stream, over its cuts."""

    def message(self, message: bytes | str, rx_s: float) -> None:
        """One message, which arrived at this run time."""

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Events may have been missed between these run times."""

    def failed(self, why: BaseException) -> None:
        """Reading has ended for good, for a reason that is not the platform's word."""

    def opened(self, at_s: float) -> None:
        """The stream is open from now on; also after a reconnection."""

    def closed(self, at_s: float, why: str) -> None:
        """It is not any more, or it was not opened again."""


class Observer:
    """Turns what the streams carry into records.

    Args:
        sink: takes each record, in the order of its stream.
        now: run time; used for what has no arrival time of its own.
        collections: the table to use for `collections`; None: a new one.
        failed: told why a stream ended for good; None: nobody is.
    """

    def __init__(
        self,
        sink: Callable[[Record], None],
        now: Callable[[], float],
        collections: dict[str, str] | None = None,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.names: dict[str, str] = {}
        """Device id → name in the scenario; grows while devices are created."""
        self.collections: dict[str, str] = {} if collections is None else collections
        """Collection id → name in the scenario."""
        self.judged = False
        """Whether what arrives now belongs to the story; False while the platform is being provisioned."""
        self.events = 0
        self.malformed = 0
        """Messages that could not be read."""
        self._sink, self._now, self._failed = sink, now, failed
        self._decoder = SpanDecoder(self.names, self.collections)
        self.under_creation = 0
        """How many devices are being created: their ids are not known yet."""
        self._held: deque[tuple[bytes | str, float]] = deque()
        self._heard_s = 0.0
        self._followers: list[Callable[[], None]] = []

    def follow(self, known: Callable[[], None]) -> None:
        """Call this whenever a creation has ended."""
        self._followers.append(known)

    def creating(self) -> None:
        """A device is about to be created; until `created` its id is unknown."""
        self.under_creation += 1

    def created(self, device_id: str | None, name: str) -> None:
        """The creation has ended; None: it failed."""
        self.under_creation -= 1
        if device_id is not None:
            self.names[device_id] = name
        self._release()
        for follower in self._followers:
            follower()

    def _release(self) -> None:
        while self._held:
            message, rx_s = self._held.popleft()
            if not self._take(message, rx_s):
                self._held.appendleft((message, rx_s))
                return

    def message(self, message: bytes | str, rx_s: float) -> None:
        """One message of a stream."""
        if self._held or not self._take(message, rx_s):
            self._held.append((message, rx_s))

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Events may have been missed between these run times."""
        self._sink(GapRecord(from_s=from_s, to_s=to_s, why=why))

    def failed(self, why: BaseException) -> None:
        """A stream has ended for good, so nothing can be proved any more."""
        if self._failed is not None:
            self._failed(why)

    def opened(self, at_s: float) -> None:
        """What this means for the verdict is told by the gaps."""

    def closed(self, at_s: float, why: str) -> None:
        """As for `opened`."""

    def _take(self, message: bytes | str, rx_s: float) -> bool:
        """Decode and pass on; False if the message has to wait for a name."""
        try:
            record = self._decoder.decode(message, rx_s)
        except RemoteError as error:
            self.malformed += 1
            self._sink(GarbledRecord(rx_s=rx_s, why=str(error)))
            return True
        if type(record) is EventRecord:
            if record.subject is None and self.under_creation and record.raw.get("deviceId"):
                return False
            self.events += 1
            self._sink(record if self.judged else _unjudged(record))
        elif isinstance(record, Dropped):
            self._sink(_dropped(record, self._heard_s, rx_s))
        self._heard_s = rx_s
        return True


class NamedObserver:
    """A further reader of the scenario: what it sees, and when it saw nothing, under its own name.

    Args:
        name: of the scenario's observer.
        sink: takes each record, in the order of the stream.
        of: the run's own observer, which knows the names of devices and collections.
    """

    def __init__(self, name: str, sink: Callable[[Record], None], of: Observer) -> None:
        self._name, self._sink, self._of = name, sink, of
        self._decoder = SpanDecoder(of.names, of.collections)
        self._held: deque[tuple[bytes | str, float]] = deque()
        self._heard_s = 0.0
        self.is_open = False
        of.follow(self._release)

    def message(self, message: bytes | str, rx_s: float) -> None:
        """One message; it waits if it is about a device whose name is not known yet."""
        if self._held or not self._take(message, rx_s):
            self._held.append((message, rx_s))

    def gap(self, from_s: float, to_s: float, why: str) -> None:
        """Events may have been missed between these run times."""
        self._sink(GapRecord(from_s=from_s, to_s=to_s, why=why, observer=self._name))

    def failed(self, why: BaseException) -> None:
        """Reading has ended for good."""
        self.closed(self._heard_s, str(why) or type(why).__name__)

    def opened(self, at_s: float) -> None:
        """The stream is open."""
        self._heard_s, self.is_open = at_s, True
        self._sink(StreamRecord(observer=self._name, phase="opened", t_s=at_s))

    def closed(self, at_s: float, why: str) -> None:
        """It is not any more."""
        self.is_open = False
        self._sink(StreamRecord(observer=self._name, phase="closed", t_s=at_s, why=why))

    def _release(self) -> None:
        while self._held:
            message, rx_s = self._held.popleft()
            if not self._take(message, rx_s):
                self._held.appendleft((message, rx_s))
                return

    def _take(self, message: bytes | str, rx_s: float) -> bool:
        of = self._of
        try:
            record = self._decoder.decode(message, rx_s)
        except RemoteError as error:
            self._sink(GarbledRecord(rx_s=rx_s, why=f"observer {self._name}: {error}"))
            return True
        if type(record) is EventRecord:
            if record.subject is None and of.under_creation and record.raw.get("deviceId"):
                return False
            self._sink(SeenRecord(observer=self._name, event=record if of.judged else _unjudged(record)))
        elif isinstance(record, Dropped):
            self._sink(_dropped(record, self._heard_s, rx_s, self._name))
        self._heard_s = rx_s
        return True


def _dropped(notice: Dropped, from_s: float, to_s: float, observer: str = "") -> GapRecord:
    """The gap that the platform has told of itself."""
    why = f"the platform dropped {notice.count} events for a slow reader"
    return GapRecord(from_s=from_s, to_s=to_s, why=why, observer=observer, dropped=notice.count)


def _unjudged(record: EventRecord) -> EventRecord:
    return msgspec.structs.replace(record, judged=False)
