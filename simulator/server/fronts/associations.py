"""What both DTLS endpoints have in common: the sessions of a port, and what the core makes of them (span §4.5, §8.3).

The endpoint is given application data and answers within the same session. OpenSSL is loaded with the first datagram:
a rehearsal whose devices have SIMs does not need it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from simulator.clock import Clock, Timers
from simulator.protocol.dtls.records import is_record
from simulator.server.fronts.datagrams import DatagramFront
from simulator.server.span.core import SpanCore
from simulator.server.span.inet import InetSession, InetTransport
from simulator.server.span.recent import Recent, Tally
from simulator.wire.address import Address, Ipv4
from simulator.wire.ports import Wire

if TYPE_CHECKING:
    from simulator.protocol.dtls.identity import PeerCertificate
    from simulator.protocol.dtls.server import Association, Server, ServerContext

RECEIVE_BUFFER_BYTES = 2048
"""What the platform reads of a message; the rest is lost, as over UDP (span §4.2 [I-H])."""

FAREWELL_S = 10.0
"""How long a device may still be heard after we have closed its session: it answers the close-notify."""
FAREWELLS_MOST = 1_024
"""Addresses of which that is remembered."""

Taker = Callable[[InetSession, bytes, float], bytes | None]
"""Gets each message with its session and the run time; what it returns goes back in the same session."""
Transmit = Callable[[bytes, Address, Ipv4], None]


class Turned(NamedTuple):
    """A handshake that came to nothing."""

    why: str
    """"alert: …": the device has ended it."""
    peer: Address
    """0: not known."""
    certificate: PeerCertificate | None = None
    """What the device had shown; None: nothing, or it did not come to that."""
    refused: bool = False
    """Because of the certificate, or because there was none."""


@dataclass(slots=True)
class AssociationCounts:
    """Messages since the start."""

    messages: int = 0
    """Handed on."""
    cut: int = 0
    """Longer than `RECEIVE_BUFFER_BYTES`; the beginning was taken."""
    too_long: int = 0
    """Answers that did not fit into a record."""


def make_context(core: SpanCore, clock: Clock, identity: tuple[bytes, bytes], trust_pem: bytes) -> ServerContext:
    """What all sessions of this platform share.

    Args:
        identity: the platform's certificate, with the intermediate behind it, and its key; PEM.
        trust_pem: root and intermediate: some clients send only their leaf (span §8.4).
    """
    from simulator.protocol.dtls.identity import Identity
    from simulator.protocol.dtls.server import ServerContext
    from simulator.protocol.dtls.settings import Settings

    def accept(certificate: PeerCertificate) -> str:
        return core.certificates.refusal(certificate.serial, "device", clock.unix_ns())

    return ServerContext(
        Identity.from_pem(*identity, what="certificate of the platform"),
        trust_pem,
        settings=Settings(idle_s=core.settings.inet_idle_s),
        unix_ns=clock.unix_ns,
        accept=accept,
    )


class Associations:
    """The sessions of one port."""

    def __init__(self, core: SpanCore, clock: Clock, transport: InetTransport, take: Taker) -> None:
        self.counts = AssociationCounts()
        self.turned: Recent[Turned] = Recent()
        """The last handshakes that came to nothing, for the person who watches."""
        self._core, self._clock, self._transport, self._take = core, clock, transport, take
        self.strangers = Tally()
        """Records that belong to no session and begin none."""
        self.plain = Tally()
        """Datagrams that are no DTLS at all."""
        self.cut = Tally()
        """Messages that were cut."""
        self._make: Callable[[], Server] | None = None
        self._server: Server | None = None
        self._refused = 0
        self._farewells: OrderedDict[Address, float] = OrderedDict()
        """Whose session we have closed: until when that explains what comes from there."""

    def open(self, context: Callable[[], ServerContext], timers: Timers, transmit: Transmit, seed: int) -> None:
        """Take datagrams from now on. `seed`: of the secret behind the cookies."""

        def make() -> Server:
            from simulator.protocol.dtls.server import Server

            return Server(
                context(),
                timers,
                transmit,
                connected=self._connected,
                data=self._data,
                closed=self._closed,
                failed=self._failed,
                seed=seed,
            )

        self._make = make
        self._core.inet.ended[self._transport] = self._ended

    def receive(self, datagram: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """One datagram (a `ports.Receiver`)."""
        if self._make is None:
            return
        server = self._server
        if server is None:
            server = self._server = self._make()
        counts = server.counts
        before = counts.garbage
        server.receive(datagram, peer, local_ip, now)
        if counts.garbage == before:
            return
        if not is_record(datagram):
            self.plain.add(peer)
        elif now >= self._farewells.get(peer, now):
            self.strangers.add(peer)

    def stop(self) -> None:
        """Say goodbye to everybody, and hear nobody any more; calling it again does nothing."""
        self._make = None
        if self._server is not None:
            self._server.stop(self._clock.now())

    @property
    def crowded(self) -> int:
        """Hellos that were ignored because there was no room."""
        return self._server.counts.overflow if self._server is not None else 0

    @property
    def timers(self) -> int:
        """How many calls wait in the calendar."""
        return self._server.timers if self._server is not None else 0

    def _connected(self, association: Association, now: float) -> bool:
        session = self._core.inet.connect(
            association.certificate.serial,
            self._transport,
            association.peer,
            self._clock.unix_ns(),
            resumed=association.resumed,
        )
        if session is None:
            why = self._core.certificates.refusal(association.certificate.serial, "device", self._clock.unix_ns())
            self.turned.add(Turned(why, association.peer, association.certificate, refused=True))
            self._refused += 1
            self._has_closed(association.peer, now)
            return False
        association.owner, session.association = session, association
        return True

    def _data(self, association: Association, data: bytes, now: float) -> None:
        if len(data) > RECEIVE_BUFFER_BYTES:
            self.counts.cut += 1
            self.cut.add(association.peer, len(data))
            data = data[:RECEIVE_BUFFER_BYTES]
        self.counts.messages += 1
        answer = self._take(association.owner, data, now)
        if answer and self._server is not None and not self._server.send(association, answer, now):
            self.counts.too_long += 1

    def _closed(self, association: Association, why: str, now: float) -> None:
        if why in ("closed", "idle"):
            self._has_closed(association.peer, now)
        session: InetSession = association.owner
        session.association = None  # no circle: nobody shall have to look for what it holds
        self._core.inet.disconnect(session, self._clock.unix_ns())

    def _has_closed(self, peer: Address, now: float) -> None:
        self._farewells.pop(peer, None)
        self._farewells[peer] = now + FAREWELL_S
        if len(self._farewells) > FAREWELLS_MOST:
            self._farewells.popitem(last=False)

    def _failed(self, peer: Address, why: str, _now: float, certificate: PeerCertificate | None) -> None:
        assert self._server is not None
        counts, total = self._core.inet.counts, self._server.counts.refused
        refused = total > self._refused  # it was the certificate
        if refused:
            counts.refused += 1
        else:
            counts.failed += 1
        self._refused = total
        self.turned.add(Turned(why, peer, certificate, refused))

    def _ended(self, session: InetSession) -> None:
        if self._server is not None and session.association is not None:
            self._server.close(session.association, self._clock.now())


class SessionFront(DatagramFront):
    """One DTLS port in front of a core. A subclass makes `sessions`, and says what their messages mean."""

    sessions: Associations

    async def listen(
        self, wire: Wire, host: str, port: int, context: Callable[[], ServerContext], timers: Timers, *, seed: int = 0
    ) -> None:
        """Listen.

        Args:
            context: what all sessions share; asked for with the first datagram.
            seed: of the cookies.
        Raises: LocalError: the port is not to be had.
        """
        # By name: what else a subclass inherits may take datagrams as they come, in batches.
        await DatagramFront.start(self, wire, host, port)
        assert self._port is not None
        self.sessions.open(context, timers, self._port.send, seed)

    def stop(self) -> None:
        """Say goodbye to all, and close the port; calling it again does nothing."""
        self.sessions.stop()
        super().stop()

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """One datagram (a `ports.Receiver`)."""
        self.sessions.receive(data, peer, local_ip, now)
