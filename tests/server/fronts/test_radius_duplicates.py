"""Answers that are kept for requests that come again (RFC 5080 §2.2.2)."""

from __future__ import annotations

from simulator.server.fronts.radius_duplicates import Duplicates


def key(number):
    return number, 1, 0, bytes(16)


def test_an_answer_is_found_until_it_is_outdated():
    cache = Duplicates(30, 10)
    cache.keep(key(1), b"answer", 100.0)
    assert [cache.find(key(1), now) for now in (100.0, 129.9, 130.0)] == [b"answer", b"answer", None]
    assert cache.find(key(2), 100.0) is None


def test_the_oldest_give_way():
    cache = Duplicates(30, 3)
    for number in range(10):
        cache.keep(key(number), b"%d" % number, 1.0)
        assert len(cache) <= 3
    assert [cache.find(key(number), 1.0) for number in range(6, 10)] == [None, b"7", b"8", b"9"]


def test_what_is_outdated_goes_with_what_comes():
    cache = Duplicates(30, 1000)
    for number in range(500):
        cache.keep(key(number), b"", 0.0)
    for number in range(600):
        cache.keep(key(1000 + number), b"", 31.0 + number)
    assert len(cache) <= 31


def test_a_request_that_comes_after_its_answer_is_outdated_is_answered_anew():
    cache = Duplicates(30, 10)
    cache.keep(key(1), b"old", 0.0)
    cache.keep(key(1), b"new", 40.0)
    assert cache.find(key(1), 60.0) == b"new"
    assert len(cache) == 1


def test_no_room_at_all():
    cache = Duplicates(30, 0)
    cache.keep(key(1), b"answer", 0.0)
    assert cache.find(key(1), 0.0) is None
    assert len(cache) == 0


def test_who_comes_again_stands_behind_the_others():
    cache = Duplicates(30, 10)
    for number, now in ((1, 0.0), (2, 20.0), (1, 40.0), (3, 60.0)):
        cache.keep(key(number), b"", now)
    assert len(cache) == 2  # the second one is outdated by then
