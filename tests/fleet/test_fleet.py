"""The devices of a run and their ports: who is off or frozen neither hears nor answers."""

from __future__ import annotations

import asyncio

import pytest

from simulator.devices.device import Power
from simulator.errors import Place
from simulator.fleet.fleet import Fleet
from simulator.plan import make_plan
from simulator.scenario.model import Group, LinkSpec, Scenario
from simulator.wire.address import address
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork

PLACE = Place("x.yaml", 1, 1)
PING = bytes.fromhex("40000001")  # RFC 7252 §4.3: an empty CON message …
RESET = bytes.fromhex("70000001")  # … is answered with a reset


def answers(*moments):
    """Which of two devices answer a ping at some moments; each is (who is silenced, for how long, who is woken)."""
    heard = []

    async def main(loop):
        wire = MemoryNetwork(loop.timers, loop.clock)
        group = Group(name="m", place=PLACE, count=2)
        plan = make_plan(Scenario(promise="p", place=PLACE, groups=(group,)))
        fleet = Fleet(plan.members, 0, loop.clock, loop.timers, lambda *_: None)
        came = []
        platform = await wire.open(
            "127.0.0.1", 5683, lambda data, peer, local_ip, now: came.append((data, peer & 0xFFFFFFFF))
        )
        await fleet.open(wire, address("127.0.0.1", 5683), 0, None)
        names = {device.ip: device.name for device in fleet.devices.values()}
        port = fleet._speakers["coap own"].port.address >> 32
        for name in fleet.devices:  # a device that never asked anything is nobody to the client
            fleet.endpoint(fleet.devices[name]).coap.request(
                fleet.devices[name].ip, platform.address, 1, "x", b"", True, lambda *_: None, None, loop.clock.now()
            )
        for silence, lasting_s, wake, wait_s in moments:
            if silence:
                fleet.silence(silence, loop.clock.now(), lasting_s)
            if wake:
                fleet.wake(wake)
            if wait_s:
                await asyncio.sleep(wait_s)
            came.clear()
            for ip in names:
                platform.send(PING, port << 32 | ip)
            await asyncio.sleep(0.01)
            heard.append([names[ip] for data, ip in came if data == RESET])
        await fleet.close()

    run_virtual(main)
    return heard


BOTH = ["m.0", "m.1"]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param([("", None, "", 0)], [BOTH], id="everybody answers"),
        pytest.param([("m.0", None, "", 0), ("", None, "", 50)], [["m.1"], ["m.1"]], id="silent until woken"),
        pytest.param([("m.0", None, "", 0), ("", None, "m.0", 0)], [["m.1"], BOTH], id="woken"),
        pytest.param([("m.0", 5.0, "", 0), ("", None, "", 6)], [["m.1"], BOTH], id="for a while"),
        pytest.param([("m.0", 5.0, "", 0), ("m.0", None, "", 6)], [["m.1"], ["m.1"]], id="the last word counts"),
        pytest.param([("m.0", 5.0, "", 0), ("m.1", None, "", 6)], [["m.1"], ["m.0"]], id="each for himself"),
    ],
)
def test_who_is_silent_answers_nobody(moments, expected):
    assert answers(*moments) == expected


# --- addresses --------------------------------------------------------------------------------------------------------

FRESH = 0x7F7F_0001


def moving(test):
    """Run a test with a fleet of two on CoAP and one on UDP, of which `c.1` is silent, and what was heard."""

    def run():
        async def main(loop):
            wire = MemoryNetwork(loop.timers, loop.clock)
            groups = (Group(name="c", place=PLACE, count=2), Group(name="u", place=PLACE, transport="udp"))
            plan = make_plan(Scenario(promise="p", place=PLACE, groups=groups))
            heard = []
            fleet = Fleet(plan.members, 0, loop.clock, loop.timers, lambda device, _, data: heard.append(device.name))
            await fleet.open(wire, address("127.0.0.1", 5683), address("127.0.0.1", 1234), None)
            fleet.silence("c.1", 0.0)
            await test(fleet, heard, {name: device.ip for name, device in fleet.devices.items()})
            await fleet.close()

        run_virtual(main)

    run.__name__ = test.__name__
    return run


def deaf(fleet):
    return [name for name, device in fleet.devices.items() if fleet._ear(name).is_deaf(device.ip)]


@moving
async def test_who_is_given_the_address_of_another_changes_places_with_it(fleet, heard, planned):
    device = fleet.devices["u"]
    device.power = Power.ATTACHED
    for taken in ("c.0", "c.1"):
        ip = fleet.devices[taken].ip
        assert fleet.sharing("u", ip) == ("u", taken)
        fleet.move("u", ip)
        assert device.ip == ip
        assert len({each.ip for each in fleet.devices.values()}) == 3
        assert deaf(fleet) == ["c.1"]
        assert fleet.endpoint(device).ip == ip
        fleet._on_datagram(b"x", 0, ip, 0.0)
        assert heard.pop() == "u"
        for name in ("c.0", "c.1"):
            fleet._on_datagram(b"x", 0, fleet.devices[name].ip, 0.0)
        assert heard == []
    fleet.wake("c.1")
    assert deaf(fleet) == []
    assert fleet.sharing("u", device.ip) == ()
    assert fleet.sharing("u", FRESH) == ("u",)
    fleet.move("u", FRESH)
    fleet.move("c.0", planned["c.0"])
    fleet.move("u", planned["u"])
    fleet.move("c.1", planned["c.1"])
    assert {name: each.ip for name, each in fleet.devices.items()} == planned


@moving
async def test_the_radio_stays_with_its_device(fleet, heard, planned):
    fleet.weather.blackout("u", 0.0)
    fleet.move("u", planned["c.0"])
    assert [fleet._profile(name).dark for name in fleet.devices] == [False, False, True]
    fleet.weather.link("u", LinkSpec(), 0.0)
    fleet.weather.blackout("c.0", 0.0)
    fleet.move("u", FRESH)
    assert [fleet._profile(name).dark for name in fleet.devices] == [True, False, False]


@moving
async def test_who_has_no_session_hears_nothing(fleet, heard, planned):
    device = fleet.devices["u"]
    for power, hears in ((Power.ATTACHED, 1), (Power.IDLE, 0)):
        device.power = power
        fleet._on_datagram(b"x", 0, device.ip, 0.0)
        assert len(heard) == hears
        heard.clear()


# --- more devices, and what is counted --------------------------------------------------------------------------------


def test_more_devices_get_what_they_speak_through_and_what_is_there_is_counted():
    async def main(loop):
        wire = MemoryNetwork(loop.timers, loop.clock)
        groups = (Group(name="c", place=PLACE, count=2), Group(name="u", place=PLACE, transport="udp"))
        first, second, third = make_plan(Scenario(promise="p", place=PLACE, groups=groups)).members
        fleet = Fleet((), 0, loop.clock, loop.timers, lambda *_: None)
        where = address("127.0.0.1", 5683), address("127.0.0.1", 1234)
        await fleet.open(wire, *where, "own")
        assert list(fleet.counts()) == []
        clients = []
        for members in ((first,), (third,), (second,)):
            fleet.add(members)
            await fleet.open(wire, *where, "own")
            end = fleet.endpoints[members[0].name]
            clients.append(end.coap or end.udp)
        assert clients[0] is clients[2] is not clients[1]
        assert sorted(room for room, _ in fleet.counts()) == ["coap", "port", "port"]
        clients[1].send(b"22.5", where[1], third.ip)
        await asyncio.sleep(0.01)
        assert sum(counts.sent for room, counts in fleet.counts() if room == "port") == 1
        await fleet.close()

    run_virtual(main)
