"""Our packet gateway against pyrad's server, and against pyrad and FreeRADIUS's `radclient` who disconnect a device."""

from __future__ import annotations

import contextlib
import heapq
import io
import select
import shutil
import socket
import subprocess
import threading
import time
from itertools import count

import pytest
from pyrad.client import Client
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessReject, DisconnectACK, DisconnectNAK, DisconnectRequest
from pyrad.server import RemoteHost
from pyrad.server import Server as PyradServer

from simulator.acts import Accepted, Done, Rejected
from simulator.devices.gateway_session import GatewaySettings, Terminal
from simulator.devices.packet_gateway import PacketGateway
from simulator.wire.address import ipv4

RADCLIENT = shutil.which("radclient")
pytestmark = pytest.mark.interop

SECRET = b"a secret of the tests"
IMSI, IMEISV, MSISDN = "999990000000001", "9899990000000001", "999000000000001"
WORDS = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Service-Type 6 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Class 25 octets
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Acct-Terminate-Cause 49 integer
ATTRIBUTE Event-Timestamp 55 integer
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE Error-Cause 101 integer
VALUE Acct-Status-Type Start 1
VALUE Acct-Status-Type Stop 2
VALUE Acct-Status-Type Interim-Update 3
VALUE Acct-Terminate-Cause User-Request 1
VALUE Acct-Terminate-Cause Admin-Reset 6
VENDOR 3GPP 10415
BEGIN-VENDOR 3GPP
ATTRIBUTE 3GPP-IMSI 1 string
ATTRIBUTE 3GPP-PDP-Type 3 integer
ATTRIBUTE 3GPP-IMSI-MCC-MNC 8 string
ATTRIBUTE 3GPP-NSAPI 10 string
ATTRIBUTE 3GPP-SGSN-MCC-MNC 18 string
ATTRIBUTE 3GPP-IMEISV 20 string
ATTRIBUTE 3GPP-RAT-Type 21 byte
ATTRIBUTE 3GPP-Location-Info 22 octets
ATTRIBUTE 3GPP-MS-TimeZone 23 octets
END-VENDOR 3GPP
"""


def words():
    return Dictionary(io.StringIO(WORDS))


class Platform(PyradServer):
    """pyrad's server in a thread; it accepts SIMs with an even last digit, and notes what it understood."""

    def __init__(self):
        hosts = {"127.0.0.1": RemoteHost("127.0.0.1", SECRET, "ours")}
        super().__init__(["127.0.0.1"], 0, 0, hosts=hosts, dict=words(), enforce_ma=True)
        self.ports = [fds[0].getsockname()[1] for fds in (self.authfds, self.acctfds)]
        self.logins, self.reports = [], []
        self.ending = False
        self.forge = lambda reply: None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(SystemExit):
            self.Run()

    def HandleAuthPacket(self, pkt):
        self.logins.append({name: pkt[name] for name in pkt.keys()})  # noqa: SIM118 – it is no mapping
        if int(pkt["3GPP-IMSI"][0]) % 2:
            reply = self.CreateReplyPacket(pkt)
            reply["Framed-IP-Address"] = "10.64.0.17"
            reply["Class"] = b"d:17dh0cf43jfgl8"
        else:
            reply = self.CreateReplyPacket(pkt)
            reply.code = AccessReject
            reply["Reply-Message"] = "Device does not exist"
        forged = self.CreateReplyPacket(pkt)
        if self.forge(forged) is not None:
            self.SendReplyPacket(pkt.fd, forged)
        self.SendReplyPacket(pkt.fd, reply)

    def HandleAcctPacket(self, pkt):
        self.reports.append({name: pkt[name] for name in pkt.keys()})  # noqa: SIM118
        self.SendReplyPacket(pkt.fd, self.CreateReplyPacket(pkt))

    def CreateAuthPacket(self, **arguments):
        if self.ending:
            raise SystemExit  # the only way out of `Run`
        return super().CreateAuthPacket(**arguments)

    def end(self):
        self.ending = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(bytes(20), ("127.0.0.1", self.ports[0]))
        self.thread.join(10)
        assert not self.thread.is_alive()
        for each in (*self.authfds, *self.acctfds):
            each.close()


class Calendar:
    """Timers in real time."""

    def __init__(self):
        self._heap, self._number, self._began = [], count(), time.monotonic()

    def __len__(self):
        return len(self._heap)

    def now(self):
        return time.monotonic() - self._began

    def at(self, when, callback, argument=None):
        heapq.heappush(self._heap, (when, next(self._number), callback, argument))

    def play(self):
        """Call what is due. Returns: how long nothing will be, in seconds."""
        while self._heap and self._heap[0][0] <= self.now():
            _, _, callback, argument = heapq.heappop(self._heap)
            callback(argument, self.now())
        return self._heap[0][0] - self.now() if self._heap else 1.0


class Core:
    """Our gateway on real sockets, and what its devices were told."""

    def __init__(self, platform):
        self.timers, self.told, self.lost = Calendar(), [], []
        settings = GatewaySettings(nas_id="pgw-sim-1", nas_ip=ipv4("127.0.0.1"))
        self.gateway = PacketGateway(
            settings, 7, self.timers, SECRET, lambda *what: self.lost.append(what), self._need_line
        )
        self._ports, self._sockets = platform.ports, []
        self._need_line()

    def _need_line(self):
        it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        it.bind(("127.0.0.1", 0))
        self._sockets.append(it)
        auth, acct = (lambda data, port=port: it.sendto(data, ("127.0.0.1", port)) for port in self._ports)
        self.gateway.add_line(auth, acct)

    @property
    def port(self):
        return self._sockets[0].getsockname()[1]

    def attach(self, number, imsi):
        terminal = Terminal(device=f"d{number}", imsi=imsi, msisdn=MSISDN, imeisv=IMEISV, rat="nb-iot", cell=0x1234501)
        self.gateway.attach(terminal, lambda *what: self.told.append(what[:2]), number, self.timers.now())

    def detach(self, number):
        self.gateway.detach(f"d{number}", lambda *what: self.told.append(what[:2]), number, self.timers.now())

    def until(self, condition):
        """Carry on until something is so."""
        ends = self.timers.now() + 10
        while not condition():
            assert self.timers.now() < ends, (self.told, self.lost)
            wait = min(self.timers.play(), 0.05)
            if condition():
                return
            for it in select.select(self._sockets, [], [], max(wait, 0))[0]:
                data, (host, port) = it.recvfrom(65536)
                peer = port << 32 | ipv4(host)
                answer = self.gateway.receive(self._sockets.index(it), data, peer, self.timers.now())
                if answer is not None:
                    it.sendto(answer, (host, port))

    def close(self):
        for it in self._sockets:
            it.close()


@pytest.fixture
def platform():
    it = Platform()
    yield it
    it.end()


@pytest.fixture
def core(platform):
    it = Core(platform)
    yield it
    it.close()


@pytest.fixture
def attached(platform, core):
    """A device in session, of whose Start the platform has heard."""
    core.attach(1, IMSI)
    core.until(lambda: core.told and platform.reports and core.gateway.client.counts.answered == 2)
    return core


def test_pyrad_understands_a_login_and_lets_the_device_in(platform, core):
    core.attach(1, IMSI)
    core.until(lambda: core.told)
    assert core.told == [(1, Accepted(ipv4("127.64.0.17"), 1))]
    (said,) = platform.logins
    assert said.pop("Message-Authenticator") != [bytes(16)]
    assert (said["3GPP-IMSI"], said["3GPP-IMEISV"]) == ([IMSI], [IMEISV])
    assert (said["NAS-Identifier"], said["NAS-IP-Address"]) == (["pgw-sim-1"], ["127.0.0.1"])
    assert (said["User-Name"], said["Calling-Station-Id"], said["Called-Station-Id"]) == (
        [MSISDN],
        [MSISDN],
        ["iot.test"],
    )
    assert (said["Service-Type"], said["Framed-Protocol"], said["NAS-Port-Type"]) == ([2], [7], [18])
    assert (said["3GPP-IMSI-MCC-MNC"], said["3GPP-SGSN-MCC-MNC"]) == (["99999"], ["99999"])
    assert (said["3GPP-PDP-Type"], said["3GPP-NSAPI"], said["3GPP-RAT-Type"]) == ([0], ["5"], [8])
    (where,) = said["3GPP-Location-Info"]
    assert (where[0], where[1:4], where[6:9], where[9:]) == (
        0x82,
        bytes.fromhex("99f999"),
        bytes.fromhex("99f999"),
        bytes.fromhex("01234501"),
    )
    assert len(said["3GPP-MS-TimeZone"][0]) == 2


def test_pyrad_refuses_and_the_device_hears_why(platform, core):
    core.attach(1, "999990000000002")
    core.until(lambda: core.told)
    assert core.told == [(1, Rejected("Device does not exist", 1))]
    assert platform.reports == []


def test_pyrad_understands_the_accounting(platform, attached):
    core = attached
    core.gateway.count("d1", 100, 40)
    core.told.clear()
    core.detach(1)
    core.until(lambda: core.told)
    assert core.told == [(1, Done())]
    start, stop = platform.reports
    assert (start["Acct-Status-Type"], stop["Acct-Status-Type"]) == (["Start"], ["Stop"])
    for said in (start, stop):
        assert said["Class"] == [b"d:17dh0cf43jfgl8"]
        assert said["Framed-IP-Address"] == ["10.64.0.17"]
        assert (said["3GPP-IMSI"], said["3GPP-IMEISV"]) == ([IMSI], [IMEISV])
        assert said["NAS-Identifier"] == ["pgw-sim-1"]
        assert "Event-Timestamp" in said
    assert start["Acct-Session-Id"] == stop["Acct-Session-Id"]
    assert stop["Acct-Terminate-Cause"] == ["User-Request"]
    assert (stop["Acct-Input-Octets"], stop["Acct-Output-Octets"]) == ([100], [40])
    assert "Acct-Terminate-Cause" not in start


def test_more_devices_than_identifiers_attach_at_once(platform, core):
    for number in range(260):  # more at once would not fit into the buffer of its socket
        core.attach(number, f"99999{2 * number + 1:010d}")
    core.until(lambda: len(core.told) == 260)
    assert {type(result) for _, result in core.told} == {Accepted}
    assert core.gateway.client.lines == 2


def test_forged_answers_are_passed_over(platform, core):
    def without_signature(reply):
        reply.message_authenticator = None
        return reply

    def with_another_secret(reply):
        reply.secret = b"another"
        return reply

    def reject(reply):
        reply.code = AccessReject
        return with_another_secret(reply)

    for number, forge in enumerate((without_signature, with_another_secret, reject)):
        platform.forge = forge
        core.told.clear()
        core.attach(number, IMSI)
        core.until(lambda: core.told)
        assert type(core.told[0][1]) is Accepted
    discarded = core.gateway.client.counts.discarded
    assert discarded["missing Message-Authenticator"] == 1
    assert discarded["wrong authenticator"] + discarded["wrong Message-Authenticator"] == 2


# --- somebody else disconnects ----------------------------------------------------------------------------------------


def in_background(work):
    """Run it in a thread. Returns: the thread, and where its result will be."""
    result = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()
    return thread, result


def cut_off_by_pyrad(core, **said):
    client = Client("127.0.0.1", coaport=core.port, secret=SECRET, dict=words())
    client.timeout = 5
    request = client.CreateCoAPacket(code=DisconnectRequest)
    for name, value in said.items():
        request[name] = value
    thread, replies = in_background(lambda: client.SendPacket(request))
    core.until(lambda: not thread.is_alive())
    client._CloseSocket()
    return replies[0]


def test_pyrad_disconnects_a_device(platform, attached):
    core = attached
    session = platform.reports[0]["Acct-Session-Id"][0]
    said = {"Acct-Session-Id": session, "Framed-IP-Address": "10.64.0.17", "3GPP-IMSI": IMSI, "Proxy-State": b"ours"}
    reply = cut_off_by_pyrad(core, **said)
    assert (reply.code, reply["Proxy-State"]) == (DisconnectACK, [b"ours"])
    core.until(lambda: len(platform.reports) == 2)
    assert platform.reports[1]["Acct-Terminate-Cause"] == ["Admin-Reset"]
    assert [device for device, _ in core.lost] == ["d1"]


def test_pyrad_cannot_disconnect_who_is_not_there(platform, attached):
    reply = cut_off_by_pyrad(attached, **{"3GPP-IMSI": "999990000000003"})
    assert (reply.code, reply["Error-Cause"]) == (DisconnectNAK, [503])  # RFC 5176 §3.5: Session Context Not Found
    assert attached.lost == []


@pytest.mark.skipif(RADCLIENT is None, reason="FreeRADIUS's radclient is not installed (Debian: freeradius-utils)")
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "with Message-Authenticator"])
def test_radclient_disconnects_a_device(platform, attached, signed):
    core = attached
    said = [f'3GPP-IMSI = "{IMSI}"', "Framed-IP-Address = 10.64.0.17", *(["Message-Authenticator = 0x00"] * signed)]
    command = [RADCLIENT, "-x", "-t", "5", "-r", "1", f"127.0.0.1:{core.port}", "disconnect", SECRET.decode()]
    thread, done = in_background(
        lambda: subprocess.run(command, input="\n".join(said), text=True, capture_output=True, timeout=20, check=False)
    )
    core.until(lambda: not thread.is_alive())
    assert "Received Disconnect-ACK" in done[0].stdout, done[0]
    core.until(lambda: len(platform.reports) == 2)
    assert platform.reports[1]["Acct-Terminate-Cause"] == ["Admin-Reset"]
