"""Doors to the mobile network, for programs on this machine: where RADIUS is, what was counted, ending a session.

No part of Span's API: a real platform's operator has other means to that.
"""

from __future__ import annotations

from simulator.server.span.bodies import DisconnectBody, digits, read, read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.model import Session
from simulator.server.span.rest_system import full_token, local_only
from simulator.server.span.router import Call, Router
from simulator.wire.address import text


def add_routes(router: Router) -> None:
    """The doors; all of them need a token."""
    router.add("GET", "/simulator/radius", radius)
    router.add("GET", "/simulator/statistics", statistics)
    router.add("POST", "/simulator/disconnect", disconnect)


def radius(call: Call) -> HttpResponse:
    """Where packet gateways of this machine reach the platform, and with which secret. 404: it has no listener."""
    full_token(call)
    where = call.core.radius.listening
    if where is None:
        raise Refusal(404, "There is no RADIUS listener")
    return answer(
        {
            "authentication": text(where.authentication),
            "accounting": text(where.accounting),
            "secret": where.secret.decode(),
        }
    )


def statistics(call: Call) -> HttpResponse:
    """What was counted since the start, by name."""
    local_only(call)
    return answer({"statistics": call.core.statistics()})


def disconnect(call: Call) -> HttpResponse:
    """Have the gateway of a device end its session. `sent`: it was asked to; without one the session just ends."""
    full_token(call)
    return answer({"sent": call.core.radius.cut_off(_session(call))})


def _session(call: Call) -> Session:
    body = read(call, DisconnectBody)
    imsi = digits(body.imsi, "IMSI")
    if bool(imsi) == bool(body.deviceId):
        raise Refusal(400, "Either imsi or deviceId is needed")
    if imsi:
        session = call.core.network.of_sim(imsi)
    else:
        device = call.core.registry.devices.get(read_id(body.deviceId or "", "device"))
        if device is None:
            raise Refusal(404, "Unknown device")
        session = device.session
    if session is None:
        raise Refusal(404, "No such session")
    return session
