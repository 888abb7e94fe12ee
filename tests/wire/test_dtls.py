"""Sessions of devices in a port: made, used, lost and resumed, against a real server over the memory network."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from simulator.acts import Broken, Connected, Done, NoAnswer, Rejected
from simulator.clock import VirtualClock
from simulator.protocol.dtls.client import ClientContext
from simulator.protocol.dtls.identity import Identity
from simulator.protocol.dtls.server import Server, ServerContext
from simulator.protocol.dtls.settings import Settings
from simulator.server.span.authority import Authority, new_key
from simulator.server.span.certificates import Validity
from simulator.wire.address import ipv4
from simulator.wire.calendar import Calendar
from simulator.wire.dtls import DtlsPort
from simulator.wire.dtls_held import CLOSED_BY_PLATFORM, Hello
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.memory import MemoryNetwork
from simulator.wire.nat import Nat, NatWire
from simulator.wire.presets import Direction, LinkProfile

DEVICE, OTHER = ipv4("127.64.0.5"), ipv4("127.64.0.6")
NOW_S = VirtualClock().unix_ns() // 10**9
DAY_S = 86_400
DARK, PERFECT = LinkProfile(name="dark", dark=True), LinkProfile()
ROUGH = LinkProfile(name="rough", up=Direction(delay_s=0.1, loss_g=0.3), down=Direction(delay_s=0.1, loss_g=0.3))


@cache
def authority():
    return Authority.create(VirtualClock().unix_ns())


@cache
def identity(name="m", serial=1, days=14):
    public, key = new_key()
    certificate = authority().client("device", name, serial, Validity(NOW_S - DAY_S, NOW_S + days * DAY_S), public)
    return Identity.from_pem(certificate + authority().intermediate_pem, key)


@cache
def platform():
    return Identity.from_pem(*authority().server_identity(["127.0.0.1"], VirtualClock().unix_ns()))


class World:
    """A platform that echoes what begins with `?`, and a port full of devices; time passes only in `settle`."""

    def __init__(self, profile=PERFECT, idle_s=600.0, welcome=True, seed=7):
        self.clock, self.timers, self.links = VirtualClock(), Calendar(), Links(seed)
        self.links.set(DEVICE, profile)
        self.network = MemoryNetwork(self.timers, self.clock)
        self.nat = Nat(self.clock, lambda _ip: False)
        wire = LinkedWire(NatWire(self.network, self.nat), self.links, self.timers, self.clock)
        self.came, self.ended, self.told, self.heard, self.lost, self.quiet = [], [], [], [], [], []
        self.patient = False
        context = ServerContext(
            platform(),
            authority().root_pem + authority().intermediate_pem,
            settings=Settings(idle_s=idle_s),
            unix_ns=self.clock.unix_ns,
            accept=lambda _certificate: "",
        )
        self.front = self._open(self.network, "127.0.0.1", lambda *datagram: self.server.receive(*datagram))
        self.server = Server(
            context, self.timers, self.front.send, connected=lambda *_: welcome, data=self._message,
            closed=lambda _association, why, _now: self.ended.append(why), seed=1,
        )  # fmt: skip
        port = self._open(wire, "0.0.0.0", lambda *datagram: self.port.receive(*datagram))
        self.port = DtlsPort(port, self.timers, self.clock)
        self.port.attach(
            lambda data, _peer, ip, _now: self.heard.append((data, ip)),
            lambda ip, why, _now: self.lost.append((ip, why)),
            self._idle,
        )
        self.context = ClientContext(authority().root_pem, unix_ns=self.clock.unix_ns)

    @staticmethod
    def _open(wire, host, receiver):
        return asyncio.run(wire.open(host, 0, receiver))

    def _message(self, association, data, now):
        self.came.append((data, association.certificate.serial))
        if data.startswith(b"?"):
            self.server.send(association, data, now)

    def _idle(self, ip, now):
        self.quiet.append(now)
        if self.patient:
            return False
        self.port.hang_up(ip, now)
        return True

    def hello(self, who=None, **how):
        return Hello(context=self.context, identity=who or identity(), **how)

    def connect(self, ip=DEVICE, hello=None, until_s=None):
        """Begin a handshake, and let it end. Returns: what it came to; None: nothing yet."""
        self.told.clear()
        self.port.connect(ip, self.front.address, hello or self.hello(), self._told, ip, self.clock.now())
        self.settle(until_s)
        return self.told[-1] if self.told else None

    def _told(self, _argument, result, _now):
        self.told.append(result)

    def send(self, data, ip=DEVICE):
        self.port.send(data, self.front.address, ip)
        self.settle()

    def settle(self, until_s=None):
        """Let happen what happens within 40 s, or until then."""
        self.timers.limit = self.clock.time_s + 40.0 if until_s is None else until_s
        while self.timers.play(self.clock, ()):
            pass
        self.clock.time_s = self.timers.limit


def connected(**world):
    it = World(**world)
    assert it.connect() == Connected(False, it.told[0].transmissions)
    return it


def test_messages_travel_in_the_session_of_their_device():
    it = World()
    assert isinstance(it.connect(DEVICE), Connected)
    assert isinstance(it.connect(OTHER, it.hello(identity("n", 2))), Connected)
    it.send(b"?1", DEVICE)
    it.send(b"?2", OTHER)
    assert it.came == [(b"?1", 1), (b"?2", 2)]
    assert it.heard == [(b"?1", DEVICE), (b"?2", OTHER)]
    assert (it.port.sessions.handshakes, it.port.count, it.lost) == (2, 2, [])


def test_without_a_session_nothing_leaves_and_nothing_is_heard():
    it = World()
    it.send(b"1")
    it.port.receive(b"\x17\xfe\xfd", it.front.address, DEVICE, 0.0)
    assert (it.port.counts.sent, it.port.sessions.unsent, it.port.sessions.strays) == (0, 1, 1)


def test_who_is_not_its_platform_is_a_stranger():
    it = connected()
    it.port.receive(b"\x15\xfe\xfd" + bytes(12), it.front.address + (1 << 32), DEVICE, 0.0)
    assert it.port.sessions.strays == 1


@pytest.mark.parametrize(
    ("size", "why"), [(1, ""), (1000, ""), (2000, "does not fit into a DTLS record of at most 12"), (0, "no empty")]
)
def test_what_fits_into_a_record(size, why):
    it = connected()
    it.send(bytes(size))
    assert why in it.port.why_not(DEVICE, size)
    assert bool(it.port.why_not(DEVICE, size)) is bool(why)
    assert (len(it.came), it.port.sessions.misfits) == ((0, 1) if why else (1, 0))


@pytest.mark.parametrize(
    ("result", "act"),
    [
        pytest.param(Rejected("certificate expired"), lambda it: it.connect(hello=it.hello(identity("m", 4, -1 / 2))),
                     id="over"),
        pytest.param(Rejected("handshake failure"), lambda it: it.connect(
            hello=Hello(context=it.context, identity=None)), id="no certificate"),
        pytest.param(Broken("the device refuses the platform's certificate: certificate is not yet valid"),
                     lambda it: it.connect(hello=it.hello(unix_ns=lambda: 0)), id="a clock in 1970"),
    ],
)  # fmt: skip
def test_a_handshake_that_comes_to_nothing(result, act):
    it = World()
    came = act(it)
    assert (type(came), came.reason) == (type(result), result.reason)
    assert (it.port.count, it.port.sessions.failures, it.lost) == (0, 1, [])


def test_nobody_answers():
    it = World(DARK)
    assert isinstance(it.connect(), NoAnswer)
    assert it.told[0].transmissions == 5  # at 0, 1, 3, 7 and 15 s
    assert (it.port.sessions.retransmissions, it.port.count, it.port.timers) == (4, 0, 0)


def test_its_first_flight_is_repeated_as_late_as_it_likes():
    it = World(DARK)
    it.connect(hello=it.hello(first_timeout_s=9.0))
    assert it.told[0].transmissions == 3  # at 0, 9 and 27 s


def test_handshakes_survive_loss():
    it = World(ROUGH)
    outcomes = [it.connect(hello=it.hello(resume=False)) for _ in range(12)]
    assert sum(isinstance(each, Connected) for each in outcomes) >= 11
    assert it.port.sessions.retransmissions > 0


def test_a_session_is_resumed_and_its_device_is_the_same():
    it = connected()
    assert it.connect().resumed
    it.send(b"1")
    assert (it.came, it.port.sessions.resumed) == ([(b"1", 1)], 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda it: it.hello(resume=False), id="not wanted"),
        pytest.param(lambda it: it.hello(identity("m", 9)), id="another certificate"),
        pytest.param(lambda it: it.hello(unix_ns=lambda: it.clock.unix_ns() + 2 * DAY_S * 10**9), id="a day later"),
        pytest.param(lambda it: it.hello(unix_ns=lambda: it.clock.unix_ns() - 3600 * 10**9), id="an hour before"),
    ],
)
def test_a_session_that_is_not_resumed(change):
    it = connected()
    assert not it.connect(hello=change(it)).resumed


def test_a_session_is_resumed_after_all_that_may_happen_to_the_former_one():
    it = connected()
    it.port.hang_up(DEVICE, it.clock.now())
    assert it.connect().resumed
    it.port.drop(DEVICE, it.clock.now())
    assert it.connect().resumed
    it.links.set(DEVICE, DARK)
    assert isinstance(it.connect(), NoAnswer)
    it.links.set(DEVICE, PERFECT)
    assert it.connect().resumed


def test_who_hangs_up_says_so_and_who_drops_its_session_does_not():
    it = connected()
    it.port.hang_up(DEVICE, it.clock.now())
    it.settle()
    assert (it.ended, it.port.is_connected(DEVICE)) == (["close-notify"], False)
    it.connect()
    it.port.drop(DEVICE, it.clock.now())
    it.settle()
    assert (it.ended, it.port.is_connected(DEVICE), it.lost) == (["close-notify"], False, [])


def test_all_hang_up_at_the_end():
    it = connected()
    it.connect(OTHER)
    it.port.hang_up_all(it.clock.now())
    it.settle()
    assert (it.ended, it.port.count) == (["close-notify"] * 2, 0)


def test_the_platform_ends_a_session():
    it = connected(idle_s=20.0)
    assert it.lost == [(DEVICE, CLOSED_BY_PLATFORM)]
    assert (it.port.sessions.lost, it.port.is_connected(DEVICE)) == (1, False)


def test_the_platform_lets_nobody_in():
    it = World(welcome=False)
    it.connect()
    assert not it.port.is_connected(DEVICE)
    assert it.lost or isinstance(it.told[0], Rejected)


def test_a_rebound_device_speaks_to_nobody_until_it_connects_anew():
    it = connected()
    it.nat.rebind(DEVICE)
    it.send(b"1")
    assert (it.came, it.lost) == ([], [])
    assert it.connect().resumed
    it.send(b"2")
    assert it.came == [(b"2", 1)]


# --- sessions that are there already ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("idle_s", "fresh"), [(30.0, False), (50.0, True), (float("inf"), True)])
def test_a_session_that_was_in_use_lately_will_do(idle_s, fresh):
    it = connected()  # 40 s ago
    it.told.clear()
    assert it.port.is_fresh(DEVICE, idle_s, it._told, None, it.clock.now()) is fresh
    assert it.told == ([Done()] if fresh else [])


def test_without_a_session_there_is_none_that_will_do():
    assert not World().port.is_fresh(DEVICE, 1.0, None, None, 0.0)


def test_who_comes_while_a_handshake_goes_on_waits_for_it():
    it = World(ROUGH)
    it.port.connect(DEVICE, it.front.address, it.hello(), it._told, 1, 0.0)
    assert it.port.is_fresh(DEVICE, 0.0, it._told, 2, 0.0)
    it.settle()
    assert len(it.told) == 2
    assert it.told[0] == it.told[1]
    assert it.server.counts.handshakes == 1


def test_a_device_that_forgets_keeps_its_session_but_no_handshake():
    it = connected()
    it.port.stop_handshake(DEVICE, it.clock.now())
    assert it.port.is_connected(DEVICE)
    it.links.set(DEVICE, DARK)
    it.connect(until_s=it.clock.time_s + 1)
    it.port.stop_handshake(DEVICE, it.clock.now())
    it.settle()
    assert (it.port.count, it.told) == (0, [Broken("the device has given the session up")])


@pytest.mark.parametrize("end", ["connect", "hang_up", "drop", "stop_handshake"])
def test_whatever_takes_the_place_of_a_handshake_who_waits_for_it_is_told_once(end):
    it = World(DARK)
    it.port.connect(DEVICE, it.front.address, it.hello(), it._told, 1, 0.0)
    it.port.is_fresh(DEVICE, 0.0, it._told, 2, 0.0)
    if end == "connect":
        it.port.connect(DEVICE, it.front.address, it.hello(), lambda *_: None, 3, 1.0)
    else:
        getattr(it.port, end)(DEVICE, 1.0)
    assert [type(each) for each in it.told] == [Broken, Broken]
    it.settle()
    assert len(it.told) == 2


def test_who_gives_the_session_up_as_soon_as_it_is_there_leaves_none_to_others():
    it = World(ROUGH)
    it.port.connect(DEVICE, it.front.address, it.hello(), lambda *_: it.port.drop(DEVICE, it.clock.now()), 1, 0.0)
    it.port.is_fresh(DEVICE, 0.0, it._told, 2, 0.0)
    it.settle()
    assert it.told == [Broken("the device has given the session up")]


# --- time -------------------------------------------------------------------------------------------------------------


def test_silent_sessions_are_closed_if_their_device_wants_it():
    it = World()
    it.connect(hello=it.hello(close_after_s=60.0), until_s=0.0)
    for _ in range(3):
        it.send(b"1")  # every 40 s
    assert it.quiet == []
    it.settle()
    assert it.quiet == [pytest.approx(140.0)]
    assert (it.ended, it.port.timers) == (["close-notify"], 0)


def test_a_session_that_may_not_be_closed_yet_is_asked_for_again():
    it = World()
    it.patient = True
    it.connect(hello=it.hello(close_after_s=15.0), until_s=50.0)
    assert it.quiet == [pytest.approx(15.0), pytest.approx(30.0), pytest.approx(45.0)]
    assert it.port.is_connected(DEVICE)


def test_a_session_has_one_entry_in_the_calendar_however_much_is_said_in_it():
    it = World()
    it.connect(hello=it.hello(close_after_s=1000.0))
    for _ in range(5):
        it.send(b"1")
        assert it.port.timers == 1
    it.port.drop(DEVICE, it.clock.now())
    it.settle(it.clock.now() + 2000)
    assert (it.port.timers, it.quiet) == (0, [])


@pytest.mark.parametrize("seed", range(5))
def test_also_when_flights_got_lost(seed):
    it = World(ROUGH, seed=seed)
    it.connect(hello=it.hello(close_after_s=1000.0))
    assert it.port.timers == it.port.is_connected(DEVICE)


def test_a_session_moves_with_its_device():
    it = connected()
    it.port.move(DEVICE, OTHER)
    it.nat.move(DEVICE, OTHER)
    it.send(b"?1", OTHER)
    assert (it.came, it.heard) == ([(b"?1", 1)], [(b"?1", OTHER)])
    assert it.connect(OTHER).resumed


def test_it_is_a_port():
    it = connected()
    assert it.port.address == it.port._port.address
    assert it.port.local_address(DEVICE) == it.port._port.local_address(DEVICE)
    it.port.flush()
    it.port.close()
    assert it.port.count == 0
