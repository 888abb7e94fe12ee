"""How a device's messages leave: message ids, waiting in line, retransmission, giving up (RFC 7252 §4.2 to §4.4, §4.7).

Nearly all that is sent is answered soon, so what was sent within the same sixteenth of a second has one entry in the
driver's calendar, for the earliest moment at which any of it could have to be repeated (`Sender.look`). What is still
open by then gets an entry for its own deadline; per device there is at most one of these that matters. When it comes up
too early, because the exchange that it was for is over, it moves on to the next deadline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from simulator.acts import Answer, NoAnswer
from simulator.clock import Timers
from simulator.protocol.coap.exchange import TOKEN_MASK, Device, Exchange, State
from simulator.protocol.coap.settings import Settings

Transmit = Callable[[bytes, int, int], None]
"""Datagram, peer (address and port as one number), local IPv4 address; `Port.send` is one."""

_QUEUED, _CON_SENT, _ACKED, _NON_SENT = State.QUEUED, State.CON_SENT, State.ACKED, State.NON_SENT


@dataclass(slots=True)
class Counts:
    """What has happened in an engine since it was made."""

    sent: int = 0
    """Requests, each block of a transfer one; without repetitions."""
    retransmissions: int = 0
    answered: int = 0
    timeouts: int = 0
    resets: int = 0
    bad_answers: int = 0
    cancelled: int = 0
    duplicates: int = 0
    """Replies that had come before."""
    malformed: int = 0
    unmatched: int = 0
    """Messages that belong to no exchange, pings included."""
    waited_for_ids: int = 0
    """Requests that waited because all message ids were in use (RFC 7252 §4.4)."""


WATCH_S = 1 / 16
"""What is sent within this time is looked at together."""


class Sender:
    """Sends exchanges and repeats them until they are answered; ends them, once each."""

    def __init__(self, timers: Timers, transmit: Transmit, settings: Settings, counts: Counts) -> None:
        """Everything is kept by reference; `counts` is counted up."""
        self._at = timers.at
        self._transmit = transmit
        self._counts = counts
        self._on_wake = self._wake
        self._nstart = settings.nstart
        self._max_retransmit = settings.max_retransmit
        # RFC 7252 §4.2: from ACK_TIMEOUT to ACK_TIMEOUT × ACK_RANDOM_FACTOR; the token is as good as a die.
        self.first_timeout_s = settings.ack_timeout_s
        self._jitter_s = settings.ack_timeout_s * (settings.ack_random_factor - 1) / (TOKEN_MASK + 1)
        self.non_patience_s = settings.non_patience_s
        self._separate_patience = settings.separate_patience_s
        self._lifetime = settings.exchange_lifetime_s

    def launch(self, exchange: Exchange, now: float) -> None:
        """Send it under a new id and token: a request whose turn it is, or the next block of one."""
        device = exchange.device
        if device.at_segment and (ready := device.enter_segment(now, self._lifetime)):
            self._hold(exchange, ready)
            return
        exchange.tail = device.next_tail()
        if exchange.template.type == 0:
            exchange.state = _CON_SENT
            exchange.deadline = now + self._timeout(exchange.tail)
        else:
            exchange.state = _NON_SENT
            exchange.deadline = now + self.non_patience_s
        exchange.transmissions += 1
        exchange.repeats = 0
        device.flying += (exchange,)
        self.wake_by(exchange.deadline, device)
        self._counts.sent += 1
        self._send(exchange)

    def acknowledged(self, exchange: Exchange, now: float) -> None:
        """The peer has the request and will answer in its own time; the next one may go."""
        device = exchange.device
        device.expects = None
        exchange.state = _ACKED
        exchange.deadline = now + self._separate_patience
        self.wake_by(exchange.deadline, device)
        if device.queue:
            self._advance(device, now)

    def detach(self, exchange: Exchange) -> None:
        """What was sent last for this exchange waits no longer."""
        device = exchange.device
        device.expects = None
        if exchange.state == _QUEUED:
            if device.queue is not None:
                device.queue.remove(exchange)
                if not device.queue:
                    device.queue = None
            return
        device.last = exchange.tail
        device.flying = tuple(other for other in device.flying if other is not exchange)

    def go_on(self, exchange: Exchange, now: float) -> None:
        """Send the next block, before anything that waits; a separate answer may have let another request go first."""
        self.detach(exchange)
        if exchange.device.may_send(self._nstart):
            self.launch(exchange, now)
        else:
            self._put_first(exchange)

    def finish(self, exchange: Exchange, state: int, result: Answer | NoAnswer, now: float) -> None:
        """The exchange is over: whoever waits in line goes first, then the caller hears of it."""
        self.detach(exchange)
        exchange.state = state
        exchange.deadline = inf
        device = exchange.device
        if device.queue is not None:
            self._advance(device, now)
        exchange.done(exchange.argument, result, now)

    def cancelled(self, exchange: Exchange, now: float) -> None:
        """It was detached and marked as over before, when nobody knew the time; now its caller hears of it."""
        if exchange.device.queue is not None:
            self._advance(exchange.device, now)
        exchange.done(exchange.argument, NoAnswer("cancelled", exchange.transmissions), now)

    def _hold(self, exchange: Exchange, ready: float) -> None:
        """No message id is free before `ready`."""
        self._put_first(exchange)
        self._counts.waited_for_ids += 1
        self._at(ready, self._advance, exchange.device)

    def _put_first(self, exchange: Exchange) -> None:
        device = exchange.device
        exchange.state = _QUEUED
        if device.queue is None:
            device.queue = deque()
        device.queue.appendleft(exchange)

    def _advance(self, device: Device, now: float) -> None:
        """Send what has waited, as far as NSTART allows."""
        queue = device.queue
        while queue and device.may_send(self._nstart):
            waiting = len(queue)
            self.launch(queue.popleft(), now)
            if len(queue) == waiting:  # put back: no id is free
                return
        if not queue:
            device.queue = None

    def _wake(self, device: Device, now: float) -> None:
        if now < device.alarm:
            return  # an older entry of the calendar; a nearer one has done its work
        device.alarm = inf
        for exchange in device.flying:
            if exchange.deadline <= now:
                self._expire(exchange, now)
        self.wake_by(min([exchange.deadline for exchange in device.flying], default=inf), device)

    def wake_by(self, deadline: float, device: Device) -> None:
        """Have the calendar wake us for this device at the latest then."""
        if deadline < device.alarm:
            device.alarm = deadline
            self._at(deadline, self._on_wake, device)

    def look(self, devices: list[Device], _now: float) -> None:
        """See what is still open of what these devices have sent, without a deadline, some time ago."""
        for device in devices:
            for exchange in device.flying:
                if exchange.deadline == inf:
                    exchange.deadline = exchange.asked + self._timeout(exchange.tail)
                self.wake_by(exchange.deadline, device)

    def _timeout(self, tail: bytes) -> float:
        """How long to wait after the first transmission under this id and token."""
        return self.first_timeout_s + int.from_bytes(tail[2:], "big") * self._jitter_s

    def _send(self, exchange: Exchange) -> None:
        template, payload = exchange.template, exchange.payload
        rest = template.marked + payload if payload else template.plain
        self._transmit(template.begin + exchange.tail + rest, exchange.peer, exchange.device.ip)

    def _expire(self, exchange: Exchange, now: float) -> None:
        exchange.device.expects = None
        if exchange.state == _CON_SENT and exchange.repeats < self._max_retransmit:
            exchange.repeats += 1
            exchange.deadline = now + self._timeout(exchange.tail) * (1 << exchange.repeats)
            exchange.transmissions += 1
            self._counts.retransmissions += 1
            self._send(exchange)
        else:
            self._counts.timeouts += 1
            self.finish(exchange, State.FAILED, NoAnswer("timeout", exchange.transmissions), now)
