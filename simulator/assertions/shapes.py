"""Invariant: each event has the fields and values that belong to it (span §3.3, §3.4).

What the platform's own documents promise is held against every target. The other keys are choices of the embedded
server, so only it is held to them. Unknown events and further keys are welcome: platforms grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from simulator.assertions import texts
from simulator.assertions.deadlines import FOREVER
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.world import World
from simulator.clock import EPOCH_UNIX_S
from simulator.events.records import EventRecord, GarbledRecord
from simulator.words import RATS

CLOCK_SLACK_S: Final = 2.0
"""In virtual time an event's own time, cut to whole seconds, is not later than its arrival by more than this."""


def _count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _digits15(text: str) -> bool:
    return _count(text) and 14 <= len(text) <= 16  # 16: IMEISV


def _rat(text: str) -> bool:
    return text in RATS or _count(text)


def _ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(_count(part) and len(part) <= 3 and int(part) < 256 for part in parts)


def _transport(text: str) -> bool:
    return text in ("udp", "coap", "dtls", "coaps", "http", "mqtt", "gateway", "unspecified")


def _some(text: str) -> bool:
    return bool(text)


def _any(_: str) -> bool:
    return True


Form = Callable[[str], bool]

PROMISED: Final[Mapping[str, Mapping[str, Form]]] = {
    "upstreamMessage": {"bytes": _count, "transport": _transport},
}
"""Event → keys that its data must have, with the form of each."""

CHOSEN: Final[Mapping[str, Mapping[str, Form]]] = {
    **PROMISED,
    "imeiMismatch": {"imsi": _digits15, "imei": _digits15, "expectedImei": _any},
    "imsiMismatch": {"imsi": _digits15, "imei": _digits15, "expectedImsi": _any},
    "ciotConnect": {"imsi": _digits15, "imei": _digits15, "ip": _ipv4},
    "clientConnected": {"id": lambda text: text in ("ip", "certificate")},
    "downstreamMessage": {"messageId": _some, "bytes": _count, "transport": _transport},
    "firmwareStateChange": {"state": _some, "previous": _any, "message": _any},
    "blobUpload": {"blobId": _some, "bytes": _count, "contentType": _any},
    "deviceMoved": {"from": _some, "to": _some},
    "gatewayUpstreamMessage": {"bytes": _count},
    "gatewayDownstreamMessage": {"messageId": _some, "bytes": _count},
    "gatewayCommError": {"error": _some},
}
"""The same for the embedded server."""

BARE: Final = frozenset({"clientDisconnected"})
"""Events without data (span §3.4). Elsewhere platforms may grow."""

WHERE_KNOWN: Final[Mapping[str, Mapping[str, Form]]] = {
    "imeiMismatch": {"gateway": _some, "rat": _rat},
    "imsiMismatch": {"gateway": _some, "rat": _rat},
}
"""The same for keys that the embedded server tells where it knows them (mobile-network §3.2)."""

KNOWN_KEPT: Final = 256
"""So many values of a key are remembered as well-formed: most say the same again and again."""

OF_GATEWAYS: Final = frozenset({"gatewayConnected", "gatewayDisconnected", "gatewayConfigUpdate", "gatewayCommError"})
"""Events that are about a gateway alone; all other known ones name a device."""

_OF_DEVICES: Final = frozenset(CHOSEN) - OF_GATEWAYS | {"deviceCreated", "deviceUpdated", "deviceRemoved"}


_Known = tuple[str, Form, set[str | None]]  # key, its form, and values that have it


class Shapes(Machine):
    """event-shape."""

    __slots__ = ("_check", "_docket", "_garbage", "_table", "_to_latest_s", "_world")

    names = None

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._garbage: dict[str, dict[str, int]] = {}
        """What was wrong → how often, by observer."""
        self.target(embedded=False, virtual=False)

    def target(self, *, embedded: bool, virtual: bool) -> None:
        """What is under test is known now."""
        self._table: dict[str, tuple[_Known, ...]] = {
            name: tuple((key, form, set[str | None]()) for key, form in forms.items())
            for name, forms in (CHOSEN if embedded else PROMISED).items()
        }
        # Gateways need not tell the IMEI (mobile-network §1.3); of a recorded stream nobody knows whether they do.
        untold = any("imei" in operator.omits for operator in self._world.scenario.operators)
        if untold or not self._world.known.devices:
            for key, _, known in self._table.get("ciotConnect", ()):
                known |= {"", None} if key == "imei" else set()
        for name, forms in WHERE_KNOWN.items() if embedded else ():
            self._table[name] += tuple((key, form, {None}) for key, form in forms.items())
        # From an arrival in run time to the latest time that the event may bear.
        self._to_latest_s = EPOCH_UNIX_S + CLOCK_SLACK_S if embedded and virtual else FOREVER

    def see(self, event: EventRecord) -> None:
        if event.sys != "span":
            return
        self._check.cases += 1
        name, data, unix_s = event.name, event.data, event.unix_s
        for key, form, known in self._table.get(name, ()):
            value = data.get(key)
            if value not in known:
                self._meet(event, key, value, form, known)
        if unix_s == -1:
            self._fail(event, f"its time cannot be read: {texts.shown(str(event.raw.get('time')))}")
        elif unix_s > self._to_latest_s + event.rx_s:
            self._fail(event, f"its time lies ahead of its arrival: {texts.shown(str(event.raw.get('time')))}")
        if data and name in BARE and self._world.embedded:
            self._fail(event, f"it has no data, here: {texts.shown(', '.join(data))}")
        if "deviceId" not in event.raw and name in _OF_DEVICES:
            self._fail(event, "it names no device")

    def _meet(self, event: EventRecord, key: str, value: str | None, form: Form, known: set[str | None]) -> None:
        """A value that was not seen before."""
        if value is None:
            self._fail(event, f"{key} is missing")
        elif not form(value):
            self._fail(event, f"{key} cannot be {texts.shown(value) or 'empty'}")
        elif len(known) < KNOWN_KEPT and len(value) <= KNOWN_KEPT:
            known.add(value)

    def garbled(self, record: GarbledRecord) -> None:
        """A stream carried something that is no event. Two who read the same stream read the same: that is one case."""
        observer, why = self._reader(record.why)
        seen = self._garbage.setdefault(why, {})
        told = max(seen.values(), default=0)
        seen[observer] = count = seen.get(observer, 0) + 1
        if count <= told:
            return
        whose = f" of {observer}" if observer else ""
        details = (f"seen at {texts.moment(record.rx_s)}: {texts.shown(why, 200)}",)
        self._docket.fail(self._check, "", record.rx_s, details, f"the event stream{whose} makes no sense")

    def _reader(self, why: str) -> tuple[str, str]:
        """Whose stream it was, "" for the run's own, and what was wrong: a further observer says its name first."""
        for listener in self._world.scenario.observers:
            head = f"observer {listener.name}: "
            if why.startswith(head):
                return listener.name, why[len(head) :]
        return "", why

    def _fail(self, event: EventRecord, why: str) -> None:
        docket, check = self._docket, self._check
        details = (f"seen: {texts.sighting(event)}; {why}",) if docket.explains(check) else ()
        docket.fail(check, event.subject or "", event.rx_s, details, f"breaks event-shape: {texts.event(event)}")
