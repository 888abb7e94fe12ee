"""The message layer of a CoAP server (RFC 7252 §4): one datagram in, at most one out.

    datagram ─► known message id? ─► its answer again
                   └─► well-formed request ─► `server_requests` ─► remembered for repetitions, sent

A confirmable request is always answered inside its ACK (span §4.3: one client looks for nothing else), a
non-confirmable one by a non-confirmable answer. Ping and what is malformed are reset if confirmable, else ignored.

`receive` is written out for nearly every datagram: a request whose option bytes were met before and carry no block,
with a short answer. It turns to the methods below whenever anything is not so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.protocol.coap.codec import CoapFormatError, Message, Options, decode, encode_options, reset
from simulator.protocol.coap.dedup import EXCHANGE_LIFETIME_S, NON_LIFETIME_S, Dedup, Kept, remember
from simulator.protocol.coap.numbers import Type
from simulator.protocol.coap.server_head import Head, read_head
from simulator.protocol.coap.server_requests import SHORT_TAIL_BYTES, RequestLayer, most_bytes
from simulator.protocol.coap.server_types import Handler, Peer, Request, Response, ServerSettings

_MEMO_BYTES = 96  # longer option blocks are rare, and seldom met again
_MEMO_ANSWERS = 256  # distinct options of answers; handlers have a handful
# First byte → index behind the token, for version 1, CON and NON, and token lengths 0 to 8; 0 for all others.
_TOKEN_END = bytes(4 + (first & 15) if first & 0xE0 == 0x40 and first & 15 <= 8 else 0 for first in range(256))
_NON = 0x50
_HEADER_BYTES = 4


@dataclass(slots=True)
class ServerCounts:
    """Datagrams that did not become a request that a handler saw."""

    malformed: int = 0
    """No CoAP messages, or answers to nothing; reset if confirmable."""
    repeated: int = 0
    """Messages that came again and were given the answer of the first time."""
    pings: int = 0
    ignored: int = 0
    """ACK, RST and empty non-confirmable messages."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a layer holds at the moment; every number has a bound in `ServerSettings`."""

    peers: int
    """With a ring of answers."""
    option_blocks: int
    uploads: int
    answers: int
    bytes: int
    """Of uploads and answers."""


def nobody(_peer: Peer) -> bool:
    """The careful choice of `verified`: every peer is a stranger."""
    return False


class ServerLayer:
    """Answers datagrams; see the module."""

    def __init__(
        self,
        handler: Handler,
        settings: ServerSettings | None = None,
        seed: int = 0,
        *,
        verified: Callable[[Peer], bool] = nobody,
    ) -> None:
        """
        Args:
            handler: called once per logical request, see `Handler`.
            seed: decides the message ids of non-confirmable answers.
            verified: whether this peer really has the address it writes from; asked seldom on the usual way.
        """
        settings = settings or ServerSettings()
        self.counts = ServerCounts()
        self.told_malformed: Callable[[bytes, Peer], None] | None = None
        """Is given the datagrams that are most likely none of CoAP, for who wants to know."""
        self._handler = handler
        self._verified = verified
        self._largest = settings.max_upload_bytes
        self._requests = RequestLayer(handler, settings, verified)
        self._dedup = Dedup(peers=settings.peers, strangers=settings.strangers, verified=verified)
        self._known = self._dedup.known
        self._ring_size = settings.ring
        self._heads: dict[bytes, Head] = {}
        self._heads_limit = settings.option_blocks
        self._option_bytes: dict[Options, bytes] = {(): b""}
        self._begins: dict[int, bytes] = {}
        # A peer uses no id twice in its lifetime, so ids that are made from those keep that rule too (RFC 7252 §4.4).
        self._mid_mask = (seed * 40503 + 0x5EED) & 0xFFFF or 1

    def receive(self, data: bytes, peer: Peer, now: float) -> bytes | None:
        """Take one datagram; returns what to send back to the peer, None: nothing. No bytes make it raise."""
        if len(data) < 4 or not (start := _TOKEN_END[first := data[0]]):
            return self._receive_other(data, peer, now)
        marker = data.find(255, start)
        if marker < 0:
            head = self._heads.get(data[start:])
            payload = b""
            whole = len(data) >= start
        else:
            head = self._heads.get(data[start:marker])
            payload = data[marker + 1 :]
            whole = payload != b""
        code = data[1]
        size = len(data)
        if head is None or not whole or not head.plain or not 0 < code < 5 or size > self._largest:
            return self._receive_other(data, peer, now)
        mid = data[2] << 8 | data[3]
        key = mid if first < _NON else mid | 0x10000
        known = self._known
        ring = known.young.get(peer)
        if ring is None or now >= known.rotate_at:
            ring = self._dedup.ring_of(peer, now)
        kept = ring.get(key)
        if kept is not None:
            if kept.until > now:
                return self._again(kept.answer, len(data), peer)
            del ring[key]
        confirmable = first < _NON
        handler = self._handler  # as a local: Python 3.11 is slow to call what an attribute holds
        response = handler(
            Request(code, head.path, head.path_text, head.options, payload, peer, confirmable, size, head.accept), now
        )
        if response is None:
            answer = None
        else:
            tail = b""
            if response.options or response.payload or response.block2:
                tail = self._tail(response, head, peer, size, now)
            begin = self._begins.get(first << 8 | response.code) or self._remember_begin(first, response.code)
            if confirmable:
                answer = begin + data[2:start] + tail
            else:
                answer = begin + (mid ^ self._mid_mask).to_bytes(2, "big") + data[4:start] + tail
        if len(ring) >= self._ring_size:
            del ring[next(iter(ring))]
        ring[key] = Kept(now + EXCHANGE_LIFETIME_S if confirmable else now + NON_LIFETIME_S, answer)
        return answer

    def held(self) -> Held:
        """How much is held."""
        uploads, answers, size_bytes = self._requests.held()
        peers = len(self._known) + len(self._dedup.strangers)
        return Held(peers, len(self._heads), uploads, answers, size_bytes)

    def _receive_other(self, data: bytes, peer: Peer, now: float) -> bytes | None:
        """The same for any datagram."""
        try:
            message = decode(data)
        except CoapFormatError as error:
            self.counts.malformed += 1
            if self.told_malformed is not None:
                self.told_malformed(data, peer)
            return reset(error.mid) if error.type == Type.CON and error.mid is not None else None
        mid, confirmable = message.mid, message.type == Type.CON
        if message.type > Type.NON or (message.code == 0 and not confirmable):
            self.counts.ignored += 1
            if self.told_malformed is not None and len(data) > _HEADER_BYTES:
                self.told_malformed(data, peer)  # an answer in bytes that begin like one: text, most likely
            return None
        if message.code == 0:
            self.counts.pings += 1
            return reset(mid)
        if message.code >= 0x20:  # an answer to something that was never asked (RFC 7252 §4.2)
            self.counts.malformed += 1
            if self.told_malformed is not None:
                self.told_malformed(data, peer)
            return reset(mid) if confirmable else None
        ring = self._dedup.ring_of(peer, now)
        key = mid | message.type << 16
        kept = ring.get(key)
        if kept is not None:
            if kept.until > now:
                return self._again(kept.answer, len(data), peer)
            del ring[key]
        head = self._head_of(data, message)
        reply = self._requests.serve(message.code, head, message.payload, peer, confirmable, len(data), now)
        answer = self._datagram(message, reply.code, reply.tail) if reply.code else None
        if reply.remember:
            remember(ring, self._ring_size, key, answer, now + (EXCHANGE_LIFETIME_S if confirmable else NON_LIFETIME_S))
        return answer

    def _again(self, answer: bytes | None, size_bytes: int, peer: Peer) -> bytes | None:
        """The answer to a repetition of that size. A forger may repeat an id in a datagram that is shorter."""
        self.counts.repeated += 1
        if answer is None or len(answer) <= most_bytes(size_bytes) or self._verified(peer):
            return answer
        return None

    def _datagram(self, message: Message, code: int, tail: bytes) -> bytes:
        """An ACK with the message's own id, or a NON with one made from it."""
        first = 0x40 | message.type << 4 | len(message.token)
        mid = message.mid if message.type == Type.CON else message.mid ^ self._mid_mask
        return self._remember_begin(first, code) + mid.to_bytes(2, "big") + message.token + tail

    def _head_of(self, data: bytes, message: Message) -> Head:
        """The meaning of the options, remembered if `receive` could find it again."""
        end = len(data) - len(message.payload) - 1 if message.payload else len(data)
        block = data[4 + len(message.token) : end]
        head = self._heads.get(block)
        if head is None:
            head = read_head(message.options)
            if len(block) <= _MEMO_BYTES and b"\xff" not in block:
                if len(self._heads) >= self._heads_limit:  # ever new options cost time, never memory
                    self._heads.clear()
                self._heads[block] = head
        return head

    def _tail(self, response: Response, head: Head, peer: Peer, size_bytes: int, now: float) -> bytes:
        """Options and payload of an answer that has any, or its first block."""
        tail = self._option_bytes.get(response.options)
        if tail is None:
            tail = self._remember_options(response.options)
        if response.payload:
            tail = tail + b"\xff" + response.payload
        if len(tail) > SHORT_TAIL_BYTES or response.block2:
            tail = self._requests.finish(response, head, peer, size_bytes, now).tail
        return tail

    def _remember_options(self, options: Options) -> bytes:
        encoded = encode_options(options)
        if len(self._option_bytes) < _MEMO_ANSWERS:
            self._option_bytes[options] = encoded
        return encoded

    def _remember_begin(self, first: int, code: int) -> bytes:
        """The first two bytes of the answer to a request that begins with `first`: ACK for CON, NON for NON."""
        begin = bytes((first | 0x20 if first < _NON else first, code))
        self._begins[first << 8 | code] = begin
        return begin
