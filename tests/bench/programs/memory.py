"""What many devices take: memory of this process before and after they are there and have sent once.

    memory.py WHAT DEVICES

WHAT `engine`: what the CoAP engine keeps of each. `devices`: planned members, devices, endpoints and links of a
scenario on top. Reports bytes per device in the place of seconds per exchange.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from common import LOOPBACK_POOL, PATH, PAYLOAD

from simulator.clock import VirtualClock
from simulator.protocol.coap.client import Engine
from simulator.wire.address import LOOPBACK, address
from simulator.wire.calendar import Calendar

SCENARIO = """
scenario: Many meters
devices:
  meters: {{count: {devices}, network: ciot, transport: coap}}
steps:
  - {{attach: meters}}
"""
POST = 2


def resident_bytes() -> int:
    """Resident memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def engines(devices: int) -> Any:
    """Every device sends once and is answered, a thousand a second, so that timers come and go as in a real run."""
    timers = Calendar()
    peer = address(LOOPBACK, 5683)
    answers: list[tuple[bytes, int]] = []

    def transmit(data: bytes, _peer: int, ip: int) -> None:
        answers.append((b"\x64\x41" + data[2:8], ip))

    def done(_argument: Any, _result: Any, _now: float) -> None:
        pass

    engine = Engine(timers, transmit, seed=1)
    for number in range(devices):
        now = number * 0.001
        timers.expire(now)
        engine.request(LOOPBACK_POOL + number, peer, POST, PATH, PAYLOAD, True, done, None, now)
        answer, ip = answers.pop()
        engine.receive(answer, peer, ip, now)
    assert engine.counts.answered == devices
    return engine, timers


def fleet(devices: int) -> Any:
    """The devices of a scenario."""
    from simulator.fleet.fleet import Fleet
    from simulator.plan import make_plan
    from simulator.scenario.loader import loads
    from simulator.wire.memory import MemoryNetwork

    plan = make_plan(loads(SCENARIO.format(devices=devices)))
    clock, timers = VirtualClock(), Calendar()
    made = Fleet(plan.members, plan.seed, clock, timers, lambda *_: None)
    asyncio.run(made.open(MemoryNetwork(timers, clock), 1, 2, None))
    return plan, made


def main(what: str, devices: int) -> None:
    """Make them and report."""
    # One of each first, so that imports and caches are not counted.
    kept: list[Any] = [engines(1), fleet(1) if what == "devices" else None]
    before = resident_bytes()
    kept.append(engines(devices))
    if what == "devices":
        kept.append(fleet(devices))
    grown = resident_bytes() - before
    print(json.dumps({"exchanges": devices, "lost": 0, "cpu_s": float(grown), "wall_s": 0.0}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
