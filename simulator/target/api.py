"""The operator's side of Span's REST API (span §2), over sockets or in process.

Only what a rehearsal needs. Every answer is read into a typed object; an answer that makes no sense is a TargetError,
a refusal of the platform an ApiRefused with its own title.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from simulator.errors import RemoteError, TargetError
from simulator.target import documents
from simulator.target.credentials import Credentials
from simulator.target.radius import RadiusAccess, RadiusDoor

T = TypeVar("T")

NO_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading an answer raises that is none."""
_WORDS_MOST = 200
_TOKENS = "/simulator/tokens"
_RADIUS = "/simulator/radius"
_ENDPOINTS = "/simulator/endpoints"
_CERTIFICATES = "/simulator/certificates"
_OK = 200
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_PAGE = 512
"""Longest page of a listing (span §2.5); no more messages can wait for one device."""
_NO_DOCUMENT = "(no problem document)"


class ApiRefused(RemoteError):
    """The platform said no: status and title of its problem document."""

    def __init__(self, status: int, title: str, what: str) -> None:
        super().__init__(status, title, what)
        self.status, self.title, self.what = status, title, what

    def __str__(self) -> str:
        return f"{self.what}: {self.status} {self.title}"


class Caller(Protocol):
    """Carries one request to the API and brings back status and body. Raises: TargetError if it cannot be reached."""

    async def call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One request; `body` is JSON or None."""

    def showing(self, token: str) -> Caller:
        """The same with another token; it needs no closing of its own."""

    async def close(self) -> None:
        """Let go of connections."""


class SpanApi:
    """The calls that a rehearsal makes. All of them raise ApiRefused or TargetError, nothing else."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def version(self) -> str:
        """Version of the platform; also tells whether it is there at all."""
        return (await self._ask("GET", "/span/system", None, documents.System)).version

    async def create_collection(self, tags: Mapping[str, str]) -> str:
        """Returns: the new collection's id."""
        return (await self._ask("POST", "/span/collections", {"tags": dict(tags)}, documents.Collection)).collectionId

    async def delete_collection(self, collection: str) -> None:
        """It must be empty."""
        await self._ask("DELETE", f"/span/collections/{collection}", None, documents.Collection)

    async def collections(self) -> list[str]:
        """Returns: the ids of all collections that the token may see."""
        answer = await self._ask("GET", "/span/collections", None, documents.Collections)
        return [collection.collectionId for collection in answer.collections]

    async def devices(self, collection: str) -> list[str]:
        """Returns: the ids of all its devices."""
        answer = await self._ask("GET", f"/span/collections/{collection}/devices", None, documents.Devices)
        return [device.deviceId for device in answer.devices]

    async def device_names(self, collection: str) -> dict[str, str]:
        """Returns: device id → its `name` tag, for devices that have one."""
        answer = await self._ask("GET", f"/span/collections/{collection}/devices", None, documents.Devices)
        return {device.deviceId: device.tags["name"] for device in answer.devices if device.tags.get("name")}

    async def create_device(
        self, collection: str, imsi: str, imei: str, tags: Mapping[str, str], *, inet: bool = False
    ) -> str:
        """Returns: the new device's id. An empty identity is left out. `inet`: it has a certificate and no SIM."""
        ciot = {key: value for key, value in (("imsi", imsi), ("imei", imei)) if value}
        body = {"tags": dict(tags), "config": {"inet": {}} if inet else {"ciot": ciot}}
        return (await self._ask("POST", f"/span/collections/{collection}/devices", body, documents.Device)).deviceId

    async def update_device(
        self, collection: str, device: str, *, imsi: str | None, imei: str | None, tags: Mapping[str, str]
    ) -> None:
        """Change only what is given; "" clears an identity."""
        body: dict[str, object] = {"tags": dict(tags)} if tags else {}
        ciot = {key: value for key, value in (("imsi", imsi), ("imei", imei)) if value is not None}
        if ciot:
            body["config"] = {"ciot": ciot}
        await self._ask("PATCH", f"/span/collections/{collection}/devices/{device}", body, documents.Device)

    async def move_device(self, collection: str, device: str, to: str) -> None:
        """To another collection."""
        await self._ask(
            "PATCH", f"/span/collections/{collection}/devices/{device}", {"collectionId": to}, documents.Device
        )

    async def delete_device(self, collection: str, device: str) -> None:
        """Remove it from the platform."""
        await self._ask("DELETE", f"/span/collections/{collection}/devices/{device}", None, documents.Device)

    # --- certificates -------------------------------------------------------------------------------------------------

    async def create_certificate(self, collection: str, device: str) -> Credentials:
        """Have the platform make a key and issue a certificate for a device."""
        return await self._certificate(f"/span/collections/{collection}/certificates/create", {"deviceId": device})

    async def create_gateway_certificate(self, collection: str, gateway: str) -> Credentials:
        """The same for a gateway."""
        return await self._certificate(f"/span/collections/{collection}/certificates/create", {"gatewayId": gateway})

    async def issue_certificate(self, collection: str, device: str, not_before_s: int, not_after_s: int) -> Credentials:
        """Have a reference server issue one that is valid at other times than now; Unix seconds."""
        del collection  # its door knows the device wherever it is
        body = {"deviceId": device, "notBefore": not_before_s, "notAfter": not_after_s}
        return await self._certificate(_CERTIFICATES, body)

    async def certificate_chain(self, collection: str, device: str) -> bytes:
        """What the platform's certificates hang on, as PEM: intermediate first, root last."""
        path = f"/span/collections/{collection}/certificates?deviceId={device}"
        return _pem((await self._ask("GET", path, None, documents.Chain)).chain, f"GET {path}")

    async def _certificate(self, path: str, body: object) -> Credentials:
        found = await self._ask("POST", path, body, documents.Certificate)
        parts = (_pem(each, f"POST {path}") for each in (found.certificate, found.privateKey, found.chain))
        certificate, key, chain = parts
        return Credentials(certificate=certificate, key=key, chain=chain)

    async def create_gateway(self, collection: str, name: str) -> str:
        """A customer's gateway. Returns: its id."""
        body = {"name": name, "type": "custom", "config": {"user": {"params": {}}}, "tags": {"name": name}}
        return (await self._ask("POST", f"/span/collections/{collection}/gateways", body, documents.Gateway)).gatewayId

    async def gateways(self, collection: str) -> list[str]:
        """Returns: the ids of a collection's gateways, without the platform's own."""
        answer = await self._ask("GET", f"/span/collections/{collection}/gateways", None, documents.Gateways)
        return [gateway.gatewayId for gateway in answer.gateways if not gateway.builtIn]

    async def delete_gateway(self, collection: str, gateway: str) -> None:
        """Remove it from the platform."""
        await self._ask("DELETE", f"/span/collections/{collection}/gateways/{gateway}", None, msgspec.Raw)

    # --- messages and blobs -------------------------------------------------------------------------------------------

    async def blobs(self, collection: str) -> list[str]:
        """Returns: the ids of a collection's blobs, newest first; no more than a page of them."""
        answer = await self._ask("GET", f"/span/collections/{collection}/blobs?limit={_PAGE}", None, documents.Blobs)
        return [blob.blobId for blob in answer.blobs]

    async def delete_blob(self, collection: str, blob: str) -> None:
        """Remove it from the platform."""
        await self._ask("DELETE", f"/span/collections/{collection}/blobs/{blob}", None, msgspec.Raw)

    async def send(self, collection: str, device: str, payload: bytes) -> str:
        """Queue a downstream message. Returns: its id."""
        body = {"payload": base64.b64encode(payload).decode()}
        path = f"/span/collections/{collection}/devices/{device}/outbox"
        return (await self._ask("POST", path, body, documents.Message)).messageId

    async def device(self, collection: str, device: str) -> Mapping[str, Any]:
        """The Device document as it is (span §1.4); a number with a fraction is the text that it was written as."""
        return await self._ask("GET", f"/span/collections/{collection}/devices/{device}", None, dict[str, Any])

    async def queued(self, collection: str, device: str) -> list[str]:
        """Returns: the ids of the downstream messages that wait for the device, oldest first."""
        # Without a time the listing begins a day ago (span §2.5).
        path = f"/span/collections/{collection}/devices/{device}/outbox?start=0&limit={_PAGE}"
        found = await self._ask("GET", path, None, documents.Outbox)
        return [message.messageId for message in reversed(found.messages) if message.state == "pending"]

    async def delete_message(self, collection: str, device: str, message: str) -> None:
        """Take a downstream message off the list, delivered or not."""
        await self._ask(
            "DELETE", f"/span/collections/{collection}/devices/{device}/outbox/{message}", None, documents.Message
        )

    async def issue_token(self, text: str, resource: str, write: bool) -> None:
        """Make a token known to a reference server; `resource`: "/" or "/collections/ID"."""
        await self._ask("POST", _TOKENS, {"token": text, "resource": resource, "write": write}, msgspec.Raw)

    async def revoke_token(self, text: str) -> None:
        """Make it unknown; its streams end."""
        await self._ask("DELETE", _TOKENS, {"token": text}, msgspec.Raw)

    async def doors(self) -> frozenset[str]:
        """Which doors of a reference server are open to us; a real platform has none of them.

        "login" (RADIUS), "tokens", "validity" (certificates that are over, or not yet valid). The last two are asked an
        empty question: whoever calls that a bad request would have answered a good one.
        Raises also: ApiRefused: 401, nobody knows our token.
        """
        found = []
        status, answer = await self._caller.call("GET", _RADIUS, None)
        if status == _UNAUTHORIZED:
            raise ApiRefused(status, title_of(answer), f"GET {_RADIUS}")
        if status == _OK and _is_radius(answer):
            found.append("login")
        for door, method, path in (("tokens", "DELETE", _TOKENS), ("validity", "POST", _CERTIFICATES)):
            status, answer = await self._caller.call(method, path, b"{}")
            if status == _BAD_REQUEST and title_of(answer) != _NO_DOCUMENT:
                found.append(door)
        return frozenset(found)

    def showing(self, token: str) -> SpanApi:
        """The same API, with another token."""
        return SpanApi(self._caller.showing(token))

    async def radius(self) -> RadiusAccess:
        """Where a reference server listens for RADIUS. Raises also: ApiRefused: it has no such door, or not for us."""
        return (await self._ask("GET", _RADIUS, None, RadiusDoor)).access()

    async def endpoints(self) -> documents.Endpoints | None:
        """Where a reference server takes what devices send. None: it has no such door, or not for us."""
        status, answer = await self._caller.call("GET", _ENDPOINTS, None)
        if status != _OK:
            return None
        try:
            found = msgspec.json.decode(answer, type=documents.EndpointsDoor)
        except NO_JSON:
            return None  # some page that others show for every path
        return found.read(f"GET {_ENDPOINTS}")

    async def statistics(self) -> dict[str, int]:
        """What a reference server has counted about its mobile network: name → number."""
        return (await self._ask("GET", "/simulator/statistics", None, documents.Statistics)).statistics

    async def disconnect(self, device: str) -> None:
        """Have a reference server end the mobile network session of a device."""
        await self._ask("POST", "/simulator/disconnect", {"deviceId": device}, msgspec.Raw)

    async def close(self) -> None:
        """Let go of connections."""
        await self._caller.close()

    async def _ask(self, method: str, path: str, body: object, form: type[T]) -> T:
        raw = None if body is None else msgspec.json.encode(body)
        status, answer = await self._caller.call(method, path, raw)
        if not 200 <= status < 300:
            raise ApiRefused(status, title_of(answer), f"{method} {path}")
        try:
            return msgspec.json.Decoder(form, float_hook=str).decode(answer)
        except NO_JSON as error:
            why = one_line(str(error))
            raise TargetError(f"{method} {path}: the platform's answer makes no sense: {why}") from error


def _pem(text: str, asked: str) -> bytes:
    """What an answer holds as base64. Raises: TargetError: it is none; without a word of it."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TargetError(f"{asked}: the platform's answer makes no sense: PEM is expected, as base64") from None


def _is_radius(answer: bytes) -> bool:
    try:
        msgspec.json.decode(answer, type=RadiusDoor)
    except NO_JSON:
        return False
    return True


def title_of(answer: bytes) -> str:
    """What a problem document says, in one line."""
    try:
        problem = msgspec.json.decode(answer, type=documents.Problem)
    except NO_JSON:
        return _NO_DOCUMENT
    return one_line(problem.title or problem.message) or "(no title)"


def one_line(text: str) -> str:
    """What a stranger says, fit for a line of ours: no line breaks, nothing that a terminal would obey, no novels."""
    words = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in words)[:_WORDS_MOST]
