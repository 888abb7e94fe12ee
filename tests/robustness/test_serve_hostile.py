"""The server against strangers: whatever arrives gets an answer or none, and the server stays as it was."""

from __future__ import annotations

import gzip
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.real

HEAD = b"Host: x\r\nX-API-Token: t0k\r\nConnection: close\r\n"
POST = b"POST /span/collections HTTP/1.1\r\n" + HEAD
DEEP = b"[" * 100_000


def chunked(body: bytes) -> bytes:
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + body


def sized(body: bytes, more: bytes = b"") -> bytes:
    return POST + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def get(path: bytes, method: bytes = b"GET", more: bytes = b"") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\n" + HEAD + more + b"\r\n"


UPGRADE = b"Upgrade: websocket\r\n"
SERVE = [sys.executable, "-m", "simulator", "serve", "--token", "t0k"]
PORTS = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")
SERVE += [word for port in PORTS for word in (f"--{port}-port", "0")]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), 400, id="TLS"),
        pytest.param(random.Random(1).randbytes(3000) + b"\r\n\r\n", 400, id="noise"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", 400, id="version"),
        pytest.param(b"GET /span/system HTTP/1.1\nHost: x\n\n", 400, id="line feeds"),
        pytest.param(b"GET /span/system HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(get(b"/span/\xff"), 400, id="path of no bytes"),
        pytest.param(get(b"/" + b"a" * 9000), 400, id="long path"),
        pytest.param(get(b"/span/system", more=b"A: " + b"x" * 9000 + b"\r\n"), 400, id="long header"),
        pytest.param(get(b"/span/system", more=b"A: b\r\n" * 5000), 400, id="many headers"),
        pytest.param(get(b"/span/system", more=b"A\x00: b\r\n"), 400, id="header name"),
        pytest.param(get(b"/span/collections/%00"), 400, id="path with NUL"),
        pytest.param(get(b"/span/collections/..%2f.."), 404, id="path upwards"),
        pytest.param(get(b"/span/system", b"TRACE"), 405, id="TRACE"),
        pytest.param(get(b"/span/system", b"FROB"), 400, id="no method"),
        pytest.param(get(b"127.0.0.1:1", b"CONNECT"), 404, id="CONNECT"),
        pytest.param(get(b"/span/collections/1/activity", b"POST", UPGRADE), 405, id="stream by POST"),
        pytest.param(get(b"/span/collections/1/activity", b"GET", UPGRADE), 404, id="stream of nothing"),
        pytest.param(chunked(b"zz\r\n"), 400, id="chunk size"),
        pytest.param(chunked(b"-1\r\n"), 400, id="chunk below nothing"),
        pytest.param(chunked(b"f" * 30 + b"\r\nx"), 400, id="huge chunk"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n", 400, id="negative length"),
        pytest.param(POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, id="two lengths"),
        pytest.param(sized(b"abcde", b"Content-Encoding: gzip\r\n"), 400, id="not gzipped"),
        pytest.param(sized(b"abcde", b"Content-Encoding: deflate\r\n"), 400, id="not deflated"),
        pytest.param(sized(gzip.compress(bytes(1 << 24)), b"Content-Encoding: gzip\r\n"), 413, id="gzip bomb"),
        pytest.param(sized(b"x" * 2_000_000), 413, id="long body"),
        pytest.param(sized(DEEP), 400, id="deep"),
        pytest.param(sized(b'{"z":' + DEEP + b"]" * 100_000 + b"}"), 400, id="deep and unknown"),
        pytest.param(sized(b'{"tags":{"a":"\xff"}}'), 400, id="no UTF-8"),
        pytest.param(sized(b'{"tags":{"a":"\\ud800"}}'), 400, id="half a surrogate"),
    ],
)
def test_nonsense_over_http_gets_a_problem_document_and_leaves_no_trace(server, raw, status):
    head, _, body = server.exchange(raw).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert server.call("GET", "/span/system")[0] == 200
    assert server.said() == ""


def test_a_client_that_waits_to_be_told_may_send_its_body(server):
    answer = server.exchange(sized(b"{}", b"Expect: 100-continue\r\n"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_client_that_leaves_in_mid_request_leaves_no_trace(server):
    for begun in (b"GET /sp", POST + b"Content-Length: 100\r\n\r\n{", chunked(b"5\r\nab")):
        for linger in (b"", struct.pack("ii", 1, 0)):  # goodbye, and reset
            with socket.create_connection(("127.0.0.1", server.ports[0])) as peer:
                peer.sendall(begun)
                assert server.call("GET", "/span/system")[0] == 200  # it has been read by now
                if linger:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert server.call("GET", "/span/system")[0] == 200
    assert server.said() == ""


# --- datagrams --------------------------------------------------------------------------------------------------------


def coap(rng: random.Random, code: int, options: list[tuple[int, bytes]], payload: bytes) -> bytes:
    """A well-formed message; only numbers and lengths below 269, as two bytes of extension are never needed."""
    out = bytes((0x40 | rng.randrange(2) << 4 | 4, code)) + rng.randbytes(2) + rng.randbytes(4)
    last = 0
    for number, value in sorted(options):
        halves = [(part, b"") if part < 13 else (13, bytes((part - 13,))) for part in (number - last, len(value))]
        out += bytes((halves[0][0] << 4 | halves[1][0],)) + halves[0][1] + halves[1][1] + value
        last = number
    return out + (b"\xff" + payload if payload else b"")


def nasty(rng: random.Random) -> bytes:
    block = rng.randrange(1 << 24).to_bytes(3, "big")
    kind = rng.randrange(8)
    if kind == 0:
        return rng.randbytes(rng.randrange(100))
    if kind == 1:  # an upload that never ends, in blocks of changing size
        return coap(rng, 2, [(11, b"a"), (27, block)], rng.randbytes(1 << rng.randrange(4, 11)))
    if kind == 2:  # the beginning of one more upload
        return coap(rng, 2, [(11, rng.randbytes(8)), (27, b"\x0e")], rng.randbytes(1024))
    if kind == 3:
        return coap(rng, 1, [(11, b"a"), (23, block)], b"")
    options = [(rng.randrange(200), rng.randbytes(rng.randrange(200))) for _ in range(rng.randrange(5))]
    message = bytearray(coap(rng, rng.randrange(256), options, rng.randbytes(rng.randrange(60))))
    for _ in range(rng.randrange(3)):
        message[rng.randrange(len(message))] = rng.randrange(256)
    if kind == 4:
        del message[rng.randrange(len(message)) :]
    return bytes(message) if rng.random() < 0.999 else rng.randbytes(65507)


def test_no_datagram_stops_it_and_many_do_not_fill_it(start_server):
    server = start_server("--quiet")
    server.collection_with_device("127.64.0.1")
    rng = random.Random(11)
    peers = []
    for number in range(1, 17):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind((f"127.64.0.{number}", 0))
        peer.settimeout(5)
        peers.append(peer)
    try:
        sizes = []
        for round_ in range(12_000):
            where = ("127.0.0.1", server.ports[2] if rng.random() < 0.8 else server.ports[1])
            peers[rng.randrange(len(peers))].sendto(nasty(rng), where)
            if not round_ % 100:  # a ping is answered with a reset: it keeps pace with us
                peers[0].sendto(struct.pack("!BBH", 0x40, 0, round_), ("127.0.0.1", server.ports[2]))
                while peers[0].recv(65536) != struct.pack("!BBH", 0x70, 0, round_):
                    pass
            if round_ in (6_000, 11_999):
                sizes.append(server.rss_kib())
        assert sizes[1] - sizes[0] < 20_000  # KiB: what it keeps is bounded
    finally:
        for peer in peers:
            peer.close()
    assert server.stop() == 0
    assert server.said() == ""


# --- its own end, and its output --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_being_told_again_and_again_does_not_spoil_its_end(start_server, number):
    server = start_server()
    for _ in range(20):
        if server.process.poll() is None:
            server.process.send_signal(number)
        time.sleep(0.01)
    assert server.stop(number) == 0
    assert server.said() == ""


def test_a_reader_of_its_output_that_does_not_read_does_not_stop_it():
    process = subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        port = 0
        while not (line := process.stdout.readline()).startswith(b"read-only"):
            port = port or int(line.split(b":")[2].split(b"/")[0])

        def ask(raw: bytes) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
                peer.sendall(raw)
                return b"".join(iter(lambda: peer.recv(65536), b""))

        collection = json.loads(ask(sized(b"{}")).partition(b"\r\n\r\n")[2])["collectionId"].encode()
        path = b"/span/collections/" + collection + b"/devices"
        body = b'{"tags":{"name":"' + b"x" * 5_000 + b'"}}'
        create = b"POST " + path + b" HTTP/1.1\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
        for _ in range(400):  # events of 400 bytes each, into a pipe that holds 64 KiB
            assert ask(create).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_full_disk_behind_its_output_does_not_stop_it():
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(SERVE, stdout=full, stderr=subprocess.PIPE, text=True)
        assert "No space left" in process.stderr.readline()
        assert process.poll() is None
        process.terminate()
        assert process.communicate(timeout=10)[1] == ""
    assert process.returncode == 0
