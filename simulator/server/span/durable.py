"""What of the platform survives its restart: everything that it has accepted, as plain data.

`keep` reads it off a core, `revive` makes a new core of it; nothing else of the old one is used. It holds no object of
the core but texts, bytes and numbers, so it could as well be written to a disk. What is not here is lost: open streams,
counters of datagrams, answers of RADIUS that may be asked for again, Disconnect-Requests that wait for an answer, and
which mismatches were told lately ([C]: a platform that starts anew tells them anew). What the mobile network did is
counted on, so that a rehearsal can hold the numbers of its end against those of its beginning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, replace

import msgspec

from simulator.server.span.core import SpanCore
from simulator.server.span.counts import NetworkCounts
from simulator.server.span.durable_issued import (
    KeptCertificates,
    KeptGateways,
    keep_certificates,
    keep_gateways,
    revive_certificates,
    revive_gateways,
)
from simulator.server.span.inet import InetCounts
from simulator.server.span.model import (
    Blob,
    CiotMetadata,
    Collection,
    Device,
    Firmware,
    FirmwareManagement,
    InetMetadata,
    Session,
    Transport,
    UpstreamRow,
)
from simulator.server.span.outbox import Downstream, MessageState, Outbox
from simulator.server.span.settings import SpanSettings, TokenSettings


class KeptHistory(msgspec.Struct, frozen=True):
    """What was received, oldest first; `limit` is what the history has room for."""

    limit: int
    rows: list[UpstreamRow]


class KeptCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection, without its devices and readers."""

    number: int
    id: str
    team_id: str
    tags: dict[str, str]
    management: FirmwareManagement
    enabled: bool
    history: KeptHistory | None
    sent_ns: list[int]


class KeptDownstream(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a device, delivered or not."""

    number: int
    id: str
    payload: bytes
    created_ns: int
    sent_ns: int
    state: MessageState
    transport: Transport
    gateway_id: str


class KeptSession(msgspec.Struct, frozen=True):
    """A login: the SIM, where its datagrams come from, since when it counts as silent, and whose gateway carries it."""

    imsi: int
    address: int
    idle_at_ns: int
    gateway: str
    peer: int
    account: str
    predecessor: str | None
    started_s: int
    serial: int
    told_s: int
    rat: str


class KeptCiot(msgspec.Struct, frozen=True):
    """What the last accepted login left behind."""

    allocated_ip: str
    allocated_at_ms: int
    last_update_ms: int
    last_imsi: str
    last_imei: str
    gateway: str
    plmn: str
    cell: int | None


class KeptInet(msgspec.Struct, frozen=True):
    """What the last connection with a certificate left behind."""

    last_update_ms: int
    remote_address: str
    certificate_serial: int


class KeptFirmware(msgspec.Struct, frozen=True):
    """The firmware block of a device."""

    version: str
    serial: str
    model: str
    manufacturer: str
    state: str
    message: str


class KeptDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its messages and its session."""

    number: int
    id: str
    collection: int
    tags: dict[str, str]
    imsi: str
    imei: str
    inet: bool
    gateways: dict[str, dict[str, str]]
    firmware: KeptFirmware
    enabled: bool
    active: bool
    ciot: KeptCiot | None
    inet_seen: KeptInet | None
    session: KeptSession | None
    history: KeptHistory | None
    outbox: list[KeptDownstream] | None
    messages_up: int
    bytes_up: int
    messages_down: int
    bytes_down: int


class KeptBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A large object that a device uploaded."""

    collection: int
    number: int
    id: str
    device_id: str
    content_type: str
    content: bytes
    created_ns: int
    gateway_id: str
    address: str
    path: str


class KeptToken(msgspec.Struct, frozen=True):
    """An API token and what it may do."""

    text: str
    resource: str
    write: bool


class KeptAddresses(msgspec.Struct, frozen=True):
    """Addresses of the mobile network: SIM → address, which of them have left, and where the next free one may be."""

    given: dict[int, int]
    left: list[int]
    next_free: int


class Durable(msgspec.Struct, frozen=True, kw_only=True):
    """All that survives."""

    collections: list[KeptCollection]
    devices: list[KeptDevice]
    """In the order of their creation."""
    order: dict[int, list[int]]
    """Collection → its devices in the order in which they came there."""
    made: tuple[int, int]
    """How many collections and devices there have been."""
    last_message: int
    large_payloads: list[tuple[int, bytes]]
    blobs: list[KeptBlob]
    """Those of one collection oldest first."""
    blobs_made: int
    """How many there have been."""
    tokens: list[KeptToken]
    addresses: KeptAddresses
    last_session: int
    """The number of the last session that there was."""
    over: list[tuple[str, str, int, int]]
    """Gateway and Acct-Session-Id of sessions that are over, how they ended (`accounts.End`), and their IMSI."""
    counts: NetworkCounts
    handshakes: InetCounts
    gateways: KeptGateways
    certificates: KeptCertificates


def keep(core: SpanCore) -> Durable:
    """What of this core survives, as it is now."""
    registry, addresses = core.registry, core.network.addresses
    return Durable(
        collections=[_kept_collection(each) for each in registry.collections.values()],
        devices=[_kept_device(each) for each in registry.devices.values()],
        order={number: list(each.devices) for number, each in registry.collections.items()},
        made=registry.made,
        last_message=core.last_message,
        large_payloads=list(core.histories.large.kept),
        blobs=[_kept_blob(blob, where) for where, blob in _blobs(registry.collections.values())],
        blobs_made=core.blobs.made,
        tokens=[KeptToken(each.text, each.resource, each.write) for each in core.tokens.all],
        addresses=KeptAddresses(dict(addresses.given), list(addresses.left), addresses.next_free),
        last_session=core.network.last_serial,
        over=core.network.accounts.over,
        counts=core.network.counts.copy(),
        handshakes=core.inet.counts.copy(),
        gateways=keep_gateways(core.gateways, registry.collections),
        certificates=keep_certificates(core.certificates),
    )


def revive(settings: SpanSettings, durable: Durable) -> SpanCore:
    """A new core that knows all this. Its tokens are the kept ones; those of the settings were among them once."""
    tokens = tuple(TokenSettings(text=each.text, resource=each.resource, write=each.write) for each in durable.tokens)
    core = SpanCore(replace(settings, tokens=tokens))
    collections = {each.number: _collection(each) for each in durable.collections}
    devices = {each.number: _device(each, collections[each.collection], settings) for each in durable.devices}
    core.registry.restore(collections.values(), devices.values(), durable.made)
    for number, order in durable.order.items():
        collections[number].devices = {each: devices[each] for each in order}
    for kept in durable.devices:
        if kept.session is not None:
            login = msgspec.structs.asdict(kept.session)
            core.network.restore(Session(devices[kept.number], **login))
    for message, payload in durable.large_payloads:
        core.histories.large.keep(message, payload)
    core.blobs.restore(((collections[each.collection], _blob(each)) for each in durable.blobs), durable.blobs_made)
    addresses = durable.addresses
    core.network.addresses.restore(addresses.given, addresses.left, addresses.next_free)
    core.network.last_serial = durable.last_session
    core.network.accounts.restore(durable.over)
    core.network.counts = durable.counts.copy()
    core.inet.counts = durable.handshakes.copy()
    core.last_message = durable.last_message
    revive_gateways(core.gateways, durable.gateways, collections)
    revive_certificates(core.certificates, durable.certificates, devices, core.gateways.all)
    return core


# --- reading it off ---------------------------------------------------------------------------------------------------


def _kept_collection(it: Collection) -> KeptCollection:
    return KeptCollection(
        number=it.number,
        id=it.id,
        team_id=it.team_id,
        tags=dict(it.tags),
        management=it.management,
        enabled=it.enabled,
        history=_kept_history(it.history),
        sent_ns=list(it.sent_ns),
    )


def _kept_device(it: Device) -> KeptDevice:
    firmware, ciot, inet, session, outbox = it.firmware, it.ciot, it.inet_seen, it.session, it.outbox
    return KeptDevice(
        number=it.number,
        id=it.id,
        collection=it.collection.number,
        tags=dict(it.tags),
        imsi=it.imsi,
        imei=it.imei,
        inet=it.inet,
        gateways={gateway: dict(params) for gateway, params in it.gateways.items()},
        firmware=KeptFirmware(
            firmware.version, firmware.serial, firmware.model, firmware.manufacturer, firmware.state, firmware.message
        ),
        enabled=it.enabled,
        active=it.active,
        ciot=None if ciot is None else KeptCiot(**asdict(ciot)),
        inet_seen=None if inet is None else KeptInet(**asdict(inet)),
        session=None if session is None else _kept_session(session),
        history=_kept_history(it.history),
        outbox=None if outbox is None else [_kept_downstream(each) for each in outbox.messages],
        messages_up=it.messages_up,
        bytes_up=it.bytes_up,
        messages_down=it.messages_down,
        bytes_down=it.bytes_down,
    )


def _kept_session(it: Session) -> KeptSession:
    return KeptSession(**{name: getattr(it, name) for name in KeptSession.__struct_fields__})


def _kept_downstream(it: Downstream) -> KeptDownstream:
    return KeptDownstream(
        number=it.number,
        id=it.id,
        payload=it.payload,
        created_ns=it.created_ns,
        sent_ns=it.sent_ns,
        state=it.state,
        transport=it.transport,
        gateway_id=it.gateway_id,
    )


def _blobs(collections: Iterable[Collection]) -> list[tuple[Collection, Blob]]:
    return [(each, blob) for each in collections for blob in each.blobs.values()]


def _kept_blob(it: Blob, where: Collection) -> KeptBlob:
    return KeptBlob(collection=where.number, **{name: getattr(it, name) for name in KeptBlob.__struct_fields__[1:]})


def _kept_history(rows: deque[UpstreamRow] | None) -> KeptHistory | None:
    return None if rows is None else KeptHistory(rows.maxlen or len(rows), list(rows))


# --- making it anew ---------------------------------------------------------------------------------------------------


def _collection(kept: KeptCollection) -> Collection:
    it = Collection(number=kept.number, id=kept.id, id_bytes=kept.id.encode(), team_id=kept.team_id)
    it.tags, it.management, it.enabled = dict(kept.tags), kept.management, kept.enabled
    it.history = _history(kept.history)
    it.sent_ns.extend(kept.sent_ns)
    return it


def _device(kept: KeptDevice, collection: Collection, settings: SpanSettings) -> Device:
    it = Device(number=kept.number, id=kept.id, id_bytes=kept.id.encode(), collection=collection)
    it.tags, it.gateways = dict(kept.tags), {gateway: dict(params) for gateway, params in kept.gateways.items()}
    it.imsi, it.imei, it.inet = kept.imsi, kept.imei, kept.inet
    it.firmware = Firmware(**msgspec.structs.asdict(kept.firmware))
    it.enabled, it.active = kept.enabled, kept.active
    it.ciot = None if kept.ciot is None else CiotMetadata(**msgspec.structs.asdict(kept.ciot))
    it.inet_seen = None if kept.inet_seen is None else InetMetadata(**msgspec.structs.asdict(kept.inet_seen))
    it.history = _history(kept.history)
    if kept.outbox is not None:
        it.outbox = Outbox(settings)
        it.outbox.restore(Downstream(**msgspec.structs.asdict(each)) for each in kept.outbox)
    it.messages_up, it.bytes_up = kept.messages_up, kept.bytes_up
    it.messages_down, it.bytes_down = kept.messages_down, kept.bytes_down
    return it


def _blob(kept: KeptBlob) -> Blob:
    fields = msgspec.structs.asdict(kept)
    del fields["collection"]
    return Blob(**fields)


def _history(kept: KeptHistory | None) -> deque[UpstreamRow] | None:
    return None if kept is None else deque(kept.rows, maxlen=kept.limit)
