"""The devices of a run and their ports: who is off or frozen neither hears nor answers."""

from __future__ import annotations

import asyncio

import pytest

from simulator.errors import Place
from simulator.plan import make_plan
from simulator.run.fleet import Fleet
from simulator.scenario.model import Group, Scenario
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
        port = next(iter(fleet._ports)).address >> 32
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
