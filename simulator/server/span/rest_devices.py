"""Devices over REST (span §2.4), and the events that their changes make."""

from __future__ import annotations

from simulator.protocol.ids import encode_int
from simulator.server.span import render
from simulator.server.span.bodies import (
    ConfigBody,
    DeviceBody,
    GatewayBlock,
    check_firmware,
    digits,
    merged_tags,
    read,
    read_id,
)
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.resources import changeable, collection, device, move_target
from simulator.server.span.router import Call, Router

_DEVICES = "/span/collections/{collection}/devices"
_DEVICE = _DEVICES + "/{device}"

Gateways = dict[str, dict[str, str]]


def add_routes(router: Router) -> None:
    """The device calls."""
    router.add("GET", _DEVICES, list_all)
    router.add("POST", _DEVICES, create)
    router.add("GET", _DEVICE, retrieve)
    router.add("PATCH", _DEVICE, update)
    router.add("DELETE", _DEVICE, delete)
    router.add("GET", _DEVICE + "/stats", stats)


def list_all(call: Call) -> HttpResponse:
    """ListDevices."""
    return answer({"devices": [render.device(each, call.core) for each in collection(call).devices.values()]})


def create(call: Call) -> HttpResponse:
    """CreateDevice."""
    owner = collection(call)
    changeable(owner)
    body = read(call, DeviceBody)
    check_firmware(body.firmware)
    tags = merged_tags({}, body.tags, call.core.settings.tags_most)
    config = body.config or ConfigBody()
    gateways = _gateways({}, config, call.core.settings.gateways_per_device)
    imsi, imei = _identity(config, "", "")
    it = call.core.registry.create_device(owner, imsi=imsi, imei=imei)
    it.tags, it.gateways, it.inet = tags, gateways, config.inet is not None
    call.core.activity.device_created(it, call.now_ns)
    call.core.changed(it, call.now_ns)
    return answer(render.device(it, call.core))


def retrieve(call: Call) -> HttpResponse:
    """RetrieveDevice."""
    return answer(render.device(device(call), call.core))


def update(call: Call) -> HttpResponse:
    """UpdateDevice: everything is checked before anything changes; another collectionId moves it as well."""
    it = device(call)
    changeable(it.collection)
    body = read(call, DeviceBody)
    check_firmware(body.firmware)
    to = move_target(call, it.collection, body.collectionId)
    tags = merged_tags(it.tags, body.tags, call.core.settings.tags_most)
    config = body.config or ConfigBody()
    gateways = _gateways(it.gateways, config, call.core.settings.gateways_per_device)
    imsi, imei = _identity(config, it.imsi, it.imei)
    registry = call.core.registry
    registry.check_unique(imsi, imei, it)
    old = it.collection
    if to is not None:
        if gateways:
            raise Refusal(409, "Device has gateway config: remove that before moving it")  # span §2.4
        registry.move_device(it, to)
    registry.set_identity(it, imsi, imei)
    it.tags, it.gateways, it.inet = tags, gateways, it.inet or config.inet is not None
    if body.enabled is not None:
        registry.enable_device(it, body.enabled)
    # A move is told on both streams, and not as an update besides (span §3.4).
    if to is not None:
        call.core.activity.device_moved(it, old, to, call.now_ns)
    else:
        call.core.activity.device_updated(it, call.now_ns)
    call.core.changed(it, call.now_ns)
    return answer(render.device(it, call.core))


def delete(call: Call) -> HttpResponse:
    """DeleteDevice; its session ends."""
    it = device(call)
    changeable(it.collection)
    document = render.device(it, call.core)
    call.core.remove(it, call.now_ns)
    call.core.activity.device_removed(it, call.now_ns)
    return answer(document)


def stats(call: Call) -> HttpResponse:
    """RetrieveDeviceStats."""
    return answer(render.device_stats([device(call)]))


def _identity(config: ConfigBody, imsi: str, imei: str) -> tuple[str, str]:
    """IMSI and IMEI are merged one by one: clients send only the one that changes (span §2.4)."""
    if config.ciot is None:
        return imsi, imei
    new_imsi, new_imei = digits(config.ciot.imsi, "IMSI"), digits(config.ciot.imei, "IMEI")
    return imsi if new_imsi is None else new_imsi, imei if new_imei is None else new_imei


def _gateways(old: Gateways, config: ConfigBody, most: int) -> Gateways:
    """An empty block is deleted, any other replaces the one before (span §2.4).

    Any well-formed id is taken: a gateway of another platform, or one that is made later, harms nobody.
    """
    blocks = dict(old)
    for name, block in (config.gateway or {}).items():
        key = encode_int(read_id(name, "gateway"))
        params = (block or GatewayBlock()).params
        if params:
            blocks[key] = params
        else:
            blocks.pop(key, None)
    if len(blocks) > most:
        raise Refusal(400, f"Too many gateways in one device's config: {most} is the limit")
    return blocks
