"""The CoAP clients of all simulated devices, in one object (RFC 7252 §4, §5.2; block-wise: RFC 7959).

It knows no socket, loop or clock: datagrams come in through `receive`, leave through `transmit`, and everything that
waits is in the driver's calendar. How messages leave is in `sending`, what a transfer in blocks asks next in `blocks`,
the table of an exchange in `exchange`; here replies find their exchange, and results their caller.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from simulator.acts import Answer, NoAnswer
from simulator.clock import Timers
from simulator.protocol.coap.blocks import Ask, Deliver, Transfer
from simulator.protocol.coap.codec import CoapFormatError, Message, acknowledgement, decode, reset
from simulator.protocol.coap.exchange import (
    NEXT,
    SEGMENT_MASK,
    TOKEN_MASK,
    Device,
    Done,
    Exchange,
    Reply,
    State,
    splitmix64,
)
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2, Code, Type, is_response
from simulator.protocol.coap.sending import Counts, Sender, Transmit
from simulator.protocol.coap.settings import PRESETS, Settings
from simulator.protocol.coap.templates import RequestTemplates, StepTemplates

_CON, _NON, _ACK, _RST = int(Type.CON), int(Type.NON), int(Type.ACK), int(Type.RST)
_GET, _CONTINUE = int(Code.GET), int(Code.CONTINUE)
_CON_SENT, _NON_SENT, _DONE = State.CON_SENT, State.NON_SENT, State.DONE

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
        self._steps = StepTemplates()
        sender = Sender(timers, transmit, settings, self.counts)
        self._nstart = settings.nstart
        self._at = timers.at
        self._begin, self._launch = sender.begin, sender.launch
        self._go_on, self._cancelled = sender.go_on, sender.cancelled
        self._acknowledged, self._detach, self._finish = sender.acknowledged, sender.detach, sender.finish

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
        """
        template = self._templates[confirmable << 8 | code][path]
        device = self._devices.get(local_ip)
        if device is None:
            mixed = splitmix64(self._seed ^ local_ip)
            device = self._devices[local_ip] = Device(local_ip, mixed & 0xFFFF, mixed >> 32 & TOKEN_MASK)
        short = szx is None and len(payload) <= self._whole_bytes
        if short and not device.flying and device.queue is None and device.mid & SEGMENT_MASK:
            begin = self._begin  # as a local: Python 3.11 is slow to call what an attribute holds
            return begin(device, peer, template, payload, done, argument, now)
        exchange = Exchange(device, peer, template, payload, done, argument, now)
        if not short:
            transfer = self._transfer_of(exchange, szx)
            self._prepare(exchange, transfer.start(announce=szx is not None and code == _GET))
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
        find, plain_answer, counts = self._devices.get, _PLAIN.get, self.counts
        for data, peer, local_ip in datagrams:
            device = find(local_ip)
            if device is not None and device.queue is None and len(device.flying) == 1:
                exchange = device.flying[0]
                if (
                    exchange.tail == data[2:]
                    and exchange.peer == peer
                    and exchange.transmissions == 1
                    and exchange.state == _CON_SENT
                    and exchange.transfer is None
                    and (answer := plain_answer(data[:2])) is not None
                ):
                    device.last = exchange.tail
                    device.flying = ()
                    exchange.state = _DONE
                    counts.answered += 1
                    if self.on_latency is not None:
                        self.on_latency(now - exchange.asked)
                    done = exchange.done
                    done(exchange.argument, answer, now)
                    continue
            self._receive_other(data, device, peer, local_ip, now)

    def _receive_other(self, data: bytes, device: Device | None, peer: int, local_ip: int, now: float) -> None:
        """The same for any datagram."""
        try:
            message = decode(data)
        except CoapFormatError as error:
            self.counts.malformed += 1
            if error.type == _CON and error.mid is not None:
                self._transmit(reset(error.mid), peer, local_ip)
            return
        if message.code == 0:
            self._receive_empty(message, device, peer, local_ip, now)
        elif message.type != _RST and is_response(message.code):
            self._receive_answer(message, device, peer, local_ip, now)
        else:
            self._reject(message, peer, local_ip)  # requests too: nothing is served here

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
        device.restart(splitmix64(self._seed ^ device.ip << 32 ^ device.token))
        for exchange in doomed:
            self._drop(exchange)

    def _drop(self, exchange: Exchange) -> None:
        self.counts.cancelled += 1
        exchange.state, exchange.deadline = State.FAILED, inf
        self._at(0.0, self._cancelled, exchange)  # long past: the next turn

    def _receive_empty(self, message: Message, device: Device | None, peer: int, local_ip: int, now: float) -> None:
        if message.type in (_CON, _NON):
            self._reject(message, peer, local_ip)  # a ping, which RFC 7252 §4.3 answers with a reset
            return
        mid = message.mid.to_bytes(2, "big")
        for exchange in device.flying if device is not None else ():
            if exchange.tail[:2] == mid and exchange.peer == peer:
                reply = Reply.RESET if message.type == _RST else Reply.EMPTY_ACK
                state = NEXT.get((exchange.state, reply))
                if state is None:
                    self.counts.duplicates += 1
                elif state == State.FAILED:
                    self.counts.resets += 1
                    self._finish(exchange, state, NoAnswer("reset", exchange.transmissions), now)
                else:
                    self._acknowledged(exchange, now)
                return
        if device is not None and device.last[:2] == mid:
            self.counts.duplicates += 1
        else:
            self.counts.unmatched += 1

    def _receive_answer(self, message: Message, device: Device | None, peer: int, local_ip: int, now: float) -> None:
        """RFC 7252 §5.3.2: the token must fit, and in an ACK the message id as well."""
        mid, token = message.mid.to_bytes(2, "big"), message.token
        reply = Reply.PIGGYBACKED if message.type == _ACK else Reply.SEPARATE
        for exchange in device.flying if device is not None else ():
            if (
                exchange.tail[2:] == token
                and exchange.peer == peer
                and (reply == Reply.SEPARATE or exchange.tail[:2] == mid)
                and (exchange.state, reply) in NEXT
            ):
                self._settle(exchange, message, now)
                return
        if device is None:
            self._reject(message, peer, local_ip)
        elif message.type == _CON and peer << 16 | message.mid in device.recent:
            self.counts.duplicates += 1
            self._transmit(acknowledgement(message.mid), peer, local_ip)
        elif message.type != _CON and device.last and device.last[2:] == token:
            self.counts.duplicates += 1
        else:
            self._reject(message, peer, local_ip)

    def _reject(self, message: Message, peer: int, local_ip: int) -> None:
        """It belongs to nothing: a confirmable message is answered with a reset, others are ignored (§4.2, §4.3)."""
        self.counts.unmatched += 1
        if message.type == _CON:
            self._transmit(reset(message.mid), peer, local_ip)

    def _settle(self, exchange: Exchange, message: Message, now: float) -> None:
        """An answer that belongs to the exchange: the end of it, or of one block."""
        device, transfer = exchange.device, exchange.transfer
        acceptable = True
        for number, _ in message.options:
            if number in (BLOCK1, BLOCK2):
                transfer = transfer or self._transfer_of(exchange, None)
            elif number & 1:
                acceptable = False  # critical, and means nothing in an answer (RFC 7252 §5.4.1)
        if message.type == _CON:
            if acceptable:
                device.remember(exchange.peer, message.mid)
            self._transmit((acknowledgement if acceptable else reset)(message.mid), exchange.peer, device.ip)
        if not acceptable or (transfer is None and message.code == _CONTINUE):
            self._fail(exchange, now)
        elif transfer is None:
            self._deliver(exchange, message.code, message.payload, now)
        else:
            step = transfer.receive(message)
            if isinstance(step, Ask):
                self._prepare(exchange, step)
                self._go_on(exchange, now)
            elif isinstance(step, Deliver):
                self._deliver(exchange, step.code, step.payload, now)
            else:
                self._fail(exchange, now)

    def _deliver(self, exchange: Exchange, code: int, payload: bytes, now: float) -> None:
        self.counts.answered += 1
        if self.on_latency is not None:
            self.on_latency(now - exchange.asked)
        self._finish(exchange, State.DONE, Answer(code, payload, exchange.transmissions), now)

    def _fail(self, exchange: Exchange, now: float) -> None:
        self.counts.bad_answers += 1
        self._finish(exchange, State.FAILED, NoAnswer("bad answer", exchange.transmissions), now)

    def _transfer_of(self, exchange: Exchange, szx: int | None) -> Transfer:
        """Make it a transfer in blocks."""
        settings, template = self.settings, exchange.template
        exchange.transfer = Transfer(
            template.code,
            template.options,
            exchange.payload,
            szx=settings.szx if szx is None else szx,
            max_body_bytes=settings.max_body_bytes,
            max_restarts=settings.max_restarts,
        )
        return exchange.transfer

    def _prepare(self, exchange: Exchange, step: Ask) -> None:
        """Let the exchange carry the next message of its transfer."""
        template = exchange.template
        exchange.template = self._steps[template.type, template.code, step.options]
        exchange.payload = step.payload


__all__ = ["PRESETS", "Counts", "Engine", "Exchange", "Settings"]
