"""The devices of a run with what they speak through: one port per protocol for all of them, behind their links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.clock import Clock, Timers
from simulator.devices.device import Device
from simulator.plan import Member
from simulator.protocol.coap.client import Engine
from simulator.run.ear import Ear
from simulator.run.places import Places
from simulator.run.weather import Weather
from simulator.scenario.model import Stack
from simulator.wire.address import Address, Ipv4, ip_of, text
from simulator.wire.drivers.stories import Endpoint, Requester
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.ports import Port, Wire
from simulator.wire.presets import LinkProfile, preset

if TYPE_CHECKING:
    from simulator.wire.aiocoap_stack import AiocoapStack

EVERY_ADDRESS = "0.0.0.0"  # a port that carries each device's own loopback address

Hear = Callable[[Device, str, bytes], None]
"""Called with device, transport and payload when a device receives something by itself."""


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
        self.devices: dict[str, Device] = {}
        self.endpoints = _Endpoints(self)
        self._seed, self._clock, self._timers, self._hear = seed, clock, timers, hear
        self._by_ip: dict[Ipv4, Device] = {}
        """Those that speak plain UDP."""
        self._places = Places(self.devices)
        self.links = Links(seed)
        self._ports: list[Port] = []
        self._speakers: dict[str, tuple[Port, Any, Ear]] = {}
        self._frozen: dict[str, object] = {}
        self.timers = 0
        """How many entries of the calendar are the fleet's own, but for the weather's."""
        self._coap: Address = 0
        self._udp: Address = 0
        self._stack: Stack | None = None
        self._aiocoap: AiocoapStack | None = None
        self.weather = Weather(timers, self._profile, self._set_profile)
        self.add(members)

    def add(self, members: Iterable[Member]) -> None:
        """More devices; those that are there stay who they are. What they speak through, `open` sees to."""
        for member in members:
            device = self.devices[member.name] = Device(member)
            device.ip = self._places.first_of(device)
            link = member.group.link
            if member.group.transport == "udp":
                self._by_ip[device.ip] = device
            self._set_profile(device.name, preset(link.preset, link.changes))

    def _profile(self, name: str) -> LinkProfile:
        return self.links.profile(self.devices[name].ip)

    def _set_profile(self, name: str, profile: LinkProfile) -> None:
        ip = self.devices[name].ip
        if profile != self.links.profile(ip):
            self.links.names(ip, name)
            self.links.set(ip, profile)

    def silence(self, name: str, now: float, lasting_s: float | None = None) -> None:
        """The device is off or frozen: it hears nothing, and what it waits for from the platform is forgotten.

        `lasting_s`: it is frozen for so long, and then as before; None: until `wake`. The last call decides.
        """
        self._ear(name).cover(self.devices[name].ip)
        self._frozen.pop(name, None)
        if lasting_s is not None:
            spell = self._frozen[name] = object()
            self.timers += 1
            self._timers.at(now + lasting_s, self._thaw, (name, spell))

    def wake(self, name: str) -> None:
        """The device hears again."""
        self._frozen.pop(name, None)
        self._ear(name).uncover(self.devices[name].ip)

    def _thaw(self, whose: tuple[str, object], _now: float) -> None:
        self.timers -= 1
        name, spell = whose
        if self._frozen.get(name) is spell:  # else it was switched on, or off, or frozen anew
            self.devices[name].happened("thaw")
            self.wake(name)

    # --- addresses ----------------------------------------------------------------------------------------------------

    def sharing(self, name: str, ip: Ipv4) -> tuple[str, ...]:
        """Who would be somewhere else if this device had that address: itself, and who has the address now.

        Nobody, if it has it, or if the platform tells devices apart by where their datagrams come from.
        """
        device = self.devices[name]
        if ip == device.ip or self.source(name):
            return ()
        other = self._places.holder(ip)
        return (name,) if other is None else (name, other.name)

    def move(self, name: str, ip: Ipv4) -> None:
        """This device has that address from now on. Whoever had it gets the one that is free now, so that no two ever
        have the same; it has no session any more, or one in which it will not be understood."""
        device, other = self.devices[name], self._places.holder(ip)
        moves = [(device, device.ip, ip)] + ([(other, ip, device.ip)] if other is not None else [])
        self.links.swap(device.ip, ip)
        deaf = [self._ear(who.name).is_deaf(old) for who, old, _ in moves]
        for who, old, _ in moves:
            self._by_ip.pop(old, None)
            self._ear(who.name).drop(old)
            self._ear(who.name).uncover(old)
        for (who, _, new), hears_nothing in zip(moves, deaf, strict=True):
            self._places.put(who, new)
            if who.member.group.transport == "udp":
                self._by_ip[new] = who
            if hears_nothing:
                self._ear(who.name).cover(new)

    def drop(self, name: str) -> None:
        """What the device waits for from the platform is forgotten."""
        self._ear(name).drop(self.devices[name].ip)

    def _ear(self, name: str) -> Ear:
        return self._speakers[self._kind(self.devices[name])][2]

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

    async def _open_udp(self, wire: Wire) -> tuple[Port, Port, Ear]:
        port, ear = await self._open_port(wire)
        ear.attach(port, self._on_udp)
        return port, port, ear

    async def _open_engine(self, wire: Wire) -> tuple[Port, Requester, Ear]:
        port, ear = await self._open_port(wire)
        engine = Engine(self._timers, port.send, self._seed)
        ear.attach(port, engine.receive, engine.receive_many, engine.forget)
        return port, engine, ear

    async def _open_aiocoap(self, wire: Wire) -> tuple[Port, Requester, Ear]:
        from simulator.wire.aiocoap_stack import AiocoapStack  # late: aiocoap takes long to import

        port, ear = await self._open_port(wire)
        self._aiocoap = stack = AiocoapStack(asyncio.get_running_loop(), port, self._seed)
        ear.attach(port, stack.receive, None, stack.forget)
        return port, stack, ear

    async def _open_port(self, wire: Wire) -> tuple[Port, Ear]:
        ear = Ear()
        port = await wire.open(EVERY_ADDRESS, 0, lambda *datagram: ear.receive(*datagram))
        self._ports.append(port)
        return port, ear

    _openers: ClassVar[dict[str, Callable[[Fleet, Wire], Coroutine[Any, Any, tuple[Port, Port | Requester, Ear]]]]] = {
        "udp": _open_udp,
        "own": _open_engine,
        "aiocoap": _open_aiocoap,
    }

    def _on_udp(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:  # noqa: ARG002  a Receiver
        device = self._by_ip.get(local_ip)
        if device is not None and device.attached:  # the network carries nothing to who has no session
            device.hear(data)
            self._hear(device, "udp", data)
