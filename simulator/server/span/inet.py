"""Devices on the public Internet: who they are their certificates say, and a DTLS session is a connection (span §8.3).

    handshake ──connect──► open ──upstream, poll──► open
                             └──disconnect (the session ended), end_all (the platform ends it)──► over

Unlike the mobile network's, sessions are told of when they begin and when they end (span §3.4), a device may have
several at once, and no address is anybody's: who moves to another one comes with a new handshake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from simulator.server.span.model import Device, InetMetadata, Transport
from simulator.server.span.settings import NS_PER_MS
from simulator.wire.address import Address, text

if TYPE_CHECKING:
    from simulator.server.span.core import SpanCore, Uplink

InetTransport = Literal["dtls", "coaps"]

RECORD_BYTES = 1200
"""Fits into the datagrams of any path, with DTLS around it."""


@dataclass(slots=True, eq=False, kw_only=True)
class InetSession:
    """One connection of a device; times in Unix ns."""

    number: int
    """No other session since the start of the platform has it."""
    device: Device
    transport: InetTransport
    peer: Address
    serial: int
    """Of its certificate."""
    last_ns: int
    """When it last sent something."""
    over: bool = False
    """Nobody listens to it any more, and its end was told."""
    association: Any = field(default=None, repr=False)
    """The front's own."""


@dataclass(slots=True)
class InetCounts:
    """Handshakes since the server was started; a restart does not set them back. Names: `words.STATISTICS`."""

    completed: int = 0
    resumed: int = 0
    """Of those."""
    refused: int = 0
    """The certificate was not good enough, or there was none."""
    failed: int = 0
    """What else did not come to its end."""

    def copy(self) -> InetCounts:
        """One that goes its own way."""
        return replace(self)

    def statistics(self, sessions: int) -> dict[str, int]:
        """All of it by its dotted name; `sessions`: how many are open now."""
        return {
            "handshakes": self.completed,
            "handshakes.resumed": self.resumed,
            "handshakes.refused": self.refused,
            "handshakes.failed": self.failed,
            "sessions.inet": sessions,
        }


class Inet:
    """All connections. `now_ns` is Unix time in nanoseconds throughout; it must not go back."""

    def __init__(self, core: SpanCore) -> None:
        self._core = core
        self._last = 0
        self.counts = InetCounts()
        self.sessions: dict[int, InetSession] = {}
        """Those that are open, by their number, oldest first."""
        self.ended: dict[InetTransport, Callable[[InetSession], None]] = {}
        """Whom to tell, by transport, that the platform has ended a session: the front closes the connection."""
        self.record_bytes = RECORD_BYTES
        """Longest message that is delivered over raw DTLS: one record in one datagram."""

    def connect(
        self, serial: int, transport: InetTransport, peer: Address, now_ns: int, *, resumed: bool = False
    ) -> InetSession | None:
        """A handshake is done with this certificate. Returns: None: its owner may not come in (any more)."""
        core = self._core
        device = core.certificates.owner(serial)
        if core.certificates.refusal(serial, "device", now_ns) or not isinstance(device, Device):
            self.counts.refused += 1
            return None
        self.counts.completed += 1
        self.counts.resumed += resumed
        self._last += 1
        session = InetSession(
            number=self._last,
            device=device,
            transport=transport,
            peer=peer,
            serial=serial,
            last_ns=now_ns,
        )
        self.sessions[session.number] = session
        device.inet_sessions = (*device.inet_sessions, session)
        self._seen(session, now_ns)
        core.activity.inet_connected(device, now_ns)
        return session

    def disconnect(self, session: InetSession, now_ns: int) -> None:
        """It has ended; calling it again does nothing."""
        if session.over:
            return
        session.over = True
        device = session.device
        del self.sessions[session.number]
        device.inet_sessions = tuple(each for each in device.inet_sessions if each is not session)
        self._core.activity.inet_disconnected(device, now_ns)

    def end_all(self, device: Device, now_ns: int) -> None:
        """The platform ends all connections of a device."""
        for session in device.inet_sessions:
            self.disconnect(session, now_ns)
            ended = self.ended.get(session.transport)
            if ended is not None:
                ended(session)

    def is_open(self, session: InetSession) -> bool:
        """Whether its device may send."""
        return not session.over and session.device.active

    def upstream(
        self,
        session: InetSession,
        payload: bytes,
        now_ns: int,
        *,
        local_port: int,
        code: str = "POST",
        path: str = "",
    ) -> Uplink:
        """One message of a device; see `SpanCore.upstream`."""
        core = self._core
        if not self.is_open(session):
            return core.turned_away()
        session.last_ns = now_ns
        if not payload:
            return core.nothing() if session.transport == "dtls" else core.give(session.device, "coaps", now_ns)
        self._fitting(session)
        peer, transport = session.peer, session.transport
        return core.take(session.device, payload, transport, now_ns, local_port, peer >> 32, code, path)

    def poll(self, session: InetSession, now_ns: int, *, local_port: int, path: str = "") -> Uplink:
        """A device asks for a waiting message; see `SpanCore.poll`."""
        del local_port, path  # nothing depends on them; same call as `upstream`
        core = self._core
        if not self.is_open(session):
            return core.turned_away()
        session.last_ns = now_ns
        self._fitting(session)
        return core.give(session.device, session.transport, now_ns)

    def turned_away(self) -> Uplink:
        """A message in a session that is over."""
        return self._core.turned_away()

    def _fitting(self, session: InetSession) -> None:
        """What does not fit into one record would never arrive: those messages have failed (span §4.4)."""
        outbox = session.device.outbox
        if outbox is not None and session.transport == "dtls":
            outbox.fail_longer(self.record_bytes)

    def _seen(self, session: InetSession, now_ns: int) -> None:
        """span §8.3; the block of the last connection."""
        session.device.inet_seen = InetMetadata(
            last_update_ms=now_ns // NS_PER_MS,
            remote_address=text(session.peer),
            certificate_serial=session.serial,
        )


class InetDoor:
    """The questions that a CoAP endpoint has (as `SpanCore` answers them), with a session's number as the source."""

    def __init__(self, inet: Inet) -> None:
        self._inet = inet

    def upstream(
        self,
        source: int,
        payload: bytes,
        transport: Transport,
        now_ns: int,
        *,
        local_port: int,
        code: str = "POST",
        path: str = "",
    ) -> Uplink:
        """See `SpanCore.upstream`."""
        del transport  # the session knows
        inet = self._inet
        session = inet.sessions.get(source)
        if session is None:
            return inet.turned_away()
        return inet.upstream(session, payload, now_ns, local_port=local_port, code=code, path=path)

    def poll(self, source: int, transport: Transport, now_ns: int, *, local_port: int, path: str = "") -> Uplink:
        """See `SpanCore.poll`."""
        del transport
        inet = self._inet
        session = inet.sessions.get(source)
        if session is None:
            return inet.turned_away()
        return inet.poll(session, now_ns, local_port=local_port, path=path)

    def is_known(self, source: int) -> bool:
        """Whether the session is open: then its peer has the address that it writes from, by its handshake."""
        session = self._inet.sessions.get(source)
        return session is not None and self._inet.is_open(session)
