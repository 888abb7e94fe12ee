"""Builds a rehearsal for the time and the target that were asked for, and runs it to its verdict."""

from __future__ import annotations

import asyncio
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator import __version__
from simulator.assertions.judge import Judge, Verdicts
from simulator.clock import Clock, Timers
from simulator.errors import ExitCode, SimulatorError, TargetError, UsageError
from simulator.events.journal import Journal
from simulator.events.records import RunRecord
from simulator.plan import Plan, make_plan
from simulator.run.needs import Skipped, check_needs
from simulator.run.recorder import Recorder, Watch
from simulator.run.rehearsal import Rehearsal, Target
from simulator.run.settings import RunSettings
from simulator.run.signals import heard
from simulator.scenario import label
from simulator.scenario.model import Scenario
from simulator.wire.address import host_text, port_of, text
from simulator.wire.ports import Wire


class Interrupted(SimulatorError):
    """Somebody stopped the run; what it had until then is in the journal."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = ExitCode.INTERRUPTED if signal_number == signal.SIGINT else ExitCode.TERMINATED

    def __str__(self) -> str:
        return "interrupted" if self.exit_code == ExitCode.INTERRUPTED else "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a rehearsal ended."""

    verdicts: Verdicts
    target: str
    """Name of what was under test."""
    error: SimulatorError | None = None
    """What broke the run off: somebody's signal, or a target that went away. None: it came to its end."""
    left_behind: tuple[str, ...] = ()
    """What clean-up could not remove from the platform."""
    reached: bool = True
    """False: the target was not there, so no other scenario will find it either."""
    skipped: str = ""
    """Why it was not run at all: the target cannot do what the scenario needs. "": it was."""


def rehearse(scenario: Scenario, settings: RunSettings, journal: Journal, watch: Watch) -> Result:
    """Run one scenario to its verdict.

    Args:
        journal: takes every record; flushed when this returns, however it does.
        watch: is told how it goes.
    Returns: the verdicts; also when the run was broken off, with `error` and what had been decided until then. With
        `skipped`, if the target cannot do what the scenario needs: nothing was started then.
    Raises: UsageError: it cannot be planned. LocalError: it cannot be run at all.
    """
    from simulator.target.embedded import EmbeddedTarget

    try:
        if settings.target is None:
            check_needs(scenario, EmbeddedTarget.capabilities, EmbeddedTarget.name)
        elif settings.mutant is not None:
            raise UsageError(f"a platform that somebody else runs cannot be given the fault '{settings.mutant}'")
    except Skipped as reason:
        return _skipped(reason, EmbeddedTarget.name)
    plan = make_plan(scenario, seed=settings.seed, only=settings.only)
    try:
        if settings.time == "virtual" and settings.target is None:
            return _virtual(scenario, plan, settings, journal, watch)
        return _real(scenario, plan, settings, journal, watch)
    finally:
        journal.flush()


def _virtual(scenario: Scenario, plan: Plan, settings: RunSettings, journal: Journal, watch: Watch) -> Result:
    from simulator.target.embedded import EmbeddedTarget
    from simulator.wire.drivers.virtual import VirtualLoop, run_virtual
    from simulator.wire.memory import MemoryNetwork

    async def main(loop: VirtualLoop) -> Result:
        wire = MemoryNetwork(loop.timers, loop.clock)
        target = EmbeddedTarget(
            clock=loop.clock,
            timers=loop.timers,
            wire=wire,
            sockets=False,
            options=scenario.platform,
            inet=_is_inet(scenario),
        )
        stage = _Stage(loop.clock, loop.timers, wire, target)
        rehearsal = stage.set(scenario, plan, settings, journal, watch)
        loop.add_reporter(rehearsal.waiting)
        return await _interruptible(loop, rehearsal, watch)

    return run_virtual(main)


def _real(scenario: Scenario, plan: Plan, settings: RunSettings, journal: Journal, watch: Watch) -> Result:
    from simulator.clock import WallClock
    from simulator.target.embedded import EmbeddedTarget
    from simulator.target.remote import RemoteTarget
    from simulator.wire.drivers.real import RealTimers
    from simulator.wire.real import open_wire

    async def main() -> Result:
        loop = asyncio.get_running_loop()
        clock = WallClock()
        timers = RealTimers(clock, loop)
        wire = await open_wire(settings.wire, clock, loop)
        target: Target
        if settings.target is None:
            target = EmbeddedTarget(
                clock=clock,
                timers=timers,
                wire=wire,
                sockets=True,
                options=scenario.platform,
                inet=_is_inet(scenario),
            )
        else:
            remote = settings.target
            target = RemoteTarget(
                url=remote.url,
                token=remote.token,
                coap=remote.coap,
                udp=remote.udp,
                dtls=remote.dtls,
                coaps=remote.coaps,
                https=remote.https,
                https_name=remote.https_name,
                blobs=remote.blobs,
                mapped=getattr(wire, "mapped", False),
                clock=clock,
            )
        stage = _Stage(clock, timers, wire, target)
        rehearsal = stage.set(scenario, plan, settings, journal, watch)
        try:
            cleans_up = settings.target is not None and not settings.keep
            return await _interruptible(loop, rehearsal, watch, cleans_up=cleans_up)
        finally:
            await wire.close()

    return asyncio.run(main())


def _is_inet(scenario: Scenario) -> bool:
    """Whether the platform has to listen for Internet devices."""
    return any(group.network == "inet" for group in scenario.groups)


@dataclass(frozen=True, slots=True)
class _Stage:
    clock: Clock
    timers: Timers
    wire: Wire
    target: Target

    def set(self, scenario: Scenario, plan: Plan, settings: RunSettings, journal: Journal, watch: Watch) -> Rehearsal:
        aliases: dict[str, str] = {}
        judge = Judge(
            scenario,
            plan.names_by_group(),
            plan.names,
            aliases,
            _again(scenario, plan, settings),
            settings.without,
            numbers=plan.numbers,
        )
        recorder = Recorder(journal, judge, self.clock, self.timers, watch)
        recorder.put(
            RunRecord(
                scenario=label(scenario),
                file=Path(scenario.place.file).name,  # not where it lies: the same run has the same bytes anywhere
                seed=plan.seed,
                time=settings.time,
                target=self.target.name,
                version=__version__,
            )
        )
        return Rehearsal(
            scenario,
            plan,
            settings,
            clock=self.clock,
            timers=self.timers,
            wire=self.wire,
            target=self.target,
            judge=judge,
            recorder=recorder,
            watch=watch,
            aliases=aliases,
        )


def _again(scenario: Scenario, plan: Plan, settings: RunSettings) -> str:
    """The command line that runs this once more; the token is the user's to add, it is never shown."""
    words = ["simulator", "run", scenario.place.file]
    if scenario.case:
        words += ["--case", scenario.case]
    words += ["--seed", str(plan.seed)]
    if settings.target is not None:
        words += ["--target", settings.target.url]
        remote = settings.target
        for option in ("coap", "udp", "dtls", "coaps", "blobs"):
            where = getattr(remote, option)
            words += [] if where is None else [f"--{option}", text(where)]
        if remote.https is not None:
            words += ["--https", f"{remote.https_name or host_text(remote.https)}:{port_of(remote.https)}"]
    elif settings.time == "real" and settings.wire == "auto":
        words += ["--time", "real"]
    if settings.wire != "auto":
        words += ["--wire", settings.wire]
    if settings.stack is not None:
        words += ["--stack", settings.stack]
    if settings.only is not None:
        words += ["--only", settings.only]
    return shlex.join(words)


async def _interruptible(loop: Any, rehearsal: Rehearsal, watch: Watch, *, cleans_up: bool = False) -> Result:
    """Run it; SIGINT and SIGTERM end it in order, with clean-up; a second one ends that as well."""

    def failed(_loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # The peer hanging up at the wrong moment is its affair, and no defect of ours.
        if error is not None and not isinstance(error, (OSError, asyncio.CancelledError)):
            rehearsal.broke(error)

    loop.set_exception_handler(failed)
    task = asyncio.ensure_future(rehearsal.run())
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        rehearsal.hurry(str(Interrupted(number)))
        loop.call_soon_threadsafe(end)

    def end() -> None:
        if len(caught) == 1 and cleans_up:
            watch.stopping()
        task.cancel()

    broken_off: SimulatorError | None = None
    with heard(stop):
        try:
            await task
        except asyncio.CancelledError:
            if not caught:
                raise
            broken_off = Interrupted(caught[0])
        except Skipped as reason:
            return _skipped(reason, rehearsal.target_name)
        except SimulatorError as error:
            broken_off = error
    verdicts, left = rehearsal.verdicts, tuple(rehearsal.left_behind)
    assert verdicts is not None or broken_off is not None
    if verdicts is None:
        verdicts = _nothing(str(broken_off))
    reached = rehearsal.reached or not isinstance(broken_off, TargetError)
    return Result(verdicts=verdicts, target=rehearsal.target_name, error=broken_off, left_behind=left, reached=reached)


def _skipped(reason: Skipped, target: str) -> Result:
    return Result(verdicts=_nothing(f"skipped: {reason}"), target=target, skipped=str(reason))


def _nothing(why: str) -> Verdicts:
    """Nothing was judged."""
    return Verdicts(verdict="inconclusive", judgements=(), cut=why)
