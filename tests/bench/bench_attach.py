"""Attaches a second through the real RADIUS listener: Access-Request and Accounting Start of every device, on loopback.

    .venv/bin/python tests/bench/bench_attach.py [--attaches 10000] [--rounds 3] [--loss 1] [--profile]

Devices attach by the simulated packet gateways, sockets and clocks are real, and `--loss` percent of the datagrams are
thrown away each way. Gateways and platform run in one process, and then in a process each. An attach is over when the
device was let in and the platform has acknowledged the Start. The rate is that of the first 95 %: the rest waits for
repetitions, which come after 2, 6 and 14 s. The table is for the README and for people; nothing is
asserted but that nobody was lost: then the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from simulator.acts import Accepted, Attach, Result
from simulator.clock import WallClock
from simulator.devices.mobile_core import MobileCore
from simulator.errors import Place
from simulator.identity.fleet import POOL_FIRST_IP, RESERVED_IPS, identity
from simulator.scenario.model import Operator
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.fronts.radius_clients import RadiusClient, RadiusSettings
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import LOOPBACK, address, host_text, port_of
from simulator.wire.batch import BatchWire
from simulator.wire.drivers.real import RealTimers
from simulator.wire.ports import Port

AIM = 2000
"""Attaches a second, in one process."""
IN_FLIGHT = 400
"""Attaches under way; one that waits for a repetition keeps its place for 2 s."""
AT_ONCE = 32
"""Begun in one go, so that no receive buffer overflows; an answer begins the next one at once."""
TOP_UP_S = 0.01
GATEWAYS = 4
SECRET = "the secret of a bench"
LONGEST_S = 120.0
COUNTED = ("accepted", "sessions", "accounting.start")
"""What the platform has to have counted of each device, once."""
MOST_OF_THEM = 0.95
DEVICES_MOST = 1_000_000


@dataclass
class Sample:
    """What one run came to."""

    per_s: float
    """Devices that were let in per second, until `MOST_OF_THEM` were."""
    last_s: float
    """When the platform had acknowledged the last of them."""
    cpu_us: float
    """CPU time per attach of the process with the gateways, in microseconds."""
    lost: int
    repeated: int
    overflowed: int
    """Datagrams that the system dropped on top, because a receive buffer was full."""


async def platform(wire: BatchWire, clock: WallClock, timers: RealTimers, devices: int) -> ReferenceServer:
    """A reference server that knows so many devices, on free ports."""
    settings = ServerSettings.on_free_ports(
        radius=RadiusSettings(clients=(RadiusClient(secret=SECRET),)), span=SpanSettings(devices_most=DEVICES_MOST)
    )
    server = ReferenceServer(settings, clock, timers)
    collection = server.core.create_collection()
    for number in range(devices):
        who = identity(number)
        server.core.registry.create_device(collection, imsi=who.imsi, imei=who.imei)
    await server.start(wire)
    return server


class Load:
    """So many devices attach, each once, as fast as the platform lets them in."""

    def __init__(
        self, wire: BatchWire, clock: WallClock, timers: RealTimers, attaches: int, loss: float, ports: tuple[int, int]
    ) -> None:
        self._wire, self._clock, self._timers = wire, clock, timers
        self._attaches, self._loss = attaches, loss
        self._auth, self._acct = (address(LOOPBACK, port) for port in ports)
        self._chance = random.Random(1).random
        self._begun = self._told = self.lost = 0
        self._most_in = 0.0
        self._opened: list[Port] = []
        self._ended = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        operator = Operator(name="home", place=Place("bench"), gateways=GATEWAYS)
        self.core = MobileCore(
            (operator,),
            1,
            timers,
            SECRET.encode(),
            lambda _device, _why: None,
            self._need_line,
            epoch_unix_s=clock.unix_ns() / 1e9 - clock.now(),
        )

    async def run(self) -> Sample:
        """Let all of them in."""
        for name in self.core.gateways:
            await self._open(name)
        cpu = time.process_time()
        began = self._clock.now()
        self._top_up(None, began)
        await asyncio.wait_for(self._ended, LONGEST_S)
        cpu_s = time.process_time() - cpu
        repeated = self.core.counts.get("radius.retransmitted", 0)
        overflowed = sum(port.counts.overflowed for port in self._opened)
        return Sample(
            per_s=self._attaches * MOST_OF_THEM / (self._most_in - began),
            last_s=self._clock.now() - began,
            cpu_us=cpu_s / self._attaches * 1e6,
            lost=self.lost,
            repeated=repeated,
            overflowed=overflowed,
        )

    def _top_up(self, _: None, now: float) -> None:
        for _number in range(min(AT_ONCE, IN_FLIGHT - (self._begun - self._told))):
            self._begin(now)
        if self._begun < self._attaches:
            self._timers.at(now + TOP_UP_S, self._top_up)
        elif self._told == self._attaches and self._all_acknowledged():
            if not self._ended.done():
                self._ended.set_result(None)
        else:
            self._timers.at(now + TOP_UP_S, self._top_up)

    def _begin(self, now: float) -> None:
        number = self._begun
        if number == self._attaches:
            return
        self._begun += 1
        who = identity(number)
        act = Attach(
            imsi=who.imsi,
            msisdn=who.msisdn,
            imeisv=who.imei[:14] + "01",
            ip=POOL_FIRST_IP + RESERVED_IPS + number,
            operator="home",
            rat="",
            cell=0x1234500 + number // 100,
        )
        self.core.attach(act, f"m.{number}", number, "", self._let_in, None, now)

    def _let_in(self, _: None, result: Result, now: float) -> None:
        self._told += 1
        if type(result) is not Accepted:
            self.lost += 1
        if self._told <= self._attaches * MOST_OF_THEM:
            self._most_in = self._clock.now()
        self._begin(now)

    def _all_acknowledged(self) -> bool:
        return all(
            gateway.client.counts.answered + gateway.client.counts.given_up == gateway.client.counts.sent
            for gateway in self.core.gateways.values()
        )

    def _need_line(self, name: str) -> None:
        task = asyncio.get_running_loop().create_task(self._open(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, name: str) -> None:
        line = self.core.gateways[name].client.lines
        receive, chance, loss = self.core.receive, self._chance, self._loss

        def arrived(data: bytes, peer: int, _ip: int, now: float) -> None:
            if chance() >= loss:
                receive(name, line, data, peer, now)

        port = await self._wire.open(host_text(address(self.core.gateways[name].address, 0)), 0, arrived)
        self._opened.append(port)

        def sender(peer: int) -> Callable[[bytes], None]:
            def send(data: bytes) -> None:
                if chance() >= loss:
                    port.send(data, peer)

            return send

        self.core.add_line(name, sender(self._auth), sender(self._acct), port.send)


async def one_process(attaches: int, loss: float) -> Sample:
    """Gateways and platform together."""
    loop, clock = asyncio.get_running_loop(), WallClock()
    timers, wire = RealTimers(clock, loop), BatchWire(clock, loop)
    server = await platform(wire, clock, timers, attaches)
    load = Load(
        wire, clock, timers, attaches, loss, (port_of(server.radius_address), port_of(server.accounting_address))
    )
    try:
        return checked(await load.run(), server.core.statistics(), attaches)
    finally:
        timers.close()
        await wire.close()


def checked(sample: Sample, statistics: dict[str, int], attaches: int) -> Sample:
    """Both ends have to agree about who is in, and nobody may be counted twice."""
    for name in COUNTED:
        sample.lost += abs(attaches - statistics.get(name, 0))
    return sample


async def two_processes(attaches: int, loss: float) -> Sample:
    """The platform in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--serve", str(attaches), stdin=pipe, stdout=pipe
    )
    assert server.stdin is not None
    assert server.stdout is not None
    auth, acct = map(int, (await server.stdout.readline()).split())
    loop, clock = asyncio.get_running_loop(), WallClock()
    timers, wire = RealTimers(clock, loop), BatchWire(clock, loop)
    try:
        sample = await Load(wire, clock, timers, attaches, loss, (auth, acct)).run()
    finally:
        server.stdin.close()
        timers.close()
        await wire.close()
        counted = (await server.stdout.read()).split()
        await server.wait()
    return checked(sample, dict(zip(COUNTED, map(int, counted), strict=True)), attaches)


async def serve(devices: int) -> None:
    """The platform alone, until standard input ends: says its ports, and in the end what it has counted."""
    loop, clock = asyncio.get_running_loop(), WallClock()
    timers, wire = RealTimers(clock, loop), BatchWire(clock, loop)
    server = await platform(wire, clock, timers, devices)
    print(port_of(server.radius_address), port_of(server.accounting_address), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    counts = server.core.statistics()
    print(*(counts.get(name, 0) for name in COUNTED), flush=True)
    timers.close()
    await wire.close()


def profiled(attaches: int, loss: float) -> None:
    """Where the time goes, in one process."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(asyncio.run, one_process(attaches, loss))
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def main() -> int:
    """Measure and print. Returns: the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--attaches", type=int, default=10_000, help="devices per round (default 10000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--loss", type=float, default=1.0, help="datagrams lost each way, in percent (default 1)")
    parser.add_argument("--profile", action="store_true", help="one round in one process, and where its time goes")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return 0
    loss = options.loss / 100
    if options.profile:
        profiled(options.attaches, loss)
        return 0
    samples: dict[str, list[Sample]] = {"one process": [], "a process each": []}
    for number in range(options.rounds):
        samples["one process"].append(asyncio.run(one_process(options.attaches, loss)))
        samples["a process each"].append(asyncio.run(two_processes(options.attaches, loss)))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    print(
        f"| attaches, {options.loss:g} % of datagrams lost each way"
        " | per second | aim | all in after, s | repeated | lost |"
    )
    print("|---|---|---|---|---|---|")
    for name, found in samples.items():
        rate, aim = median(sample.per_s for sample in found), f"≥ {AIM}" if name == "one process" else ""
        last_s = max(sample.last_s for sample in found)
        repeated, lost = (sum(values) for values in zip(*((one.repeated, one.lost) for one in found), strict=True))
        print(f"| gateways and platform, {name} | {rate:.0f} | {aim} | {last_s:.0f} | {repeated} | {lost} |")
    cpu = median(sample.cpu_us for sample in samples["one process"])
    print(f"\n{cpu:.0f} µs of CPU time per attach in one process; medians of {options.rounds} rounds.")
    overflowed = sum(sample.overflowed for found in samples.values() for sample in found)
    if overflowed:
        print(f"{overflowed} datagrams more were lost to full receive buffers.")
    return 1 if any(sample.lost for found in samples.values() for sample in found) else 0


if __name__ == "__main__":
    sys.exit(main())
