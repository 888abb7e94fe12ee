"""Devices behind NATs: where they appear, and who still reaches them."""

from __future__ import annotations

import asyncio

import pytest

from simulator.clock import VirtualClock
from simulator.wire import nat
from simulator.wire.address import address, ipv4
from simulator.wire.calendar import Calendar
from simulator.wire.link import Links
from simulator.wire.linked import LinkedPort, LinkedWire
from simulator.wire.memory import MemoryNetwork
from simulator.wire.nat import LAST_OUTSIDE, Nat, NatWire
from simulator.wire.presets import LinkProfile

DEVICE, OTHER = ipv4("127.64.0.5"), ipv4("127.64.0.6")
NAT_S = 120.0


class World:
    """A platform that notes where datagrams come from, and devices behind NATs."""

    def __init__(self, taken=(), links=None):
        self.clock, self.timers = VirtualClock(), Calendar()
        self.network = MemoryNetwork(self.timers, self.clock)
        self.nat = Nat(self.clock, lambda ip: ip in taken)
        wire = NatWire(self.network, self.nat)
        if links is not None:
            wire = LinkedWire(wire, links, self.timers, self.clock)
        self.seen, self.heard = [], []
        self.platform = asyncio.run(self.network.open("127.0.0.1", 5684, self._platform))
        self.port = asyncio.run(wire.open("0.0.0.0", 0, lambda data, _peer, ip, _now: self.heard.append((data, ip))))

    def _platform(self, data, peer, _local_ip, _now):
        self.seen.append((data, peer & 0xFFFFFFFF))

    def send(self, data, ip=DEVICE):
        """From a device; returns where it came from."""
        self.port.send(data, self.platform.address, ip)
        self.settle()
        return self.seen[-1][1]

    def answer(self, data, ip):
        """To an address; returns which devices heard it."""
        self.heard.clear()
        self.platform.send(data, self.port.address & ~0xFFFFFFFF | ip)
        self.settle()
        return [whose for _, whose in self.heard]

    def later(self, seconds):
        self.clock.time_s += seconds

    def settle(self):
        while self.timers.play(self.clock, ()):
            pass


def test_who_was_never_rebound_appears_as_itself():
    world = World()
    assert world.send(b"1") == DEVICE
    assert world.answer(b"2", DEVICE) == [DEVICE]


def test_who_was_rebound_appears_elsewhere_and_its_former_addresses_are_nobodys():
    world = World()
    world.nat.rebind(DEVICE)
    first = world.send(b"1")
    assert first == LAST_OUTSIDE
    assert (world.answer(b"2", DEVICE), world.answer(b"2", first)) == ([], [DEVICE])
    world.nat.rebind(DEVICE)
    second = world.send(b"3")
    assert second == first - 1
    assert (world.answer(b"4", first), world.answer(b"4", second)) == ([], [DEVICE])
    assert world.send(b"5", OTHER) == OTHER
    assert (world.nat.rebound, world.nat.to_nobody) == (2, 2)


def test_no_device_is_where_another_is():
    world = World(taken=(LAST_OUTSIDE, LAST_OUTSIDE - 1))
    world.nat.rebind(DEVICE)
    assert world.send(b"1") == LAST_OUTSIDE - 2


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        pytest.param((NAT_S,), DEVICE, id="in time"),
        pytest.param((NAT_S + 1,), LAST_OUTSIDE, id="too late"),
        pytest.param((NAT_S, NAT_S, NAT_S), DEVICE, id="kept awake"),
        pytest.param((NAT_S + 1, 1, NAT_S + 1), LAST_OUTSIDE - 1, id="twice"),
    ],
)
def test_a_mapping_is_forgotten_after_so_long_a_silence(pauses, expected):
    world = World()
    world.nat.limit(DEVICE, NAT_S)
    came = world.send(b"0")
    for pause in pauses:
        world.later(pause)
        came = world.send(b"1")
    assert came == expected


def test_what_comes_keeps_a_mapping_as_well_and_comes_in_vain_when_it_is_over():
    world = World()
    world.nat.limit(DEVICE, NAT_S)
    world.send(b"0")
    world.later(100)
    assert world.answer(b"1", DEVICE) == [DEVICE]
    world.later(100)
    assert world.send(b"2") == DEVICE
    world.later(NAT_S + 1)
    assert world.answer(b"3", DEVICE) == []


def test_without_a_limit_nothing_is_forgotten_any_more():
    world = World()
    world.nat.limit(DEVICE, NAT_S)
    world.send(b"0")
    world.nat.limit(DEVICE, None)
    world.later(1e6)
    assert world.send(b"1") == DEVICE


def test_a_new_address_of_its_own_changes_nothing_outside():
    world = World()
    world.nat.limit(DEVICE, NAT_S)
    world.send(b"0")
    world.nat.move(DEVICE, OTHER)
    assert world.send(b"1", OTHER) == DEVICE
    assert world.answer(b"2", DEVICE) == [OTHER]
    world.later(NAT_S + 1)
    assert world.send(b"3", OTHER) == LAST_OUTSIDE
    world.nat.move(OTHER, DEVICE)
    assert world.send(b"4", DEVICE) == LAST_OUTSIDE


def test_its_port_says_where_a_device_appears():
    world = World()
    world.nat.rebind(DEVICE)
    assert world.port.local_address(DEVICE) & 0xFFFFFFFF == LAST_OUTSIDE
    assert world.port.local_address(OTHER) & 0xFFFFFFFF == OTHER
    world.port.flush()
    world.send(b"1")
    assert world.port.counts.sent == 1
    world.port.close()
    world.port.send(b"2", world.platform.address, DEVICE)
    world.settle()
    assert len(world.seen) == 1


def test_links_go_on_acting_on_the_device_wherever_it_appears():
    links = Links(0)
    world = World(links=links)
    assert isinstance(world.port, LinkedPort)
    world.nat.rebind(DEVICE)
    world.send(b"1")
    links.set(DEVICE, LinkProfile(name="dark", dark=True))
    world.port.send(b"2", world.platform.address, DEVICE)
    assert world.answer(b"3", LAST_OUTSIDE) == []
    assert [data for data, _ in world.seen] == [b"1"]
    assert world.port.address == address("0.0.0.0", world.port.address >> 32)


def test_addresses_that_nobody_has_any_more_are_given_out_again(monkeypatch):
    """A fleet that is rebound for days needs more of them than there are."""
    monkeypatch.setattr(nat, "FIRST_OUTSIDE", LAST_OUTSIDE - 3)
    world = World(taken=(DEVICE, OTHER, LAST_OUTSIDE - 1))
    world.nat.rebind(OTHER)
    others = world.send(b"0", OTHER)
    seen = []
    for _ in range(9):
        world.nat.rebind(DEVICE)
        seen.append(world.send(b"1"))
        assert world.answer(b"2", others) == [OTHER]
        assert world.answer(b"3", seen[-1]) == [DEVICE]
    assert set(seen) == {LAST_OUTSIDE - 2, LAST_OUTSIDE - 3}
    left = (set(seen) - {seen[-1]}).pop()
    assert world.answer(b"4", left) == []
