"""The names of counters are what reports and thresholds say."""

from __future__ import annotations

from simulator.load.protocol_counts import named, of_port
from simulator.protocol.coap.sending import Counts
from simulator.wire.dtls_held import DtlsCounts
from simulator.wire.ports import PortCounts


def test_the_counts_of_a_room_bear_its_name():
    assert named("dtls", DtlsCounts(handshakes=3, resumed=2))["dtls.resumed"] == 2
    assert named("coap", Counts())["coap.retransmissions"] == 0


def test_what_our_own_buffers_lost_is_told_from_what_the_system_refused():
    counts = PortCounts(sent=1, received=2, sent_bytes=3, received_bytes=4, send_errors=5, truncated=6, overflowed=7)
    assert of_port(counts) == {
        "datagrams.sent": 1,
        "datagrams.received": 2,
        "bytes.sent": 3,
        "bytes.received": 4,
        "drops": 13,
        "send_errors": 5,
    }
