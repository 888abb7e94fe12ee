"""What all users of one process share: clock, timers, sockets, statistics, and whatever there is one of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from simulator.clock import WallClock
from simulator.load.meters import Meters
from simulator.load.options import LoadOptions
from simulator.wire.drivers.green import GreenLoop, GreenTimers, open_green_wire

if TYPE_CHECKING:
    from simulator.load.claims import Claims
    from simulator.load.crew import Crew
    from simulator.load.platform import Platform
    from simulator.wire.real import Kind, RealWire

T = TypeVar("T")


class Station:
    """One process of a load test, from its start to its end.

    Args:
        failed: told of a defect of ours that makes what follows worthless.
        wire: kind of sockets; None: as the target needs it.
    """

    def __init__(self, options: LoadOptions, failed: Callable[[BaseException], None], wire: Kind | None = None) -> None:
        self.options = options
        self.failed = failed
        self.clock = WallClock()
        self.loop = GreenLoop(self._report)
        self.timers = GreenTimers(self.clock, self.loop)
        # The addresses of devices mean nothing to other machines.
        needed: Kind = "auto" if options.loopback else "mapped"
        self.wire: RealWire = open_green_wire(self.clock, self.loop, wire or needed)
        self.meters = Meters()
        self.platform: Platform
        """Set as soon as it has been reached."""
        self.claims: Claims
        """Deals out blocks; set together with it."""
        self.crew: Crew
        """All that is at work here; likewise."""
        self._shared: dict[str, Any] = {}
        self._counters: list[Callable[[], Mapping[str, int]]] = [self.meters.counters]
        self._closing: list[Callable[[], None]] = []

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """What there is one of in a process, such as the CoAP engine with its port; made when it is first asked for."""
        if key not in self._shared:
            self._shared[key] = make()
        found: T = self._shared[key]
        return found

    def count(self, counters: Callable[[], Mapping[str, int]]) -> None:
        """Whoever counts something (`coap.retransmissions`) is asked for it once a second; equal names add up."""
        self._counters.append(counters)

    def at_end(self, close: Callable[[], None]) -> None:
        """Call this when the station closes; last come, first called."""
        self._closing.append(close)

    def counters(self) -> dict[str, int]:
        """Everything that was counted since the station was opened."""
        found: dict[str, int] = {}
        for each in self._counters:
            for name, number in each().items():
                found[name] = found.get(name, 0) + number
        return found

    def close(self) -> None:
        """Close what was opened; calling it again does nothing."""
        while self._closing:
            self._closing.pop()()
        self._shared.clear()
        self.timers.close()
        self.loop.close()

    def _report(self, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        # The peer hanging up at the wrong moment is its affair, and no defect of ours.
        if isinstance(error, BaseException) and not isinstance(error, OSError):
            self.failed(error)
