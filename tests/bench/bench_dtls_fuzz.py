"""Datagrams of real DTLS sessions, damaged in every way, to both ends: nothing is raised, and nothing grows.

    .venv/bin/python tests/bench/bench_dtls_fuzz.py [--count 30000] [--seed 0]

Prints one line, and exits with 1 if anything was wrong. The suite runs a few hundred of the same.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from pathlib import Path
from random import Random

COUNT = 30_000
GROWTH_MOST_KIB = 24 << 10


def damaged(random: Random, data: bytes, others: list[bytes]) -> bytes:
    """One datagram, changed by chance: bits, length, splices, repetitions, header fields."""
    for _ in range(random.choice((1, 1, 2, 4))):
        if not data:
            break
        at = random.randrange(len(data))
        match random.randrange(11):
            case 0:
                data = data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]
            case 1:
                data = data[:at]
            case 2:
                other = random.choice(others)
                data = data[:at] + other[random.randrange(len(other) + 1) :]
            case 3:
                data = data + data[at:]
            case 4:
                data = data[:at] + random.randbytes(random.randrange(40)) + data[at:]
            case 5:  # a header field: type, version, epoch, number, length
                field = random.choice(((0, 1), (1, 2), (3, 2), (5, 6), (11, 2)))
                data = data[: field[0]] + random.randbytes(field[1]) + data[sum(field) :]
            case 6:  # a field of the handshake header
                field = random.choice(((13, 1), (14, 3), (17, 2), (19, 3), (22, 3)))
                data = data[: field[0]] + random.randbytes(field[1]) + data[sum(field) :]
            case 7:
                data = random.randbytes(random.choice((0, 1, 12, 13, 14, 60, 1280, 20_000)))
            case 8:
                data = random.choice(others) + data
            case 9:  # lengths at their ends
                data = data[:11] + random.choice((b"\x00\x00", b"\xff\xff", b"\x00\x01")) + data[13:]
            case 10:
                data = data[:at] + data[at + random.randrange(1, 20) :]
    return data[:65507]


def play(net: object, random: Random, corpus: list[bytes], states: object) -> int:
    """One handshake, and a few records, among which damaged datagrams reach both ends; returns how many."""
    from typing import Any

    it: Any = net
    sent = 0
    original = it.put

    def put(direction: str, peer: int, data: bytes) -> None:
        nonlocal sent
        if len(corpus) < 400:
            corpus.append(data)
        else:
            corpus[random.randrange(400)] = data
        for _ in range(random.choice((0, 0, 0, 1, 2, 4))):
            bad = damaged(random, random.choice((data, data, random.choice(corpus))), corpus)
            sent += 1
            if direction == "C":
                it.server.receive(bad, random.choice((peer, peer, peer + 1)), 1, it.now)
            elif peer in it.clients:
                it.clients[peer].feed(bad, it.now)
        original(direction, peer, data)

    it.put = put
    try:
        peer = random.randrange(1, 4)
        former = it.clients.get(peer)
        session = it.client(resume=former.resumption if former and random.random() < 0.5 else None, peer=peer)
        it.run(it.now + random.choice((0.5, 5.0)))
        for _ in range(5):
            if session.state is states.CONNECTED:  # type: ignore[attr-defined]
                it.say(random.randbytes(random.randrange(1, 100)), peer=peer)
                it.run(it.now + 0.1)
        if random.random() < 0.5:
            session.close(it.now)
            it.flush(peer)
    finally:
        del it.put
    session.received()
    it.wire.clear()
    it.events.clear()
    return sent


def rss_kib() -> int:
    """What the process holds now; where the system does not tell, the most that it held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 10
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Damaged datagrams to both ends of DTLS.")
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many datagrams (default {COUNT})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from simulator.protocol.dtls.client import State
    from tests.protocol.dtls.virtual import Net

    random, corpus, sent, plays = Random(options.seed), [], 0, 0
    net = Net()
    began, base_kib, troubles = time.monotonic(), 0, []
    while sent < options.count:
        try:
            sent += play(net, random, corpus, State)
        except Exception as error:  # a defect of ours: what raised it is what is looked for
            troubles.append(f"raised after {sent}: {error!r}")
            net = Net()
        plays += 1
        if not base_kib and sent > options.count // 4:
            gc.collect()
            base_kib = rss_kib()
    net.clients.clear()
    net.run(net.now + 1300)
    net.server.stop(net.now)
    net.run(net.now + 1300)
    gc.collect()
    grown_kib = rss_kib() - base_kib
    left = {"sessions": net.server.sessions, "pending": net.server.pending, "calendar": len(net.calendar)}
    troubles += [f"{number} {what} left" for what, number in left.items() if number]
    if grown_kib > GROWTH_MOST_KIB:
        troubles.append(f"{grown_kib} KiB more memory than after a quarter")
    wall_s = time.monotonic() - began
    print(
        f"{sent} damaged datagrams among {plays} handshakes in {wall_s:.0f} s, {grown_kib} KiB grown: "
        + ("; ".join(troubles) or "nothing raised, nothing left")
    )
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
