"""One request under way, and the little that is kept of each device (RFC 7252 §4.2, §5.2.2, §5.2.3).

    QUEUED ──► CON_SENT ──empty ACK──► ACKED ──separate answer──► DONE
       │          ├──piggybacked answer, or one that overtook its ACK──► DONE
       │          └──reset, or no ACK in time──► FAILED ◄──no answer in time── ACKED
       └─────► NON_SENT ──separate answer──► DONE
                  └──reset, or no answer in time──► FAILED

A transfer in blocks goes round: each block is sent, and answered, in the same exchange under a new id and token.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

import msgspec

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.blocks import Transfer
from simulator.protocol.coap.codec import Template

Done = Callable[[Any, Answer | NoAnswer, float], None]
"""Called with the argument that was given to `Engine.request`, the result, and the run time."""


class State:
    """Plain ints: an Enum costs more to compare and hash than all the rest of an exchange's bookkeeping."""

    QUEUED = 0
    CON_SENT = 1
    ACKED = 2
    NON_SENT = 3
    DONE = 4
    FAILED = 5


class Reply:
    """What a message from the peer means to an exchange."""

    EMPTY_ACK = 0
    PIGGYBACKED = 1
    SEPARATE = 2
    RESET = 3


# A reply without a row is late, repeated or out of place: normal on UDP, and it changes nothing.
NEXT = {
    (State.CON_SENT, Reply.EMPTY_ACK): State.ACKED,
    (State.CON_SENT, Reply.PIGGYBACKED): State.DONE,
    (State.CON_SENT, Reply.SEPARATE): State.DONE,  # the answer overtook its ACK, or the ACK is lost
    (State.CON_SENT, Reply.RESET): State.FAILED,
    (State.ACKED, Reply.PIGGYBACKED): State.DONE,  # overtaken by an empty ACK that was sent for a repetition
    (State.ACKED, Reply.SEPARATE): State.DONE,
    (State.NON_SENT, Reply.SEPARATE): State.DONE,
    (State.NON_SENT, Reply.RESET): State.FAILED,
}

OUTSTANDING = (False, True, False, True, False, False)
"""By state: counts towards NSTART. An acknowledged request does not (RFC 7252 §4.7)."""

TOKEN_MASK = (1 << 30) - 1  # a token takes 4 bytes; larger numbers take Python twice as long
GOLDEN = 663608941  # 2**30 / 1.618…, odd: adding it goes through all 30-bit numbers, and spreads them evenly
SEGMENT_BITS = 11
_SEGMENTS = 1 << 16 - SEGMENT_BITS
_SEGMENT_MASK = (1 << SEGMENT_BITS) - 1

# Id and token are one number of 48 bits, as they lie in the message; one addition leads to the next pair.
TAIL_BYTES = 6
_MID_AT = 32
STEP = 1 << _MID_AT | GOLDEN
SERIAL_MASK = 0xFFFF << _MID_AT | TOKEN_MASK
FIRST_OF_SEGMENT = _SEGMENT_MASK << _MID_AT
"""An id begins a segment if its serial has none of these bits."""
_MAX_JUMP = 64
_RECENT = 4


class Device:
    """What the engine knows of one simulated device; idle ones are many, so this is small.

    A plain class, because its attributes are set once or more per exchange, which takes a Struct three times as long.
    """

    __slots__ = ("alarm", "expects", "flying", "ip", "last", "left", "queue", "recent", "serial")

    def __init__(self, ip: int, mid: int, token: int) -> None:
        """`mid`: the first message id; `token`: what comes before the first token."""
        self.ip = ip
        self.serial = (mid - 1 & 0xFFFF) << _MID_AT | token
        """Id and token that were used last. Tokens follow each other in a cycle through all 30-bit numbers, so no two
        in flight are alike."""
        self.flying: tuple[Exchange, ...] = ()
        """What has been sent and waits for an answer; rarely more than one."""
        self.expects: bytes | None = None
        """`tail` of the one exchange in flight, as long as a plain answer to it may simply end it: confirmable, sent
        once, whole, and nothing waits behind it. None: look closer. `Engine.request` sets it; whoever changes any of
        that takes it back."""
        self.alarm = inf
        """The earliest time that the calendar will wake us for this device."""
        self.last: bytes | None = b""
        """`tail` of the exchange that was over last: what still comes for it is a repetition. None, as nearly always:
        what was used last, or before that what is in flight; see `over_last`."""
        self.queue: deque[Exchange] | None = None
        self.recent: tuple[int, ...] = ()
        """Confirmable answers that were acknowledged last, peer << 16 | id; their repetitions are acknowledged
        again."""
        self.left: array[float] | None = None
        """When each segment of the ids was left; None as long as the device has stayed in its first one."""

    def may_send(self, nstart: int) -> bool:
        """Whether fewer than NSTART exchanges are outstanding."""
        return len(self.flying) < nstart or sum(OUTSTANDING[exchange.state] for exchange in self.flying) < nstart

    @property
    def mid(self) -> int:
        """The next message id."""
        return (self.serial >> _MID_AT) + 1 & 0xFFFF

    @property
    def over_last(self) -> bytes:
        """`tail` of the exchange that was over last; empty: there is none."""
        if self.last is not None:
            return self.last
        serial = self.serial - STEP & SERIAL_MASK if self.flying else self.serial
        return serial.to_bytes(TAIL_BYTES, "big")

    def next_tail(self) -> bytes:
        """A new id and token, as they lie in the message; whether the id may be used yet is for the caller to know."""
        self.last = self.over_last
        self.serial = serial = self.serial + STEP & SERIAL_MASK
        return serial.to_bytes(TAIL_BYTES, "big")

    @property
    def at_segment(self) -> bool:
        """Whether the next id is the first one of a segment."""
        return not self.mid & _SEGMENT_MASK

    def enter_segment(self, now: float, lifetime_s: float) -> float:
        """At the first id of a segment: 0 if it may be used, else the time from when on.

        No id may be used again while an earlier exchange under it may still be alive (RFC 7252 §4.4). A time per id
        would be 64 Ki times; a time per segment costs 3 % of the 265 messages a second that the rule allows.
        """
        if self.left is None:
            self.left = array("d", [-inf]) * _SEGMENTS
        segment = self.mid >> SEGMENT_BITS
        ready = self.left[segment] + lifetime_s
        if ready > now:
            return ready
        self.left[segment - 1] = now
        return 0.0

    def restart(self, spin: int) -> None:
        """The device has lost its memory: it goes on at another id and token.

        It jumps forward, and never over the first id of a segment, so that even a device that reboots in a circle
        repeats no id too early.
        """
        mid = self.mid
        here = mid & _SEGMENT_MASK
        if here:
            mid += min(1 + spin % _MAX_JUMP, _SEGMENT_MASK + 1 - here)
        self.serial = (mid - 1 & 0xFFFF) << _MID_AT | spin & TOKEN_MASK
        self.recent = ()
        self.last = b""

    def remember(self, peer: int, mid: int) -> None:
        """A confirmable answer was acknowledged."""
        self.recent = (peer << 16 | mid, *self.recent[: _RECENT - 1])


class Exchange(msgspec.Struct, eq=False):
    """One request: the handle for `Engine.cancel`. Only the engine changes it.

    A Struct, because one is made per request: made with all its values at once it costs half of a plain class.
    """

    device: Device
    peer: int
    template: Template
    payload: bytes
    done: Done
    argument: Any
    asked: float
    """When it was asked for; waiting in the queue counts as latency, for it delays the device as well."""
    tail: bytes = b""
    """Id and token as in the last request and in the ACK that answers it: bytes 2 to 7 of both."""
    state: int = State.CON_SENT
    deadline: float = inf
    """Infinite as well for a request that is so young that nobody has looked at it (`Sender.look`)."""
    transmissions: int = 1
    repeats: int = 0
    """How many of the transmissions repeat the last request."""
    transfer: Transfer | None = None


def splitmix64(value: int) -> int:
    """64 well-mixed bits of a number: the same on every host, unlike `hash`."""
    value = value + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31
