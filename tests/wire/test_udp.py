"""The wire of asyncio-dgram sockets: one per device, on systems with and without 127.64.0.0/10."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc

import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.wire.address import LOOPBACK, address, ip_of, ipv4, port_of
from simulator.wire.udp import DgramWire, has_many_loopback_addresses

pytestmark = pytest.mark.real

PATIENCE_S = 10.0
DEVICE = ipv4("127.64.0.1")


def on_wire(scenario, **options):
    """Run `scenario(wire)`; returns what the loop's handler was told."""
    told = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        wire = DgramWire(WallClock(), loop, **options)
        try:
            await scenario(wire)
        finally:
            await wire.close()
            assert len(asyncio.all_tasks()) == 1, "closing leaves no task behind"

    asyncio.run(main())
    gc.collect()
    return told


def collector(count):
    """A receiver and a future that has all items when `count` have come."""
    items = []
    done = asyncio.get_running_loop().create_future()

    def receive(*item):
        items.append(item)
        if len(items) == count:
            done.set_result(items)

    return receive, done


def test_linux_needs_no_mapping():
    assert has_many_loopback_addresses()
    assert not DgramWire(WallClock(), None).mapped


def test_a_mapped_device_is_known_by_its_port_before_it_sends():
    async def scenario(wire):
        receive, done = collector(3)
        server = await wire.open("127.0.0.1", 0, receive)
        fleet = await wire.open("0.0.0.0", 0, lambda *_: None)
        known = {fleet.local_address(DEVICE + number): number for number in range(3)}
        assert len(known) == 3
        assert {ip_of(where) for where in known} == {LOOPBACK}
        for number in range(3):
            fleet.send(b"%d" % number, server.address, DEVICE + number)
        for data, peer, *_ in await asyncio.wait_for(done, PATIENCE_S):
            assert data == b"%d" % known[peer]
            assert fleet.local_address(DEVICE + known[peer]) == peer

    assert on_wire(scenario, mapped=True) == []


def test_an_unmapped_device_keeps_its_address_and_the_port_of_the_fleet():
    async def scenario(wire):
        fleet = await wire.open("0.0.0.0", 0, lambda *_: None)
        assert fleet.local_address(DEVICE) == address(DEVICE, port_of(fleet.address))

    assert on_wire(scenario) == []


@pytest.mark.parametrize("mapped", [False, True])
def test_a_device_that_never_sent_can_be_reached(mapped):
    async def scenario(wire):
        receive, done = collector(1)
        server = await wire.open("127.0.0.1", 0, lambda *_: None)
        fleet = await wire.open("0.0.0.0", 0, receive)
        server.send(b"downstream", fleet.local_address(DEVICE))
        [(data, peer, local_ip, _)] = await asyncio.wait_for(done, PATIENCE_S)
        assert (data, peer, local_ip) == (b"downstream", server.address, DEVICE)

    assert on_wire(scenario, mapped=mapped) == []


def test_devices_without_a_descriptor_are_counted_and_told_once():
    async def scenario(wire):
        receive, done = collector(4)
        server = await wire.open("127.0.0.1", 0, receive)
        fleet = await wire.open("0.0.0.0", 0, lambda *_: None)
        for number in range(10):
            fleet.send(b"%d" % number, server.address, DEVICE + number)
        assert {data for data, *_ in await asyncio.wait_for(done, PATIENCE_S)} == {b"0", b"1", b"2", b"3"}
        assert (fleet.counts.sent, fleet.counts.send_errors) == (4, 6)
        with pytest.raises(LocalError, match="4 devices have sockets of their own"):
            fleet.local_address(DEVICE + 4)

    [error] = on_wire(scenario, most_sockets=4)
    assert "ulimit -n" in str(error)


def test_an_address_that_is_not_ours_is_counted_and_told_once():
    async def scenario(wire):
        fleet = await wire.open("0.0.0.0", 0, lambda *_: None)
        for _ in range(3):
            fleet.send(b"x", address(LOOPBACK, 9), ipv4("192.0.2.1"))
        assert fleet.counts.send_errors == 3

    [error] = on_wire(scenario)
    assert "192.0.2.1 is no address of this machine" in str(error)


def test_closing_before_asyncio_has_the_sockets_sends_all_and_leaks_nothing():
    before = len(os.listdir("/proc/self/fd"))

    async def scenario(wire):
        receive, done = collector(5)
        server = await wire.open("127.0.0.1", 0, receive)
        fleet = await wire.open("0.0.0.0", 0, lambda *_: None)
        for number in range(5):
            fleet.send(b"x", server.address, DEVICE + number)
        fleet.close()
        await asyncio.wait_for(done, PATIENCE_S)
        assert (fleet.counts.sent, fleet.counts.send_errors) == (5, 0)

    assert on_wire(scenario) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_datagram_costs_no_256_kib():
    async def scenario(wire):
        receive, done = collector(1)
        server = await wire.open("127.0.0.1", 0, receive)
        client = await wire.open("127.0.0.1", 0, lambda *_: None)
        client.send(b"x", server.address)
        tracemalloc.start()
        await asyncio.wait_for(done, PATIENCE_S)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert 60_000 < peak < 128 * 1024

    assert on_wire(scenario) == []
