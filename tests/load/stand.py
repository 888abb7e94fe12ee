"""A station in virtual time, on a memory network, with what shards need of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from simulator.clock import VirtualClock
from simulator.errors import Place
from simulator.load.blocks import Block
from simulator.load.meters import Meters
from simulator.load.options import LoadOptions
from simulator.load.tally import LedgerCounts
from simulator.scenario.model import Group
from simulator.wire.calendar import Calendar
from simulator.wire.memory import MemoryNetwork

PLACE = Place("test.yaml")


class Quarters:
    """A block without a platform."""

    def __init__(self, block: Block, ledger: Any = None) -> None:
        self.block, self.ledger, self.home, self.witness = block, ledger, None, None
        self.counts = LedgerCounts()
        self.failures: dict[str, int] = {}
        self.created: list[int] = []
        self.judged = False

    def create(self, numbers: Any, issued: Any = None) -> None:
        self.created += list(numbers)

    def judge(self) -> None:
        self.judged = True


class Stand:
    """Where shards are tried."""

    def __init__(self, **options: Any) -> None:
        self.clock, self.timers = VirtualClock(), Calendar()
        self.wire = MemoryNetwork(self.timers, self.clock)
        self.options = LoadOptions(**options)
        self.meters = Meters()
        self.heard: list[tuple[bytes, int]] = []
        self.answers: Callable[[bytes], bytes | None] = lambda data: b"\x64\x44" + data[2:8]
        """What the server says to a datagram; None: nothing."""
        self.server = self.wire.open_now("127.0.0.1", 5683, self._serve)
        self.platform = SimpleNamespace(radius=None, coap=self.server.address, udp=self.server.address)
        self._shared: dict[str, Any] = {}
        self._counters: list[Callable[[], Mapping[str, int]]] = []

    def _serve(self, data: bytes, peer: int, _local_ip: int, _now: float) -> None:
        self.heard.append((data, peer))
        answer = self.answers(data)
        if answer is not None:
            self.server.send(answer, peer)

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def count(self, counters: Callable[[], Mapping[str, int]]) -> None:
        self._counters.append(counters)

    def counters(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for each in self._counters:
            for name, number in each().items():
                found[name] = found.get(name, 0) + number
        return found

    def at_end(self, _close: Callable[[], None]) -> None:
        pass

    def turn(self, until_s: float) -> None:
        """Let time pass."""
        self.timers.limit = until_s
        while self.timers.play(self.clock, ()):
            pass
        self.clock.time_s = until_s


def block_of(count: int, first: int = 0, **group: Any) -> Block:
    """Of a group called `meters`."""
    return Block(group=Group(name="meters", place=PLACE, count=count, **group), first=first, count=count)
