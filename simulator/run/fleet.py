"""The devices of a run with what they speak through: one port per protocol for all of them, behind their links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.clock import Clock, Timers
from simulator.devices.device import Device
from simulator.plan import Member
from simulator.protocol.coap.client import Engine
from simulator.scenario.model import LinkSpec, Stack
from simulator.wire.address import Address, Ipv4, ip_of, text
from simulator.wire.drivers.stories import Endpoint, Requester
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.ports import Port, Receiver, Wire, deliver_batches
from simulator.wire.presets import preset

if TYPE_CHECKING:
    from simulator.wire.aiocoap_stack import AiocoapStack

EVERY_ADDRESS = "0.0.0.0"  # a port that carries each device's own loopback address

Hear = Callable[[Device, str, bytes], None]
"""Called with device, transport and payload when a device receives something by itself."""


class _Mailbox:
    """A client needs its port to send, and the port its client to receive: this stands between them until both are."""

    __slots__ = ("receive",)

    receive: Receiver


class _Endpoints:
    """What each device speaks through, by its name; made when it is asked for, since only who acts needs it."""

    __slots__ = ("_fleet",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __getitem__(self, name: str) -> Endpoint:
        return self._fleet.endpoint(self._fleet.devices[name])


class Fleet:
    """All devices of a run, and their ports. There may be very many: what is alike for all is kept once.

    Args:
        seed: of the run; links and CoAP time-outs draw from it.
        hear: told about downstream messages that arrive over plain UDP.
    """

    def __init__(self, members: Iterable[Member], seed: int, clock: Clock, timers: Timers, hear: Hear) -> None:
        self.devices: dict[str, Device] = {member.name: Device(member) for member in members}
        self.endpoints = _Endpoints(self)
        self._seed, self._clock, self._timers, self._hear = seed, clock, timers, hear
        everybody = self.devices.values()
        self._by_ip: dict[Ipv4, Device] = {d.ip: d for d in everybody if d.member.group.transport == "udp"}
        self.links = Links(seed)
        self._ports: list[Port] = []
        self._speakers: dict[str, tuple[Port, Any]] = {}
        self._coap: Address = 0
        self._udp: Address = 0
        self._stack: Stack | None = None
        self._aiocoap: AiocoapStack | None = None
        for device in everybody:
            self.set_link(device, device.member.group.link)

    def set_link(self, device: Device, spec: LinkSpec) -> None:
        """The device's radio from now on; an empty preset changes what it has."""
        present = self.links.profile(device.ip)
        profile = (preset(spec.preset) if spec.preset else present).changed(spec.changes)
        if profile != present:
            self.links.names(device.ip, device.name)
            self.links.set(device.ip, profile)

    def is_perfect(self) -> bool:
        """Whether no datagram can be under way for longer than the sockets take."""
        return all(self.links.profile(device.ip).perfect for device in self.devices.values())

    def source(self, name: str) -> str:
        """Where a device's datagrams come from, if that is not its own address; "" otherwise.

        Raises: LocalError: no address or descriptor is to be had.
        """
        device = self.devices[name]
        seen = self._speakers[self._kind(device)][0].local_address(device.ip)
        return "" if ip_of(seen) == device.ip else text(seen)

    def endpoint(self, device: Device) -> Endpoint:
        """What a device speaks through, once the ports are open."""
        kind = self._kind(device)
        speaker = self._speakers[kind][1]
        if kind == "udp":
            return Endpoint(device.name, device.ip, udp=speaker, udp_peer=self._udp)
        return Endpoint(device.name, device.ip, coap=speaker, coap_peer=self._coap)

    async def open(self, wire: Wire, coap: Address, udp: Address, stack: Stack | None) -> None:
        """Open the ports that the groups need.

        `stack` None: each group's own choice. Raises: LocalError: a port is not to be had.
        """
        self._coap, self._udp, self._stack = coap, udp, stack
        linked = LinkedWire(wire, self.links, self._timers, self._clock)
        for device in self.devices.values():
            kind = self._kind(device)
            if kind not in self._speakers:
                self._speakers[kind] = await self._openers[kind](self, linked)

    async def close(self) -> None:
        """Close what was opened."""
        if self._aiocoap is not None:
            await self._aiocoap.close()
        for port in self._ports:
            port.close()

    def _kind(self, device: Device) -> str:
        group = device.member.group
        return "udp" if group.transport == "udp" else (self._stack or group.stack)

    async def _open_port(self, wire: Wire, receiver: Receiver) -> Port:
        port = await wire.open(EVERY_ADDRESS, 0, receiver)
        self._ports.append(port)
        return port

    async def _open_udp(self, wire: Wire) -> tuple[Port, Port]:
        port = await self._open_port(wire, self._on_udp)
        return port, port

    async def _open_engine(self, wire: Wire) -> tuple[Port, Requester]:
        port, mail = await self._open_with_mailbox(wire)
        engine = Engine(self._timers, port.send, self._seed)
        mail.receive = engine.receive
        deliver_batches(port, engine.receive_many)
        return port, engine

    async def _open_aiocoap(self, wire: Wire) -> tuple[Port, Requester]:
        from simulator.wire.aiocoap_stack import AiocoapStack  # late: aiocoap takes long to import

        port, mail = await self._open_with_mailbox(wire)
        self._aiocoap = stack = AiocoapStack(asyncio.get_running_loop(), port, self._seed)
        mail.receive = stack.receive
        return port, stack

    async def _open_with_mailbox(self, wire: Wire) -> tuple[Port, _Mailbox]:
        mail = _Mailbox()
        return await self._open_port(wire, lambda *datagram: mail.receive(*datagram)), mail

    _openers: ClassVar[dict[str, Callable[[Fleet, Wire], Coroutine[Any, Any, tuple[Port, Port | Requester]]]]] = {
        "udp": _open_udp,
        "own": _open_engine,
        "aiocoap": _open_aiocoap,
    }

    def _on_udp(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:  # noqa: ARG002  a Receiver
        device = self._by_ip.get(local_ip)
        if device is not None:
            device.hear(data)
            self._hear(device, "udp", data)
