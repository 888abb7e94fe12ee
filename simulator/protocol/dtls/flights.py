"""Own retransmission of flights (RFC 6347 §4.2.4), for OpenSSL's timer reads the wall clock.

OpenSSL's output goes through `Outbox.take`, which keeps what belongs to the present flight, and drops what OpenSSL
repeats on its own account while the handshake goes on. `again` gives the flight once more: plaintext records under
fresh numbers, for the peer's replay check would drop the old ones; encrypted records (Finished) as they are, for the
peer either has them or still waits for that very number. All plaintext numbers are given out here, never below
OpenSSL's own.

    output ──take──► new flight kept, timer started ──due──► again, timer doubled ──► ... ──finished──► timer stopped
"""

from __future__ import annotations

from simulator.protocol.dtls.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    is_plain,
    message_key,
    number_of,
    renumbered,
    split,
)

REPEAT_PAUSE_S = 0.25
"""A last flight is repeated at most this often, whatever the peer, or who pretends to be it, sends."""
LAST_FLIGHT_S = 240.0
"""After that the peer has given up its handshake, too (RFC 6347 §4.2.4: at least twice the default MSL)."""


class Outbox:
    """What one end sends during and shortly after its handshake."""

    __slots__ = ("_changed", "_first_s", "_most_s", "_next", "_seen", "_sent", "due", "flight", "timeout_s", "until")

    def __init__(self, first_s: float, most_s: float, number: int = 0) -> None:
        """
        Args:
            first_s: the first timeout in seconds; `most_s`: the longest.
            number: the least plaintext number. A server begins with its hello's (RFC 6347 §4.2.1), which OpenSSL
                forgets: its numbers would be those that the answers to earlier hellos had, and be taken for replays.
        """
        self.due: float | None = None
        """When the flight is to be repeated; None: it need not be."""
        self.flight: list[bytes] = []
        self.timeout_s = first_s
        self.until = 0.0
        self._first_s, self._most_s = first_s, most_s
        self._next = number
        self._seen = -1
        self._changed = 0  # ChangeCipherSpec (1) and Finished (2) that were sent
        self._sent = 0.0

    def take(self, output: bytes, now: float) -> list[bytes]:
        """The records of OpenSSL's output that are to be sent, during the handshake."""
        sent = split(output)
        flight: list[bytes] = []
        again = False
        for index, record in enumerate(sent):
            kind, plain = record[0], is_plain(record)
            if kind == HANDSHAKE and plain:
                key = message_key(record)
                if key <= self._seen:
                    sent[index], again = b"", True
                    continue
                self._seen = key
            elif kind in (HANDSHAKE, CHANGE_CIPHER_SPEC):
                mark = 1 if plain else 2
                if self._changed & mark:
                    sent[index], again = b"", True
                    continue
                self._changed |= mark
            if plain:
                sent[index] = record = self._numbered(record)
            if kind != ALERT and kind != APPLICATION_DATA:
                flight.append(record)
        if flight:
            self.flight = flight
            self.timeout_s = self._first_s
            self.due = now + self.timeout_s
            self._sent = now
        return [record for record in sent if record] if again else sent

    def pass_on(self, output: bytes, now: float) -> list[bytes]:
        """The records of OpenSSL's output behind the handshake: all of them; it repeats its Finished when asked."""
        records = split(output)
        if any(record[0] == HANDSHAKE for record in records):
            self._sent = now
        return [self._numbered(record) if is_plain(record) else record for record in records]

    def numbered(self, record: bytes) -> bytes:
        """A plaintext record of our own making under the next number."""
        return self._numbered(record, fresh=True)

    def again(self, now: float) -> list[bytes]:
        """The present flight once more; the timer starts anew, as long as before."""
        self.flight = [self._numbered(record, fresh=True) if is_plain(record) else record for record in self.flight]
        self._sent = now
        if self.due is not None:
            self.due = now + self.timeout_s
        return self.flight

    def repeated(self, now: float) -> list[bytes]:
        """The present flight for a peer that repeats its own; empty: it went out just now."""
        return self.again(now) if now >= self._sent + REPEAT_PAUSE_S else []

    def expire(self, now: float) -> list[bytes]:
        """The present flight once more because the timer ran out; it doubles."""
        self.timeout_s = min(2 * self.timeout_s, self._most_s)
        return self.again(now)

    def finish(self, now: float, *, last: bool) -> None:
        """The handshake is over. `last`: the flight was the last one, and the peer may not have got it."""
        self.due = None
        self.until = now + LAST_FLIGHT_S
        if not last:
            self.flight = []

    def end_with(self, records: list[bytes], now: float, until: float) -> None:
        """The handshake has failed: whoever repeats a flight until then is given these, the alert."""
        self.due = None
        self.flight = records
        self.until = until
        self._sent = now

    def drop(self) -> None:
        """The peer has it all: nothing is sent again."""
        self.due = None
        self.flight = []

    def last_flight(self, now: float) -> list[bytes]:
        """The last flight for a peer that asks for it; empty: it cannot need it, or had it just now."""
        if not self.flight or now < self._sent + REPEAT_PAUSE_S:
            return []
        if now > self.until:
            self.flight = []
            return []
        return self.again(now)

    def _numbered(self, record: bytes, *, fresh: bool = False) -> bytes:
        # Modulo: a server's first number is the client's choice (RFC 6347 §4.2.1), and that may be the last there is.
        given = number_of(record)
        number = (self._next if fresh else max(self._next, given)) % (1 << 48)
        self._next = number + 1
        return record if number == given else renumbered(record, number)
