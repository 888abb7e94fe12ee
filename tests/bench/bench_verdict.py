"""The verdict under load: a worker against `simulator serve`, healthy and with a defect, and both at their limit.

    .venv/bin/python tests/bench/bench_verdict.py [--runs 10] [--per-s 5000] [--seconds 20]
    .venv/bin/python tests/bench/bench_verdict.py --soak [--per-s 20000] [--seconds 60]

The first alternates healthy servers with ones that drop one event in 10 000: each of those must be caught, and none of
the healthy may be called faulty. The second shows one run with the memory and CPU time of both processes. Worker and
server have a processor each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from measure import CLIENT_CPU, PROGRAMS, SERVER_CPU, on_cpu

MUTANT: Final = "upstreamMessage-one-in-10000-lost"
TOKEN: Final = "bench"
ROOT: Final = Path(__file__).resolve().parents[2]
DEVICES_PER_USER: Final = 5000
"""Each user has an event stream of its own; few of them carry many events in each read."""
PORTS: Final = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")
LOOK_EVERY_S: Final = 0.5
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Serve:
    """`simulator serve` with ports of its own."""

    def __init__(self, *options: str) -> None:
        ports = [word for name in PORTS for word in (f"--{name}-port", "0")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "serve", "--quiet", *ports, *options],
            env={**os.environ, "SIMULATOR_TOKEN": TOKEN},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=on_cpu(SERVER_CPU),
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("API"):
                self.url = line.split()[-1].removesuffix("/span")
            if line.startswith("read-only"):
                return
        raise SystemExit("the server did not start")

    def __enter__(self) -> Serve:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


class Use:
    """Memory and CPU time of a process, as it goes on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.mb: list[tuple[float, float]] = []
        self.cpu_s: list[tuple[float, float]] = []

    def look(self, at_s: float) -> None:
        try:
            pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            return
        self.mb.append((at_s, pages * os.sysconf("SC_PAGE_SIZE") / 1e6))
        self.cpu_s.append((at_s, (int(fields[11]) + int(fields[12])) / _TICKS))

    def mb_at(self, at_s: float) -> float:
        return min(self.mb, key=lambda each: abs(each[0] - at_s))[1]

    def share(self, from_s: float, to_s: float) -> float:
        """Of a core, between two moments."""
        begun, ended = (min(self.cpu_s, key=lambda each: abs(each[0] - at)) for at in (from_s, to_s))
        return (ended[1] - begun[1]) / (ended[0] - begun[0])


def run(per_s: int, seconds: int, *options: str) -> tuple[int, dict[str, Any], Use, Use, float]:
    """Exit code, report, use of worker and server, and when the load began."""
    devices = max(DEVICES_PER_USER, per_s // DEVICES_PER_USER * DEVICES_PER_USER)
    with tempfile.TemporaryDirectory() as folder, Serve(*options) as server:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "locust", "-f", str(PROGRAMS / "locust_meters.py"), "--headless"]
        command += ["--only-summary", "-u", str(devices // DEVICES_PER_USER), "--target", server.url]
        command += ["--devices-per-user", str(DEVICES_PER_USER)]
        command += ["--report", str(report), "--keep"]
        environment = {**os.environ, "SIMULATOR_TOKEN": TOKEN, "BENCH_EVERY": f"{devices / per_s:g} s"}
        log = Path(folder) / "log"
        with log.open("w") as out:
            worker = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=on_cpu(CLIENT_CPU),
            )
        theirs, ours, began_s, load_s = Use(server.process.pid), Use(worker.pid), time.monotonic(), 0.0
        told = False
        while worker.poll() is None:
            time.sleep(LOOK_EVERY_S)
            at_s = time.monotonic() - began_s
            if not load_s and "devices have joined" in log.read_text():
                load_s = at_s
            theirs.look(at_s)
            ours.look(at_s)
            if load_s and at_s > load_s + seconds and not told:
                told = True
                worker.send_signal(signal.SIGINT)  # the time counts from when all have joined
        if not report.exists():
            raise SystemExit(log.read_text())
        return worker.returncode, json.loads(report.read_text()), ours, theirs, load_s


def line_of(code: int, report: dict[str, Any]) -> str:
    uploads = report["uploads"]
    return (
        f"{report['verdict']:<12} {code}  {uploads['sent']:>9,} sent  {uploads['delivered']:>9,} delivered"
        f"  {uploads['lost']:>3} lost  {uploads['duplicated']} doubled  {uploads['unanswered']} unanswered"
    )


def compare(runs: int, per_s: int, seconds: int) -> int:
    caught = alarms = 0
    for number in range(1, runs + 1):
        code, report, *_ = run(per_s, seconds)
        alarms += code == 1
        print(f"{number:>2} healthy  {line_of(code, report)}", flush=True)
        code, report, *_ = run(per_s, seconds, "--mutant", MUTANT)
        caught += code == 1 and report["uploads"]["lost"] > 0
        print(f"{number:>2} mutant   {line_of(code, report)}", flush=True)
    print(f"caught {caught} of {runs}; false alarms {alarms} of {runs}")
    return 0 if caught == runs and not alarms else 1


def soak(per_s: int, seconds: int) -> int:
    code, report, ours, theirs, load_s = run(per_s, seconds)
    print(line_of(code, report))
    for finding in report["findings"]:
        print(f"  {finding}")
    latency = report["latencies"]
    for name in ("upload", "upstreamMessage", "schedule error"):
        figures = latency.get(name, {})
        told = [f"{key} {figures[key] * 1e3:.2f} ms" for key in ("p50", "p99", "p99.9", "max") if key in figures]
        print(f"  {name}: {', '.join(told)}")
    ended_s = load_s + seconds
    print(f"  joined {load_s:.1f} s after the start; {report['uploads']['sent'] / seconds:,.0f} uploads/s or less")
    moments = [load_s + seconds * part for part in (0.25, 0.5, 0.75, 1.0)]
    for name, use in (("worker", ours), ("server", theirs)):
        memory = ", ".join(f"{use.mb_at(at):.0f}" for at in moments)
        print(f"  {name}: {use.share(load_s + 1, ended_s - 1):.0%} of a core; {memory} MB at each quarter")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--per-s", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--soak", action="store_true")
    given = parser.parse_args()
    if given.soak:
        return soak(given.per_s or 20_000, given.seconds or 60)
    return compare(given.runs, given.per_s or 5_000, given.seconds or 20)


if __name__ == "__main__":
    sys.exit(main())
