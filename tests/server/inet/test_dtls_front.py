"""The raw DTLS endpoint: one record is one message (span §4.2), and who is let in (span §8.3)."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName, load_pem_x509_certificate

from simulator.protocol.dtls.client import ClientSession, State
from simulator.protocol.dtls.identity import Identity
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.remarks import Remarks
from simulator.server.span.authority import Authority, new_key
from simulator.server.span.certificates import Validity
from simulator.server.span.http import HttpRequest
from simulator.wire.address import address, text
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork

DAY_S = 86_400


def test_what_waits_goes_back_with_a_message_oldest_first(play):
    async def story(scene):
        name = scene.create()
        device = scene.device(name)
        ids = [scene.queue(name, payload) for payload in (b"one", b"two")]
        await device.connect()
        scene.events()
        assert [await device.send(b"up") for _ in range(3)] == [[b"one"], [b"two"], []]
        up = f"upstreamMessage {name} bytes=2 transport=dtls"
        down = [f"downstreamMessage {name} bytes=3 messageId={each} transport=dtls" for each in ids]
        assert scene.events() == [up, down[0], up, down[1], up]
        sent = scene.call("GET", f"{scene.path}/devices/{name}/outbox")["messages"]
        assert {(each["state"], each["transport"], each["gatewayId"]) for each in sent} == {("sent", "dtls", "2")}

    play(story)


def test_what_fits_no_record_has_failed_and_is_in_nobodys_way(play):
    async def story(scene):
        name = scene.create()
        device = scene.device(name)
        scene.queue(name, bytes(1201))
        scene.queue(name, bytes(1200))
        await device.connect()
        assert await device.send(b"up") == [bytes(1200)]
        found = scene.call("GET", f"{scene.path}/devices/{name}/outbox")["messages"]
        assert {len(each["payload"]): each["state"] for each in found} == {1604: "failed", 1600: "sent"}
        assert [each.split()[0] for each in scene.events()].count("downstreamMessage") == 1

    play(story)


def test_a_long_message_is_cut_and_one_of_nothing_is_none(play):
    async def story(scene):
        scene.mtu = 9000
        name = scene.create()
        device = scene.device(name)
        scene.queue(name, b"waits")
        await device.connect()
        assert await device.send(bytes(2049)) == [b"waits"]
        assert scene.stored(name) == [(bytes(2048), "dtls")]
        assert scene.server.dtls.sessions.counts.cut == 1

    play(story)


# --- who is let in ----------------------------------------------------------------------------------------------------


def of(scene, authority, kind="device", name="", serial=5, days=(-1, 1)):
    now_s = scene.clock.unix_ns() // 10**9
    public, key = new_key()
    validity = Validity(now_s + days[0] * DAY_S, now_s + days[1] * DAY_S)
    return Identity.from_pem(authority.client(kind, name, serial, validity, public) + authority.chain_pem, key)


def own(scene, name, days):
    core, now_s = scene.server.core, scene.clock.unix_ns() // 10**9
    device = next(each for each in core.registry.devices.values() if each.id == name)
    validity = Validity(now_s + days[0] * DAY_S, now_s + days[1] * DAY_S)
    issued = core.certificates.create(device, scene.clock.unix_ns(), validity)
    return Identity.from_pem(issued.certificate + issued.chain, issued.key)


def none(scene, name):
    return None


def foreign(scene, name):
    return of(scene, Authority.create(scene.clock.unix_ns()), name=name)


def unheard(scene, name):
    return of(scene, scene.server.core.certificates.authority_at(scene.clock.unix_ns()), name=name)


def expired(scene, name):
    return own(scene, name, (-3, -1))


def early(scene, name):
    return own(scene, name, (1, 3))


def of_a_gateway(scene, name):
    gateway = scene.call("POST", f"{scene.path}/gateways", {"name": "g"})["gatewayId"]
    return scene.certificate(gateway, "gateway")


def revoked(scene, name):
    other = scene.create()
    identity = scene.certificate(other)
    scene.call("DELETE", f"{scene.path}/devices/{other}")
    return identity


@pytest.mark.parametrize(
    ("made", "alert", "told"),
    [
        (none, "handshake failure", "no certificate"),
        (foreign, "unknown ca", "unknown issuer"),
        (unheard, "certificate unknown", "unknown certificate"),
        (expired, "certificate expired", "certificate has expired"),
        (early, "bad certificate", "certificate is not yet valid"),
        (of_a_gateway, "certificate unknown", "certificate of a gateway"),
        (revoked, "certificate revoked", "certificate is revoked"),
    ],
)
@pytest.mark.parametrize("transport", ["dtls", "coaps"])
def test_who_is_not_let_in(play, transport, made, alert, told):
    async def story(scene):
        name = scene.create()
        device = scene.bare(made(scene, name), transport)
        scene.events()
        assert await device.connect() == f"alert: {alert}"
        assert scene.events() == []
        assert scene.call("GET", f"{scene.path}/devices/{name}")["metadata"] == {}
        assert scene.statistics() == {"handshakes.refused": 1}
        what = {"dtls": "DTLS", "coaps": "CoAPS"}[transport]
        (line,) = Remarks(scene.server).lines(scene.clock.now())
        assert line.startswith(f"{what}: handshake refused: {told} (from 127.0.0.5:4200")
        identity = device.identity
        if made is foreign:
            assert f"; claims to be {name}, serial 5); not signed by this platform" in line
        elif identity is not None:
            kind = "gateway" if made is of_a_gateway else "device"
            assert f"; {kind} {identity.common_name}, serial {identity.serial})" in line

    play(story)


def test_a_certificate_counts_for_its_time_by_the_clock_of_the_run(play):
    async def story(scene):
        device = scene.device()
        await scene.wait(14 * DAY_S - 60)
        assert await device.connect() == ""
        await scene.wait(120)
        # What was begun in time goes on; there is nothing in DTLS that would ask again.
        assert device.session.state is State.CONNECTED
        assert await device.connect() == "alert: certificate expired"
        assert device.session.state is State.CLOSED

    play(story)


def test_the_same_refusal_many_times_is_told_once_with_its_number(play):
    async def story(scene):
        device = scene.bare(None)
        for _ in range(3):
            await device.connect()
        remarks = Remarks(scene.server)
        (line,) = remarks.lines(scene.clock.now())
        assert "no certificate (from 127.0.0.5, last port 4200), 3 times; a device has to show one: POST" in line
        assert remarks.lines(scene.clock.now()) == []

    play(story)


class Deaf:
    """Asked for a cookie it sends it, and takes nothing more."""

    def __init__(self, session):
        self._session, self.out = session, session.out
        self._asked = False

    def feed(self, datagram, now):
        if not self._asked:
            self._session.feed(datagram, now)
        self._asked = True


def test_a_handshake_that_its_device_does_not_finish_is_told_too(play):
    async def story(scene):
        device = scene.device()
        session = ClientSession(scene.trust(), device.identity)
        session.start(scene.clock.now())
        device.session = Deaf(session)
        device.flush()
        await scene.wait(29)
        assert scene.statistics() == {}
        await scene.wait(2)
        assert scene.statistics() == {"handshakes.failed": 1}
        (line,) = Remarks(scene.server).lines(scene.clock.now())
        assert line == "DTLS: handshake failed: timeout (from 127.0.0.5:4200)"

    play(story)


def hellos_of(scene, device):
    session = ClientSession(scene.trust(), device.identity)
    session.start(scene.clock.now())
    return session.out()


# --- strangers --------------------------------------------------------------------------------------------------------


def test_spoofed_hellos_cost_nothing(play):
    async def story(scene):
        device = scene.device()
        await device.connect()
        (hello,) = hellos_of(scene, device)
        front, timers = scene.server.dtls, scene.server.timers
        for number in range(10_000):
            front.receive(hello, address(f"10.0.{number >> 8}.{number & 255}", 5), 0, scene.clock.now())
        assert scene.server.timers == timers
        server = front.sessions._server
        assert (server.pending, server.sessions, server.counts.cookies) == (0, 1, 10_001)
        assert await device.send(b"up") == []
        assert scene.statistics() == {"handshakes": 1, "sessions.inet": 1}

    play(story)


@pytest.mark.parametrize("transport", ["dtls", "coaps"])
def test_strangers_are_told_at_once_and_then_once_a_minute(play, transport):
    async def story(scene):
        remarks, stranger = Remarks(scene.server), scene.bare(None, transport)
        what = {"dtls": "DTLS", "coaps": "CoAPS"}[transport]

        async def told(*datagrams):
            for each in datagrams:
                stranger.raw(each)
            await scene.wait(0.01)
            return remarks.lines(scene.clock.now())

        record = bytes.fromhex("17fefd0001000000000005000a") + bytes(10)
        tail = "to no session, last 127.0.0.5:4200; nothing was stored"
        assert await told(record) == [f"{what}: 1 datagram that belongs {tail}"]
        assert await told(record) == []
        await scene.wait(61)
        assert await told(record) == [f"{what}: 2 datagrams that belong {tail}"]
        assert stranger.heard == 0

    play(story)


def test_it_is_told_when_hellos_find_no_room(play):
    async def story(scene):
        device = scene.device()
        await device.connect()
        remarks, counts = Remarks(scene.server), scene.server.dtls.sessions._server.counts
        counts.overflow = 1
        assert remarks.lines(scene.clock.now()) == ["DTLS: 1 hello ignored: too many handshakes or sessions at once"]
        counts.overflow = 3
        assert remarks.lines(scene.clock.now()) == []
        assert remarks.lines(scene.clock.now() + 61) == [
            "DTLS: 2 hellos ignored: too many handshakes or sessions at once"
        ]

    play(story)


# --- the platform as a whole ------------------------------------------------------------------------------------------


def test_where_internet_devices_find_it_and_what_they_have_to_trust(play):
    async def story(scene):
        server = scene.server
        told = scene.call("GET", "/simulator/endpoints")
        assert (told["dtls"], told["coaps"]) == (text(server.dtls_address), text(server.coaps_address))
        root = server.api.handle(HttpRequest(method="GET", path="/simulator/root"), scene.clock.unix_ns())
        assert root.body == server.core.certificates.authority_at(scene.clock.unix_ns()).root_pem
        certificate = load_pem_x509_certificate(server.internet.identity()[0])
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        assert names.get_values_for_type(DNSName) == ["localhost", "data.test"]
        assert list(map(str, names.get_values_for_type(IPAddress))) == ["127.0.0.1", "10.1.2.3"]
        assert "KEY" not in repr(server.internet)
        assert (await scene.device().connect(), server.root_place()) == ("", "in memory (another one with every start)")

    play(story, names=("data.test", "10.1.2.3"))


def test_its_folder_is_told_where_it_has_one(play, tmp_path):
    async def story(scene):
        assert await scene.device().connect() == ""
        assert scene.server.root_place() == str(tmp_path / "ca" / "root.pem")
        assert (tmp_path / "ca" / "root.pem").read_bytes() in scene.server.internet.trust_pem()

    play(story, data=tmp_path / "ca")


def test_without_internet_devices_there_is_nothing_of_them():
    async def main(loop):
        server = ReferenceServer(ServerSettings.on_free_ports(inet=False), loop.clock, loop.timers)
        await server.start(MemoryNetwork(loop.timers, loop.clock))
        assert (server.dtls_address, server.coaps_address, server.root_place()) == (0, 0, "")
        assert [each.what for each in server.endpoints()] == ["UDP", "CoAP", "RADIUS", "accounting"]
        headers = {"x-api-token": server.token}
        told = server.api.handle(HttpRequest(method="GET", path="/simulator/endpoints", headers=headers), 0)
        assert set(msgspec.json.decode(told.body)) == {"coap", "udp"}
        # Certificates are issued all the same, and this is what signs them.
        root = server.api.handle(HttpRequest(method="GET", path="/simulator/root"), loop.clock.unix_ns())
        assert root.body == server.core.certificates.authority_at(loop.clock.unix_ns()).root_pem
        await server.stop()

    run_virtual(main)


def test_nothing_heavy_is_loaded_before_an_internet_device_comes():
    program = """
import sys
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork

async def main(loop):
    server = ReferenceServer(ServerSettings.on_free_ports(), loop.clock, loop.timers)
    await server.start(MemoryNetwork(loop.timers, loop.clock))
    assert server.dtls_address and server.coaps_address
    await server.stop()

run_virtual(main)
print(sorted({"OpenSSL", "cryptography"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("transport", ["dtls", "coaps"])
def test_who_writes_after_the_goodbye_is_not_heard(play, transport):
    async def story(scene):
        device = scene.device(transport=transport)
        await device.connect()
        front = getattr(scene.server, transport)
        scene.server.hang_up()
        hello = ClientSession(scene.trust(), device.identity)
        hello.start(scene.clock.now())
        front.receive(hello.out()[0], device.address, 0, scene.clock.now())
        front.receive(b"?", device.address, 0, scene.clock.now())
        assert front.sessions._server.counts.cookies == 1  # the device's own
        assert front.sessions.strangers.count == front.sessions.plain.count == 0

    play(story)
