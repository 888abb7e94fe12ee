"""`simulator watch`: the event stream of a platform, readable."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import msgspec

from simulator.clock import WallClock
from simulator.errors import ExitCode, SimulatorError
from simulator.target.api import SpanApi
from simulator.target.http import HttpCaller, SocketObserver

LOOK_FOR_NEW_S = 1.0
"""How often to look for new collections and devices."""


class _Event(msgspec.Struct):
    event: str
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
    caller = HttpCaller(url, token)
    watcher = _Watcher(caller, as_json)
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await watcher.follow(collections)
    finally:
        await watcher.stop()
        await caller.close()


class _Watcher:
    def __init__(self, caller: HttpCaller, as_json: bool) -> None:
        self._caller, self._api, self._as_json = caller, SpanApi(caller), as_json
        self._clock = WallClock()
        self._readers: dict[str, SocketObserver] = {}
        self._names: dict[str, str] = {}

    async def follow(self, wanted: tuple[str, ...]) -> None:
        """Watch these collections, or all that there are and will be."""
        await self._api.version()
        first = True
        while True:
            try:
                await self._look(wanted)
            except SimulatorError:
                if first:
                    raise
            if first and not self._as_json:
                print(f"watching {_counted(len(self._readers))}; Ctrl-C ends it", flush=True)
            first = False
            await asyncio.sleep(LOOK_FOR_NEW_S)

    async def stop(self) -> None:
        for reader in self._readers.values():
            await reader.stop()

    async def _look(self, wanted: tuple[str, ...]) -> None:
        for collection in wanted or await self._api.collections():
            if collection not in self._readers:
                path = f"/span/collections/{collection}/activity"
                reader = SocketObserver(self._caller, path, self._clock.now, self._message, self._gap)
                await reader.start()
                self._readers[collection] = reader
            self._names.update(await self._api.device_names(collection))

    def _message(self, message: str | bytes, _rx_s: float) -> None:
        try:
            event = msgspec.json.decode(message, type=_Event)
        except msgspec.MsgspecError:
            return  # keepalives, and what the platform says about itself
        if self._as_json:
            print((message if isinstance(message, str) else message.decode(errors="replace")).rstrip(), flush=True)
            return
        who = self._names.get(event.deviceId) or event.deviceId or event.gatewayId or "-"
        data = "  ".join(f"{key}={value}" for key, value in event.data.items())
        print(f"{event.time}  {who:<16}  {event.event:<18}  {data}".rstrip(), flush=True)

    def _gap(self, from_s: float, to_s: float, why: str) -> None:
        if not self._as_json:
            print(f"--- {why}; nothing was seen for {to_s - from_s:.1f} s", flush=True)


def _counted(collections: int) -> str:
    if collections == 1:
        return "1 collection"
    return f"{collections} collections" if collections else "for collections: there are none yet"
