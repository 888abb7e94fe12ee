"""Messages over REST: data and inbox for what devices sent, outbox for what they are to be sent (span §2.4)."""

from __future__ import annotations

from simulator.server.span import render
from simulator.server.span.bodies import DownstreamBody, page, payload, read, read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.history import cut
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.outbox import Downstream
from simulator.server.span.resources import changeable, collection, device
from simulator.server.span.router import Call, Router
from simulator.server.span.settings import NS_PER_MS

_COLLECTION = "/span/collections/{collection}"
_DEVICE = _COLLECTION + "/devices/{device}"

DATA_LIMIT = 512
INBOX_LIMIT = 250
"""Rows of a listing that names no limit (span §2.5)."""


def add_routes(router: Router) -> None:
    """The message calls."""
    router.add("GET", _COLLECTION + "/data", collection_data)
    router.add("GET", _DEVICE + "/data", device_data)
    router.add("GET", _DEVICE + "/inbox", inbox)
    router.add("GET", _DEVICE + "/outbox", outbox)
    router.add("POST", _DEVICE + "/outbox", send)
    router.add("DELETE", _DEVICE + "/outbox/{message}", remove)


def collection_data(call: Call) -> HttpResponse:
    """ListCollectionData: messages that this collection received, of devices that still exist."""
    it = collection(call)
    core = call.core
    devices = core.registry.devices
    rows = core.histories.page(it.history, page(call, DATA_LIMIT), lambda row: row[2] in devices)
    return answer({"data": [render.data_message(devices[row[2]], row, body, core) for row, body in rows]})


def device_data(call: Call) -> HttpResponse:
    """ListDeviceData."""
    it = device(call)
    rows = call.core.histories.page(it.history, page(call, DATA_LIMIT))
    return answer({"data": [render.data_message(it, row, body, call.core) for row, body in rows]})


def inbox(call: Call) -> HttpResponse:
    """ListUpstreamMessages."""
    rows = call.core.histories.page(device(call).history, page(call, INBOX_LIMIT))
    return answer({"messages": [render.upstream(row, body) for row, body in rows]})


def outbox(call: Call) -> HttpResponse:
    """ListDownstreamMessages, by the time of queueing."""
    it = device(call)
    wanted = page(call, INBOX_LIMIT)
    messages = it.outbox.newest_first() if it.outbox is not None else ()
    return answer({"messages": [render.downstream(it, each) for each in cut(messages, wanted, _key)]})


def send(call: Call) -> HttpResponse:
    """AddDownstreamMessage."""
    it = device(call)
    changeable(it.collection)
    content = payload(read(call, DownstreamBody).payload or "")
    if not content:
        # An empty one is never delivered (span §4.2), so it would only block those behind it.
        raise Refusal(400, "payload is empty")
    most = call.core.settings.downstream_bytes
    if len(content) > most:
        raise Refusal(400, f"payload has {len(content)} bytes: {most} is the limit")
    return answer(render.downstream(it, call.core.queue(it, content, call.now_ns)))


def remove(call: Call) -> HttpResponse:
    """DeleteDownstreamMessage, delivered or not."""
    it = device(call)
    changeable(it.collection)
    number = read_id(call.path["message"], "message")
    message = it.outbox.remove(number) if it.outbox is not None else None
    if message is None:
        raise Refusal(404, "Unknown message")
    return answer({"messageId": message.id})


def _key(message: Downstream) -> tuple[int, int]:
    return message.number, message.created_ns // NS_PER_MS
