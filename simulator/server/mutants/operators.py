"""What goes wrong when the operator changes something through the API, and with what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches
from simulator.server.span import render
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.model import Collection, Device

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_DEVICES = "/span/collections/1/devices"
_DEVICE = _DEVICES + "/1"


def _device_of(server: ReferenceServer, call: Any) -> Device | None:
    """The device that a path names; None: there is none."""
    devices = server.core.registry.devices.values()
    return next((device for device in devices if device.id == call.path["device"]), None)


def _on_update(change: Callable[[ReferenceServer, Device, Device], None]) -> Callable[[ReferenceServer, Patches], None]:
    """Let `change(server, device, before)` spoil an update that was answered and told; `before` is a copy."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def crook(honest: Any, call: Any) -> HttpResponse:
            device = _device_of(server, call)
            before = None if device is None else _copy(device)
            response: HttpResponse = honest(call)
            if device is not None and before is not None and response.status == 200:
                change(server, device, before)
            return response

        patches.reroute(server, "PATCH", _DEVICE, crook)

    return inflict


def _copy(it: Device) -> Device:
    copy = Device(number=it.number, id=it.id, id_bytes=it.id_bytes, collection=it.collection)
    copy.imsi, copy.imei, copy.tags = it.imsi, it.imei, dict(it.tags)
    return copy


def _not_applied(server: ReferenceServer, device: Device, before: Device) -> None:
    server.core.registry.set_identity(device, before.imsi, before.imei)
    device.tags = before.tags


def _tags_lost(_server: ReferenceServer, device: Device, before: Device) -> None:
    device.tags = {name: value for name, value in device.tags.items() if before.tags.get(name) != value}


def _identity_lost(server: ReferenceServer, device: Device, before: Device) -> None:
    same = device.imsi == before.imsi, device.imei == before.imei
    server.core.registry.set_identity(device, "" if same[0] else device.imsi, "" if same[1] else device.imei)


def _session_ends(server: ReferenceServer, device: Device, _before: Device) -> None:
    server.core.network.forget(device)


def _created_without_identity(server: ReferenceServer, patches: Patches) -> None:
    def create(honest: Any, collection: Collection, **_identity: str) -> Any:
        return honest(collection)

    patches.wrap(server.core.registry, "create_device", create)


def _created_without_tags(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, call: Any) -> HttpResponse:
        known = len(server.core.registry.devices)
        response: HttpResponse = honest(call)
        devices = list(server.core.registry.devices.values())
        if len(devices) > known:
            devices[-1].tags = {}
        return response

    patches.reroute(server, "POST", _DEVICES, crook)


def _identity_of_another(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core.registry, "check_unique", lambda _honest, *_rest: None)


def _not_removed(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core, "remove", lambda _honest, _device, _now_ns: None)


def _session_survives(server: ReferenceServer, patches: Patches) -> None:
    """Removed, and its datagrams are still taken."""
    patches.wrap(server.core, "remove", lambda _honest, device, _now_ns: server.core.registry.remove_device(device))


def _sim_survives(server: ReferenceServer, patches: Patches) -> None:
    """Removed, and its SIM is still let in."""

    def remove(honest: Any, device: Device, now_ns: int) -> None:
        registry = server.core.registry
        before = dict(registry.by_imsi)
        honest(device, now_ns)
        registry.by_imsi.update({key: owner for key, owner in before.items() if owner is device})

    patches.wrap(server.core, "remove", remove)


# --- moves ------------------------------------------------------------------------------------------------------------


def _on_move(crook: Callable[..., None]) -> Callable[[ReferenceServer, Patches], None]:
    return lambda server, patches: patches.wrap(server.core.registry, "move_device", crook)


def _not_moved(_honest: Any, _device: Device, _to: Collection) -> None:
    return None


def _loses_session(server: ReferenceServer, patches: Patches) -> None:
    def move(honest: Any, device: Device, to: Collection) -> None:
        honest(device, to)
        server.core.network.forget(device)

    patches.wrap(server.core.registry, "move_device", move)


def _loses_messages(honest: Any, device: Device, to: Collection) -> None:
    honest(device, to)
    device.outbox = None


def _loses_tags(_server: ReferenceServer, device: Device, before: Device) -> None:
    if device.collection is not before.collection:
        device.tags = {}


def _connects_anew(honest: Any, device: Device, to: Collection) -> None:
    honest(device, to)
    if device.session is not None:
        device.session.idle_at_ns = 0


# --- reading ----------------------------------------------------------------------------------------------------------


def _out_of_date(server: ReferenceServer, patches: Patches) -> None:
    """A device is shown as it was when it was asked for first, or created."""
    shown: dict[int, HttpResponse] = {}

    def crook(honest: Any, call: Any) -> HttpResponse:
        device = _device_of(server, call)
        now: HttpResponse = honest(call)
        return now if device is None else shown.setdefault(device.number, now)

    for device in server.core.registry.devices.values():
        shown[device.number] = answer(render.device(device, server.core))
    patches.reroute(server, "GET", _DEVICE, crook)


_API = "span §2.4"

DEFECTS: Mapping[str, Defect] = {
    "update-not-applied": Defect(_API, _on_update(_not_applied)),
    "update-loses-tags": Defect("span §1.4", _on_update(_tags_lost)),
    "update-loses-identity": Defect(_API, _on_update(_identity_lost)),
    "update-ends-the-session": Defect("span §6", _on_update(_session_ends)),
    "created-without-identity": Defect(_API, _created_without_identity),
    "created-without-tags": Defect("span §1.4", _created_without_tags),
    "identity-of-another-accepted": Defect("span §2.3", _identity_of_another),
    "remove-not-carried-out": Defect(_API, _not_removed),
    "message-after-removal": Defect("span §1.4", _session_survives),
    "login-after-removal": Defect("span §6", _sim_survives),
    "move-not-carried-out": Defect(_API, _on_move(_not_moved)),
    "moved-loses-session": Defect("span §6", _loses_session),
    "moved-loses-messages": Defect("span §4.4", _on_move(_loses_messages)),
    "moved-loses-tags": Defect("span §1.4", _on_update(_loses_tags)),
    "moved-connects-anew": Defect("span §3.4", _on_move(_connects_anew)),
    "device-shown-as-it-was": Defect(_API, _out_of_date),
}
