"""The choice between the wires of real sockets."""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

from simulator.clock import Clock
from simulator.errors import LocalError
from simulator.wire import batch, single
from simulator.wire.ports import Wire

Kind = Literal["auto", "batch", "single", "dgram", "mapped"]


class RealWire(Wire, Protocol):
    """A wire of sockets."""

    name: str
    """`batch`, `single` or `dgram`; `mapped`: that of load tests with a socket for each device."""
    why: str
    """Why this one, for the person who runs it."""

    async def close(self) -> None:
        """Close all ports that are still open."""


async def open_wire(kind: Kind, clock: Clock, loop: asyncio.AbstractEventLoop) -> RealWire:
    """The wire that was asked for; `auto`: the fastest one that works here.

    `mapped` is `dgram` with every device on 127.0.0.1, as on a system that has no other loopback address.

    Raises: LocalError: this system cannot do what was asked for, with the reason.
    """
    if kind == "dgram":
        return _dgram(clock, loop, "asked for")
    if kind == "mapped":
        return _dgram(clock, loop, "asked for", mapped=True)
    if kind == "batch":
        if (reason := batch.available()) is not None:
            raise LocalError(f"the batch wire does not work here: {reason}; use --wire auto")
        return batch.BatchWire(clock, loop, "asked for")
    if kind == "single":
        if (reason := single.available()) is not None:
            raise LocalError(f"the single wire does not work here: {reason}; use --wire auto")
        return single.SingleWire(clock, loop, "asked for")
    if kind != "auto":
        raise LocalError(f"no wire '{kind}' (known: auto, batch, single, dgram, mapped)")
    no_batch = batch.available()
    if no_batch is None:
        return batch.BatchWire(clock, loop, "the fastest that works here")
    no_single = single.available()
    if no_single is None:
        return single.SingleWire(clock, loop, f"no batches: {no_batch}")
    return _dgram(clock, loop, f"no batches: {no_batch}; no shared socket: {no_single}")


def _dgram(clock: Clock, loop: asyncio.AbstractEventLoop, why: str, *, mapped: bool | None = None) -> RealWire:
    from simulator.wire.udp import DgramWire  # only who needs it pays for its import

    return DgramWire(clock, loop, why, mapped=mapped)
