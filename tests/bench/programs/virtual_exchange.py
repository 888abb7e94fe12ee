"""Engine and Span front in one process and in virtual time; nobody reads events, nothing is judged.

    virtual_exchange.py EXCHANGES DEVICES

Each device uploads every ten seconds of run time, over links without faults.
"""

from __future__ import annotations

import sys
from typing import Any

from common import LOOPBACK_POOL, PATH, PAYLOAD, Meter

from simulator.acts import Answer
from simulator.identity.fleet import identity
from simulator.protocol.coap.client import Engine
from simulator.server.fronts.coap import CoapFront
from simulator.server.span.core import SpanCore
from simulator.wire.drivers.virtual import VirtualLoop, run_virtual
from simulator.wire.memory import MemoryNetwork

POST = 2
PERIOD_S = 10.0


async def main(loop: VirtualLoop, exchanges: int, devices: int) -> None:
    """Act it out and report."""
    clock, timers = loop.clock, loop.timers
    wire = MemoryNetwork(timers, clock)
    core = SpanCore()
    collection = core.create_collection()
    for number in range(devices):
        who = identity(number)
        core.registry.create_device(collection, imsi=who.imsi, imei=who.imei)
        core.login(who.imsi, who.imei, LOOPBACK_POOL + number, clock.unix_ns())
    front = CoapFront(core, clock)
    await front.start(wire)
    engine = Engine(timers, lambda data, peer, ip: send(data, peer, ip), seed=1)
    send = (await wire.open("0.0.0.0", 0, engine.receive)).send
    peer = front.address
    to_start = to_end = exchanges
    lost = 0
    ended = loop.create_future()

    def upload(ip: int, now: float) -> None:
        nonlocal to_start
        if to_start > 0:
            to_start -= 1
            engine.request(ip, peer, POST, PATH, PAYLOAD, True, done, ip, now)

    def done(ip: int, result: Any, now: float) -> None:
        nonlocal to_end, lost
        lost += type(result) is not Answer
        to_end -= 1
        timers.at(now + PERIOD_S, upload, ip)
        if to_end == 0:
            ended.set_result(None)

    meter = Meter()
    for number in range(devices):
        timers.at(number * PERIOD_S / devices, upload, LOOPBACK_POOL + number)
    await ended
    meter.report(exchanges - lost, lost, unknown=front.counts.unknown_source)


if __name__ == "__main__":
    run_virtual(lambda loop: main(loop, int(sys.argv[1]), int(sys.argv[2])))
