"""Damaged datagrams to both ends; tests/bench/bench_dtls_fuzz.py does the same at length."""

from __future__ import annotations

from random import Random

import pytest

from simulator.protocol.dtls.client import State

from ...bench.bench_dtls_fuzz import play
from .virtual import HERE, Net


@pytest.mark.parametrize("seed", range(3))
def test_damaged_datagrams_raise_nothing_and_leave_nothing(seed: int) -> None:
    net, random, corpus, sent = Net(), Random(seed), [], 0
    while sent < 250:
        sent += play(net, random, corpus, State)
        assert net.server.pending <= 4
        assert net.server.sessions <= 4
        assert net.server.timers <= 4
    # It is not for nothing: handshakes do come to their end in spite of it.
    assert net.server.counts.handshakes > 0
    net.run(net.now + 1300)
    assert (net.server.pending, net.server.sessions, len(net.calendar)) == (0, 0, 0)


@pytest.mark.parametrize("first", range(0, 256, 5))
def test_any_bytes_to_an_empty_server_and_a_waiting_client(first: int) -> None:
    random = Random(first)
    net = Net(lambda *_: [])
    session = net.client()
    for size in (0, 1, 12, 13, 14, 25, 26, 60, 61, 200, 1500, 17_000, 65_507):
        data = (bytes((first, 0xFE, 0xFD)) + bytes(8) + random.randbytes(size))[:size]
        net.server.receive(data, 1, HERE, 0.0)
        session.feed(data, 0.0)
    assert (net.server.pending, net.server.sessions, len(net.calendar)) == (0, 0, 0)
    assert session.state is State.HANDSHAKE or session.end.startswith(("alert: ", "failed: ", "close-notify"))
