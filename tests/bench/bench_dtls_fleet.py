"""Thousands of Internet devices connect at once, from one process to the server in another: real sockets, real time.

    .venv/bin/python tests/bench/bench_dtls_fleet.py [--devices 5000]

`simulator run` provisions the devices at a `simulator serve`, has all of them make a handshake in the same moment, and
then send a message each. A scout does so before and after them, so that there are quiet moments to look at both
processes. Nobody may be lost: else, and when a limit is missed, the exit code is 1.

    rate      from the first handshake's begin to the last one's end, by the journal of the run
    allowed   what two cores could do if they did nothing but the P-256 arithmetic of `bench_dtls`, which `openssl
              speed` measures in CPU time. On a machine that does other things the clock says less than the CPU times
              of the two processes, which are told beside it and which the limit is held against
    memory    resident size of a process when all have a session and have sent, less what it was when only the scout
              had, so provisioning is not counted; what as many devices of the mobile network take in the same story,
              for their acts, events and verdicts, is told beside it and not taken off for the limit
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench_dtls import limit_ms

DEVICES = 5_000
KIB_MOST = 90.0
SHARE_LEAST = 0.35
SAMPLE_S = 0.2
QUIET_S = 1.5
"""So long the scout is certainly alone."""
TOKEN = "bench"
PORTS = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")
STORY = """scenario: {what}
devices:
  scout: {{network: {network}, transport: {transport}}}
  m: {{count: {count}, network: {network}, transport: {transport}}}
steps:
  - {{{begin}: scout}}
  - {{upload: scout, every: 1 s, times: 3}}
  - {{{begin}: m}}
  - {{upload: m, payload: 64 B}}
  - {{upload: scout, every: 1 s, times: 3}}
"""
KINDS = {
    # network: transport, what begins a session, and the statistic that counts those that are open
    "inet": ("dtls", "connect", "sessions.inet"),
    "ciot": ("udp", "attach", "sessions"),
}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") >> 10


@dataclass(frozen=True)
class Look:
    """Both processes at one moment: (server, run)."""

    at_s: float
    kib: tuple[int, int]
    cpu_s: tuple[float, float]
    sessions: int


@dataclass
class Sample:
    """What one run came to."""

    passed: bool
    lost: int
    provisioned_s: float
    """From the run's begin to the first session's."""
    began_s: float
    took_s: float
    again: int
    """Sessions whose handshake took repetitions."""
    kib: tuple[float, float]
    """Growth per device."""
    cpu_s: tuple[float, float]
    """While sessions were being made."""
    dropped: int
    """Datagrams that the system dropped at the server's sockets."""


class Server:
    """`simulator serve` on free ports."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "simulator", "serve", "--token", TOKEN, "--quiet"]
        command += [word for port in PORTS for word in (f"--{port}-port", "0")]
        log = folder / "serve.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + 60
        while not re.search(r"(?m)^read-only\s+\S+$", log.read_text()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server does not start: {log.read_text()}")
            time.sleep(0.05)
        table = dict(line.split()[:2] for line in log.read_text().splitlines())
        self.url = table["API"].removesuffix("/span")
        self.udp_ports = {int(table[what].rpartition(":")[2]) for what in ("UDP", "DTLS")}

    def sessions(self, what: str) -> int:
        request = urllib.request.Request(f"{self.url}/simulator/statistics", headers={"X-API-Token": TOKEN})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(json.load(answer)["statistics"][what])

    def dropped(self) -> int:
        """By the system, at the ports of devices, so far."""
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[-1]) for row in rows if int(row[1].partition(":")[2], 16) in self.udp_ports)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()


def state_of(pid: int) -> tuple[int, float]:
    """(resident KiB, CPU seconds) of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[21]) * PAGE_KIB, (int(stat[11]) + int(stat[12])) / TICKS_PER_S


class Watch:
    """Looks at both processes again and again."""

    def __init__(self, server: Server, pid: int, what: str) -> None:
        self._server, self._pid, self._what = server, pid, what
        self.looks: list[Look] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(SAMPLE_S):
            try:
                served, ran = state_of(self._server.process.pid), state_of(self._pid)
                sessions = self._server.sessions(self._what)
            except OSError:
                continue
            self.looks.append(Look(time.monotonic(), (served[0], ran[0]), (served[1], ran[1]), sessions))

    def stop(self) -> None:
        self._over.set()
        self._thread.join(60)


def play(folder: Path, network: str, count: int) -> Sample:
    """One server, one run."""
    transport, begin, statistic = KINDS[network]
    folder.mkdir()
    story = folder / "fleet.yaml"
    story.write_text(STORY.format(what="All at once", count=count, network=network, transport=transport, begin=begin))
    server = Server(folder)
    try:
        dropped = server.dropped()
        command = [sys.executable, "-m", "simulator", "run", str(story), "--target", server.url, "--token", TOKEN]
        with (folder / "run.log").open("wb") as out:
            run = subprocess.Popen([*command, "--out", str(folder / "out")], stdout=out, stderr=subprocess.STDOUT)
        watch = Watch(server, run.pid, statistic)
        try:
            passed = run.wait(600) == 0
        finally:
            run.kill()
            watch.stop()
        if not passed:
            print((folder / "run.log").read_text(), file=sys.stderr)
        return sample_of(folder / "out", begin, count, watch.looks, server.dropped() - dropped, passed)
    finally:
        server.stop()


def sample_of(out: Path, begin: str, count: int, looks: list[Look], dropped: int, passed: bool) -> Sample:
    """From the journal, and from what was seen meanwhile."""
    began, ended, again, fine = [], [], 0, {begin: 0, "upload": 0}
    journal = next(out.rglob("journal.jsonl"))
    with journal.open() as lines:
        for line in lines:
            if not line.startswith('{"kind":"act"') or '"scout"' in line:
                continue
            row = json.loads(line)
            if row["phase"] == "began" and row["verb"] == begin:
                began.append(row["t_s"])
            elif row["phase"] == "ended":
                fine[row["verb"]] += row["outcome"] == "ok"
                if row["verb"] == begin:
                    ended.append(row["t_s"])
                    again += row["transmissions"] > USUAL_FLIGHTS
    second_s = next((look.at_s for look in looks if look.sessions > 1), 0.0)
    alone = [look for look in looks if look.sessions == 1 and look.at_s < second_s]
    # Not the last one: hellos are under way long before the second session is there.
    before = [look for look in alone if look.at_s < alone[0].at_s + QUIET_S][-1]
    full = [look for look in looks if look.sessions > count]
    made, last = (full[0], full[-1]) if full else (looks[-1], looks[-1])
    growth = tuple((b - a) / count for a, b in zip(before.kib, last.kib, strict=True))
    cpu_s = tuple(b - a for a, b in zip(before.cpu_s, made.cpu_s, strict=True))
    return Sample(
        passed=passed, lost=count - min(fine.values()), provisioned_s=min(began), began_s=max(began) - min(began),
        took_s=max(ended) - min(began), again=again, kib=(growth[0], growth[1]), cpu_s=(cpu_s[0], cpu_s[1]),
        dropped=dropped,
    )  # fmt: skip


USUAL_FLIGHTS = 3
"""Hello, hello with the cookie, certificate and Finished."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=DEVICES, help=f"how many (default {DEVICES})")
    options = parser.parse_args()
    count = options.devices
    with tempfile.TemporaryDirectory(prefix="bench-dtls-fleet") as name:
        ciot = play(Path(name) / "ciot", "ciot", count)
        before_ms = limit_ms()
        inet = play(Path(name) / "inet", "inet", count)
        after_ms = limit_ms()
    cpu_ms = [1000 * each / count for each in inet.cpu_s]
    rate = count / inet.took_s
    print(f"| {count} Internet devices at once | measured | limit |")
    print("|---|---:|---:|")
    print(f"| lost | {inet.lost} | 0 |")
    print(f"| provisioning: devices and certificates | {inet.provisioned_s:.1f} s | |")
    print(f"| … a second | {count / inet.provisioned_s:.0f} | |")
    print(f"| all hellos sent after | {inet.began_s:.1f} s | |")
    print(f"| all connected after | {inet.took_s:.1f} s | |")
    print(f"| handshakes a second | {rate:.0f} | |")
    print(f"| handshakes with repetitions | {inet.again} | |")
    print(f"| datagrams dropped by the system | {inet.dropped} | |")
    print(f"| CPU per handshake, server and devices | {cpu_ms[0]:.2f} + {cpu_ms[1]:.2f} ms | |")
    share = 0.0
    if before_ms is not None and after_ms is not None:
        arithmetic_ms = (before_ms + after_ms) / 2
        cores = min(2, os.cpu_count() or 1)
        share = arithmetic_ms / sum(cpu_ms)
        print(f"| its P-256 arithmetic, both ends | {arithmetic_ms:.2f} ms | |")
        print(f"| share of what is allowed, by CPU time | {share:.0%} | ≥ {SHARE_LEAST:.0%} |")
        print(f"| share of what is allowed, by the clock, {cores} cores | {rate * arithmetic_ms / 1e3 / cores:.0%} | |")
    for what, mine, plain in zip(("server", "devices"), inet.kib, ciot.kib, strict=True):
        print(
            f"| memory per session, {what} (mobile network: {plain:.1f} KiB) | {mine:.1f} KiB | ≤ {KIB_MOST:.0f} KiB |"
        )
    bad = inet.lost or not inet.passed or max(inet.kib) > KIB_MOST or (before_ms is not None and share < SHARE_LEAST)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
