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
    FIRST_OF_SEGMENT,
    SERIAL_MASK,
    STEP,
    TAIL_BYTES,
    TOKEN_MASK,
    Device,
    Done,
    Exchange,
    State,
    splitmix64,
)
from simulator.protocol.coap.numbers import Code, is_response
from simulator.protocol.coap.replies import Replies
from simulator.protocol.coap.sending import WATCH_S, Counts, Sender, Transmit
from simulator.protocol.coap.settings import PRESETS, Settings
from simulator.protocol.coap.templates import RequestTemplates

_CONTINUE = int(Code.CONTINUE)
_NON_SENT, _DONE = State.NON_SENT, State.DONE
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
        self.transmit_many: Callable[[list[Any]], None] | None = None
        """Takes datagram, peer, local address, datagram, …; None: `transmit` takes them one by one."""
        self._transmit = transmit
        self._seed = splitmix64(seed & 0xFFFFFFFFFFFFFFFF)
        self._whole_bytes = 16 << settings.szx
        self._devices: dict[int, Device] = {}
        self._templates = RequestTemplates()
        sender = Sender(timers, transmit, settings, self.counts)
        self._nstart = settings.nstart
        self._at = timers.at
        self._first_timeout_s, self._non_patience_s = sender.first_timeout_s, sender.non_patience_s
        self._launch, self._cancelled, self._wake_by = sender.launch, sender.cancelled, sender.wake_by
        self._detach, self._finish, self._look = sender.detach, sender.finish, sender.look
        self._watch_ends = -inf
        self._watched: list[Device] = []
        """Who has sent something since the watch began."""
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
        device = self._devices.get(local_ip) or self._meet(local_ip)
        serial = device.serial + STEP & SERIAL_MASK
        if (
            device.flying
            or device.queue is not None
            or not serial & FIRST_OF_SEGMENT
            or len(payload) > self._whole_bytes
            or szx is not None
        ):
            return self._request_other(device, peer, template, payload, done, argument, now, szx)
        device.serial = serial
        tail = serial.to_bytes(TAIL_BYTES, "big")
        exchange = Exchange(device, peer, template, payload, done, argument, now, tail)
        device.flying = (exchange,)
        if confirmable:
            device.expects = tail
            if now >= self._watch_ends:
                self._begin_watch(now)
            self._watched.append(device)
        else:
            exchange.state, exchange.deadline = _NON_SENT, now + self._non_patience_s
            self._wake_by(exchange.deadline, device)
        self.counts.sent += 1
        transmit = self._transmit  # as a local: Python 3.11 is slow to call what an attribute holds
        rest = template.marked if payload else template.plain
        transmit(_join((template.begin, tail, rest, payload)), peer, local_ip)
        return exchange

    def request_many(
        self,
        requests: Iterable[tuple[int, bytes, Any]],
        peer: int,
        code: int,
        path: str,
        confirmable: bool,
        done: Done,
        now: float,
    ) -> None:
        """The same for many, of (local address, payload, argument), at two thirds of the cost.

        Raises: as `request`; nothing has been sent then.
        """
        template = self._templates[confirmable << 8 | code][path]
        find, meet, whole_bytes = self._devices.get, self._meet, self._whole_bytes
        begin, plain, marked = template.begin, template.plain, template.marked
        if now >= self._watch_ends:
            self._begin_watch(now)
        watch = self._watched.append
        out: list[Any] = []
        for local_ip, payload, argument in requests:
            device = find(local_ip) or meet(local_ip)
            serial = device.serial + STEP & SERIAL_MASK
            if (
                device.flying
                or device.queue is not None
                or not serial & FIRST_OF_SEGMENT
                or len(payload) > whole_bytes
                or not confirmable
            ):
                self.request(local_ip, peer, code, path, payload, confirmable, done, argument, now)
                continue
            device.serial = serial
            device.expects = tail = serial.to_bytes(6, "big")
            device.flying = (Exchange(device, peer, template, payload, done, argument, now, tail),)
            watch(device)
            out += (_join((begin, tail, marked if payload else plain, payload)), peer, local_ip)
        self.counts.sent += len(out) // 3
        if self.transmit_many is not None:
            self.transmit_many(out)
        else:
            for datagram in zip(out[0::3], out[1::3], out[2::3], strict=True):
                self._transmit(*datagram)

    def meet(self, local_ips: Iterable[int]) -> None:
        """Make room for devices that will have something to say: who has many does so before it matters."""
        known = self._devices
        for local_ip in local_ips:
            if local_ip not in known:
                self._meet(local_ip)

    def _meet(self, local_ip: int) -> Device:
        """A device says something for the first time."""
        mixed = splitmix64(self._seed ^ local_ip)
        device = self._devices[local_ip] = Device(local_ip, mixed & 0xFFFF, mixed >> 32 & TOKEN_MASK)
        return device

    def _begin_watch(self, now: float) -> None:
        self._watched = []
        self._watch_ends = now + WATCH_S
        self._at(now + self._first_timeout_s, self._look, self._watched)

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
        exchange = Exchange(device, peer, template, payload, done, argument, now, b"", State.QUEUED, inf, 0)
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
                    device.last = device.expects = None
                    device.flying = ()
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
        device.restart(splitmix64(self._seed ^ device.ip << 32 ^ device.serial & TOKEN_MASK))
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
