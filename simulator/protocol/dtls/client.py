"""One DTLS session of one device.

    HANDSHAKE ──both Finished──► CONNECTED ──close, close-notify, alert──► CLOSED
        └──alert, certificate refused, deadline──────────────────────────────►

It has no timers of its own: `deadline` says when `expire` is to be called. Whatever comes is taken or ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from OpenSSL import SSL

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.protocol.dtls import contexts
from simulator.protocol.dtls.alerts import failure_words
from simulator.protocol.dtls.flights import Outbox
from simulator.protocol.dtls.identity import Identity, PeerCertificate
from simulator.protocol.dtls.library import CALLS, CLOSED, DONE, FAILED, WAITS
from simulator.protocol.dtls.records import (
    APPLICATION_DATA,
    PLAIN_MOST_BYTES,
    is_record,
    is_single,
    pack,
    wants_last_flight,
)
from simulator.protocol.dtls.settings import Settings

_GCM_BYTES = 37  # header, explicit nonce and tag of a record; CCM8 takes 8 less


class State(Enum):
    """Of a session, see the drawing."""

    HANDSHAKE = "handshake"
    CONNECTED = "connected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a later session may resume from. It holds the session's secret."""

    content: bytes = field(repr=False)


class ClientContext:
    """What all devices of a run share."""

    def __init__(
        self, trust_pem: bytes, settings: Settings | None = None, unix_ns: Callable[[], int] | None = None
    ) -> None:
        """
        Args:
            trust_pem: the root, or several.
            unix_ns: certificates are checked by this clock; None: the wall clock.
        Raises: LocalError: `trust_pem` cannot be read.
        """
        self.settings = settings or Settings()
        self.unix_ns = unix_ns or WallClock().unix_ns
        self._trust_pem = trust_pem
        self.known: dict[bytes, PeerCertificate] = {}
        """Certificates of servers that were met, by their bytes."""
        self._by_chain: dict[tuple[bytes, ...], SSL.Context] = {}
        self.ssl_context(())

    def ssl_context(self, chain: tuple[bytes, ...]) -> SSL.Context:
        """OpenSSL's context for devices that send this behind their leaf: devices of one issuer share it."""
        context = self._by_chain.get(chain)
        if context is None:
            context = contexts.new_client_context(self.settings, self._trust_pem, chain)
            self._by_chain[chain] = context
        return context


class ClientSession:
    """See the module. `end` says why it is CLOSED:

    closed          by us                            alert: certificate expired   a fatal alert of the server
    close-notify    by the server                    refused: unknown issuer      the server's certificate is no good
    timeout         no end of the handshake in time  failed: ...                  anything else, in OpenSSL's words
    """

    __slots__ = (
        "_connection", "_end_of_handshake", "_known", "_out", "_outbox", "_received", "_resumption", "_settings",
        "_unix_ns", "end", "most_bytes", "peer", "resumed", "state", "transmissions",
    )  # fmt: skip

    def __init__(
        self,
        context: ClientContext,
        identity: Identity | None,
        resume: Resumption | None = None,
        *,
        unix_ns: Callable[[], int] | None = None,
        first_timeout_s: float | None = None,
    ) -> None:
        """
        Args:
            identity: None: it comes without a certificate.
            unix_ns: the device's own clock, if that is not the context's.
            first_timeout_s: None: as the settings have it.
        """
        settings = context.settings
        self.state = State.HANDSHAKE
        self.resumed = False
        self.transmissions = 0
        """Flights sent, with repetitions."""
        self.most_bytes = min(settings.mtu - _GCM_BYTES, PLAIN_MOST_BYTES)
        """Longest application data that fits the MTU; exact once connected."""
        self.end = ""
        self.peer: PeerCertificate | None = None
        self._settings = settings
        self._known = context.known
        self._unix_ns = unix_ns or context.unix_ns
        self._outbox = Outbox(first_timeout_s or settings.first_timeout_s, settings.timeout_most_s)
        self._out: list[bytes] = []
        self._received: list[bytes] = []
        self._resumption: Resumption | None = None
        self._end_of_handshake = 0.0
        connection = SSL.Connection(context.ssl_context(identity.chain if identity else ()))
        connection.set_connect_state()
        connection.set_ciphertext_mtu(settings.mtu)
        if identity:
            contexts.use_identity(connection, identity)
        if resume:
            contexts.use_session(connection, resume.content)
        self._connection: SSL.Connection | None = connection

    @property
    def deadline(self) -> float | None:
        """When to call `expire`, run time; None: nothing to wait for."""
        if self.state is not State.HANDSHAKE:
            return None
        due = self._outbox.due
        return None if due is None else min(due, self._end_of_handshake)

    @property
    def resumption(self) -> Resumption | None:
        """None: not yet connected, or the server has ended the session with an alert."""
        if self.state is State.CONNECTED and self._connection is not None:
            content = contexts.session_bytes(self._connection)
            return Resumption(content) if content else None
        return self._resumption

    def start(self, now: float) -> None:
        """Send the first hello."""
        self._end_of_handshake = now + self._settings.deadline_s
        self._step(now)

    def out(self) -> list[bytes]:
        """Datagrams that are to be sent now; they are taken."""
        out, self._out = self._out, []
        return out

    def received(self) -> list[bytes]:
        """Application data that came, one item per record; it is taken."""
        received, self._received = self._received, []
        return received

    def feed(self, datagram: bytes, now: float) -> None:
        """A datagram that came from the server's address."""
        connection = self._connection
        if connection is None or not is_record(datagram):
            return
        CALLS.put(connection, datagram)
        if self.state is State.HANDSHAKE:
            self._step(now)
        elif datagram[0] == APPLICATION_DATA and is_single(datagram):
            self._read(connection, now)
        else:
            self._read(connection, now)
            if self._connection is None:
                return
            self._pass_on(connection, now)
            if wants_last_flight(datagram) and (flight := self._outbox.last_flight(now)):
                self._send_flight(flight)

    def send(self, data: bytes, now: float) -> None:
        """Application data, as one record. Raises: LocalError: not connected, empty, or longer than `most_bytes`."""
        connection = self._connection
        if self.state is not State.CONNECTED or connection is None:
            raise LocalError(f"the DTLS session is not connected ({self.end or 'handshake'})")
        if not 0 < len(data) <= self.most_bytes:
            raise LocalError(f"a DTLS record holds 1 to {self.most_bytes} bytes here, not {len(data)}")
        if not CALLS.write(connection, data):
            self._fail(now)
            raise LocalError(f"the DTLS session cannot send ({self.end})")
        self._out.append(CALLS.take(connection))

    def expire(self, now: float) -> None:
        """Repeat the flight, or give up, if it is time."""
        if self.state is not State.HANDSHAKE or self._outbox.due is None:
            return
        if now >= self._end_of_handshake:
            self._finish("timeout")
        elif now >= self._outbox.due:
            self._send_flight(self._outbox.expire(now))

    def close(self, now: float) -> None:
        """End it: with close-notify if it is connected, else silently."""
        if self.state is State.CONNECTED and self._connection is not None:
            self._shut(self._connection, now)
        if self.state is not State.CLOSED:
            self._finish("closed")

    def _step(self, now: float) -> None:
        """As far as the handshake goes with what has come."""
        connection = self._connection
        assert connection is not None
        contexts.set_time(connection, self._unix_ns())
        status = CALLS.handshake(connection)
        if status == FAILED:
            self._fail(now)
            return
        before = self._outbox.flight
        self._out += pack(self._outbox.take(CALLS.take(connection), now), self._settings.mtu)
        self.transmissions += self._outbox.flight is not before
        if status == CLOSED:
            self._finish("close-notify")
        elif status == DONE:
            self.state = State.CONNECTED
            self.resumed = contexts.is_resumed(connection)
            self.peer = contexts.peer_certificate(connection, self._known)
            self.most_bytes = contexts.most_bytes(connection, self._settings.mtu)
            # In a resumed handshake the client has the last word (RFC 5246 §7.3).
            self._outbox.finish(now, last=self.resumed)
            self._read(connection, now)

    def _read(self, connection: SSL.Connection, now: float) -> None:
        """All records that have come."""
        while True:
            status, data = CALLS.read(connection)
            if status == DONE:
                self._received.append(data)
                if self._outbox.flight:
                    self._outbox.drop()  # who sends data has our Finished
            elif status == WAITS:
                return
            elif status == CLOSED:
                self._shut(connection, now)
                self._finish("close-notify")
                return
            else:
                self._fail(now)
                return

    def _shut(self, connection: SSL.Connection, now: float) -> None:
        contexts.shut_down(connection)
        self._pass_on(connection, now)

    def _pass_on(self, connection: SSL.Connection, now: float) -> None:
        if output := CALLS.take(connection):
            self._out += pack(self._outbox.pass_on(output, now), self._settings.mtu)

    def _send_flight(self, flight: list[bytes]) -> None:
        self._out += pack(flight, self._settings.mtu)
        self.transmissions += 1

    def _fail(self, now: float) -> None:
        """OpenSSL has given up: its alert goes out, and the end says why."""
        connection = self._connection
        assert connection is not None
        errors = CALLS.errors()
        refusal = contexts.refusal_of(connection) if self.state is State.HANDSHAKE else ""
        self._pass_on(connection, now)
        self._finish(f"refused: {refusal}" if refusal else failure_words(errors), spoilt=True)

    def _finish(self, end: str, *, spoilt: bool = False) -> None:
        connection = self._connection
        assert connection is not None
        if self.state is State.CONNECTED and not spoilt:
            self._resumption = self.resumption
        self.end = end
        self.state = State.CLOSED
        self._outbox.drop()
        self._connection = None
