"""RADIUS packets as bytes and back, and who made them (RFC 2865, 2866, 3579, 5176).

pyrad's packet codec lays attributes out, and its dictionary names them. Three things around it are ours:

- Splitting what came, since lengths have to be held against the standard anyway (`parsing`).
- Attributes are handled by number, not by name: a look into pyrad's dictionary costs more than the attribute. Names
  are for people (`names`).
- Signing: pyrad encodes all attributes a second time for it. Message-Authenticator is our first attribute, so its
  place is known, and both signatures are put into bytes that are encoded once. Checking looks at the bytes that came.

What repeats is remembered: the octets that pyrad puts before a value of a given size, and what was inside short
Vendor-Specific attributes. `tests/bench/bench_attach.py` says what an attach costs.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence

from pyrad import packet as pyrad  # type: ignore[import-untyped]

from simulator.protocol.radius.errors import (
    MISSING_MESSAGE_AUTHENTICATOR,
    TOO_LONG,
    WRONG_AUTHENTICATOR,
    WRONG_MESSAGE_AUTHENTICATOR,
    RadiusError,
)
from simulator.protocol.radius.numbers import MESSAGE_AUTHENTICATOR, PROXY_STATE, Code, Key
from simulator.protocol.radius.parsing import HEADER_BYTES, MAX_BYTES, Packet, decode

AUTHENTICATOR_BYTES = 16

Attributes = Sequence[tuple[Key, bytes]]
"""In the order in which they are sent; a key may repeat."""

# Requests with a random authenticator, which signs nothing: only their Message-Authenticator does.
_UNSIGNED = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})
_UNSIGNED_REPLIES = frozenset({Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE})

_ZEROS = bytes(AUTHENTICATOR_BYTES)
_UNSIGNED_YET = bytes((MESSAGE_AUTHENTICATOR, 2 + AUTHENTICATOR_BYTES)) + _ZEROS
_SIGNATURE = slice(HEADER_BYTES + 2, HEADER_BYTES + 2 + AUTHENTICATOR_BYTES)  # of a Message-Authenticator that is first

_pack_header = struct.Struct("!BBH16s").pack

# (key, size of the value) → what pyrad puts before such a value. As many as we send, and 254 for Proxy-State.
_heads: dict[tuple[Key, int], bytes] = {}


class _TooLongError(ValueError):
    """A packet that we make has more octets than one may have."""


def encode_request(
    code: int,
    id: int,
    attributes: Attributes,
    secret: bytes,
    authenticator: bytes | None = None,
    message_authenticator: bool = True,
) -> bytes:
    """The datagram of a request; octets 4 to 20 are its authenticator.

    Args:
        authenticator: 16 octets that nobody can guess, for Access-Request and Status-Server. The other requests are
            signed by theirs, so it is computed, and this is not looked at.
        message_authenticator: whether to put one, as the first attribute.
    Raises: ValueError: something is out of range, or the packet is longer than 4096 octets.
    Source: RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3, RFC 3579 §3.2.
    """
    if code not in _UNSIGNED:
        authenticator = _ZEROS
    elif authenticator is None or len(authenticator) != AUTHENTICATOR_BYTES:
        raise ValueError(f"a request with code {code} needs an authenticator of {AUTHENTICATOR_BYTES} octets")
    data = _encode(code, id, attributes, authenticator, message_authenticator)
    if message_authenticator:
        data[_SIGNATURE] = hmac.digest(secret, data, "md5")
    if code not in _UNSIGNED:
        data[4:20] = hashlib.md5(data + secret).digest()
    return bytes(data)


def encode_reply(
    code: int,
    request: Packet,
    attributes: Attributes,
    secret: bytes,
    message_authenticator: bool = True,
) -> bytes:
    """The datagram that answers a request: same id, its Proxy-States behind the attributes, signed.

    Raises:
        ValueError: something is out of range, or the packet is longer than 4096 octets.
        RadiusError: it is longer because of the Proxy-States that the peer wants back; say nothing then.
    Source: RFC 2865 §3, §5.33, RFC 3579 §3.2.
    """
    states = request.attributes.get(PROXY_STATE)
    if states:
        attributes = [*attributes, *((PROXY_STATE, state) for state in states)]
    try:
        data = _encode(code, request.id, attributes, request.authenticator, message_authenticator)
    except _TooLongError as error:
        if states:
            raise RadiusError(TOO_LONG, f"{error}, with the Proxy-States that are to come back") from error
        raise
    if message_authenticator:
        data[4:20] = _signed_with(code, request.code, request.authenticator)
        data[_SIGNATURE] = hmac.digest(secret, data, "md5")
        data[4:20] = request.authenticator
    data[4:20] = hashlib.md5(data + secret).digest()
    return bytes(data)


def check_request(packet: Packet, secret: bytes, require: bool) -> str | None:
    """Whether a request comes from somebody who has the secret.

    Args:
        require: whether Access-Request must have a Message-Authenticator. Status-Server must in any case (RFC 5997
            §3); the other requests are signed by their authenticator.
    Returns: None if so, or one of `errors.SIGNATURES`. An Access-Request that is unsigned and may be is believed.
    """
    code, raw = packet.code, packet.raw
    if code in _UNSIGNED:
        return _check_signature(packet, secret, packet.authenticator, require or code == Code.STATUS_SERVER)
    expected = hashlib.md5(raw[:4] + _ZEROS + raw[HEADER_BYTES:] + secret).digest()
    if not hmac.compare_digest(expected, packet.authenticator):
        return WRONG_AUTHENTICATOR
    return _check_signature(packet, secret, _ZEROS, False)


def check_reply(packet: Packet, request_authenticator: bytes, secret: bytes, require: bool) -> str | None:
    """Whether a reply answers the request with this authenticator, and comes from somebody who has the secret.

    Args:
        require: whether the answers to Access-Requests must have a Message-Authenticator: without it, who sits on the
            line can turn a Reject into an Accept (CVE-2024-3596).
    Returns: None if so, or one of `errors.SIGNATURES`. The id is not looked at: the caller has found the request by it.
    """
    raw = packet.raw
    expected = hashlib.md5(raw[:4] + request_authenticator + raw[HEADER_BYTES:] + secret).digest()
    if not hmac.compare_digest(expected, packet.authenticator):
        return WRONG_AUTHENTICATOR
    problem = _check_signature(packet, secret, request_authenticator, require and packet.code in _UNSIGNED_REPLIES)
    if problem is None or packet.code != Code.ACCOUNTING_RESPONSE:
        return problem
    return _check_signature(packet, secret, _ZEROS, False)


def _signed_with(code: int, request_code: int, authenticator: bytes) -> bytes:
    """What stands for the authenticator in a reply while its Message-Authenticator is computed.

    That of the request; but zeros in what answers an Accounting-Request, as FreeRADIUS and pyrad do: RFC 3579 §3.2 does
    not speak of accounting.
    """
    accounting = code == Code.ACCOUNTING_RESPONSE and request_code == Code.ACCOUNTING_REQUEST
    return _ZEROS if accounting else authenticator


def _check_signature(packet: Packet, secret: bytes, authenticator: bytes, require: bool) -> str | None:
    """None if the Message-Authenticator is right, or if there is none and none is required."""
    values = packet.attributes.get(MESSAGE_AUTHENTICATOR)
    if not values:
        return MISSING_MESSAGE_AUTHENTICATOR if require else None
    raw = packet.raw
    if len(values) > 1 or len(values[0]) != AUTHENTICATOR_BYTES:
        return WRONG_MESSAGE_AUTHENTICATOR
    at = HEADER_BYTES
    while raw[at] != MESSAGE_AUTHENTICATOR:
        at += raw[at + 1]
    at += 2
    blank = raw[:4] + authenticator + raw[HEADER_BYTES:at] + _ZEROS + raw[at + AUTHENTICATOR_BYTES :]
    if not hmac.compare_digest(hmac.digest(secret, blank, "md5"), values[0]):
        return WRONG_MESSAGE_AUTHENTICATOR
    return None


def _encode(code: int, id: int, attributes: Attributes, authenticator: bytes, signed: bool) -> bytearray:
    """Header and attributes, with room for the signature if it is wanted. Raises: ValueError."""
    parts = [_UNSIGNED_YET] if signed else []
    for key, value in attributes:
        head = _heads.get((key, len(value)))
        parts.append(_head(key, len(value)) if head is None else head)
        parts.append(value)
    body = b"".join(parts)
    if not (0 <= code <= 255 and 0 <= id <= 255):
        raise ValueError(f"code {code} or id {id} is not from 0 to 255")
    size = HEADER_BYTES + len(body)
    if size > MAX_BYTES:
        raise _TooLongError(f"{size} octets; {MAX_BYTES} is the most")
    return bytearray(_pack_header(code, id, size, authenticator) + body)


def _head(key: Key, size: int) -> bytes:
    """What pyrad puts before a value of this size. Raises: ValueError: an attribute cannot be so."""
    if key == MESSAGE_AUTHENTICATOR:
        raise ValueError("a Message-Authenticator is computed, not handed in")
    packet = pyrad.AuthPacket(Code.ACCESS_REQUEST, 0, b"", _ZEROS)
    packet[key] = [bytes(size)]
    try:
        data: bytes = packet.RequestPacket()
    except struct.error as error:
        raise ValueError(f"{key} is no attribute") from error
    head = _heads[key, size] = data[HEADER_BYTES : len(data) - size]
    return head


__all__ = [
    "AUTHENTICATOR_BYTES",
    "HEADER_BYTES",
    "MAX_BYTES",
    "Attributes",
    "Packet",
    "check_reply",
    "check_request",
    "decode",
    "encode_reply",
    "encode_request",
]
