"""A reader's queue: bounded, honest about what it dropped, and silent only for so long (span §3.2)."""

from __future__ import annotations

import pytest

from simulator.server.span.settings import NS_PER_S
from simulator.server.span.streams import KEEPALIVE, Closed, Subscription


def reader(**options):
    return Subscription(0, **{"limit": 3, "limit_bytes": 1000} | options)


def fill(stream, count, now_ns=0):
    for number in range(count):
        stream.push(str(number).encode(), now_ns)


def test_messages_come_out_in_order_once():
    stream = reader()
    fill(stream, 3)
    assert stream.take() == [b"0", b"1", b"2"]
    assert stream.take() == []


def test_a_slow_reader_is_told_how_many_it_missed_where_they_are_missing():
    stream = reader()
    fill(stream, 15)
    assert stream.take() == [b"0", b"1", b"2", b'{"dropped":"12","type":"dropped"}\n']
    fill(stream, 4)
    assert stream.take() == [b"0", b"1", b"2", b'{"dropped":"1","type":"dropped"}\n']
    assert stream.take() == []
    assert (stream.dropped, stream.closed) == (13, None)


def test_bytes_are_bounded_as_well():
    stream = reader(limit=1000, limit_bytes=10)
    for _ in range(3):
        stream.push(b"12345", 0)
    assert stream.take() == [b"12345", b"12345", b'{"dropped":"1","type":"dropped"}\n']
    stream.push(b"1234567890", 0)  # what was taken makes room
    assert stream.take() == [b"1234567890"]
    stream.push(b"12345678901", 0)  # never fits
    assert stream.take() == [b'{"dropped":"1","type":"dropped"}\n']


def test_lossless_drops_nothing_and_cuts_off_who_is_much_too_slow():
    stream = reader(lossless=True)
    left = []
    stream.when_closed(left.append)
    fill(stream, 3)
    assert (stream.dropped, stream.closed, left) == (0, None, [])
    fill(stream, 5)
    assert stream.closed == Closed(1013, "reader too slow: 3 messages were waiting")
    assert left == [stream]
    assert stream.take() == [b"0", b"1", b"2"]
    assert stream.dropped == 0


def test_ready_is_called_when_something_comes_after_nothing():
    stream, calls = reader(), []
    stream.on_ready = lambda: calls.append(len(calls))
    fill(stream, 5)
    assert len(calls) == 1
    stream.take()
    fill(stream, 1)
    assert len(calls) == 2
    stream.close(1000, "bye")
    stream.close(1000, "bye")
    assert len(calls) == 3


def test_closing_tells_once_and_keeps_the_first_reason():
    stream, left = reader(), []
    stream.when_closed(left.append)
    stream.close(1001, "first")
    stream.close(1000, "second")
    assert (str(stream.closed), left) == ("first (1001)", [stream])


def test_keepalive_after_thirty_seconds_of_silence():
    stream = reader(keepalive_s=30)
    assert stream.deadline_ns == 30 * NS_PER_S
    stream.expire(30 * NS_PER_S - 1)
    assert stream.take() == []
    stream.expire(30 * NS_PER_S)
    stream.expire(30 * NS_PER_S)
    assert stream.take() == [KEEPALIVE] == [b'{"type":"keepalive"}\n']
    stream.push(b"event", 45 * NS_PER_S)
    assert stream.deadline_ns == 75 * NS_PER_S
    stream.expire(60 * NS_PER_S)
    assert stream.take() == [b"event"]


def test_no_keepalive_on_top_of_what_waits_or_after_the_end():
    stream = reader()
    fill(stream, 1)
    stream.expire(31 * NS_PER_S)
    assert stream.take() == [b"0"]
    assert stream.deadline_ns == 61 * NS_PER_S
    stream.close(1000, "")
    assert stream.deadline_ns is None
    stream.expire(100 * NS_PER_S)
    assert stream.take() == []


@pytest.mark.parametrize("lossless", [False, True])
def test_memory_is_bounded_whoever_reads(make_platform, lossless):
    platform = make_platform(stream_messages=50, lossless_messages=80)
    collection = platform.collection()
    platform.attached(collection)
    stream = platform.activity(collection, lossless=lossless)
    for _ in range(500):
        platform.up()
    taken = stream.take()
    assert len(taken) == (80 if lossless else 51)
    assert (stream.closed is not None) == lossless
    assert (platform.core.streams, stream.dropped) == ((0, 0) if lossless else (1, 451))


def test_a_paced_reader_takes_some_and_finds_the_gap_where_it_is():
    stream = reader()
    fill(stream, 5)  # 3 and 4 are dropped
    assert stream.take_some(1) == [b"0"]
    stream.push(b"later", 0)  # 1, 2, the notice and this one: no room, the notice counts as it is to be read
    assert stream.take_some(2) == [b"1", b"2"]
    stream.push(b"last", 0)
    assert stream.take_some(9) == [
        b'{"dropped":"2","type":"dropped"}\n',
        b'{"dropped":"1","type":"dropped"}\n',
        b"last",
    ]
    assert (stream.take_some(1), stream.waiting, stream.dropped) == ([], 0, 3)


def test_taking_some_makes_room_for_bytes_too():
    stream = reader(limit=1000, limit_bytes=10)
    stream.push(b"12345", 0)
    stream.push(b"12345", 0)
    stream.take_some(1)
    stream.push(b"12345", 0)
    assert (stream.take(), stream.dropped) == ([b"12345", b"12345"], 0)
    stream.push(b"1234567890", 0)
    assert stream.dropped == 0


def test_ready_is_called_again_only_when_all_was_taken():
    stream, calls = reader(), []
    stream.on_ready = lambda: calls.append(1)
    fill(stream, 2)
    stream.take_some(1)
    fill(stream, 1)
    assert len(calls) == 1
    stream.take_some(2)
    fill(stream, 1)
    assert len(calls) == 2
