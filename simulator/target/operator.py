"""The operator: provisions what a scenario needs, carries out its orders through the API, and cleans up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from simulator import acts
from simulator.errors import SimulatorError, TargetError
from simulator.target.api import ApiRefused, SpanApi
from simulator.target.issuing import Issued, Issuing
from simulator.target.observer import Observer

PARALLEL_ORDERS = 64
"""Orders under way at a time; more would only queue in front of the API."""

CLEANUP_S = 30.0
"""How long clean-up may take."""
_GONE = 404
_TAKEN = 409


def _advice(status: int) -> str:
    """What to do about a refusal before the story; "": nothing that is known here."""
    if status != _TAKEN:
        return ""
    return (
        "; another run is using this platform, or one was kept: wait for its end, or remove its collection with the"
        " devices in it"
    )


class Operator:
    """Knows which id each name has on the platform.

    Args:
        issued: told of the certificates of Internet devices, right after the platform has issued them; of those that it
            does not make, too: then only the chain is there. None: nobody is.
        unix_ns: the platform's time, for certificates that are not valid now; None: there will be none.
    """

    def __init__(
        self,
        api: SpanApi,
        observer: Observer,
        issued: Issued | None = None,
        *,
        unix_ns: Callable[[], int] | None = None,
    ) -> None:
        self.api = api
        self._observer = observer
        self._issuing = Issuing(issued, unix_ns)
        self.collections: dict[str, str] = {}
        """Name in the scenario ("" is the default) → id."""
        self._devices: dict[str, tuple[str, str]] = {}
        """Name → (collection id, device id)."""
        self._turn = asyncio.Semaphore(PARALLEL_ORDERS)
        self._creating: asyncio.Future[None] | None = None

    # --- provisioning -------------------------------------------------------------------------------------------------

    async def create_collections(self, wanted: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Create them on the platform, in order. Raises: TargetError."""
        for name, tags in wanted:
            # What was asked for will be there, also if this run is told to end before the answer comes.
            self._creating = asyncio.ensure_future(self._create_collection(name, tags))
            try:
                await asyncio.shield(self._creating)
            except ApiRefused as error:
                problem = f"the platform refused to create a collection: {error}{_advice(error.status)}"
                raise TargetError(problem) from error

    async def _create_collection(self, name: str, tags: Mapping[str, str]) -> None:
        self.collections[name] = collection = await self.api.create_collection(tags)
        self._observer.collections[collection] = name or "default"

    async def register(self, orders: Iterable[tuple[str, acts.CreateDevice]]) -> None:
        """Create many devices, a few at a time, begun in order. Raises: TargetError."""
        pending = iter(orders)

        async def work() -> None:
            for name, order in pending:
                result = await self.carry_out(name, order)
                if not isinstance(result, acts.Done):
                    taken = result.reason.startswith(f"{_TAKEN} ")
                    advice = _advice(_TAKEN) if taken else ""
                    raise TargetError(f"the platform refused to create {name}: {result.reason}{advice}")
                await asyncio.sleep(0)  # in process no order ever waits, and others want their turn, too

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(PARALLEL_ORDERS):
                    group.create_task(work(), name="register devices")
        except* SimulatorError as errors:
            raise errors.exceptions[0] from None

    # --- orders -------------------------------------------------------------------------------------------------------

    async def carry_out(self, name: str, order: acts.Order, token: str = "") -> acts.Done | acts.Rejected | acts.Broken:
        """One order about the device of that name. Never raises: a refusal is a result.

        `token`: the text of the token to show; "": the run's own.
        """
        async with self._turn:
            try:
                return await self._carry_out(name, order, self.api.showing(token) if token else self.api)
            except ApiRefused as error:
                return acts.Rejected(f"{error.status} {error.title}")
            except SimulatorError as error:
                return acts.Broken(str(error))

    async def _carry_out(self, name: str, order: acts.Order, api: SpanApi) -> acts.Done | acts.Rejected:
        if isinstance(order, acts.CreateDevice):
            return await self._create(name, order, api)
        if name not in self._devices:
            return acts.Rejected(f"{name} is not registered on the platform")
        collection, device = self._devices[name]
        match order:
            case acts.UpdateDevice():
                await api.update_device(collection, device, imsi=order.imsi, imei=order.imei, tags=dict(order.tags))
            case acts.RemoveDevice():
                await api.delete_device(collection, device)
                del self._devices[name]
            case acts.MoveDevice():
                await api.move_device(collection, device, self.collections[order.to])
                self._devices[name] = self.collections[order.to], device
            case acts.QueueDownstream():
                await api.send(collection, device, order.payload)
            case acts.CutOff():
                await api.disconnect(device)
            case acts.RenewCertificate():
                await self._issuing.issue(name, "own", collection, device, api)
            case acts.WithdrawDownstream():
                return await _withdraw(api, collection, device, order.which)
        return acts.Done()

    def id_of(self, name: str) -> str:
        """What the platform calls the device of that name; "": it does not know it."""
        return self._devices.get(name, ("", ""))[1]

    async def state(self, name: str, paths: Iterable[str]) -> dict[str, str | None]:
        """What the platform says about the device of that name: path with dots → value as text.

        None: there is no such field, or it is no single value. Raises: SimulatorError: it could not be read.
        """
        if name not in self._devices:
            raise TargetError(f"{name} is not registered on the platform")
        document = await self.api.device(*self._devices[name])
        return {path: value_at(document, path) for path in paths}

    async def _create(self, name: str, order: acts.CreateDevice, api: SpanApi) -> acts.Done:
        collection = self.collections[order.collection]
        device: str | None = None
        self._observer.creating()
        try:
            inet = bool(order.certificate)
            device = await api.create_device(collection, order.imsi, order.imei, dict(order.tags), inet=inet)
            self._devices[name] = collection, device
        finally:
            self._observer.created(device, name)
        if order.certificate:
            await self._issuing.issue(name, order.certificate, collection, device, api)
        return acts.Done()

    # --- clean-up -----------------------------------------------------------------------------------------------------

    async def clean_up(self, budget_s: float = CLEANUP_S) -> list[str]:
        """Remove what this run created. Returns: what could not be removed within the budget, in words."""
        left: list[str] = []
        try:
            async with asyncio.timeout(budget_s):
                if self._creating is not None:
                    await asyncio.wait((self._creating,))
                await self._remove_devices(left)
                await self._remove_collections(left)
        except TimeoutError:
            left.append(f"{self.remaining()}: clean-up was given up after {budget_s:g} s")
        except TargetError as error:  # it is not there any more: no use in asking for each
            left.append(f"{self.remaining()}: {error}")
        finally:
            if self._creating is not None:
                self._creating.cancel()  # nobody waits for it any more
        return left

    def remaining(self) -> str:
        """How much of what was created is still there, as far as is known."""
        counts = ((len(self._devices), "device"), (len(self.collections), "collection"))
        return " and ".join(f"{count} {noun}{'s' if count != 1 else ''}" for count, noun in counts)

    async def _remove_devices(self, left: list[str]) -> None:
        # The collections are ours, so all that is in them is, too: what was under way when the run ended is not in
        # `_devices`.
        names = {where: name for name, where in self._devices.items()}
        for collection in self.collections.values():
            with suppress(ApiRefused):
                for device in await self.api.devices(collection):
                    names.setdefault((collection, device), "")
        pending = iter(names.items())

        async def work() -> None:
            for (collection, device), name in pending:
                try:
                    await self.api.delete_device(collection, device)
                except ApiRefused as error:
                    if error.status != _GONE:
                        left.append(f"device {name or device}: {error}")
                self._devices.pop(name, None)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(PARALLEL_ORDERS):
                    group.create_task(work(), name="remove devices")
        except* TargetError as errors:
            raise errors.exceptions[0] from None

    async def _remove_collections(self, left: list[str]) -> None:
        for name, collection in list(self.collections.items()):
            try:
                await remove_collection(self.api, collection)
            except ApiRefused as error:
                if error.status != _GONE:
                    left.append(f"collection {name or 'default'}: {error}")
            del self.collections[name]


async def remove_collection(api: SpanApi, collection: str) -> None:
    """Remove one that has no devices any more, with what else is in it: our gateway, and blobs if the platform minds
    them. Raises: ApiRefused, TargetError."""
    try:
        await api.delete_collection(collection)
    except ApiRefused as error:
        if error.status != _TAKEN:
            raise
        for gateway in await api.gateways(collection):
            await api.delete_gateway(collection, gateway)
        while blobs := await api.blobs(collection):
            for blob in blobs:
                await api.delete_blob(collection, blob)
        await api.delete_collection(collection)


async def _withdraw(api: SpanApi, collection: str, device: str, which: str) -> acts.Done | acts.Rejected:
    waiting = await api.queued(collection, device)
    if not waiting:
        return acts.Rejected("no message is queued")
    wanted = {"oldest": waiting[:1], "newest": waiting[-1:]}.get(which, waiting)
    for message in wanted:
        await api.delete_message(collection, device, message)
    return acts.Done()


def value_at(document: Any, path: str) -> str | None:
    """The value at a path of keys with dots between them; a key may have dots itself. None: no single value is there.

    >>> value_at({"tags": {"site.id": "7"}, "enabled": True}, "tags.site.id")
    '7'
    """
    if not isinstance(document, Mapping):
        return None
    if path in document:
        return _text(document[path])
    end = path.find(".")
    while end >= 0:
        if path[:end] in document:
            found = value_at(document[path[:end]], path[end + 1 :])
            if found is not None:
                return found
        end = path.find(".", end + 1)
    return None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value == {}:  # `config.inet` never has anything in it, and says by being there that this is an Internet device
        return "{}"
    return str(value) if isinstance(value, str | int | float) else None
