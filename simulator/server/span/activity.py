"""Activity events: facts, in the platform's own form, to everybody who listens (span §3.3, §3.4).

One JSON object and a newline, keys in alphabetical order, all values strings, `time` in UTC. An event is encoded once,
and not at all if nobody listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from simulator.server.span.model import Collection, Device
from simulator.server.span.settings import NS_PER_S
from simulator.server.span.streams import Subscription

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UPSTREAM = (
    b'{"collectionId":"%b","data":{"bytes":"%d","transport":"%b"},'
    b'"deviceId":"%b","event":"upstreamMessage","time":"%b"}\n'
)
_encode = msgspec.json.Encoder(order="sorted").encode


class Activity:
    """Tells listeners what happened. `now_ns` is Unix time in nanoseconds throughout."""

    def __init__(self) -> None:
        self.everywhere: list[Subscription] = []
        """Readers of all collections, present and future; the server's own log is one."""
        self._second = -1
        self._time = b""

    def time_text(self, now_ns: int) -> bytes:
        """`2024-04-25 20:23:36`, made once a second."""
        second = now_ns // NS_PER_S
        if second != self._second:
            self._time = (_EPOCH + timedelta(seconds=second)).isoformat(" ")[:19].encode()
            self._second = second
        return self._time

    # --- from the device side ---------------------------------------------------------------------------------------

    def upstream_message(self, device: Device, size: int, transport: bytes, now_ns: int) -> None:
        """The hot one. Call it only if the collection has listeners.

        The lists of readers are replaced, never changed, so a reader may leave while it is being told.
        """
        collection = device.collection
        number = device.number
        event = b""
        for reader in collection.hub.activity:
            if reader.device is None or reader.device == number:
                if not event:
                    time = self.time_text(now_ns)
                    event = _UPSTREAM % (collection.id_bytes, size, transport, device.id_bytes, time)
                reader.push(event, now_ns)

    def client_connected(self, device: Device, now_ns: int) -> None:
        """First datagram of a mobile network session, or after the idle period."""
        self.emit("clientConnected", device.collection, device, now_ns, {"id": "ip"})

    def inet_connected(self, device: Device, now_ns: int) -> None:
        """A DTLS handshake is done."""
        self.emit("clientConnected", device.collection, device, now_ns, {"id": "certificate"})

    def inet_disconnected(self, device: Device, now_ns: int) -> None:
        """A DTLS session is over; never said of the mobile network (span §3.4)."""
        self.emit("clientDisconnected", device.collection, device, now_ns)

    def downstream_message(self, device: Device, message_id: str, size: int, transport: str, now_ns: int) -> None:
        """A message was handed to a device: at delivery, not at queueing."""
        data = {"messageId": message_id, "bytes": str(size), "transport": transport}
        self.emit("downstreamMessage", device.collection, device, now_ns, data)

    # --- from the mobile network ------------------------------------------------------------------------------------

    def ciot_connect(self, device: Device, imsi: str, imei: str, ip: str, now_ns: int) -> None:
        """A login was accepted; nothing has reached the platform yet."""
        self.emit("ciotConnect", device.collection, device, now_ns, {"imsi": imsi, "imei": imei, "ip": ip})

    def mismatch(self, event: str, device: Device, data: Mapping[str, str], now_ns: int) -> None:
        """`imeiMismatch` or `imsiMismatch`: a login was refused for the sake of this device's config."""
        self.emit(event, device.collection, device, now_ns, data)

    # --- from the operator ------------------------------------------------------------------------------------------

    def device_created(self, device: Device, now_ns: int) -> None:
        """By the API."""
        self.emit("deviceCreated", device.collection, device, now_ns)

    def device_updated(self, device: Device, now_ns: int) -> None:
        """By the API; not in addition to a move."""
        self.emit("deviceUpdated", device.collection, device, now_ns)

    def device_removed(self, device: Device, now_ns: int) -> None:
        """By the API."""
        self.emit("deviceRemoved", device.collection, device, now_ns)

    def device_moved(self, device: Device, old: Collection, new: Collection, now_ns: int) -> None:
        """On both collections' streams, each with its own collectionId (span §3.4)."""
        data = {"from": old.id, "to": new.id}
        self.emit("deviceMoved", old, device, now_ns, data)
        self.emit("deviceMoved", new, device, now_ns, data)

    def emit(
        self,
        event: str,
        collection: Collection,
        device: Device | None,
        now_ns: int,
        data: Mapping[str, str] | None = None,
    ) -> None:
        """Any event; `device` and `data` only where they apply (span §3.3)."""
        readers = collection.hub.activity
        if not readers:
            return
        fact: dict[str, object] = {
            "collectionId": collection.id,
            "event": event,
            "time": self.time_text(now_ns).decode(),
        }
        number = None
        if device is not None:
            number = device.number
            fact["deviceId"] = device.id
        if data:
            fact["data"] = data
        message = _encode(fact) + b"\n"
        for reader in readers:
            if reader.device is None or reader.device == number:
                reader.push(message, now_ns)
