"""DTLS between a port and whoever speaks through it: the sessions of many devices, each by its own address.

To the CoAP engine, to aiocoap and to raw payloads this is a port like any other: what they send leaves encrypted in the
device's session, and what comes in it reaches them decrypted. A device has one session at most; without one nothing
passes, and what could not be sent is counted.

    none ──connect──► handshake ──finished──► session ──hang up, drop──► none
                        │                        └──closed by the peer (`lost`)──► none
                        └──alert, refusal, no answer──► none

Importing this, or `dtls_held`, loads OpenSSL: a run without Internet devices does not.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Final

from simulator.acts import Broken, Connected, Done, Rejected, Result
from simulator.clock import Clock, Timers
from simulator.errors import LocalError
from simulator.protocol.dtls.client import ClientSession, State
from simulator.wire.address import Address, Ipv4
from simulator.wire.dtls_held import CLOSED_BY_PLATFORM, DtlsCounts, Held, Hello, Memory, Told, result_of
from simulator.wire.ports import Port, Receiver

Lost = Callable[[Ipv4, str, float], None]
"""Called with the address of a device, why its session is over, and the run time."""

_FRESH: Final = Done()
_RENEWED: Final = Broken("the device has begun a new session")
_GIVEN_UP: Final = Broken("the device has given the session up")
_HANDSHAKE, _CONNECTED, _CLOSED = State.HANDSHAKE, State.CONNECTED, State.CLOSED


class DtlsPort:
    """See `ports.Port`; `connect`, `hang_up` and `drop` are about the sessions in it.

    Made before who speaks through it: `attach` introduces that one. The address and the counts are those of the port
    behind, whose datagrams are to be given to `receive`.
    """

    def __init__(self, port: Port, timers: Timers, clock: Clock) -> None:
        self._port, self._clock = port, clock
        self._at, self._due_bound = timers.at, self._due
        self._held: dict[Ipv4, Held] = {}
        self._memory: dict[Ipv4, Memory] = {}
        self._hear: Receiver
        self._lost: Lost
        self._idle: Callable[[Ipv4, float], bool]
        self.address = port.address
        self.counts = port.counts
        self.sessions = DtlsCounts()
        self.timers = 0
        """How many entries of the calendar are ours."""

    def attach(self, hear: Receiver, lost: Lost, idle: Callable[[Ipv4, float], bool]) -> None:
        """Introduce who speaks through it.

        Args:
            hear: given what came, decrypted.
            lost: told of sessions that the platform has ended; never of handshakes, nor of what the device did itself.
            idle: told of sessions that were silent for as long as their `Hello` says. False: not to be closed yet.
        """
        self._hear, self._lost, self._idle = hear, lost, idle

    # --- sessions -----------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many sessions and handshakes there are."""
        return len(self._held)

    def is_connected(self, ip: Ipv4) -> bool:
        """Whether this device has a session."""
        held = self._held.get(ip)
        return held is not None and held.session.state is _CONNECTED

    def connect(self, ip: Ipv4, peer: Address, hello: Hello, done: Told, argument: Any, now: float) -> None:
        """Make a new session; a former one is given up without a word.

        `done` is called once, whatever happens: with Connected, with Rejected (the platform's alert), NoAnswer, or with
        Broken (the device refuses the platform, or something else took the place of this handshake).
        """
        memory = self._memory.get(ip) if hello.resume else None
        session = ClientSession(
            hello.context,
            hello.identity,
            memory.resumption if memory is not None and memory.serves(hello) else None,
            unix_ns=hello.unix_ns,
            first_timeout_s=hello.first_timeout_s,
        )
        former = self._held.get(ip)
        held = self._held[ip] = Held(ip, peer, session, hello.close_after_s)
        held.waiting = ((self._keep, (held, hello)), (done, argument))
        session.start(now)
        self._pump(held, now)
        if former is not None:
            self._leave(former, _RENEWED, now)

    def is_fresh(self, ip: Ipv4, idle_s: float, done: Told, argument: Any, now: float) -> bool:
        """Whether a device need not connect, for it has a session that was in use within so many seconds.

        Also while it is making one. Then, and only then, `done` will be called, or was: with Done, or with what comes
        of that handshake.
        """
        held = self._held.get(ip)
        if held is None:
            return False
        if held.session.state is _HANDSHAKE:
            held.waiting += ((done, argument),)
            return True
        if now - held.last_s > idle_s:
            return False
        done(argument, _FRESH, now)
        return True

    def hang_up(self, ip: Ipv4, now: float) -> None:
        """End a device's session in order (close-notify). A handshake ends without a word."""
        held = self._held.pop(ip, None)
        if held is not None:
            held.session.close(now)
            self._flush(held)
            self._tell(held, _GIVEN_UP, now)

    def drop(self, ip: Ipv4, now: float) -> None:
        """The device has lost its session, or gives it up; nobody is told."""
        held = self._held.pop(ip, None)
        if held is not None:
            self._leave(held, _GIVEN_UP, now)

    def stop_handshake(self, ip: Ipv4, now: float) -> None:
        """The device goes on with no handshake; a session stays."""
        held = self._held.get(ip)
        if held is not None and held.session.state is _HANDSHAKE:
            self.drop(ip, now)

    def hang_up_all(self, now: float) -> None:
        """End all sessions in order."""
        for ip in list(self._held):
            self.hang_up(ip, now)

    def move(self, ip: Ipv4, to: Ipv4) -> None:
        """A device has another address of its own from now on."""
        held, memory = self._held.pop(ip, None), self._memory.pop(ip, None)
        if held is not None:
            held.ip = to
            self._held[to] = held
        if memory is not None:
            self._memory[to] = memory

    def why_not(self, ip: Ipv4, size: int) -> str:
        """Why so many bytes cannot be sent in one datagram; "": they can, or there is no session."""
        held = self._held.get(ip)
        if not size:
            return "DTLS has no empty datagrams"
        if held is None or size <= held.session.most_bytes:
            return ""
        return f"a datagram of {size} B does not fit into a DTLS record of at most {held.session.most_bytes} B"

    # --- a port -------------------------------------------------------------------------------------------------------

    def send(self, data: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:  # noqa: ARG002  it goes to the session's
        """Send one datagram in the session of the device with this address."""
        held = self._held.get(local_ip)
        if held is None or held.session.state is not _CONNECTED:
            self.sessions.unsent += 1
        elif not 0 < len(data) <= held.session.most_bytes:
            self.sessions.misfits += 1
        else:
            held.last_s = now = self._clock.now()
            try:
                held.session.send(data, now)
            except LocalError:  # OpenSSL has given it up
                self._at(now, self._given_up, held)  # who sends does not expect to be told of it meanwhile
            self._flush(held)

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """A datagram for a device (a `ports.Receiver`)."""
        held = self._held.get(local_ip)
        if held is None or held.peer != peer:
            self.sessions.strays += 1
            return
        held.session.feed(data, now)
        self._pump(held, now)

    def local_address(self, ip: Ipv4) -> Address:
        """As the port behind says."""
        return self._port.local_address(ip)

    def flush(self) -> None:
        """Send what is queued, now."""
        self._port.flush()

    def close(self) -> None:
        """Close the port behind; sessions are forgotten without a word."""
        self._held.clear()
        self._port.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _flush(self, held: Held) -> None:
        send, peer, ip = self._port.send, held.peer, held.ip
        for datagram in held.session.out():
            send(datagram, peer, ip)

    def _pump(self, held: Held, now: float) -> None:
        """Something has happened to a session: send, tell and deliver what came of it. Whoever is told may do
        anything, also to this session."""
        session = held.session
        self._flush(held)
        data = session.received()
        if data:
            held.last_s = now
        if held.waiting and session.state is not _HANDSHAKE:
            self._end_handshake(held, now)
        for each in data:
            self._hear(each, held.peer, held.ip, now)
        if self._held.get(held.ip) is not held:
            return
        if session.state is _CLOSED:
            del self._held[held.ip]
            self.sessions.lost += 1
            self._lost(held.ip, CLOSED_BY_PLATFORM, now)
        else:
            self._arm(held)

    def _end_handshake(self, held: Held, now: float) -> None:
        session, counts = held.session, self.sessions
        if session.state is _CONNECTED:
            held.last_s = now
            counts.handshakes += 1
            counts.resumed += session.resumed
        else:
            counts.failures += 1
            del self._held[held.ip]
        self._tell(held, result_of(session), now)

    def _leave(self, held: Held, result: Result, now: float) -> None:
        """Without a word to the platform; its place is taken, or free, already."""
        held.session.close(now)  # else OpenSSL holds that it failed, and would not resume it
        held.session.out()
        self._tell(held, result, now)

    def _tell(self, held: Held, result: Result, now: float) -> None:
        """How the handshake has ended, to all that wait for it. The first may do something to the session at once, and
        then the others have none."""
        waiting, held.waiting = held.waiting, ()
        for done, argument in waiting:
            if isinstance(result, Connected) and self._held.get(held.ip) is not held:
                result = _GIVEN_UP
            done(argument, result, now)

    def _keep(self, whose: tuple[Held, Hello], result: Result, _now: float) -> None:
        """What a later session may resume from."""
        held, hello = whose
        if isinstance(result, Rejected):  # the platform wants to see no more of it
            self._memory.pop(held.ip, None)
        elif isinstance(result, Connected):
            resumption = held.session.resumption
            if resumption is not None:
                self._memory[held.ip] = Memory(hello.context, hello.identity, hello.time_ns(), resumption)

    def _arm(self, held: Held) -> None:
        when = held.session.deadline
        if held.close_after_s is not None and held.session.state is _CONNECTED:
            idle_s = held.last_s + held.close_after_s
            when = idle_s if when is None else min(when, idle_s)
        if when is not None and when < held.alarm:
            held.alarm = when
            self.timers += 1
            self._at(when, self._due_bound, (held, when))

    def _given_up(self, held: Held, now: float) -> None:
        if self._held.get(held.ip) is held:
            self._pump(held, now)

    def _due(self, whose: tuple[Held, float], now: float) -> None:
        self.timers -= 1
        held, when = whose
        if held.alarm != when:  # an earlier one came in between
            return
        held.alarm = inf
        if self._held.get(held.ip) is not held:
            return
        session = held.session
        if session.deadline is not None and session.deadline <= now:
            before = session.transmissions
            session.expire(now)
            self.sessions.retransmissions += session.transmissions - before
            self._pump(held, now)
            return
        idle_s = held.close_after_s
        if idle_s is not None and session.state is _CONNECTED and held.last_s + idle_s <= now:
            if self._idle(held.ip, now):
                return
            held.last_s = now
        self._arm(held)
