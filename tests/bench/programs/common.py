"""What the measured programs share: their payload, their meter, and the line of JSON that they end with."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

PAYLOAD = b"x" * 32
PATH = "upload"
LOOPBACK_POOL = 0x7F40_0002
"""127.64.0.2, the first simulated device."""


class Meter:
    """CPU time of this process, user and system, and wall time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def report(self, exchanges: int, lost: int = 0, **more: Any) -> None:
        """Print the line that run.py reads, in the words of the C programs."""
        cpu_s, wall_s = time.process_time() - self._cpu, time.perf_counter() - self._wall
        print(json.dumps({"exchanges": exchanges, "lost": lost, "wall_s": wall_s, "cpu_s": cpu_s, **more}), flush=True)


def announce(port: int) -> None:
    """Tell run.py where to send the load."""
    print(f"listening {port}", file=sys.stderr, flush=True)


async def told_to_end() -> None:
    """Wait until run.py closes our standard input."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def look() -> None:
        if not sys.stdin.buffer.read1():
            loop.remove_reader(sys.stdin.fileno())
            ended.set_result(None)

    loop.add_reader(sys.stdin.fileno(), look)
    await ended
