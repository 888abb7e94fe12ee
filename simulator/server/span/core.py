"""Span without sockets: datagrams and logins come in, what the platform answers goes out.

`upstream` is the hot path: it looks the source up, keeps a row, and tells listeners if there are any. Documents are
only made when somebody asks for them. `now_ns` is Unix time in nanoseconds throughout; it must not go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from simulator.protocol.ids import decode, encode, encode_int
from simulator.server.span import render
from simulator.server.span.activity import Activity
from simulator.server.span.blobs import Blobs
from simulator.server.span.certificates import Certificates
from simulator.server.span.gateways import Gateways
from simulator.server.span.history import Histories
from simulator.server.span.inet import Inet
from simulator.server.span.login import imsi_key
from simulator.server.span.model import Collection, Device, Gateway, Hub, Transport, UpstreamRow
from simulator.server.span.network import LoginAccepted, LoginRejected, Network
from simulator.server.span.outbox import Downstream, Outbox
from simulator.server.span.radius import RadiusCore
from simulator.server.span.registry import Registry
from simulator.server.span.settings import FIRST_MESSAGE, NS_PER_S, SpanSettings
from simulator.server.span.streams import CLOSE_GOING_AWAY, CLOSE_POLICY, Subscription
from simulator.server.span.tokens import Tokens
from simulator.wire.address import Address

_IPV4 = (1 << 32) - 1
_TRANSPORT = {name: name.encode() for name in ("udp", "coap", "coaps", "dtls")}


class Uplink(msgspec.Struct, frozen=True):
    """What became of a datagram."""

    known: bool
    """False: it comes from no device in session, and nothing was done."""
    downstream: bytes | None
    """The message that goes back with the answer; None: nothing waits."""


class DevicePorts(NamedTuple):
    """Where devices of this machine reach the platform; 0: not at all."""

    coap: Address
    udp: Address
    dtls: Address = 0
    coaps: Address = 0
    https: Address = 0
    """Blobs of Internet devices …"""
    blobs: Address = 0
    """… and of those of the mobile network."""


UNKNOWN = Uplink(False, None)
TAKEN = Uplink(True, None)


@dataclass(slots=True)
class Counts:
    """Datagrams since the start, by what became of them."""

    upstream: int = 0
    polls: int = 0
    delivered: int = 0
    unknown: int = 0
    """From an address without a session."""
    refused: int = 0
    """From a disabled device."""
    empty: int = 0
    """Without payload over plain UDP."""


class SpanCore:
    """The platform. One per server; everything else reaches it through its parts.

    `registry` what exists, and `gateways` too, `network` who is in session, `radius` what packet gateways are answered,
    `certificates` who may come over the Internet and `inet` who has, `activity` who is told, `tokens` who may ask,
    `histories` what devices sent.
    """

    def __init__(self, settings: SpanSettings | None = None) -> None:
        self.settings = settings = settings or SpanSettings()
        self.activity = Activity()
        self.registry = Registry(settings)
        self.gateways = Gateways(settings)
        self.network = Network(settings, self.registry, self.activity)
        self.radius = RadiusCore(self.network)
        self.certificates = Certificates()
        self.inet = Inet(self)
        self.tokens = Tokens(settings.tokens)
        self.histories = Histories(settings)
        self.blobs = Blobs(settings, self.activity)
        self.counts = Counts()
        self.ports: DevicePorts | None = None
        """None: no front listens."""
        self.readers: dict[Subscription, str] = {}
        """Open streams of single collections, each with the text of its token; "": it needed none."""
        self._sessions = self.network.sessions
        self._idle_ns = settings.idle_s * NS_PER_S
        self._small = settings.small_payload_bytes
        self._told_as = (
            _TRANSPORT | dict.fromkeys(("dtls", "coaps"), b"unspecified")
            if (settings.transport_compat == "unspecified")
            else _TRANSPORT
        )
        # Upstream and downstream messages share a counter: plain order is order of creation (span §1.1).
        self._message = decode(encode(settings.data_centre, settings.worker, FIRST_MESSAGE)) - 1

    @property
    def last_message(self) -> int:
        """Number of the last message, up or down; below the first one before there is any."""
        return self._message

    @last_message.setter
    def last_message(self, number: int) -> None:
        self._message = number

    # --- devices ----------------------------------------------------------------------------------------------------

    def upstream(
        self,
        source: Address,
        payload: bytes,
        transport: Transport,
        now_ns: int,
        *,
        local_port: int,
        code: str = "POST",
        path: str = "",
    ) -> Uplink:
        """One message of a device.

        Args:
            source: where it came from, with the port.
            local_port: port of the endpoint that it reached.
            code, path: of CoAP, the path without leading slash.
        Returns: what goes back. An empty payload is nothing over UDP (span §4.2), and a poll over CoAP.
        """
        session = self._sessions.get(source & _IPV4) or self._sessions.get(source)
        if session is None:
            self.counts.unknown += 1
            return UNKNOWN
        device = session.device
        if not device.active:
            return self.turned_away()
        if not payload:
            return self._without_payload(source, transport, now_ns)
        if now_ns >= session.idle_at_ns:
            self.activity.client_connected(device, now_ns)
        session.idle_at_ns = now_ns + self._idle_ns
        return self.take(device, payload, transport, now_ns, local_port, source >> 32, code, path)

    def take(
        self,
        device: Device,
        payload: bytes,
        transport: Transport,
        now_ns: int,
        local_port: int,
        remote_port: int,
        code: str,
        path: str,
    ) -> Uplink:
        """Store a message of a device that was let in, tell of it, and hand out what waits; as `upstream`."""
        size = len(payload)
        self._message = number = self._message + 1
        collection = device.collection
        kept: bytes | None = payload
        if size > self._small:
            self.histories.large.keep(number, payload)
            kept = None
        row = (number, now_ns, device.number, collection.number, kept, transport, local_port, remote_port, code, path)
        history = device.history
        if history is None:
            history = self.histories.open_device(device, len(self.registry.devices))
        history.append(row)
        history = collection.history
        if history is None:
            history = self.histories.open_collection(collection, len(self.registry.collections))
        history.append(row)
        device.messages_up += 1
        device.bytes_up += size
        self.counts.upstream += 1

        hub = collection.hub
        if hub.activity:
            self.activity.upstream_message(device, size, self._told_as[transport], now_ns)
        if hub.data:
            self._tell_data(hub, device, row, payload, now_ns)
        if device.outbox is not None and device.outbox.pending:
            return Uplink(True, self._deliver(device, transport, now_ns))
        return TAKEN

    def poll(self, source: Address, transport: Transport, now_ns: int, *, local_port: int, path: str = "") -> Uplink:
        """A device asks for a waiting message and sends none (CoAP GET, span §4.3)."""
        del local_port, path  # nothing depends on them; same call as `upstream`
        session = self._sessions.get(source & _IPV4) or self._sessions.get(source)
        if session is None:
            self.counts.unknown += 1
            return UNKNOWN
        device = session.device
        if not device.active:
            return self.turned_away()
        if now_ns >= session.idle_at_ns:
            self.activity.client_connected(device, now_ns)
        session.idle_at_ns = now_ns + self._idle_ns
        return self.give(device, transport, now_ns)

    def give(self, device: Device, transport: Transport, now_ns: int) -> Uplink:
        """Hand out what waits for a device that was let in and asks for it; as `poll`."""
        self.counts.polls += 1
        if device.outbox is not None and device.outbox.pending:
            return Uplink(True, self._deliver(device, transport, now_ns))
        return TAKEN

    def nothing(self) -> Uplink:
        """A datagram without content: ignored (span §4.2)."""
        self.counts.empty += 1
        return TAKEN

    def turned_away(self) -> Uplink:
        """A message of a device that may not send."""
        self.counts.refused += 1
        return UNKNOWN

    def is_known(self, source: Address) -> bool:
        """Whether datagrams from there belong to a device that may send."""
        session = self._sessions.get(source & _IPV4) or self._sessions.get(source)
        return session is not None and session.device.active

    # --- the mobile network -----------------------------------------------------------------------------------------

    def login(
        self,
        imsi: str,
        imei: str,
        address: str | Address | None,
        now_ns: int,
        *,
        source: str | None = None,
        gateway: str = "",
        rat: str = "",
    ) -> LoginAccepted | LoginRejected:
        """See `Network.login`."""
        return self.network.login(imsi, imei, address, now_ns, source=source, gateway=gateway, rat=rat)

    def logout(self, who: str | Address, now_ns: int) -> bool:
        """End the session of an address or an IMSI; no event, for the mobile network tells none (span §3.4)."""
        del now_ns
        return self.network.logout(who)

    # --- the operator -----------------------------------------------------------------------------------------------

    def queue(self, device: Device, payload: bytes, now_ns: int) -> Downstream:
        """Queue a downstream message. Raises: Refusal 429: the outbox is full."""
        if device.outbox is None:
            device.outbox = Outbox(self.settings)
        device.outbox.room()
        self._message += 1
        message = Downstream(number=self._message, id=encode_int(self._message), payload=payload, created_ns=now_ns)
        device.outbox.add(message)
        return message

    def remove(self, device: Device, now_ns: int) -> None:
        """The device, its sessions, its certificates and its messages are no more."""
        self.inet.end_all(device, now_ns)
        self.certificates.revoke(device)
        if self.settings.disconnect_on_update and device.session is not None:
            self.radius.remove(device.session)
        self.network.forget(device)
        self.registry.remove_device(device)

    def remove_gateway(self, gateway: Gateway) -> None:
        """The gateway is no more. Raises: Refusal 409: a device has config for it."""
        self.gateways.check_unused(gateway)
        self.certificates.revoke(gateway)
        self.gateways.remove(gateway)

    def changed(self, device: Device, now_ns: int) -> None:
        """A device, or its collection, was changed: what that means to its sessions.

        Over the Internet a device that is disabled is hung up on. A session of the mobile network is ended only if
        that is wanted (`disconnect_on_update`).
        """
        if not device.active:
            self.inet.end_all(device, now_ns)
        if self.settings.disconnect_on_update:
            self.radius.reconsider(device, imsi_key(device.imsi))

    def statistics(self) -> dict[str, int]:
        """What was counted about connections, by the names of `words.STATISTICS`; what is 0 may be absent."""
        mobile = self.network.counts.statistics(len(self.network.sessions))
        return mobile | self.inet.counts.statistics(len(self.inet.sessions))

    # --- readers ----------------------------------------------------------------------------------------------------

    def watch(self, now_ns: int, *, limit: int) -> Subscription:
        """The activity events of all collections, present and future; for the server's own log."""
        reader = Subscription(now_ns, limit=limit, limit_bytes=self.settings.stream_bytes)
        self.activity.everywhere = [*self.activity.everywhere, reader]
        for collection in self.registry.collections.values():
            collection.hub.activity = [*collection.hub.activity, reader]
        reader.when_closed(self._unwatch)
        return reader

    @property
    def streams(self) -> int:
        """How many streams of single collections are open."""
        return len(self.readers)

    def listen(self, collection: Collection, reader: Subscription, *, activity: bool, token: str = "") -> None:
        """Let a reader have the activity, or the data, of one collection until it is closed. `token`: who asked."""
        hub = collection.hub
        self.readers[reader] = token
        if activity:
            hub.activity = [*hub.activity, reader]
        else:
            hub.data = [*hub.data, reader]
        reader.when_closed(lambda gone: self._leave(hub, gone))

    def _leave(self, hub: Hub, gone: Subscription) -> None:
        del self.readers[gone]
        hub.activity = without(hub.activity, gone)
        hub.data = without(hub.data, gone)

    def _unwatch(self, gone: Subscription) -> None:
        self.activity.everywhere = without(self.activity.everywhere, gone)
        for collection in self.registry.collections.values():
            collection.hub.activity = without(collection.hub.activity, gone)

    def revoke(self, token: str) -> bool:
        """Make a token unknown, and end its streams. Returns: False: it was unknown."""
        # [C] span §3.2 does not say what becomes of an open stream: who may no longer ask, may no longer listen.
        for reader in [each for each, shown in self.readers.items() if shown == token]:
            reader.close(CLOSE_POLICY, "token revoked")
        return self.tokens.remove(token)

    def hang_up(self, code: int, reason: str) -> None:
        """End all streams, also those of the server itself."""
        for reader in (*self.readers, *self.activity.everywhere):
            reader.close(code, reason)

    def create_collection(self, team_id: str = "") -> Collection:
        """See `Registry.create_collection`; who watches everything watches it too."""
        collection = self.registry.create_collection(team_id)
        collection.hub.activity = self.activity.everywhere
        return collection

    def remove_collection(self, collection: Collection) -> None:
        """Its streams end with it; who watches everything goes on. Raises: Refusal 409: it is not empty."""
        self.registry.remove_collection(collection)
        self.blobs.forget(collection)
        for reader in (*collection.hub.activity, *collection.hub.data):
            if reader in self.readers:
                reader.close(CLOSE_GOING_AWAY, "collection removed")

    def subscription(
        self, now_ns: int, *, lossless: bool = False, device: int | None = None, gateway: str = ""
    ) -> Subscription:
        """A reader with the limits of the settings, not yet listening to anything."""
        settings = self.settings
        return Subscription(
            now_ns,
            limit=settings.lossless_messages if lossless else settings.stream_messages,
            limit_bytes=settings.lossless_bytes if lossless else settings.stream_bytes,
            keepalive_s=settings.keepalive_s,
            lossless=lossless,
            device=device,
            gateway=gateway,
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _without_payload(self, source: Address, transport: Transport, now_ns: int) -> Uplink:
        return self.poll(source, transport, now_ns, local_port=0) if transport == "coap" else self.nothing()

    def _deliver(self, device: Device, transport: Transport, now_ns: int) -> bytes | None:
        message = (
            device.outbox.deliver(transport, render.gateway_of(transport), now_ns)
            if device.outbox is not None
            else None
        )
        if message is None:
            return None
        size = len(message.payload)
        device.messages_down += 1
        device.bytes_down += size
        device.collection.sent_ns.append(now_ns)
        self.counts.delivered += 1
        self.activity.downstream_message(device, message.id, size, transport, now_ns)
        return message.payload

    def _tell_data(self, hub: Hub, device: Device, row: UpstreamRow, payload: bytes, now_ns: int) -> None:
        message, gateway = b"", render.gateway_of(row[5])
        for reader in hub.data:
            if (reader.device is None or reader.device == device.number) and reader.gateway in ("", gateway):
                message = message or msgspec.json.encode(render.data_message(device, row, payload, self)) + b"\n"
                reader.push(message, now_ns)


def without(readers: list[Subscription], gone: Subscription) -> list[Subscription]:
    """A new list, for the old one may be in use."""
    return [each for each in readers if each is not gone]
