"""What the measured locustfiles share: CPU time and exchanges of this process between two moments of a running test.

BENCH_WARM_S after the first answer the measurement begins; BENCH_S later it ends, and so does Locust. The last line of
standard output is the line of JSON that `measure.sample_of` reads.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

PAYLOAD = b"x" * 24
WARM_S = float(os.environ.get("BENCH_WARM_S", "1"))
MEASURED_S = float(os.environ.get("BENCH_S", "3"))
HOST, _, PORT = os.environ.get("BENCH_PEER", "127.0.0.1:5683").rpartition(":")
PEER = HOST, int(PORT)


def resident_mb() -> float:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _nothing() -> None:
    pass


def measure(
    answered: Callable[[], int],
    more: Callable[[], dict[str, Any]] = dict,
    settled: Callable[[], None] = _nothing,
) -> None:
    """Watch a test from its start.

    Args:
        answered: exchanges so far.
        more: what else to report at the end.
        settled: called when the measurement begins.
    """
    gevent.spawn(_watch, answered, more, settled, time.perf_counter())


def _watch(
    answered: Callable[[], int], more: Callable[[], dict[str, Any]], settled: Callable[[], None], began: float
) -> None:
    while not answered():
        gevent.sleep(0.02)
    first_s = time.perf_counter() - began
    gevent.sleep(WARM_S)
    settled()
    done, cpu, wall = answered(), time.process_time(), time.perf_counter()
    gevent.sleep(MEASURED_S)
    done, cpu, wall = answered() - done, time.process_time() - cpu, time.perf_counter() - wall
    said = {"exchanges": done, "lost": 0, "cpu_s": cpu, "wall_s": wall, "first_s": first_s, "rss_mb": resident_mb()}
    print(json.dumps({**said, **more()}), flush=True)
    os._exit(0)  # what comes after the measurement is no part of it
