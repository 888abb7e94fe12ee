"""`simulator watch`: the event stream of a platform, readable."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TextIO

import msgspec

from simulator.clock import WallClock
from simulator.errors import ExitCode, SimulatorError
from simulator.server.log import printable
from simulator.target.api import NO_JSON, SpanApi
from simulator.target.http import HttpCaller, SocketObserver, StreamRefused

LOOK_FOR_NEW_S = 0.25
"""How often to look for new collections, and for the names of devices that are not known yet."""
_GONE = 404


class _Event(msgspec.Struct):
    event: str = ""
    type: str = ""
    dropped: str = "0"
    time: str = ""
    collectionId: str = ""
    deviceId: str = ""
    gatewayId: str = ""
    data: dict[str, str] = {}


def watch_events(url: str, token: str, collections: tuple[str, ...], as_json: bool) -> int:
    """Print events until somebody stops it. Raises: TargetError: nobody there."""
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_watch(url, token, collections, as_json))
    return ExitCode.PASSED


async def _watch(url: str, token: str, collections: tuple[str, ...], as_json: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    caller = HttpCaller(url, token)
    watcher = _Watcher(caller, as_json, task.cancel)
    loop = asyncio.get_running_loop()

    def stop(*_: object) -> None:
        if watcher.printing:  # and whoever reads does not: only an exception gets out of there
            raise BrokenPipeError
        loop.call_soon_threadsafe(task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        await watcher.follow(collections)
    finally:
        await watcher.stop()
        await caller.close()
        if watcher.broken is not None:
            raise watcher.broken


class _Watcher:
    def __init__(self, caller: HttpCaller, as_json: bool, cancel: Callable[[], object]) -> None:
        self._caller, self._api, self._as_json, self._cancel = caller, SpanApi(caller), as_json, cancel
        self._clock = WallClock()
        self._readers: dict[str, SocketObserver] = {}
        self._names: dict[str, str] = {}
        self._nameless: dict[str, None] = {}
        """Collections with devices whose names have to be asked for."""
        self._removed: dict[str, None] = {}
        """Collections that will not come back: an id is never given twice."""
        self._trouble = ""
        self.printing = False
        self.broken: BaseException | None = None
        """Why it could not go on; nothing that the platform does is a reason."""

    async def follow(self, wanted: tuple[str, ...]) -> None:
        """Watch these collections, or all that there are and will be. Raises: SimulatorError: nothing to begin with."""
        await self._api.version()
        for collection in wanted or await self._api.collections():
            await self._look_at(collection)
        if not self._as_json:
            self._print(f"watching {_counted(len(self._readers))}; Ctrl-C ends it")
        while True:
            await asyncio.sleep(LOOK_FOR_NEW_S)
            trouble = await self._look(wanted)
            if trouble and trouble != self._trouble:
                self._tell(f"{trouble}; trying again")
            self._trouble = trouble

    async def stop(self) -> None:
        await asyncio.gather(*(reader.stop() for reader in tuple(self._readers.values())))

    async def _look(self, wanted: tuple[str, ...]) -> str:
        """Look for what is new. Returns: what went wrong, if something did."""
        trouble = ""
        try:
            for collection in wanted or await self._api.collections():
                try:
                    if collection not in self._removed:
                        await self._look_at(collection, late=True)
                except SimulatorError as error:
                    trouble = trouble or str(error)
        except SimulatorError as error:
            trouble = str(error)
        return trouble

    async def _look_at(self, collection: str, *, late: bool = False) -> None:
        if collection not in self._readers:
            reader = SocketObserver(
                self._caller,
                f"/span/collections/{collection}/activity",
                self._clock.now,
                self._message,
                self._gap,
                partial(self._ended, collection),
                patience_s=None,
            )
            await reader.start()
            self._readers[collection] = reader
            if late:
                self._tell(f"collection {collection} is new; what happened there until now was not seen")
            self._nameless[collection] = None
        if collection in self._nameless:
            self._names.update(await self._api.device_names(collection))
            del self._nameless[collection]

    def _message(self, message: str | bytes, _rx_s: float) -> None:
        try:
            event = msgspec.json.decode(message, type=_Event)
        except NO_JSON:
            return
        if self._as_json:  # all of it, so that who judges it later knows of silence and of what is missing
            text = message if isinstance(message, str) else message.decode()
            self._print(" ".join(text.splitlines()))
        if event.type == "dropped":
            self._tell(f"{event.dropped} events were dropped, because they were not read fast enough")
        if self._as_json or not event.event:
            return  # keepalives, and what the platform says about itself
        if event.deviceId and event.deviceId not in self._names:
            self._names[event.deviceId] = ""  # asked for once: not every device has a name
            self._nameless[event.collectionId] = None
        who = self._names.get(event.deviceId) or event.deviceId or event.gatewayId or "-"
        data = "  ".join(f"{key}={value}" for key, value in event.data.items())
        self._print(f"{event.time}  {who:<16}  {event.event:<18}  {data}".rstrip())

    def _gap(self, from_s: float, to_s: float, why: str) -> None:
        self._tell(f"{why}; nothing was seen for {to_s - from_s:.1f} s")

    def _ended(self, collection: str, why: BaseException) -> None:
        self._readers.pop(collection, None)
        if isinstance(why, StreamRefused) and why.status == _GONE:
            self._removed[collection] = None
            self._tell(f"collection {collection} was removed")
        elif isinstance(why, SimulatorError):
            self._tell(str(why))
        else:  # ours: nobody reads what we print, for one
            self.broken = why
            self._cancel()

    def _tell(self, what: str) -> None:
        """A remark about the watching itself."""
        self._print(f"--- {what}", sys.stderr if self._as_json else sys.stdout)

    def _print(self, line: str, out: TextIO | None = None) -> None:
        self.printing = True
        print(printable(line), file=out, flush=True)
        self.printing = False


def _counted(collections: int) -> str:
    if collections == 1:
        return "1 collection"
    return f"{collections} collections" if collections else "for collections: there are none yet"
