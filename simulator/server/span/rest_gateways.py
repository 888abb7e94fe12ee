"""Gateways over REST (span §2.4): customers' own ones, and the built-in ones that nobody can change."""

from __future__ import annotations

from typing import cast, get_args

from simulator.server.span import render
from simulator.server.span.bodies import GatewayBody, merged_tags, read, read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.gateways import BUILT_IN, users
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.model import GatewayType
from simulator.server.span.resources import changeable, collection, gateway, move_target
from simulator.server.span.router import Call, Router

_GATEWAYS = "/span/collections/{collection}/gateways"
_GATEWAY = _GATEWAYS + "/{gateway}"
_TYPES = get_args(GatewayType)


def add_routes(router: Router) -> None:
    """The gateway calls."""
    router.add("GET", _GATEWAYS, list_all)
    router.add("POST", _GATEWAYS, create)
    router.add("GET", _GATEWAY, retrieve)
    router.add("PATCH", _GATEWAY, update)
    router.add("DELETE", _GATEWAY, delete)
    router.add("GET", _GATEWAY + "/stats", stats)


def list_all(call: Call) -> HttpResponse:
    """ListGateways: the built-in ones come first."""
    owner = collection(call)
    shown = [render.built_in_gateway(each, owner, call.core) for each in BUILT_IN.values()]
    return answer({"gateways": [*shown, *(render.gateway(each) for each in owner.gateways.values())]})


def create(call: Call) -> HttpResponse:
    """CreateGateway; everything in the body is optional."""
    owner = collection(call)
    changeable(owner)
    body = read(call, GatewayBody)
    tags = merged_tags({}, body.tags, call.core.settings.tags_most)
    kind = _type(body)
    it = call.core.gateways.create(owner)
    it.name, it.type, it.tags = body.name or "", kind or "unknown", tags
    it.params = _params(body) or {}
    it.enabled = body.enabled is not False
    return answer(render.gateway(it))


def retrieve(call: Call) -> HttpResponse:
    """RetrieveGateway."""
    built_in = _built_in(call)
    if built_in:
        return answer(render.built_in_gateway(built_in, collection(call), call.core))
    return answer(render.gateway(gateway(call)))


def update(call: Call) -> HttpResponse:
    """UpdateGateway: everything is checked before anything changes; another collectionId moves it as well."""
    _own(call)
    it = gateway(call)
    changeable(it.collection)
    body = read(call, GatewayBody)
    to = move_target(call, it.collection, body.collectionId)
    tags = merged_tags(it.tags, body.tags, call.core.settings.tags_most)
    kind, params = _type(body), _params(body)
    if to is not None:
        call.core.gateways.check_unused(it)
        call.core.gateways.move(it, to)
    it.tags = tags
    if body.name is not None:
        it.name = body.name
    if kind is not None:
        it.type = kind
    if params is not None:
        it.params = params
    if body.enabled is not None:
        it.enabled = body.enabled
    return answer(render.gateway(it))


def delete(call: Call) -> HttpResponse:
    """DeleteGateway; its certificates count no more."""
    _own(call)
    it = gateway(call)
    changeable(it.collection)
    call.core.remove_gateway(it)
    return answer(render.gateway(it))


def stats(call: Call) -> HttpResponse:
    """RetrieveGatewayStats."""
    built_in = _built_in(call)
    if built_in:
        return answer(render.gateway_stats(users(collection(call), built_in)))
    gateway(call)
    return answer(render.gateway_stats([]))  # customers' gateways carry nothing yet


def _built_in(call: Call) -> str:
    """The id of the built-in gateway that the path names; "": another one."""
    collection(call)
    return BUILT_IN.get(read_id(call.path["gateway"], "gateway"), "")


def _own(call: Call) -> None:
    # [C] 403, for whoever asks: the documentation says only that it cannot be done.
    if _built_in(call):
        raise Refusal(403, "Built-in gateways cannot be changed or removed")


def _type(body: GatewayBody) -> GatewayType | None:
    if not body.type:
        return None
    if body.type not in _TYPES:
        raise Refusal(400, f"type is one of {', '.join(_TYPES)}")
    return cast(GatewayType, body.type)


def _params(body: GatewayBody) -> dict[str, str] | None:
    """[C] Submitted parameters replace the ones before, as those of a device for a gateway do (span §2.4)."""
    if body.config is None or body.config.user is None:
        return None
    return body.config.user.params
