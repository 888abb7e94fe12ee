"""Every choice that the Span core leaves open, in one place. Times in seconds or nanoseconds as the name says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.wire.address import Ipv4, ipv4

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

# Built-in gateways have tiny ids; which one is the mobile network's no client looks at (span §1.1).
CIOT_GATEWAY = "1"
INET_GATEWAY = "2"

# Each type of resource has its own counter (span §1.1). They may meet, but a mistaken id should not pass by chance.
FIRST_TEAM = 1
FIRST_COLLECTION = 101
FIRST_DEVICE = 1_001
FIRST_GATEWAY = 2_001
FIRST_MESSAGE = 1_000_001
FIRST_BLOB = 5_000_001

WIRE_NETWORK = ipv4("127.64.0.0")
SHOWN_NETWORK = ipv4("10.64.0.0")

IMSI_DIGITS = 15
"""Longest IMSI, and longest configured IMEI (mobile-network §2.2: 1…15 digits, nothing stricter)."""
IMEISV_DIGITS = 16
"""A login may carry the IMEISV, 16 digits (mobile-network §1.5)."""
IMEI_COMPARED_DIGITS = 14
"""What is left when the check digit or the software version is taken away (mobile-network §1.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """One API token (span §2.1)."""

    text: str
    resource: str = "/"
    """Path prefix that it opens, with or without `/span` in front; `/` opens everything."""
    write: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanSettings:
    """Options of the core; the defaults are the ones the sheets recommend."""

    tokens: tuple[TokenSettings, ...] = ()
    data_centre: int = 1
    worker: int = 1
    version: str = "4.9.5"
    """`GET /span/system`; the public CLI warns about any other major version (span §2.6)."""
    build_date: str = "2025-06-01T00:00:00Z"
    release_name: str = "reference"

    # --- mobile network (span §6, mobile-network §1.10, §3.2) ---
    mismatch_policy: Literal["both", "first"] = "both"
    """`first`: no `imsiMismatch` of the second device after an `imeiMismatch`."""
    mismatch_pause_s: int = 60
    """One device and one pair (IMSI, IMEI) makes at most one mismatch event in this time."""
    wire_network: Ipv4 = WIRE_NETWORK
    """Where devices appear on loopback …"""
    shown_network: Ipv4 = SHOWN_NETWORK
    """… and how the platform shows them in events and metadata. Equal to `wire_network`: shown as they are."""
    network_bits: int = 10
    """Length of both prefixes; logins without an address of their own are given one from there."""
    disconnect_on_update: bool = False
    """A change of a device that its session would not survive ends the session, by a Disconnect-Request to its gateway
    (mobile-network §3.4). No: it goes on until it ends by itself."""
    idle_s: int = 3600
    """A device that was silent for so long connects anew: `clientConnected` (span §3.4)."""

    # --- the Internet (span §3.3, §3.4) ---
    inet_idle_s: float = 600.0
    """A DTLS session that was silent for so long ends: `clientDisconnected`; 0: never."""
    transport_compat: Literal["", "unspecified"] = ""
    """`unspecified`: what `upstreamMessage` says of Internet devices in the place of dtls and coaps, as the real
    service once did; nothing else changes."""

    # --- what is kept (span §2.5; sizes are ours) ---
    messages_total: int = 262_144
    """Upstream messages kept over all devices, shared out evenly …"""
    messages_per_device: int = 512
    """… but never more than this for one device, and never less than `messages_per_device_least`."""
    messages_per_device_least: int = 4
    messages_per_collection: int = 10_000
    messages_per_collection_least: int = 512
    small_payload_bytes: int = 512
    """Longer payloads are kept in a store of their own, `large_payload_bytes` in all."""
    large_payload_bytes: int = 64 << 20
    pending_per_device: int = 256
    """Downstream messages that may wait for one device; one more is refused (429)."""
    sent_per_device: int = 128
    """Delivered downstream messages that stay listed."""
    downstream_bytes: int = 65_000
    """Longest downstream payload; it has to fit a UDP datagram."""
    devices_most: int = 2_000_000
    collections_most: int = 10_000
    tags_most: int = 128
    """Tags of one object."""
    tokens_most: int = 10_000
    gateways_per_device: int = 32
    """Gateway blocks in one device's config."""

    # --- streams (span §3.2) ---
    stream_messages: int = 10_000
    """What may wait for a slow reader before messages are dropped: some seconds of a busy platform …"""
    stream_bytes: int = 8 << 20
    lossless_messages: int = 1_000_000
    """… and, in lossless mode, before the stream is closed."""
    lossless_bytes: int = 512 << 20
    keepalive_s: int = 30
    first_message_s: int = 10
    """How long an unauthenticated stream may take to send its first message."""
    streams_most: int = 2_000
    """Load tests read one for each thousand devices."""

    # --- requests (ours) ---
    body_bytes: int = 1 << 20
    path_bytes: int = 2_048

    # --- blobs (span §4.6) ---
    blob_bytes: int = 16 << 20
    """Longest blob. "16 MB": [C] in the larger reading, so that nothing is refused that either of them allows."""
    blobs_bytes: int = 512 << 20
    """All blobs together; one more is refused (507), for what was accepted stays until somebody deletes it."""
    blobs_most: int = 100_000
    """How many there may be, empty ones too."""
