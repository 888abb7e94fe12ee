"""Our engine over the batch socket, against any CoAP server on 127.0.0.1.

    client_engine.py STYLE PORT EXCHANGES IN_FLIGHT [METHOD PATH]

STYLE `callbacks`: the engine as the load generator uses it. `story`: a generator of acts per device, as scenarios use
it. `await`: a task per device that awaits each exchange.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from common import LOOPBACK_POOL, PATH, PAYLOAD, Meter

from simulator.acts import Answer, Post, Story
from simulator.clock import WallClock
from simulator.protocol.coap.client import Engine
from simulator.wire.address import LOOPBACK, address
from simulator.wire.batch import BatchWire
from simulator.wire.drivers.awaiting import AwaitingClient
from simulator.wire.drivers.real import RealTimers
from simulator.wire.drivers.stories import Endpoint, Stories

POST = 2


class Load:
    """IN_FLIGHT devices, each with one exchange open, until EXCHANGES have ended."""

    def __init__(self, engine: Engine, peer: int, exchanges: int, method: int, path: str) -> None:
        self.engine, self.peer, self.method, self.path = engine, peer, method, path
        self.to_start = self.to_end = exchanges
        self.lost = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def over(self, result: Any) -> None:
        """One exchange has ended."""
        if type(result) is not Answer:
            self.lost += 1
        self.to_end -= 1
        if self.to_end == 0:
            self.ended.set_result(None)

    def begin(self, ip: int, now: float) -> None:
        """The device's first exchange."""
        self.to_start -= 1
        self.engine.request(ip, self.peer, self.method, self.path, PAYLOAD, True, self.done, ip, now)

    def done(self, ip: int, result: Any, now: float) -> None:
        """The engine's callback: the next exchange. One function, as the C program's loop is one."""
        if type(result) is not Answer:
            self.lost += 1
        self.to_end -= 1
        if self.to_start > 0:
            self.to_start -= 1
            self.engine.request(ip, self.peer, self.method, self.path, PAYLOAD, True, self.done, ip, now)
        elif self.to_end == 0:
            self.ended.set_result(None)

    def story(self) -> Story[None]:
        """The same as a device's story; for POST only."""
        while self.to_start > 0:
            self.to_start -= 1
            self.over((yield Post(self.path, PAYLOAD)))

    async def task(self, ip: int, client: AwaitingClient) -> None:
        """The same as somebody's coroutine."""
        while self.to_start > 0:
            self.to_start -= 1
            self.over(await client.request(ip, self.peer, self.method, self.path, PAYLOAD))


def _raise(error: BaseException) -> None:
    raise error


async def main(style: str, port: int, exchanges: int, in_flight: int, method: int, path: str) -> None:
    """Act it out and report."""
    loop = asyncio.get_running_loop()
    clock = WallClock()
    timers = RealTimers(clock, loop)
    wire = BatchWire(clock, loop)
    opened = await wire.open("0.0.0.0", 0, lambda *_: None)
    engine = Engine(timers, opened.send, seed=1)
    opened.deliver_batches(engine.receive_many)
    load = Load(engine, address(LOOPBACK, port), exchanges, method, path)
    ips = range(LOOPBACK_POOL, LOOPBACK_POOL + min(in_flight, exchanges))
    meter = Meter()
    if style == "await":
        client = AwaitingClient(engine, clock)
        await asyncio.gather(*(load.task(ip, client) for ip in ips))
    elif style == "story":
        stories = Stories(timers, {}, _raise)
        for ip in ips:
            endpoint = Endpoint(str(ip), ip, coap=engine, coap_peer=load.peer)
            stories.start(endpoint, load.story(), lambda _returned, _now: None, clock.now())
        await load.ended
    else:
        for ip in ips:
            load.begin(ip, clock.now())
        await load.ended
    meter.report(exchanges - load.lost, load.lost)
    timers.close()
    await wire.close()


if __name__ == "__main__":
    words = [*sys.argv[1:5], *(sys.argv[5:7] or (str(POST), PATH))]
    asyncio.run(main(words[0], int(words[1]), int(words[2]), int(words[3]), int(words[4]), words[5]))
