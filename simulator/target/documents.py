"""What a platform answers, as far as a rehearsal reads it (span §1.4): one form for each kind of document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

from simulator.target.radius import address_in
from simulator.wire.address import Address

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
"""Whatever a platform calls its things, it has to fit into a path."""


class Problem(msgspec.Struct):
    """Why it says no (span §2.3)."""

    title: str = ""
    message: str = ""


class System(msgspec.Struct):
    """SystemInfoResponse."""

    version: str
    releaseName: str = ""


class Collection(msgspec.Struct):
    """Collection."""

    collectionId: Id


class Collections(msgspec.Struct):
    """ListCollections."""

    collections: list[Collection]


class Device(msgspec.Struct):
    """Device."""

    deviceId: Id
    collectionId: str = ""


class NamedDevice(msgspec.Struct):
    """Device, with its tags."""

    deviceId: Id
    tags: dict[str, str] = {}


class Devices(msgspec.Struct):
    """ListDevices."""

    devices: list[NamedDevice]


class Gateway(msgspec.Struct):
    """Gateway."""

    gatewayId: Id
    builtIn: bool = False


class Gateways(msgspec.Struct):
    """ListGateways."""

    gateways: list[Gateway]


class Message(msgspec.Struct):
    """MessageDownstream, just queued."""

    messageId: Id


class Waiting(msgspec.Struct):
    """MessageDownstream, with what became of it."""

    messageId: Id
    state: str = ""


class Outbox(msgspec.Struct):
    """ListDownstreamMessages."""

    messages: list[Waiting]


class Blob(msgspec.Struct):
    """Blob."""

    blobId: Id


class Blobs(msgspec.Struct):
    """ListBlobs."""

    blobs: list[Blob]


class Certificate(msgspec.Struct):
    """CreateCertificate; each base64 of PEM (span §8.1)."""

    certificate: str
    privateKey: str
    chain: str

    def __repr__(self) -> str:
        return "Certificate()"  # the key never reaches a log


class Chain(msgspec.Struct):
    """RetrieveCertificateChain."""

    chain: str


class Statistics(msgspec.Struct):
    """What a reference server has counted."""

    statistics: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a platform takes what devices send; 0: nowhere."""

    coap: Address
    udp: Address
    dtls: Address = 0
    coaps: Address = 0
    https: Address = 0
    """Blobs of Internet devices, …"""
    blobs: Address = 0
    """… and of those of the mobile network."""


class EndpointsDoor(msgspec.Struct):
    """What a reference server says of that at its door."""

    coap: str
    udp: str
    dtls: str = ""
    coaps: str = ""
    https: str = ""
    blobs: str = ""

    def read(self, asked: str) -> Endpoints:
        """The same as numbers. `asked`: the call that was answered. Raises: TargetError: it makes no sense."""
        told = msgspec.structs.asdict(self)
        return Endpoints(**{name: address_in(where, asked) if where else 0 for name, where in told.items()})
