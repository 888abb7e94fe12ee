"""Handshakes, data and ends on a straight wire."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from simulator.errors import LocalError
from simulator.protocol.dtls import client, contexts, library, server
from simulator.protocol.dtls.client import State
from simulator.protocol.dtls.identity import Identity
from simulator.protocol.dtls.settings import Settings

from .authority import TestAuthority
from .virtual import DELAY_S, NOW_S, Net, authority, identity, server_identity

DAY_S = 86_400


@pytest.fixture(params=["fast", "public"])
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of calling OpenSSL."""
    if request.param == "public":
        for module in (client, server):
            monkeypatch.setattr(module, "CALLS", library.public_calls())
    return str(request.param)


@pytest.mark.parametrize(("cipher", "most"), [("gcm", 1243), ("ccm8", 1251)])
def test_a_session_from_hello_to_goodbye(calls: str, cipher: str, most: int) -> None:
    net = Net(settings=Settings(ciphers=(cipher,)))
    net.echo = True
    session = net.connect()
    assert (session.state, session.resumed, session.transmissions, session.end) == (State.CONNECTED, False, 3, "")
    assert session.deadline is None
    assert session.most_bytes == most
    assert session.peer is not None
    assert session.peer.common_name == "server"
    association = net.server.find(1)
    assert association is not None
    assert association.certificate.serial == identity().serial
    assert association.certificate.organisation == "Tests"
    assert association.certificate.not_after_s == NOW_S + 14 * DAY_S
    assert association.since_s == pytest.approx(5 * DELAY_S)
    net.say(b"a" * most)
    net.say(b"b")
    net.run(2)
    assert session.received() == [b"a" * most, b"b"]
    assert session.received() == []
    assert max(len(data) for _, _, data in net.wire) == 1280
    session.close(net.now)
    assert (session.state, session.end) == (State.CLOSED, "closed")
    net.flush()
    net.run(3)
    assert net.events == [
        ("connected", 1, "device"), ("data", 1, b"a" * most), ("data", 1, b"b"), ("closed", 1, "close-notify"),
    ]  # fmt: skip
    assert net.server.find(1) is None
    assert net.server.counts == server.Counts(handshakes=1, cookies=1)
    assert net.server.send(association, b"x", net.now) is False


@pytest.mark.parametrize("goodbye", ["client", "server", "none", "none and gone"])
def test_resumption_by_session_id(calls: str, goodbye: str) -> None:
    net = Net()
    session = net.connect()
    resumption: Any = session.resumption
    assert "content" not in repr(resumption)
    if goodbye == "client":
        session.close(net.now)
        net.flush()
        net.run(2)
        resumption = session.resumption
    elif goodbye == "server":
        net.server.close(net.server.find(1), net.now)  # type: ignore[arg-type]
        net.run(2)
        assert session.end == "close-notify"
        resumption = session.resumption
    elif goodbye == "none and gone":
        net.clients.clear()
        del session
        gc.collect()
    again = net.connect(resume=resumption)
    assert (again.resumed, again.transmissions) == (True, 3)
    assert again.peer is not None
    assert again.peer.common_name == "server"
    association = net.server.find(1)
    assert association is not None
    assert association.resumed
    assert association.certificate.common_name == "device"
    net.echo = True
    net.say(b"abc")
    net.run(5)
    assert again.received() == [b"cba"]
    assert net.server.counts.resumed == 1
    assert net.server.counts.replaced == (goodbye.startswith("none"))
    third = net.connect(resume=again.resumption, peer=2)
    assert third.resumed


def test_nobody_resumes_where_resumption_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the certificate of a session that is resumed has to be asked about again."""
    monkeypatch.setattr(contexts, "_session_reused", None)
    asked: list[int] = []
    net = Net(accept=lambda peer: asked.append(peer.serial) or "")  # type: ignore[func-returns-value]
    net.connect(resume=net.connect().resumption)
    assert (net.server.counts.handshakes, len(asked)) == (2, 2)


def test_what_cannot_be_resumed_is_negotiated_in_full() -> None:
    net, other = Net(), Net()
    resumption = other.connect().resumption
    assert not net.connect(resume=resumption).resumed
    assert not net.connect(resume=client.Resumption(b"nothing of the kind"), peer=2).resumed


def test_a_session_that_ended_with_an_alert_is_not_resumed() -> None:
    net = Net(connected=lambda session, _now: not session.resumed and session.peer != 5)
    net.client(peer=5)
    net.run(1)
    assert (net.clients[5].end, net.server.find(5)) == ("close-notify", None)
    assert net.kinds() == ["connected"]
    assert net.server.counts.refused == 1
    # `connected` may refuse a resumed session as well: `accept` is not asked then.
    first = net.connect()
    second = net.client(resume=first.resumption)
    net.run(3)
    assert (second.resumed, second.end) == (True, "close-notify")
    third = net.client(resume=first.resumption)
    net.run(5)
    assert (third.resumed, third.state) == (False, State.CONNECTED)


@pytest.mark.parametrize(
    ("why", "end"),
    [
        ("certificate is revoked", "alert: certificate revoked"),
        ("certificate is not valid yet", "alert: bad certificate"),
        ("device is disabled", "alert: certificate unknown"),
    ],
)
def test_a_certificate_that_is_no_longer_accepted_is_not_resumed(why: str, end: str) -> None:
    net = Net()
    resumption = net.connect().resumption
    net.server_context.verification._accept = lambda _peer: why
    session = net.client(resume=resumption, peer=2)
    net.run(net.now + 1)
    assert (session.end, session.resumption) == (end, None)
    assert net.events[1:] == [("failed", 2, why)]
    assert (net.server.counts.refused, net.server.counts.resumed, net.server.pending) == (1, 0, 0)


def test_a_certificate_that_has_expired_is_not_resumed() -> None:
    net = Net(own=server_identity((-1, 100)), settings=Settings(idle_s=0))
    resumption = net.connect().resumption
    net.run(14 * DAY_S + 1)
    session = net.client(resume=resumption)
    net.run(net.now + 1)
    assert session.end == "alert: certificate expired"
    assert net.events[1:] == [("failed", 1, "certificate has expired")]


def test_an_error_of_the_caller_at_a_resumption() -> None:
    def accept(_peer: Any) -> str:
        raise LocalError("broken")

    net = Net()
    resumption = net.connect().resumption
    net.server_context.verification._accept = accept
    session = net.client(resume=resumption, peer=2)
    with pytest.raises(LocalError, match="broken"):
        net.run(net.now + 1)
    net.run(net.now + 1)
    assert (net.server.pending, session.end) == (0, "alert: certificate unknown")


CERTIFICATES = [
    pytest.param({"days": (-5, -1)}, "alert: certificate expired", "certificate has expired", id="expired"),
    pytest.param({"days": (1, 5)}, "alert: bad certificate", "certificate is not yet valid", id="not yet valid"),
    pytest.param(
        {"client": False}, "alert: unsupported certificate", "unsuitable certificate purpose", id="a server's"
    ),
    pytest.param("foreign", "alert: unknown ca", "unknown issuer", id="another CA"),
    pytest.param("self-signed", "alert: unknown ca", "unknown issuer", id="self-signed"),
    pytest.param("none", "alert: handshake failure", "no certificate", id="none"),
]


@pytest.mark.parametrize(("kind", "end", "why"), CERTIFICATES)
def test_refused_certificates(calls: str, kind: Any, end: str, why: str) -> None:
    net = Net()
    if kind == "foreign":
        who = Identity.from_pem(*TestAuthority("Foreign", NOW_S).leaf("device"))
    elif kind == "self-signed":
        who = Identity.from_pem(*authority().self_signed("device"))
    else:
        who = Identity.from_pem(*authority().leaf("device", **({} if kind == "none" else kind)))
    session = net.client(who, bare=kind == "none")
    net.run(1)
    assert (session.state, session.end, session.resumption) == (State.CLOSED, end, None)
    assert net.events == [("failed", 1, why)]
    assert (net.server.counts.refused, net.server.counts.failed, net.server.pending) == (1, 0, 0)
    net.run(40)
    assert len(net.calendar) == 0


@pytest.mark.parametrize(
    ("why", "end"),
    [
        ("certificate is revoked", "alert: certificate revoked"),
        ("certificate has expired", "alert: certificate expired"),
        ("certificate is not valid yet", "alert: bad certificate"),
        ("unknown certificate", "alert: certificate unknown"),
        ("device is disabled", "alert: certificate unknown"),
    ],
)
def test_certificates_that_the_caller_refuses(why: str, end: str) -> None:
    asked = []
    net = Net(accept=lambda peer: asked.append(peer.serial) or why)  # type: ignore[func-returns-value]
    session = net.client()
    net.run(1)
    assert (session.end, asked) == (end, [identity().serial])
    assert net.events == [("failed", 1, why)]


def test_an_error_of_the_caller_comes_out_and_ends_that_handshake_only() -> None:
    def accept(peer: Any) -> str:
        raise LocalError("broken") if peer.common_name == "device" else AssertionError

    net = Net(accept=accept)
    net.client()
    with pytest.raises(LocalError, match="broken"):
        net.run(1)
    assert net.server.pending == 0
    net.server_context.verification._accept = lambda _peer: ""
    net.connect(peer=2)


@pytest.mark.parametrize(
    ("days", "own_clock_s", "end"),
    [
        ((-5, -1), NOW_S, "refused: certificate has expired"),
        ((1, 5), NOW_S, "refused: certificate is not yet valid"),
        ((-1, 14), 0, "refused: certificate is not yet valid"),
        ((-1, 14), NOW_S + 20 * DAY_S, "refused: certificate has expired"),
    ],
)
def test_the_device_refuses_the_server_by_its_own_clock(days: Any, own_clock_s: int, end: str) -> None:
    net = Net(own=server_identity(days))
    session = net.client(unix_ns=lambda: own_clock_s * 10**9)
    net.run(1)
    assert session.end == end
    assert net.kinds() == ["failed"]
    assert str(net.events[0][2]).startswith("alert: ")
    assert net.server.counts.failed == 1


def test_the_device_refuses_a_server_of_another_authority() -> None:
    foreign = Identity.from_pem(*TestAuthority("Foreign", NOW_S).leaf("server", client=False))
    net = Net(own=foreign)
    session = net.client()
    net.run(1)
    assert session.end == "refused: unknown issuer"
    assert net.events == [("failed", 1, "alert: unknown ca")]


def test_certificates_expire_while_the_run_goes_on() -> None:
    net = Net(settings=Settings(idle_s=0))
    net.connect()
    net.run(14 * DAY_S + 1)
    assert net.client().end == ""
    net.run(net.now + 1)
    assert net.clients[1].end == "refused: certificate has expired"


def test_a_client_that_sends_its_leaf_only_is_known_by_the_servers_intermediate() -> None:
    assert Net().connect(identity("short", chain=False)).state is State.CONNECTED


def test_no_suite_in_common() -> None:
    net = Net(settings=Settings(ciphers=("gcm",)), client_settings=Settings(ciphers=("ccm8",)))
    session = net.client()
    net.run(1)
    assert session.end == "alert: handshake failure"
    assert net.server.counts.failed + net.server.counts.garbage == 1


@pytest.mark.parametrize("data", [b"", bytes(1244), bytes(20_000)], ids=len)
def test_data_that_no_record_holds(data: bytes) -> None:
    net = Net()
    session = net.connect()
    with pytest.raises(LocalError, match="1 to 1243 bytes"):
        session.send(data, net.now)
    association = net.server.find(1)
    assert association is not None
    assert not net.server.send(association, data, net.now)
    assert net.server.counts.too_long == (len(data) > 0)
    assert session.out() == []


def test_sending_needs_a_connection() -> None:
    net = Net()
    session = net.client()
    with pytest.raises(LocalError, match="not connected"):
        session.send(b"x", 0.0)
    session.close(0.0)
    with pytest.raises(LocalError, match=r"not connected \(closed\)"):
        session.send(b"x", 0.0)


def test_flights_hold_p256_and_no_certificate_that_nobody_asked_to_send() -> None:
    leaf_only = Identity.from_pem(*authority().leaf("server", client=False, chain=False))
    net = Net(own=leaf_only, settings=Settings(mtu=4000))
    session = net.client()
    net.run(1)
    assert session.end == "refused: unknown issuer"
    (flight,) = (data for _, direction, data in net.wire if direction == "S" and len(data) > 200)
    trusted = (authority().root, authority().intermediate)
    assert not any(each.public_bytes(Encoding.DER) in flight for each in trusted)
    assert b"\x03\x00\x17\x41\x04" in flight  # ServerKeyExchange: a named curve, secp256r1, an uncompressed point


def test_the_mtu_holds_for_handshakes_too() -> None:
    net = Net(settings=Settings(mtu=400))
    session = net.connect()
    assert max(len(data) for _, _, data in net.wire) <= 400
    assert session.most_bytes == 363


def test_several_records_in_one_datagram() -> None:
    net = Net()
    session = net.connect()
    for data in (b"one", b"two", b"three"):
        session.send(data, net.now)
    net.put("C", 1, b"".join(session.out()))
    net.run(2)
    assert [detail for what, _, detail in net.events if what == "data"] == [b"one", b"two", b"three"]


def test_plaintext_alerts_and_foreign_records_do_not_end_a_session() -> None:
    net = Net()
    net.echo = True
    session = net.connect()
    association = net.server.find(1)
    for epoch in (0, 1, 2):
        for kind in (20, 21, 22, 23, 24):
            for body in (b"\x02\x28", b"\x01\x00", b"\x01", bytes(40)):
                header = bytes((kind, 0xFE, 0xFD)) + epoch.to_bytes(2, "big") + bytes(5) + b"\x63"
                forged = header + len(body).to_bytes(2, "big") + body
                session.feed(forged, net.now)
                net.server.receive(forged, 1, 1, net.now)
    assert (session.state, net.server.find(1)) == (State.CONNECTED, association)
    net.say(b"still")
    net.run(2)
    assert session.received() == [b"llits"]


def test_stopping_says_goodbye_to_all() -> None:
    net = Net()
    first, second = net.connect(), net.connect(peer=2)
    net.client(peer=3)
    net.run(net.now + 3 * DELAY_S)
    assert net.server.pending == 1
    net.server.stop(net.now)
    assert (net.server.sessions, net.server.pending) == (0, 0)
    net.run(net.now + 0.5)
    assert (first.end, second.end) == ("close-notify", "close-notify")
    assert net.events[-2:] == [("closed", 1, "stopped"), ("closed", 2, "stopped")]
    net.clients.clear()
    net.run(1000)
    assert len(net.calendar) == net.server.timers == 0


def test_idle_sessions_are_closed() -> None:
    net = Net(settings=Settings(idle_s=60))
    quiet, busy = net.connect(), net.connect(peer=2)
    for second in range(10, 200, 10):
        net.run(second)
        net.say(b"x", peer=2)
        assert net.server.timers <= 3
        assert quiet.state is (State.CONNECTED if second <= 60 else State.CLOSED)
    assert (quiet.end, busy.end) == ("close-notify", "")
    net.run(400)
    ends = [event for event in net.events if event[0] == "closed"]
    assert ends == [("closed", 1, "idle"), ("closed", 2, "idle")]
    assert net.server.counts.idle == 2
    assert len(net.calendar) == 0


def test_callbacks_may_close_and_send() -> None:
    net = Net()

    def connected(session: Any, now: float) -> bool:
        assert net.server.send(session, b"welcome", now)
        if session.peer == 2:
            net.server.close(session, now)
        return True

    net._accepts = connected
    first, second = net.client(), net.client(peer=2)
    net.run(1)
    assert first.received() == second.received() == [b"welcome"]
    assert (first.end, second.end) == ("", "close-notify")
    assert net.events[-1] == ("closed", 2, "closed")
