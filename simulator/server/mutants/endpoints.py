"""How a defect gets into the DTLS endpoints, which are made with their first datagram."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Patches
from simulator.server.span.model import Device

if TYPE_CHECKING:
    from simulator.protocol.dtls.server import Server
    from simulator.server.app import ReferenceServer


def on_dtls(server: ReferenceServer, patches: Patches, arm: Callable[[Server], None]) -> None:
    """Call `arm` with the endpoint of each port: at once if it is there, else when its first datagram comes."""
    for front in (server.dtls, server.coaps):
        _on_endpoint(front.sessions, patches, arm)


def _on_endpoint(sessions: Any, patches: Patches, arm: Callable[[Server], None]) -> None:
    armed: list[Any] = []

    def ready() -> None:
        if sessions._server is None and sessions._make is not None:
            sessions._server = sessions._make()
        if sessions._server is not None and sessions._server not in armed:
            armed.append(sessions._server)
            arm(sessions._server)

    def receive(honest: Any, *datagram: Any) -> None:
        ready()
        honest(*datagram)

    patches.wrap(sessions, "receive", receive)
    if sessions._server is not None:
        ready()


def first_device(server: ReferenceServer) -> Device | None:
    """The oldest one of all; None: there is none."""
    return next(iter(server.core.registry.devices.values()), None)
