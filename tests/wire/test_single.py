"""One datagram a call; what it shares with the batches is promised in test_socket_port.py and test_wire_contract.py."""

from __future__ import annotations

import sys

import pytest

from simulator.wire import selftest, single
from simulator.wire.single import SinglePort

pytestmark = pytest.mark.real


def test_shared_sockets_work_here():
    assert single.available() is None


def test_another_system_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert single.available.__wrapped__() == "no IP_PKTINFO as on Linux on darwin"


def test_the_self_test_notices_a_port_that_does_not_say_where_datagrams_were_sent_to():
    class Forgetful(SinglePort):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self._ancillary_bytes = 0

    assert "addresses or payloads differ" in selftest.exchange(Forgetful)
