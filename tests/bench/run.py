"""CPU time per CoAP exchange of 32 bytes on loopback: engine and server front against C, libcoap and aiocoap.

    make bench                 or    .venv/bin/python tests/bench/run.py [--rounds 5] [--limit-s 75]

Every round runs every program once, and a ratio compares programs of the same round: absolute times on a shared
machine mean nothing. Clients are measured against the C server, servers against the C client (libcoap and aiocoap
against our engine); without a C compiler our own programs take their place and there are no ratios. Nothing here is
asserted: the table is for the README and for people.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measure import BenchError, Libcoap, Sample, Server, client, compile_limits, free_port, python
from table import Row, figures, side

FAST = 40_000
MIDDLE = 20_000
SLOW = 800
"""Exchanges per sample: about a third of a second of CPU time each."""
IN_FLIGHT = 256
IN_FLIGHT_SLOW = 16
"""Others leave the receive buffer as small as the system makes it."""


class Bench:
    """All programs and their samples."""

    def __init__(self, limits: dict[str, Path]) -> None:
        self._limits = limits
        self.c_client = Row("C, sendmmsg and recvmmsg: the limit")
        self.c_server = Row("C, sendmmsg and recvmmsg: the limit")
        self.clients = [
            (Row("**engine, callbacks**", target=2.2), "callbacks"),
            (Row("**engine, a story per device**", target=2.8), "story"),
            (Row("**engine, `await` in a task per device**", target=2.8), "await"),
        ]
        self.aiocoap_client = Row("aiocoap")
        self.servers = [
            (Row("**CoAP layer, trivial handler**", target=2.4), "layer"),
            (Row("**whole Span front, events read**"), "span"),
        ]
        self.libcoap_server = Row("libcoap, coap-server", note="libcoap3-bin is missing")
        self.aiocoap_server = Row("aiocoap")
        self.virtual = Row("both ends in virtual time")
        self.scenario = Row("a whole scenario in virtual time")
        self.troubles: list[str] = []

    def round(self) -> None:
        """Every program once."""
        self._try(self._limit_pair)
        for row, style in self.clients:
            self._try(lambda row=row, style=style: self._client(row, python_client(style)))
        self._try(lambda: self._client(self.aiocoap_client, aiocoap_client))
        for row, what in self.servers:
            self._try(lambda row=row, what=what: self._server(row, what))
        self._try(self._aiocoap_server)
        if Libcoap.PROGRAM is not None:
            self._try(self._libcoap_server)
        self._try(lambda: self.virtual.samples.append(client(python("virtual_exchange", MIDDLE, IN_FLIGHT)).cpu_us))
        self._try(lambda: self.scenario.samples.append(client(python("virtual_scenario", 200, 50)).cpu_us))

    def _try(self, measure: Callable[[], None]) -> None:
        try:
            measure()
        except (BenchError, OSError, subprocess.TimeoutExpired) as error:
            self.troubles.append(str(error))

    def _limit_server(self, exchanges: int) -> Server:
        if self._limits:
            return Server([self._limits["coap_server_limit"], "0", str(exchanges), str(IN_FLIGHT)])
        return Server(python("server_ours", "layer", IN_FLIGHT))

    def _limit_client(self, port: int, exchanges: int) -> Sample:
        if self._limits:
            return client([str(self._limits["coap_client_limit"]), str(port), str(exchanges), str(IN_FLIGHT)])
        return client(python("client_engine", "callbacks", port, exchanges, IN_FLIGHT))

    def _limit_pair(self) -> None:
        if self._limits:
            with self._limit_server(FAST) as server:
                self.c_client.samples.append(self._limit_client(server.port, FAST).cpu_us)
                self.c_server.samples.append(server.finish().cpu_us)

    def _client(self, row: Row, command: Callable[[int], tuple[list[str], int]]) -> None:
        _, exchanges = command(0)
        with self._limit_server(exchanges) as server:
            sample = client(command(server.port)[0])
        self._note_loss(row, sample)

    def _server(self, row: Row, what: str) -> None:
        with Server(python("server_ours", what, IN_FLIGHT)) as server:
            self._limit_client(server.port, FAST)
            self._note_loss(row, server.finish())

    def _aiocoap_server(self) -> None:
        with Server(python("server_aiocoap", free_port())) as server:
            client(python("client_engine", "callbacks", server.port, SLOW, IN_FLIGHT_SLOW))
            self._note_loss(self.aiocoap_server, server.finish())

    def _libcoap_server(self) -> None:
        with Libcoap() as server:
            # Its example server takes PUT (3) on this path, and nothing shorter that costs it as little.
            client(python("client_engine", "callbacks", server.port, MIDDLE, IN_FLIGHT_SLOW * 4, 3, "example_data"))
            self.libcoap_server.samples.append(server.finish(MIDDLE).cpu_us)

    def _note_loss(self, row: Row, sample: Sample) -> None:
        row.samples.append(sample.cpu_us)
        if sample.lost:
            self.troubles.append(f"{row.label}: {sample.lost} of {sample.exchanges} exchanges were lost")


def python_client(style: str) -> Callable[[int], tuple[list[str], int]]:
    """Command line for a port, and how many exchanges it makes."""
    return lambda port: (python("client_engine", style, port, FAST, IN_FLIGHT), FAST)


def aiocoap_client(port: int) -> tuple[list[str], int]:
    """The same for aiocoap."""
    return python("client_aiocoap", port, SLOW, IN_FLIGHT_SLOW), SLOW


def report(bench: Bench, memory: dict[str, float | None]) -> str:
    """Everything in Markdown."""
    c_client = bench.c_client if bench.c_client.samples else None
    c_server = bench.c_server if bench.c_server.samples else None
    clients = [bench.c_client, *(row for row, _ in bench.clients), bench.aiocoap_client]
    servers = [bench.c_server, *(row for row, _ in bench.servers), bench.libcoap_server, bench.aiocoap_server]
    rows: dict[str, tuple[float | None, str, str]] = {
        "virtual time per exchange, both ends, no events": (middle(bench.virtual), "µs", "≤ 20 µs"),
        "virtual time per upload of a scenario, with events and verdict": (middle(bench.scenario), "µs", "≤ 60 µs"),
        "10 000 devices in the engine": (memory.get("engine"), "MB", ""),
        "10 000 devices of a scenario, engine and links included": (memory.get("devices"), "MB", "≤ 8 MB"),
    }
    return "\n".join([*side("client", clients, c_client), "", *side("server", servers, c_server), "", *figures(rows)])


def middle(row: Row) -> float | None:
    """The median sample; None: there is none."""
    return median(row.samples) if row.samples else None


def memory_of(bench: Bench) -> dict[str, float | None]:
    """Megabytes per 10 000 devices."""
    found: dict[str, float | None] = {}
    for what in ("engine", "devices"):
        try:
            # `memory` reports bytes in the place of microseconds.
            found[what] = client(python("memory", what, 50_000)).cpu_us * 10_000 / 1e6 / 1e6
        except (BenchError, OSError, subprocess.TimeoutExpired) as error:
            bench.troubles.append(str(error))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often every program runs (default 5)")
    parser.add_argument("--limit-s", type=float, default=75.0, help="begin no round after so many seconds (default 75)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            limits = compile_limits(Path(folder))
        except BenchError as error:
            sys.exit(str(error))
        if not limits:
            print("No C compiler (gcc or cc) here: no limit to compare with, and no ratios.", file=sys.stderr)
        bench = Bench(limits)
        began = time.monotonic()
        memory = memory_of(bench)
        done = 0
        while done < options.rounds and (done == 0 or (time.monotonic() - began) * (done + 1) / done < options.limit_s):
            bench.round()
            done += 1
            print(f"round {done} of {options.rounds}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(report(bench, memory))
    print(f"\nMedians of {done} interleaved rounds; ratios within a round.")
    for trouble in dict.fromkeys(bench.troubles):
        print(f"not as it should be: {trouble}", file=sys.stderr)


if __name__ == "__main__":
    main()
