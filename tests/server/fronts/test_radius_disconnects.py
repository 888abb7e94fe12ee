"""Disconnect-Requests on their way: repeated, answered, given up (RFC 5176, RFC 5080 §2.2.1)."""

from __future__ import annotations

import pytest

from simulator.clock import VirtualClock
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, Bearer, number
from simulator.protocol.radius.packet import check_request, decode, encode_reply
from simulator.server.fronts.radius_disconnects import Disconnects
from simulator.server.span.core import SpanCore
from simulator.wire.address import address, ipv4
from simulator.wire.calendar import Calendar

SECRET = b"xyzzy5461"
PEER = address("127.0.0.1", 3799)
ACK, NAK = n.Code.DISCONNECT_ACK, n.Code.DISCONNECT_NAK


class Scene:
    """Sessions of one gateway, and what it is sent."""

    def __init__(self, *, timers=True, seed=1):
        self.core = SpanCore()
        self.clock, self.calendar = VirtualClock(), Calendar()
        self.collection = self.core.create_collection()
        self.sent = []
        self.it = Disconnects(self.core.radius, self.send, self.calendar if timers else None, seed)

    def send(self, data, peer):
        self.sent.append((self.clock.time_s, data, peer))

    def session(self, imsi):
        text = str(imsi)
        self.core.registry.create_device(self.collection, imsi=text)
        bearer = Bearer(imsi=text, nas_id="pgw", address=ipv4("10.64.0.0") + imsi)
        self.core.radius.access(bearer, PEER, 1)
        self.core.radius.account(Accounting(status=1, session_id=f"S{imsi}", bearer=bearer), PEER, 1)
        return self.core.network.of_sim(text)

    def ask(self, imsi=1):
        session = self.session(imsi)
        self.it.ask(session, PEER, SECRET, self.clock.time_s)
        return session

    def run(self, until_s):
        self.calendar.limit = until_s
        while self.calendar.play(self.clock, ()):
            pass
        self.clock.time_s = until_s

    def answer(self, code, *attributes, which=-1, secret=SECRET, peer=PEER):
        data = encode_reply(code, decode(self.sent[which][1]), list(attributes), secret)
        return self.it.receive(decode(data), peer, self.clock.time_s)

    @property
    def counts(self):
        return self.core.network.counts.disconnects

    @property
    def sessions(self):
        return len(self.core.network.sessions)


def test_a_request_names_the_session_and_is_signed():
    scene = Scene()
    scene.ask()
    ((_, data, peer),) = scene.sent
    packet = decode(data)
    assert peer == PEER
    assert (packet.code, check_request(packet, SECRET, True)) == (n.Code.DISCONNECT_REQUEST, None)
    assert data[20] == n.MESSAGE_AUTHENTICATOR
    assert [packet.text(key) for key in (n.IMSI, n.ACCT_SESSION_ID, n.NAS_IDENTIFIER)] == ["1", "S1", "pgw"]
    assert packet.ipv4(n.FRAMED_IP_ADDRESS) == ipv4("10.64.0.1")


def test_nobody_answers():
    scene = Scene()
    scene.ask()
    scene.run(100)
    times = [when for when, _, _ in scene.sent]
    assert times == pytest.approx([0, 2, 6, 14], rel=0.2)  # mobile-network §1.8
    assert len({data for _, data, _ in scene.sent}) == 1
    assert scene.counts == {"sent": 1, "unanswered": 1}
    assert (scene.sessions, scene.it.pending, scene.it.timers, len(scene.calendar)) == (1, 0, 0, 0)


def test_the_jitter_comes_from_the_seed():
    def times(seed):
        scene = Scene(seed=seed)
        scene.ask()
        scene.run(100)
        return [when for when, _, _ in scene.sent]

    assert times(1) == times(1) != times(2)


def test_an_acknowledgement_ends_the_session():
    scene = Scene()
    scene.ask()
    scene.run(1)
    assert scene.answer(ACK) is None
    scene.run(100)
    assert (len(scene.sent), scene.sessions, scene.counts) == (1, 0, {"sent": 1, "acknowledged": 1})


def test_a_refusal_leaves_it_alone():
    scene = Scene()
    scene.ask()
    assert scene.answer(NAK, (n.ERROR_CAUSE, number(506))) is None
    assert (scene.sessions, scene.counts) == (1, {"sent": 1, "refused": 1})


def test_a_gateway_that_knows_of_no_such_session_will_never_end_it():
    scene = Scene()
    scene.ask()
    scene.answer(NAK, (n.ERROR_CAUSE, number(503)))
    assert (scene.sessions, scene.counts) == (0, {"sent": 1, "refused": 1})


def test_its_stop_is_as_good_as_an_acknowledgement():
    scene = Scene()
    scene.ask()
    stop = Accounting(status=2, session_id="S1", bearer=Bearer(imsi="1", nas_id="pgw"), cause=6)
    scene.core.radius.account(stop, PEER, 1)
    scene.run(100)
    assert (len(scene.sent), scene.counts) == (1, {"sent": 1, "acknowledged": 1})
    assert scene.core.network.counts.stops == {"Admin-Reset": 1}


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"secret": b"wrong"}, "wrong authenticator"),
        ({"peer": PEER + 1}, "nobody asked"),
    ],
)
def test_answers_that_are_not_believed(how, problem):
    scene = Scene()
    scene.ask()
    assert scene.answer(ACK, **how) == problem
    assert scene.sessions == 1
    assert scene.answer(ACK) is None
    assert scene.answer(ACK) == "nobody asked"


def test_one_request_for_a_session_is_enough():
    scene = Scene()
    session = scene.ask()
    scene.it.ask(session, PEER, SECRET, 0.0)
    assert len(scene.sent) == 1


def test_more_than_256_wait_for_an_id():
    scene = Scene()
    for imsi in range(1, 301):
        scene.ask(imsi)
    assert (len(scene.sent), scene.it.pending) == (256, 300)
    for which in range(300):
        assert scene.answer(ACK, which=which) is None
    assert scene.counts == {"sent": 300, "acknowledged": 300}
    assert (scene.sessions, scene.it.pending) == (0, 0)


def test_without_timers_each_is_sent_once_and_the_oldest_gives_way():
    scene = Scene(timers=False)
    for imsi in range(1, 301):
        scene.ask(imsi)
    assert (len(scene.sent), scene.it.pending) == (300, 256)
    assert scene.counts == {"sent": 300, "unanswered": 44}
    assert scene.answer(ACK) is None


def test_after_the_end_nothing_is_sent():
    scene = Scene()
    scene.ask()
    scene.it.close()
    scene.run(100)
    assert (len(scene.sent), scene.it.timers) == (1, 0)


@pytest.mark.parametrize(("again", "sent"), [(False, 300), (True, 299)], ids=["removed", "one of them is back"])
def test_of_removed_devices_too_those_wait_that_have_no_id(again, sent):
    scene = Scene()
    scene.core.radius.send_disconnect = lambda session: scene.it.ask(session, PEER, SECRET, 0.0) or True
    for imsi in range(1, 301):
        scene.core.radius.remove(scene.session(imsi))
    if again:
        bearer = Bearer(imsi="300", nas_id="pgw", address=ipv4("10.64.0.0") + 300)
        scene.core.radius.access(bearer, PEER, 2)
    for which in range(sent):
        assert scene.answer(ACK, which=which) is None
    assert scene.counts == {"sent": sent, "acknowledged": sent}
    assert (scene.sessions, scene.it.pending) == (again, 0)


def test_whose_stop_has_come_while_it_waited_is_not_asked():
    scene = Scene()
    for imsi in range(1, 258):
        scene.ask(imsi)
    stop = Accounting(status=2, session_id="S257", bearer=Bearer(imsi="257", nas_id="pgw"))
    scene.core.radius.account(stop, PEER, 1)
    scene.answer(ACK, which=0)
    assert (len(scene.sent), scene.it.pending) == (256, 255)
