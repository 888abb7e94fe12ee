"""DTLS records as bytes: where they begin and end, and the few fields that are readable (RFC 6347 §4.1, §4.2.2).

record      type 1 │ version 2 │ epoch 2 │ number 6 │ length 2 │ body
handshake   msg type 1 │ length 3 │ message seq 2 │ fragment offset 3 │ fragment length 3 │ ...   (epoch 0 only)
hello       version 2 │ random 32 │ session id │ cookie │ ...
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

HEADER_BYTES: Final = 13
PLAIN_MOST_BYTES: Final = 1 << 14
"""Longest plaintext of a record (RFC 5246 §6.2.1)."""
DATAGRAM_MOST_BYTES: Final = HEADER_BYTES + PLAIN_MOST_BYTES + 2048
"""The longest record (RFC 6347 §4.1). Who fills more with several has never been met, and OpenSSL's buffers keep the
size of the longest datagram for as long as the session lasts, whoever sent it."""
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO: Final = 1

_TYPES = frozenset({CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA})
_EPOCH_0 = b"\x00\x00"
_MESSAGE = HEADER_BYTES  # where the handshake header begins
_RANDOM = _MESSAGE + 12 + 2
_SESSION_ID = _RANDOM + 32


def is_record(datagram: bytes) -> bool:
    """Whether the datagram begins like a record of DTLS 1.0 or 1.2; a hello may carry either version."""
    return HEADER_BYTES < len(datagram) <= DATAGRAM_MOST_BYTES and datagram[0] in _TYPES and datagram[1] == 0xFE


def is_single(datagram: bytes) -> bool:
    """Whether the datagram is exactly one record, by its length."""
    return len(datagram) == HEADER_BYTES + (datagram[11] << 8 | datagram[12])


def split(data: bytes) -> list[bytes]:
    """The records that stand one behind the other in the bytes; a rest that is no whole record is left out.

    >>> split(bytes.fromhex("16fefd0000000000000000000161 14fefd00000000000000010001"))[0].hex()
    '16fefd0000000000000000000161'
    """
    found: list[bytes] = []
    start = 0
    while start + HEADER_BYTES <= len(data):
        end = start + HEADER_BYTES + (data[start + 11] << 8 | data[start + 12])
        if end > len(data):
            break
        found.append(data[start:end])
        start = end
    return found


def pack(records: Iterable[bytes], mtu: int) -> list[bytes]:
    """Datagrams of at most `mtu` bytes; a record that is longer goes alone."""
    datagrams: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for record in records:
        if waiting and size + len(record) > mtu:
            datagrams.append(b"".join(waiting))
            waiting, size = [], 0
        waiting.append(record)
        size += len(record)
    if waiting:
        datagrams.append(b"".join(waiting))
    return datagrams


def is_plain(record: bytes) -> bool:
    """Whether the record is of epoch 0, that is not encrypted."""
    return record[3:5] == _EPOCH_0


def number_of(record: bytes) -> int:
    """The number of the record in its epoch."""
    return int.from_bytes(record[5:11], "big")


def renumbered(record: bytes, number: int) -> bytes:
    """The same record under another number. Only for epoch 0: elsewhere the number is part of what is protected."""
    return record[:5] + number.to_bytes(6, "big") + record[11:]


def message_key(record: bytes) -> int:
    """Message number and fragment offset of a plaintext handshake record as one number that grows; -1: cut short."""
    if len(record) < _MESSAGE + 12:
        return -1
    return int.from_bytes(record[_MESSAGE + 4 : _MESSAGE + 9], "big")


def fatal_alert(number: int) -> bytes:
    """A plaintext record with that alert, number 0.

    >>> fatal_alert(44).hex()
    '15fefd00000000000000000002022c'
    """
    return bytes((ALERT, 0xFE, 0xFD)) + bytes(8) + b"\x00\x02\x02" + bytes((number,))


def begins_handshake(datagram: bytes) -> bool:
    """Whether the first record is a plaintext ClientHello, as far as the first bytes tell."""
    return (
        len(datagram) > _SESSION_ID
        and datagram[0] == HANDSHAKE
        and datagram[3:5] == _EPOCH_0
        and datagram[_MESSAGE] == CLIENT_HELLO
    )


def hello_random(datagram: bytes) -> bytes:
    """The 32 random bytes of the ClientHello that the datagram begins with: the same in all its repetitions."""
    return datagram[_RANDOM:_SESSION_ID]


def has_cookie(datagram: bytes) -> bool:
    """Whether the ClientHello that the datagram begins with carries a cookie."""
    at = _SESSION_ID + 1 + datagram[_SESSION_ID]
    return at < len(datagram) and datagram[at] > 0


def wants_last_flight(datagram: bytes) -> bool:
    """Whether a peer that should have finished repeats its flight: a plaintext handshake record, or a Finished.

    A Finished is encrypted, but its type is not. Whatever stands first in the datagram decides: a repeated flight
    begins with a handshake record or, where that went in another datagram, with ChangeCipherSpec.
    """
    kind = datagram[0]
    return kind == HANDSHAKE or (kind == CHANGE_CIPHER_SPEC and datagram[3:5] == _EPOCH_0)
