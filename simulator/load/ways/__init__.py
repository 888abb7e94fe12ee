"""How the devices of a block reach the platform: one file for each network, one line here for each transport.

Gateways, CloudConnect links and whatever comes next join as further files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from simulator import acts
from simulator.errors import UsageError

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.home import Home
    from simulator.load.station import Station
    from simulator.load.timetable import Moment
    from simulator.target.credentials import Credentials

Told = Callable[[Any, acts.Result, float], None]
"""Called once with an argument, what came of it, and the run time."""

Poster = Callable[["Sequence[Moment]", "Sequence[bytes]", Told, float], None]
"""Uploads one payload for each moment, now; `Told` gets the moment as its argument."""


class Way(Protocol):
    """Of the devices of one block. No call waits; results come by callback, some before the call returns."""

    kind: str
    """As Locust's tables call it: `CoAP`."""
    entry: str
    """What a device does before it can upload: `attach`, `connect`; "": nothing."""
    acknowledged: bool
    """Whether uploads are answered."""
    issued: Callable[[str, str, Credentials], None] | None
    """For `Home.create`: takes what the platform issues to a device (name, kind of certificate); None: nothing."""

    def join(self, number: int, told: Told, argument: Any, now: float) -> None:
        """Let a device in: attach it to the mobile network, or connect it. One that is in does so anew."""

    def upload(
        self,
        number: int,
        payload: bytes,
        told: Told,
        argument: Any,
        now: float,
        path: str = "data",
        confirmable: bool = True,
    ) -> None:
        """Send one message. The result is an Answer, Sent, or why not. Path and kind are CoAP's."""

    def close(self, now: float) -> None:
        """The devices of the block fall silent; sessions that can be ended in order are."""


_FILES: Final = {"coap": "mobile", "udp": "mobile", "dtls": "internet", "coaps": "internet"}
"""Transport → file of this folder; each has `open_way(station, block, home) -> Way`."""


def open_way(station: Station, block: Block, home: Home | None) -> Way:
    """The way of a block's group. `home`: where it lives on the platform; None: there is none (bare).

    Raises: UsageError: nobody drives this transport under load yet. LocalError: a port is not to be had.
    """
    transport = block.group.transport
    file = _FILES.get(transport)
    if file is None:
        raise UsageError(f"transport {transport} cannot be driven under load yet (known: {', '.join(_FILES)})")
    way: Way = import_module(f"{__name__}.{file}").open_way(station, block, home)
    return way


def poster_of(way: Way, path: str, confirmable: bool) -> Poster:
    """How many of them upload at once. A way that has a quicker one than one after the other brings it as `poster`."""
    own: Callable[[str, bool], Poster] | None = getattr(way, "poster", None)
    if own is not None:
        return own(path, confirmable)

    def post(moments: Sequence[Moment], payloads: Sequence[bytes], told: Told, now: float) -> None:
        for moment, payload in zip(moments, payloads, strict=True):
            way.upload(moment[1], payload, told, moment, now, path, confirmable)

    return post
