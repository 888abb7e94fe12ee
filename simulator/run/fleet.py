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
from simulator.wire.ports import Port, Receiver, Wire
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


class Fleet:
    """All devices of a run, and their ports.

    Args:
        seed: of the run; links and CoAP time-outs draw from it.
        hear: told about downstream messages that arrive over plain UDP.
    """

    def __init__(self, members: Iterable[Member], seed: int, clock: Clock, timers: Timers, hear: Hear) -> None:
        self.devices: dict[str, Device] = {member.name: Device(member) for member in members}
        self.endpoints: dict[str, Endpoint] = {}
        self._seed, self._clock, self._timers, self._hear = seed, clock, timers, hear
        self._by_ip: dict[Ipv4, Device] = {device.ip: device for device in self.devices.values()}
        self.links = Links(seed)
        self._ports: list[Port] = []
        self._port_of: dict[str, Port] = {}
        self._aiocoap: AiocoapStack | None = None
        for device in self.devices.values():
            self.links.names(device.ip, device.name)
            self.set_link(device, device.member.group.link)

    def set_link(self, device: Device, spec: LinkSpec) -> None:
        """The device's radio from now on; an empty preset changes what it has."""
        base = preset(spec.preset) if spec.preset else self.links.profile(device.ip)
        self.links.set(device.ip, base.changed(spec.changes))

    def is_perfect(self) -> bool:
        """Whether no datagram can be under way for longer than the sockets take."""
        return all(self.links.profile(device.ip).perfect for device in self.devices.values())

    def source(self, name: str) -> str:
        """Where a device's datagrams come from, if that is not its own address; "" otherwise.

        Raises: LocalError: no address or descriptor is to be had.
        """
        device = self.devices[name]
        seen = self._port_of[name].local_address(device.ip)
        return "" if ip_of(seen) == device.ip else text(seen)

    async def open(self, wire: Wire, coap: Address, udp: Address, stack: Stack | None) -> None:
        """Open the ports that the groups need and give every device its endpoint.

        `stack` None: each group's own choice. Raises: LocalError: a port is not to be had.
        """
        linked = LinkedWire(wire, self.links, self._timers, self._clock)
        speakers: dict[str, tuple[Port, Port | Requester]] = {}
        for device in self.devices.values():
            kind = self._kind(device, stack)
            if kind not in speakers:
                speakers[kind] = await self._openers[kind](self, linked)
            speaker: Any
            self._port_of[device.name], speaker = speakers[kind]
            endpoint = Endpoint(device.name, device.ip, coap_peer=coap, udp_peer=udp)
            if kind == "udp":
                endpoint.udp = speaker
            else:
                endpoint.coap = speaker
            self.endpoints[device.name] = endpoint

    async def close(self) -> None:
        """Close what was opened."""
        if self._aiocoap is not None:
            await self._aiocoap.close()
        for port in self._ports:
            port.close()

    @staticmethod
    def _kind(device: Device, stack: Stack | None) -> str:
        group = device.member.group
        return "udp" if group.transport == "udp" else (stack or group.stack)

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
