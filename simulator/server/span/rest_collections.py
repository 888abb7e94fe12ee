"""Collections over REST (span §2.4)."""

from __future__ import annotations

from typing import cast, get_args

from simulator.server.span import render
from simulator.server.span.bodies import CollectionBody, FirmwareBody, check_firmware, flag, merged_tags, read, read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.history import Page, row_key
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.model import Collection, FirmwareManagement
from simulator.server.span.resources import changeable, collection
from simulator.server.span.router import Call, Router
from simulator.server.span.settings import NS_PER_MS, NS_PER_S

_MANAGEMENT = frozenset(get_args(FirmwareManagement))
TIMESTAMPS_MOST = 100
TIMESTAMPS_NS = 3600 * NS_PER_S
"""RetrieveCollection may include up to 100 timestamps of the last hour."""


def add_routes(router: Router) -> None:
    """The collection calls."""
    router.add("GET", "/span/collections", list_all)
    router.add("POST", "/span/collections", create)
    router.add("GET", "/span/collections/{collection}", retrieve)
    router.add("PATCH", "/span/collections/{collection}", update)
    router.add("DELETE", "/span/collections/{collection}", delete)
    router.add("GET", "/span/collections/{collection}/stats", stats)


def list_all(call: Call) -> HttpResponse:
    """ListCollections."""
    return answer({"collections": [render.collection(each) for each in call.core.registry.collections.values()]})


def create(call: Call) -> HttpResponse:
    """CreateCollection; everything in the body is optional."""
    body = read(call, CollectionBody)
    tags = merged_tags({}, body.tags, call.core.settings.tags_most)
    management = _management(body.firmware)
    it = call.core.create_collection(_team(body))
    it.tags = tags
    if management is not None:
        it.management = management
    return answer(render.collection(it))


def retrieve(call: Call) -> HttpResponse:
    """RetrieveCollection."""
    it = collection(call)
    up = _upstream_ms(call, it) if flag(call, "upstream") else None
    down = _downstream_ms(call, it) if flag(call, "downstream") else None
    return answer(render.collection(it, up, down))


def update(call: Call) -> HttpResponse:
    """UpdateCollection. Of a disabled collection nothing can be changed unless the same call enables it."""
    it = collection(call)
    body = read(call, CollectionBody)
    if body.enabled is not True:
        changeable(it)
    tags = merged_tags(it.tags, body.tags, call.core.settings.tags_most)
    management, team = _management(body.firmware), _team(body)
    it.tags = tags
    it.team_id = team or it.team_id
    if management is not None:
        it.management = management
    if body.enabled is not None:
        call.core.registry.enable_collection(it, body.enabled)
        for device in it.devices.values():
            call.core.changed(device, call.now_ns)
    return answer(render.collection(it))


def delete(call: Call) -> HttpResponse:
    """DeleteCollection; it has to be empty."""
    it = collection(call)
    changeable(it)
    call.core.remove_collection(it)
    return answer(render.collection(it))


def stats(call: Call) -> HttpResponse:
    """RetrieveCollectionStats."""
    return answer(render.collection_stats(collection(call)))


def _team(body: CollectionBody) -> str:
    # Teams are administered elsewhere, so any well-formed id is taken.
    if body.teamId:
        read_id(body.teamId, "team")
    return body.teamId or ""


def _management(body: FirmwareBody | None) -> FirmwareManagement | None:
    check_firmware(body)
    if body is None or not body.management:
        return None
    if body.management not in _MANAGEMENT:
        raise Refusal(400, f"firmware.management is one of {', '.join(sorted(_MANAGEMENT))}")
    return cast(FirmwareManagement, body.management)


def _upstream_ms(call: Call, it: Collection) -> list[int]:
    now_ms = call.now_ns // NS_PER_MS
    page = Page(limit=TIMESTAMPS_MOST, start_ms=now_ms - TIMESTAMPS_NS // NS_PER_MS, end_ms=now_ms)
    return [row_key(row)[1] for row, _ in call.core.histories.page(it.history, page)]


def _downstream_ms(call: Call, it: Collection) -> list[int]:
    since = call.now_ns - TIMESTAMPS_NS
    return [at // NS_PER_MS for at in reversed(it.sent_ns) if at >= since]
