"""Opens what the devices of a run speak through: a port for each kind, with its client, behind links and NATs.

port of the wire ◄─ NATs ◄─ links ◄─ ear ◄─ sessions ◄─ client         NATs and sessions on the Internet only
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.clock import Clock, Timers
from simulator.fleet.ear import Ear
from simulator.protocol.coap.client import Engine
from simulator.protocol.dtls.weight import weight
from simulator.wire.address import Ipv4
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.nat import Nat, NatWire
from simulator.wire.ports import BatchReceiver, Port, Receiver, Wire

if TYPE_CHECKING:
    from simulator.wire.aiocoap_stack import AiocoapStack
    from simulator.wire.dtls import DtlsPort, Lost

EVERY_ADDRESS = "0.0.0.0"  # a port that carries each device's own loopback address

RAW = ("udp", "dtls")
"""Transports without CoAP."""
ON_THE_INTERNET = ("dtls", "coaps")

Forget = Callable[[Ipv4], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who is told of what comes by itself."""

    hear: Receiver
    """Of payloads that are no CoAP."""
    lost: Lost
    idle: Callable[[Ipv4, float], bool]
    """This and the former: see `wire.dtls.DtlsPort.attach`."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """What all devices of one kind speak through."""

    port: Port
    """Of the wire."""
    client: Any
    """What their messages are given to: a port, or a `Requester`."""
    ear: Ear
    forget: Forget | None
    """The client forgets what a device has asked for; None: there is nothing that it could."""
    dtls: DtlsPort | None = None
    """Their sessions; None: they have none."""


class Speakers:
    """Makes them, one for each kind, and closes them.

    Args:
        seed: of the run; CoAP time-outs draw from it.
    """

    def __init__(self, links: Links, nat: Nat, seed: int, clock: Clock, timers: Timers, listeners: Listeners) -> None:
        self._links, self._nat, self._seed, self._clock, self._timers = links, nat, seed, clock, timers
        self._listeners = listeners
        self._of: dict[str, Speaker] = {}
        self._aiocoap: list[AiocoapStack] = []

    def __getitem__(self, kind: str) -> Speaker:
        return self._of[kind]

    @property
    def timers(self) -> int:
        """How many entries of the calendar are those of sessions."""
        return sum(each.dtls.timers for each in self._of.values() if each.dtls is not None)

    def counts(self) -> Iterator[tuple[str, Any]]:
        """What was counted, by room: `port`, `coap` and `dtls` with what their ports, engines and sessions count."""
        for each in self._of.values():
            yield "port", each.port.counts
            if isinstance(each.client, Engine):
                yield "coap", each.client.counts
            if each.dtls is not None:
                yield "dtls", each.dtls.sessions

    async def open(self, kind: str, wire: Wire) -> None:
        """Make it, unless it is there. `kind`: a transport, and behind it the stack of one with CoAP: `coaps own`.

        Raises: LocalError: a port is not to be had.
        """
        if kind not in self._of:
            make = self._make_secure if kind.partition(" ")[0] in ON_THE_INTERNET else self._make
            self._of[kind] = await make(kind, wire)

    def hang_up(self, now: float) -> None:
        """All sessions end in order."""
        for each in self._of.values():
            if each.dtls is not None:
                each.dtls.hang_up_all(now)

    async def close(self) -> None:
        """Close what was opened."""
        for stack in self._aiocoap:
            await stack.close()
        for each in self._of.values():
            each.port.close()

    async def _make(self, kind: str, wire: Wire) -> Speaker:
        port, ear = await self._open_port(wire, len)
        client, hear, hear_many, forget = self._client(kind, port)
        ear.attach(port, hear, hear_many, forget)
        return Speaker(port, client, ear, forget)

    async def _make_secure(self, kind: str, wire: Wire) -> Speaker:
        from simulator.wire.dtls import DtlsPort  # late: it loads OpenSSL

        port, ear = await self._open_port(NatWire(wire, self._nat), weight)
        sessions = DtlsPort(port, self._timers, self._clock)
        client, hear, _, forget_requests = self._client(kind, sessions)
        sessions.attach(hear, self._listeners.lost, self._listeners.idle)

        def forget(ip: Ipv4) -> None:
            """Who forgets what it waits for has no handshake under way any more, either."""
            sessions.stop_handshake(ip, self._clock.now())
            if forget_requests is not None:
                forget_requests(ip)

        ear.attach(port, sessions.receive, None, forget)
        return Speaker(port, client, ear, forget_requests, sessions)

    async def _open_port(self, wire: Wire, size_of: Callable[[bytes], int]) -> tuple[Port, Ear]:
        ear = Ear()
        linked = LinkedWire(wire, self._links, self._timers, self._clock, size_of)
        return await linked.open(EVERY_ADDRESS, 0, lambda *datagram: ear.receive(*datagram)), ear

    def _client(self, kind: str, port: Port) -> tuple[Any, Receiver, BatchReceiver | None, Forget | None]:
        """Who speaks through a port: itself, how it receives, and how it forgets what a device waits for."""
        if kind in RAW:
            return port, self._listeners.hear, None, None
        if kind.endswith("aiocoap"):
            from simulator.wire.aiocoap_stack import AiocoapStack  # late: aiocoap takes long to import

            stack = AiocoapStack(asyncio.get_running_loop(), port, self._seed)
            self._aiocoap.append(stack)
            return stack, stack.receive, None, stack.forget
        engine = Engine(self._timers, port.send, self._seed)
        return engine, engine.receive, engine.receive_many, engine.forget
