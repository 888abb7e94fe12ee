"""Block-wise transfers, seen by the server (RFC 7959): uploads put together, large answers cut up.

A transfer belongs to a peer and a resource, never to a token: devices change the token with every block (span §4.3).

Uploads.  Block 0 begins anew, whatever was there before. The block that continues is added, one that is already there
is acknowledged again, so a device may repeat or resume after a pause. A block behind a gap is 4.08.
When the last block has come the payload is whole, and the answer is kept for a last block that is sent once more.

Answers.  Those that need more than one block are kept, and block 1 … n are cut from what was kept: the handler, which
may have handed out a message that exists once, is asked only for block 0.
"""

from __future__ import annotations

from hashlib import blake2b

from simulator.protocol.coap import numbers
from simulator.protocol.coap.numbers import Code
from simulator.protocol.coap.options import MAX_BLOCK_NUMBER, Block, Options, encode_uint
from simulator.protocol.coap.server_head import Resource, weight
from simulator.protocol.coap.server_types import Peer, Response
from simulator.protocol.coap.shelf import Shelf

TransferKey = tuple[Peer, Resource]

_ETAG_BYTES = 4

CONTINUE = Response(Code.CONTINUE)
INCOMPLETE = Response(Code.REQUEST_ENTITY_INCOMPLETE)
BAD_REQUEST = Response(Code.BAD_REQUEST)


class Upload:
    """One upload: under way, or (`answer`) finished."""

    __slots__ = ("answer", "body", "code", "last", "received")

    def __init__(self, code: int) -> None:
        self.code = code
        self.body = bytearray()
        self.received = 0
        """Bytes so far; still known when `body` has been handed over."""
        self.last = b""
        """The last block of a finished upload."""
        self.answer: Response | None = None


class Uploads:
    """Uploads in blocks, bounded in number, bytes and age."""

    __slots__ = ("_largest_bytes", "_shelf")

    def __init__(self, limit: int, limit_bytes: int, age_s: float, largest_bytes: int) -> None:
        """`limit` uploads with `limit_bytes` together, each at most `largest_bytes`, paused at most `age_s`."""
        self._shelf: Shelf[TransferKey, Upload] = Shelf(limit, limit_bytes, age_s)
        self._largest_bytes = largest_bytes

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def size_bytes(self) -> int:
        """What all of them hold."""
        return self._shelf.size_bytes

    def too_large(self) -> Response:
        """4.13, with the largest size that is accepted (RFC 7959 §2.9.3)."""
        return Response(
            Code.REQUEST_ENTITY_TOO_LARGE, options=((numbers.SIZE1, encode_uint(self._largest_bytes)),), etag=b""
        )

    def receive(
        self, key: TransferKey, code: int, block: Block, size1: int | None, payload: bytes, now: float
    ) -> bytes | Response:
        """One block. Returns the whole payload if this was the last one, else what to answer."""
        # RFC 7959 §2.2: all blocks but the last are full
        if len(payload) > block.size or (block.more and len(payload) != block.size):
            return BAD_REQUEST
        upload = self._shelf.get(key, now) if block.num else Upload(code)
        if upload is None or upload.code != code or block.offset > upload.received:
            return INCOMPLETE
        end = block.offset + len(payload)
        if end > self._largest_bytes or (block.num == 0 and (size1 or 0) > self._largest_bytes):
            self._shelf.drop(key)
            return self.too_large()
        if upload.answer is not None:
            return self._after_the_end(upload, block, payload)
        if block.more and block.num and end <= upload.received:
            return CONTINUE  # it is there already
        del upload.body[block.offset :]
        upload.body += payload
        upload.received = end
        if block.more:
            self._shelf.put(key, upload, end + weight(key[1]), now)
            return CONTINUE
        whole = bytes(upload.body)
        if block.num:
            upload.body = bytearray()
            upload.last = payload
            self._shelf.put(key, upload, len(payload) + weight(key[1]), now)
        else:
            self._shelf.drop(key)
        return whole

    def finish(self, key: TransferKey, answer: Response | None, now: float) -> None:
        """Keep the answer to the payload that `receive` returned last, for a last block that comes once more."""
        upload = self._shelf.get(key, now)
        if upload is None:
            return
        if answer is None:
            self._shelf.drop(key)
            return
        upload.answer = answer
        self._shelf.put(key, upload, len(upload.last) + len(answer.payload) + weight(key[1]), now)

    def _after_the_end(self, upload: Upload, block: Block, payload: bytes) -> Response:
        end = block.offset + len(payload)
        if block.more and end < upload.received:
            return CONTINUE
        if not block.more and end == upload.received and payload == upload.last and upload.answer is not None:
            return upload.answer
        return INCOMPLETE


def cut(response: Response, wish: Block | None, szx: int) -> tuple[Options, bytes, bool] | None:
    """The block that was asked for (`wish`; None: the first), not larger than `szx`.

    Returns: all options of its answer, its content, whether there is more; None: the content ends before that block.
    """
    content = response.payload
    offset = 0
    if wish is not None:
        szx = min(szx, wish.szx)
        offset = wish.offset
    if offset and offset >= len(content):
        return None
    size = 16 << szx
    if offset // size > MAX_BLOCK_NUMBER:
        return None
    # A client that asks for more than it is given counts in its own blocks; the answer says where it is in ours.
    block = Block(offset // size, len(content) > offset + size, szx)
    options = [
        *response.options,
        (numbers.BLOCK2, block.encode()),
        (numbers.SIZE2, encode_uint(len(content))),
    ]
    etag = etag_of(content) if response.etag is None else response.etag
    if etag:
        options.append((numbers.ETAG, etag))
    return tuple(sorted(options, key=_number)), content[offset : offset + size], block.more


def largest_szx(room_bytes: int, szx: int) -> int:
    """The largest block, of at most `szx`, that fits into so many bytes; 0 where none does."""
    while szx and 16 << szx > room_bytes:
        szx -= 1
    return szx


def etag_of(content: bytes) -> bytes:
    """The same for the same content, so a block of an answer that was made again still fits the others."""
    return blake2b(content, digest_size=_ETAG_BYTES).digest()


def _number(option: tuple[int, bytes]) -> int:
    return option[0]
