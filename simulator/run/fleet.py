"""The devices of a run with what they speak through: one port per protocol for all of them, behind their links."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.clock import Clock, Timers
from simulator.devices.device import Device
from simulator.plan import Member
from simulator.protocol.coap.client import Engine
from simulator.scenario.model import LinkSpec
from simulator.wire.address import Address, Ipv4
from simulator.wire.drivers.stories import Endpoint, Requester
from simulator.wire.link import Links
from simulator.wire.linked import LinkedPort
from simulator.wire.ports import Port, Receiver, Wire
from simulator.wire.presets import profile_of

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  a port that carries each device's own loopback address

Hear = Callable[[Device, str, bytes], None]
"""Called with device, transport and payload when a device receives something by itself."""


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
        self._stack: object = None
        for device in self.devices.values():
            self.links.names(device.ip, device.name)
            self.set_link(device, device.member.group.link)

    def set_link(self, device: Device, spec: LinkSpec) -> None:
        """The device's radio from now on; an empty preset changes what it has."""
        base = profile_of(spec.preset) if spec.preset else self.links.profile(device.ip)
        self.links.set(device.ip, base.changed(spec.changes))

    async def open(self, wire: Wire, coap: Address, udp: Address, stack: str | None) -> None:
        """Open the ports that the groups need and give every device its endpoint. Raises: LocalError."""
        own = aiocoap = None
        udp_port = None
        for device in self.devices.values():
            group = device.member.group
            endpoint = Endpoint(device.name, device.ip, coap_peer=coap, udp_peer=udp)
            if group.transport == "udp":
                udp_port = udp_port or await self._open(wire, self._on_udp)
                endpoint.udp = udp_port
            elif (stack or group.stack) == "aiocoap":
                aiocoap = aiocoap or await self._open_aiocoap(wire)
                endpoint.coap = aiocoap
            else:
                own = own or await self._open_engine(wire)
                endpoint.coap = own
            self.endpoints[device.name] = endpoint

    async def close(self) -> None:
        """Close what was opened."""
        if self._stack is not None:
            await self._stack.close()  # type: ignore[attr-defined]
        for port in self._ports:
            port.close()

    async def _open(self, wire: Wire, receiver: Receiver) -> Port:
        linked = LinkedPort(self.links, self._timers, self._clock, receiver)
        linked.over(await wire.open(EVERY_ADDRESS, 0, linked.receive))
        self._ports.append(linked)
        return linked

    async def _open_engine(self, wire: Wire) -> Requester:
        raise NotImplementedError

    async def _open_aiocoap(self, wire: Wire) -> Requester:
        raise NotImplementedError

    def _on_udp(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        device = self._by_ip.get(local_ip)
        if device is not None:
            device.hear(data)
            self._hear(device, "udp", data)
