"""DTLS in memory, both ends in one process: handshakes and records per second, and memory per session.

    .venv/bin/python tests/bench/bench_dtls.py [--handshakes 1000] [--sessions 3000] [--rounds 5]

A mutual handshake with leaf and intermediate on both sides takes, for both ends together:

    2 signatures (ServerKeyExchange, CertificateVerify)
    5 verifications (client: leaf, intermediate, ServerKeyExchange; server: leaf, CertificateVerify)
    2 key pairs made and 2 secrets derived (a key pair counts as a signature, which is mostly that)

`openssl speed` says what that alone costs: the limit. CPU time throughout; limit and handshakes are measured in turns,
and the ratio is of the same turn, for absolute times on a shared machine mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

SIGNATURES, VERIFICATIONS, PAIRS, SECRETS = 2, 5, 2, 2


def limit_ms() -> float | None:
    """CPU time of the arithmetic of one handshake, in milliseconds; None: openssl is not installed."""
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, "speed", "-seconds", "1", "ecdsap256", "ecdhp256"]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    sign, verify = map(float, re.findall(r"ecdsa \(nistp256\).*?([\d.]+)\s+([\d.]+)$", text, re.M)[0])
    derive = float(re.findall(r"ecdh \(nistp256\).*?([\d.]+)$", text, re.M)[0])
    return 1000 * ((SIGNATURES + PAIRS) / sign + VERIFICATIONS / verify + SECRETS / derive)


class Pair:
    """A server and as many clients as asked for, joined by calls."""

    def __init__(self) -> None:
        from simulator.protocol.dtls import client, identity, server
        from simulator.wire.calendar import Calendar
        from tests.protocol.dtls.authority import TestAuthority

        authority = TestAuthority()

        def unix_ns() -> int:
            return authority.now_s * 10**9

        self._sent: list[bytes] = []
        self._session = client.ClientSession
        self.received = 0
        context = server.ServerContext(
            identity.Identity.from_pem(*authority.leaf("server", client=False)), authority.trust_pem, unix_ns=unix_ns,
            accept=lambda _peer: "",
        )  # fmt: skip
        self.server = server.Server(
            context, Calendar(), lambda data, _peer, _ip: self._sent.append(data), connected=lambda *_: True,
            data=self._data, closed=lambda *_: None, seed=1,
        )  # fmt: skip
        self._context = client.ClientContext(authority.root_pem, None, unix_ns)
        self._identity = identity.Identity.from_pem(*authority.leaf("device"))

    def _data(self, *_: object) -> None:
        self.received += 1

    def connect(self, peer: int, resume: Any = None) -> Any:
        """One handshake."""
        session = self._session(self._context, self._identity, resume)
        session.start(0.0)
        while datagrams := session.out():
            for data in datagrams:
                self.server.receive(data, peer, 1, 0.0)
            answers, self._sent = self._sent, []
            for data in answers:
                session.feed(data, 0.0)
        assert not session.end
        return session

    def handshake_ms(self, count: int, resume: Any = None) -> float:
        """CPU time of one handshake for both ends."""
        began = time.process_time()
        for peer in range(count):
            self.connect(peer, resume)
        return (time.process_time() - began) / count * 1e3

    def record_us(self, count: int) -> tuple[float, float]:
        """CPU time of a record of 64 bytes: (from client to server, back), both ends of it together."""
        session, data = self.connect(0), bytes(64)
        association = self.server.find(0)
        began = time.process_time()
        for _ in range(count):
            session.send(data, 0.0)
            for datagram in session.out():
                self.server.receive(datagram, 0, 1, 0.0)
        middle = time.process_time()
        for _ in range(count):
            self.server.send(association, data, 0.0)
            answers, self._sent = self._sent, []
            for datagram in answers:
                session.feed(datagram, 0.0)
            session.received()
        return (middle - began) / count * 1e6, (time.process_time() - middle) / count * 1e6


def rss_kib() -> int:
    """Resident memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 10


def memory_kib(sessions: int) -> float:
    """Per session and end, after a record in each direction."""
    pair = Pair()
    kept = [pair.connect(peer) for peer in range(200)]
    before = rss_kib()
    for peer in range(200, 200 + sessions):
        session = pair.connect(peer)
        session.send(bytes(64), 0.0)
        pair.server.receive(session.out()[0], peer, 1, 0.0)
        pair.server.send(pair.server.find(peer), bytes(64), 0.0)
        session.feed(pair._sent.pop(), 0.0)
        kept.append(session)
    return (rss_kib() - before) / sessions / 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="DTLS handshakes, records and memory.")
    parser.add_argument("--handshakes", type=int, default=1000, help="per round")
    parser.add_argument("--sessions", type=int, default=3000, help="held at once to measure memory")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pair = Pair()
    pair.handshake_ms(50)
    full, limits, resumed = [], [], []
    for _ in range(options.rounds):
        limits.append(limit_ms())
        full.append(pair.handshake_ms(options.handshakes))
        resumed.append(pair.handshake_ms(options.handshakes, pair.connect(0).resumption))
    ratios = [limit / ours for limit, ours in zip(limits, full, strict=True) if limit is not None]
    print(f"handshake, both ends      {median(full):6.3f} ms   {1000 / median(full):6.0f} a second")
    if ratios:
        known = [limit for limit in limits if limit is not None]
        print(
            f"its P-256 arithmetic      {median(known):6.3f} ms   ratio {median(ratios):.2f} (least {min(ratios):.2f})"
        )
    print(f"resumed, both ends        {median(resumed):6.3f} ms   {1000 / median(resumed):6.0f} a second")
    up_us, down_us = pair.record_us(20_000)
    print(f"record of 64 bytes        {up_us:6.1f} µs to the server, {down_us:.1f} µs to the client, both ends of it")
    print(f"memory, session and end   {memory_kib(options.sessions):6.1f} KiB")


if __name__ == "__main__":
    main()
