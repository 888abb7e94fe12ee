"""From the platform's stream to records: whose event it is, and when the observer was blind.

An event may overtake the answer to the call that caused it: `deviceCreated` can arrive before the operator knows the
new device's id. While a creation is under way, a stream whose next event is about an unknown device is held back as a
whole, so that its order stays, and goes on when the name is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from simulator.errors import RemoteError
from simulator.events.records import EventRecord, GapRecord, GarbledRecord, Record
from simulator.events.span import Dropped, SpanDecoder


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
        self._creating = 0
        self._held: deque[tuple[bytes | str, float]] = deque()
        self._heard_s = 0.0

    def creating(self) -> None:
        """A device is about to be created; until `created` its id is unknown."""
        self._creating += 1

    def created(self, device_id: str | None, name: str) -> None:
        """The creation has ended; None: it failed."""
        self._creating -= 1
        if device_id is not None:
            self.names[device_id] = name
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

    def _take(self, message: bytes | str, rx_s: float) -> bool:
        """Decode and pass on; False if the message has to wait for a name."""
        try:
            record = self._decoder.decode(message, rx_s)
        except RemoteError as error:
            self.malformed += 1
            self._sink(GarbledRecord(rx_s=rx_s, why=str(error)))
            return True
        if type(record) is EventRecord:
            if record.subject is None and self._creating and record.raw.get("deviceId"):
                return False
            self.events += 1
            self._sink(record if self.judged else _unjudged(record))
        elif isinstance(record, Dropped):
            self.gap(self._heard_s, rx_s, f"the platform dropped {record.count} events for a slow reader")
        self._heard_s = rx_s
        return True


def _unjudged(record: EventRecord) -> EventRecord:
    return msgspec.structs.replace(record, judged=False)
