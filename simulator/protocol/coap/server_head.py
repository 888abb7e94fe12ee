"""What the options of a request ask of a server (RFC 7252 §5.4, §5.10; RFC 7959), read once per set of option bytes."""

from __future__ import annotations

import msgspec

from simulator.protocol.coap import numbers
from simulator.protocol.coap.codec import Block, CoapFormatError, Options, decode_uint, path_segments, path_text
from simulator.protocol.coap.numbers import Code

Resource = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""Path and query segments: what a block-wise transfer is about. Tokens have no part in it (span §4.3)."""

_IGNORED = frozenset({numbers.URI_HOST, numbers.URI_PORT})
"""Critical options that mean nothing here; one client fills them with stray memory (span §4.3)."""
_ANY_LENGTH = frozenset({numbers.URI_PATH, numbers.URI_QUERY})
"""Accepted with any bytes, and longer than 255 (span §4.3)."""
_UNDERSTOOD = frozenset({numbers.IF_MATCH, numbers.IF_NONE_MATCH, numbers.ACCEPT, numbers.BLOCK1, numbers.BLOCK2})
_PROXY = frozenset({numbers.PROXY_URI, numbers.PROXY_SCHEME})


def weight(resource: Resource) -> int:
    """Its bytes; they count where transfers are kept, since a peer may send paths as long as a datagram."""
    return sum(map(len, resource[0])) + sum(map(len, resource[1]))


class Head(msgspec.Struct, frozen=True, gc=False):
    """The meaning of an option block."""

    options: Options
    resource: Resource
    path: tuple[bytes, ...]
    """The first part of `resource`."""
    path_text: str
    accept: int | None
    block1: Block | None
    block2: Block | None
    size1: int | None
    """Length of the whole payload as the client announces it."""
    refusal: int
    """Code of the error that these options earn; 0: none."""
    plain: bool
    """No blocks, no error: nothing but a handler stands between request and answer."""


def read_head(options: Options) -> Head:
    """Never fails: what is wrong becomes the `refusal`."""
    refusal = _refusal(options)
    accept = block1 = block2 = size1 = None
    if not refusal:
        for number, value in options:
            if number == numbers.ACCEPT:
                accept = decode_uint(value)
            elif number == numbers.BLOCK1:
                block1 = Block.decode(value)
            elif number == numbers.BLOCK2:
                block2 = Block.decode(value)
            elif number == numbers.SIZE1 and len(value) <= 4:
                size1 = decode_uint(value)
    path = path_segments(options)
    query = tuple(value for number, value in options if number == numbers.URI_QUERY)
    plain = not refusal and block1 is None and block2 is None
    return Head(options, (path, query), path, path_text(options), accept, block1, block2, size1, refusal, plain)


def _refusal(options: Options) -> int:
    """The code of the gravest error: an option not understood, then a proxy, a block, a condition; 0: none."""
    found = 0
    conditions = []
    seen: set[int] = set()
    for number, value in options:
        if not numbers.is_critical(number) or number in _IGNORED or number in _ANY_LENGTH:
            continue
        if number in _PROXY:
            found = found or Code.PROXYING_NOT_SUPPORTED
            continue
        # RFC 7252 §5.4.3, §5.4.5: a wrong length, or once too often, is the same as not understood
        if number not in _UNDERSTOOD or not _fits(number, value) or (number in seen and number != numbers.IF_MATCH):
            return Code.BAD_OPTION
        seen.add(number)
        if number == numbers.IF_MATCH:
            conditions.append(value)
        elif number in (numbers.BLOCK1, numbers.BLOCK2):
            found = found or _block_refusal(value)
    if not found and conditions and b"" not in conditions:
        # RFC 7252 §5.10.8.1: nothing here has an ETag to be compared, so only the empty value ("exists") is fulfilled
        return Code.PRECONDITION_FAILED
    return found


def _fits(number: int, value: bytes) -> bool:
    least, most = numbers.LENGTHS[number]
    return least <= len(value) <= most


def _block_refusal(value: bytes) -> int:
    try:
        Block.decode(value)
    except CoapFormatError:
        return Code.BAD_REQUEST  # RFC 7959 §2.2: the reserved szx 7
    return 0
