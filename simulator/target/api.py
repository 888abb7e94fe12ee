"""The operator's side of Span's REST API (span §2), over sockets or in process.

Only what a rehearsal needs. Every answer is read into a typed object; an answer that makes no sense is a TargetError,
a refusal of the platform an ApiRefused with its own title.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, TypeVar

import msgspec

from simulator.errors import RemoteError, TargetError
from simulator.target.radius import RadiusAccess, RadiusDoor, address_in
from simulator.wire.address import Address

T = TypeVar("T")

NO_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading an answer raises that is none."""
_WORDS_MOST = 200
_TOKENS = "/simulator/tokens"
_RADIUS = "/simulator/radius"
_ENDPOINTS = "/simulator/endpoints"
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


class _Problem(msgspec.Struct):
    title: str = ""
    message: str = ""


class _System(msgspec.Struct):
    version: str
    releaseName: str = ""


Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
"""Whatever a platform calls its things, it has to fit into a path."""


class _Collection(msgspec.Struct):
    collectionId: Id


class _Device(msgspec.Struct):
    deviceId: Id
    collectionId: str = ""


class _Collections(msgspec.Struct):
    collections: list[_Collection]


class _NamedDevice(msgspec.Struct):
    deviceId: Id
    tags: dict[str, str] = {}


class _Devices(msgspec.Struct):
    devices: list[_NamedDevice]


class _Message(msgspec.Struct):
    messageId: Id


class _Waiting(msgspec.Struct):
    messageId: Id
    state: str = ""


class _Outbox(msgspec.Struct):
    messages: list[_Waiting]


class _Statistics(msgspec.Struct):
    statistics: dict[str, int]


class _Endpoints(msgspec.Struct):
    coap: str
    udp: str


class SpanApi:
    """The calls that a rehearsal makes. All of them raise ApiRefused or TargetError, nothing else."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def version(self) -> str:
        """Version of the platform; also tells whether it is there at all."""
        return (await self._ask("GET", "/span/system", None, _System)).version

    async def create_collection(self, tags: Mapping[str, str]) -> str:
        """Returns: the new collection's id."""
        return (await self._ask("POST", "/span/collections", {"tags": dict(tags)}, _Collection)).collectionId

    async def delete_collection(self, collection: str) -> None:
        """It must be empty."""
        await self._ask("DELETE", f"/span/collections/{collection}", None, _Collection)

    async def collections(self) -> list[str]:
        """Returns: the ids of all collections that the token may see."""
        answer = await self._ask("GET", "/span/collections", None, _Collections)
        return [collection.collectionId for collection in answer.collections]

    async def devices(self, collection: str) -> list[str]:
        """Returns: the ids of all its devices."""
        answer = await self._ask("GET", f"/span/collections/{collection}/devices", None, _Devices)
        return [device.deviceId for device in answer.devices]

    async def device_names(self, collection: str) -> dict[str, str]:
        """Returns: device id → its `name` tag, for devices that have one."""
        answer = await self._ask("GET", f"/span/collections/{collection}/devices", None, _Devices)
        return {device.deviceId: device.tags["name"] for device in answer.devices if device.tags.get("name")}

    async def create_device(self, collection: str, imsi: str, imei: str, tags: Mapping[str, str]) -> str:
        """Returns: the new device's id. An empty identity is left out."""
        ciot = {key: value for key, value in (("imsi", imsi), ("imei", imei)) if value}
        body = {"tags": dict(tags), "config": {"ciot": ciot}}
        return (await self._ask("POST", f"/span/collections/{collection}/devices", body, _Device)).deviceId

    async def update_device(
        self, collection: str, device: str, *, imsi: str | None, imei: str | None, tags: Mapping[str, str]
    ) -> None:
        """Change only what is given; "" clears an identity."""
        body: dict[str, object] = {"tags": dict(tags)} if tags else {}
        ciot = {key: value for key, value in (("imsi", imsi), ("imei", imei)) if value is not None}
        if ciot:
            body["config"] = {"ciot": ciot}
        await self._ask("PATCH", f"/span/collections/{collection}/devices/{device}", body, _Device)

    async def move_device(self, collection: str, device: str, to: str) -> None:
        """To another collection."""
        await self._ask("PATCH", f"/span/collections/{collection}/devices/{device}", {"collectionId": to}, _Device)

    async def delete_device(self, collection: str, device: str) -> None:
        """Remove it from the platform."""
        await self._ask("DELETE", f"/span/collections/{collection}/devices/{device}", None, _Device)

    async def send(self, collection: str, device: str, payload: bytes) -> str:
        """Queue a downstream message. Returns: its id."""
        body = {"payload": base64.b64encode(payload).decode()}
        path = f"/span/collections/{collection}/devices/{device}/outbox"
        return (await self._ask("POST", path, body, _Message)).messageId

    async def device(self, collection: str, device: str) -> Mapping[str, Any]:
        """The Device document as it is (span §1.4); a number with a fraction is the text that it was written as."""
        return await self._ask("GET", f"/span/collections/{collection}/devices/{device}", None, dict[str, Any])

    async def queued(self, collection: str, device: str) -> list[str]:
        """Returns: the ids of the downstream messages that wait for the device, oldest first."""
        # Without a time the listing begins a day ago (span §2.5).
        path = f"/span/collections/{collection}/devices/{device}/outbox?start=0&limit={_PAGE}"
        found = await self._ask("GET", path, None, _Outbox)
        return [message.messageId for message in reversed(found.messages) if message.state == "pending"]

    async def delete_message(self, collection: str, device: str, message: str) -> None:
        """Take a downstream message off the list, delivered or not."""
        await self._ask("DELETE", f"/span/collections/{collection}/devices/{device}/outbox/{message}", None, _Message)

    async def issue_token(self, text: str, resource: str, write: bool) -> None:
        """Make a token known to a reference server; `resource`: "/" or "/collections/ID"."""
        await self._ask("POST", _TOKENS, {"token": text, "resource": resource, "write": write}, msgspec.Raw)

    async def revoke_token(self, text: str) -> None:
        """Make it unknown; its streams end."""
        await self._ask("DELETE", _TOKENS, {"token": text}, msgspec.Raw)

    async def doors(self) -> frozenset[str]:
        """Which doors of a reference server are open to us: "login" (RADIUS), "tokens"; a real platform has neither.

        That of tokens is asked an empty question: whoever calls that a bad request would have answered a good one.
        Raises also: ApiRefused: 401, nobody knows our token.
        """
        found = []
        status, answer = await self._caller.call("GET", _RADIUS, None)
        if status == _UNAUTHORIZED:
            raise ApiRefused(status, title_of(answer), f"GET {_RADIUS}")
        if status == _OK and _is_radius(answer):
            found.append("login")
        status, answer = await self._caller.call("DELETE", _TOKENS, b"{}")
        if status == _BAD_REQUEST and title_of(answer) != _NO_DOCUMENT:
            found.append("tokens")
        return frozenset(found)

    def showing(self, token: str) -> SpanApi:
        """The same API, with another token."""
        return SpanApi(self._caller.showing(token))

    async def radius(self) -> RadiusAccess:
        """Where a reference server listens for RADIUS. Raises also: ApiRefused: it has no such door, or not for us."""
        return (await self._ask("GET", _RADIUS, None, RadiusDoor)).access()

    async def endpoints(self) -> tuple[Address, Address] | None:
        """Where a reference server takes CoAP, and plain UDP. None: it has no such door, or not for us."""
        status, answer = await self._caller.call("GET", _ENDPOINTS, None)
        if status != _OK:
            return None
        try:
            found = msgspec.json.decode(answer, type=_Endpoints)
        except NO_JSON:
            return None  # some page that others show for every path
        what = f"GET {_ENDPOINTS}"
        return address_in(found.coap, what), address_in(found.udp, what)

    async def statistics(self) -> dict[str, int]:
        """What a reference server has counted about its mobile network: name → number."""
        return (await self._ask("GET", "/simulator/statistics", None, _Statistics)).statistics

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


def _is_radius(answer: bytes) -> bool:
    try:
        msgspec.json.decode(answer, type=RadiusDoor)
    except NO_JSON:
        return False
    return True


def title_of(answer: bytes) -> str:
    """What a problem document says, in one line."""
    try:
        problem = msgspec.json.decode(answer, type=_Problem)
    except NO_JSON:
        return _NO_DOCUMENT
    return one_line(problem.title or problem.message) or "(no title)"


def one_line(text: str) -> str:
    """What a stranger says, fit for a line of ours: no line breaks, nothing that a terminal would obey, no novels."""
    words = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in words)[:_WORDS_MOST]
