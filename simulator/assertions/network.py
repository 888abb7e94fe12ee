"""An invariant about what a device's network makes of its events. It is the embedded server's choice (span §3.4), so
only that is held to it."""

from __future__ import annotations

from simulator.assertions.docket import Check, Docket
from simulator.assertions.rule import Rule
from simulator.assertions.world import World
from simulator.events.records import EventRecord
from simulator.scenario.model import Group

_OF_GATEWAYS = ("gatewayUpstreamMessage", "gatewayDownstreamMessage")
_OF_SIMS = ("ciotConnect", "imeiMismatch", "imsiMismatch")
_UNSPECIFIED = "unspecified"


class FitsNetwork(Rule):
    """fits-network."""

    __slots__ = ("names",)

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        more = (*_OF_SIMS, "upstreamMessage") if world.internet else ()
        self.names = ("clientConnected", "clientDisconnected", *_OF_GATEWAYS, *more)

    def see(self, event: EventRecord) -> None:
        group = self._world.group_of.get(event.subject or "")
        if group is None or not self._world.embedded:
            return
        self._check.cases += 1
        if group.network == "inet" and event.name not in _OF_GATEWAYS:
            self._see_inet(event, group)
        elif event.name in _OF_GATEWAYS:
            if group.network != "gateway":
                self._fail(event, "it is behind no gateway")
        elif group.network != "ciot" or event.name in (*_OF_SIMS, "upstreamMessage"):
            return
        elif event.name == "clientDisconnected":
            self._fail(event, "its mobile network tells nobody when a session ends")
        elif event.data.get("id") == "certificate":
            self._fail(event, "it is known by its address, and has shown no certificate")

    def _see_inet(self, event: EventRecord, group: Group) -> None:
        if event.name in _OF_SIMS:
            self._fail(event, "it is on the Internet, and has no SIM")
        elif event.name == "clientConnected" and event.data.get("id") == "ip":
            self._fail(event, "it is known by its certificate, from whatever address it comes")
        elif event.name == "upstreamMessage" and not self._world.wanders(event.subject or ""):
            transport = event.data.get("transport")
            told_as = self._world.scenario.platform.transport_compat or group.transport
            if transport in (group.transport, _UNSPECIFIED) and transport != told_as:
                self._fail(event, f"the platform has been told to call that {told_as}")
