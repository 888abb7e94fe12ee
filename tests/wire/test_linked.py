"""Links in front of any wire: the same fates on a memory network and on one that knows nothing of links."""

import asyncio
import os
import subprocess
import sys

import pytest

from simulator.clock import VirtualClock
from simulator.wire.address import address, ipv4
from simulator.wire.calendar import Calendar
from simulator.wire.link import Links
from simulator.wire.linked import LinkedPort, LinkedWire
from simulator.wire.memory import MemoryNetwork, MemoryPort
from simulator.wire.presets import PRESETS, Direction, LinkProfile

DEVICE = ipv4("127.64.0.5")


class PlainWire:
    """A memory network that does not look like one, so that links stand in front of it as before sockets."""

    def __init__(self, network):
        self.network = network

    async def open(self, host, port, receiver):
        return await self.network.open(host, port, receiver)


class World:
    """A server that echoes, and a fleet behind links."""

    def __init__(self, links, inside):
        self.clock, self.timers, self.links = VirtualClock(), Calendar(), links
        self.network = MemoryNetwork(self.timers, self.clock)
        wire = LinkedWire(self.network if inside else PlainWire(self.network), links, self.timers, self.clock)
        self.up, self.down = [], []
        self.server = asyncio.run(self.network.open("127.0.0.1", 5683, self.echo))
        self.fleet = asyncio.run(wire.open("0.0.0.0", 0, self.receive))

    def echo(self, data, peer, local_ip, now):
        self.up.append((data, peer & 0xFFFFFFFF, now))
        self.server.send(data, peer, local_ip)

    def receive(self, data, peer, local_ip, now):
        assert peer == self.server.address
        self.down.append((data, local_ip, now))

    def send_at(self, when, data, ip=DEVICE):
        self.timers.at(when, lambda *_: self.fleet.send(data, self.server.address, ip))

    def settle(self):
        while self.timers.play(self.clock, ()):
            pass


@pytest.fixture(params=[True, False], ids=["memory", "in front"])
def inside(request):
    return request.param


def test_each_kind_of_wire_gets_its_kind_of_port(inside):
    assert isinstance(World(Links(1), inside).fleet, MemoryPort if inside else LinkedPort)


def test_a_perfect_link_changes_nothing(inside):
    world = World(Links(1), inside)
    world.send_at(3.0, b"x")
    world.settle()
    assert world.up == [(b"x", DEVICE, 3.0)]
    assert world.down == [(b"x", DEVICE, 3.0)]
    assert world.fleet.counts.sent == world.fleet.counts.received == 1


def test_both_directions_have_their_delay(inside):
    profile = LinkProfile(up=Direction(delay_s=0.5), down=Direction(delay_s=0.25))
    world = World(Links(1, profile), inside)
    world.send_at(1.0, b"x")
    world.settle()
    assert (world.up, world.down) == ([(b"x", DEVICE, 1.5)], [(b"x", DEVICE, 1.75)])


@pytest.mark.parametrize(("up", "down"), [(1, 0), (0, 1)])
def test_a_direction_that_loses_everything(inside, up, down):
    world = World(Links(1, LinkProfile(up=Direction(loss_g=up), down=Direction(loss_g=down))), inside)
    world.send_at(1.0, b"x")
    world.settle()
    assert (len(world.up), len(world.down)) == (1 - up, 0)
    assert (world.links.up_counts.lost, world.links.down_counts.lost) == (up, down)


def test_what_is_doubled_arrives_twice(inside):
    world = World(Links(1, LinkProfile(up=Direction(duplicate=1.0))), inside)
    world.send_at(1.0, b"x")
    world.settle()
    assert len(world.up) == len(world.down) == 2


def test_only_the_device_with_the_bad_link_suffers(inside):
    world = World(Links(1), inside)
    world.links.set(DEVICE, LinkProfile(up=Direction(loss_g=1.0)))
    world.send_at(1.0, b"bad")
    world.send_at(1.0, b"good", DEVICE + 1)
    world.settle()
    assert world.down == [(b"good", DEVICE + 1, 1.0)]


def test_a_link_may_change_while_datagrams_are_on_their_way(inside):
    world = World(Links(1, LinkProfile(up=Direction(delay_s=10.0))), inside)
    world.send_at(0.0, b"before")
    world.timers.at(5.0, lambda *_: world.links.set(DEVICE, LinkProfile(up=Direction(loss_g=1.0))))
    world.send_at(6.0, b"after")
    world.settle()
    assert world.up == [(b"before", DEVICE, 10.0)]


def test_what_comes_late_to_a_closed_port_is_lost(inside):
    world = World(Links(1, LinkProfile(up=Direction(delay_s=1.0), down=Direction(delay_s=1.0))), inside)
    world.send_at(0.0, b"x")
    world.timers.at(1.5, lambda *_: world.fleet.close())
    world.settle()
    assert (len(world.up), world.down) == (1, [])


def test_in_memory_a_datagram_is_one_entry_of_the_calendar():
    world = World(Links(1, LinkProfile(up=Direction(delay_s=1.0), down=Direction(delay_s=1.0))), inside=True)
    world.fleet.send(b"x", world.server.address, DEVICE)
    assert len(world.timers) == 1
    assert world.timers.play(world.clock, [1]) == 1
    assert len(world.up) == 1
    assert len(world.timers) == 1
    assert world.timers.play(world.clock, [1]) == 1
    assert len(world.down) == 1


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_the_fates_are_the_same_wherever_the_links_stand(name):
    traces = []
    for inside in (True, False):
        world = World(Links(7, PRESETS[name]), inside)
        for n in range(200):
            world.send_at(n * 1.7, b"%d" % n, DEVICE + n % 5)
        world.settle()
        traces.append((world.up, world.down, world.links.up_counts, world.links.down_counts))
    assert traces[0] == traces[1]


def test_a_device_has_the_same_trace_alone_and_in_a_crowd():
    traces = []
    for others in (0, 20):
        links = Links(7, PRESETS["nb-iot-ce2"])
        mine = DEVICE + others  # not even the address is the same
        links.names(mine, "meters.3")
        world = World(links, inside=True)
        for n in range(100):
            world.send_at(n * 60.0, b"%d" % n, mine)
            for other in range(others):
                world.send_at(n * 60.0 + other, b"x", DEVICE + other)
        world.settle()
        traces.append([(data, now) for data, ip, now in world.down if ip == mine])
    assert traces[0] == traces[1]
    assert len(traces[0]) > 50


def test_the_whole_trace_does_not_depend_on_the_hash_seed():
    code = """
import asyncio
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.memory import MemoryNetwork
from simulator.wire.presets import PRESETS

async def main(loop):
    log = []
    network, links = MemoryNetwork(loop.timers, loop.clock), Links(7, PRESETS["wifi"])
    def echo(data, peer, ip, now):
        log.append(("up", data, peer, now))
        server.send(data, peer, ip)
    server = await network.open("127.0.0.1", 5683, echo)
    wire = LinkedWire(network, links, loop.timers, loop.clock)
    fleet = await wire.open("0.0.0.0", 0, lambda *seen: log.append(seen))
    async def device(n):
        for k in range(30):
            fleet.send(b"%d %d" % (n, k), server.address, 100 + n)
            await asyncio.sleep(1 + n % 3)
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(device(n))
    return log
print(run_virtual(main))
"""
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(said) == 1
    assert said.pop().count("up") > 500


def test_a_port_bound_to_one_address_is_that_device(inside):
    links = Links(1)
    links.set(DEVICE, LinkProfile(up=Direction(loss_g=1.0)))
    clock, timers = VirtualClock(), Calendar()
    network = MemoryNetwork(timers, clock)
    wire = LinkedWire(network if inside else PlainWire(network), links, timers, clock)
    port = asyncio.run(wire.open("127.64.0.5", 0, lambda *_: None))
    port.send(b"x", address("127.0.0.1", 1))
    port.flush()
    assert links.up_counts.lost == 1
