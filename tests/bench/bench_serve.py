"""The reference server under load: `simulator serve` in a process of its own, and what each of its jobs costs it.

    .venv/bin/python tests/bench/bench_serve.py [--devices 5000] [--per-s 20000] [--seconds 60]
    .venv/bin/python tests/bench/bench_serve.py --collections 100           a block of devices in each, as in load tests
    .venv/bin/python tests/bench/bench_serve.py --profile serve.pstats      and where the server's time goes

Devices are created over keep-alive connections and attach by RADIUS; they upload over CoAP, at a steady rate and then
as fast as they are answered, while one reader has all events; then they are deleted. The server and its clients have a
processor each. The table is for the README and for people; what is asserted is that every upload was answered and each
event came once: else the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pstats
import signal
import sys
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api_clients import EventReader, ask_all
from bench_attach import SECRET, Load
from measure import CLIENT_CPU, SERVER_CPU, compile_limits, on_cpu

from simulator.acts import Answer
from simulator.clock import WallClock
from simulator.identity.fleet import POOL_FIRST_IP, RESERVED_IPS, identity
from simulator.protocol.coap.client import Engine
from simulator.wire.address import LOOPBACK, address
from simulator.wire.batch import BatchWire
from simulator.wire.drivers.real import RealTimers

TOKEN = "bench"
CONNECTIONS = 16
IN_FLIGHT = 256
"""Of the run that is as fast as the server."""
TICK_S = 0.001
LATE_S = 5.0
"""If so long nothing comes, no answer and no event, nothing will."""
POST = 2
PAYLOAD = b"x" * 24
FIRST_IP = POOL_FIRST_IP + RESERVED_IPS
DOORS = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")


class Serve:
    """The server's process."""

    def __init__(self, process: asyncio.subprocess.Process, table: dict[str, str]) -> None:
        self._process, self._table = process, table
        assert process.stdout is not None
        self._out = process.stdout

    @classmethod
    async def start(cls, options: argparse.Namespace) -> Serve:
        """Until it listens. Raises: SystemExit: it does not."""
        words = [word for door in DOORS for word in (f"--{door}-port", "0")]
        words += [] if options.lines else ["--quiet"]
        words += ["--mutant", options.mutant] if options.mutant else []
        profile = ["-m", "cProfile", "-o", options.profile] if options.profile else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *profile, "-m", "simulator", "serve", *words),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "SIMULATOR_TOKEN": TOKEN, "SIMULATOR_RADIUS_SECRET": SECRET},
            preexec_fn=on_cpu(SERVER_CPU),
        )
        server = cls(process, {})
        while "read-only" not in server._table:
            line = (await server._out.readline()).decode()
            if not line:
                raise SystemExit("the server does not start")
            what, where = line.split(maxsplit=1)
            server._table[what] = where.strip().rpartition("//")[2].partition("/")[0]
        return server

    def port(self, what: str) -> int:
        """Of a line of the table."""
        return int(self._table[what].rpartition(":")[2])

    async def printed(self) -> int:
        """Bytes that it prints from now on until it ends; somebody has to read them."""
        size = 0
        while chunk := await self._out.read(1 << 16):
            size += len(chunk)
        return size

    @property
    def cpu_s(self) -> float:
        """CPU time so far, user and system."""
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e9

    @property
    def rss_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def stop(self) -> None:
        """End it in order."""
        self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


class Fleet:
    """Devices that upload, each from its address, and the events that tell of it."""

    def __init__(self, clock: WallClock, engine: Engine, peer: int, devices: int) -> None:
        self._clock, self._engine, self._peer, self._devices = clock, engine, peer, devices
        self._dues: list[float] = []
        """When each upload was due, in the order of sending; within a turn of the server, that of the events."""
        self._refill = False
        self._to_begin = self._begun = self._ended = 0
        self._over = asyncio.Event()
        self.failed = 0
        self.events = 0
        """That have come since the start."""
        self.delays: list[float] = []
        """From the moment an upload was due to its event, in seconds."""

    def seen(self, events: int) -> None:
        """So many more events have come."""
        self.events += events
        now, first = self._clock.now(), len(self.delays)
        self.delays += [now - due for due in self._dues[first : first + events]]
        self._look()

    async def steadily(self, per_s: float, seconds: float) -> None:
        """So many a second, whatever comes back."""
        self._begin(int(per_s * seconds), refill=False)
        began = self._clock.now()
        while self._begun < self._to_begin:
            now = self._clock.now()
            due = min(int((now - began) * per_s) + 1, self._to_begin)
            while self._begun < due:
                self._send(began + self._begun / per_s, now)
            await asyncio.sleep(TICK_S)
        await self._settle()

    async def as_fast_as_answered(self, exchanges: int) -> None:
        """Each answer begins the next one."""
        self._begin(exchanges, refill=True)
        for _ in range(IN_FLIGHT):
            now = self._clock.now()
            self._send(now, now)
        await self._settle()

    def _begin(self, exchanges: int, *, refill: bool) -> None:
        self._to_begin, self._refill = exchanges, refill
        self._begun = self._ended = 0
        self._over.clear()
        self._dues.clear()
        self.delays.clear()

    def _send(self, due: float, now: float) -> None:
        ip = FIRST_IP + self._begun % self._devices
        self._begun += 1
        self._dues.append(due)
        self._engine.request(ip, self._peer, POST, "data", PAYLOAD, True, self._answered, None, now)

    def _answered(self, _: None, result: Any, now: float) -> None:
        if type(result) is not Answer:
            self.failed += 1
        self._ended += 1
        if self._refill and self._begun < self._to_begin:
            self._send(now, now)
        self._look()

    def _look(self) -> None:
        if self._ended == self._to_begin == len(self.delays):
            self._over.set()

    async def _settle(self) -> None:
        while not self._over.is_set():
            before = self._ended + len(self.delays)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), LATE_S)
            if before == self._ended + len(self.delays):
                return  # what is missing is counted


@dataclass
class Bench:
    """All jobs, one after the other."""

    options: argparse.Namespace
    server: Serve
    clock: WallClock
    wire: BatchWire
    timers: RealTimers
    lost: int = 0

    async def run(self) -> None:
        """And print a row for each."""
        devices = self.options.devices
        print(f"| {devices} devices | per second | server, µs each | server, share of a core | |")
        print("|---|---|---|---|---|", flush=True)
        made = await self._ask(*[("POST", "/span/collections", b"{}")] * self.options.collections)
        there = [f"/span/collections/{each['collectionId']}" for each in made]
        bodies = ((f"{there[number % len(there)]}/devices", self._body(number)) for number in range(devices))
        made = await self._cost("created", devices, self._ask(*(("POST", path, body) for path, body in bodies)))
        doors = self.server.port("RADIUS"), self.server.port("accounting")
        load = Load(self.wire, self.clock, self.timers, devices, 0.0, doors)
        sample = await self._cost("attached, with the report of it", devices, load.run())
        self.lost += sample.lost
        await self._uploads([f"{each}/activity" for each in there])
        paths = [f"/span/collections/{each['collectionId']}/devices/{each['deviceId']}" for each in made]
        await self._cost("deleted", devices, self._ask(*(("DELETE", path, b"") for path in paths)))

    async def _uploads(self, streams: list[str]) -> None:
        port = await self.wire.open("0.0.0.0", 0, lambda *_: None)
        engine = Engine(self.timers, port.send, seed=1)
        port.deliver_batches(engine.receive_many)
        fleet = Fleet(self.clock, engine, address(LOOPBACK, self.server.port("CoAP")), self.options.devices)
        loop = asyncio.get_running_loop()
        readers = []
        for number in range(self.options.readers):
            came = fleet.seen if not number else _ignored
            for stream in streams:
                reader = EventReader(stream, TOKEN, came)
                await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", self.server.port("API"))
                await reader.opened.wait()
                readers.append(reader)
        per_s, seconds = self.options.per_s, self.options.seconds
        watching = loop.create_task(self._watch_memory(seconds))
        await self._cost("steady uploads", per_s * seconds, fleet.steadily(per_s, seconds), fleet)
        rss = await watching
        for _ in range(self.options.rounds):
            exchanges = self.options.at_most
            await self._cost("uploads as fast as answered", exchanges, fleet.as_fast_as_answered(exchanges), fleet)
        await self._limit(fleet)
        self.lost += fleet.failed
        resident = ", ".join(f"{each:.0f}" for each in rss)
        print(
            f"\nMB resident, every ten seconds: {resident}; {sum(each.reads for each in readers)} reads of the streams;"
        )
        words = [word for reader in readers for word in reader.words]
        print(f"{engine.counts}; {port.counts.overflowed} datagrams overflowed here; the platform said {words}\n")
        for reader in readers:
            reader.transport.close()

    async def _limit(self, fleet: Fleet) -> None:
        """The client written in C, which costs so little that the server is what ends the rate."""
        exchanges = self.options.at_most
        with TemporaryDirectory() as folder:
            program = compile_limits(Path(folder)).get("coap_client_limit")
            if program is None or not exchanges:
                return
            words = [str(program), str(self.server.port("CoAP")), str(exchanges), str(IN_FLIGHT)]
            before = fleet.events
            process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
            said, _ = await self._cost("uploads of a client in C", exchanges, process.communicate())
        lost = json.loads(said)["lost"]
        # Its first device, 127.64.0.1, is none of ours: the platform answers it and tells nobody.
        print(f"{lost} of these were not answered, {fleet.events - before} events of them have come", flush=True)

    async def _watch_memory(self, seconds: int) -> list[float]:
        found = [self.server.rss_mb]
        for _ in range(max(1, seconds // 10)):
            await asyncio.sleep(10 if seconds >= 10 else seconds)
            found.append(self.server.rss_mb)
        return found

    async def _cost(self, job: str, times: int, work: Awaitable[Any], fleet: Fleet | None = None) -> Any:
        cpu_s, wall_s = self.server.cpu_s, self.clock.now()
        result = await work
        wall_s = self.clock.now() - wall_s
        cpu_s = self.server.cpu_s - cpu_s
        note = ""
        if fleet is not None:
            delays = sorted(fleet.delays) or [0.0]
            self.lost += abs(times - len(fleet.delays))
            p50, p99, most = (delays[min(int(len(delays) * share), len(delays) - 1)] for share in (0.5, 0.99, 1.0))
            note = f"{len(fleet.delays)} events after {p50 * 1e3:.1f}, 99 % {p99 * 1e3:.1f}, all {most * 1e3:.1f} ms"
        share = f"{cpu_s / wall_s:.0%}"
        print(f"| {job} | {times / wall_s:.0f} | {cpu_s / times * 1e6:.1f} | {share} | {note} |", flush=True)
        return result

    async def _ask(self, *asked: tuple[str, str, bytes]) -> list[dict[str, Any]]:
        return await ask_all(self.server.port("API"), TOKEN, asked, min(CONNECTIONS, len(asked)))

    def _body(self, number: int) -> bytes:
        who = identity(number)
        config = {"ciot": {"imsi": who.imsi, "imei": who.imei}}
        return json.dumps({"config": config, "tags": {"name": f"meters.{number}"}}).encode()


def _ignored(_events: int) -> None:
    """What further readers do."""


async def measure(options: argparse.Namespace) -> int:
    """Returns: how many uploads, events or logins were lost."""
    if (pin := on_cpu(CLIENT_CPU)) is not None:
        pin()
    server = await Serve.start(options)
    printing = asyncio.create_task(server.printed())
    loop, clock = asyncio.get_running_loop(), WallClock()
    timers, wire = RealTimers(clock, loop), BatchWire(clock, loop)
    bench = Bench(options, server, clock, wire, timers)
    try:
        await bench.run()
    finally:
        timers.close()
        await wire.close()
        await server.stop()
        print(f"\n{await printing} bytes were printed, {bench.lost} lost.")
    return bench.lost


def main() -> int:
    """Measure and print. Returns: the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=5000, help="(default 5000)")
    parser.add_argument("--per-s", type=int, default=20_000, help="steady uploads a second (default 20000)")
    parser.add_argument("--seconds", type=int, default=60, help="of steady uploads (default 60)")
    parser.add_argument("--at-most", type=int, default=200_000, help="uploads as fast as answered (default 200000)")
    parser.add_argument("--rounds", type=int, default=3, help="of these (default 3)")
    parser.add_argument("--collections", type=int, default=1, help="among which the devices are dealt out (default 1)")
    parser.add_argument("--readers", type=int, default=1, help="of the events of each (default 1)")
    parser.add_argument("--lines", action="store_true", help="the server prints a line per event")
    parser.add_argument("--mutant", help="the server has this defect; something should be lost")
    parser.add_argument("--profile", metavar="FILE", help="profile the server, and show where its time goes")
    options = parser.parse_args()
    lost = asyncio.run(measure(options))
    if options.profile:
        pstats.Stats(options.profile).sort_stats("tottime").print_stats(45)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
