"""What the platform knows: collections, devices, and the rows of their histories.

Numbers are ids before they are printed in base 24; the printed form is made once. Maps are keyed by number within one
type, since a device and a gateway may carry the same id (span §1.1).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from simulator.server.span.streams import Subscription

if TYPE_CHECKING:
    from simulator.server.span.inet import InetSession
    from simulator.server.span.outbox import Outbox

Transport = Literal["unspecified", "udp", "coap", "mqtt", "gateway", "coaps", "dtls"]
FirmwareManagement = Literal["unspecified", "disabled", "collection", "device"]
GatewayType = Literal["unknown", "ciot", "inet", "lora", "openthread", "zigbee", "matter", "custom"]

UpstreamRow = tuple[int, int, int, int, bytes | None, str, int, int, str, str]
"""One stored upstream message: message number, received (Unix ns), device number, collection number, payload (None: in
the store for large ones), transport, local port, remote port, CoAP code, CoAP path. A plain tuple of atoms: making one
costs a tenth of an object, and the garbage collector stops looking at it."""


@dataclass(slots=True, eq=False)
class Hub:
    """Who listens to one collection. A list is replaced when somebody comes or goes, for it may be in use."""

    activity: list[Subscription] = field(default_factory=list)
    data: list[Subscription] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Collection:
    """A collection; devices live in exactly one."""

    number: int
    id: str
    id_bytes: bytes
    team_id: str
    tags: dict[str, str] = field(default_factory=dict)
    management: FirmwareManagement = "unspecified"
    enabled: bool = True
    devices: dict[int, Device] = field(default_factory=dict)
    gateways: dict[int, Gateway] = field(default_factory=dict)
    """Its own ones; the built-in ones are everybody's."""
    hub: Hub = field(default_factory=Hub)
    history: deque[UpstreamRow] | None = None
    """None: nothing received yet."""
    sent_ns: deque[int] = field(default_factory=lambda: deque(maxlen=100))
    """When the last downstream messages were delivered (span §2.4, RetrieveCollection)."""
    blobs: dict[int, Blob] = field(default_factory=dict)
    """Oldest first."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Blob:
    """A large object that a device uploaded (span §4.6). It belongs to the collection where it came in."""

    number: int
    id: str
    device_id: str
    """Whose it is, also after that was moved or removed."""
    content_type: str
    content: bytes = field(repr=False)
    created_ns: int
    gateway_id: str
    """Of the network that it came by."""
    address: str
    """`ip:port` of the client."""
    path: str
    """Where the device posted it to."""


@dataclass(slots=True, eq=False, kw_only=True)
class CiotMetadata:
    """What the last accepted network login left behind (span §6), and its gateway told since; times in Unix ms."""

    allocated_ip: str
    allocated_at_ms: int
    last_update_ms: int
    last_imsi: str
    last_imei: str
    gateway: str = ""
    """Its NAS-Identifier; "": no gateway asked, but the door for this machine's programs."""
    plmn: str = ""
    """MCC and MNC of the serving network, 5 or 6 digits; "": not told."""
    cell: int | None = None
    """ECI; None: not told."""


@dataclass(slots=True, eq=False, kw_only=True)
class InetMetadata:
    """What the last connection with a certificate left behind (span §8.3)."""

    last_update_ms: int
    """Unix ms."""
    remote_address: str
    """`ip:port`."""
    certificate_serial: int


@dataclass(slots=True, eq=False, kw_only=True)
class Gateway:
    """A customer's own gateway; it lives in exactly one collection."""

    number: int
    id: str
    collection: Collection
    name: str = ""
    type: GatewayType = "unknown"
    params: dict[str, str] = field(default_factory=dict)
    """`config.user.params`."""
    tags: dict[str, str] = field(default_factory=dict)
    enabled: bool = True


@dataclass(slots=True, eq=False, kw_only=True)
class Firmware:
    """The firmware block of a device (span §1.4); no image is known to this server yet, so the ids stay 0."""

    version: str = ""
    serial: str = ""
    model: str = ""
    manufacturer: str = ""
    state: str = "Current"
    message: str = ""


@dataclass(slots=True, eq=False, kw_only=True)
class Device:
    """A device as the operator configured it, and what it did since."""

    number: int
    id: str
    id_bytes: bytes
    collection: Collection
    tags: dict[str, str] = field(default_factory=dict)
    imsi: str = ""
    """As it was submitted, digits; "" is blank. Compared as a number (mobile-network §2.2)."""
    imei: str = ""
    inet: bool = False
    """The empty Internet block was submitted."""
    gateways: dict[str, dict[str, str]] = field(default_factory=dict)
    """Gateway id → params."""
    firmware: Firmware = field(default_factory=Firmware)
    enabled: bool = True
    active: bool = True
    """Enabled, and its collection too: what the hot path asks."""
    ciot: CiotMetadata | None = None
    inet_seen: InetMetadata | None = None
    session: Session | None = None
    inet_sessions: tuple[InetSession, ...] = ()
    """Over the Internet it may have several at once (`inet`)."""
    history: deque[UpstreamRow] | None = None
    outbox: Outbox | None = None
    messages_up: int = 0
    bytes_up: int = 0
    messages_down: int = 0
    bytes_down: int = 0
    mismatches: dict[tuple[int, int], int] = field(default_factory=dict)
    """(IMSI, IMEI) of refused logins → Unix ns before which the same is not told again."""


@dataclass(slots=True, eq=False)
class Session:
    """A device that the mobile network let in: datagrams from `address` are its own until the session ends."""

    device: Device
    imsi: int
    address: int
    """Where its datagrams come from: a bare IPv4 number, or with a port (mapped sources)."""
    idle_at_ns: int = 0
    """The next datagram from then on is a new connection; 0: the first one."""
    gateway: str = ""
    """NAS-Identifier of the packet gateway that carries it; "": it came by the door, and no gateway knows of it."""
    peer: int = 0
    """Where the gateway last wrote from about it, with the port."""
    account: str = ""
    """Acct-Session-Id; "": the gateway has not told yet that it started."""
    predecessor: str | None = None
    """Acct-Session-Id of the session that the SIM had at this gateway before; None: it had none, "": one without."""
    started_s: int = 0
    """The gateway's time of that start, Unix s; 0: not told."""
    serial: int = 0
    """Its number; no other session of the platform ever has it."""
    told_s: int = 0
    """The gateway's time of what it told last about where the device is; 0: not told."""
    rat: str = ""
    """A name of `words.RATS`, or the number that the gateway told; "": not told."""
