"""The process that begins and ends tests: Locust alone, or the master. It speaks the verdict and sets the exit code."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import gevent
import locust
import msgspec
from gevent.lock import RLock

from simulator import __version__
from simulator.clock import WallClock
from simulator.errors import SimulatorError, UsageError
from simulator.load import claims, summary
from simulator.load.crew import EVENTS_LIMIT_S
from simulator.load.desk import Desk
from simulator.load.embedded import Embedded
from simulator.load.hand import CLEANUP_S, Hand
from simulator.load.links import ALONE, FINISH, GRANT, HURRY, RETIRE
from simulator.load.options import LoadOptions
from simulator.load.orphans import remove_orphans
from simulator.load.tally import decode

LOOK_EVERY_S: Final = 1.0
WAIT_EVERY_S: Final = 0.1
SETTLE_MORE_S: Final = EVENTS_LIMIT_S + 10.0
"""How long workers may take for their last word, besides what they wait for late answers."""
HURRY_S: Final = 8.0
"""How long somebody who is in a hurry waits for workers: they clean up for some seconds."""
DEAL_AGAIN_S: Final = 2.0
_MISSING: Final = "missing"
_RUNNING: Final = "running"
_log = logging.getLogger("simulator")


class Boss:
    """One session of Locust.

    Args:
        hand: drives devices in this process; None: workers do.
    """

    def __init__(self, environment: Any, options: LoadOptions, desk: Desk) -> None:
        self._environment, self._options, self.desk = environment, options, desk
        self.hand: Hand | None = None
        self._embedded: Embedded | None = None
        self._looking: Any = None
        self._turn = RLock()
        self._finishing = False
        self._dead: set[str] = set()
        self._gone: dict[str, list[str]] = {}
        self._unsaid = ""
        self._hurried = False
        self._missing_s = 0.0
        """For how long there have been fewer users than there should be."""
        self.begun = False
        """Whether there was a test."""
        self.leaving = False
        """Whether the session ends: there is no test any more."""

    @property
    def _runner(self) -> Any:
        return self._environment.runner

    # --- a test -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Have a reference server ready, where there is no other target: each test gets one of its own.

        Raises: LocalError: it does not start. UsageError: the report could not be written.
        """
        options = self._options
        if options.report is not None:
            try:
                options.report.parent.mkdir(parents=True, exist_ok=True)
                options.report.open("ab").close()
            except OSError as error:
                raise UsageError(f"--report {options.report}: {error.strerror or error}") from None
        if options.target is None and not options.bare and self._embedded is None:
            embedded = Embedded(mutant=options.mutant)
            embedded.start()
            self._embedded = embedded

    def begin(self) -> None:
        """Locust begins a test, in this process or in the workers."""
        self.begun = True
        self.desk.begin()
        self._dead.clear()
        self._gone.clear()
        self._hurried = False
        options = self._options
        try:
            self.prepare()
        except SimulatorError as error:
            self.broke(str(error))
            return
        if self._embedded is not None:
            options = replace(options, target=self._embedded.url, token=self._embedded.token)
        self.desk.target = self._target(options)
        self.desk.about = self._about(options)
        # Workers get these with Locust's order to spawn users.
        given = self._environment.parsed_options
        given.target, given.token = options.target, options.token
        if self.hand is not None:
            self.hand.begin(options, 0, self._embedded)
        self._looking = gevent.spawn(self._look)

    @staticmethod
    def _about(options: LoadOptions) -> dict[str, str]:
        began = datetime.fromtimestamp(WallClock().unix_ns() / 1e9, UTC)
        return {
            "simulator": __version__,
            "locust": locust.__version__,
            "began": began.isoformat(timespec="seconds"),
            "scenario": str(options.scenario or ""),
            "mutant": options.mutant,
            "devices_per_user": str(options.devices_per_user),
        }

    def _target(self, options: LoadOptions) -> str:
        """In words."""
        if self._embedded is None:
            return options.target or "no platform"
        return f"the reference server with the defect {options.mutant}" if options.mutant else "the reference server"

    def broke(self, why: str) -> None:
        """The test cannot go on."""
        self.desk.broke(why)
        gevent.spawn(self._stop)

    def _stop(self) -> None:
        if self._environment.parsed_options.headless:
            self._runner.quit()
        else:
            self._runner.stop()

    def _look(self) -> None:
        while True:
            gevent.sleep(LOOK_EVERY_S)
            if self._is_deserted() and not self._finishing:
                gevent.spawn(self._stop)
                return
            self._deal_again()
            if not self._finishing and (gone := self._embedded_died()):
                _log.error("%s", gone)
                self.broke(gone)
                return
            phase, why = self.desk.phase, self.desk.look()
            if phase != self.desk.phase == "running":
                _log.info("all %d devices have joined, %.1f s after the start", self.desk.joined, self.desk.elapsed_s)
            if why and not self._finishing:
                _log.error("stopping the test: %s", why)
                self.desk.stopped(why)
                gevent.spawn(self._stop)
                return

    # --- its end ------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Locust ends the test: wait for the last word of everybody, judge, clean up. Blocks the greenlet; calling it
        again waits for the first call, and does nothing else."""
        with self._turn:
            if (self._looking is None and not self.desk.broken) or self.desk.over:
                return
            self._finishing = True
            try:
                self._finish()
            finally:
                self._finishing = False

    def _finish(self) -> None:
        desk = self.desk
        desk.phase = "settling"
        deserted = self._is_deserted()
        if deserted:
            desk.broke("all workers have gone")
        if self.hand is not None:
            self.hand.finish()
        else:
            self._wait_for_workers()
        if self._looking is not None:
            gevent.kill(self._looking)
            self._looking = None
        desk.look()
        desk.close()
        self._say()
        left = self._clean_up()
        for line in () if self._embedded_died() else left:  # nothing is left on a server that is gone
            _log.warning("left on the platform: %s", line)
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None
        if deserted and self._environment.parsed_options.headless:
            gevent.spawn(self._runner.quit)  # Locust itself would wait for the end of the test

    def hurry(self) -> None:
        """If the test is ending: somebody has lost patience, and nothing that is late is waited for any more."""
        if not self._finishing or self._hurried:
            return
        self._hurried = True
        if self.hand is not None:
            self.hand.hurry()
        else:
            self._send(HURRY, b"")

    def _wait_for_workers(self) -> None:
        self._send(FINISH, b"")
        self._wait(
            lambda: not self._here() - self._dead - self.desk.settled, self._options.wait_at_end_s + SETTLE_MORE_S
        )
        for worker in sorted(self._here() - self._dead - self.desk.settled):
            self._lose(worker, "told no last word")

    def _wait(self, done: Callable[[], bool], limit_s: float) -> None:
        """Wait until it is done, or too late; who is in a hurry waits for a few seconds more."""
        hurry_s = HURRY_S
        while limit_s > 0 and hurry_s > 0:
            self.look_for_dead()
            if done():
                return
            gevent.sleep(WAIT_EVERY_S)
            limit_s -= WAIT_EVERY_S
            if self._hurried:
                hurry_s -= WAIT_EVERY_S

    def _embedded_died(self) -> str:
        return "" if self._embedded is None else self._embedded.died()

    def _clean_up(self) -> list[str]:
        if self.hand is not None:
            return self.hand.clean_up()
        self._wait(lambda: not (self._here() & self.desk.settled) - self._dead - set(self._gone), CLEANUP_S)
        left = [line for lines in self._gone.values() for line in lines]
        if self._embedded is None and not self._options.keep:
            left += remove_orphans(self._options, self.desk.dealer.orphans)
        return left

    def _say(self) -> None:
        desk = self.desk
        merged = desk.merged()
        verdict, facts = desk.verdict(merged), desk.facts(merged)
        self._environment.process_exit_code = verdict.exit_code
        if self._options.report is not None:
            try:
                self._options.report.write_bytes(summary.as_json(merged, verdict, facts))
            except OSError as error:
                _log.error("--report %s: %s", self._options.report, error.strerror or error)
        self._unsaid = summary.text(merged, verdict, facts)
        if not self._environment.parsed_options.headless and not self.leaving:
            self.speak()

    def speak(self) -> None:
        """Print the verdict, if it was not yet: after Locust's own tables, where a person looks last."""
        text, self._unsaid = self._unsaid, ""
        if text:
            print(text, flush=True)

    def quit(self) -> None:
        """Locust ends; if a test is ending already, that is to be over soon."""
        self.leaving = True
        self.hurry()
        self.finish()
        if self._embedded is not None:
            self._embedded.stop()

    # --- workers ------------------------------------------------------------------------------------------------------

    def look_for_dead(self) -> None:
        """Notice workers whose heartbeat has stopped, before Locust deals their users to others."""
        if self.hand is not None:
            return
        for each in self._runner.clients.all:
            if each.state == _MISSING and each.id not in self._dead | set(self._gone):
                self._lose(each.id, "does not answer any more")
        for worker in sorted(self.desk.workers - self._here() - self._dead):
            self._lose(worker, "has gone")

    def _lose(self, worker: str, why: str) -> None:
        """Also one that has told its last word: it may have left devices behind."""
        self._dead.add(worker)
        self.desk.died(worker)
        if not self._finishing:
            _log.warning("worker %s %s; its devices are taken over by the others", worker, why)
        elif worker not in self.desk.settled:
            _log.warning("worker %s %s", worker, why)

    def _deal_again(self) -> None:
        """Locust forgets the users of a worker that goes while it is dealing out those of another one."""
        runner = self._runner
        missing = (
            self.hand is None
            and bool(self.desk.dealer.orphans)
            and runner.state == _RUNNING
            and runner.spawning_completed
            and runner.user_count < runner.target_user_count
        )
        self._missing_s = self._missing_s + LOOK_EVERY_S if missing else 0.0
        if self._missing_s >= DEAL_AGAIN_S:
            self._missing_s = 0.0
            gevent.spawn(runner.start, runner.target_user_count, runner.spawn_rate)

    def _here(self) -> set[str]:
        """Workers that Locust knows."""
        return {each.id for each in self._runner.clients.all}

    def _is_deserted(self) -> bool:
        """Whether nobody is left of those that have driven devices."""
        if self.hand is not None:
            return False
        self.look_for_dead()
        return bool(self.desk.workers) and not self._here() - self._dead

    def claimed(self, worker: str, body: bytes) -> None:
        """A worker asks for a block."""
        ask = msgspec.msgpack.decode(body, type=claims.Ask)
        self.look_for_dead()
        grant = self.desk.dealer.deal(worker, ask.user, ask.wants, ask.portion)
        self._send(GRANT, claims.pack(claims.Reply(ticket=ask.ticket, grant=grant)), worker)

    def lives(self, _worker: str, body: bytes) -> None:
        """A block has a place on the platform."""
        self.desk.dealer.lives(*msgspec.msgpack.decode(body, type=tuple[int, str]))

    def gave_back(self, _worker: str, body: bytes) -> None:
        """A block is free again."""
        self.desk.dealer.gives_back(msgspec.msgpack.decode(body, type=int))

    def told(self, worker: str, body: bytes) -> None:
        """A worker's sums. One that was taken for dead has lost its devices to others: it is sent home."""
        if worker in self._dead:
            self._send(RETIRE, b"", worker)
            return
        self.desk.take(decode(body))

    def worker_broke(self, worker: str, body: bytes) -> None:
        """A worker cannot go on."""
        self.broke(f"worker {worker}: {msgspec.msgpack.decode(body, type=str)}")

    def worker_gone(self, worker: str, body: bytes) -> None:
        """A worker has cleaned up."""
        self._gone[worker] = msgspec.msgpack.decode(body, type=list[str])

    def _send(self, kind: str, body: bytes, worker: str | None = None) -> None:
        self._runner.send_message(kind, body, client_id=worker)


__all__ = ["ALONE", "Boss"]
