"""A platform that a packet gateway can ask, over the memory network: it says what the test wants, and notes all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.clock import VirtualClock
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, accounting_of, bearer_of
from simulator.protocol.radius.packet import check_reply, check_request, decode, encode_reply, encode_request
from simulator.wire.address import address, ipv4, text
from simulator.wire.calendar import Calendar
from simulator.wire.link import Links
from simulator.wire.memory import MemoryNetwork

SECRET = b"a secret of the tests"
AUTH, ACCT = address(ipv4("127.0.0.1"), 1812), address(ipv4("127.0.0.1"), 1813)


def accept(ip: str, class_: bytes = b"", interim_s: int = 0) -> tuple[int, list[tuple[Any, bytes]]]:
    """An answer to an Access-Request."""
    attributes: list[tuple[Any, bytes]] = [(n.FRAMED_IP_ADDRESS, ipv4(ip).to_bytes(4, "big"))] if ip else []
    if class_:
        attributes.append((n.CLASS, class_))
    if interim_s:
        attributes.append((n.ACCT_INTERIM_INTERVAL, interim_s.to_bytes(4, "big")))
    return n.Code.ACCESS_ACCEPT, attributes


def reject(words: str = "", code: int = n.Code.ACCESS_REJECT) -> tuple[int, list[tuple[Any, bytes]]]:
    """Another one."""
    return code, [(n.REPLY_MESSAGE, words.encode())] if words else []


class Platform:
    """`login` decides an Access-Request (None: no answer); `acknowledges` says whether accounting is answered."""

    def __init__(self, links: Links | None = None) -> None:
        self.clock = VirtualClock()
        self.calendar = Calendar()
        self.network = MemoryNetwork(self.calendar, self.clock)
        self._auth = self.network.open_now("127.0.0.1", 1812, self._asked, links)
        self._acct = self.network.open_now("127.0.0.1", 1813, self._told, links)
        self.login: Callable[[Any], tuple[int, list[tuple[Any, bytes]]] | None] = lambda bearer: accept("10.64.0.17")
        self.acknowledges = True
        self.heard: list[tuple[float, str, str]] = []
        """When, what ("Access-Request", "Start", …), and about which IMSI or NAS."""
        self.requests: list[Any] = []
        """The bearers of Access-Requests, repeated ones once."""
        self.raw: list[bytes] = []
        self.accounting: list[Accounting] = []
        self.peers: dict[str, int] = {}
        """NAS-Identifier → where its last request came from."""
        self.answers: list[Any] = []
        """What came back for Disconnect-Requests."""
        self._known: dict[tuple[int, bytes], bytes] = {}
        self._number = 0

    def open(self, ip: int, receiver: Callable[[bytes, int, float], None]) -> Any:
        """A port of a gateway."""
        host = text(address(ip, 0)).partition(":")[0]
        return self.network.open_now(host, 0, lambda data, peer, _, now: receiver(data, peer, now))

    def run(self, until: float) -> None:
        """Let time pass."""
        self.calendar.limit = until
        while self.calendar.play(self.clock, ()):
            pass
        self.clock.time_s = max(self.clock.time_s, until)

    @property
    def now(self) -> float:
        return self.clock.time_s

    def names(self) -> list[str]:
        return [what for _, what, _ in self.heard]

    def _asked(self, data: bytes, peer: int, _ip: int, now: float) -> None:
        packet = decode(data)
        assert check_request(packet, SECRET, True) is None
        self.raw.append(data)
        if self._repeated(self._auth, data, peer):
            return
        bearer = bearer_of(packet)
        self.requests.append(bearer)
        self.heard.append((now, "Access-Request", bearer.imsi))
        self.peers[bearer.nas_id] = peer
        answer = self.login(bearer)
        if answer is not None:
            self._answer(self._auth, data, peer, answer[0], answer[1])

    def _told(self, data: bytes, peer: int, _ip: int, now: float) -> None:
        packet = decode(data)
        assert check_request(packet, SECRET, True) is None
        if not self.acknowledges or self._repeated(self._acct, data, peer):
            return
        said = accounting_of(packet)
        self.accounting.append(said)
        name = n.Status(said.status).name.title()
        self.heard.append((now, name, said.bearer.imsi or said.bearer.nas_id))
        self._answer(self._acct, data, peer, n.Code.ACCOUNTING_RESPONSE, [])

    def _repeated(self, port: Any, data: bytes, peer: int) -> bool:
        reply = self._known.get((peer, data[:20]))
        if reply is not None:
            port.send(reply, peer)
        return reply is not None

    def _answer(self, port: Any, data: bytes, peer: int, code: int, attributes: Any) -> None:
        reply = encode_reply(code, decode(data), attributes, SECRET)
        self._known[peer, data[:20]] = reply
        port.send(reply, peer)

    def disconnect(self, nas: str, *attributes: tuple[Any, bytes], code: int = n.Code.DISCONNECT_REQUEST) -> bytes:
        """Send a Disconnect-Request to where this gateway asked from last; what comes back is in `answers`."""
        self._number += 1
        data = encode_request(code, self._number & 0xFF, attributes, SECRET)
        self.send(nas, data)
        return data

    def send(self, nas: str, data: bytes) -> None:
        """Send any bytes there, and note what comes back."""

        def answered(reply: bytes, _peer: int, _ip: int, _now: float) -> None:
            packet = decode(reply)
            assert check_reply(packet, data[4:20], SECRET, True) is None
            self.answers.append(packet)

        self.network.open_now("127.0.0.1", 0, answered).send(data, self.peers[nas])
