"""The CoAP clients of all simulated devices, in one object (RFC 7252 §4, §5.2; block-wise: RFC 7959).

It knows no socket, loop or clock: datagrams come in through `receive`, leave through `transmit`, and everything that
waits is in the driver's calendar. How messages leave is in `sending`, what comes back in `replies`, the table of an
exchange in `exchange`; here requests begin, results find their caller, and what nearly always happens is written out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from simulator.acts import Answer
from simulator.clock import Timers
from simulator.protocol.coap.codec import Template
from simulator.protocol.coap.exchange import (
    GOLDEN,
    SEGMENT_MASK,
    TOKEN_MASK,
    Device,
    Done,
    Exchange,
    State,
    pack_tail,
    splitmix64,
)
from simulator.protocol.coap.numbers import Code, is_response
from simulator.protocol.coap.replies import Replies
from simulator.protocol.coap.sending import Counts, Sender, Transmit
from simulator.protocol.coap.settings import PRESETS, Settings
from simulator.protocol.coap.templates import RequestTemplates

_CONTINUE = int(Code.CONTINUE)
_CON_SENT, _NON_SENT, _DONE = State.CON_SENT, State.NON_SENT, State.DONE
_join = b"".join

# Answers that are nothing but a code are the most frequent ones by far; they are all alike. By their first two bytes,
# of which 0x64 is an ACK with a token of 4 bytes, as ours are.
_PLAIN = {bytes((0x64, code)): Answer(code, b"", 1) for code in range(256) if is_response(code) and code != _CONTINUE}


class Engine:
    """Feed it requests, datagrams and the time. Results are delivered by callback, each exactly once.

    Callbacks may call the engine again. Requests of one device that exceed NSTART wait, in order.
    """

    def __init__(self, timers: Timers, transmit: Transmit, seed: int, settings: Settings | None = None) -> None:
        """`seed` decides message ids, tokens and first timeouts; `settings` None: the defaults of RFC 7252."""
        self.settings = settings = settings or Settings()
        self.counts = Counts()
        self.on_latency: Callable[[float], None] | None = None
        """Called per answer with the seconds since the request was asked for; None: nobody wants to know."""
        self._transmit = transmit
        self._seed = splitmix64(seed & 0xFFFFFFFFFFFFFFFF)
        self._whole_bytes = 16 << settings.szx
        self._devices: dict[int, Device] = {}
        self._templates = RequestTemplates()
        sender = Sender(timers, transmit, settings, self.counts)
        self._nstart = settings.nstart
        self._at = timers.at
        self._first_timeout_s, self._jitter_s = sender.first_timeout_s, sender.jitter_s
        self._non_patience_s = sender.non_patience_s
        self._launch, self._cancelled, self._wake_by = sender.launch, sender.cancelled, sender.wake_by
        self._detach, self._finish = sender.detach, sender.finish
        replies = Replies(sender, transmit, settings, self.counts, self._deliver)
        self._receive_other, self._begin_transfer = replies.receive, replies.begin_transfer

    def request(
        self,
        local_ip: int,
        peer: int,
        code: int,
        path: str,
        payload: bytes,
        confirmable: bool,
        done: Done,
        argument: Any,
        now: float,
        *,
        szx: int | None = None,
    ) -> Exchange:
        """Ask `peer` for something, in the name of the device with this address.

        Args:
            code: a method, 1 to 31.
            path: `data/on/server`, with or without a leading slash; `?a=1&b=2` becomes Uri-Query options.
            done: called once with `argument`, an Answer or a NoAnswer, and the run time; never before this returns.
            szx: block size for this request instead of the settings'; a GET also announces it (RFC 7959 §2.4).
        Returns: a handle for `cancel`.
        Raises: ValueError: a path segment of more than 255 bytes, `code` is no method, `szx` is not 0 to 6.

        Written out, with what `Sender.launch` does, for nearly every request: a short one of an idle device.
        """
        template = self._templates[confirmable << 8 | code][path]
        device = self._devices.get(local_ip)
        if device is None:
            mixed = splitmix64(self._seed ^ local_ip)
            device = self._devices[local_ip] = Device(local_ip, mixed & 0xFFFF, mixed >> 32 & TOKEN_MASK)
        mid = device.mid
        if (
            device.flying
            or device.queue is not None
            or not mid & SEGMENT_MASK
            or len(payload) > self._whole_bytes
            or szx is not None
        ):
            return self._request_other(device, peer, template, payload, done, argument, now, szx)
        device.mid = mid + 1 & 0xFFFF
        device.token = token = device.token + GOLDEN & TOKEN_MASK
        tail = pack_tail(mid, token)
        if confirmable:
            state, deadline = _CON_SENT, now + (self._first_timeout_s + token * self._jitter_s)
            device.expects = tail
        else:
            state, deadline = _NON_SENT, now + self._non_patience_s
        exchange = Exchange(device, peer, template, payload, done, argument, now, state, tail, deadline, 1)
        device.flying = (exchange,)
        if deadline < device.alarm:
            self._wake_by(deadline, device)
        self.counts.sent += 1
        transmit = self._transmit  # as a local: Python 3.11 is slow to call what an attribute holds
        rest = template.marked if payload else template.plain
        transmit(_join((template.begin, tail, rest, payload)), peer, local_ip)
        return exchange

    def _request_other(
        self,
        device: Device,
        peer: int,
        template: Template,
        payload: bytes,
        done: Done,
        argument: Any,
        now: float,
        szx: int | None,
    ) -> Exchange:
        """The same for any request: it may travel in blocks, or wait in line."""
        device.expects = None
        exchange = Exchange(device, peer, template, payload, done, argument, now)
        if szx is not None or len(payload) > self._whole_bytes:
            self._begin_transfer(exchange, szx)
        if device.queue is not None:
            device.queue.append(exchange)
        elif device.may_send(self._nstart):
            self._launch(exchange, now)
        else:
            device.queue = deque((exchange,))
        return exchange

    def receive(self, data: bytes, peer: int, local_ip: int, now: float) -> None:
        """A datagram for a device; whatever it contains, this answers or ignores it (a `ports.Receiver`)."""
        self.receive_many(((data, peer, local_ip),), now)

    def receive_many(self, datagrams: Iterable[tuple[bytes, int, int]], now: float) -> None:
        """The same for a batch of (data, peer, local address): a `ports.BatchReceiver`.

        Written out for nearly every datagram: a plain answer, inside the ACK, to the only exchange of its device.
        """
        find, plain_answer, receive_other = self._devices.get, _PLAIN.get, self._receive_other
        counts, on_latency = self.counts, self.on_latency
        for data, peer, local_ip in datagrams:
            device = find(local_ip)
            if device is not None and device.expects == data[2:]:
                exchange = device.flying[0]
                answer = plain_answer(data[:2])
                if answer is not None and exchange.peer == peer:
                    device.last, device.expects, device.flying = exchange.tail, None, ()
                    exchange.state = _DONE
                    counts.answered += 1
                    if on_latency is not None:
                        on_latency(now - exchange.asked)
                    done = exchange.done  # as a local: Python 3.11 is slow to call what an attribute holds
                    done(exchange.argument, answer, now)
                    continue
            receive_other(data, device, peer, local_ip, now)

    def cancel(self, exchange: Exchange) -> None:
        """End it as NoAnswer("cancelled"), told in the calendar's next turn; nothing if it is over.

        What still arrives for it is ignored.
        """
        if exchange.state <= _NON_SENT:
            self._detach(exchange)
            self._drop(exchange)

    def forget(self, local_ip: int) -> None:
        """The device lost power: all it has asked for is cancelled, and its ids and tokens go on elsewhere."""
        device = self._devices.get(local_ip)
        if device is None:
            return
        doomed = [*device.flying, *(device.queue or ())]
        device.queue = None
        device.flying = ()
        device.expects = None
        device.restart(splitmix64(self._seed ^ device.ip << 32 ^ device.token))
        for exchange in doomed:
            self._drop(exchange)

    def _drop(self, exchange: Exchange) -> None:
        self.counts.cancelled += 1
        exchange.state, exchange.deadline = State.FAILED, inf
        self._at(0.0, self._cancelled, exchange)  # long past: the next turn

    def _deliver(self, exchange: Exchange, code: int, payload: bytes, now: float) -> None:
        self.counts.answered += 1
        if self.on_latency is not None:
            self.on_latency(now - exchange.asked)
        self._finish(exchange, State.DONE, Answer(code, payload, exchange.transmissions), now)


__all__ = ["PRESETS", "Counts", "Engine", "Exchange", "Settings"]
