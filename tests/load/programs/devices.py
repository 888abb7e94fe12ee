"""Devices of load tests against a reference server, in a process that Locust has patched.

Its last line is what came of it, as one JSON object, for test_devices.py.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict

import gevent
from locust import constant, task
from locust.env import Environment
from stand_in import Crew, until

from simulator.devices.outcome import OK
from simulator.errors import Place
from simulator.load.blocks import Block
from simulator.load.came import ActFailed
from simulator.load.claims import Dealer, OwnClaims
from simulator.load.embedded import Embedded
from simulator.load.garrison import garrison_of
from simulator.load.options import LoadOptions
from simulator.load.platform import Platform
from simulator.load.quarters import Quarters
from simulator.load.shard import Shard
from simulator.load.station import Station
from simulator.load.traffic import Deed, Traffic
from simulator.load.users.device import DeviceUser
from simulator.scenario.model import Group
from simulator.wire.drivers.green import immediately

SERVER = Embedded()
said = defaultdict(list)
broken = []


def station_of(**more):
    options = LoadOptions(**{"target": SERVER.url, "token": SERVER.token, **more})
    station = Station(options, lambda error: broken.append(repr(error)))
    station.platform = Platform.reach(options, station.clock)
    station.claims = OwnClaims(Dealer(), "local")
    station.crew = Crew()
    return station


def told(unit, station):
    """What a unit has seen, once all events are in."""
    until(lambda: unit.quiet and not unit.quarters.open_uploads, f"the end of {unit.quarters.block.group.name}")
    unit.quarters.settle()
    counts = unit.quarters.counts
    group = unit.quarters.block.group.name
    return {
        "planned": unit.planned,
        "joined": unit.joined,
        "failures": unit.failures,
        "counts": {name: getattr(counts, name) for name in counts.__struct_fields__},
        "troubles": unit.quarters.witness.troubles if unit.quarters.witness else {},
        "gaps": unit.quarters.witness.gaps if unit.quarters.witness else [],
        "meters": {
            f"{kind} {name}": [meter.requests, meter.failures, len(meter.took)]
            for (kind, name), meter in station.meters._meters.items()
            if name.endswith(f" {group}")
        },
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


# --- DeviceUsers ------------------------------------------------------------------------------------------------------


class Base(DeviceUser):
    abstract = True
    payload = {"text": "22.5"}
    wait_time = constant(0.02)

    @task
    def report(self):
        outcome = self.device.upload()
        said[self.device.name].append(outcome.ok)


class CoapOnes(Base):
    transport = "coap"


class UdpOnes(Base):
    transport = "udp"


class DtlsOnes(Base):
    transport = "dtls"


class CoapsOnes(Base):
    transport = "coaps"


def crowd():
    """Users of all transports under Locust's own runner; some are stopped, and others come."""
    station = station_of()
    environment = Environment(user_classes=[CoapOnes, UdpOnes, DtlsOnes, CoapsOnes])
    environment.station = station
    runner = environment.create_local_runner()
    runner.start(8, spawn_rate=100)
    until(lambda: len(said) == 8 and all(len(each) >= 3 for each in said.values()), "three uploads of each")
    runner.start(4, spawn_rate=100)
    until(lambda: runner.user_count == 4, "the end of four users")
    said.clear()
    runner.start(8, spawn_rate=100)
    until(lambda: len(said) == 8 and all(each for each in said.values()), "uploads of those who came later")
    runner.quit()
    found = {unit.quarters.block.group.name: told(unit, station) for unit in station.crew.units}
    return {
        "units": found,
        "names": sorted(said),
        "all ok": all(all(each) for each in said.values()),
        "counters": station.counters(),
        "left": end(station),
        "log": [str(each) for each in environment.stats.errors],
    }


class Lone(DeviceUser):
    abstract = True
    joins = False


class LoneMeter(Lone):
    transport = "coap"


class LoneTracker(Lone):
    transport = "coaps"


def story_of(cls, tell):
    """One user by hand: begins, does as `tell` says, and ends. Returns: what it told, and what was counted."""
    station = station_of()
    environment = Environment(user_classes=[cls])
    environment.station = station
    user = cls(environment)
    user.on_start()
    story = tell(user, station)
    user.on_stop()
    (unit,) = station.crew.units
    found = {"told": story, "free": len(unit._free), **told(unit, station)}
    return {**found, "counters": station.counters(), "left": end(station)}


def shown(outcome):
    return outcome.word if outcome.word == OK else f"{outcome.word}: {outcome.detail}"


def meter(user, station):
    device = user.device
    acts = {"before": shown(device.upload(b"x")), "attached": [device.attached]}
    acts["attach"] = shown(device.attach())
    acts["attached"].append(device.attached)
    acts["upload"] = [shown(device.upload(what)) for what in (b"22.5", "10 B", None)]
    (unit,) = station.crew.units
    ((identity, _),) = unit.quarters.home.ids.items()
    api = station.platform.api
    immediately(api.send(unit.quarters.home.collection, identity, b"open"))
    acts["poll"] = device.poll().payload.decode()
    acts["received"] = [each.decode() for each in device.received]
    for act in ("vanish", "attach", "detach", "attach", "reboot", "power_off"):
        acts[f"{act}, then attached"] = [shown(getattr(device, act)()), device.attached]
    acts["off"] = shown(device.upload(b"x"))
    acts["on"] = shown(device.power_on())
    acts["ip"] = device.ip
    for wrong in (lambda: device.upload("22.5"), device.connect, device.rebind_nat):
        try:
            wrong()
        except Exception as error:
            acts.setdefault("wrong", []).append(f"{type(error).__name__}: {error}")
    user.device._raise_failures = True
    device.detach()
    try:
        device.upload(b"x")
    except ActFailed as error:
        acts["raised"] = str(error)
    device.attach()
    return acts


def tracker(user, _station):
    device = user.device
    acts = {"on demand": [shown(device.upload(b"22.5")), device.attached]}
    acts["again"] = device.connect().detail
    acts["in full"] = device.connect(resume=False).detail
    acts["disconnect"] = [shown(device.disconnect()), device.attached]
    acts["rebind"] = [shown(device.rebind_nat()), shown(device.connect()), shown(device.upload(b"1"))]
    acts["reboot"] = [shown(device.reboot(abruptly=True)), device.attached]
    return acts


def killed(user, station):
    """An upload whose answer never comes, because its greenlet is killed or out of patience first."""
    device, (unit,) = user.device, station.crew.units
    device.attach()
    uploads = [gevent.spawn(device.upload, b"22.5") for _ in range(2)]
    gevent.sleep(0)  # they begin, and the answers cannot be there yet
    gevent.killall(uploads, block=True)
    with gevent.Timeout(1e-9, False):
        device.upload(b"22.6")
        raise AssertionError("nobody answers so fast")
    unit.stop(station.clock.now())
    try:
        device.upload(b"too late")
    except gevent.GreenletExit:
        return {"waiting stories": len(garrison_of(station)._stories), "under way": unit.under_way, "over": True}
    return {}


# --- FleetUsers' way to the Internet ----------------------------------------------------------------------------------


def shards():
    """Shards of all transports that upload and reconnect by timetable."""
    station = station_of()
    made = []
    for transport in ("coaps", "dtls", "coap"):
        network = "ciot" if transport == "coap" else "inet"
        group = Group(name=f"shard_{transport}", place=Place("x"), count=6, network=network, transport=transport)
        deeds = (
            Deed(act="upload", every_s=0.2, times=4),
            Deed(act="reconnect", every_s=0.5, begin_s=0.05, times=2),
        )
        traffic = Traffic(group=group, deeds=deeds)
        block = station.claims.claim("User", [traffic], 6)
        shard = Shard(station, traffic, Quarters.open(station, block))
        station.crew.join(shard)
        shard.join()
        made.append(shard)
    for shard in made:
        shard.start()
    meters = station.meters._meters
    until(lambda: sum(m.requests for (_, name), m in meters.items() if "upload" in name) == 3 * 24, "all uploads")
    until(lambda: sum(m.requests for (_, name), m in meters.items() if "upload" not in name) == 3 * 18, "all entries")
    found = {shard.block.group.name: told(shard, station) for shard in made}
    before = station.counters()["events.clientDisconnected"]
    for shard in made:
        shard.close(station.clock.now())
    # The platform hears of it: 12 sessions on the Internet end in order.
    until(lambda: station.counters()["events.clientDisconnected"] == before + 12, "the end of sessions")
    return {"units": found, "counters": station.counters(), "left": end(station)}


def bare():
    """Without a platform: nothing is created, devices are in at once, and answers are all there is."""
    station = station_of()
    coap = station.platform.coap
    end(station)
    station = station_of(target=None, token="", bare=True, coap=coap)
    environment = Environment(user_classes=[LoneMeter])
    environment.station = station
    user = LoneMeter(environment)
    user.on_start()
    acts = {"attach": shown(user.device.attach()), "upload": user.device.upload(b"22.5").word}
    (unit,) = station.crew.units
    unit.close(station.clock.now())
    user.on_stop()
    acts["detached"] = ("RADIUS", "detach lone_meter") in station.meters._meters
    counts = unit.quarters.counts
    acts["counts"] = [counts.sent, counts.answered, counts.refused, counts.unanswered]
    try:
        nowhere = Quarters(Block(group=INTERNET, first=7, count=1), None, None, None)
        Shard(station, Traffic(group=INTERNET, deeds=()), nowhere)
    except Exception as error:
        acts["wrong"] = f"{type(error).__name__}: {error}"
    end(station)
    return acts


INTERNET = Group(name="sea", place=Place("x"), network="inet", transport="coaps")


def main():
    logging.disable(logging.CRITICAL)  # Locust tells of each user
    SERVER.start()
    try:
        found = {
            "crowd": crowd(),
            "meter": story_of(LoneMeter, meter),
            "tracker": story_of(LoneTracker, tracker),
            "killed": story_of(LoneMeter, killed),
            "shards": shards(),
            "bare": bare(),
            "broken": broken,
        }
    finally:
        SERVER.stop()
    print(json.dumps(found))


main()
