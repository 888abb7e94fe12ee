"""Records as bytes: what is cut comes together again, and no bytes make it raise."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol.dtls import records as r
from simulator.protocol.dtls.flights import Outbox

RECORD = st.builds(
    lambda kind, epoch, number, body: (
        bytes((kind, 0xFE, 0xFD)) + epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
        + len(body).to_bytes(2, "big") + body
    ),
    st.sampled_from([20, 21, 22, 23]), st.integers(0, 2), st.integers(0, 2**48 - 1), st.binary(max_size=80),
)  # fmt: skip


@given(st.lists(RECORD))
def test_records_are_found_again(records: list[bytes]) -> None:
    assert r.split(b"".join(records)) == records
    assert r.split(b"".join(records) + b"\x16\xfe\xfd") == records


@given(st.lists(RECORD), st.integers(1, 300))
def test_datagrams_keep_order_and_mtu(records: list[bytes], mtu: int) -> None:
    datagrams = r.pack(records, mtu)
    assert b"".join(datagrams) == b"".join(records)
    assert all(len(datagram) <= mtu or len(r.split(datagram)) == 1 for datagram in datagrams)
    # None could have taken the first record of the next one.
    for first, second in pairwise(datagrams):
        assert len(first) + len(r.split(second)[0]) > mtu


@given(RECORD, st.integers(0, 2**48 - 1))
def test_a_number_changes_nothing_else(record: bytes, number: int) -> None:
    changed = r.renumbered(record, number)
    assert r.number_of(changed) == number
    assert r.renumbered(changed, r.number_of(record)) == record
    assert r.is_plain(changed) == r.is_plain(record)


@given(st.binary(max_size=200) | st.lists(RECORD).map(b"".join))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    for record in r.split(data):
        r.message_key(record), r.is_plain(record), r.number_of(record)
    if r.is_record(data):
        r.is_single(data), r.wants_last_flight(data)
        if r.begins_handshake(data):
            r.hello_random(data), r.has_cookie(data)


HELLO = bytes.fromhex("16fefd0000000000000000002f010000230000000000000023fefd") + bytes(range(32))


@pytest.mark.parametrize(
    ("rest", "expected"),
    [("0000", False), ("0020", True), ("0201ff00", False), ("0201ff01", True), ("ff", False), ("00", False)],
)
def test_the_cookie_of_a_hello(rest: str, expected: bool) -> None:
    hello = HELLO + bytes.fromhex(rest)
    assert r.begins_handshake(hello)
    assert r.hello_random(hello) == bytes(range(32))
    assert r.has_cookie(hello) is expected


def handshake(number: int, message: int, kind: int = 11) -> bytes:
    body = bytes((kind, 0, 0, 1)) + message.to_bytes(2, "big") + bytes(5) + b"\x01" + b"x"
    return b"\x16\xfe\xfd\x00\x00" + number.to_bytes(6, "big") + len(body).to_bytes(2, "big") + body


CHANGE = b"\x14\xfe\xfd\x00\x00" + bytes(5) + b"\x05" + b"\x00\x01\x01"
FINISHED = b"\x16\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x02ab"


def test_a_flight_is_repeated_with_fresh_plaintext_numbers() -> None:
    box = Outbox(1.0, 60.0, number=3)
    sent = box.take(handshake(1, 0) + handshake(2, 1) + CHANGE + FINISHED, 0.0)
    assert [r.number_of(record) for record in sent] == [3, 4, 5, 0]
    again = box.expire(1.0)
    assert [r.number_of(record) for record in again] == [6, 7, 8, 0]
    assert [record[11:] for record in again] == [record[11:] for record in sent]
    assert (box.due, box.timeout_s) == (3.0, 2.0)
    # What OpenSSL repeats by its own clock is left out; what is new is a new flight.
    assert box.take(handshake(9, 0) + handshake(10, 1) + CHANGE + FINISHED, 2.0) == []
    assert box.due == 3.0
    (fresh,) = box.take(handshake(9, 1) + handshake(20, 2), 2.5)
    assert (r.number_of(fresh), box.flight, box.due) == (20, [fresh], 3.5)


def test_an_alert_is_no_flight() -> None:
    box = Outbox(1.0, 60.0)
    alert = b"\x15\xfe\xfd\x00\x00" + bytes(6) + b"\x00\x02\x02\x28"
    assert box.take(alert, 0.0) == [alert]
    assert (box.flight, box.due) == ([], None)


def test_the_last_number_there_is() -> None:
    box = Outbox(1.0, 60.0, number=2**48 - 1)
    assert [r.number_of(record) for record in box.take(handshake(0, 0) + handshake(1, 1), 0.0)] == [2**48 - 1, 0]
