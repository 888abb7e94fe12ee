"""Rings of answers: what is remembered, for how long, and how much of it."""

from __future__ import annotations

import pytest

from simulator.protocol.coap.dedup import EXCHANGE_LIFETIME_S, Dedup, remember


def filled(dedup, peer, now, mids=(1,)):
    ring = dedup.ring_of(peer, now)
    for mid in mids:
        remember(ring, 8, mid, b"answer %d" % mid, now + EXCHANGE_LIFETIME_S)
    return ring


def test_a_ring_keeps_its_newest_messages():
    ring = {}
    for mid in range(20):
        remember(ring, 8, mid, b"", 100.0)
    assert list(ring) == list(range(12, 20))


def test_the_answer_is_found_until_a_generation_has_passed():
    dedup = Dedup(peers=100, strangers=100, verified=lambda _peer: True)
    filled(dedup, 7, now=0.0)
    assert dedup.ring_of(7, 246.0)[1].answer == b"answer 1"


def test_what_has_run_out_is_gone_from_a_ring_that_comes_back():
    dedup = Dedup(peers=100, strangers=100, verified=lambda _peer: True)
    filled(dedup, 7, now=0.0)
    filled(dedup, 8, now=EXCHANGE_LIFETIME_S)  # begins a new generation
    filled(dedup, 7, now=EXCHANGE_LIFETIME_S + 1, mids=(2,))
    assert list(dedup.ring_of(7, EXCHANGE_LIFETIME_S + 1)) == [2]


def test_whoever_is_silent_for_two_lifetimes_is_forgotten():
    dedup = Dedup(peers=100, strangers=100, verified=lambda _peer: True)
    filled(dedup, 7, now=0.0)
    for generation in (1, 2):
        filled(dedup, 8, now=generation * EXCHANGE_LIFETIME_S)
        filled(dedup, 9 + generation, now=generation * EXCHANGE_LIFETIME_S)
    assert len(dedup.known) == 3


def test_a_crowd_drops_those_that_were_silent_longest():
    dedup = Dedup(peers=10, strangers=10, verified=lambda _peer: True)
    for peer in range(8):
        filled(dedup, peer, now=0.0)
        dedup.ring_of(0, 0.0)  # never silent
    for peer in range(8, 100):
        filled(dedup, peer, now=0.0)
        dedup.ring_of(0, 0.0)
        assert len(dedup.known) <= 10
    assert list(dedup.ring_of(0, 0.0)) == [1]
    assert dedup.ring_of(1, 0.0) == {}


def test_strangers_cost_the_known_nothing():
    dedup = Dedup(peers=10, strangers=10, verified=lambda peer: peer < 5)
    for peer in range(5):
        filled(dedup, peer, now=0.0)
    for peer in range(1000, 2000):
        filled(dedup, peer, now=0.0)
    assert len(dedup.strangers) <= 10
    assert all(list(dedup.ring_of(peer, 0.0)) == [1] for peer in range(5))


def test_a_ring_goes_along_when_a_stranger_logs_in_and_when_it_leaves():
    known = set()
    dedup = Dedup(peers=10, strangers=10, verified=known.__contains__)
    filled(dedup, 7, now=0.0)
    known.add(7)
    assert list(dedup.ring_of(7, 0.0)) == [1]
    assert (len(dedup.known), len(dedup.strangers)) == (1, 0)
    known.clear()
    assert list(dedup.ring_of(7, 0.0)) == [1]
    assert (len(dedup.known), len(dedup.strangers)) == (0, 1)


@pytest.mark.parametrize("sizes", [{"peers": 1, "strangers": 10}, {"peers": 10, "strangers": 0}])
def test_a_pool_without_room_is_refused(sizes):
    with pytest.raises(ValueError, match="at least 2"):
        Dedup(verified=lambda _peer: True, **sizes)


def test_generations_pass_although_nobody_new_appears():
    dedup = Dedup(peers=100, strangers=100, verified=lambda _peer: True)
    for peer in range(50):
        filled(dedup, peer, now=0.0)
    for generation in (1, 2, 3):
        dedup.ring_of(0, generation * EXCHANGE_LIFETIME_S)
    assert len(dedup.known) == 1
