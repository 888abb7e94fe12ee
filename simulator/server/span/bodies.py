"""Bodies, ids and parameters of requests: checked here once, or refused with 400 and what is wrong (span §1.2)."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from simulator.protocol.ids import IdError, decode
from simulator.server.span.errors import Refusal
from simulator.server.span.history import DAY_MS, LIMIT_MOST, Page
from simulator.server.span.login import imei_key, imsi_key
from simulator.server.span.router import Call
from simulator.server.span.settings import IMSI_DIGITS, NS_PER_MS

T = TypeVar("T")

Number = int | str
"""A 64-bit integer: written as text, read as text or number."""
_INT64 = 1 << 63
_INT64_DIGITS = 19
_SHOWN = 40
"""Characters of a wrong value that an answer repeats."""


class CiotBody(msgspec.Struct):
    """CellularIoTConfig; None leaves a field alone, blank clears it."""

    imsi: Number | None = None
    imei: Number | None = None


class GatewayBlock(msgspec.Struct):
    """GatewayDeviceConfig; its id is the key it stands under (span §2.4)."""

    params: dict[str, str] | None = None


class ConfigBody(msgspec.Struct):
    """DeviceConfig."""

    ciot: CiotBody | None = None
    inet: dict[str, msgspec.Raw] | None = None
    gateway: dict[str, GatewayBlock | None] | None = None


class FirmwareBody(msgspec.Struct):
    """What may be asked of firmware; the rest of the block is the device's to report."""

    currentFirmwareId: str | None = None
    targetFirmwareId: str | None = None
    management: str | None = None


class CollectionBody(msgspec.Struct):
    """Create and update of a collection; None leaves a field alone."""

    teamId: str | None = None
    firmware: FirmwareBody | None = None
    tags: dict[str, str] | None = None
    enabled: bool | None = None


class DeviceBody(msgspec.Struct):
    """Create and update of a device; None leaves a field alone."""

    collectionId: str | None = None
    tags: dict[str, str] | None = None
    firmware: FirmwareBody | None = None
    config: ConfigBody | None = None
    metadata: dict[str, msgspec.Raw] | None = None
    """The platform's own; taken and not used."""
    enabled: bool | None = None


class UserConfigBody(msgspec.Struct):
    """The `user` part of GatewayConfig; None leaves the parameters alone."""

    params: dict[str, str] | None = None


class GatewayConfigBody(msgspec.Struct):
    """GatewayConfig; the parts of built-in gateways are the platform's own, taken and not used."""

    user: UserConfigBody | None = None


class GatewayBody(msgspec.Struct):
    """Create and update of a gateway; None leaves a field alone."""

    collectionId: str | None = None
    name: str | None = None
    type: str | None = None
    config: GatewayConfigBody | None = None
    tags: dict[str, str] | None = None
    enabled: bool | None = None


class CertificateBody(msgspec.Struct):
    """Create, sign and verify of a certificate: whose it is, and what is signed or verified, as base64 of PEM."""

    deviceId: str | None = None
    gatewayId: str | None = None
    csr: str | None = None
    certificate: str | None = None


class PeriodBody(msgspec.Struct):
    """A certificate with another validity, Unix seconds."""

    deviceId: str | None = None
    gatewayId: str | None = None
    notBefore: Number | None = None
    notAfter: Number | None = None


class DownstreamBody(msgspec.Struct):
    """AddDownstreamMessage: a payload and nothing else (span §2.4)."""

    payload: str | None = None


class LoginBody(msgspec.Struct):
    """The mobile network's question; `address` None: the platform chooses.

    `source`: where the device's datagrams come from, if not from `address` (mobile-network §1.10).
    """

    imsi: Number | None = None
    imei: Number | None = None
    address: str | None = None
    source: str | None = None


class LogoutBody(msgspec.Struct):
    """One of the two."""

    imsi: Number | None = None
    address: str | None = None


class DisconnectBody(msgspec.Struct):
    """One of the two."""

    imsi: Number | None = None
    deviceId: str | None = None


class TokenBody(msgspec.Struct):
    """A token to issue, or to revoke by its text alone; `resource` as in `TokenSettings`."""

    token: str | None = None
    resource: str = "/"
    write: bool = False


def read(call: Call, form: type[T]) -> T:
    """The body of a request; an empty one is an empty object. Raises: Refusal 400 for any other bytes.

    [C] Fields that are not known are passed over at every depth: span §1.2 has clients do so with answers, and a client
    of a newer version may send more than this one knows.
    """
    body = call.request.body
    if not body.strip():
        body = b"{}"
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise Refusal(400, f"Request body: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Refusal(400, f"Request body is not JSON: {error}") from None


def shown(value: str) -> str:
    """A wrong value for an error text, cut if it is long."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def read_id(value: str, what: str) -> int:
    """The number of an id. Raises: Refusal 400: not base 24 (span §1.1)."""
    try:
        return decode(value)
    except IdError:
        raise Refusal(400, f"Invalid {what} ID {shown(value)}") from None


def digits(value: Number | None, what: str, most: int = IMSI_DIGITS) -> str | None:
    """An IMSI or IMEI as submitted; "" if it is blank: empty, or zero (mobile-network §2.2).

    None: it was not submitted. Raises: Refusal 400: something else than 1 to `most` digits.
    """
    if value is None:
        return None
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise Refusal(400, f"{what} is not 1 to {most} digits")
    text = str(value).strip()
    if not text:
        return ""
    if not (text.isascii() and text.isdigit() and len(text) <= most):
        raise Refusal(400, f"{what} {shown(text)} is not 1 to {most} digits")
    key = imsi_key if what == "IMSI" else imei_key
    return text if key(text) else ""


def whole_number(value: Number | None, what: str) -> int | None:
    """A 64-bit integer, written as text or number; None: it was not submitted. Raises: Refusal 400."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        digits_only = text.removeprefix("-")
        if not (digits_only.isascii() and digits_only.isdigit() and len(digits_only) <= _INT64_DIGITS):
            raise Refusal(400, f"{what} {shown(text)} is not a whole number")
        value = int(text)
    if not -_INT64 <= value < _INT64:
        raise Refusal(400, f"{what} has more than 64 bits")
    return value


def payload(value: str, what: str = "payload") -> bytes:
    """Base64 in the standard or the URL-safe alphabet, padded or not. Raises: Refusal 400."""
    text = value.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, f"{what} is not base64") from None


_URL_SAFE = str.maketrans("-_", "+/")


def merged_tags(old: dict[str, str], new: dict[str, str] | None, most: int) -> dict[str, str]:
    """Tags after an update: names trimmed and in lower case, values trimmed, a blank value deletes (span §1.4).

    Raises: Refusal 400: a blank name, or more than `most` tags.
    """
    tags = dict(old)
    for name, value in (new or {}).items():
        key = name.strip().lower()
        if not key:
            raise Refusal(400, "Tag name is blank")
        if value.strip():
            tags[key] = value.strip()
        else:
            tags.pop(key, None)
    if len(tags) > most:
        raise Refusal(400, f"Too many tags: {most} is the limit")
    return tags


def check_firmware(body: FirmwareBody | None) -> None:
    """No image is known yet, so only "not set" may be asked for. Raises: Refusal 404, 400."""
    for value in (body.currentFirmwareId, body.targetFirmwareId) if body is not None else ():
        if value and read_id(value, "firmware"):
            raise Refusal(404, "Unknown firmware")


def flag(call: Call, name: str) -> bool:
    """A yes-or-no query parameter, no if absent. Raises: Refusal 400."""
    value = call.request.query.get(name, "")
    if value.lower() in ("true", "1"):
        return True
    if value.lower() in ("false", "0", ""):
        return False
    raise Refusal(400, f"{name}={shown(value)} is neither true nor false")


def page(call: Call, default: int) -> Page:
    """The page that a listing asks for (span §2.5). Raises: Refusal 400."""
    query = call.request.query
    limit = _number(query.get("limit", ""), "limit") or default
    offset, start, end = query.get("offset", ""), query.get("start", ""), query.get("end", "")
    if offset:
        if start or end:
            raise Refusal(400, "offset excludes start and end")
        return Page(limit=min(limit, LIMIT_MOST), before=read_id(offset, "message"))
    now_ms = call.now_ns // NS_PER_MS
    start_ms = _number(start, "start") if start else now_ms - DAY_MS
    end_ms = _number(end, "end") if end else now_ms
    if start and end and end_ms < start_ms:
        raise Refusal(400, "end is before start")
    return Page(limit=min(limit, LIMIT_MOST), start_ms=start_ms, end_ms=end_ms)


def _number(value: str, what: str) -> int:
    if not value:
        return 0
    if not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise Refusal(400, f"{what}={shown(value)} is not a number of 0 or more")
    return int(value)
