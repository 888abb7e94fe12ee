"""CoAP messages as bytes and back (RFC 7252 §3): strict, and quick for messages that look like earlier ones.

Two things make it quick. Decoding remembers the option bytes that it has once parsed to their very end: parsing goes
from left to right and looks at nothing else, so a message that has the same bytes between its token and the first 0xFF
(or the end) has the same options. Encoding has `Template` for messages that differ only in id, token and payload.
"""

from __future__ import annotations

import msgspec

from simulator.protocol.coap.numbers import TYPE_NAMES, Code, Type, code_text
from simulator.protocol.coap.options import (
    Block,
    CoapFormatError,
    Options,
    decode_uint,
    encode_options,
    encode_uint,
    option,
    parse_options,
    path_options,
    path_segments,
    path_text,
)

MAX_TOKEN_BYTES = 8

_MEMO_ENTRIES = 4096
_MEMO_BYTES = 96  # longer option blocks are rare, and seldom met again
_memo: dict[bytes, Options] = {b"": ()}


class Message(msgspec.Struct, frozen=True, gc=False):
    """One CoAP message. Equal messages have equal bytes, and the other way round for everything `encode` makes."""

    type: int
    code: int
    mid: int
    token: bytes = b""
    options: Options = ()
    payload: bytes = b""

    def __str__(self) -> str:
        return f"{TYPE_NAMES[self.type]} {code_text(self.code)} id 0x{self.mid:04x} token {self.token.hex() or '-'}"


def decode(data: bytes) -> Message:
    """The message in a datagram.

    Raises: CoapFormatError: it is none. That includes the code classes 1, 6 and 7, which are reserved (§12.1) and
    whose messages are rejected in the same way as malformed ones (§4.2, §4.3).
    """
    if len(data) < 4:
        raise CoapFormatError(f"{len(data)} bytes; the header alone takes 4")
    first = data[0]
    if first >> 6 != 1:
        raise CoapFormatError(f"version {first >> 6} instead of 1")
    code = data[1]
    type_ = first >> 4 & 3
    mid = data[2] << 8 | data[3]
    if code == 0:
        if len(data) > 4 or first & 15:
            raise CoapFormatError("an empty message that is longer than its header", mid, type_)
        return Message(type_, 0, mid)
    start = 4 + (first & 15)
    if start > 12:
        raise CoapFormatError(f"token length {first & 15}; 9 to 15 are reserved", mid, type_)
    if start > len(data):
        raise CoapFormatError("ends inside its token", mid, type_)
    if code >> 5 in (1, 6, 7):
        raise CoapFormatError(f"code {code_text(code)} of a reserved class", mid, type_)
    marker = data.find(255, start)
    options = _memo.get(data[start:] if marker < 0 else data[start:marker])
    if options is None:
        try:
            options, marker = parse_options(data, start)
        except CoapFormatError as error:
            raise CoapFormatError(error.problem, mid, type_) from None
        end = len(data) if marker < 0 else marker
        if end - start <= _MEMO_BYTES and data.find(255, start, end) < 0:
            if len(_memo) >= _MEMO_ENTRIES:  # whoever sends ever new options costs time, never memory
                _memo.clear()
            _memo[data[start:end]] = options
    if marker < 0:
        return Message(type_, code, mid, data[4:start], options)
    payload = data[marker + 1 :]
    if not payload:
        raise CoapFormatError("a payload marker without a payload", mid, type_)
    return Message(type_, code, mid, data[4:start], options, payload)


def encode(message: Message) -> bytes:
    """The datagram of a message. Raises: ValueError: a field is out of range, or the options are not in order."""
    code, token = message.code, message.token
    if not (0 <= message.type <= 3 and 0 <= code <= 255 and 0 <= message.mid <= 65535):
        raise ValueError(f"type {message.type}, code {code} or id {message.mid} out of range")
    if len(token) > MAX_TOKEN_BYTES:
        raise ValueError(f"a token of {len(token)} bytes; 8 is the most")
    if code == 0 and (token or message.options or message.payload):
        raise ValueError("an empty message has neither token nor options nor payload")
    if code >> 5 in (1, 6, 7):
        raise ValueError(f"code {code_text(code)} is of a reserved class")
    head = (0x40 | message.type << 4 | len(token)) << 24 | code << 16 | message.mid
    start = head.to_bytes(4, "big") + token + encode_options(message.options)
    return start + b"\xff" + message.payload if message.payload else start


def reset(mid: int) -> bytes:
    """RST: the answer to a ping, and to a confirmable message that means nothing here (RFC 7252 §4.2, §4.3)."""
    return (0x70000000 | mid).to_bytes(4, "big")


def acknowledgement(mid: int) -> bytes:
    """An empty ACK."""
    return (0x60000000 | mid).to_bytes(4, "big")


class Template:
    """Messages that differ only in id, token and payload: everything else is encoded once."""

    __slots__ = ("begin", "code", "head", "marked", "options", "plain", "type")

    def __init__(self, type: int, code: int, options: Options = ()) -> None:
        """Raises: ValueError as `encode`."""
        encode(Message(type, code, 0, b"", options))
        self.type, self.code, self.options = int(type), int(code), options
        self.head = (0x40 | self.type << 4) << 24 | self.code << 16
        self.begin = ((self.head | 4 << 24) >> 16).to_bytes(2, "big")  # of a message with a token of 4 bytes
        self.plain = encode_options(options)
        self.marked = self.plain + b"\xff"

    def render(self, mid: int, token: bytes = b"", payload: bytes = b"") -> bytes:
        """The datagram. Nothing is checked: `mid` has 16 bits and `token` at most 8 bytes."""
        head = (self.head | len(token) << 24 | mid).to_bytes(4, "big")
        return head + token + self.marked + payload if payload else head + token + self.plain


__all__ = [
    "Block",
    "CoapFormatError",
    "Code",
    "Message",
    "Options",
    "Template",
    "Type",
    "acknowledgement",
    "code_text",
    "decode",
    "decode_uint",
    "encode",
    "encode_options",
    "encode_uint",
    "option",
    "path_options",
    "path_segments",
    "path_text",
    "reset",
]
