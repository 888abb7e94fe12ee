"""One request whose body or answer travels in blocks, seen by the device (RFC 7959).

    WHOLE ──4.13 with a block size──► UPLOAD ─┐ next block of the body
      │                                 │ ◄───┘
      ├──────answer, first of more──────┼─────► DOWNLOAD ─┐ next block of the answer
      │                                 │          │ ◄────┘
      └────────────answer───────────────┴──────────┴──► DONE

`WHOLE`: the body fits into one message. From every state an answer that fits nothing leads to DONE as well. Each step
is an exchange of its own with its own message id and token; this machine only says what to ask next.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from simulator.protocol.coap.codec import Block, CoapFormatError, Message, Options, encode_uint
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2, ETAG, SIZE1, Code

_GET = int(Code.GET)
_CONTINUE = int(Code.CONTINUE)
_TOO_LARGE = int(Code.REQUEST_ENTITY_TOO_LARGE)
_INCOMPLETE = int(Code.REQUEST_ENTITY_INCOMPLETE)


class Ask(msgspec.Struct, frozen=True):
    """Send this next: the options in order, and the payload."""

    options: Options
    payload: bytes


class Deliver(msgspec.Struct, frozen=True):
    """The transfer is over; the whole answer."""

    code: int
    payload: bytes


class Fail(msgspec.Struct, frozen=True):
    """The transfer is over: the peer does not keep to the rules, or its answer is longer than we take."""

    problem: str


Step = Ask | Deliver | Fail


class State(Enum):
    """Where a transfer stands."""

    WHOLE = auto()
    UPLOAD = auto()
    DOWNLOAD = auto()
    DONE = auto()


class Reply(Enum):
    """What an answer means to a transfer."""

    ANSWER = auto()  # complete, or an error: nothing follows
    CONTINUE = auto()  # the block is taken, the next may come
    SMALLER = auto()  # too large; the peer names a block size that it takes
    INCOMPLETE = auto()  # the peer has lost earlier blocks
    FIRST = auto()  # the first block of an answer that has more
    MORE = auto()  # the expected block, with more to follow
    LAST = auto()  # the expected block, the last one
    CHANGED = auto()  # a block of something else: the content changed meanwhile


# (state, reply) → the state then; what is done on the way is the method of `Transfer` that `ACTIONS` names.
NEXT = {
    (State.WHOLE, Reply.ANSWER): State.DONE,
    (State.WHOLE, Reply.FIRST): State.DOWNLOAD,
    (State.WHOLE, Reply.SMALLER): State.UPLOAD,
    (State.UPLOAD, Reply.ANSWER): State.DONE,
    (State.UPLOAD, Reply.CONTINUE): State.UPLOAD,
    (State.UPLOAD, Reply.SMALLER): State.UPLOAD,
    (State.UPLOAD, Reply.INCOMPLETE): State.UPLOAD,
    (State.UPLOAD, Reply.FIRST): State.DOWNLOAD,
    (State.DOWNLOAD, Reply.ANSWER): State.DONE,
    (State.DOWNLOAD, Reply.MORE): State.DOWNLOAD,
    (State.DOWNLOAD, Reply.LAST): State.DONE,
    (State.DOWNLOAD, Reply.CHANGED): State.WHOLE,
}


class _BadAnswer(Exception):
    """The answer fits nothing that was asked."""


class Transfer:
    """Feed it answers; carry out the step it returns. Pure, and nothing waits in it: the engine keeps the time."""

    __slots__ = ("_body", "_code", "_etag", "_limit", "_offset", "_options", "_payload", "_restarts", "_szx", "state")

    def __init__(
        self,
        code: int,
        options: Options,
        payload: bytes,
        *,
        szx: int,
        max_body_bytes: int,
        max_restarts: int,
    ) -> None:
        """`code`, `options` (path and query, without block options) and `payload` as if it were one message.

        Raises: ValueError: `szx` is not 0 to 6.
        """
        if not 0 <= szx <= 6:
            raise ValueError(f"szx {szx}; block sizes are 0 (16 bytes) to 6 (1024 bytes)")
        self._code, self._options, self._payload = code, options, payload
        self._szx = szx
        self._limit = max_body_bytes
        self._restarts = max_restarts
        self._offset = 0  # where in the payload the block that is under way begins
        self._body = bytearray()
        self._etag: bytes | None = None
        self.state = State.UPLOAD if len(payload) > 16 << szx else State.WHOLE

    def start(self, *, announce: bool = False) -> Ask:
        """What to send first. `announce`: tell the block size we want for the answer right away (RFC 7959 §2.4)."""
        if self.state is State.UPLOAD:
            return self._block()
        wish = ((BLOCK2, Block(0, False, self._szx).encode()),) if announce else ()
        return Ask(_with(self._options, wish), self._payload)

    def receive(self, message: Message) -> Step:
        """The next step after the answer to the last one."""
        try:
            values = _single(message.options)
            block1 = None if (value := values.get(BLOCK1)) is None else Block.decode(value)
            block2 = None if (value := values.get(BLOCK2)) is None else Block.decode(value)
            etag = values.get(ETAG)
            before = self.state
            if before is State.DOWNLOAD:
                reply = self._meaning_of_block(message, block2, etag)
            else:
                reply = self._meaning_of_answer(message, block1, block2)
        except (_BadAnswer, CoapFormatError) as error:
            self.state = State.DONE
            return Fail(str(error))
        if (before, reply) not in NEXT:
            self.state = State.DONE
            return Fail(f"{reply.name.lower()} in answer to {before.name.lower()}")
        self.state = NEXT[before, reply]
        if reply is Reply.ANSWER:
            return Deliver(message.code, message.payload)
        if reply is Reply.LAST:
            self._body += message.payload
            return Deliver(message.code, bytes(self._body))
        if reply in (Reply.FIRST, Reply.MORE):
            assert block2 is not None  # only answers with Block2 have these meanings
            return self._follow(message, block2, etag)
        if reply is Reply.CHANGED:
            self._body.clear()
            return self.start(announce=True)
        if reply is Reply.INCOMPLETE:
            self._offset = 0
        elif reply is Reply.SMALLER:
            assert block1 is not None
            self._offset, self._szx = 0, block1.szx
        else:
            assert block1 is not None
            self._offset += 16 << self._szx
            self._szx = min(self._szx, block1.szx)
        return self._block()

    def _meaning_of_answer(self, message: Message, block1: Block | None, block2: Block | None) -> Reply:
        code = message.code
        if code == _TOO_LARGE and block1 is not None and block1.szx < self._szx:
            if 16 << block1.szx < len(self._payload):
                return Reply.SMALLER
        elif code == _INCOMPLETE and self.state is State.UPLOAD and self._restarts:
            self._restarts -= 1
            return Reply.INCOMPLETE
        if code >> 5 != 2:
            return Reply.ANSWER
        unsent = self.state is State.UPLOAD and self._offset + (16 << self._szx) < len(self._payload)
        if self.state is State.UPLOAD and block1 is not None and block1.num != self._offset >> self._szx + 4:
            raise _BadAnswer(f"an answer to block {block1.num} instead of {self._offset >> self._szx + 4}")
        if unsent:
            # 2.04 to a block in the middle: the peer works on each block by itself (RFC 7959 §2.3), and wants the rest
            if block1 is None:
                raise _BadAnswer("success before the last block, without Block1: the peer took a part for the whole")
            return Reply.CONTINUE
        if code == _CONTINUE:
            raise _BadAnswer("2.31 Continue, but nothing is left to send")
        if block2 is None or not (block2.more or block2.num):
            return Reply.ANSWER
        if block2.num:
            raise _BadAnswer(f"the answer begins with block {block2.num}")
        return Reply.FIRST

    def _meaning_of_block(self, message: Message, block2: Block | None, etag: bytes | None) -> Reply:
        if message.code >> 5 != 2:
            return Reply.ANSWER
        if block2 is None:
            raise _BadAnswer("an answer without Block2 to the request for a further block")
        if etag != self._etag:
            # another body would need another POST, and that may not be repeated on our own account
            if self._code != _GET or self._payload or not self._restarts:
                raise _BadAnswer("the content changed during the transfer")
            self._restarts -= 1
            return Reply.CHANGED
        if block2.szx > self._szx or block2.offset != len(self._body):
            raise _BadAnswer(f"block {block2.num} of {block2.size} bytes, with {len(self._body)} bytes received")
        if block2.more:
            return Reply.MORE
        if len(message.payload) > block2.size:
            raise _BadAnswer(f"{len(message.payload)} bytes in a block of {block2.size}")
        self._check_limit(message.payload)
        return Reply.LAST

    def _follow(self, message: Message, block2: Block, etag: bytes | None) -> Step:
        """Keep the block, ask for the next one."""
        payload = message.payload
        try:
            if len(payload) != block2.size:
                raise _BadAnswer(f"{len(payload)} bytes in a full block of {block2.size}")
            self._check_limit(payload)
        except _BadAnswer as error:
            self.state = State.DONE
            return Fail(str(error))
        self._body += payload
        self._etag = etag
        self._szx = min(self._szx, block2.szx)
        wanted = Block(len(self._body) >> self._szx + 4, False, self._szx)
        # RFC 7959 §3.3: the same method and options, no payload, and no Block1
        return Ask(_with(self._options, ((BLOCK2, wanted.encode()),)), b"")

    def _check_limit(self, payload: bytes) -> None:
        if len(self._body) + len(payload) > self._limit:
            raise _BadAnswer(f"an answer of more than {self._limit} bytes")

    def _block(self) -> Ask:
        """The block of the payload that is next."""
        size = 16 << self._szx
        end = self._offset + size
        more = end < len(self._payload)
        extra = [(BLOCK1, Block(self._offset // size, more, self._szx).encode())]
        if self._offset == 0:
            extra.append((SIZE1, encode_uint(len(self._payload))))
        return Ask(_with(self._options, tuple(extra)), self._payload[self._offset : end])


def _with(options: Options, extra: Options) -> Options:
    return tuple(sorted((*options, *extra), key=lambda item: item[0])) if extra else options


def _single(options: Options) -> dict[int, bytes]:
    """The options by number. A second Block1 or Block2 is an unknown critical option (RFC 7252 §5.4.5)."""
    values: dict[int, bytes] = {}
    for number, value in options:
        if number in values and number in (BLOCK1, BLOCK2):
            raise _BadAnswer("a block option twice")
        values.setdefault(number, value)
    return values
