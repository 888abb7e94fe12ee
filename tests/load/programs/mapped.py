"""Devices with sockets of their own against a reference server, in a process that Locust has patched.

It is how a load test reaches another machine, tried on this one. Its last line is what came of it, as one JSON object,
for test_mapped.py.
"""

from __future__ import annotations

import json
import logging
import os

from locust.env import Environment
from stand_in import Crew, until

from simulator.errors import Place
from simulator.load.claims import Dealer, OwnClaims
from simulator.load.embedded import Embedded
from simulator.load.garrison import garrison_of
from simulator.load.options import LoadOptions
from simulator.load.platform import Platform
from simulator.load.plugin import _devices
from simulator.load.quarters import Quarters
from simulator.load.shard import Shard
from simulator.load.station import Station
from simulator.load.traffic import Deed, Traffic
from simulator.load.users.device import DeviceUser
from simulator.load.users.fleet import FleetUser
from simulator.scenario.model import Group, LinkChange, LinkSpec
from simulator.wire.address import address
from simulator.wire.drivers.green import immediately

SERVER = Embedded()
COUNT = 6
TIMES = 3
BAD = LinkSpec(preset="perfect", changes=(LinkChange(key="delay", up=0.01, down=0.01),))
broken = []


def station_of(wire="mapped", **more):
    options = LoadOptions(**{"target": SERVER.url, "token": SERVER.token, **more})
    station = Station(options, lambda error: broken.append(repr(error)), wire)
    station.platform = Platform.reach(options, station.clock)
    station.claims = OwnClaims(Dealer(), "local")
    station.crew = Crew()
    return station


def shard_of(station, name, transport, link=None, every_s=0.15):
    network = "inet" if transport in ("dtls", "coaps") else "ciot"
    link = {} if link is None else {"link": link}
    group = Group(name=name, place=Place("x"), count=COUNT, network=network, transport=transport, **link)
    traffic = Traffic(group=group, deeds=(Deed(act="upload", every_s=every_s, times=TIMES),))
    block = station.claims.claim(name, [traffic], COUNT)
    shard = Shard(station, traffic, Quarters.open(station, block))
    station.crew.join(shard)
    shard.join()
    return shard


def told(shard):
    quarters = shard.quarters
    until(lambda: quarters.counts.sent >= COUNT * TIMES and shard.quiet, f"all uploads of {shard.block.group.name}")
    until(lambda: not quarters.open_uploads, f"all events of {shard.block.group.name}")
    quarters.settle()
    counts = quarters.counts
    return {
        "joined": shard.joined,
        "failures": shard.failures,
        "counts": {name: getattr(counts, name) for name in counts.__struct_fields__},
        "troubles": quarters.witness.troubles if quarters.witness else {},
    }


def end(station):
    left = []
    for unit in station.crew.units:
        unit.stop(station.clock.now())
        unit.close(station.clock.now())
        if unit.quarters.home is not None:
            left += unit.quarters.home.remove(10.0)
        unit.quarters.close()
    station.close()
    immediately(station.wire.close())
    station.platform.close()
    return left


def shards():
    """All transports, by timetable; behind links, and behind NATs that forget."""
    station = station_of()
    made = [
        *(shard_of(station, f"plain_{transport}", transport) for transport in ("coap", "udp", "dtls", "coaps")),
        *(shard_of(station, f"late_{transport}", transport, BAD) for transport in ("coap", "coaps")),
    ]
    sockets = station.wire.device_sockets
    for shard in made:
        shard.start()
    found = {shard.block.group.name: told(shard) for shard in made}
    counters = station.counters()
    left = end(station)
    return {
        "wire": station.wire.name,
        "units": found,
        "sockets": [sockets, station.wire.device_sockets],
        "counters": {name: counters[name] for name in ("drops", "send_errors", "dtls.failures", "dtls.handshakes")},
        "left": left,
    }


class Sea(DeviceUser):
    transport = "coaps"
    joins = False


class Field(DeviceUser):
    transport = "coap"
    joins = False


def users():
    """One by hand that its NAT forgets, and one that attaches from where its socket is."""
    station = station_of()
    environment = Environment(user_classes=[Sea, Field])
    environment.station = station
    sea, field = Sea(environment), Field(environment)
    sea.on_start()
    field.on_start()
    acts = {"first": [sea.device.upload(b"1").word]}
    port = garrison_of(station)._fleet._speakers["coaps own"].port
    ip = garrison_of(station).devices[sea.device.name].ip
    acts["sockets"], places = [], {port.local_address(ip)}
    for _ in range(3):
        sea.device.rebind_nat()
        acts["first"].append(sea.device.connect().word)
        acts["first"].append(sea.device.upload(b"2").word)
        places.add(port.local_address(ip))
        acts["sockets"].append(station.wire.device_sockets)
    acts["places"] = len(places)
    acts["field"] = [field.device.attach().word, field.device.upload(b"3").word, field.device.upload(b"4").word]
    sea.on_stop()
    field.on_stop()
    acts["left"] = end(station)
    return acts


def forgetful():
    """Shards behind NATs that have forgotten them before each upload."""
    station = station_of()
    shard = shard_of(station, "forgotten", "dtls", every_s=0.3)
    nat = garrison_of(station)._fleet._nat
    for number in shard.block.numbers:
        nat.limit(shard.block.ip(number), 0.1)
    shard.start()
    until(lambda: shard.quarters.counts.sent == COUNT * TIMES, "all uploads")
    found = {
        "rebound": nat.rebound,
        "sockets": station.wire.device_sockets,
        "send errors": station.counters()["send_errors"],
    }
    end(station)
    return found


def bare():
    """No platform: datagrams go where it was said, and answers are all there is."""
    station = station_of()
    coap = station.platform.coap
    end(station)
    station = station_of(target=None, token="", bare=True, coap=coap)
    shard = shard_of(station, "strangers", "coap")
    shard.start()
    found = {**told(shard), "sockets": station.wire.device_sockets}
    end(station)
    return found


def limited():
    """More devices than descriptors: the test ends, in words."""
    station = station_of(target=None, token="", bare=True, coap=address("127.0.0.1", 9))
    station.wire.most_sockets = COUNT - 2
    shard = shard_of(station, "too_many", "coap")
    shard.start()
    until(lambda: broken, "the end")
    shard.stop(station.clock.now())
    found = {"errors": list(broken), "sent errors": station.counters()["send_errors"] > 0}
    broken.clear()
    end(station)
    return found


def chosen():
    """Which wire a station takes by itself."""
    targets = {
        "here": {},
        "bare here": {"target": None, "bare": True, "coap": address("127.0.0.1", 9)},
        "API elsewhere": {"foreign": True},
        "bare elsewhere": {"target": None, "bare": True, "coap": address("192.0.2.1", 9)},
        "sessions elsewhere": {"coaps": address("192.0.2.1", 9)},
    }
    found = {}
    for name, more in targets.items():
        station = Station(LoadOptions(**{"target": "http://x", **more}), broken.append)
        found[name] = station.wire.name
        station.close()
    return found


def planned():
    """How many devices are looked for descriptors for."""

    class Fleet(FleetUser):
        weight = 3

    def of(classes, users, *most):
        traffics = tuple(Traffic(group=None, deeds=(), most=each) for each in most)
        return _devices(classes, traffics, LoadOptions(), users)

    return {
        "fleets": of([Fleet], 7, None),
        "devices": of([Sea, Field], 7, None, None),
        "mixed": of([Fleet, Sea], 8, None, None),
        "of a scenario": of([Fleet], 7, 1500, 30),
        "none": of([], 7),
    }


def main():
    logging.disable(logging.CRITICAL)
    SERVER.start()
    descriptors = len(os.listdir("/proc/self/fd"))
    try:
        found = {
            "shards": shards(),
            "users": users(),
            "forgetful": forgetful(),
            "bare": bare(),
            "chosen": chosen(),
            "planned": planned(),
            "broken": list(broken),
            "limited": limited(),
        }
    finally:
        SERVER.stop()
    found["descriptors"] = len(os.listdir("/proc/self/fd")) - descriptors
    print(json.dumps(found))


main()
