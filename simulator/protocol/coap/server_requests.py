"""The request and response layer of a CoAP server: from options and payload to the code and the bytes of the answer.

    options ─► 4.02, 5.05, 4.05 … │ later block of a kept answer │ block of an upload ─► 2.31, 4.08, 4.13
                   └─► handler, once per logical request ─► its answer, cut into blocks where it is long

A peer for whom nobody vouches is a stranger, and every answer to it is short, so that a forged address brings its
owner little more than the forger could send there himself (RFC 7252 §11.3). Nor can a peer vouch for itself by asking
for the next block, for a forger can guess that request. It is `verified` that knows, for the front's own reasons.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from simulator.protocol.coap import numbers
from simulator.protocol.coap.blocks_server import TransferKey, Uploads, cut, largest_szx
from simulator.protocol.coap.codec import Block, Options, encode_options
from simulator.protocol.coap.numbers import Code
from simulator.protocol.coap.server_head import Head, weight
from simulator.protocol.coap.server_types import Handler, Peer, Request, Response, ServerSettings
from simulator.protocol.coap.shelf import Shelf

AMPLIFICATION = 3
"""A stranger is never sent more than this many times what it sent, IP and UDP headers included: a small factor, as
RFC 7252 §11.3 asks, and still enough for every answer without a payload and for blocks of 16 bytes."""
IP_UDP_HEADER_BYTES = 28
SHORT_TAIL_BYTES = 64
"""Options and payload that anybody may have for any request: 3 × (28 + 4) − 28 − 4."""

_BLOCK2_HEADER_BYTES = 15
"""ETag, Block2, Size2 and the payload marker at their longest."""
_METHODS = frozenset({Code.GET, Code.POST, Code.PUT, Code.DELETE})
_UNFINISHED = frozenset({Code.REQUEST_ENTITY_TOO_LARGE, Code.REQUEST_ENTITY_INCOMPLETE})


def most_bytes(asked_bytes: int) -> int:
    """The longest datagram that a stranger may be sent for one of `asked_bytes`."""
    return AMPLIFICATION * (IP_UDP_HEADER_BYTES + asked_bytes) - IP_UDP_HEADER_BYTES


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What goes into the answer, behind the header and the token."""

    code: int
    """0: there is no answer."""
    tail: bytes = b""
    """Options, marker and payload."""
    remember: bool = True
    """False: making it again costs nothing and changes nothing."""


SILENCE = Reply(0)


class RequestLayer:
    """Serves requests that are well-formed and new; knows no message types, ids or tokens."""

    __slots__ = ("_answers", "_handler", "_settings", "_stranger_answers", "_stranger_uploads", "_uploads", "_verified")

    def __init__(self, handler: Handler, settings: ServerSettings, verified: Callable[[Peer], bool]) -> None:
        self._handler = handler
        self._settings = settings
        self._verified = verified
        largest, age_s = settings.max_upload_bytes, settings.transfer_age_s
        self._uploads = Uploads(settings.uploads, settings.uploads_bytes, age_s, largest)
        self._stranger_uploads = Uploads(settings.stranger_uploads, settings.strangers_bytes, age_s, largest)
        self._answers: Shelf[TransferKey, Response] = Shelf(settings.answers, settings.answers_bytes, age_s)
        self._stranger_answers: Shelf[TransferKey, Response] = Shelf(
            settings.stranger_answers, settings.strangers_bytes, age_s
        )

    def serve(
        self, code: int, head: Head, payload: bytes, peer: Peer, confirmable: bool, size_bytes: int, now: float
    ) -> Reply:
        """Answer one request; `size_bytes` is the length of its datagram."""
        if head.refusal:
            # RFC 7252 §5.4.1: an option that is not understood makes a non-confirmable message unusable
            ignored = head.refusal == Code.BAD_OPTION and not confirmable
            return SILENCE if ignored else Reply(head.refusal, remember=False)
        if code not in _METHODS:
            return Reply(Code.METHOD_NOT_ALLOWED, remember=False)
        later = head.block2 is not None and head.block2.num > 0
        if later:
            kept = self._answers_of(peer).get((peer, head.resource), now)
            if kept is not None:
                return self._block_of(kept, head.block2, (), peer, size_bytes, remember=False)[0]
        block = head.block1
        if block is None and len(payload) > self._settings.max_upload_bytes:
            return self.finish(self._uploads.too_large(), head, peer, size_bytes, now)
        path, text = head.path, head.path_text
        request = Request(code, path, text, head.options, payload, peer, confirmable, size_bytes, head.accept, later)
        if block is not None:
            return self._upload(request, head, block, now)
        response = self._handler(request, now)
        return SILENCE if response is None else self.finish(response, head, peer, size_bytes, now)

    def held(self) -> tuple[int, int, int]:
        """Uploads and answers that are kept, and their bytes."""
        uploads = (self._uploads, self._stranger_uploads)
        answers = (self._answers, self._stranger_answers)
        size_bytes = sum(shelf.size_bytes for shelf in (*uploads, *answers))
        return sum(map(len, uploads)), sum(map(len, answers)), size_bytes

    def _upload(self, request: Request, head: Head, block: Block, now: float) -> Reply:
        peer = request.peer
        key = (peer, head.resource)
        uploads = self._uploads if self._verified(peer) else self._stranger_uploads
        step = uploads.receive(key, request.code, block, head.size1, request.payload, now)
        if isinstance(step, bytes):
            response = self._handler(msgspec.structs.replace(request, payload=step), now)
            uploads.finish(key, response, now)
            if response is None:
                return SILENCE
        else:
            response = step
        # RFC 7959 §2.9.2, §2.9.3: where the transfer itself fails, Block1 would ask for smaller blocks
        extra: Options = ()
        if response.code not in _UNFINISHED:
            more = response.code == Code.CONTINUE
            extra = ((numbers.BLOCK1, Block(block.num, more, min(block.szx, self._settings.block1_szx)).encode()),)
        return self.finish(response, head, peer, request.size_bytes, now, extra)

    def finish(
        self, response: Response, head: Head, peer: Peer, size_bytes: int, now: float, extra: Options = ()
    ) -> Reply:
        """A whole answer, or its first block; `extra` are options for this datagram only.

        What needs more than one block is kept for the requests that will follow.
        """
        content = response.payload
        wish = head.block2 if response.code < 0x80 else None  # an error is no part of what the client is fetching
        plain = _tail(_merged(response.options, extra), content)
        fits = len(content) <= 16 << self._szx(peer, len(plain) - len(content), size_bytes)
        if fits and not response.block2 and (wish is None or not content):
            return Reply(response.code, plain)
        first = wish is None or wish.num == 0
        reply, more = self._block_of(response, wish, extra, peer, size_bytes, remember=True)
        if first and more and response.keep:
            size = len(content) + weight(head.resource)
            self._answers_of(peer).put((peer, head.resource), response, size, now)
        return reply

    def _block_of(
        self, response: Response, wish: Block | None, extra: Options, peer: Peer, size_bytes: int, *, remember: bool
    ) -> tuple[Reply, bool]:
        """The block that is asked for, and whether there are more behind it."""
        header_bytes = len(encode_options(_merged(response.options, extra))) + _BLOCK2_HEADER_BYTES
        found = cut(response, wish, self._szx(peer, header_bytes, size_bytes))
        if found is None:
            return Reply(Code.BAD_REQUEST), False
        options, content, more = found
        return Reply(response.code, _tail(_merged(options, extra), content), remember), more

    def _szx(self, peer: Peer, header_bytes: int, size_bytes: int) -> int:
        """The largest block for this peer, behind so many bytes of options."""
        most = self._settings.block2_szx
        if self._verified(peer):
            return most
        return largest_szx(most_bytes(size_bytes) - 12 - header_bytes, most)

    def _answers_of(self, peer: Peer) -> Shelf[TransferKey, Response]:
        return self._answers if self._verified(peer) else self._stranger_answers


def _tail(options: Options, content: bytes) -> bytes:
    encoded = encode_options(options)
    return encoded + b"\xff" + content if content else encoded


def _merged(options: Options, extra: Options) -> Options:
    return tuple(sorted(options + extra, key=_number)) if extra else options


def _number(option: tuple[int, bytes]) -> int:
    return option[0]
