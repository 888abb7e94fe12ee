"""Carries out what stories want beyond datagrams and time: the operator, the mobile network, the radio, the power."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from simulator import acts
from simulator.clock import Clock, Timers
from simulator.run.fleet import Fleet
from simulator.scenario.model import LinkChange, LinkSpec
from simulator.target.operator import Operator
from simulator.wire.drivers.stories import Performer, Running, Stories

_DONE = acts.Done()
_ORDERS = (
    acts.CreateDevice,
    acts.UpdateDevice,
    acts.RemoveDevice,
    acts.MoveDevice,
    acts.QueueDownstream,
    acts.WithdrawDownstream,
)


class Performers:
    """What `Stories` needs to run the stories of a fleet.

    Args:
        tokens: name → text of the tokens that the operator may show.
        broke: told what was raised where it must not.
        hurry: whether the run is to end: nothing more is begun then.
    """

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        timers: Timers,
        tokens: Mapping[str, str],
        broke: Callable[[BaseException], None],
        hurry: Callable[[], bool],
    ) -> None:
        self._hurry = hurry
        self._fleet, self._clock, self._tokens, self._broke = fleet, clock, tokens, broke
        self.operator: Operator
        """Told as soon as there is one."""
        self._tasks: set[asyncio.Task[None]] = set()
        by_act: dict[type, Performer] = {
            acts.Attach: self._attach,
            acts.Detach: lambda act, running, _: self._later(running, self.operator.detach(act)),
            acts.AskAs: lambda act, running, _: self._ask(running, act.order, self._tokens[act.token]),
            **dict.fromkeys(_ORDERS, lambda act, running, _: self._ask(running, act)),
            acts.ChangeRadio: self._change_radio,
            acts.DarkenRadio: self._darken_radio,
            acts.SwitchOff: self._switch_off,
            acts.SwitchOn: self._switch_on,
            acts.StandStill: self._stand_still,
        }
        self.stories = Stories(timers, by_act, broke)

    def close(self) -> None:
        """Whatever still waits for somebody need not."""
        for task in tuple(self._tasks):
            task.cancel()

    # --- the operator and the network ---------------------------------------------------------------------------------

    def _attach(self, act: acts.Attach, running: Running, _now: float) -> None:
        self._later(running, self.operator.attach(act, self._fleet.source(running.endpoint.name)))

    def _ask(self, running: Running, order: acts.Order, token: str = "") -> None:
        self._later(running, self.operator.carry_out(running.endpoint.name, order, token))

    def _later(self, running: Running, work: Coroutine[Any, Any, Any]) -> None:
        """Carry out something that has to wait, and go on with its result."""

        async def go() -> None:
            if self._hurry():  # a hundred thousand of these may stand in line before the end of the run is heard of
                work.close()
                return
            try:
                result = await work
            except Exception as error:
                self._broke(error)
            else:
                self.stories.resume(running, result, self._clock.now())

        task = asyncio.get_running_loop().create_task(go(), name=f"{running.endpoint.name} {running.act}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the radio ----------------------------------------------------------------------------------------------------

    def _change_radio(self, act: acts.ChangeRadio, running: Running, now: float) -> None:
        changes = tuple(LinkChange(key=key, up=up, down=down) for key, up, down in act.changes)
        spec = LinkSpec(preset=act.preset, changes=changes)
        self._fleet.weather.link(running.endpoint.name, spec, now, act.lasting_s)
        self.stories.resume(running, _DONE, now)

    def _darken_radio(self, act: acts.DarkenRadio, running: Running, now: float) -> None:
        self._fleet.weather.blackout(running.endpoint.name, now, act.lasting_s)
        self.stories.resume(running, _DONE, now)

    # --- the power ----------------------------------------------------------------------------------------------------

    def _switch_off(self, act: acts.SwitchOff, running: Running, now: float) -> None:
        self._silence(running, act.why, now)

    def _stand_still(self, act: acts.StandStill, running: Running, now: float) -> None:
        self._silence(running, act.why, now, act.lasting_s)

    def _silence(self, running: Running, why: str, now: float, lasting_s: float | None = None) -> None:
        name = running.endpoint.name
        self.stories.cut(name, why, now)
        self._fleet.silence(name, now, lasting_s)
        self.stories.resume(running, _DONE, now)

    def _switch_on(self, _act: acts.SwitchOn, running: Running, now: float) -> None:
        self._fleet.wake(running.endpoint.name)
        self.stories.resume(running, _DONE, now)
