"""What tests of the RADIUS listener share: packets made by hand from the RFCs, and a platform with strangers around it.

Nothing here uses a codec of the product or a library's: a mistake that both ends share would pass otherwise.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import ipv4
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork

SECRET = "xyzzy5461"
Attributes = Iterable[tuple[int, bytes]]


def tlv(number: int, value: bytes) -> bytes:
    """One attribute (RFC 2865 §5)."""
    return bytes((number, len(value) + 2)) + value


def vendor(number: int, value: bytes, vendor_id: int = 10415) -> tuple[int, bytes]:
    """A vendor's attribute; 10415 is 3GPP (mobile-network §1.2)."""
    return 26, vendor_id.to_bytes(4, "big") + tlv(number, value)


def packet(code: int, number: int, authenticator: bytes, attributes: bytes) -> bytes:
    return struct.pack("!BBH16s", code, number, 20 + len(attributes), authenticator) + attributes


def access_request(
    attributes: Attributes, number: int, authenticator: bytes, secret: str = SECRET, *, code: int = 1, sign: bool = True
) -> bytes:
    """Access-Request or Status-Server, with Message-Authenticator (RFC 3579 §3.2) in front unless not to be signed."""
    rest = b"".join(tlv(*each) for each in attributes)
    if not sign:
        return packet(code, number, authenticator, rest)
    digest = hmac.digest(secret.encode(), packet(code, number, authenticator, tlv(80, bytes(16)) + rest), "md5")
    return packet(code, number, authenticator, tlv(80, digest) + rest)


def accounting_request(attributes: Attributes, number: int, secret: str = SECRET, *, code: int = 4) -> bytes:
    """Accounting-Request, or another code that is signed alike (RFC 2866 §3, RFC 5176 §2.3)."""
    rest = b"".join(tlv(*each) for each in attributes)
    digest = hashlib.md5(packet(code, number, bytes(16), rest) + secret.encode()).digest()
    return packet(code, number, digest, rest)


def reply_to(request: bytes, code: int, secret: str = SECRET) -> bytes:
    """An answer without attributes."""
    head = struct.pack("!BBH", code, request[1], 20)
    return head + hashlib.md5(head + request[4:20] + secret.encode()).digest()


@dataclass(frozen=True)
class Reply:
    """An answer that was found to be signed as it has to be."""

    code: int
    number: int
    attributes: list[tuple[int, bytes]]
    raw: bytes

    def all(self, number: int) -> list[bytes]:
        return [value for each, value in self.attributes if each == number]

    def text(self, number: int) -> str:
        return b"".join(self.all(number)).decode()


def split(data: bytes) -> list[tuple[int, bytes]]:
    """All attributes of a packet, in order."""
    found, at = [], 20
    assert struct.unpack_from("!H", data, 2)[0] == len(data)
    while at < len(data):
        length = data[at + 1]
        assert length >= 2
        assert at + length <= len(data)
        found.append((data[at], data[at + 2 : at + length]))
        at += length
    return found


def checked(data: bytes, request: bytes, secret: str = SECRET) -> Reply:
    """Hold both signatures of an answer against its request. A Message-Authenticator comes first, if there is one."""
    key, asked = secret.encode(), request[4:20]
    assert hashlib.md5(data[:4] + asked + data[20:] + key).digest() == data[4:20], "Response Authenticator"
    attributes = split(data)
    signed = [at for at, (number, _) in enumerate(attributes) if number == 80]
    if data[0] in (2, 3):
        assert signed == [0], "Message-Authenticator first (CVE-2024-3596)"
    if signed:
        # RFC 3579 knows no accounting; there FreeRADIUS computes over zeros, others over the request's.
        vectors = (asked, bytes(16)) if data[0] == 5 else (asked,)
        right = [hmac.digest(key, data[:4] + each + tlv(80, bytes(16)) + data[38:], "md5") for each in vectors]
        assert attributes[0][1] in right, "Message-Authenticator"
    assert data[1] == request[1]
    return Reply(data[0], data[1], attributes, data)


def quad(host: str) -> bytes:
    return ipv4(host).to_bytes(4, "big")


def identity(imsi: str, imei: str, host: str = "", nas: str = "pgw-sim-1", *more: tuple[int, bytes]) -> list[Any]:
    """What an Access-Request says (mobile-network §1.3). `host`: the address that the SIM is known to have."""
    said = [(1, b"999000000000001"), (4, quad("192.0.2.10")), (6, b"\0\0\0\2"), (7, b"\0\0\0\7")]
    said += [(8, quad(host))] if host else []
    said += [(30, b"iot.test"), (31, b"999000000000001"), (32, nas.encode()), (61, b"\0\0\0\x12")]
    said += [vendor(1, imsi.encode())] if imsi else []
    said += [vendor(3, bytes(4)), vendor(8, b"99999"), vendor(10, b"5"), vendor(18, b"99999")]
    said += [vendor(20, imei.encode())] if imei else []
    said += [vendor(21, b"\x08"), vendor(22, bytes.fromhex("8299f999002a99f99901234501")), vendor(23, b"\x40\0")]
    return [*said, *more]


class Nas:
    """A gateway's port: it sends bytes and keeps what comes back. It answers Disconnect-Requests if told to."""

    def __init__(self, scene: Scene, host: str, secret: str) -> None:
        self.scene, self.secret = scene, secret
        self.got: list[bytes] = []
        self.disconnects: list[bytes] = []
        self.answer_disconnects_with = 0
        self._port = scene.wire.open_now(host, 0, self._receive)
        self._next = 0

    def _receive(self, data: bytes, peer: int, local_ip: int, now: float) -> None:
        if data[0] != 40:
            self.got.append(data)
            return
        self.disconnects.append(data)
        if self.answer_disconnects_with:
            self._port.send(reply_to(data, self.answer_disconnects_with, self.secret), peer)

    def fresh(self) -> tuple[int, bytes]:
        """An identifier and an authenticator that were not used before."""
        self._next += 1
        return self._next & 255, hashlib.md5(b"%d %d" % (self._port.address, self._next)).digest()

    async def raw(self, data: bytes, *, accounting: bool = False) -> list[bytes]:
        """Send; everything that comes back within 10 ms."""
        self.got = []
        server = self.scene.server
        self._port.send(data, server.accounting_address if accounting else server.radius_address)
        await asyncio.sleep(0.01)
        return self.got

    async def ask(self, data: bytes, *, accounting: bool = False) -> Reply:
        """Send; the one answer, checked."""
        (answer,) = await self.raw(data, accounting=accounting)
        return checked(answer, data, self.secret)

    async def login(self, imsi: str, imei: str = "", host: str = "", **rest: Any) -> Reply:
        """One Access-Request of a SIM."""
        more = rest.pop("more", ())
        return await self.ask(
            access_request(identity(imsi, imei, host, rest.pop("nas", "pgw-sim-1"), *more), *self.fresh(), self.secret)
        )

    async def account(
        self, status: int, session: str, imsi: str = "", host: str = "", imei: str = "", **rest: Any
    ) -> Reply:
        """One Accounting-Request: 1 Start, 2 Stop, 3 Interim-Update, 7 On, 8 Off (mobile-network §1.6)."""
        said = [(40, status.to_bytes(4, "big")), (32, rest.pop("nas", "pgw-sim-1").encode())]
        said += [(44, session.encode())] if session else []
        said += [(8, quad(host))] if host else []
        said += [vendor(1, imsi.encode())] if imsi else []
        said += [vendor(20, imei.encode())] if imei else []
        reply = await self.ask(
            accounting_request([*said, *rest.pop("more", ())], self.fresh()[0], self.secret), accounting=True
        )
        assert reply.code == 5
        return reply


class Scene:
    """A platform on the memory wire in virtual time. Its API is called in process, devices send plain UDP."""

    def __init__(self, loop: Any, span: dict[str, Any], radius: dict[str, Any]) -> None:
        from simulator.server.fronts.radius import RadiusClient, RadiusSettings

        self.clock = loop.clock
        settings = ServerSettings.on_free_ports(
            span=SpanSettings(**span),
            radius=RadiusSettings(**({"clients": (RadiusClient(network="127.0.0.0/8", secret=SECRET),)} | radius)),
        )
        self.server = ReferenceServer(settings, loop.clock, loop.timers)
        self.wire = MemoryNetwork(loop.timers, loop.clock)
        self.nas: Nas
        self.letters: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._streams: list[Any] = []

    async def start(self) -> None:
        await self.server.start(self.wire)
        self.air = await self.wire.open("0.0.0.0", 4200, lambda *_: None)
        self.nas = self.gateway()
        self.collection = self.new_collection()

    def gateway(self, host: str = "127.0.0.10", secret: str = SECRET) -> Nas:
        return Nas(self, host, secret)

    # --- operator -----------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: object = None) -> HttpRequest:
        raw = b"" if body is None else msgspec.json.encode(body)
        headers = {"x-api-token": self.server.token}
        return HttpRequest(method=method, path=path, headers=headers, body=raw, remote="127.0.0.1")

    def status(self, method: str, path: str, body: object = None) -> int:
        return self.server.api.handle(self.request(method, path, body), self.clock.unix_ns()).status

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.server.api.handle(self.request(method, path, body), self.clock.unix_ns())
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)

    def new_collection(self) -> str:
        path = f"/span/collections/{self.call('POST', '/span/collections', {})['collectionId']}"
        request = self.request("GET", f"{path}/activity")
        self._streams.append(self.server.api.open_stream(request, self.clock.unix_ns(), lossless=True))
        return path

    def device(self, letter: str, imsi: str = "", imei: str = "", collection: str = "") -> None:
        """A device; `letter` names it in what the test expects. Its `deviceCreated` is passed over."""
        self.create(letter, imsi, imei, collection)
        assert self.events() == [("deviceCreated", letter)]

    def create(self, letter: str, imsi: str = "", imei: str = "", collection: str = "") -> None:
        path = f"{collection or self.collection}/devices"
        config = {"ciot": {"imsi": imsi, "imei": imei}} if imsi or imei else {}
        device = self.call("POST", path, {"config": config})["deviceId"]
        self.letters[device], self._paths[letter] = letter, f"{path}/{device}"

    def patch(self, letter: str, **identities: str) -> int:
        """Returns: the status."""
        return self.status("PATCH", self._paths[letter], {"config": {"ciot": identities}})

    def metadata(self, letter: str) -> dict[str, Any]:
        """`metadata.ciot`, {} if there is none."""
        return self.call("GET", self._paths[letter])["metadata"].get("ciot", {})

    def statistics(self) -> dict[str, int]:
        """What the server has counted, through its door; what is 0 or missing is left out."""
        found = self.call("GET", "/simulator/statistics")["statistics"]
        return {name: number for name, number in found.items() if number}

    def events(self) -> list[tuple[str, str]]:
        """What happened since the last look: (event, letter of the device), collection by collection."""
        return [(event["event"], self.letters.get(event["deviceId"], "?")) for event in self.documents()]

    def documents(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(raw) for stream in self._streams for raw in stream.take()]

    # --- devices ------------------------------------------------------------------------------------------------------

    async def upload(self, host: str) -> int:
        """Send one datagram from there, as the platform shows addresses. Returns: how many were stored in all."""
        where = ipv4(host) - ipv4("10.64.0.0") + ipv4("127.64.0.0")
        self.air.send(b"hello", self.server.udp_address, where)
        await asyncio.sleep(0.01)
        return self.stored

    @property
    def stored(self) -> int:
        """Uploads that were stored, of all devices."""
        return sum(int(self.call("GET", f"{path}/stats")["messagesUpstream"]) for path in self._paths.values())


@pytest.fixture
def play() -> Callable[..., None]:
    """Play a story on a fresh platform: `play(story, span={…}, radius={…})`; the story is given the scene."""

    def it(story: Callable[[Scene], Awaitable[None]], *, span: dict[str, Any] | None = None, **radius: Any) -> None:
        async def main(loop: Any) -> None:
            scene = Scene(loop, span or {}, radius.get("radius", {}))
            await scene.start()
            try:
                await story(scene)
            finally:
                await scene.server.stop()

        run_virtual(main)

    return it


@pytest.fixture(scope="session")
def radius() -> SimpleNamespace:
    """How packets are made by hand."""
    words = tlv, vendor, packet, quad, identity, access_request, accounting_request, reply_to, checked, split
    return SimpleNamespace(SECRET=SECRET, **{word.__name__: word for word in words})
