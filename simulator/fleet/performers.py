"""Carries out what stories want beyond datagrams and time: the operator, the networks, the radio, the power."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from simulator import acts
from simulator.clock import Clock, Timers
from simulator.fleet.fleet import Fleet
from simulator.fleet.internet import Internet
from simulator.fleet.keyring import Keyring
from simulator.fleet.mobile import NOBODY, Mobile
from simulator.fleet.work import Work
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
    acts.CutOff,
    acts.RenewCertificate,
)
_SAYING = frozenset({acts.Post, acts.Get, acts.Datagram})
"""What needs a session to go on."""
_IN_A_SESSION = _SAYING | {acts.Attach, acts.ChangeCell}
"""What ends when the device detaches. Who is asking to be let in anew is not let in any more, either."""
_ON_THE_NETWORK = _IN_A_SESSION | {acts.Detach}
"""What ends when the device is off the network, by whatever way."""
_MOVED = acts.Broken("the address of the device has changed")
_DETACHED = acts.Broken("the device has detached")


class Performers:
    """What `Stories` needs to run the stories of a fleet.

    Args:
        keyring: what Internet devices show of themselves.
        tokens: name → text of the tokens that the operator may show.
        broke: told what was raised where it must not.
        hurry: whether the run is to end: nothing more is begun then.
        work: carries out what has to wait.
    """

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        timers: Timers,
        keyring: Keyring,
        tokens: Mapping[str, str],
        broke: Callable[[BaseException], None],
        hurry: Callable[[], bool],
        work: Work,
    ) -> None:
        self._hurry, self._work = hurry, work
        self._fleet, self._clock, self._tokens, self._broke = fleet, clock, tokens, broke
        self.operator: Operator
        """Told as soon as there is one."""
        self.mobile: Mobile | None = None
        """Also, if the platform can be reached by gateways."""
        by_act: dict[type, Performer] = {
            acts.Attach: self._attach,
            acts.Detach: self._detach,
            acts.LeaveSilently: self._leave_silently,
            acts.ChangeCell: self._change_cell,
            acts.AskAs: lambda act, running, _: self._ask(running, act.order, self._tokens[act.token]),
            **dict.fromkeys(_ORDERS, lambda act, running, _: self._ask(running, act)),
            acts.ChangeRadio: self._change_radio,
            acts.DarkenRadio: self._darken_radio,
            acts.SwitchOff: self._switch_off,
            acts.SwitchOn: self._switch_on,
            acts.StandStill: self._stand_still,
        }
        self.stories = Stories(timers, by_act, broke)
        self.internet = Internet(fleet, keyring, clock, timers, self.stories, self._later)
        self.stories.perform(self.internet.performers())

    # --- the mobile network -------------------------------------------------------------------------------------------

    def _attach(self, act: acts.Attach, running: Running, now: float) -> None:
        if self.mobile is None:
            self.stories.resume(running, NOBODY, now)
            return
        name, fleet = running.endpoint.name, self._fleet
        number = fleet.devices[name].member.position
        self.mobile.attach(act, name, number, fleet.source(name), self._attached, running, now)

    def _attached(self, running: Running, result: acts.Result, now: float) -> None:
        if isinstance(result, acts.Accepted) and running.heir is None:  # else nobody waits for it any more
            name = running.endpoint.name
            if result.ip != running.endpoint.ip:
                self._move(name, result.ip, now)
        self.stories.resume(running, result, now)

    def _move(self, name: str, ip: int, now: float) -> None:
        """The platform has given a device an address that is not the one it had."""
        concerned = self._fleet.sharing(name, ip)
        for each in concerned:
            self.stories.interrupt(each, _SAYING, _MOVED, now)
        if concerned:
            self._fleet.move(name, ip)
        for each in concerned:
            self.stories.move(each, self._fleet.devices[each].ip)

    def _detach(self, act: acts.Detach, running: Running, now: float) -> None:
        if self.mobile is None:
            self.stories.resume(running, _DONE, now)
            return
        name = act.device or running.endpoint.name
        self.mobile.detach(name, self.stories.resume, running, now)
        self.stories.interrupt(name, _IN_A_SESSION, _DETACHED, now)
        self._fleet.drop(name)

    def _leave_silently(self, act: acts.LeaveSilently, running: Running, now: float) -> None:
        if self.mobile is not None:
            self.mobile.leave_silently(act.device, now)
        self._off_the_network(act.device, _ON_THE_NETWORK, act.why, now)
        self.stories.resume(running, _DONE, now)

    def _change_cell(self, act: acts.ChangeCell, running: Running, now: float) -> None:
        if self.mobile is None:
            self.stories.resume(running, _DONE, now)
            return
        self.mobile.change_cell(running.endpoint.name, act.rat, act.cell, self.stories.resume, running, now)

    def lost(self, name: str, why: str) -> None:
        """The network has ended the session of a device that was there."""
        if name in self._fleet.devices:
            self._off_the_network(name, _SAYING, why, self._clock.now())

    def _off_the_network(self, name: str, kinds: Collection[type], why: str, now: float) -> None:
        self._fleet.devices[name].happened("lost")
        self.stories.interrupt(name, kinds, acts.Broken(why), now)
        self._fleet.drop(name)

    # --- the operator of the platform ---------------------------------------------------------------------------------

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

        self._work.start(go(), f"{running.endpoint.name} {running.act}")

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
        if self.mobile is not None:
            self.mobile.leave_silently(running.endpoint.name, now)
        self.stories.cut(running.endpoint.name, act.why, now)  # before its session goes, for that is a lesser reason
        self.internet.switched_off(running.endpoint.name, now)
        self._silence(running, act.why, now)

    def _stand_still(self, act: acts.StandStill, running: Running, now: float) -> None:
        self._silence(running, act.why, now, act.lasting_s)

    def _silence(self, running: Running, why: str, now: float, lasting_s: float | None = None) -> None:
        name = running.endpoint.name
        self.stories.cut(name, why, now)
        self._fleet.silence(name, now, lasting_s)
        self.stories.resume(running, _DONE, now)

    def _switch_on(self, _act: acts.SwitchOn, running: Running, now: float) -> None:
        self._fleet.devices[running.endpoint.name].switched_on(now)
        self._fleet.wake(running.endpoint.name)
        self.stories.resume(running, _DONE, now)
