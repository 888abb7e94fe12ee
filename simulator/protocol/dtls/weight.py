"""How long a datagram of DTLS is to a link, whatever its signatures happen to be.

An ECDSA signature takes 68 to 72 bytes, by chance: OpenSSL draws it, and nobody can seed that. On a link with a rate
each byte is time, so without this no run over such a link would repeat itself.
"""

from __future__ import annotations

from typing import Final

from simulator.protocol.dtls.settings import Settings

_RECORD, _MESSAGE = 13, 12
_CERTIFICATE: Final = 11

_LONGEST: Final = {12: 145, 15: 76}
"""ServerKeyExchange and CertificateVerify with a key on P-256 and the longest signature (RFC 4492 §5.4, §5.8)."""
_VARIES: Final = 8
"""By no more than that a signature is shorter; what differs more is something else."""
_SIGNATURE, _SERIAL = 72, 20
"""The longest; of a serial number by RFC 5280 §4.1.2.2."""
_MTU: Final = Settings().mtu


def weight(datagram: bytes) -> int:
    """Its size in bytes, with every signature and serial number in it as long as it can be.

    Flights are packed to the MTU, so none is longer for it: a link that lets so much through shall let it through.
    Anything may be given; what cannot be read, or goes in fragments, counts as what it is.
    """
    size = len(datagram)
    at = 0
    while datagram[at : at + 1] == b"\x16" and datagram[at + 3 : at + 5] == b"\0\0":  # in the clear
        end = at + _RECORD + int.from_bytes(datagram[at + 11 : at + 13], "big")
        at += _RECORD
        while at + _MESSAGE <= end <= len(datagram):
            length = int.from_bytes(datagram[at + 1 : at + 4], "big")
            if datagram[at + 6 : at + 12] != b"\0\0\0" + datagram[at + 1 : at + 4]:  # a fragment
                break
            body = datagram[at + _MESSAGE : at + _MESSAGE + length]
            size += _certificates(body) if datagram[at] == _CERTIFICATE else _signed(datagram[at], len(body))
            at += _MESSAGE + length
        at = max(at, end)
    return min(size, max(len(datagram), _MTU))


def _signed(kind: int, length: int) -> int:
    """How much longer a message could be."""
    missing = _LONGEST.get(kind, length) - length
    return missing if 0 <= missing <= _VARIES else 0


def _certificates(body: bytes) -> int:
    """The same of all certificates of a message (RFC 5246 §7.4.2)."""
    missing, at = 0, 3
    while at + 3 < len(body):
        length = int.from_bytes(body[at : at + 3], "big")
        missing += _certificate(body[at + 3 : at + 3 + length])
        at += 3 + length
    return missing


def _certificate(der: bytes) -> int:
    """Of one. It begins with its length, that of what is signed, version 3, and its serial number."""
    if len(der) < 15 or der[:2] != b"\x30\x82" or der[4:6] != b"\x30\x82" or der[8:14] != b"\xa0\x03\x02\x01\x02\x02":
        return 0
    # Behind what is signed: 12 bytes for ecdsa-with-SHA256, 3 in front of the signature.
    signature = len(der) - 8 - int.from_bytes(der[6:8], "big") - 12 - 3
    missing = _SIGNATURE - signature
    return missing + max(0, _SERIAL - der[14]) if 0 <= missing <= _VARIES else 0
