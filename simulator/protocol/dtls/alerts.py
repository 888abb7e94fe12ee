"""Alerts in words, and the words for why a certificate is refused (RFC 5246 §7.2)."""

from __future__ import annotations

from typing import Final

ALERTS: Final = {
    0: "close notify",
    10: "unexpected message",
    20: "bad record mac",
    21: "decryption failed",
    22: "record overflow",
    30: "decompression failure",
    40: "handshake failure",
    41: "no certificate",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown ca",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    60: "export restriction",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    90: "user canceled",
    100: "no renegotiation",
    109: "missing extension",
    110: "unsupported extension",
    112: "unrecognized name",
    113: "bad certificate status response",
    115: "unknown psk identity",
    116: "certificate required",
    120: "no application protocol",
}

# What OpenSSL's verification says (x509_vfy.h), where a shorter word says the same.
_UNKNOWN_ISSUERS = frozenset({2, 18, 19, 20, 21, 27})
_EXPIRED, _NOT_YET_VALID, _REVOKED = 10, 9, 23
_SHORT = {_NOT_YET_VALID: "certificate is not yet valid", _EXPIRED: "certificate has expired"}
SIGNED_BUT_OVER: Final = frozenset(_SHORT)
"""Results of verification that come when all signatures are in order (X509_verify_cert: first these, then times)."""
# A code that OpenSSL has no alert for: it sends certificate_unknown.
_NO_ALERT_OF_ITS_OWN = 10_000

_BEGINS = ("dtlsv1 alert ", "dtls alert ", "sslv3 alert ", "ssl/tls alert ", "tlsv1 alert ", "tlsv13 alert ", "tlsv1 ")


def alert_words(number: int, reason: str = "") -> str:
    """The alert in the words of RFC 5246; `reason` is OpenSSL's text for one that is not in the table.

    >>> alert_words(45), alert_words(200), alert_words(121, "tlsv1 alert ech required")
    ('certificate expired', 'number 200', 'ech required')
    """
    if number in ALERTS:
        return ALERTS[number]
    for begin in _BEGINS:
        reason = reason.removeprefix(begin)
    return reason or f"number {number}"


def refusal_words(code: int, text: str) -> str:
    """Why a certificate is refused: result of OpenSSL's verification, and its own text for that.

    >>> refusal_words(20, "unable to get local issuer certificate"), refusal_words(9, "certificate is not yet valid")
    ('unknown issuer', 'certificate is not yet valid')
    """
    if code in _UNKNOWN_ISSUERS:
        return "unknown issuer"
    return _SHORT.get(code) or text or "certificate verify failed"


def verification_code(why: str) -> int:
    """What to tell OpenSSL's verification, so that the peer reads an alert that suits the words.

    >>> verification_code("certificate is revoked"), verification_code("device is disabled")
    (23, 10000)
    """
    if "revoked" in why:
        return _REVOKED
    if "expired" in why:
        return _EXPIRED
    return _NOT_YET_VALID if "not valid yet" in why or "not yet valid" in why else _NO_ALERT_OF_ITS_OWN


_ALERT_OF: Final = {_REVOKED: 44, _EXPIRED: 45, _NOT_YET_VALID: 42, _NO_ALERT_OF_ITS_OWN: 46}


def alert_number(why: str) -> int:
    """The alert that OpenSSL sends for `verification_code(why)`.

    >>> alert_number("certificate is revoked"), alert_number("unknown certificate")
    (44, 46)
    """
    return _ALERT_OF[verification_code(why)]


_NO_CERTIFICATE = 199  # SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
_ALERT_REASONS = 1000  # SSL_AD_REASON_OFFSET: reasons above it are alerts of the peer


def failure_words(errors: list[tuple[int, str]]) -> str:
    """Why OpenSSL gave up: from the reasons and texts of its errors, the first one first.

    >>> failure_words([(1045, "sslv3 alert certificate expired")]), failure_words([(199, "")]), failure_words([])
    ('alert: certificate expired', 'failed: no certificate', 'failed: no reason given')
    """
    for number, text in errors:
        if _ALERT_REASONS <= number < _ALERT_REASONS + 256:
            return f"alert: {alert_words(number - _ALERT_REASONS, text)}"
        if not number and " alert " in text:
            return f"alert: {text.partition(' alert ')[2]}"
        if number == _NO_CERTIFICATE or text == "peer did not return a certificate":
            return "failed: no certificate"
    return f"failed: {next((text for _, text in errors if text), 'no reason given')}"
