"""A Span core with one device in session, and an endpoint of the memory network to talk to it from."""

from __future__ import annotations

import asyncio

import pytest

from simulator.clock import VirtualClock
from simulator.server.span.core import SpanCore
from simulator.wire.address import ipv4
from simulator.wire.calendar import Calendar
from simulator.wire.memory import MemoryNetwork

DEVICE_IP = ipv4("127.64.0.5")


class SpanScene:
    """The core, its device `meter`, and the means to send datagrams from any address."""

    def __init__(self):
        self.clock = VirtualClock()
        self._calendar = Calendar()
        self.wire = MemoryNetwork(self._calendar, self.clock)
        self.core = SpanCore()
        collection = self.core.create_collection()
        self.meter = self.core.registry.create_device(collection, imsi="999990000000001")
        self.core.login("999990000000001", "", DEVICE_IP, self.clock.unix_ns())
        self.device_ip = DEVICE_IP
        self.stranger_ip = DEVICE_IP + 1
        self._inbox = []
        self._port = self.wire.open_now(
            "0.0.0.0", 40000, lambda data, peer, ip, _now: self._inbox.append((data, peer, ip))
        )

    def start(self, front):
        asyncio.run(front.start(self.wire, "127.0.0.1", 0))
        return front

    def exchange(self, front, *datagrams, ip=DEVICE_IP):
        """Send datagrams at one moment; what came back, in order."""
        self._inbox.clear()
        for datagram in datagrams:
            self._port.send(datagram, front.address, ip)
        self._calendar.play(self.clock, ())
        assert all((peer, local_ip) == (front.address, ip) for _, peer, local_ip in self._inbox)
        return [data for data, _, _ in self._inbox]

    def wait(self, seconds):
        self.clock.time_s += seconds

    def queue(self, payload):
        return self.core.queue(self.meter, payload, self.clock.unix_ns())

    @property
    def stored(self):
        """(payload, transport, remote port, code, path) of what was stored, oldest first."""
        rows = self.meter.history or ()
        return [(self.core.histories.payload(row), row[5], row[7], row[8], row[9]) for row in rows]


@pytest.fixture
def span():
    return SpanScene()
