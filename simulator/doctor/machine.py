"""Clock, cores and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding

DEVICE_BYTES: Final = 16 * 1024
"""What a device needs in memory, with its part of the reference server and of the judge: 12 KiB measured, CoAP."""
PROGRAM_BYTES: Final = 64 << 20
"""What the program needs without any."""
MANY: Final = 1000
"""So many devices ought to be possible, or a limit is told as one."""


def clock() -> Iterator[Finding]:
    """How finely real time can be told."""
    resolution_s = time.get_clock_info("monotonic").resolution
    coarse = resolution_s > 1e-3
    yield Finding(
        what="clock",
        state="limits" if coarse else "ok",
        found=f"resolution {resolution_s * 1e9:g} ns",
        advice="latencies in real time are no finer than that; virtual time is exact" if coarse else "",
    )


def cores() -> Iterator[Finding]:
    """How many processes can work at a time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    one = count < 2
    advice = "devices and server share it in real time; 2 cores let `serve` have one of its own" if one else ""
    yield Finding(what="cores", state="limits" if one else "ok", found=f"{count}", advice=advice)


def memory() -> Iterator[Finding]:
    """How many devices fit."""
    free = free_bytes()
    if free is None:
        yield Finding(what="memory", state="ok", found="unknown here; 16 KiB a device are enough")
        return
    devices = max(0, free - PROGRAM_BYTES) // DEVICE_BYTES
    few = devices < MANY
    yield Finding(
        what="memory",
        state="limits" if few else "ok",
        found=f"{free >> 20} MiB available: about {devices:,} devices".replace(",", " "),
        advice="stop something else, or simulate fewer devices" if few else "",
        fatal=not devices,
    )


def free_bytes() -> int | None:
    """What is available, also within a container."""
    free: list[int] = []
    try:
        with open("/proc/meminfo") as table:
            free += [int(line.split()[1]) << 10 for line in table if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    try:
        with open("/sys/fs/cgroup/memory.max") as most, open("/sys/fs/cgroup/memory.current") as now:
            limit = most.read().strip()
            if limit.isdigit():
                free.append(max(0, int(limit) - int(now.read())))
    except (OSError, ValueError):
        pass
    return min(free, default=None)
