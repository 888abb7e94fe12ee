"""The RADIUS listener against strangers: whatever arrives gets an answer or none, and the server stays as it was."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct

import pytest
from pyrad.packet import AccessAccept, AccessRequest, AcctPacket, AuthPacket

pytestmark = pytest.mark.real

IMSI, IMEISV = b"999990000000001", b"9899990000000001"
ROUNDS = 6_000


class Peers:
    """Gateways that know the secret, or nearly."""

    def __init__(self, server, secret: bytes, ports: list[int]) -> None:
        self.server, self.secret, self.ports = server, secret, ports
        self.sockets = []
        for number in range(1, 9):
            it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            it.bind((f"127.0.1.{number}", 0))
            it.settimeout(5)
            self.sockets.append(it)

    def access(self, imsi: bytes = IMSI, code: int = AccessRequest, secret: bytes = b"") -> AuthPacket:
        request = AuthPacket(code, secret=secret or self.secret, message_authenticator=True)
        request.update(bearer(imsi))
        return request

    def accounting(self, rng: random.Random, imsi: bytes = IMSI) -> AcctPacket:
        request = AcctPacket(secret=self.secret)
        request.update(bearer(imsi))
        request[40] = [rng.choice((1, 2, 3, 7, 8, 99)).to_bytes(4, "big")]
        request[44] = [b"S%d" % rng.randrange(1 << 30)]
        request[8] = [rng.randbytes(4)]
        return request

    def login(self, imsi: bytes = IMSI) -> int:
        """A good login; all that was sent before has been looked at when its answer comes. Returns: the code."""
        request = self.access(imsi)
        peer = self.sockets[0]
        raw = request.RequestPacket()
        for _ in range(3):
            peer.sendto(raw, ("127.0.0.1", self.ports[0]))
            with contextlib.suppress(TimeoutError):
                while True:
                    data = peer.recv(65536)
                    if data[1] == request.id and request.VerifyReply(request.CreateReply(packet=data), data):
                        return data[0]
        raise AssertionError("it does not answer any more")

    def drain(self) -> None:
        for it in self.sockets:
            it.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    it.recv(65536)
            it.settimeout(5)

    def close(self) -> None:
        for it in self.sockets:
            it.close()


def bearer(imsi: bytes) -> dict:
    return {
        1: [b"999000000000001"], 4: [b"\xc0\0\2\x0a"], 30: [b"iot.test"], 32: [b"pgw-sim-1"],
        (10415, 1): [imsi], (10415, 8): [b"99999"], (10415, 18): [b"99999"], (10415, 20): [IMEISV],
        (10415, 21): [b"\x08"], (10415, 22): [bytes.fromhex("8299f999002a99f99901234501")], (10415, 23): [b"\x40\0"],
    }  # fmt: skip


def nasty(rng: random.Random, peers: Peers) -> bytes:
    kind = rng.randrange(10)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:  # a header that fits, and noise
        size = rng.randrange(300)
        return struct.pack("!BBH", rng.choice((1, 4, 12, rng.randrange(256))), rng.randrange(256), 20 + size) + (
            rng.randbytes(16 + size)
        )
    if kind == 2:  # ever new SIMs, signed
        return peers.access(b"%015d" % rng.randrange(10**15)).RequestPacket()
    if kind == 3:  # ever new sessions, signed
        return peers.accounting(rng, b"%015d" % rng.randrange(10**15)).RequestPacket()
    if kind == 4:  # strange values, signed
        request = peers.access()
        for _ in range(rng.randrange(1, 6)):
            key = rng.choice((rng.randrange(1, 256), (10415, rng.randrange(1, 32)), (rng.randrange(1 << 24), 1)))
            if key not in (26, 80):
                request[key] = [rng.randbytes(rng.randrange(1, 100)) for _ in range(rng.randrange(1, 4))]
        return request.RequestPacket()
    if kind == 5:  # another secret
        return peers.access(secret=rng.randbytes(8)).RequestPacket()
    if kind == 6:
        return peers.access(code=rng.randrange(256)).RequestPacket()
    if kind == 7 and rng.random() < 0.02:
        return rng.randbytes(rng.choice((4_096, 4_097, 5_000, 65_507)))
    message = bytearray(peers.access().RequestPacket() if rng.random() < 0.5 else peers.accounting(rng).RequestPacket())
    for _ in range(rng.randrange(1, 4)):
        message[rng.randrange(len(message))] = rng.randrange(256)
    if rng.random() < 0.3:
        del message[rng.randrange(len(message)) :]
    return bytes(message)


@pytest.fixture
def peers(start_server):
    server = start_server("--quiet")
    where = server.call("GET", "/simulator/radius")[1]
    ports = [int(where[what].rpartition(":")[2]) for what in ("authentication", "accounting")]
    it = Peers(server, where["secret"].encode(), ports)
    yield it
    it.close()


def test_no_packet_stops_it_and_many_do_not_fill_it(peers):
    server, rng = peers.server, random.Random(7)
    path = f"/span/collections/{server.call('POST', '/span/collections', {})[1]['collectionId']}/devices"
    assert server.call("POST", path, {"config": {"ciot": {"imsi": IMSI.decode()}}})[0] == 200
    assert peers.login() == AccessAccept
    sizes = []
    for number in range(ROUNDS):
        port = peers.ports[rng.random() < 0.4]
        rng.choice(peers.sockets).sendto(nasty(rng, peers), ("127.0.0.1", port))
        if not number % 100:
            assert peers.login() == AccessAccept
            peers.drain()
        if number in (ROUNDS // 2, ROUNDS - 1):
            sizes.append(server.rss_kib())
    assert sizes[1] - sizes[0] < 20_000  # KiB: what it keeps is bounded
    found = server.call("GET", "/simulator/statistics")[1]["statistics"]
    discarded = {name: count for name, count in found.items() if name.startswith("discarded.")}
    assert sum(discarded.values()) == found["discarded"] > ROUNDS // 4
    for reason in ("too short", "wrong length", "wrong authenticator", "wrong Message-Authenticator"):
        assert discarded[f"discarded.{reason}"] > 0
    assert len(discarded) < 20  # reasons are ours, not what a stranger writes
    assert len(found) < 100
    assert all(re.fullmatch(r"[\w. -]+", name) for name in found), found
    assert peers.login() == AccessAccept
    assert server.call("GET", path)[1]["devices"][0]["metadata"]["ciot"]["lastImsi"] == IMSI.decode()
    assert server.stop() == 0
    assert server.said() == ""


def test_a_storm_of_repeated_requests_is_one_login(peers):
    server = peers.server
    path = f"/span/collections/{server.call('POST', '/span/collections', {})[1]['collectionId']}/devices"
    server.call("POST", path, {"config": {"ciot": {"imsi": IMSI.decode()}}})
    raw = peers.access().RequestPacket()
    answers = set()
    for _ in range(1_000):
        peers.sockets[1].sendto(raw, ("127.0.0.1", peers.ports[0]))
        answers.add(peers.sockets[1].recv(65536))
    assert len(answers) == 1
    found = server.call("GET", "/simulator/statistics")[1]["statistics"]
    assert (found["accepted"], found["duplicates"]) == (1, 999)
    assert server.stop() == 0
    assert server.said() == ""
