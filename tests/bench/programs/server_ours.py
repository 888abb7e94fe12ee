"""Our server behind the batch socket, on a free port of 127.0.0.1, until standard input ends.

    server_ours.py WHAT DEVICES

WHAT `layer`: the CoAP message layer with a handler that says 2.01. `span`: the whole Span front and core, with DEVICES
in session from 127.64.0.1 on, and a reader of all activity events.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from common import Meter, announce, told_to_end

from simulator.clock import WallClock
from simulator.identity.fleet import POOL_FIRST_IP, identity
from simulator.protocol.coap.numbers import Code
from simulator.protocol.coap.server import ServerLayer
from simulator.protocol.coap.server_types import Request, Response
from simulator.server.fronts.coap import CoapFront
from simulator.server.span.core import SpanCore
from simulator.wire.address import port_of
from simulator.wire.batch import BatchPort, BatchWire
from simulator.wire.ports import Port

CREATED = Response(Code.CREATED)


async def open_layer(wire: BatchWire) -> BatchPort:
    """The message layer alone."""

    def say_created(_request: Request, _now: float) -> Response:
        return CREATED

    answer = ServerLayer(say_created, verified=lambda _peer: True).receive

    def receive_many(datagrams: Iterable[tuple[bytes, int, int]], now: float) -> None:
        for data, peer, local_ip in datagrams:
            datagram = answer(data, peer, now)
            if datagram is not None:
                send(datagram, peer, local_ip)

    port = await wire.open("127.0.0.1", 0, lambda *_: None)
    send = port.send
    port.deliver_batches(receive_many)
    return port


async def open_span(wire: BatchWire, clock: WallClock, devices: int) -> tuple[Port, list[int]]:
    """The platform with its devices in session; the list counts the events that were read."""
    core = SpanCore()
    now_ns = clock.unix_ns()
    collection = core.create_collection()
    for number in range(devices):
        who = identity(number)
        core.registry.create_device(collection, imsi=who.imsi, imei=who.imei)
        core.login(who.imsi, who.imei, POOL_FIRST_IP + 1 + number, now_ns)
    events = [0]
    reader = core.watch(now_ns, limit=1 << 20)
    loop = asyncio.get_running_loop()

    def read() -> None:
        events[0] += len(reader.take())

    reader.on_ready = lambda: loop.call_soon(read)
    front = CoapFront(core, clock)
    await front.start(wire)
    assert front._port is not None
    return front._port, events


async def main(what: str, devices: int) -> None:
    """Serve and report."""
    clock = WallClock()
    wire = BatchWire(clock, asyncio.get_running_loop())
    events = [0]
    if what == "span":
        port, events = await open_span(wire, clock, devices)
    else:
        port = await open_layer(wire)
    meter = Meter()
    announce(port_of(port.address))
    await told_to_end()
    meter.report(port.counts.sent, port.counts.overflowed, events=events[0])
    await wire.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
