"""An invariant about what a device's network makes of its events. It is the embedded server's choice (span §3.4), so
only that is held to it."""

from __future__ import annotations

from simulator.assertions.rule import Rule
from simulator.events.records import EventRecord

_OF_GATEWAYS = ("gatewayUpstreamMessage", "gatewayDownstreamMessage")


class FitsNetwork(Rule):
    """fits-network."""

    __slots__ = ()

    names = ("clientConnected", "clientDisconnected", *_OF_GATEWAYS)

    def see(self, event: EventRecord) -> None:
        group = self._world.group_of.get(event.subject or "")
        if group is None or not self._world.embedded:
            return
        self._check.cases += 1
        if event.name in _OF_GATEWAYS:
            if group.network != "gateway":
                self._fail(event, "it is behind no gateway")
        elif group.network != "ciot":
            return
        elif event.name == "clientDisconnected":
            self._fail(event, "its mobile network tells nobody when a session ends")
        elif event.data.get("id") == "certificate":
            self._fail(event, "it is known by its address, and has shown no certificate")
