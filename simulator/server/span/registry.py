"""Collections and devices, and what must be unique among them. It changes things and tells nobody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from simulator.protocol.ids import IdGenerator, decode
from simulator.server.span.errors import Refusal
from simulator.server.span.login import imei_key, imsi_key
from simulator.server.span.model import Collection, Device, Firmware
from simulator.server.span.settings import FIRST_COLLECTION, FIRST_DEVICE, FIRST_TEAM, SpanSettings

GONE_MOST = 1_024


class Registry:
    """Everything that an operator creates. Ids: one counter per type of resource (span §1.1)."""

    def __init__(self, settings: SpanSettings) -> None:
        self._settings = settings
        self._where = settings.data_centre, settings.worker
        self.made = 0, 0
        """How many collections and devices there have been; their ids are never used again."""
        self._collection_ids = IdGenerator(*self._where, FIRST_COLLECTION)
        self._device_ids = IdGenerator(*self._where, FIRST_DEVICE)
        self.team_id = IdGenerator(*self._where, FIRST_TEAM).next()
        """The private team of the only user."""
        self.collections: dict[int, Collection] = {}
        self.devices: dict[int, Device] = {}
        """Of all collections."""
        self.by_imsi: dict[int, Device] = {}
        self.by_imei: dict[int, Device] = {}
        self.gone: OrderedDict[int, str] = OrderedDict()
        """Names of the devices that were removed last, by number: what is told of them comes later."""

    # --- what was there before a restart ----------------------------------------------------------------------------

    def restore(self, collections: Iterable[Collection], devices: Iterable[Device], made: tuple[int, int]) -> None:
        """Be what another was; nothing is checked. Devices know their collections."""
        self.made = collections_made, devices_made = made
        self._collection_ids = IdGenerator(*self._where, FIRST_COLLECTION + collections_made)
        self._device_ids = IdGenerator(*self._where, FIRST_DEVICE + devices_made)
        self.collections = {collection.number: collection for collection in collections}
        for device in devices:
            self.devices[device.number] = device.collection.devices[device.number] = device
            self.set_identity(device, device.imsi, device.imei)

    # --- collections ------------------------------------------------------------------------------------------------

    def create_collection(self, team_id: str = "") -> Collection:
        """An empty one. Raises: Refusal 429: there are too many."""
        if len(self.collections) >= self._settings.collections_most:
            raise Refusal(429, f"Too many collections: {self._settings.collections_most} is the limit")
        name = self._collection_ids.next()
        self.made = self.made[0] + 1, self.made[1]
        team = team_id or self.team_id
        collection = Collection(number=decode(name), id=name, id_bytes=name.encode(), team_id=team)
        self.collections[collection.number] = collection
        return collection

    def remove_collection(self, collection: Collection) -> None:
        """Its streams are the core's to end. Raises: Refusal 409: it is not empty (span §2.4)."""
        if collection.devices:
            raise Refusal(409, "Collection is not empty: remove or move its devices first")
        if collection.gateways:
            raise Refusal(409, "Collection is not empty: remove or move its gateways first")
        del self.collections[collection.number]

    def enable_collection(self, collection: Collection, enabled: bool) -> None:
        """A disabled collection is read-only and inactive (span §1.4)."""
        collection.enabled = enabled
        for device in collection.devices.values():
            device.active = enabled and device.enabled

    # --- devices ----------------------------------------------------------------------------------------------------

    def create_device(self, collection: Collection, *, imsi: str = "", imei: str = "") -> Device:
        """One device. Raises: Refusal 409: another device has the IMSI or IMEI, 429: there are too many."""
        if len(self.devices) >= self._settings.devices_most:
            raise Refusal(429, f"Too many devices: {self._settings.devices_most} is the limit")
        self.check_unique(imsi, imei, None)
        name = self._device_ids.next()
        self.made = self.made[0], self.made[1] + 1
        device = Device(number=decode(name), id=name, id_bytes=name.encode(), collection=collection)
        self.devices[device.number] = collection.devices[device.number] = device
        self.set_identity(device, imsi, imei)
        return device

    def check_unique(self, imsi: str, imei: str, device: Device | None) -> None:
        """Whether `device` may have these (None: a new one). Raises: Refusal 409 (span §2.3)."""
        if self.by_imsi.get(imsi_key(imsi), device) is not device:
            raise Refusal(409, "IMSI is already used by another device")
        if self.by_imei.get(imei_key(imei), device) is not device:
            raise Refusal(409, "IMEI is already used by another device")

    def set_identity(self, device: Device, imsi: str, imei: str) -> None:
        """Replace both; "" is blank. Ask `check_unique` first."""
        self._drop_identity(device)
        device.imsi, device.imei = imsi, imei
        if imsi:
            self.by_imsi[imsi_key(imsi)] = device
        if imei:
            self.by_imei[imei_key(imei)] = device

    def enable_device(self, device: Device, enabled: bool) -> None:
        """Traffic of a disabled device is rejected (span §1.4)."""
        device.enabled = enabled
        device.active = enabled and device.collection.enabled

    def move_device(self, device: Device, to: Collection) -> None:
        """Its firmware starts anew there (span §5.4)."""
        del device.collection.devices[device.number]
        device.collection = to
        to.devices[device.number] = device
        device.firmware = Firmware()
        self.enable_device(device, device.enabled)

    def remove_device(self, device: Device) -> None:
        """Its session is the network's to end."""
        self._drop_identity(device)
        del self.devices[device.number]
        del device.collection.devices[device.number]
        name = device.tags.get("name", "")
        if name:
            self.gone[device.number] = name
            if len(self.gone) > GONE_MOST:
                self.gone.popitem(last=False)

    def _drop_identity(self, device: Device) -> None:
        _drop(self.by_imsi, imsi_key(device.imsi), device)
        _drop(self.by_imei, imei_key(device.imei), device)


def _drop(index: dict[int, Device], key: int, device: Device) -> None:
    if index.get(key) is device:
        del index[key]
