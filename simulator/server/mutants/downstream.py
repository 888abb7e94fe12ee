"""What goes wrong with the messages that wait for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches, first_beside
from simulator.server.span.core import Uplink
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Device
from simulator.server.span.outbox import Downstream

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_OUTBOX = "/span/collections/1/devices/1/outbox"


def _on_delivery(crook: Callable[..., bytes | None]) -> Callable[[ReferenceServer, Patches], None]:
    """Let `crook(honest, device, transport, now_ns)` choose what goes with an answer."""
    return lambda server, patches: patches.wrap(server.core, "_deliver", crook)


def _newest_first(honest: Any, device: Device, *rest: Any) -> Any:
    assert device.outbox is not None
    device.outbox._pending.rotate(1)  # the newest is first; when it has gone the others are in order again
    return honest(device, *rest)


def _sent_twice(server: ReferenceServer, patches: Patches) -> None:
    again: dict[int, None] = {}

    def crook(honest: Any, device: Device, *rest: Any) -> Any:
        outbox = device.outbox
        assert outbox is not None
        first = outbox._pending[0]
        content = honest(device, *rest)
        if first.number not in again:
            again[first.number] = None
            outbox._pending.appendleft(first)
        return content

    patches.wrap(server.core, "_deliver", crook)


def _emptied_at_once(honest: Any, device: Device, *rest: Any) -> Any:
    content = honest(device, *rest)
    while device.outbox is not None and device.outbox.pending:
        honest(device, *rest)
    return content


def _told_at_queueing(server: ReferenceServer, patches: Patches) -> None:
    """And not again when it is handed over."""
    activity = server.core.activity

    def queue(honest: Any, device: Device, payload: bytes, now_ns: int) -> Downstream:
        message: Downstream = honest(device, payload, now_ns)
        data = {"messageId": message.id, "bytes": str(len(payload)), "transport": "coap"}
        activity.emit("downstreamMessage", device.collection, device, now_ns, data)
        return message

    patches.wrap(server.core, "queue", queue)
    patches.wrap(activity, "downstream_message", lambda _honest, *_rest: None)


def _queued_is_lost(server: ReferenceServer, patches: Patches) -> None:
    def queue(honest: Any, device: Device, *rest: Any) -> Downstream:
        message: Downstream = honest(device, *rest)
        assert device.outbox is not None
        device.outbox.remove(message.number)
        return message

    patches.wrap(server.core, "queue", queue)


def _only_newest_waits(server: ReferenceServer, patches: Patches) -> None:
    def queue(honest: Any, device: Device, *rest: Any) -> Downstream:
        if device.outbox is not None:
            device.outbox._pending.clear()
        message: Downstream = honest(device, *rest)
        return message

    patches.wrap(server.core, "queue", queue)


def _second_refused(server: ReferenceServer, patches: Patches) -> None:
    def queue(honest: Any, device: Device, *rest: Any) -> Downstream:
        if device.outbox is not None and device.outbox.pending:
            raise Refusal(429, "A message is waiting for this device")
        message: Downstream = honest(device, *rest)
        return message

    patches.wrap(server.core, "queue", queue)


def _for_another_device(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core, "queue", lambda honest, device, *rest: honest(first_beside(device), *rest))


def _deleted_is_delivered(server: ReferenceServer, patches: Patches) -> None:
    """The answer says that it is gone."""

    def crook(honest: Any, call: Any) -> Any:
        waiting = [
            (device.outbox, list(device.outbox._pending))
            for device in server.core.registry.devices.values()
            if device.outbox is not None and device.outbox.pending
        ]
        answer = honest(call)
        for outbox, messages in waiting:
            outbox._pending.clear()
            outbox._pending.extend(messages)
        return answer

    patches.reroute(server, "DELETE", _OUTBOX + "/1", crook)


def _oldest_goes_behind(server: ReferenceServer, patches: Patches) -> None:

    def crook(honest: Any, call: Any) -> Any:
        answer = honest(call)
        for device in server.core.registry.devices.values():
            outbox = device.outbox
            if outbox is not None and device.id == call.path["device"] and outbox.pending:
                outbox._pending.rotate(-1)
        return answer

    patches.reroute(server, "DELETE", _OUTBOX + "/1", crook)


def _all_are_deleted(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, call: Any) -> Any:
        answer = honest(call)
        for device in server.core.registry.devices.values():
            if device.outbox is not None and device.id == call.path["device"]:
                device.outbox._pending.clear()
        return answer

    patches.reroute(server, "DELETE", _OUTBOX + "/1", crook)


def _only_by_poll(server: ReferenceServer, patches: Patches) -> None:
    """An upload is answered with nothing, whatever waits."""
    polling: list[None] = []

    def poll(honest: Any, *rest: Any, **named: Any) -> Uplink:
        polling.append(None)
        try:
            uplink: Uplink = honest(*rest, **named)
            return uplink
        finally:
            polling.pop()

    patches.wrap(server.core, "poll", poll)
    patches.wrap(server.core.inet, "poll", poll)
    patches.wrap(server.core, "_deliver", lambda honest, *rest: honest(*rest) if polling else None)


def _never_over_udp(honest: Any, device: Device, transport: str, now_ns: int) -> Any:
    return None if transport == "udp" else honest(device, transport, now_ns)


_QUEUE = "span §4.4"

DEFECTS: Mapping[str, Defect] = {
    "downstreamMessage-at-queueing": Defect("span §3.4", _told_at_queueing),
    "outbox-newest-first": Defect(_QUEUE, _on_delivery(_newest_first)),
    "outbox-sent-twice": Defect(_QUEUE, _sent_twice),
    "outbox-emptied-at-once": Defect(_QUEUE, _on_delivery(_emptied_at_once)),
    "outbox-keeps-only-the-newest": Defect(_QUEUE, _only_newest_waits),
    "outbox-takes-only-one": Defect(_QUEUE, _second_refused),
    "outbox-of-another-device": Defect(_QUEUE, _for_another_device),
    "queued-message-lost": Defect(_QUEUE, _queued_is_lost),
    "deleted-message-still-delivered": Defect(_QUEUE, _deleted_is_delivered),
    "deleting-moves-the-oldest-behind": Defect(_QUEUE, _oldest_goes_behind),
    "deleting-one-deletes-all": Defect(_QUEUE, _all_are_deleted),
    "upload-hands-out-nothing": Defect("span §4.3", _only_by_poll),
    "udp-hands-out-nothing": Defect("span §4.2", _on_delivery(_never_over_udp)),
}
