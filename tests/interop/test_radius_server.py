"""FreeRADIUS's `radclient` and pyrad's clients against `simulator serve`, as processes on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyrad.client import Client, Timeout
from pyrad.client_async import ClientAsync
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessReject, AccountingResponse, StatusServer

RADCLIENT = shutil.which("radclient")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(RADCLIENT is None, reason="FreeRADIUS's radclient is not installed (Debian: freeradius-utils)"),
]

IMEI, IMEISV = "989999000000008", "9899990000000001"
WORDS = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Class 25 octets
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Session-Id 44 string
VALUE Acct-Status-Type Start 1
VALUE Acct-Status-Type Stop 2
VENDOR 3GPP 10415
BEGIN-VENDOR 3GPP
ATTRIBUTE 3GPP-IMSI 1 string
ATTRIBUTE 3GPP-SGSN-MCC-MNC 18 string
ATTRIBUTE 3GPP-IMEISV 20 string
ATTRIBUTE 3GPP-Location-Info 22 octets
END-VENDOR 3GPP
"""


class Server:
    """`simulator serve` on free ports. Each SIM that a test asks for is a new one, with a device of its own."""

    def __init__(self, log):
        self.log = log
        ports = ("api", "udp", "coap", "radius", "accounting", "blob")
        command = [sys.executable, "-m", "simulator", "serve", "--token", "t0k", "--no-inet"]
        command += [word for port in ports for word in (f"--{port}-port", "0")]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self.url = self._line(r"API\s+(http://[\d.:]+)/span")
        self._line(r"(?m)^read-only\s+(\S+)$")
        self.radius = self.call("GET", "/simulator/radius")
        self.ports = [int(self.radius[what].rpartition(":")[2]) for what in ("authentication", "accounting")]
        self.collection = f"/span/collections/{self.call('POST', '/span/collections', {})['collectionId']}"
        self._last = 0

    def _line(self, pattern):
        for _ in range(200):
            if found := re.search(pattern, self.log.read_text()):
                return found[found.re.groups]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"{pattern} does not come: {self.log.read_text()}")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"X-API-Token": "t0k"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def statistics(self):
        return self.call("GET", "/simulator/statistics")["statistics"]

    def sim(self, *, registered=True):
        """Returns: IMSI, and the path of its device."""
        self._last += 1
        imsi = f"99999{self._last:010d}"
        if not registered:
            return imsi, ""
        body = {"config": {"ciot": {"imsi": imsi}}}
        return imsi, f"{self.collection}/devices/{self.call('POST', self.collection + '/devices', body)['deviceId']}"

    def events(self, path):
        """What was printed about a device, in order; events that came before this call are in there."""
        fence = self.sim()[1].rpartition("/")[2]
        self._line(fence)
        device = path.rpartition("/")[2]
        return [line.split()[2] for line in self.log.read_text().splitlines() if device in line]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    it = Server(tmp_path_factory.mktemp("radius") / "serve.log")
    yield it
    it.process.terminate()
    try:
        assert it.process.wait(10) == 0
    finally:
        it.process.kill()
    assert it.radius["secret"] not in it.log.read_text().partition("read-only")[2]
    assert "Traceback" not in it.log.read_text()


# --- radclient --------------------------------------------------------------------------------------------------------


def radclient(server, kind, said, *options, secret=None, port=None, patience_s=5):
    """What it printed about what it sent and got, and its exit code."""
    port = port or server.ports[kind == "acct"]
    words = [RADCLIENT, "-x", "-t", str(patience_s), "-r", "1", *options, f"127.0.0.1:{port}", kind]
    done = subprocess.run([*words, secret or server.radius["secret"]], input="\n".join(said) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)  # fmt: skip
    return done.stdout, done.returncode


def access(imsi, *more, sign=True):
    said = [f'User-Name = "{imsi}"', "NAS-IP-Address = 192.0.2.10", 'NAS-Identifier = "pgw-sim-1"',
            "Service-Type = Framed-User", "Framed-Protocol = GPRS-PDP-Context", f'3GPP-IMSI = "{imsi}"',
            f'3GPP-IMEISV = "{IMEISV}"', '3GPP-SGSN-MCC-MNC = "99999"', "3GPP-RAT-Type = 0x08",
            "3GPP-Location-Info = 0x8299f999002a99f99901234501", "3GPP-MS-Time-Zone = 0x4000"]  # fmt: skip
    return [*said, *more, *(["Message-Authenticator = 0x00"] if sign else [])]


def report(imsi, status, *more):
    return [f"Acct-Status-Type = {status}", f'Acct-Session-Id = "S{imsi}"', 'NAS-Identifier = "pgw-sim-1"',
            f'3GPP-IMSI = "{imsi}"', *more]  # fmt: skip


def test_radclient_is_given_an_address(server):
    imsi, device = server.sim()
    said, code = radclient(server, "auth", access(imsi, "Proxy-State = 0x0102"))
    assert code == 0, said
    assert "Received Access-Accept" in said
    received = said.partition("Received")[2]
    address = re.search(r"Framed-IP-Address = ([\d.]+)", received)[1]
    assert "Proxy-State = 0x0102" in received
    metadata = server.call("GET", device)["metadata"]["ciot"]
    assert (metadata["allocatedIp"], metadata["lastImsi"], metadata["cellId"]) == (address, imsi, "19088641")
    assert server.events(device) == ["deviceCreated", "ciotConnect"]


def test_radclient_is_told_why_a_sim_is_refused(server):
    imsi, _ = server.sim(registered=False)
    said, code = radclient(server, "auth", access(imsi))
    assert code == 1, said  # its way of saying Access-Reject
    assert "Received Access-Reject" in said
    assert 'Reply-Message = "Device does not exist"' in said


def test_the_accounting_of_radclient_is_understood(server):
    imsi, device = server.sim()
    said, _ = radclient(server, "auth", access(imsi))
    received = said.partition("Received")[2]
    address, kept = (re.search(rf"{name} = (\S+)", received)[1] for name in ("Framed-IP-Address", "Class"))
    before = server.statistics()
    where = f"Framed-IP-Address = {address}", f"Class = {kept}"
    for status in ("Start", "Interim-Update", "Stop"):
        said, code = radclient(server, "acct", report(imsi, status, *where, "Acct-Terminate-Cause = Lost-Carrier"))
        assert code == 0, said
        assert "Received Accounting-Response" in said
    after = server.statistics()
    for name in ("accounting.start", "accounting.interim", "accounting.stop", "stops.Lost-Carrier"):
        assert after[name] == before.get(name, 0) + 1
    assert after["sessions"] == before["sessions"] - 1
    assert server.events(device) == ["deviceCreated", "ciotConnect"]


@pytest.mark.parametrize(("kind", "answer"), [("auth", "Access-Accept"), ("acct", "Accounting-Response")])
def test_radclient_asks_for_the_status(server, kind, answer):
    said, code = radclient(server, "status", ["Message-Authenticator = 0x00"], port=server.ports[kind == "acct"])
    assert (code, f"Received {answer}" in said) == (0, True), said


def test_without_message_authenticator_radclient_gets_no_answer(server):
    """Newer ones add it unasked."""
    imsi, device = server.sim()
    said, _ = radclient(server, "auth", access(imsi, sign=False), patience_s=0.3)
    signed = "Message-Authenticator" in said.partition("Received")[0]
    assert ("Received Access-Accept" in said) == signed, said
    if not signed:
        assert server.statistics()["discarded.missing Message-Authenticator"] >= 1
        assert server.events(device) == ["deviceCreated"]


def test_with_another_secret_radclient_gets_no_answer(server):
    imsi, device = server.sim()
    asked = [("auth", access(imsi)), ("acct", report(imsi, "Start"))]
    with ThreadPoolExecutor() as both:
        heard = both.map(lambda words: radclient(server, *words, secret="another secret", patience_s=0.2)[0], asked)
    assert all("No reply" in said for said in heard)
    assert server.statistics()["discarded.wrong Message-Authenticator"] >= 1
    assert server.statistics()["discarded.wrong authenticator"] >= 1
    assert server.events(device) == ["deviceCreated"]


@contextlib.contextmanager
def losing_first_answers(port):
    """A port in front of another, through which the first answer does not come back. Yields: its number."""
    inside, outside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    inside.bind(("127.0.0.1", 0))
    outside.connect(("127.0.0.1", port))
    left = 1

    def carry():
        nonlocal left
        with contextlib.suppress(OSError):
            while True:
                data, peer = inside.recvfrom(65536)
                if not data:
                    return
                outside.send(data)
                outside.settimeout(5)
                answer = outside.recv(65536)
                if left:
                    left -= 1
                else:
                    inside.sendto(answer, peer)

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield inside.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", inside.getsockname())
        thread.join(10)
        inside.close()
        outside.close()


def test_what_radclient_sends_again_makes_no_second_event(server):
    imsi, device = server.sim()
    before = server.statistics()
    with losing_first_answers(server.ports[0]) as port:
        said, code = radclient(server, "auth", access(imsi), "-r", "5", port=port, patience_s=0.2)
    assert (code, said.count("Sent Access-Request"), said.count("Received Access-Accept")) == (0, 2, 1), said
    with losing_first_answers(server.ports[1]) as port:
        said, code = radclient(server, "acct", report(imsi, "Start"), "-r", "5", port=port, patience_s=0.2)
    assert (code, said.count("Received Accounting-Response")) == (0, 1), said
    after = server.statistics()
    changed = {name: after[name] - before.get(name, 0) for name in ("accepted", "duplicates", "accounting.start")}
    # With another Acct-Delay-Time a report that is sent again is another packet (RFC 2866 §5.2), and no other report.
    assert changed["accepted"] == 1
    assert changed["accounting.start"] == 1
    assert changed["duplicates"] >= 2
    assert server.events(device) == ["deviceCreated", "ciotConnect"]


def test_many_of_radclient_at_once(server):
    """-c: each packet so often; other identifiers, so no duplicates."""
    imsi, _ = server.sim()
    said, code = radclient(server, "auth", access(imsi), "-c", "50", "-p", "50", "-s")
    assert code == 0, said
    assert len(re.findall("Received Access-Accept", said)) == 50


# --- pyrad's clients --------------------------------------------------------------------------------------------------


def words():
    return Dictionary(io.StringIO(WORDS))


@pytest.fixture
def client(server):
    it = Client("127.0.0.1", *server.ports, secret=server.radius["secret"].encode(), dict=words(), enforce_ma=True)
    it.timeout = 5
    yield it
    it._CloseSocket()


def asked(client, imsi, **rest):
    request = client.CreateAuthPacket(**rest)
    request["User-Name"] = "999000000000001"
    request["NAS-IP-Address"] = "192.0.2.10"
    request["NAS-Identifier"] = "pgw-sim-1"
    request["3GPP-IMSI"] = imsi
    request["3GPP-IMEISV"] = IMEISV
    request["3GPP-Location-Info"] = bytes.fromhex("8299f999002a99f99901234501")
    return request


def test_pyrad_is_given_an_address_and_its_accounting_understood(server, client):
    imsi, device = server.sim()
    reply = client.SendPacket(asked(client, imsi))
    assert reply.code == AccessAccept
    assert reply["Framed-IP-Address"] == [server.call("GET", device)["metadata"]["ciot"]["allocatedIp"]]
    for status in ("Start", "Stop"):
        request = client.CreateAcctPacket()
        request["Acct-Status-Type"] = status
        request["Acct-Session-Id"] = "P1"
        request["NAS-Identifier"] = "pgw-sim-1"
        request["Framed-IP-Address"] = reply["Framed-IP-Address"][0]
        request["Class"] = reply["Class"][0]
        request["3GPP-IMSI"] = imsi
        assert client.SendPacket(request).code == AccountingResponse
    assert server.events(device) == ["deviceCreated", "ciotConnect"]


def test_pyrad_is_told_why_a_sim_is_refused(server, client):
    reply = client.SendPacket(asked(client, server.sim(registered=False)[0]))
    assert (reply.code, reply["Reply-Message"]) == (AccessReject, ["Device does not exist"])


def test_pyrad_asks_for_the_status(server, client):
    assert client.SendPacket(client.CreateAuthPacket(code=StatusServer)).code == AccessAccept
    assert client.SendPacket(client.CreateAcctPacket(code=StatusServer)).code == AccountingResponse


def test_pyrad_without_message_authenticator_gets_no_answer(server, client):
    imsi, device = server.sim()
    client.timeout, client.retries = 0.3, 1
    with pytest.raises(Timeout):
        client.SendPacket(asked(client, imsi, message_authenticator=False))
    assert server.events(device) == ["deviceCreated"]


def test_pyrad_gets_its_accounting_with_message_authenticator_answered(server, client):
    """RFC 2866 does not ask for it, and pyrad can send it; then it has to be right, and so has ours."""
    request = client.CreateAcctPacket(message_authenticator=True)
    request["Acct-Status-Type"] = "Start"
    request["Acct-Session-Id"] = "P2"
    request["NAS-Identifier"] = "pgw-sim-1"
    assert client.SendPacket(request).code == AccountingResponse


def test_two_hundred_of_pyrads_requests_are_in_flight(server):
    sims = [server.sim()[0] for _ in range(10)]

    async def main():
        it = ClientAsync("127.0.0.1", *server.ports, secret=server.radius["secret"].encode(), dict=words(),
                         enforce_ma=True, timeout=5)  # fmt: skip
        await it.initialize_transports(enable_auth=True, enable_acct=True)
        try:
            requests = [asked(it, sims[number % 10]) for number in range(200)]
            return await asyncio.gather(*(it.SendPacket(request) for request in requests))
        finally:
            await it.deinitialize_transports()

    replies = asyncio.run(main())
    assert {reply.code for reply in replies} == {AccessAccept}
    assert len({reply["Framed-IP-Address"][0] for reply in replies}) == 10
