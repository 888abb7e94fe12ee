"""Gateways: the two built-in ones, which every collection shows, and the customers' own (span §1.4, §2.4).

The register changes things and tells nobody: of the 24 activity events none is about the making of a gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from simulator.protocol.ids import IdGenerator, decode
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Collection, Device, Gateway
from simulator.server.span.settings import CIOT_GATEWAY, FIRST_GATEWAY, INET_GATEWAY, SpanSettings

MOST = 10_000
"""[C] Customers' gateways on the whole platform."""
BUILT_IN = {decode(CIOT_GATEWAY): CIOT_GATEWAY, decode(INET_GATEWAY): INET_GATEWAY}
APN = "mda.lab5e"


class CiotEndpoints(NamedTuple):
    """Where devices of the mobile network send to, as `host:port`."""

    udp: str
    coap: str


class InetEndpoints(NamedTuple):
    """Where devices with a certificate connect to, as `host:port`."""

    dtls: str
    coaps: str


# What the real platform publishes (span §4.1), for as long as nobody listens here.
PUBLISHED_CIOT = CiotEndpoints("172.16.15.14:1234", "172.16.15.14:5683")
PUBLISHED_INET = InetEndpoints("data.lab5e.com:1234", "data.lab5e.com:5684")


class Gateways:
    """All gateways that customers made. Ids: a counter of their own."""

    def __init__(self, settings: SpanSettings) -> None:
        self._where = settings.data_centre, settings.worker
        self._ids = IdGenerator(*self._where, FIRST_GATEWAY)
        self.made = 0
        """How many there have been; their ids are never used again."""
        self.all: dict[int, Gateway] = {}

    def create(self, collection: Collection) -> Gateway:
        """A new one. Raises: Refusal 429: there are too many."""
        if len(self.all) >= MOST:
            raise Refusal(429, f"Too many gateways: {MOST} is the limit")
        name = self._ids.next()
        self.made += 1
        it = Gateway(number=decode(name), id=name, collection=collection)
        self.all[it.number] = collection.gateways[it.number] = it
        return it

    def check_unused(self, it: Gateway) -> None:
        """Before it is moved or removed. Raises: Refusal 409: a device of its collection has config for it."""
        user = next((each for each in it.collection.devices.values() if it.id in each.gateways), None)
        if user is not None:
            raise Refusal(409, f"Device {user.id} has config for this gateway: remove that first")

    def move(self, it: Gateway, to: Collection) -> None:
        """Its certificates go with it. Ask `check_unused` first."""
        del it.collection.gateways[it.number]
        it.collection = to
        to.gateways[it.number] = it

    def remove(self, it: Gateway) -> None:
        """Its certificates are not its own business. Ask `check_unused` first."""
        del self.all[it.number]
        del it.collection.gateways[it.number]

    def restore(self, gateways: Iterable[Gateway], made: int) -> None:
        """Be what another was; nothing is checked. Gateways know their collections."""
        self.made = made
        self._ids = IdGenerator(*self._where, FIRST_GATEWAY + made)
        for it in gateways:
            self.all[it.number] = it.collection.gateways[it.number] = it


def users(collection: Collection, built_in: str) -> list[Device]:
    """The devices of a collection that reach the platform through one of the built-in gateways.

    [C] By their config, for messages are counted by device: with an identity of the mobile network, or else without
    config for any gateway (span §1.4).
    """
    devices = collection.devices.values()
    if built_in == CIOT_GATEWAY:
        return [each for each in devices if each.imsi or each.imei]
    return [each for each in devices if not (each.imsi or each.imei or each.gateways)]
