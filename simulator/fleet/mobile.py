"""The mobile network of a run: packet gateways with their ports towards the platform, and what devices want of them.

A gateway's port is opened when it first has something to ask, and another one whenever its 256 ids are all in use.
It is bound to the gateway's own address, where the wire has that one, and behind the link of its operator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simulator import acts
from simulator.clock import Clock, Timers
from simulator.devices.mobile_core import MobileCore
from simulator.errors import LocalError
from simulator.fleet.work import Work
from simulator.scenario.model import HOME, Operator
from simulator.target.radius import RadiusAccess
from simulator.wire.address import LOOPBACK, Address, Ipv4, host_text, ip_of
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.ports import Port, Wire
from simulator.wire.presets import LinkProfile, preset

Told = Callable[[Any, Any, float], None]
"""Called with what was handed in, the result, and the run time."""

_LOOPBACK_NETWORK = LOOPBACK >> 24
NOBODY = acts.Broken("the platform does not tell where it listens for RADIUS")
"""What comes of an attach where there is no mobile network."""


class Mobile:
    """All operators of a scenario.

    Args:
        wire: what carries the gateways' datagrams.
        radius: where the platform listens.
        lost: told of every device whose session the network has ended, with the reason.
        broke: told what was raised where it must not.
        work: opens the ports.
    """

    def __init__(
        self,
        operators: Sequence[Operator],
        seed: int,
        *,
        wire: Wire,
        clock: Clock,
        timers: Timers,
        radius: RadiusAccess,
        lost: Callable[[str, str], None],
        broke: Callable[[BaseException], None],
        work: Work,
    ) -> None:
        self._wire, self._clock, self._timers = wire, clock, timers
        self._radius, self._broke, self._told_lost, self._work = radius, broke, lost, work
        self._operators = {operator.name: operator for operator in operators or (HOME,)}
        epoch_unix_s = clock.unix_ns() / 1e9 - clock.now()
        self.core = MobileCore(
            tuple(self._operators.values()),
            seed,
            timers,
            radius.secret,
            self._lost,
            self._need_line,
            epoch_unix_s=epoch_unix_s,
        )
        self._links = {
            gateway: self._links_of(operator, seed, gateway)
            for operator in self._operators.values()
            for gateway in self.core.gateways
            if gateway.rpartition("-")[0] == operator.name
        }
        self._sessions: dict[str, None] = {}
        self._ports: list[Port] = []
        self._closed = False

    # --- what devices want --------------------------------------------------------------------------------------------

    def attach(
        self, act: acts.Attach, device: str, number: int, source: str, told: Told, argument: Any, now: float
    ) -> None:
        """A device wants in; see `MobileCore.attach`."""
        self.core.attach(act, device, number, source, self._attached, (device, told, argument), now)

    def detach(self, device: str, told: Told, argument: Any, now: float) -> None:
        """A device leaves in order."""
        self._sessions.pop(device, None)
        self.core.detach(device, told, argument, now)

    def leave_silently(self, device: str, now: float) -> None:
        """A device is gone without a word; nothing to do for one that was not there."""
        self.core.leave_silently(device, now)

    def change_cell(self, device: str, rat: str, cell: int, told: Told, argument: Any, now: float) -> None:
        """A device is elsewhere in its operator's network."""
        self.core.change_cell(device, rat, cell, told, argument, now)

    def _attached(self, what: tuple[str, Told, Any], result: acts.Result, now: float) -> None:
        device, told, argument = what
        if isinstance(result, acts.Accepted):
            self._sessions[device] = None
        told(argument, result, now)

    def _lost(self, device: str, why: str) -> None:
        self._sessions.pop(device, None)
        self._told_lost(device, why)

    # --- what others want to know -------------------------------------------------------------------------------------

    @property
    def timers(self) -> int:
        """How many entries of the calendar are the network's own; they may be due in an hour."""
        return self.core.timers

    @property
    def is_perfect(self) -> bool:
        """Whether nothing can be under way between gateways and platform for longer than the sockets take."""
        return all(links is None for links in self._links.values())

    @property
    def sessions(self) -> int:
        """How many devices have a session of this network."""
        return len(self._sessions)

    def leave_all(self, done: Callable[[], None]) -> None:
        """Detach everybody, so that the platform keeps no session of this run; `done` is called when all have left.

        Nobody is there: it is called at once.
        """
        left = len(self._sessions)
        if not left:
            done()

        def gone(_argument: object, _result: object, _now: float) -> None:
            nonlocal left
            left -= 1
            if not left:
                done()

        for device in list(self._sessions):
            self.detach(device, gone, None, self._clock.now())

    def close(self) -> None:
        """Close the ports; what the gateways still had to say is lost."""
        self._closed = True
        for port in self._ports:
            port.close()

    # --- ports --------------------------------------------------------------------------------------------------------

    def _need_line(self, gateway: str) -> None:
        if self._closed:
            return
        self._work.start(self._open(gateway), f"port of {gateway}")

    async def _open(self, gateway: str) -> None:
        try:
            await self._open_line(gateway)
        except Exception as error:
            self._broke(error)

    async def _open_line(self, gateway: str) -> None:
        line = -1
        receive = self.core.receive

        def hear(data: bytes, peer: Address, _local_ip: Ipv4, now: float) -> None:
            receive(gateway, line, data, peer, now)

        port = await self._bind(gateway, hear)
        self._ports.append(port)
        send, to_authentication, to_accounting = port.send, self._radius.authentication, self._radius.accounting
        line = self.core.add_line(
            gateway,
            lambda data: send(data, to_authentication),
            lambda data: send(data, to_accounting),
            lambda data, peer: send(data, peer),
        )

    async def _bind(self, gateway: str, hear: Callable[[bytes, Address, Ipv4, float], None]) -> Port:
        """At its own address if it has one here. Raises: LocalError: no port is to be had."""
        links = self._links[gateway]
        wire = self._wire if links is None else LinkedWire(self._wire, links, self._timers, self._clock)
        if ip_of(self._radius.authentication) >> 24 != _LOOPBACK_NETWORK:
            return await wire.open("0.0.0.0", 0, hear)
        if not getattr(self._wire, "mapped", False):
            try:
                return await wire.open(host_text(self.core.gateways[gateway].address), 0, hear)
            except LocalError:
                pass  # a system with a single loopback address
        return await wire.open(host_text(LOOPBACK), 0, hear)

    @staticmethod
    def _links_of(operator: Operator, seed: int, gateway: str) -> Links | None:
        """None: a perfect one. It is the only one behind this port, whatever address that has."""
        profile = preset(operator.link.preset, operator.link.changes)
        if profile.perfect:
            return None
        return _NamedLinks(seed, gateway, profile)


class _NamedLinks(Links):
    """The link of one gateway: its fates depend on the gateway's name, and not on the address that it got."""

    def __init__(self, seed: int, name: str, profile: LinkProfile) -> None:
        super().__init__(seed, profile)
        self.names(0, name)

    def fates(self, ip: Ipv4, up: bool, size: int, now: float) -> tuple[float, ...]:
        """As of `Links`; every address of the port is the gateway's."""
        del ip
        return super().fates(0, up, size, now)
