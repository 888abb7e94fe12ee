"""What a load test costs inside a Locust worker: CPU time per CoAP exchange, memory, punctuality, honesty in a stall.

    .venv/bin/python tests/bench/bench_load.py [WHAT …] [--rounds 5]

WHAT: `cost`, `fleet`, `million`, `stall`; all, if none is named. `cost` interleaves rounds, and a ratio compares
programs of the same round: absolute times on a shared machine mean nothing. All speak to the same C server, which
answers whatever comes. The others bear a look at their absolute figures only on an otherwise idle machine.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from measure import CLIENT_CPU, PROGRAMS, SERVER_CPU, BenchError, compile_limits, on_cpu

FAST: Final = 300_000
IN_FLIGHT: Final = 256
LONGEST_S: Final = 110.0
"""The C server ends itself after 120 s."""
ROOT: Final = Path(__file__).resolve().parents[2]

Said = dict[str, Any]


class Echo:
    """The C server: every confirmable POST is answered."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program, "0", "2000000000", str(IN_FLIGHT)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=on_cpu(SERVER_CPU),
        )
        assert self.process.stderr is not None
        word, port = self.process.stderr.readline().split()
        assert word == "listening"
        self.port = int(port)

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def start_locust(program: str, port: int, *arguments: object, **environ: object) -> subprocess.Popen[str]:
    """A Locust process that measures itself."""
    command = [sys.executable, "-m", "locust", "-f", PROGRAMS / f"{program}.py", "--headless", *map(str, arguments)]
    if program == "locust_fleet":
        command += ["--coap", f"127.0.0.1:{port}"]
    said = {name: str(value) for name, value in environ.items()}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **said, "BENCH_PEER": f"127.0.0.1:{port}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=on_cpu(CLIENT_CPU),
    )


def finish(process: subprocess.Popen[str], what: str) -> Said:
    """What it has measured. Raises: BenchError: nothing."""
    try:
        output, errors = process.communicate(timeout=LONGEST_S)
        found: Said = json.loads(output.strip().splitlines()[-1])
        return found
    except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
        process.kill()
        process.wait()
        raise BenchError(
            f"{what}: {errors.strip()[-800:] if isinstance(error, ValueError | IndexError) else error}"
        ) from error


# --- cost -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One way to make load."""

    label: str
    program: str
    arguments: tuple[object, ...]
    environ: tuple[tuple[str, object], ...] = ()


KINDS: Final = (
    Kind(
        "**FleetUser, 8 000 devices, ten times a second each**",
        "locust_fleet",
        ("-u", 1, "--devices-per-user", 8_000),
        (("BENCH_EVERY", "100 ms"),),
    ),
    Kind(
        "**FleetUser, 100 000 devices once a second**",
        "locust_fleet",
        ("-u", 1, "--devices-per-user", 100_000),
        (("BENCH_EVERY", "1 s"),),
    ),
    Kind("Locust user, UDP echo on a gevent socket", "locust_udp", ("-u", 50, "-r", 50)),
    Kind("Locust user, aiocoap in an asyncio loop", "locust_aiocoap", ("-u", 16, "-r", 50)),
)


def c_limit(limits: dict[str, Path]) -> float:
    """Microseconds of CPU per exchange of the C client."""
    with Echo(limits["coap_server_limit"]) as echo:
        done = subprocess.run(
            [limits["coap_client_limit"], str(echo.port), str(FAST), str(IN_FLIGHT)],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            preexec_fn=on_cpu(CLIENT_CPU),
        )
    said = json.loads(done.stdout)
    return float(said["cpu_s"]) / int(said["exchanges"]) * 1e6


def cost(limits: dict[str, Path], rounds: int) -> None:
    """Print the table of CPU time per exchange."""
    base: list[float] = []
    took: dict[str, list[float]] = {kind.label: [] for kind in KINDS}
    rates: dict[str, list[float]] = {kind.label: [] for kind in KINDS}
    for number in range(rounds):
        base.append(c_limit(limits))
        for kind in KINDS:
            with Echo(limits["coap_server_limit"]) as echo:
                said = finish(start_locust(kind.program, echo.port, *kind.arguments, **dict(kind.environ)), kind.label)
            took[kind.label].append(said["cpu_s"] / said["exchanges"] * 1e6)
            rates[kind.label].append(said["exchanges"] / said["wall_s"])
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    print("| in a Locust worker | µs of CPU per exchange | × C | FleetUser is cheaper by | exchanges a second |")
    print("|---|---:|---:|---:|---:|")
    print(f"| C, sendmmsg and recvmmsg: the limit | {median(base):.1f} | 1 | | |")
    ours = took[KINDS[0].label]
    for kind in KINDS:
        mine = took[kind.label]
        over = median(each / limit for each, limit in zip(mine, base, strict=True))
        ratio = median(each / our for each, our in zip(mine, ours, strict=True))
        cheaper = f"{ratio:.1f}" if kind.program != "locust_fleet" else ""
        print(f"| {kind.label} | {median(mine):.1f} | {over:.1f} | {cheaper} | {median(rates[kind.label]):,.0f} |")


# --- fleets -----------------------------------------------------------------------------------------------------------


def fleet(limits: dict[str, Path], devices: int, users: int, measured_s: float) -> None:
    """Print what a fleet takes that reports once a minute."""
    with Echo(limits["coap_server_limit"]) as echo:
        said = finish(
            start_locust(
                "locust_fleet", echo.port, "-u", users, "-r", users, "--devices-per-user", devices // users,
                BENCH_EVERY="60 s", BENCH_S=measured_s, BENCH_WARM_S=3,
            ),
            "fleet",
        )  # fmt: skip
    per_s, share = said["exchanges"] / said["wall_s"], said["cpu_s"] / said["wall_s"]
    print(f"{devices:,} devices in one worker, {users} users, one report a minute each:")
    print(
        f"  {said['devices']:,} joined, first answer {said['first_s']:.1f} s after the start, {said['rss_mb']:.0f} MB"
    )
    print(f"  {per_s:,.0f} exchanges/s at {share:.0%} of a core; {said['coap.retransmissions']} repeated")
    for what, quantiles in (("error", ("p50", "p99", "p99.9", "max")), ("took", ("p50", "p99", "max"))):
        print(f"  {what}: " + ", ".join(f"{name} {said[f'{what}_{name}_ms']:.2f} ms" for name in quantiles))


# --- stall ------------------------------------------------------------------------------------------------------------

PER_S: Final = 100.0
STALL_S: Final = 5.0
RUN_S: Final = 60.0


def stall(limits: dict[str, Path]) -> None:
    """Stop the server for five seconds in a run of a minute, and hold what is reported against what must have been."""
    with Echo(limits["coap_server_limit"]) as echo:
        locust = start_locust(
            "locust_fleet", echo.port, "-u", 1, "--devices-per-user", 1000,
            BENCH_EVERY="10 s", BENCH_S=RUN_S, BENCH_WARM_S=0,
        )  # fmt: skip
        time.sleep(RUN_S / 2)
        began = time.perf_counter()
        echo.process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        echo.process.send_signal(signal.SIGCONT)
        lasted_s = time.perf_counter() - began
        said = finish(locust, "stall")
    sent = int(said["counted"])
    stalled = round(lasted_s * PER_S)
    truth = sorted([0.0] * (sent - stalled) + [place / PER_S for place in range(stalled)])
    print(f"stall of {lasted_s:.3f} s in a run of {RUN_S:.0f} s at {PER_S:.0f}/s: {sent} answered")
    for name, expected in (
        ("p95", truth[int(0.95 * sent)]),
        ("p99", truth[int(0.99 * sent)]),
        ("max", lasted_s),
    ):
        reported = said[f"took_{name}_ms"] / 1e3
        print(f"  {name}: reported {reported:.3f} s, truth {expected:.3f} s, {reported / expected - 1:+.1%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", default=["cost", "fleet", "million", "stall"])
    parser.add_argument("--rounds", type=int, default=5, help="of `cost` (default 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            limits = compile_limits(Path(folder))
            if not limits:
                sys.exit("No C compiler (gcc or cc) here: there is no server to measure against.")
            for what in options.what:
                if what == "cost":
                    cost(limits, options.rounds)
                elif what == "fleet":
                    fleet(limits, 100_000, 10, 30.0)
                elif what == "million":
                    fleet(limits, 1_000_000, 10, 65.0)
                elif what == "stall":
                    stall(limits)
                else:
                    sys.exit(f"nothing is called {what} here (known: cost, fleet, million, stall)")
        except BenchError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
