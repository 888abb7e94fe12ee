"""What one worker has seen since the test began, as it tells the master once a second: sums, so that none is counted
twice and the last one counts."""

from __future__ import annotations

import msgspec


class LedgerCounts(msgspec.Struct, kw_only=True):
    """Uploads against events, of one group in one worker; since the test began."""

    sent: int = 0
    answered: int = 0
    """The platform has acknowledged it (2.xx); of transports without answers: it left."""
    refused: int = 0
    """The platform has answered, and not with 2.xx."""
    unanswered: int = 0
    """Nobody knows whether the platform has it: no answer, cut off, cancelled."""
    delivered: int = 0
    """Matched by exactly one event."""
    lost: int = 0
    """Acknowledged, and no event came until the end of the test's patience; 0 before."""
    missing: int = 0
    """Not acknowledged, and no event came; nobody can be blamed. 0 before the end."""
    duplicated: int = 0
    """Events without an upload of their own."""
    disordered: int = 0
    """Uploads whose events came after that of a later upload of the same device."""
    resized: int = 0
    """Events whose `bytes` fit no upload that is open."""
    open: int = 0
    """Uploads that still wait for their event, or their answer; 0 at the end."""


class GroupTally(msgspec.Struct, kw_only=True):
    """One group in one worker."""

    planned: int = 0
    """Devices that this worker is to drive …"""
    joined: int = 0
    """… and those of them that have attached or connected."""
    uploads: LedgerCounts = msgspec.field(default_factory=LedgerCounts)
    failures: dict[str, int] = msgspec.field(default_factory=dict)
    """Reason → failed acts."""


class Generator(msgspec.Struct, kw_only=True):
    """How the worker itself did."""

    cpu_share: float = 0.0
    """Of one core, in the last second."""
    busy_s: float = 0.0
    """Seconds in which it was above 90 % of a core."""
    seconds: float = 0.0
    """Seconds that were looked at."""
    drops: int = 0
    """Datagrams that our own receive buffer dropped."""
    send_errors: int = 0
    throttled: int = 0
    """Acts that the rate cap has put off."""
    rss_bytes: int = 0
    late: int = 0
    """Events read so late that the stream's latency is ours; 0: none."""


class BlockTally(msgspec.Struct, kw_only=True):
    """A block that the worker drives."""

    user: str
    """Name of the user class."""
    first: int
    count: int
    collection: str = ""


class Tally(msgspec.Struct, kw_only=True):
    """One worker since the test began."""

    worker: str
    """Locust's id of it; `local`: there is but one process."""
    index: int = 0
    number: int = 0
    """Counts the tallies of a worker; a late one does not replace a later one."""
    at_s: float = 0.0
    """Seconds since the worker's test began."""
    final: bool = False
    """Nothing more will come: it has settled."""
    groups: dict[str, GroupTally] = msgspec.field(default_factory=dict)
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    """Of the protocols: `coap.retransmissions`, `dtls.handshakes`, `bytes.sent` …"""
    histograms: dict[str, bytes] = msgspec.field(default_factory=dict)
    """`upload meters` → encoded HdrHistogram, microseconds."""
    generator: Generator = msgspec.field(default_factory=Generator)
    troubles: dict[str, int] = msgspec.field(default_factory=dict)
    """Trouble in a line → how often; at most some dozens of lines."""
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    """What tasks of users have raised, in words → how often."""
    lost: list[str] = msgspec.field(default_factory=list)
    """The first few lost uploads, a line each: `meters.17: 24 B sent at 12.3 s, acknowledged, no event`."""
    gaps: list[str] = msgspec.field(default_factory=list)
    """When a stream was blind, and why; at most some dozens, the last one counts the rest."""
    blocks: list[BlockTally] = msgspec.field(default_factory=list)


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Tally)


def decode(data: bytes) -> Tally:
    """Raises: msgspec.MsgspecError: this is no tally."""
    return _decoder.decode(data)
