"""All DTLS sessions of one port.

    hello ──► cookie asked for, no state ──valid cookie──► pending ──both Finished──► session ──► closed
                                                              └──alert, deadline──► gone

A pending handshake and a session may stand beside each other at one address: a device that was rebooted shakes hands
anew, and its old session is replaced once the new one has finished, not before: the hello may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from OpenSSL import SSL

from simulator.clock import Timers
from simulator.protocol.dtls import contexts
from simulator.protocol.dtls.agenda import Agenda
from simulator.protocol.dtls.alerts import alert_number, failure_words
from simulator.protocol.dtls.flights import Outbox
from simulator.protocol.dtls.identity import PeerCertificate
from simulator.protocol.dtls.library import CALLS, CLOSED, DONE, FAILED, WAITS
from simulator.protocol.dtls.records import (
    ALERT,
    APPLICATION_DATA,
    HEADER_BYTES,
    PLAIN_MOST_BYTES,
    begins_handshake,
    fatal_alert,
    has_cookie,
    hello_random,
    is_plain,
    is_record,
    is_single,
    number_of,
    pack,
    wants_last_flight,
)
from simulator.protocol.dtls.server_types import Address, Association, Counts, Ipv4, ServerContext

__all__ = ["Association", "Counts", "Server", "ServerContext"]

HANDSHAKE_MOST_BYTES = 64 << 10
"""What is taken from a peer that has not yet shown who it is: OpenSSL keeps what comes out of turn. A client's flight
has 1 to 8 KiB, and is repeated five times at most before the deadline."""


class Server:
    """See the module. Its port's datagrams come through `receive`, which is a `ports.Receiver`."""

    def __init__(
        self,
        context: ServerContext,
        timers: Timers,
        transmit: Callable[[bytes, Address, Ipv4], None],
        *,
        connected: Callable[[Association, float], bool],
        data: Callable[[Association, bytes, float], None],
        closed: Callable[[Association, str, float], None],
        seed: int,
        failed: Callable[[Address, str, float, PeerCertificate | None], None] | None = None,
    ) -> None:
        """
        Args:
            transmit: sends a datagram: bytes, peer, local address.
            connected: a session, resumed ones as well, has finished its handshake; False: it is closed at once, and
                `closed` is not called.
            data: one record of application data.
            closed: a session that was connected has ended: close-notify, alert, idle, replaced, stopped or closed (by
                `close`).
            seed: the secret behind the cookies; to be guessed by nobody where the port is open to others.
            failed: a handshake has ended badly, behind a valid cookie: address, why, in words, and the certificate that
                the client had shown, if it came to that.
        """
        self.counts = Counts()
        self._context = context
        self._settings = context.settings
        self._transmit = transmit
        self._on_connected, self._on_data, self._on_closed, self._on_failed = connected, data, closed, failed
        self._secret = blake2b(b"cookie %d" % seed).digest()
        self._sessions: dict[Address, Association] = {}
        self._pending: dict[Address, Association] = {}
        self._ended: dict[Address, Association] = {}
        """Handshakes that failed, the oldest first: the alert may get lost, and then the client repeats its flight."""
        self._listener: SSL.Connection | None = None
        self._agenda = Agenda(timers, self._expire)

    @property
    def timers(self) -> int:
        """Our entries in the calendar: one or two for all sessions together."""
        return self._agenda.timers

    @property
    def sessions(self) -> int:
        """How many are connected."""
        return len(self._sessions)

    @property
    def pending(self) -> int:
        """How many handshakes are under way."""
        return len(self._pending)

    def find(self, peer: Address) -> Association | None:
        """The session of that address; None: there is none, or its handshake goes on."""
        return self._sessions.get(peer)

    def receive(self, datagram: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """Take one datagram; whatever it contains, it is used, answered or counted."""
        session = self._sessions.get(peer)
        if not is_record(datagram):
            self.counts.garbage += 1
            return
        kind = datagram[0]
        if session is not None and kind == APPLICATION_DATA:
            self._take(session, datagram, now)
            return
        if begins_handshake(datagram):
            self._hello(datagram, peer, local_ip, now)
            return
        pending = self._pending.get(peer)
        if pending is not None and (session is None or kind != ALERT or is_plain(datagram)):
            assert pending._connection is not None
            pending._taken += len(datagram)
            if pending._taken > HANDSHAKE_MOST_BYTES:
                self.counts.garbage += 1
                return
            CALLS.put(pending._connection, datagram)
            self._step(pending, pending._connection, now)
        elif (ended := self._ended.get(peer)) is not None and wants_last_flight(datagram):
            self._repeat_last(ended, now)
        elif session is not None:
            self._take(session, datagram, now)
        else:
            self.counts.garbage += 1

    def send(self, association: Association, data: bytes, now: float) -> bool:  # noqa: ARG002 (as all the others)
        """Application data as one record; False: the session is gone, or the data is too long (counted) or empty."""
        connection = association._connection
        if connection is None or not association._most_bytes:
            return False
        if len(data) > association._most_bytes:
            self.counts.too_long += 1
            return False
        if not data or not CALLS.write(connection, data):
            return False
        self._transmit(CALLS.take(connection), association.peer, association.local_ip)
        return True

    def close(self, association: Association, now: float) -> None:
        """End a session with close-notify; nothing happens if it has ended."""
        if self._sessions.get(association.peer) is association:
            self._end(association, "closed", now)

    def stop(self, now: float) -> None:
        """End all sessions with close-notify, and all handshakes silently. It may be used again."""
        for session in list(self._sessions.values()):
            if session._connection is not None:
                self._end(session, "stopped", now)
        for pending in self._pending.values():
            pending._connection = None
        self._pending.clear()
        self._ended.clear()
        self._agenda.clear()
        self._listener = None

    # --- handshakes ---------------------------------------------------------------------------------------------------

    def _hello(self, datagram: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """A ClientHello: repeated, or the beginning of something."""
        random = hello_random(datagram)
        pending, session = self._pending.get(peer), self._sessions.get(peer)
        if pending is not None and pending._random == random:
            # The flight got lost, or the hello came twice. One without the cookie is older than both.
            if has_cookie(datagram):
                self._repeat(pending, now)
            return
        if session is not None and session._random == random:
            return  # came late
        ended = self._ended.get(peer)
        if ended is not None and ended._random == random:
            self._repeat_last(ended, now)
            return
        if pending is None and (
            len(self._pending) >= self._settings.pending_most
            or (session is None and len(self._pending) + len(self._sessions) >= self._settings.sessions_most)
        ):
            self.counts.overflow += 1
            return
        connection = self._listen(datagram, peer, local_ip)
        if connection is None:
            return
        if pending is not None:
            self._forget(pending)
        if ended is not None:
            self._forget_ended(ended)
        settings = self._settings
        outbox = Outbox(settings.first_timeout_s, settings.timeout_most_s, number_of(datagram))
        pending = Association(connection, outbox, random, peer, local_ip, now)
        self._pending[peer] = pending
        self._agenda.at(pending, now + settings.deadline_s)
        self._step(pending, connection, now)

    def _listen(self, datagram: bytes, peer: Address, local_ip: Ipv4) -> SSL.Connection | None:
        """OpenSSL's object for the hello if its cookie is this address's; else the cookie is asked for."""
        size = datagram[11] << 8 | datagram[12]
        if size > PLAIN_MOST_BYTES:
            # OpenSSL would leave the end of it to the next one who says hello.
            self.counts.garbage += 1
            return None
        listener = self._listener
        if listener is None:
            listener = self._listener = SSL.Connection(self._context.ssl_context)
            listener.set_accept_state()
            listener.set_ciphertext_mtu(self._settings.mtu)
        # Keyed BLAKE2 is a message authentication code (RFC 7693 §2.9), at a fraction of what HMAC costs here.
        listener.set_app_data(blake2b(b"%d %d" % (peer, local_ip), key=self._secret, digest_size=32).digest())
        CALLS.put(listener, datagram[: HEADER_BYTES + size])
        status = CALLS.listen(listener)
        if status == WAITS:
            question = CALLS.take(listener)
            if question:
                self.counts.cookies += 1
                self._transmit(question, peer, local_ip)
            else:
                self.counts.garbage += 1
            return None
        if status != DONE:
            CALLS.errors()
            self.counts.garbage += 1
            self._listener = None
            return None
        self._listener = None
        return listener

    def _step(self, pending: Association, connection: SSL.Connection, now: float) -> None:
        """As far as the handshake goes with what has come."""
        verification = self._context.verification
        verification.reset()
        contexts.set_time(connection, self._context.unix_ns())
        status = CALLS.handshake(connection)
        if (shown := verification.peer or verification.shown) is not None:
            pending.certificate = shown
        if status == FAILED:
            self._fail(pending, connection, now)
            return
        if not pending._outbox.flight and contexts.is_resumed(connection):
            self._ask_again(pending, connection, now)
            if pending._connection is None:
                return
        self._send_records(pending, pending._outbox.take(CALLS.take(connection), now))
        if status == DONE:
            self._finish(pending, connection, now)
        elif status == CLOSED:
            self._forget(pending)
            self.counts.failed += 1
            self._tell_failure(pending, "close-notify", now)
        elif pending._outbox.due is not None:
            self._agenda.at(pending, pending._outbox.due)

    def _fail(self, pending: Association, connection: SSL.Connection, now: float) -> None:
        """OpenSSL has given up; its alert goes out."""
        verification = self._context.verification
        why = verification.refusal or failure_words(CALLS.errors()).removeprefix("failed: ")
        alert = pending._outbox.pass_on(CALLS.take(connection), now)
        self._send_records(pending, alert)
        self._forget(pending)
        self._remember_ended(pending, alert, now)
        if verification.refusal or why == "no certificate":
            self.counts.refused += 1
        else:
            self.counts.failed += 1
        CALLS.errors()
        self._tell_failure(pending, why, now)
        if verification.error is not None:
            raise verification.error

    def _ask_again(self, pending: Association, connection: SSL.Connection, now: float) -> None:
        """Whether the certificate of a session that is to be resumed is still good enough, before our flight leaves."""
        certificate = contexts.peer_certificate(connection)
        why = "certificate cannot be read"
        try:
            if certificate is not None:
                pending.certificate = certificate
                why = "internal error"  # if `accept` raises
                why = self._context.verification.ask(certificate, self._context.unix_ns())
        finally:
            if why:
                alert = [pending._outbox.numbered(fatal_alert(alert_number(why)))]
                self._send_records(pending, alert)
                self._forget(pending)
                self._remember_ended(pending, alert, now)
                self.counts.refused += 1
                self._tell_failure(pending, why, now)

    def _finish(self, session: Association, connection: SSL.Connection, now: float) -> None:
        """The handshake is over."""
        peer = session.peer
        del self._pending[peer]
        session.resumed = contexts.is_resumed(connection)
        # In a full handshake the server has the last word (RFC 5246 §7.3).
        session._outbox.finish(now, last=not session.resumed)
        session.since_s = session._last_s = now
        session._most_bytes = contexts.most_bytes(connection, self._settings.mtu)
        self.counts.handshakes += 1
        self.counts.resumed += session.resumed
        old = self._sessions.get(peer)
        if old is not None:
            self.counts.replaced += 1
            self._end(old, "replaced", now, silently=True)
        self._sessions[peer] = session
        if not self._on_connected(session, now):
            self.counts.refused += 1
            if session._connection is not None:
                self._refuse(session, connection, now)
            return
        if session._connection is not None:
            if self._settings.idle_s:
                self._agenda.at(session, now + self._settings.idle_s)
            self._read(session, connection, now)

    def _refuse(self, session: Association, connection: SSL.Connection, now: float) -> None:
        """Close what has just been connected; it cannot be resumed."""
        contexts.shut_down(connection)
        self._send_records(session, session._outbox.pass_on(CALLS.take(connection), now))
        connection.set_shutdown(0)
        del self._sessions[session.peer]
        self._agenda.forget(session)
        session._connection = None

    def _repeat(self, pending: Association, now: float) -> None:
        if flight := pending._outbox.repeated(now):
            self.counts.retransmissions += 1
            self._send_records(pending, flight)

    def _repeat_last(self, session: Association, now: float) -> None:
        if flight := session._outbox.last_flight(now):
            self.counts.retransmissions += 1
            self._send_records(session, flight)

    def _remember_ended(self, ended: Association, alert: list[bytes], now: float) -> None:
        if not alert:
            return
        if len(self._ended) >= self._settings.pending_most:
            self._forget_ended(next(iter(self._ended.values())))
        until = ended.since_s + self._settings.deadline_s
        ended._outbox.end_with(alert, now, until)
        self._ended[ended.peer] = ended
        self._agenda.at(ended, until)

    def _forget_ended(self, ended: Association) -> None:
        del self._ended[ended.peer]
        self._agenda.forget(ended)

    def _forget(self, pending: Association) -> None:
        """A handshake that comes to nothing."""
        del self._pending[pending.peer]
        self._agenda.forget(pending)
        pending._connection = None

    def _tell_failure(self, pending: Association, why: str, now: float) -> None:
        if self._on_failed is not None:
            self._on_failed(pending.peer, why, now, getattr(pending, "certificate", None))

    # --- sessions -----------------------------------------------------------------------------------------------------

    def _take(self, session: Association, datagram: bytes, now: float) -> None:
        """A datagram of a session."""
        connection = session._connection
        assert connection is not None
        CALLS.put(connection, datagram)
        self._read(session, connection, now)
        if (datagram[0] == APPLICATION_DATA and is_single(datagram)) or session._connection is None:
            return
        if output := CALLS.take(connection):
            self._send_records(session, session._outbox.pass_on(output, now))
        if wants_last_flight(datagram):
            self._repeat_last(session, now)

    def _read(self, session: Association, connection: SSL.Connection, now: float) -> None:
        """All records that have come."""
        while True:
            status, data = CALLS.read(connection)
            if status == DONE:
                session._last_s = now
                if session._outbox.flight:
                    session._outbox.drop()  # who sends data has our Finished
                self._on_data(session, data, now)
                if session._connection is None:
                    return
            elif status == WAITS:
                return
            else:
                CALLS.errors()
                self._end(session, "close-notify" if status == CLOSED else "alert", now)
                return

    def _end(self, session: Association, why: str, now: float, *, silently: bool = False) -> None:
        connection = session._connection
        assert connection is not None
        if silently:
            contexts.keep_resumable(connection)
        elif why != "alert":
            contexts.shut_down(connection)
        if not silently and (output := CALLS.take(connection)):
            self._send_records(session, session._outbox.pass_on(output, now))
        session._connection = None
        session._outbox.drop()
        self._agenda.forget(session)
        if self._sessions.get(session.peer) is session:
            del self._sessions[session.peer]
        self._on_closed(session, why, now)

    def _expire(self, session: Association, now: float) -> None:
        """Something of it may be due."""
        settings = self._settings
        if self._pending.get(session.peer) is session:
            end = session.since_s + settings.deadline_s
            due = session._outbox.due
            if now >= end:
                self._forget(session)
                self.counts.timeouts += 1
                self._tell_failure(session, "timeout", now)
                return
            if due is not None and now >= due:
                self.counts.retransmissions += 1
                self._send_records(session, session._outbox.expire(now))
                due = session._outbox.due
            self._agenda.at(session, min(end, due or end))
        elif self._ended.get(session.peer) is session:
            self._forget_ended(session)
        elif session._connection is not None and settings.idle_s:
            due = session._last_s + settings.idle_s
            if now < due:
                self._agenda.at(session, due)
            else:
                self.counts.idle += 1
                self._end(session, "idle", now)

    def _send_records(self, session: Association, records: list[bytes]) -> None:
        for datagram in pack(records, self._settings.mtu):
            self._transmit(datagram, session.peer, session.local_ip)
