"""Events that are missing, doubled, late, early, of somebody else, in the wrong place, or say something wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Crook, Defect, Patches, Said, Tell, first_beside, on_events
from simulator.server.span.model import Device
from simulator.server.span.settings import NS_PER_S
from simulator.words import MUTANT_EVENTS

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

ONE_IN = 100
_HOUR_NS = 3600 * NS_PER_S
_ALL = "span §3.3"

Make = Callable[["ReferenceServer"], Crook]
"""A crook with a memory of its own, for one server."""


def _defect(breaks: str, make: Make, *events: str) -> Defect:
    """One that touches only these events; none: all."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        crook = make(server)

        def choose(tell: Tell, said: Said) -> None:
            (crook if not events or said.event in events else _as_it_is)(tell, said)

        on_events(server, patches, choose)

    return Defect(breaks, inflict)


def _as_it_is(tell: Tell, said: Said) -> None:
    tell(said)


# --- whether and when -------------------------------------------------------------------------------------------------


def _missing(_server: ReferenceServer) -> Crook:
    return lambda _tell, _said: None


def _doubled(_server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        tell(said)
        tell(said)

    return crook


def _seldom(times: int) -> Make:
    """Every hundredth is told so often."""

    def make(_server: ReferenceServer) -> Crook:
        number = count(1)

        def crook(tell: Tell, said: Said) -> None:
            for _ in range(1 if next(number) % ONE_IN else times):
                tell(said)

        return crook

    return make


def _late(event: str) -> Defect:
    """Told only after the next event of the same device."""

    def make(_server: ReferenceServer) -> Crook:
        held: dict[int, list[Said]] = {}

        def crook(tell: Tell, said: Said) -> None:
            number = 0 if said.device is None else said.device.number
            before = held.pop(number, [])
            # A move is told in two collections, and is one event all the same.
            if said.event == event and before and before[0].now_ns == said.now_ns:
                held[number] = [*before, said]
                return
            if said.event == event:
                held[number] = [said]
            else:
                tell(said)
            for each in before:
                tell(each)

        return crook

    return _defect("span §3.4", make)


def _client_connected_at_login(_server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        if said.event != "clientConnected":
            tell(said)
        if said.event == "ciotConnect":
            tell(replace(said, event="clientConnected", data={"id": "ip"}))

    return crook


def _once_for_ever(_server: ReferenceServer) -> Crook:
    known: dict[int, None] = {}

    def crook(tell: Tell, said: Said) -> None:
        if said.device is not None and said.device.number not in known:
            known[said.device.number] = None
            tell(said)

    return crook


def _in_one_collection_only(_server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        if said.data.get("to") != said.collection.id:
            tell(said)

    return crook


def _updated_besides(_server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        tell(said)
        if said.data.get("to") == said.collection.id:
            tell(replace(said, event="deviceUpdated", data={}))

    return crook


# --- of whom and where ------------------------------------------------------------------------------------------------


def _of_another_device(_server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        device = said.device
        tell(said if device is None else replace(said, device=first_beside(device)))

    return crook


def _in_another_collection(server: ReferenceServer) -> Crook:
    def crook(tell: Tell, said: Said) -> None:
        places = list(server.core.registry.collections.values())
        where = places.index(said.collection) if said.collection in places else -1
        if len(places) > 1:
            tell(replace(said, collection=places[(where + 1) % len(places)]))

    return crook


def _in_old_collection(server: ReferenceServer, patches: Patches) -> None:
    """Where a device was first is where its events are told for ever."""
    first: dict[int, Any] = {}

    def move(honest: Any, device: Device, to: Any) -> None:
        first.setdefault(device.number, device.collection)
        honest(device, to)

    def crook(tell: Tell, said: Said) -> None:
        number = 0 if said.device is None else said.device.number
        moved = said.event == "deviceMoved"
        tell(said if moved else replace(said, collection=first.get(number, said.collection)))

    patches.wrap(server.core.registry, "move_device", move)
    on_events(server, patches, crook)


def _anonymous(_server: ReferenceServer) -> Crook:
    return lambda tell, said: tell(replace(said, device=None))


# --- what they say ----------------------------------------------------------------------------------------------------


def _says(**changes: Callable[[dict[str, str]], str]) -> Make:
    """With other values of these keys; each is made from the data as it was."""

    def make(_server: ReferenceServer) -> Crook:
        def crook(tell: Tell, said: Said) -> None:
            tell(replace(said, data=said.data | {key: value(said.data) for key, value in changes.items()}))

        return crook

    return make


def _without(key: str) -> Make:
    def make(_server: ReferenceServer) -> Crook:
        def crook(tell: Tell, said: Said) -> None:
            tell(replace(said, data={name: value for name, value in said.data.items() if name != key}))

        return crook

    return make


def _one_more(key: str) -> Callable[[dict[str, str]], str]:
    return lambda data: str(int(data[key]) + 1)


def _same(key: str) -> Make:
    """The value of the first such event, ever again."""

    def make(_server: ReferenceServer) -> Crook:
        first: dict[str, str] = {}

        def crook(tell: Tell, said: Said) -> None:
            tell(replace(said, data=said.data | {key: first.setdefault(key, said.data[key])}))

        return crook

    return make


_OTHER_TRANSPORT = {"udp": "coap", "coap": "udp"}


def _other_transport(data: dict[str, str]) -> str:
    return _OTHER_TRANSPORT.get(data["transport"], "udp")


def _ahead(_server: ReferenceServer) -> Crook:
    return lambda tell, said: tell(replace(said, now_ns=said.now_ns + _HOUR_NS))


def _time_text(change: Callable[[bytes], bytes]) -> Defect:
    """With another text in the place of the time."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        patches.wrap(server.core.activity, "time_text", lambda honest, now_ns: change(honest(now_ns)))

    return Defect(_ALL, inflict)


def _broken_json(server: ReferenceServer) -> Crook:
    time_text = server.core.activity.time_text

    def crook(_tell: Tell, said: Said) -> None:
        text = f'{{"collectionId":"{said.collection.id}","event":"{said.event}","time":"'.encode()
        for reader in said.collection.hub.activity:
            reader.push(text + time_text(said.now_ns) + b"\n", said.now_ns)

    return crook


_MISMATCHES = ("imeiMismatch", "imsiMismatch")

DEFECTS: Mapping[str, Defect] = {
    **{f"{event}-missing": _defect("span §3.4", _missing, event) for event in MUTANT_EVENTS},
    **{f"{event}-doubled": _defect("span §3.4", _doubled, event) for event in MUTANT_EVENTS},
    **{f"{event}-late": _late(event) for event in MUTANT_EVENTS},
    **{f"{event}-of-another-device": _defect(_ALL, _of_another_device, event) for event in MUTANT_EVENTS},
    **{f"{event}-in-another-collection": _defect(_ALL, _in_another_collection, event) for event in MUTANT_EVENTS},
    "upstreamMessage-one-in-a-hundred-missing": _defect("span §3.4", _seldom(0), "upstreamMessage"),
    "upstreamMessage-one-in-a-hundred-doubled": _defect("span §3.4", _seldom(2), "upstreamMessage"),
    "clientConnected-at-login": _defect("span §3.4", _client_connected_at_login),
    "clientConnected-once-for-ever": _defect("span §3.4", _once_for_ever, "clientConnected"),
    "ciotConnect-once-for-ever": _defect("span §3.4", _once_for_ever, "ciotConnect"),
    "deviceMoved-only-where-it-was": _defect("span §3.4", _in_one_collection_only, "deviceMoved"),
    "deviceUpdated-besides-a-move": _defect("span §3.4", _updated_besides, "deviceMoved"),
    "moved-events-in-old-collection": Defect("span §3.4", _in_old_collection),
    "upstreamMessage-without-deviceId": _defect(_ALL, _anonymous, "upstreamMessage"),
    "upstreamMessage-wrong-bytes": _defect("span §3.4", _says(bytes=_one_more("bytes")), "upstreamMessage"),
    "upstreamMessage-wrong-transport": _defect("span §3.4", _says(transport=_other_transport), "upstreamMessage"),
    "upstreamMessage-without-bytes": _defect("span §3.4", _without("bytes"), "upstreamMessage"),
    "downstreamMessage-wrong-bytes": _defect("span §3.4", _says(bytes=_one_more("bytes")), "downstreamMessage"),
    "downstreamMessage-wrong-transport": _defect("span §3.4", _says(transport=_other_transport), "downstreamMessage"),
    "downstreamMessage-same-messageId": _defect("span §1.1", _same("messageId"), "downstreamMessage"),
    "downstreamMessage-without-messageId": _defect("span §3.4", _without("messageId"), "downstreamMessage"),
    "ciotConnect-shows-the-wire-address": _defect(
        "mobile-network §1.10", _says(ip=lambda data: data["ip"].replace("10.", "127.", 1)), "ciotConnect"
    ),
    "ciotConnect-imsi-and-imei-swapped": _defect(
        "span §3.4", _says(imsi=lambda data: data["imei"], imei=lambda data: data["imsi"]), "ciotConnect"
    ),
    "ciotConnect-without-ip": _defect("span §3.4", _without("ip"), "ciotConnect"),
    "clientConnected-by-certificate": _defect("span §3.4", _says(id=lambda _data: "certificate"), "clientConnected"),
    "imsiMismatch-expects-what-came": _defect(
        "span §3.4", _says(expectedImsi=lambda data: data["imsi"]), "imsiMismatch"
    ),
    "imeiMismatch-expects-what-came": _defect(
        "span §3.4", _says(expectedImei=lambda data: data["imei"]), "imeiMismatch"
    ),
    "mismatch-without-identities": _defect(
        "span §3.4", _says(imsi=lambda _data: "", imei=lambda _data: ""), *_MISMATCHES
    ),
    "deviceMoved-from-and-to-swapped": _defect(
        "span §3.4", _says(**{"from": lambda data: data["to"], "to": lambda data: data["from"]}), "deviceMoved"
    ),
    "events-an-hour-ahead": _defect(_ALL, _ahead),
    "events-with-unreadable-time": _time_text(lambda text: text.replace(b"-", b"/")),
    "events-as-broken-json": _defect(_ALL, _broken_json),
}
