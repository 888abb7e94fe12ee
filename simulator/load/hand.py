"""One process that drives devices: a worker, or Locust alone. It reaches the platform, reports, and comes to an end."""

from __future__ import annotations

import gc
import logging
from typing import Any, Final, Protocol

import gevent
from gevent.lock import RLock

from simulator.errors import SimulatorError
from simulator.load.came import ActFailed
from simulator.load.claims import Claims
from simulator.load.crew import Crew
from simulator.load.embedded import Embedded
from simulator.load.honesty import Watch
from simulator.load.options import LoadOptions
from simulator.load.platform import Platform
from simulator.load.station import Station
from simulator.load.stats import LocustSink
from simulator.load.tally import Tally
from simulator.scenario.model import Operator
from simulator.wire.drivers.green import immediately

ERRORS_MOST: Final = 20
ERROR_MOST: Final = 200
"""Kinds of errors of tasks that are counted, and characters of each."""
GC_THRESHOLD: Final = 50_000
"""Allocations between collections of the youngest generation: nearly all that is made here is freed by counting."""
REPORT_EVERY_S: Final = 1.0
FLUSH_EVERY_S: Final = 0.2
"""How often what was measured is worked up: little at a time, for nothing is sent meanwhile."""
CLEANUP_S: Final = 120.0
"""How long removing what was created may take."""
_log = logging.getLogger("simulator")


class Link(Protocol):
    """The way to whoever adds everything up."""

    @property
    def claims(self) -> Claims:
        """Of the present test."""

    def tell(self, tally: Tally) -> None:
        """What this process has seen."""

    def broke(self, why: str) -> None:
        """It cannot go on."""


class Hand:
    """One process through the tests of a session.

    Args:
        environment: Locust's; its `station` is what users work with: None while there is none.
        worker, index: Locust's id and number of this process.
    """

    def __init__(self, environment: Any, link: Link, worker: str) -> None:
        self._environment, self._link, self._worker = environment, link, worker
        self._crew: Crew | None = None
        self._station: Station | None = None
        self._watch: Watch | None = None
        self._reporting: Any = None
        self._hurried = False
        self._stillborn: Tally | None = None
        self._turn = RLock()
        self._sink = LocustSink(environment.stats)
        environment.station = None
        environment.events.user_error.add_listener(lambda exception, **_: self.raised(exception))

    def begin(self, options: LoadOptions, index: int, embedded: Embedded | None = None) -> None:
        """A test begins: reach the platform. Never raises: what goes wrong ends the test, and is told."""
        self.end()
        self._hurried, self._stillborn = False, None
        station: Station | None = None
        try:
            operators = self._operators(options)  # a worker on another machine may lack the scenario's file
            station = Station(options, self.broke)
            station.platform = Platform.reach(options, station.clock, embedded=embedded)
        except SimulatorError as error:
            if station is not None:
                station.close()
            self._stillborn = Tally(worker=self._worker, index=index, number=1, final=True)
            self.broke(error)
            return
        self._station = station
        self._watch = Watch(station)
        station.shared("operators", lambda: operators)
        station.claims = self._link.claims
        self._crew = station.crew = Crew(station, self._worker, index, self._watch)
        self._environment.station = station
        gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
        self._reporting = gevent.spawn(self._report)

    def _operators(self, options: LoadOptions) -> tuple[Operator, ...]:
        """Of all scenarios that are driven; of two with one name the first."""
        found: dict[str, Operator] = {}
        for cls in self._environment.user_classes:
            for traffic in getattr(cls, "traffics", lambda _: ())(options):
                for operator in traffic.operators:
                    found.setdefault(operator.name, operator)
        return tuple(found.values())

    def raised(self, error: BaseException) -> None:
        """A task of a user has raised something, which is a defect of the locustfile."""
        crew = self._crew
        if crew is not None and not isinstance(error, ActFailed):  # that one is in the statistics already
            what = f"{type(error).__name__}: {error}"[:ERROR_MOST]
            if what in crew.errors or len(crew.errors) < ERRORS_MOST:
                crew.errors[what] = crew.errors.get(what, 0) + 1

    def broke(self, error: BaseException) -> None:
        """Something that ends the test: the platform is not there, or a defect of ours."""
        if isinstance(error, SimulatorError):
            _log.error("%s", error)
        else:
            _log.error("a defect of the simulator: %r", error, exc_info=error)
        self._link.broke(str(error) or type(error).__name__)

    def hurry(self) -> None:
        """Somebody does not want to wait for late answers."""
        self._hurried = True

    def finish(self, *, leaving: bool = False) -> None:
        """The test ends: begin nothing more, wait for what is under way, and tell the last word. Blocks the greenlet;
        calling it again waits for the first call, and does nothing else.

        `leaving`: it ends here, and goes on elsewhere: others will have the devices.
        """
        with self._turn:
            crew, station = self._crew, self._station
            if self._stillborn is not None:
                self._link.tell(self._stillborn)
                self._stillborn = None
            if crew is None or station is None or crew.over:
                return
            crew.stop()
            crew.settle(lambda: self._hurried)
            gevent.kill(self._reporting)
            if leaving:
                crew.hand_over()
            self._look(final=True)

    def clean_up(self, *, leaving: bool = False) -> list[str]:
        """The devices leave the platform, or stay there for others. Returns: what could not be removed there. Blocks
        the greenlet."""
        with self._turn:
            crew, station = self._crew, self._station
            if crew is None or station is None:
                return []
            keep = leaving or station.options.keep or not station.platform.has_api
            left = crew.close(keep=keep, budget_s=CLEANUP_S, hurried=lambda: self._hurried)
            self.end()
            return left

    def end(self) -> None:
        """Let go of everything; calling it again does nothing."""
        if self._reporting is not None:
            gevent.kill(self._reporting)
        self._reporting, self._crew, self._environment.station = None, None, None
        station, self._station = self._station, None
        if station is not None:
            station.platform.close()
            immediately(station.wire.close())
            station.close()

    # --- once a second ------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        while True:
            for _ in range(round(REPORT_EVERY_S / FLUSH_EVERY_S)):
                gevent.sleep(FLUSH_EVERY_S)
                self._flush()
            self._look()

    def _flush(self) -> None:
        if self._station is not None:
            self._station.meters.flush(self._sink, self._station.clock.unix_ns() / 1e9)

    def _look(self, *, final: bool = False) -> None:
        station, crew, watch = self._station, self._crew, self._watch
        assert station is not None
        assert crew is not None
        assert watch is not None
        watch.look()
        self._flush()
        self._link.tell(crew.tally(final=final))
