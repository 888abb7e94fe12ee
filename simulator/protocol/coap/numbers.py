"""The numbers of CoAP: message types, codes, options, content formats (RFC 7252 §12, RFC 7959 §6, RFC 7641)."""

from __future__ import annotations

from enum import IntEnum


class Type(IntEnum):
    """Message types (RFC 7252 §3)."""

    CON = 0
    NON = 1
    ACK = 2
    RST = 3


TYPE_NAMES = ("CON", "NON", "ACK", "RST")


class Code(IntEnum):
    """Codes by name; the class is in the upper three bits (RFC 7252 §12.1, RFC 7959 §2.9).

    A peer may send codes that are not listed: code that reads datagrams works with plain ints.
    """

    EMPTY = 0x00
    GET = 0x01
    POST = 0x02
    PUT = 0x03
    DELETE = 0x04
    CREATED = 0x41
    DELETED = 0x42
    VALID = 0x43
    CHANGED = 0x44
    CONTENT = 0x45
    CONTINUE = 0x5F
    BAD_REQUEST = 0x80
    UNAUTHORIZED = 0x81
    BAD_OPTION = 0x82
    FORBIDDEN = 0x83
    NOT_FOUND = 0x84
    METHOD_NOT_ALLOWED = 0x85
    NOT_ACCEPTABLE = 0x86
    REQUEST_ENTITY_INCOMPLETE = 0x88
    PRECONDITION_FAILED = 0x8C
    REQUEST_ENTITY_TOO_LARGE = 0x8D
    UNSUPPORTED_CONTENT_FORMAT = 0x8F
    INTERNAL_SERVER_ERROR = 0xA0
    NOT_IMPLEMENTED = 0xA1
    BAD_GATEWAY = 0xA2
    SERVICE_UNAVAILABLE = 0xA3
    GATEWAY_TIMEOUT = 0xA4
    PROXYING_NOT_SUPPORTED = 0xA5


IF_MATCH = 1
URI_HOST = 3
ETAG = 4
IF_NONE_MATCH = 5
OBSERVE = 6
URI_PORT = 7
LOCATION_PATH = 8
URI_PATH = 11
CONTENT_FORMAT = 12
MAX_AGE = 14
URI_QUERY = 15
ACCEPT = 17
LOCATION_QUERY = 20
BLOCK2 = 23
BLOCK1 = 27
SIZE2 = 28
PROXY_URI = 35
PROXY_SCHEME = 39
SIZE1 = 60

OCTET_STREAM = 42
"""Content-Format of opaque bytes (RFC 7252 §12.3)."""

REPEATABLE = frozenset({IF_MATCH, ETAG, LOCATION_PATH, URI_PATH, URI_QUERY, LOCATION_QUERY})
"""Options that may occur more than once (RFC 7252 §5.10); of others the second one counts as unrecognised (§5.4.5)."""

LENGTHS: dict[int, tuple[int, int]] = {
    IF_MATCH: (0, 8),
    URI_HOST: (1, 255),
    ETAG: (1, 8),
    IF_NONE_MATCH: (0, 0),
    OBSERVE: (0, 3),
    URI_PORT: (0, 2),
    LOCATION_PATH: (0, 255),
    URI_PATH: (0, 255),
    CONTENT_FORMAT: (0, 2),
    MAX_AGE: (0, 4),
    URI_QUERY: (0, 255),
    ACCEPT: (0, 2),
    LOCATION_QUERY: (0, 255),
    BLOCK2: (0, 3),
    BLOCK1: (0, 3),
    SIZE2: (0, 4),
    PROXY_URI: (1, 1034),
    PROXY_SCHEME: (1, 255),
    SIZE1: (0, 4),
}
"""Shortest and longest value in bytes; another length counts as unrecognised (RFC 7252 §5.4.3, RFC 7959 §2.1, §4)."""


def is_critical(number: int) -> bool:
    """An unrecognised option of this number makes the message unusable (RFC 7252 §5.4.1)."""
    return number & 1 == 1


def is_unsafe(number: int) -> bool:
    """A proxy that does not recognise this number may not forward the message (RFC 7252 §5.4.2)."""
    return number & 2 == 2


def is_repeatable(number: int) -> bool:
    """The option may occur more than once; numbers that are not known here may not."""
    return number in REPEATABLE


def is_request(code: int) -> bool:
    """0.01 to 0.31: methods, known or not."""
    return 0 < code < 0x20


def is_response(code: int) -> bool:
    """Class 2, 4 or 5; the other classes are reserved or never answers (RFC 7252 §12.1)."""
    return code >> 5 in (2, 4, 5)


def code_text(code: int) -> str:
    """The dotted form.

    >>> code_text(0x44)
    '2.04'
    """
    return f"{code >> 5}.{code & 31:02d}"
