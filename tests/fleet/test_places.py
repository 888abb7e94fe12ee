"""Who has which address: everybody one, nobody another's."""

from __future__ import annotations

import random

import pytest

from simulator.devices.device import Device
from simulator.errors import Place
from simulator.fleet.places import Places
from simulator.plan import make_plan
from simulator.scenario.model import Group, Scenario

PLACE = Place("x.yaml", 1, 1)
FRESH = 0x7F7F_0001


def some(*counts):
    groups = tuple(Group(name="abc"[n], place=PLACE, count=count) for n, count in enumerate(counts))
    return [Device(member) for member in make_plan(Scenario(promise="p", place=PLACE, groups=groups)).members]


def give(places, device, ip):
    """As the fleet does: whoever has the address gets the one that becomes free."""
    other, old = places.holder(ip), device.ip
    if other is device:
        return
    places.put(device, ip)
    if other is not None:
        places.put(other, old)


def test_everybody_is_where_the_plan_says():
    devices = some(2, 3)
    places = Places({device.name: device for device in devices})
    assert [places.holder(device.ip) for device in devices] == devices
    assert places.holder(FRESH) is None
    assert places.holder(devices[-1].ip + 1) is None
    assert places.holder(devices[0].ip - 1) is None
    assert places._elsewhere == {}


@pytest.mark.parametrize("seed", range(5))
def test_however_addresses_are_given_no_two_have_the_same(seed):
    devices = some(5, 3)
    places = Places({device.name: device for device in devices})
    draw = random.Random(seed)
    pool = [device.ip for device in devices] + [FRESH, FRESH + 1]
    for _ in range(200):
        device, ip = draw.choice(devices), draw.choice(pool)
        give(places, device, ip)
        assert device.ip == ip
        assert len({each.ip for each in devices}) == len(devices)
        assert all(places.holder(each.ip) is each for each in devices)
        assert all(places.holder(free) is None for free in set(pool) - {each.ip for each in devices})


def test_who_comes_later_finds_a_free_place():
    early, late = some(2, 2)[:2], some(2, 2)[2:]
    devices = {device.name: device for device in early}
    places = Places(devices)
    give(places, early[0], late[0].ip)  # the platform gave an address that is planned for nobody yet
    give(places, early[1], late[1].ip)
    for device in late:
        devices[device.name] = device
        device.ip = places.first_of(device)
    assert len({each.ip for each in devices.values()}) == 4
    assert all(places.holder(each.ip) is each for each in devices.values())


def test_devices_may_come_in_any_order_and_a_few_at_a_time():
    planned = some(4, 4)
    known = {}
    places = Places(known)
    for first, last in ((5, 7), (2, 4), (7, 8), (0, 1)):
        known |= {device.name: device for device in planned[first:last]}
        assert {device.name for device in planned if places.holder(device.ip) is device} == set(known)
    assert [places.holder(ip) for ip in (planned[1].ip, planned[4].ip, FRESH)] == [None] * 3
