"""The doors of Internet devices against strangers: whatever arrives, the next honest device is served as the first."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import random
import select
import socket
import ssl
import struct
import time

import pytest

from simulator.clock import WallClock
from simulator.protocol.dtls.client import ClientContext, ClientSession, State
from simulator.protocol.dtls.identity import Identity

from ..bench.bench_dtls_fuzz import damaged

pytestmark = pytest.mark.real

CLOCK = WallClock()
PATIENCE_S = 15.0
HOSTILE = 6_000
SPOOFED = 10_000
GROWTH_MOST_KIB = 12_000
HANDSHAKE, ALERT, APPLICATION, CHANGE_CIPHER = 22, 21, 23, 20


class Device:
    """An honest Internet device."""

    def __init__(self, server):
        self.server = server
        self.ports = {what: int(server.table[what].rpartition(":")[2]) for what in ("DTLS", "CoAPS", "HTTPS", "HTTP")}
        self.collection = f"/span/collections/{server.call('POST', '/span/collections', {})[1]['collectionId']}"
        device = server.call("POST", f"{self.collection}/devices", {"config": {"inet": {}}})[1]["deviceId"]
        issued = server.call("POST", f"{self.collection}/certificates/create", {"deviceId": device})[1]
        self.certificate, self.key, chain = (
            base64.b64decode(issued[name]) for name in ("certificate", "privateKey", "chain")
        )
        self.root = b"-----BEGIN" + chain.rpartition(b"-----BEGIN")[2]
        self.identity = Identity.from_pem(self.certificate, self.key)
        self.context = ClientContext(self.root)
        self.path = f"{self.collection}/devices/{device}"

    def hello(self):
        """A ClientHello without a cookie."""
        session = ClientSession(self.context, self.identity)
        session.start(CLOCK.now())
        return session.out()[0]

    def connect(self, peer, port, sent=None):
        """A session through this socket; `sent` gets every datagram that it takes."""
        session = ClientSession(self.context, self.identity)
        session.start(CLOCK.now())
        end = time.monotonic() + PATIENCE_S
        while session.state is State.HANDSHAKE:
            assert time.monotonic() < end, "no handshake any more"
            flush(session, peer, port, sent)
            if select.select([peer], [], [], 0.05)[0]:
                session.feed(peer.recv(65536), CLOCK.now())
            if session.deadline is not None and CLOCK.now() >= session.deadline:
                session.expire(CLOCK.now())
        assert session.state is State.CONNECTED, session.end
        return session

    def report(self, port, payload):
        """A session on its own, and one raw message in it."""
        with udp("127.0.0.1") as peer:
            session = self.connect(peer, port)
            session.send(payload, CLOCK.now())
            flush(session, peer, port)
            session.close(CLOCK.now())
            flush(session, peer, port)

    def is_heard(self):
        """Whether a message arrives on either port, a raw one and a CoAP one."""
        words = b"alive %d" % CLOCK.unix_ns()
        self.report(self.ports["DTLS"], words)
        self.report(self.ports["CoAPS"], b"\x40\x02\x12\x34\xb4data\xff" + words)
        wanted = [base64.b64encode(words).decode()] * 2
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            rows = self.server.call("GET", f"{self.path}/data")[1]["data"]
            if [row["payload"] for row in rows[:2]] == wanted:
                return {row["transport"] for row in rows[:2]} == {"dtls", "coaps"}
            time.sleep(0.02)
        return False


def flush(session, peer, port, sent=None):
    for datagram in session.out():
        peer.sendto(datagram, ("127.0.0.1", port))
        if sent is not None:
            sent.append(datagram)


def udp(host):
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.bind((host, 0))
    return it


def drain(peer):
    while select.select([peer], [], [], 0)[0]:
        peer.recv(65536)


def keep_pace(device, port):
    """All that was sent to this port before has been looked at when it asks for a cookie."""
    with udp("127.0.3.1") as peer:
        peer.settimeout(1)
        for _ in range(int(PATIENCE_S)):
            peer.sendto(device.hello(), ("127.0.0.1", port))
            with contextlib.suppress(TimeoutError):
                assert peer.recv(65536)[0] == HANDSHAKE
                return
    raise AssertionError("it does not answer any more")


@pytest.fixture
def device(start_server):
    server = start_server("--quiet")
    it = Device(server)
    assert it.is_heard()
    return it


def is_unharmed(device):
    """It serves as before, has said nothing, and ends as it should."""
    assert device.is_heard()
    assert device.server.stop() == 0
    assert device.server.said() == ""
    return True


# --- datagrams --------------------------------------------------------------------------------------------------------


def record(kind, body, epoch=0, number=0, length=None):
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, number >> 32, number & 0xFFFFFFFF, length or len(body)) + body


def fragment(rng):
    """A handshake message whose lengths lie."""
    body = rng.randbytes(rng.choice((0, 1, 50, 1000)))
    length = rng.choice((0, len(body), 1, 0xFFFFFF, 0xFFFF, rng.randrange(1 << 24)))
    offset = rng.choice((0, 1, 0xFFFFFF, rng.randrange(1 << 24)))
    size = rng.choice((len(body), 0, 0xFFFFFF, rng.randrange(1 << 24)))
    head = bytes((rng.choice((1, 2, 11, 14, 15, 16, 20, rng.randrange(256))),)) + length.to_bytes(3, "big")
    head += struct.pack("!H", rng.choice((0, 1, 2, 0xFFFF))) + offset.to_bytes(3, "big") + size.to_bytes(3, "big")
    return record(HANDSHAKE, head + body, number=rng.randrange(5))


def nasty(rng, corpus):
    """A datagram out of those of real sessions, or out of nothing."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.randbytes(rng.randrange(300))
    if kind == 1:
        return fragment(rng) + (fragment(rng) if rng.random() < 0.3 else b"")
    if kind == 2:  # a record that is shorter, or longer, than it says
        body = rng.randbytes(rng.randrange(80))
        which = rng.choice((CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, rng.randrange(256)))
        return record(which, body, rng.randrange(3), rng.randrange(1 << 48), rng.choice((0, 1, 0xFFFF, None)))
    if kind == 3:  # word for word what somebody has said before, hellos with cookies among it
        return rng.choice(corpus)
    if kind == 4:
        data = rng.choice(corpus)
        return data[: rng.randrange(len(data))]
    if kind == 5 and rng.random() < 0.05:
        return rng.choice(corpus)[:13] + rng.randbytes(rng.choice((16_384, 60_000)))
    return damaged(rng, rng.choice(corpus), corpus)


def test_no_datagram_stops_it_and_many_do_not_fill_it(device):
    server, rng = device.server, random.Random(5)
    ports = device.ports["DTLS"], device.ports["CoAPS"]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(udp(f"127.0.2.{number}")) for number in range(1, 9)]
        corpus, sizes = [], []
        for round_ in range(HOSTILE):
            if not round_ % 500:  # some of them have a session, and go on with nonsense in it
                one, port = rng.choice(peers), rng.choice(ports)
                keep_pace(device, ports[0])
                keep_pace(device, ports[1])
                drain(one)  # an answer to somebody else's hello would spoil its handshake
                session = device.connect(one, port, corpus)
                session.send(b"x" * 20, CLOCK.now())
                flush(session, one, port, corpus)
                if rng.random() < 0.5:
                    session.close(CLOCK.now())
                    flush(session, one, port, corpus)
            rng.choice(peers).sendto(nasty(rng, corpus), ("127.0.0.1", rng.choice(ports)))
            if not round_ % 100:
                for port in ports:
                    keep_pace(device, port)
                for peer in peers:
                    drain(peer)
            if round_ in (HOSTILE // 3, HOSTILE - 1):
                sizes.append(server.rss_kib())
    assert sizes[1] - sizes[0] < GROWTH_MOST_KIB
    assert is_unharmed(device)


def test_spoofed_hellos_cost_no_state(device):
    server, hello = device.server, device.hello()
    where = [("127.0.0.1", device.ports[what]) for what in ("DTLS", "CoAPS")]
    before = server.rss_kib()
    for number in range(SPOOFED):
        with udp(f"127.66.{number >> 8}.{number & 0xFF}") as peer:
            peer.sendto(hello, where[number & 1])
        if not number % 200:
            keep_pace(device, where[0][1])
            keep_pace(device, where[1][1])
    assert server.rss_kib() - before < GROWTH_MOST_KIB
    found = server.call("GET", "/simulator/statistics")[1]["statistics"]
    assert (found["handshakes.failed"], found["handshakes.refused"], found["sessions.inet"]) == (0, 0, 0)
    assert is_unharmed(device)


def test_a_cookie_is_good_for_one_address_only(device):
    where, sent = ("127.0.0.1", device.ports["DTLS"]), []
    with udp("127.0.0.1") as owner:
        device.connect(owner, where[1], sent)
    assert len(sent[0]) < len(sent[1])  # the second hello is the first one with the cookie
    with udp("127.0.2.1") as thief:
        thief.settimeout(PATIENCE_S)
        thief.sendto(sent[1], where)
        answer = thief.recv(65536)
        assert (answer[0], answer[13]) == (HANDSHAKE, 3)  # HelloVerifyRequest: another cookie, and nothing else
        thief.setblocking(False)
        keep_pace(device, where[1])
        with pytest.raises(BlockingIOError):
            thief.recv(65536)
    assert is_unharmed(device)


def test_handshakes_that_nobody_goes_on_with_do_not_keep_others_out(device):
    port = device.ports["DTLS"]
    before = device.server.rss_kib()
    with contextlib.ExitStack() as stack:
        for number in range(300):
            peer = stack.enter_context(udp(f"127.0.2.{number % 8 + 1}"))
            peer.settimeout(PATIENCE_S)
            session = ClientSession(device.context, device.identity)
            session.start(CLOCK.now())
            flush(session, peer, port)
            session.feed(peer.recv(65536), CLOCK.now())
            flush(session, peer, port)  # the cookie, and then it is gone
        assert device.is_heard()
        assert device.server.rss_kib() - before < 300 * 200  # KiB
    assert is_unharmed(device)


# --- blobs ------------------------------------------------------------------------------------------------------------

POST = b"POST /b HTTP/1.1\r\nHost: x\r\n"
HALVES = [
    b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50), b"GET /", POST,
    POST + b"Content-Length: 100\r\n\r\nhalf", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
]  # fmt: skip
WHOLES = [
    bytes(3_000), b"\x16\x03\x01\x02\x00" + bytes(512), b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n" * 100,
    POST + b"Content-Length: -1\r\n\r\n", POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    POST + b"Content-Length: 99999999999999999999\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n", POST + b"A: b\r\n" * 5_000 + b"\r\n",
    POST + b"A: " + b"x" * 20_000 + b"\r\n\r\n", b"POST /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /\xff\x00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]  # fmt: skip


def tcp(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S, source_address=("127.64.0.1", 0))


def post(connection):
    with contextlib.closing(connection):
        connection.request("POST", "/whole", b"w" * 100)
        return connection.getresponse().status


def stores(device, folder):
    """Whether an honest device of either network can store a blob."""
    (folder / "certificate.pem").write_bytes(device.certificate + device.key)
    tls = ssl.create_default_context(cadata=device.root.decode())
    tls.load_cert_chain(folder / "certificate.pem")
    secure = http.client.HTTPSConnection("127.0.0.1", device.ports["HTTPS"], timeout=PATIENCE_S, context=tls)
    source = ("127.64.0.1", 0)
    plain = http.client.HTTPConnection("127.0.0.1", device.ports["HTTP"], timeout=PATIENCE_S, source_address=source)
    return (post(secure), post(plain)) == (200, 200)


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.mark.parametrize("door", ["HTTPS", "HTTP"])
def test_no_bytes_stop_the_blob_doors(device, tmp_path, door):
    server, rng = device.server, random.Random(3)
    server.collection_with_device("127.64.0.1")
    assert stores(device, tmp_path)
    noise = [rng.randbytes(rng.randrange(1, 5_000)) for _ in range(40)]
    size, opened, port = server.rss_kib(), descriptors(server), device.ports[door]
    with contextlib.ExitStack() as stack:
        for half in HALVES * 10:  # and they stay
            stack.enter_context(tcp(port)).sendall(half)
        for whole in WHOLES + noise:
            with tcp(port) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(whole)
                if rng.random() < 0.5:  # a reset instead of a goodbye
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert stores(device, tmp_path)
    # asyncio keeps a quarter of a MiB for each TLS connection, and has the garbage collector look for broken ones.
    most_kib = GROWTH_MOST_KIB if door == "HTTP" else 64_000
    assert server.rss_kib() - size < most_kib
    end = time.monotonic() + PATIENCE_S
    while descriptors(server) > opened + 2:
        assert time.monotonic() < end, "connections stay open that their peers have closed"
        time.sleep(0.02)
    assert stores(device, tmp_path)
    assert is_unharmed(device)


@pytest.mark.parametrize("raw", WHOLES, ids=range(len(WHOLES)))
def test_nonsense_is_no_blob(server, raw):
    port = int(server.table["HTTP"].rpartition(":")[2])
    if not server.call("GET", "/span/collections")[1]["collections"]:
        server.collection_with_device("127.64.0.9")
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S, source_address=("127.64.0.9", 0)) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(raw)
            peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while part := peer.recv(65536):
                answer += part
    assert not answer or 400 <= int(answer.split()[1]) < 500
    assert server.said() == ""


# --- the folder of the authority --------------------------------------------------------------------------------------

FILES = "root.pem", "root-key.pem", "intermediate.pem", "intermediate-key.pem"
KEYS = "root-key.pem", "intermediate-key.pem"


def no_pem(folder, name):
    (folder / name).write_bytes(os.urandom(300))


def cut(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])


def exchanged(folder, name):
    """Another file of the four is in its place."""
    other = FILES[(FILES.index(name) + 2) % 4]
    content = (folder / name).read_bytes()
    (folder / name).write_bytes((folder / other).read_bytes())
    (folder / other).write_bytes(content)


def damaged_inside(folder, name):
    """PEM all right, and rubbish in it."""
    lines = (folder / name).read_text().splitlines()
    lines[1] = lines[1][::-1]
    (folder / name).write_text("\n".join(lines) + "\n")


SPOILED = {
    "not PEM": no_pem,
    "damaged inside": damaged_inside,
    "exchanged": exchanged,
    "cut off": cut,
    "a folder": lambda folder, name: ((folder / name).unlink(), (folder / name).mkdir()),
    "a pipe": lambda folder, name: ((folder / name).unlink(), os.mkfifo(folder / name)),
}  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """The four files of a good one."""
    from simulator.server.span.authority import Authority

    folder = tmp_path_factory.mktemp("data") / "good"
    Authority.in_folder(folder, CLOCK.unix_ns())
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def data(authority, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    for name, content in authority.items():
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)
    return folder


def refused(command, authority, folder):
    """What it says about a folder that it cannot use."""
    ports = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")
    done = command("serve", "--data", folder, *(word for port in ports for word in (f"--{port}-port", "0")), limit_s=20)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("simulator: ")
    assert done.stderr.count("\n") == 1
    for name in KEYS:
        for line in authority[name].decode().splitlines()[1:-1]:
            assert line[:12] not in done.stderr
            assert line[::-1][:12] not in done.stderr
    return done.stderr


@pytest.mark.parametrize(("how", "name"), list(zip(SPOILED, FILES * 2, strict=False)))
def test_a_file_that_cannot_be_used_is_one_line(command, authority, data, how, name):
    SPOILED[how](data, name)
    said = refused(command, authority, data)
    assert str(data) in said


def test_keys_that_others_can_read_are_told(command, authority, data):
    (data / "root-key.pem").chmod(0o644)
    assert "root-key.pem" in refused(command, authority, data)


def test_a_file_instead_of_the_folder(command, authority, data):
    assert "root.pem" in refused(command, authority, data / "root.pem")


def test_a_good_folder_is_used_and_left_alone(start_server, authority, data):
    for _ in range(2):
        server = start_server("--quiet", "--data", str(data))
        device = Device(server)
        assert device.root == authority["root.pem"]
        assert device.is_heard()
        assert server.stop() == 0
        assert server.said() == ""
    assert {name: (data / name).read_bytes() for name in FILES} == authority
