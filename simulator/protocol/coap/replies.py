"""What comes back to a device, told apart: empty messages, answers with all they may bring, and what means nothing.

The plain answer to a device's only exchange, which is nearly all that ever comes, does not get here (`client`). What a
transfer in blocks asks next is in `blocks`, the table of an exchange in `exchange`.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.acts import NoAnswer
from simulator.protocol.coap.blocks import Ask, Deliver, Transfer
from simulator.protocol.coap.codec import CoapFormatError, Message, acknowledgement, decode, reset
from simulator.protocol.coap.exchange import NEXT, Device, Exchange, Reply, State
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2, Code, Type, is_response
from simulator.protocol.coap.sending import Counts, Sender, Transmit
from simulator.protocol.coap.settings import Settings
from simulator.protocol.coap.templates import StepTemplates

_CON, _NON, _ACK, _RST = int(Type.CON), int(Type.NON), int(Type.ACK), int(Type.RST)
_GET, _CONTINUE = int(Code.GET), int(Code.CONTINUE)


class Replies:
    """Finds the exchange that a message belongs to, and carries the exchange on or ends it."""

    def __init__(
        self,
        sender: Sender,
        transmit: Transmit,
        settings: Settings,
        counts: Counts,
        deliver: Callable[[Exchange, int, bytes, float], None],
    ) -> None:
        """Everything is kept by reference; `deliver` is called with exchange, code, payload and run time."""
        self._counts, self._settings = counts, settings
        self._transmit, self._deliver = transmit, deliver
        self._steps = StepTemplates()
        self._acknowledged, self._go_on, self._finish = sender.acknowledged, sender.go_on, sender.finish

    def receive(self, data: bytes, device: Device | None, peer: int, local_ip: int, now: float) -> None:
        """Answer or ignore any datagram; `device` None: nobody has that address."""
        try:
            message = decode(data)
        except CoapFormatError as error:
            self._counts.malformed += 1
            if error.type == _CON and error.mid is not None:
                self._transmit(reset(error.mid), peer, local_ip)
            return
        if message.code == 0:
            self._receive_empty(message, device, peer, local_ip, now)
        elif message.type != _RST and is_response(message.code):
            self._receive_answer(message, device, peer, local_ip, now)
        else:
            self._reject(message, peer, local_ip)  # requests too: nothing is served here

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
                    self._counts.duplicates += 1
                elif state == State.FAILED:
                    self._counts.resets += 1
                    self._finish(exchange, state, NoAnswer("reset", exchange.transmissions), now)
                else:
                    self._acknowledged(exchange, now)
                return
        if device is not None and device.over_last[:2] == mid:
            self._counts.duplicates += 1
        else:
            self._counts.unmatched += 1

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
            self._counts.duplicates += 1
            self._transmit(acknowledgement(message.mid), peer, local_ip)
        elif message.type != _CON and device.over_last[2:] == token != b"":
            self._counts.duplicates += 1
        else:
            self._reject(message, peer, local_ip)

    def _reject(self, message: Message, peer: int, local_ip: int) -> None:
        """It belongs to nothing: a confirmable message is answered with a reset, others are ignored (§4.2, §4.3)."""
        self._counts.unmatched += 1
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

    def _fail(self, exchange: Exchange, now: float) -> None:
        self._counts.bad_answers += 1
        self._finish(exchange, State.FAILED, NoAnswer("bad answer", exchange.transmissions), now)

    def begin_transfer(self, exchange: Exchange, szx: int | None) -> None:
        """Let the exchange carry the first message of a transfer; `szx` as in `Engine.request`.

        Raises: ValueError: `szx` is not 0 to 6.
        """
        transfer = self._transfer_of(exchange, szx)
        self._prepare(exchange, transfer.start(announce=szx is not None and exchange.template.code == _GET))

    def _transfer_of(self, exchange: Exchange, szx: int | None) -> Transfer:
        """Make it a transfer in blocks."""
        settings, template = self._settings, exchange.template
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
