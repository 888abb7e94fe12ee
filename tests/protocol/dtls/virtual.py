"""A server and clients in virtual time: one heap of datagrams, and the calendar; nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from heapq import heappop, heappush
from random import Random

from simulator.protocol.dtls.client import ClientContext, ClientSession, Resumption, State
from simulator.protocol.dtls.identity import Identity, PeerCertificate
from simulator.protocol.dtls.server import Association, Server, ServerContext
from simulator.protocol.dtls.settings import Settings
from simulator.wire.calendar import NEVER, Calendar

from .authority import TestAuthority

NOW_S = 1_767_225_600
DELAY_S = 0.02
HERE = 0x7F000001
Fate = Callable[[str, int, bytes], list[float]]
"""Direction "C" (from the client) or "S", count in that direction, bytes → delays of the copies; []: lost."""


@cache
def authority() -> TestAuthority:
    return TestAuthority(now_s=NOW_S)


@cache
def identity(name: str = "device", days: tuple[float, float] = (-1, 14), chain: bool = True) -> Identity:
    return Identity.from_pem(*authority().leaf(name, days=days, chain=chain))


@cache
def server_identity(days: tuple[float, float] = (-1, 14)) -> Identity:
    return Identity.from_pem(*authority().leaf("server", client=False, days=days))


def straight(_direction: str, _count: int, _data: bytes) -> list[float]:
    return [DELAY_S]


def rough(seed: int, loss: float, twice: float = 0.0, spread_s: float = 0.0) -> Fate:
    """Loss, repetition and reordering by chance."""
    random = Random(seed)

    def fate(_direction: str, _count: int, _data: bytes) -> list[float]:
        if random.random() < loss:
            return []
        copies = 2 if random.random() < twice else 1
        return [DELAY_S + random.random() * spread_s for _ in range(copies)]

    return fate


class Net:
    """The world of a test. `events` are (what, name or address, detail) of the server."""

    __test__ = False

    def __init__(
        self,
        fate: Fate = straight,
        *,
        settings: Settings | None = None,
        client_settings: Settings | None = None,
        accept: Callable[[PeerCertificate], str] = lambda _peer: "",
        connected: Callable[[Association, float], bool] | None = None,
        own: Identity | None = None,
        seed: int = 7,
    ) -> None:
        self.now = 0.0
        self.fate = fate
        self.calendar = Calendar()
        self.events: list[tuple[str, object, object]] = []
        self.wire: list[tuple[float, str, bytes]] = []
        self.clients: dict[int, ClientSession] = {}
        self.echo = False
        self._heap: list[tuple[float, int, str, int, bytes]] = []
        self._counts = {"C": 0, "S": 0}
        self._number = 0
        self._accepts = connected
        self.server_context = ServerContext(
            own or server_identity(), authority().trust_pem, settings=settings, unix_ns=self.unix_ns, accept=accept
        )
        self.server = Server(
            self.server_context, self.calendar, lambda data, peer, _ip: self.put("S", peer, data),
            connected=self._connected, data=self._data, closed=self._closed, failed=self._failed, seed=seed,
        )  # fmt: skip
        self.context = ClientContext(authority().root_pem, client_settings or settings, self.unix_ns)

    def unix_ns(self) -> int:
        return NOW_S * 10**9 + int(self.now * 1e9)

    def client(
        self,
        who: Identity | None = None,
        resume: Resumption | None = None,
        *,
        peer: int = 1,
        bare: bool = False,
        **more: object,
    ) -> ClientSession:
        """A session that has said hello; a former one at that address is forgotten without a word."""
        session = ClientSession(self.context, None if bare else who or identity(), resume, **more)  # type: ignore[arg-type]
        self.clients[peer] = session
        session.start(self.now)
        self.flush(peer)
        return session

    def flush(self, peer: int = 1) -> None:
        for data in self.clients[peer].out():
            self.put("C", peer, data)

    def put(self, direction: str, peer: int, data: bytes) -> None:
        count = self._counts[direction]
        self._counts[direction] += 1
        self.wire.append((self.now, direction, data))
        for delay in self.fate(direction, count, data):
            self._number += 1
            heappush(self._heap, (self.now + delay, self._number, direction, peer, data))

    def forget_counts(self) -> None:
        """Datagrams count from 0 again, and the wire is empty."""
        self._counts = {"C": 0, "S": 0}
        self.wire.clear()

    def run(self, until: float) -> None:
        """Let it all happen, up to that run time."""
        while True:
            deadline, peer = min(
                ((c.deadline, p) for p, c in self.clients.items() if c.deadline is not None), default=(NEVER, 0)
            )
            sent = self._heap[0][0] if self._heap else NEVER
            due = NEVER if (next_entry := self.calendar.next()) is None else next_entry
            when = min(deadline, sent, due)
            if when > until:
                break
            self.now = max(self.now, when)
            if sent <= min(deadline, due):
                _, _, direction, peer, data = heappop(self._heap)
                if direction == "C":
                    self.server.receive(data, peer, HERE, self.now)
                elif peer in self.clients:
                    self.clients[peer].feed(data, self.now)
            elif due <= deadline:
                self.calendar.expire(self.now)
                continue
            else:
                self.clients[peer].expire(self.now)
            if peer in self.clients:
                self.flush(peer)
        self.now = max(self.now, until)

    def connect(self, who: Identity | None = None, resume: Resumption | None = None, **more: object) -> ClientSession:
        """A client, and its handshake on a straight wire."""
        session = self.client(who, resume, **more)  # type: ignore[arg-type]
        self.run(self.now + 1)
        assert session.state is State.CONNECTED, session.end
        return session

    def say(self, data: bytes, peer: int = 1) -> None:
        self.clients[peer].send(data, self.now)
        self.flush(peer)

    def kinds(self) -> list[str]:
        return [what for what, _, _ in self.events]

    def _connected(self, session: Association, now: float) -> bool:
        self.events.append(("connected", session.peer, session.certificate.common_name))
        return self._accepts(session, now) if self._accepts else True

    def _data(self, session: Association, data: bytes, now: float) -> None:
        self.events.append(("data", session.peer, data))
        if self.echo:
            self.server.send(session, data[::-1], now)

    def _closed(self, session: Association, why: str, _now: float) -> None:
        self.events.append(("closed", session.peer, why))

    def _failed(self, peer: int, why: str, _now: float, _certificate: PeerCertificate | None) -> None:
        self.events.append(("failed", peer, why))
