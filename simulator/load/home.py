"""Where a block lives on the platform: its collection, the devices in it, and the stream of its events.

A block whose worker has died moves on with its collection: whoever takes it over finds the devices by their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import gevent

from simulator.devices.deeds import registration
from simulator.devices.device import Device
from simulator.devices.internet import InternetDevice
from simulator.errors import TargetError
from simulator.load.caller import CONCURRENCY
from simulator.load.parallel import in_parallel
from simulator.target.api import ApiRefused
from simulator.target.credentials import Credentials
from simulator.target.issuing import Issuing
from simulator.target.operator import remove_collection
from simulator.wire.drivers.green import immediately

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.platform import Platform
    from simulator.load.stream import EventStream, Listener

Issued = Callable[[str, str, Credentials], None]
"""Name of the device, kind of its certificate, and what the platform issued."""

_GONE, _TAKEN = 404, 409


class Home:
    """One block on the platform. Calls block the greenlet. Made by `Platform.open`."""

    def __init__(self, platform: Platform, block: Block, listener: Listener) -> None:
        self._platform, self._block, self._listener = platform, block, listener
        self._api = platform.api
        self._stream: EventStream | None = None
        self.collection = block.collection
        """Its id on the platform."""
        self.ids: dict[str, int] = {}
        """Device id → its number in the test; grows."""
        self._created = bytearray(block.count)
        """By place in the block: whether the platform has it, and it has its certificate."""
        self._found: dict[int, str] = {}
        """Number → id of devices that were there already."""
        self._left = -1
        """Devices that are still to be removed; -1: that has not begun."""

    def __repr__(self) -> str:
        return f"Home({self.collection}, {self._block.name} {self._block.first}+{self._block.count})"

    def open(self) -> None:
        """Create the collection, or take over the block's, and listen. Raises: TargetError."""
        new = not self.collection
        try:
            if new:
                self.collection = immediately(self._api.create_collection(self._tags()))
            self._stream = self._platform.stream(self.collection, self._listener)
            self._stream.open()
            if not new:
                self._find()
        except ApiRefused as error:
            self._give_up(new)
            what = "create a collection" if new else f"show the devices of collection {self.collection}"
            raise TargetError(f"the platform refused to {what}: {error}") from error
        except BaseException:
            self._give_up(new)
            raise

    def create(self, numbers: Iterable[int], issued: Issued | None = None) -> None:
        """Have the platform know these devices of the block, as their group says; those that it knows are left alone.

        Args:
            issued: told of the certificate of each Internet device, also of one that was there already: its key was
                lost with whoever had it.
        Raises: TargetError: in words; those created before are there, and are removed by `remove`.
        """
        wanted = iter([number for number in numbers if not self._created[number - self._block.first]])
        clock = self._platform.clock
        issuing = Issuing(issued, clock.unix_ns if "validity" in self._platform.capabilities else None)
        inet, registered = self._block.group.network == "inet", self._block.group.registered
        if not registered:
            return

        def one(number: int) -> None:
            self._create(number, issuing if inet else None)

        try:
            for first in wanted:  # alone: it may be for it to make what the others use, a gateway for instance
                one(first)
                break
            in_parallel(wanted, one, CONCURRENCY)
        except ApiRefused as error:
            raise TargetError(f"the platform refused a device of {self._block.group.name}: {error}") from error

    def tell_gap(self) -> None:
        """Before the verdict: tell the listener of a stream that is cut, or of a platform that is not there."""
        if self._stream is not None:
            self._stream.tell_gap(self._platform.alive())

    def remove(self, budget_s: float) -> list[str]:
        """Take from the platform the collection and all that is in it, also what others have left there.

        Returns: what could not be removed in time, in words.
        """
        left: list[str] = []
        if not self.collection:
            return left
        limit = gevent.Timeout(budget_s)
        try:
            with limit:
                self._remove_devices(left)
                immediately(remove_collection(self._api, self.collection))
                self.collection = ""
        except gevent.Timeout as late:
            if late is not limit:
                raise
            left.append(f"{self._remaining()}: clean-up was given up after {budget_s:g} s")
        except ApiRefused as error:
            if error.status == _GONE:
                self.collection = ""
            else:
                left.append(f"collection {self.collection}: {error}")
        except TargetError as error:  # it is not there any more: no use in asking for each
            left.append(f"{self._remaining()}: {error}")
        return left

    def close(self) -> None:
        """Stop reading; what is on the platform stays there."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    # --- devices ------------------------------------------------------------------------------------------------------

    def _create(self, number: int, issuing: Issuing | None) -> None:
        member = self._block.member(number)
        device = self._found.get(number, "")
        if not device:
            order = registration(InternetDevice(member) if issuing is not None else Device(member))
            # Its name last: it is what the block is known by, whatever tags the group has.
            tags = {**dict(order.tags), "name": member.name}
            try:
                device = immediately(
                    self._api.create_device(self.collection, order.imsi, order.imei, tags, inet=issuing is not None)
                )
            except ApiRefused as error:
                if error.status != _TAKEN:
                    raise
                device = self._ours(number, order.imsi, order.imei, error)
            self.ids[device] = number
        if issuing is not None:
            kind = member.group.certificate.kind
            immediately(issuing.issue(member.name, kind, self.collection, device, self._api))
        self._found.pop(number, None)
        self._created[number - self._block.first] = 1

    def _ours(self, number: int, imsi: str, imei: str, error: ApiRefused) -> str:
        """Somebody has its identities. Returns: its id, if it is itself. Raises: TargetError: others have them."""
        self._find()
        if number in self._found:
            return self._found[number]
        whose = self._platform.owner([each for each in (imsi, imei) if each])
        name = self._block.member(number).name
        raise TargetError(
            f"the platform refused to create {name}: {error.status} {error.title}; "
            + (f"collection {whose} has its identities" if whose else "its identities are taken")
            + ": another test or run is using this platform, or one was kept: wait for its end, or remove its "
            "collection with the devices in it"
        ) from None

    def _find(self) -> None:
        """Whom the collection has already."""
        prefix, numbers = f"{self._block.group.name}.", self._block.numbers
        for device, name in immediately(self._api.device_names(self.collection)).items():
            text = name.removeprefix(prefix)
            if text == name or not (text.isascii() and text.isdigit()) or int(text) not in numbers:
                continue
            number = int(text)
            if device not in self.ids:
                self.ids[device] = number
                self._found[number] = device

    def _tags(self) -> Mapping[str, str]:
        block = self._block
        return {
            "name": f"load test: {block.group.name}",
            "load-test": f"{block.name or block.group.name} {block.first}-{block.first + block.count - 1}",
        }

    # --- the end ------------------------------------------------------------------------------------------------------

    def _remove_devices(self, left: list[str]) -> None:
        # The collection is ours, so all that is in it is, too: a dead worker may have left more than we know of.
        here = immediately(self._api.devices(self.collection))
        self._left = len(here)

        def one(device: str) -> None:
            try:
                immediately(self._api.delete_device(self.collection, device))
            except ApiRefused as error:
                if error.status != _GONE:
                    number = self.ids.get(device)
                    name = device if number is None else self._block.member(number).name
                    left.append(f"device {name}: {error}")
            self._left -= 1

        in_parallel(here, one, CONCURRENCY)

    def _remaining(self) -> str:
        count = len(self.ids) if self._left < 0 else self._left
        return f"{count} device{'s' if count != 1 else ''} in collection {self.collection}"

    def _give_up(self, new: bool) -> None:
        """It could not be opened: leave nothing behind that nobody knows of."""
        self.close()
        if new and self.collection:
            with suppress(ApiRefused, TargetError):
                immediately(self._api.delete_collection(self.collection))
            self.collection = ""
