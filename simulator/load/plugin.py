"""What Locust calls when: options, the beginning and the end of tests, messages between its processes, and the end.

Importing `simulator.load` in a locustfile is all that it takes.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import gevent
import locust

from simulator.clock import WallClock
from simulator.errors import ExitCode, SimulatorError, UsageError
from simulator.load import arguments, links, preflight
from simulator.load.boss import Boss
from simulator.load.desk import Desk
from simulator.load.foreign import refuse_mobile
from simulator.load.hand import Hand
from simulator.load.interrupts import Interrupts
from simulator.load.options import LoadOptions
from simulator.load.traffic import Traffic
from simulator.load.users.fleet import FleetUser
from simulator.load.web import install as install_page

_log = logging.getLogger("simulator")
ALL_CORES: Final = -1
"""What `--processes` says for one worker on each core."""
MASTER_SILENT_S: Final = 20
"""It says something once a second."""
_INSTALLED: Final = "_simulator_installed"


def install() -> None:
    """Listen to Locust's events, once."""
    events = locust.events
    if getattr(events, _INSTALLED, False):
        return
    setattr(events, _INSTALLED, True)
    _listen(events.init_command_line_parser, _add_arguments)
    _listen(events.init, _init)


def _listen(event: Any, listener: Callable[..., None]) -> None:
    event.add_listener(listener)


def _add_arguments(parser: Any, **_: Any) -> None:
    arguments.add(parser)


def _init(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    """Locust is ready, in this process."""
    if isinstance(runner, locust.runners.WorkerRunner):
        _be_worker(environment, runner)
        return
    try:
        options = arguments.read(environment.parsed_options)
        _refuse_host(environment)
        traffics = _traffics(environment, options)
        refuse_mobile((each.group for each in traffics), options)
        expects = tuple(dict.fromkeys(text for each in traffics for text in each.expects))
        groups = {each.group.name for each in traffics}
        desk = Desk(options, WallClock().now, expects, groups, environment.locustfile or "load test")
        _default_users(environment, traffics, options)
        _look_before(options, environment, traffics)
        boss = Boss(environment, options, desk)
        boss.prepare()
    except SimulatorError as error:
        runner.quit()  # the workers that have come
        _refuse(error)
        return
    if isinstance(runner, locust.runners.MasterRunner):
        _be_master(environment, runner, boss)
    else:
        boss.hand = Hand(environment, links.OwnLink(desk, boss.broke), links.ALONE)
    waits = environment.parsed_options.headless and boss.hand is None
    Interrupts(boss, waits=waits, quit_runner=runner.quit).listen()
    events = environment.events
    events.test_start.add_listener(_calls(boss.begin))
    events.test_stopping.add_listener(_calls(boss.finish))
    events.quitting.add_listener(_calls(boss.quit))
    events.quit.add_listener(_calls(boss.speak))
    if web_ui is not None:
        install_page(environment, desk.view)


def _refuse_host(environment: Any) -> None:
    """Raises: UsageError: somebody thinks that `--host` names the platform."""
    host = environment.parsed_options.host
    if host and all(hasattr(cls, "traffics") for cls in environment.user_classes):
        raise UsageError(f"--host {host}: devices find their platform by its API; write --target {host}, and its token")


def _refuse(error: SimulatorError) -> None:
    """The command line, a file or this machine does not allow the test."""
    print(f"simulator: {error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code if isinstance(error.exit_code, int) else ExitCode.BROKEN)


def _calls(method: Callable[[], object]) -> Callable[..., None]:
    def listener(**_: Any) -> None:
        method()

    return listener


# --- the plan ---------------------------------------------------------------------------------------------------------


def _traffics(environment: Any, options: LoadOptions) -> tuple[Traffic, ...]:
    """What the user classes drive. Raises: UsageError, ScenarioErrors."""
    found: list[Traffic] = []
    for cls in environment.user_classes:
        own = getattr(cls, "traffics", None)
        if own is not None:
            found += own(options)
    for line in dict.fromkeys(line for each in found for line in each.ignored):
        _log.warning("not driven under load: %s", line)
    return tuple(found)


def _default_users(environment: Any, traffics: tuple[Traffic, ...], options: LoadOptions) -> None:
    """Without -u: as many users as the scenario's devices need, all at once."""
    given = environment.parsed_options
    if given.num_users is None:
        most = [each.most for each in traffics if each.most]
        given.num_users = sum(-(-each // options.devices_per_user) for each in most) or len(environment.user_classes)
    if given.spawn_rate is None:
        given.spawn_rate = given.num_users


def _look_before(options: LoadOptions, environment: Any, traffics: tuple[Traffic, ...]) -> None:
    """Raises: LocalError: this machine cannot carry the test."""
    given = environment.parsed_options
    preflight.check(
        options,
        devices=_devices(environment.user_classes, traffics, options, given.num_users or 1),
        processes=os.cpu_count() or 1 if given.processes == ALL_CORES else max(1, given.processes or 0),
        say=lambda line: _log.warning("%s", line),
        elsewhere=bool(given.master) and not given.processes,
    )


def _devices(classes: Sequence[Any], traffics: tuple[Traffic, ...], options: LoadOptions, users: int) -> int:
    """How many so many users are, dealt to the classes by their weights, as far as the scenario has them."""
    of_one: list[tuple[int, int]] = [
        (options.devices_per_user if issubclass(cls, FleetUser) else 1, cls.weight) for cls in classes
    ]
    weights = sum(weight for _, weight in of_one) or 1
    devices = -(-users * sum(count * weight for count, weight in of_one) // weights)
    most = [each.most for each in traffics if each.most is not None]
    return min(devices, sum(most)) if most and len(most) == len(traffics) else devices


# --- master and workers -----------------------------------------------------------------------------------------------


def _be_master(environment: Any, runner: Any, boss: Boss) -> None:
    # Locust deals a dead worker's users to the others at once, instead of after a minute.
    environment.parsed_options.enable_rebalancing = True
    for kind, handler in (
        (links.CLAIM, boss.claimed),
        (links.LIVES, boss.lives),
        (links.GIVES_BACK, boss.gave_back),
        (links.TALLY, boss.told),
        (links.BROKE, boss.worker_broke),
        (links.GONE, boss.worker_gone),
    ):
        runner.register_message(kind, _hears(handler))


def _hears(handler: Callable[[str, bytes], None]) -> Callable[..., None]:
    def listener(msg: Any, **_: Any) -> None:
        handler(msg.node_id, msg.data)

    return listener


def _be_worker(environment: Any, runner: Any) -> None:
    link = links.MasterLink(runner.send_message)
    hand = Hand(environment, link, runner.client_id)

    ending: list[str] = []
    """Why the test is over; empty: it is not."""

    def begin(**_: Any) -> None:
        ending.clear()
        try:
            options = arguments.read(environment.parsed_options)
        except SimulatorError as error:
            hand.broke(error)
            return
        hand.begin(options, runner.worker_index)

    def finish(**_: Any) -> None:
        ending.append("the master says so")
        hand.finish()
        link.gone(hand.clean_up())

    def retire(**_: Any) -> None:
        _log.error("the master took this worker for dead, and others have its devices now: it ends")
        hand.end()
        runner.quit()

    def leave() -> None:
        """Somebody wants this worker to end: in order, so that others go on with its devices."""
        _log.info("leaving in order; others go on with the devices of this worker")
        hand.finish(leaving=True)
        hand.clean_up(leaving=True)
        runner.quit()

    def end(**_: Any) -> None:
        """Also by SIGTERM: a master that has not ended the test goes on without this worker, and needs its devices."""
        environment.process_exit_code = 0  # what it has seen is the master's to judge
        hand.finish(leaving=not ending)
        for line in hand.clean_up(leaving=not ending):
            _log.warning("left on the platform: %s", line)

    def watch_master() -> None:
        """Seconds are counted, and not compared: a machine that slept for an hour has missed none."""
        heard, silent_s = None, 0
        while silent_s < MASTER_SILENT_S:
            gevent.sleep(1.0)
            silent_s = silent_s + 1 if heard == runner.last_heartbeat_timestamp else 0
            heard = runner.last_heartbeat_timestamp
        _log.error("the master has been silent for %d s: this worker cleans up and ends", silent_s)
        ending.append("no master")
        runner.quit()

    runner.register_message(links.GRANT, lambda msg, **_: link.granted(msg.data))
    runner.register_message(links.FINISH, finish, concurrent=True)
    runner.register_message(links.HURRY, lambda **_: hand.hurry())
    runner.register_message(links.RETIRE, retire, concurrent=True)
    environment.events.test_start.add_listener(begin)
    gevent.spawn(watch_master)
    environment.events.test_stopping.add_listener(end)
    environment.events.quitting.add_listener(end)
    if environment.parsed_options.processes:
        # A Ctrl-C in the terminal reaches all processes; these are ended by the master when it has heard them out.
        gevent.signal_handler(signal.SIGINT, lambda: None)
    else:
        gevent.signal_handler(signal.SIGINT, lambda: gevent.spawn(leave))
