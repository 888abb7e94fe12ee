"""What the terminal of `simulator serve` says of Internet devices: who refuses whom and why, and what nobody takes."""

from __future__ import annotations

import pytest

from simulator.protocol.dtls.client import ClientContext, ClientSession
from simulator.protocol.dtls.identity import PeerCertificate
from simulator.protocol.dtls.settings import Settings
from simulator.server.fronts.associations import FAREWELLS_MOST, Turned
from simulator.server.fronts.blobs import BlobRequest
from simulator.server.remark_lines import LINES_MOST
from simulator.server.remarks import Remarks
from simulator.server.remarks_internet import turned
from simulator.server.span.authority import Authority
from simulator.wire.address import address, port_of

PEER = address("127.0.0.5", 4200)
HERE = "(from 127.0.0.5:4200)"
OURS = "the device refuses this platform's certificate"
RECORD = bytes.fromhex("17fefd0001000000000005000a") + bytes(10)


@pytest.mark.parametrize(
    ("why", "refused", "line"),
    [
        (
            "alert: unknown ca",
            False,
            f"{OURS}: unknown ca {HERE}; it does not trust this platform: GET /simulator/root",
        ),
        ("alert: bad certificate", False, f"{OURS}: bad certificate {HERE}; its clock may be wrong, or"),
        ("alert: certificate expired", False, f"{OURS}: certificate expired {HERE}; its clock may be wrong"),
        ("alert: certificate unknown", False, f"{OURS}: certificate unknown {HERE}; it may not trust"),
        ("alert: unsupported certificate", False, f"{OURS}: unsupported certificate {HERE}; it has to take P-256"),
        ("alert: handshake failure", False, f"the device breaks the handshake off: handshake failure {HERE}"),
        ("timeout", False, f"handshake failed: timeout {HERE}"),
        ("unknown issuer", True, f"handshake refused: unknown issuer {HERE}; not signed by this platform's"),
        ("unknown certificate", True, f"handshake refused: unknown certificate {HERE}; issued by another run"),
        ("certificate has expired", True, f"handshake refused: certificate has expired {HERE}; POST /span/coll"),
        ("no certificate", True, f"handshake refused: no certificate {HERE}; a device has to show one: POST /"),
    ],
)
def test_a_handshake_that_came_to_nothing(why, refused, line):
    (told,) = turned("DTLS", [Turned(why, PEER, None, refused)])
    assert told.startswith(f"DTLS: {line}")


def test_many_of_them_are_counted_and_the_number_stands_before_the_hint():
    taken = [Turned("no certificate", address("127.0.0.5", 4200 + number), refused=True) for number in (0, 1, 2)]
    taken += [Turned(f"reason {number}", PEER) for number in range(LINES_MOST)]
    lines = turned("CoAPS", taken, 10)
    assert lines[0].startswith("CoAPS: handshake refused: no certificate (from 127.0.0.5, last port ")
    assert "), 3 times; a device has to show one" in lines[0]
    assert lines[LINES_MOST:] == ["CoAPS: 11 handshakes more came to nothing"]


def test_a_name_that_cannot_be_read_or_obeyed_is_shown_by_its_serial(monkeypatch):
    certificate = PeerCertificate(7, 0.0, b"", verified=False)
    monkeypatch.setattr(PeerCertificate, "common_name", property(lambda _self: bytes(1).decode("ascii") + "\x1b[2J"))
    monkeypatch.setattr(PeerCertificate, "organisation", "")
    (line,) = turned("DTLS", [Turned("unknown issuer", PEER, certificate, True)])
    assert line.isprintable()

    def broken(_self):
        raise ValueError

    monkeypatch.setattr(PeerCertificate, "common_name", property(broken))
    (line,) = turned("DTLS", [Turned("unknown issuer", PEER, certificate, True)])
    assert "(from 127.0.0.5:4200; serial 7)" in line


@pytest.mark.parametrize("transport", ["dtls", "coaps"])
def test_a_device_that_does_not_trust_the_platform(play, transport):
    async def story(scene):
        device = scene.device(transport=transport)
        foreign = Authority.create(scene.clock.unix_ns()).root_pem
        scene._trust = ClientContext(foreign, Settings(), scene.clock.unix_ns)
        assert await device.connect() == "refused: unknown issuer"
        (line,) = Remarks(scene.server).lines(0.0)
        what = {"dtls": "DTLS", "coaps": "CoAPS"}[transport]
        assert line.startswith(f"{what}: {OURS}: unknown ca {HERE}; ")
        assert scene.statistics() == {"handshakes.failed": 1}

    play(story)


# --- after the end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["removed", "idle"])
def test_the_answer_to_our_goodbye_is_no_stranger(play, how):
    async def story(scene):
        name = scene.create()
        device = scene.device(name)
        await device.connect()
        remarks = Remarks(scene.server)
        if how == "idle":
            await scene.wait(601)
        else:
            scene.call("DELETE", f"{scene.path}/devices/{name}")
            await scene.wait(0.1)
        assert device.session.end == "close-notify"
        device.raw(RECORD)
        await scene.wait(0.1)
        assert [line for line in remarks.lines(scene.clock.now()) if "no session" in line] == []
        await scene.wait(11)
        device.raw(RECORD)
        await scene.wait(0.1)
        (line,) = remarks.lines(scene.clock.now())
        assert line.startswith("DTLS: 1 datagram that belongs to no session")

    play(story)


def test_only_so_many_goodbyes_are_remembered(play):
    async def story(scene):
        sessions = scene.server.dtls.sessions
        for number in range(2 * FAREWELLS_MOST):
            sessions._has_closed(number, 0.0)
        assert len(sessions._farewells) == FAREWELLS_MOST

    play(story)


# --- the wrong port, and too long -------------------------------------------------------------------------------------


def test_what_comes_to_the_wrong_port_is_told_where_it_belongs(play):
    async def story(scene):
        server, remarks = scene.server, Remarks(scene.server)
        ports = {name: port_of(getattr(server, f"{name}_address")) for name in ("udp", "coap", "dtls", "coaps")}
        hello = ClientSession(scene.trust(), None)
        hello.start(0.0)
        (hello,) = hello.out()
        for front, data, line in (
            (
                server.coap,
                hello,
                f"CoAP: what 127.0.0.5:4200 sends is DTLS; CoAP over DTLS is on port {ports['coaps']}",
            ),
            (
                server.coap,
                b"22.5",
                f"CoAP: what 127.0.0.5:4200 sends is no CoAP; raw payloads go to port {ports['udp']}",
            ),
            (
                server.coaps,
                bytes.fromhex("400100010a"),
                f"CoAPS: what 127.0.0.5:4200 sends is no DTLS; CoAP without DTLS goes to port {ports['coap']}",
            ),
            (
                server.dtls,
                b"22.5",
                f"DTLS: what 127.0.0.5:4200 sends is no DTLS; plain messages go to port {ports['udp']}",
            ),
        ):
            front.receive(data, PEER, 0, scene.clock.now())
            assert remarks.lines(scene.clock.now()) == [line]
            front.receive(data, PEER, 0, scene.clock.now())
            front.receive(data, PEER, 0, scene.clock.now())
            assert remarks.lines(scene.clock.now() + 59) == []
            told = line.replace(";", ", 2 times;")
            assert remarks.lines(scene.clock.now() + 60) == [told]

    play(story)


@pytest.mark.parametrize("data", [b"22.5", b"temperature=22.5", b"hello", b"@home", b"Pxyz", b"{}"])
def test_what_is_no_coap_in_a_session(play, data):
    async def story(scene):
        device = scene.device(transport="coaps")
        await device.connect()
        remarks = Remarks(scene.server)
        await device.send(data)
        port = port_of(scene.server.dtls_address)
        (line,) = remarks.lines(scene.clock.now())
        assert line == f"CoAPS: what 127.0.0.5:4200 sends is no CoAP; raw payloads go to port {port}"

    play(story)


def test_what_is_coap_is_not_remarked_upon(play):
    async def story(scene):
        device = scene.device(transport="coaps")
        await device.connect()
        await device.ask(payload=b"22.5")
        for each in ("40000005", "70000005", "60000005"):  # ping, reset, empty acknowledgement
            await device.send(bytes.fromhex(each))
        assert Remarks(scene.server).lines(scene.clock.now()) == []

    play(story)


def test_a_message_that_is_cut_is_told(play):
    async def story(scene):
        scene.mtu = 9000
        device = scene.device()
        await device.connect()
        remarks = Remarks(scene.server)
        await device.send(bytes(2048))
        assert remarks.lines(0.0) == []
        await device.send(bytes(2500))
        assert remarks.lines(0.0) == [f"DTLS: a message of 2500 bytes was cut to 2048 {HERE}"]
        await device.send(bytes(2500))
        await device.send(bytes(3000))
        assert remarks.lines(59.0) == []
        assert remarks.lines(60.0) == [f"DTLS: 2 messages were cut to 2048 bytes, the last of 3000 bytes {HERE}"]

    play(story)


def test_so_is_one_over_plain_udp_of_a_device(play):
    async def story(scene):
        remarks = Remarks(scene.server)
        scene.server.udp.receive(bytes(2500), PEER, 0, 0.0)
        assert [line for line in remarks.lines(0.0) if "cut" in line] == []  # a stranger's is not stored at all
        scene.call("POST", f"{scene.path}/devices", {"config": {"ciot": {"imsi": "242016000000001"}}})
        scene.call("POST", "/simulator/login", {"imsi": "242016000000001", "address": "127.0.0.5:4200"})
        scene.server.udp.receive(bytes(2500), PEER, 0, 0.0)
        assert remarks.lines(0.0) == [f"UDP: a message of 2500 bytes was cut to 2048 {HERE}"]

    play(story)


# --- blobs ------------------------------------------------------------------------------------------------------------


def test_blobs_that_are_refused_are_told(play):
    async def story(scene):
        name = scene.create()
        identity = scene.certificate(name)
        remarks, door, now_ns = Remarks(scene.server), scene.server.blobs, scene.clock.unix_ns()
        shown = {"secure": True, "serial": identity.serial, "name": identity.common_name}
        late_ns = now_ns + 15 * 86_400 * 10**9
        for options, at_ns, line in (
            (
                {},
                now_ns,
                "HTTP: blob refused: no device is in session at this address (from 127.0.0.5); POST /simulator/login",
            ),
            ({"method": "GET"}, now_ns, "HTTP: blob refused: method not allowed here; allowed: POST (from 127.0.0.5)"),
            ({"secure": True}, now_ns, "HTTPS: blob refused: a client certificate is needed (from 127.0.0.5); POST"),
            (
                shown,
                late_ns,
                f"HTTPS: blob refused: certificate has expired (from 127.0.0.5; device {name}, serial "
                f"{identity.serial}); POST",
            ),
            (
                {"headers": {"content-length": "9" * 12}, **shown},
                now_ns,
                f"HTTPS: blob refused: blob is too long: 16777216 bytes is the limit (from 127.0.0.5; device {name}",
            ),
        ):
            request = BlobRequest(**{"method": "POST", "path": "/x", "remote": PEER, **options})
            assert door.refuse(request, at_ns) is not None
            (told,) = remarks.lines(scene.clock.now())
            assert told.startswith(line)
        for _ in range(3):
            door.handle(BlobRequest(method="POST", path="/", remote=PEER), now_ns)
        (told,) = remarks.lines(scene.clock.now())
        assert "(from 127.0.0.5), 3 times; POST /simulator/login" in told

    play(story)


def test_a_tls_handshake_that_fails_is_told(play):
    async def story(scene):
        remarks = Remarks(scene.server)
        for why in ("alert: unknown ca", "unknown issuer", "this is no TLS"):
            scene.server.blobs.broken.add(why)
        lines = remarks.lines(scene.clock.now())
        assert lines[0].startswith(f"HTTPS: {OURS}: unknown ca; it does not trust")
        assert lines[1].startswith("HTTPS: handshake refused: unknown issuer; not signed by")
        assert lines[2:] == ["HTTPS: handshake failed: this is no TLS"]

    play(story)
