"""The plain UDP endpoint: what is stored, and what comes back (span §4.2)."""

from __future__ import annotations

import pytest

from simulator.server.fronts.udp import RECEIVE_BUFFER_BYTES, UdpFront


@pytest.fixture
def front(span):
    return span.start(UdpFront(span.core, span.clock))


def test_a_datagram_is_a_message_and_nothing_acknowledges_it(span, front):
    assert span.exchange(front, b"hello", b"\x00") == []
    assert [row[:3] for row in span.stored] == [(b"hello", "udp", 40000), (b"\x00", "udp", 40000)]
    assert front.counts.messages == 2


def test_each_message_brings_the_oldest_that_waits(span, front):
    messages = [span.queue(payload) for payload in (b"one", b"two")]
    assert span.exchange(front, b"a") == [b"one"]
    assert [(message.state, message.transport) for message in messages] == [("sent", "udp"), ("pending", "unspecified")]
    assert span.exchange(front, b"b", b"c") == [b"two"]
    assert front.counts.replies == 2


def test_a_datagram_without_content_is_nothing(span, front):
    span.queue(b"waits")
    assert span.exchange(front, b"") == []
    assert (span.stored, front.counts.empty, front.counts.messages) == ([], 1, 0)


def test_an_empty_message_is_not_sent(span, front):
    span.queue(b"")
    assert span.exchange(front, b"up") == []


def test_each_message_has_the_time_of_its_arrival(span, front):
    times = []
    for _ in range(3):
        times.append(span.clock.unix_ns())
        span.exchange(front, b"up")
        span.wait(1.5)
    assert [row[1] for row in span.meter.history] == times


def test_a_stranger_gets_no_answer(span, front):
    span.queue(b"waits")
    assert span.exchange(front, b"hello", ip=span.stranger_ip) == []
    assert (span.stored, front.counts.unknown_source) == ([], 1)


def test_what_is_longer_than_the_platforms_buffer_is_cut(span, front):
    span.exchange(front, bytes(RECEIVE_BUFFER_BYTES), bytes(RECEIVE_BUFFER_BYTES + 1))
    assert [len(payload) for payload, *_ in span.stored] == [2048, 2048]
    assert front.counts.cut == 1


def test_after_stop_nothing_is_stored(span, front):
    span.exchange(front, b"first")
    front.stop()
    front.stop()
    assert span.exchange(front, b"second") == []
    assert len(span.stored) == 1
