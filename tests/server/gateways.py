"""A living server on the memory network, and packet gateways that talk RADIUS to it, datagram by datagram."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from simulator.clock import VirtualClock
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import (
    Accounting,
    Bearer,
    Location,
    accounting_attributes,
    bearer_attributes,
)
from simulator.protocol.radius.numbers import Code, Status
from simulator.protocol.radius.packet import Packet, check_reply, check_request, decode, encode_reply, encode_request
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import host_text, ipv4
from simulator.wire.calendar import Calendar
from simulator.wire.memory import MemoryNetwork

SIM_X, SIM_Y, SIM_Z = "999990000000001", "999990000000002", "999990000000003"
MODEM_A, MODEM_B, MODEM_C = "98999900000001", "98999900000002", "98999900000003"
"""IMEIs without their last digit: what the network tells, before the software version."""
CELL = Location(plmn="99999", tac=42, cell=0x1234501)
OTHER_CELL = Location(plmn="99999", tac=42, cell=0x1234502)


class Gateway:
    """One packet gateway: what it sends, and what it is sent."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench, self.name = bench, name
        self.inbox: list[tuple[Packet, int]] = []
        self._port = bench.wire.open_now("127.0.0.1", 0, self._receive)
        self._drawn = 0
        self._id = 0

    def _receive(self, data: bytes, peer: int, _local_ip: int, _now: float) -> None:
        self.inbox.append((decode(data), peer))

    def ask(self, where: int, datagram: bytes) -> list[Packet]:
        """Send one datagram; what comes back at once, in order."""
        self.inbox.clear()
        self._port.send(datagram, where)
        self._bench.play()
        return [packet for packet, _ in self.inbox]

    def next_id(self) -> int:
        self._id = self._id + 1 & 255
        return self._id

    def bearer(self, imsi: str, modem: str, **more: Any) -> Bearer:
        told = {"location": CELL, "rat": 8, "serving_plmn": "99999", "home_plmn": "99999", "apn": "iot.test", **more}
        imeisv = modem + "01" if len(modem) == 14 else modem
        return Bearer(imsi=imsi, msisdn="999000000000001", imeisv=imeisv, nas_id=self.name, nas_ip=0xC000020A, **told)

    def access_request(self, imsi: str, modem: str, **more: Any) -> bytes:
        self._drawn += 1
        attributes = bearer_attributes(self.bearer(imsi, modem, **more))
        authenticator = self._drawn.to_bytes(16, "big")
        return encode_request(Code.ACCESS_REQUEST, self.next_id(), attributes, self._bench.secret, authenticator)

    def login(self, imsi: str, modem: str = "", **more: Any) -> Packet:
        """One login; the answer, which is signed."""
        request = self.access_request(imsi, modem, **more)
        answers = self.ask(self._bench.server.radius_address, request)
        assert len(answers) == 1
        assert answers[0].id == request[1]
        assert check_reply(answers[0], request[4:20], self._bench.secret, True) is None
        return answers[0]

    def attach(self, imsi: str, modem: str = "", session: str = "", **more: Any) -> str:
        """A login that is accepted, and the Start if the session has a name. Returns: the address on the wire."""
        answer = self.login(imsi, modem, **more)
        assert answer.code == Code.ACCESS_ACCEPT, answer.text(n.REPLY_MESSAGE)
        where = answer.ipv4(n.FRAMED_IP_ADDRESS)
        assert where is not None
        if session:
            self.report(Status.START, session, imsi, modem, where, class_=answer.first(n.CLASS) or b"", **more)
        return host_text(where).replace("10.64.", "127.64.")

    def refusal(self, imsi: str, modem: str = "", **more: Any) -> str:
        """A login that is refused. Returns: why."""
        answer = self.login(imsi, modem, **more)
        assert answer.code == Code.ACCESS_REJECT
        return answer.text(n.REPLY_MESSAGE)

    def accounting_request(
        self,
        status: Status,
        session: str,
        imsi: str,
        modem: str = "",
        where: int = 0,
        *,
        class_: bytes = b"",
        cause: int | None = None,
        **more: Any,
    ) -> bytes:
        bearer = self.bearer(imsi, modem, **{**more, "address": where})
        accounting = Accounting(status=status, session_id=session, bearer=bearer, class_=class_, cause=cause)
        attributes = accounting_attributes(accounting)
        return encode_request(Code.ACCOUNTING_REQUEST, self.next_id(), attributes, self._bench.secret)

    def report(self, status: Status, session: str, imsi: str, modem: str = "", where: int = 0, **more: Any) -> None:
        """Tell the platform about a session; it is acknowledged."""
        request = self.accounting_request(status, session, imsi, modem, where, **more)
        answers = self.ask(self._bench.server.accounting_address, request)
        assert [(answer.code, answer.id) for answer in answers] == [(Code.ACCOUNTING_RESPONSE, request[1])]
        assert check_reply(answers[0], request[4:20], self._bench.secret, False) is None

    def disconnects(self) -> list[str]:
        """The IMSIs whose sessions the platform has asked to end, since the last datagram; each is acknowledged."""
        found = []
        for packet, peer in self.inbox:
            if packet.code == Code.DISCONNECT_REQUEST:
                assert check_request(packet, self._bench.secret, False) is None
                found.append(packet.text(n.IMSI))
                self._port.send(encode_reply(Code.DISCONNECT_ACK, packet, [], self._bench.secret), peer)
        self._bench.play()
        return found


class Bench:
    """A server on the memory network, with one collection that is listened to."""

    def __init__(self, **span: Any) -> None:
        self.clock = VirtualClock()
        self._calendar = Calendar()
        self.wire = MemoryNetwork(self._calendar, self.clock)
        settings = ServerSettings.on_free_ports(span=SpanSettings(**span))
        self.server = ReferenceServer(settings, self.clock)
        asyncio.run(self.server.start(self.wire))
        self.secret = self.server.radius_secret
        self.home, self.abroad = Gateway(self, "home-1"), Gateway(self, "abroad-1")
        self._port = self.wire.open_now("0.0.0.0", 40000, lambda *_: None)
        self.collection = self.call("POST", "/span/collections", {})["collectionId"]
        self._stream: Any = None
        self._stream = self.server.api.open_stream(self._request("GET", f"{self._here}/activity"), self.now_ns)
        self.names: dict[str, str] = {}

    @property
    def _here(self) -> str:
        return f"/span/collections/{self.collection}"

    @property
    def now_ns(self) -> int:
        return self.clock.unix_ns()

    def play(self, seconds: float = 0.0) -> None:
        """Let happen what happens now, and what does in the next seconds."""
        self._calendar.play(self.clock, ())
        if seconds:
            self.clock.time_s += seconds
            self._calendar.play(self.clock, ())

    def _request(self, method: str, path: str, body: Any = None) -> HttpRequest:
        raw = b"" if body is None else msgspec.json.encode(body)
        return HttpRequest(method=method, path=path, headers={"x-api-token": self.server.token}, body=raw)

    def status(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.server.api.handle(self._request(method, path, body), self.now_ns)
        return answer.status, msgspec.json.decode(answer.body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.status(method, path, body)
        assert status == 200, document
        return document

    def device(self, name: str, imsi: str = "", modem: str = "") -> str:
        """The path of a new device."""
        body = {"config": {"ciot": {"imsi": imsi, "imei": modem and modem + "8"}}}
        device = self.call("POST", f"{self._here}/devices", body)["deviceId"]
        self.names[device] = name
        return f"{self._here}/devices/{device}"

    def configure(self, device: str, **ciot: str) -> None:
        self.call("PATCH", device, {"config": {"ciot": ciot}})

    def ciot(self, device: str) -> Any:
        return self.call("GET", device)["metadata"]["ciot"]

    def config(self, device: str) -> Any:
        return self.call("GET", device)["config"]["ciot"]

    def events(self) -> list[str]:
        """What was told since it was asked for last: `ciotConnect a`; what operators did is left out."""
        messages = [msgspec.json.decode(message) for message in self._stream.take()]
        told = [(message["event"], self.names[message["deviceId"]]) for message in messages]
        return [f"{event} {name}" for event, name in told if not event.startswith("device")]

    def heard(self, where: str) -> bool:
        """Whether a datagram from there is a device's."""
        before = self.server.core.counts.upstream
        self._port.send(b"hello", self.server.udp_address, ipv4(where))
        self.play()
        self.events()
        return self.server.core.counts.upstream == before + 1

    def restart(self) -> None:
        async def go() -> None:
            await self.server.halt()
            await self.server.resume()

        asyncio.run(go())
